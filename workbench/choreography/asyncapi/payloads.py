"""The schema of a message's payload as a schema of its own, with all that it refers to in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from workbench.choreography.asyncapi.dialect import DRAFT_07, dialect_of
from workbench.choreography.asyncapi.names import plain_name
from workbench.choreography.asyncapi.references import Documents, Place
from workbench.choreography.documents import Node
from workbench.events.conversion import schema_from_avro
from workbench.events.json_pointer import below
from workbench.events.subschemas import with_references

_AVRO = "application/vnd.apache.avro"


def payload_schema(
    documents: Documents, payload: Node, marked: Node, own: Node | None
) -> dict[str, Any]:
    """The JSON Schema of a payload, self-contained.

    Parameters
    ----------
    payload
        The schema, or a reference to it, or an object of ``schemaFormat`` and ``schema``.
    marked
        The ``schemaFormat`` that stands beside it (AsyncAPI 2).
    own
        What an export of ours says beside it: its ``$schema``, and whether it is a reference.
    """
    if payload.value is None:
        return {"$schema": DRAFT_07}
    schema, place = documents.trace(payload)
    if isinstance(schema.value, Mapping) and "schemaFormat" in schema.value:
        marked, inner = schema.get("schemaFormat"), schema.get("schema")
        schema, found = documents.trace(inner)
        place = found or (place and Place(place.file, (*place.way, "schema")))
    dialect: str | None = DRAFT_07
    if isinstance(marked.value, str) and marked.value.startswith(_AVRO):
        _, from_avro = schema.checked(partial(schema_from_avro, schema.plain()))
        return from_avro
    if marked.value is not None:
        dialect = dialect_of(marked.text())
        if dialect is None:
            raise marked.error(f"schemas in {marked.text()} are not read; JSON Schema and Avro are")
    if own is not None:
        said = own.get("dialect", None)
        dialect = said.text() if said.value is not None else None
    if isinstance(schema.value, bool):
        return {"$schema": DRAFT_07} | ({} if schema.value else {"not": {}})
    schema.mapping()
    written = _Bundle(documents, place, schema).written(dialect)
    if own is not None and own.get("reference", False).value is True:
        written = _unwrapped(written, schema)
    return written


def _unwrapped(written: dict[str, Any], schema: Node) -> dict[str, Any]:
    """A schema that is a reference itself, which stands in an ``allOf`` in the document."""
    entries = schema.get("allOf").items()
    if not entries or "$ref" not in entries[0].mapping():
        raise schema.error("'reference' says that the first of 'allOf' is a $ref")
    first, *others = written.pop("allOf")
    return {**written, "$ref": first["$ref"]} | ({"allOf": others} if others else {})


class _Bundle:
    """A schema, and what it refers to outside itself."""

    def __init__(self, documents: Documents, home: Place | None, schema: Node) -> None:
        self.documents, self.home, self.schema = documents, home, schema
        self.names: dict[Place, str] = {}
        self.ahead: list[tuple[str, Node]] = []

    def written(self, dialect: str | None) -> dict[str, Any]:
        top: dict[str, Any] = self._moved(self.schema)
        if dialect is not None and "$schema" not in top:
            top = {"$schema": dialect, **top}
        while self.ahead:
            name, node = self.ahead.pop(0)
            top["$defs"] = {**top.get("$defs", {}), name: self._moved(node)}
        return top

    def _moved(self, schema: Node) -> Any:
        return with_references(schema.plain(), lambda text: self._reference(schema, text))

    def _reference(self, schema: Node, text: str) -> str:
        node, place = self.documents.target(schema, text)
        self.documents.follow(node)  # says it if it goes round in a circle
        if self.home and place.file == self.home.file:
            inside = place.way[: len(self.home.way)] == self.home.way
            if inside:
                rest = place.way[len(self.home.way) :]
                return below("#", *rest)
        if not isinstance(node.value, Mapping | bool):
            raise schema.error(f"{text!r} points to no schema")
        if place not in self.names:
            taken = {*self.names.values(), *self.schema.get("$defs", {}).mapping()}
            self.names[place] = plain_name(place.way[-1] if place.way else place.file.stem, taken)
            self.ahead.append((self.names[place], node))
        return f"#/$defs/{self.names[place]}"

"""Schemas as the generator is given them: all event types in one, and nothing that it would obey.

The generator knows keywords that name modules to import or files to fetch. So a schema is written
anew of the keywords that are known here, and its references lead to places in it only. What a
pydantic model has no words for (``not``, ``contains``, a format such as ``email``) is marked, so
that it comes out as it went in, as ``json_schema_extra``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, core_schema

from workbench.errors import DesignError
from workbench.events import EventType
from workbench.events.json_pointer import below
from workbench.events.subschemas import with_references, with_subschemas

_SAID = {
    "$defs", "$ref", "additionalProperties", "allOf", "anyOf", "const", "default", "description",
    "enum", "exclusiveMaximum", "exclusiveMinimum", "items", "maxItems", "maxLength", "maximum",
    "minItems", "minLength", "minimum", "multipleOf", "oneOf", "properties", "required", "type",
}  # fmt: skip
_CARRIED = {
    "contains", "contentEncoding", "contentMediaType", "dependentRequired", "dependentSchemas",
    "else", "examples", "format", "if", "maxContains", "maxProperties", "minContains",
    "minProperties", "not", "patternProperties", "prefixItems", "propertyNames",
    "then", "unevaluatedItems", "unevaluatedProperties", "uniqueItems",
}  # fmt: skip
_FORMATS = {"date", "date-time", "decimal", "uuid"}

CARRIED = {f"x-{keyword}" for keyword in (*_CARRIED, "allOf")}
"""The marks of what is carried through as it stands."""


class Sayable:
    """The event types of a design, as definitions of one JSON Schema.

    Attributes
    ----------
    schema
        ``$defs``: each event type under its own name, and what they define under free ones.
    with_typed_defaults
        The definitions in which a default is a text and its type is not.
    """

    def __init__(self, event_types: Iterable[EventType]) -> None:
        self.events = {event_type.name: event_type for event_type in event_types}
        self.with_typed_defaults: set[str] = set()
        self._definitions: dict[str, Any] = dict.fromkeys(self.events)
        for name, event_type in self.events.items():
            self._add(name, event_type)
        self.schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$defs": self._definitions,
        }

    def _add(self, name: str, event_type: EventType) -> None:
        event_type.problem_with({})  # compiles the schema, so that a bad one is said
        schema = event_type.resolve(event_type.schema)
        if schema.get("type", "object") != "object" or not isinstance(
            schema.get("properties", {}), Mapping
        ):
            raise DesignError(f"{name} is no object, and an event in Python is one.")
        homes = {"#": f"#/$defs/{name}"}
        if isinstance(event_type.schema.get("$ref"), str):
            homes[event_type.schema["$ref"]] = homes["#"]
        for group in ("$defs", "definitions"):
            for inner, definition in dict(schema.get(group, {})).items():
                pointer = below("#", group, inner)
                if pointer not in homes:
                    homes[pointer] = self._home(name, inner, definition)

        def moved(pointer: str) -> str:
            if pointer not in homes:
                raise DesignError(
                    f"{name} refers to {pointer!r}, and in Python only '#/$defs/...' can be said."
                )
            return homes[pointer]

        said = {k: v for k, v in schema.items() if k not in {"$defs", "definitions", "$ref"}}
        ours = {"type": "object", "properties": {}, **said}
        for pointer, home in homes.items():
            key = home.removeprefix("#/$defs/")
            found = ours if home == homes["#"] else event_type.resolve({"$ref": pointer})
            self._definitions[key] = self._said(with_references(found, moved), key, name)

    def _home(self, event: str, inner: str, definition: Any) -> str:
        """Where a definition goes: under its own name, unless that is another's."""
        words = "".join(
            letter if letter.isalnum() and letter.isascii() else "_" for letter in inner
        )
        plain = words if words and not words[0].isdigit() else f"_{words}"
        name, n = plain, 1
        while name in self._definitions:
            n += 1
            name = f"{event}{plain}" if n == 2 else f"{event}{plain}{n}"
        self._definitions[name] = definition
        return f"#/$defs/{name}"

    def _said(self, schema: Any, definition: str, event: str) -> Any:
        if not isinstance(schema, Mapping):
            return schema
        found = with_subschemas(schema, lambda inner: self._said(inner, definition, event))
        said = {keyword: found[keyword] for keyword in schema if keyword in _SAID}
        self._formats(said, schema, definition)
        for keyword in schema:
            if keyword not in _CARRIED or keyword in said:
                continue
            if keyword == "format" and schema["format"] in _FORMATS:
                continue
            if "$ref" in str(schema[keyword]):
                raise DesignError(
                    f"{event}: a reference in {keyword!r} can't be said in Python; write it out."
                )
            said[f"x-{keyword}"] = schema[keyword]
        return said

    def _formats(self, said: dict[str, Any], schema: Mapping[str, Any], definition: str) -> None:
        """Keep the formats that Python has a type for, and the patterns that pydantic knows."""
        form, pattern = schema.get("format"), schema.get("pattern")
        if form in _FORMATS and schema.get("type") == "string":
            said["format"] = form
            if "default" in said:
                self.with_typed_defaults.add(definition)
        elif isinstance(pattern, str) and schema.get("type") == "string":
            if _compiles(pattern):
                said["pattern"] = pattern
            else:  # the generator drops one that stands alone
                said["x-allOf"] = [{"pattern": pattern}]


def _compiles(pattern: str) -> bool:
    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return False
    return True

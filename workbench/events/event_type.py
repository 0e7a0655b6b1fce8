"""An event type: a named, versioned kind of domain event with a JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from workbench.errors import EventError
from workbench.events.defaults import Filler, filler
from workbench.events.identity import canonical_key
from workbench.events.json_pointer import at
from workbench.events.payload import decode_payload, encode_payload

if TYPE_CHECKING:
    from workbench.events.model import Event  # noqa: TC004 - which imports this module
    from workbench.events.problem import Problem

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_NO_VALUE = "***"
"""Stands for a value in what a schema says of it."""
_DATASCHEMA = re.compile(r"urn:event:(.+):(\d+)")


@dataclass(frozen=True)
class EventType:
    """A kind of event: what it is called, which version, and what its payload looks like.

    Attributes
    ----------
    name
        In the past tense: ``OrderPlaced``.
    version
        From 1.
    schema
        JSON Schema 2020-12 of the payload.
    key
        The payload field that names the entity; events with the same key stay in order.
        ``None``: events spread over the partitions in no order.
    model
        The pydantic class it was made from, if any. Not part of equality: the schema is.
    """

    name: str
    schema: Mapping[str, Any]
    version: int = 1
    key: str | None = None
    model: type[Event] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        name: Any = self.name
        version: Any = self.version
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise EventError(
                f"{name!r} can't name an event type: use letters, digits, '_', '.' and '-', "
                "beginning with a letter, such as OrderPlaced."
            )
        if not isinstance(self.schema, Mapping):
            raise EventError(
                f"{self.name}: an event's schema must be an object, such as "
                f'{{"type": "object"}}, and this is {_said(self.schema)}.'
            )
        if not isinstance(version, int) or version < 1:
            raise EventError(f"{self.name}: versions count from 1, and {version!r} is not one.")
        if self.key is not None and self.key not in [*self.properties]:
            known = ", ".join(self.properties) or "none"
            raise EventError(
                f"{self.name} v{version}: the key field {self.key!r} is not a field of the event "
                f"(its fields: {known})."
            )

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        """The payload's fields: name → JSON Schema, references to ``$defs`` followed."""
        found = self.resolve(self.schema).get("properties")
        fields = found if isinstance(found, Mapping) else {}
        return {name: self.resolve(schema) for name, schema in fields.items()}

    @property
    def dataschema(self) -> str:
        """The URN that events of this version carry in ``dataschema``."""
        return f"urn:event:{self.name}:{self.version}"

    def resolve(self, schema: Any) -> Any:
        """A subschema with its local ``$ref`` followed (its siblings kept)."""
        for _ in range(20):
            if not (isinstance(schema, Mapping) and str(schema.get("$ref", "")).startswith("#/")):
                break
            target = at(self.schema, schema["$ref"][1:])
            if not isinstance(target, Mapping):
                break
            schema = {**target, **{name: rule for name, rule in schema.items() if name != "$ref"}}
        return schema

    @cached_property
    def _validator(self) -> Any:
        return self._compiled(None)

    @cached_property
    def _discreet(self) -> Any:
        """Says the same without the values."""
        return self._compiled(_NO_VALUE)

    def _compiled(self, mask: str | None) -> Any:
        try:
            return jsonschema_rs.validator_for(
                dict(self.schema), validate_formats=True, retriever=_never_fetch, mask=mask
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            why = getattr(error, "message", error)  # without the paragraphs on where it failed
            raise EventError(f"{self.name} v{self.version}: not a JSON Schema: {why}.") from error

    def accepts(self, data: Any) -> bool:
        """Whether a decoded payload is of this type."""
        try:
            return bool(self._validator.is_valid(data))
        except ValueError:  # what no JSON can hold
            return False

    def problem_with(self, data: Any) -> str | None:
        """Why a decoded payload is not of this type, in one sentence; ``None`` if it is."""
        found = self.problem(data)
        return None if found is None else found.text

    def problem(self, data: Any) -> Problem | None:
        """The same as an error and a log say it."""
        from workbench.events.problem import Problem, first_problem

        try:
            if self._validator.is_valid(data):
                return None
            error = next(iter(self._validator.iter_errors(data)))
            masked = next(iter(self._discreet.iter_errors(data)))
        except ValueError as why:  # what no JSON can hold
            head = f"{self.name} v{self.version}: the payload is no decoded JSON"
            return Problem(f"{head}: {why}", head)
        return first_problem(self, data, error, masked.message)

    def with_defaults(self, data: Any) -> Any:
        """A payload with the defaults of the schema where it has nothing; see `fill_defaults`."""
        return data if self._filler is None else self._filler.fill(data)

    @cached_property
    def has_defaults(self) -> bool:
        """Whether the schema has defaults that are filled in."""
        return self._filler is not None

    @cached_property
    def _filler(self) -> Filler | None:
        return filler(self.schema)

    def encode(self, payload: Any) -> tuple[bytes, Any]:
        """The JSON bytes of a payload, and what they say, once it satisfies the schema.

        Raises
        ------
        EventError
            The payload does not satisfy the schema; says which field and why.
        """
        value = encode_payload(payload)
        data = decode_payload(value)
        problem = self.problem(data)
        if problem:
            raise problem.error()
        return value, data

    # --- as others write it ---------------------------------------------------------------

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema as a file of its own: its name, version and key stand in it."""
        from workbench.events.conversion import standalone

        return standalone(self)

    def avro_schema(self) -> dict[str, Any]:
        """The Avro record that holds such events; see :mod:`workbench.events.conversion`.

        Raises
        ------
        EventError
            Avro can't say it; names the field, and why.
        """
        from workbench.events.conversion import avro_schema

        return avro_schema(self)

    @classmethod
    def from_json_schema(
        cls,
        path: str | Path,
        *,
        name: str | None = None,
        version: int | None = None,
        key: str | None = None,
    ) -> EventType:
        """Read an event type from a JSON Schema file.

        Parameters
        ----------
        path
            A ``.json`` file; references lead nowhere but to places in it.
        name, version, key
            By default what the file says: its ``$id`` (``urn:event:OrderPlaced:1``) and its
            ``x-key``; else its name, ``OrderPlaced.v1.json``.

        Raises
        ------
        DesignError
            Says the file and why it is not read.
        """
        from workbench.events.conversion import read_json_schema

        return read_json_schema(Path(path), name=name, version=version, key=key)

    @classmethod
    def from_avro(
        cls,
        path: str | Path,
        *,
        name: str | None = None,
        version: int | None = None,
        key: str | None = None,
    ) -> EventType:
        """Read an event type from an Avro schema file; see :mod:`workbench.events.conversion`.

        Parameters
        ----------
        path
            An ``.avsc`` file that holds a record.
        name, version, key
            By default what the record says: its full name, and its ``version`` and ``key``.

        Raises
        ------
        DesignError
            Says the file and why it is not read.
        """
        from workbench.events.conversion import read_avro

        return read_avro(Path(path), name=name, version=version, key=key)

    # --- payloads -------------------------------------------------------------------------

    def key_of(self, data: Any) -> str | None:
        """The canonical key of a decoded payload."""
        if self.key is None or not isinstance(data, Mapping):
            return None
        return canonical_key(data.get(self.key), self.properties[self.key])

    def __reduce__(self) -> Any:
        # The compiled validator can't travel to another process; it is made again there.
        return EventType, (self.name, self.schema, self.version, self.key, self.model)


def parse_dataschema(text: str | None) -> tuple[str, int] | None:
    """The event type's name and version that a ``dataschema`` URN names; ``None`` if neither."""
    match = _DATASCHEMA.fullmatch(text or "")
    return (match[1], int(match[2])) if match else None


def _said(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else type(value).__name__


def _never_fetch(uri: str) -> Any:
    raise ValueError(f"remote references are never fetched: {uri}")

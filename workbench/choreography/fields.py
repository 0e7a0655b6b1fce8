"""The fields of an event type, nested ones too, and where each stands in its schema."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.events import EventType
from workbench.events.json_pointer import below as pointer_below
from workbench.events.masking import PERSONAL

MAX_FIELDS = 10_000
"""No event has more; a hostile schema may."""


@dataclass(frozen=True)
class Field:
    """A field of a payload.

    Attributes
    ----------
    path
        ``customer.email``; in each entry of a list: ``lines[].product``.
    pointer
        The JSON pointer of its schema.
    schema
        Its JSON Schema, a local reference followed.
    personal
        Its :data:`PERSONAL` mark, or else that of what it stands in; ``None``: there is none.
    """

    path: str
    pointer: str
    schema: Mapping[str, Any]
    personal: bool | None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rsplit(".", 1)[-1]


def fields_of(event_type: EventType) -> Iterator[Field]:
    """Every named field, outer ones first; a definition that several share is entered once."""
    entered: set[tuple[str, bool | None]] = set()
    ahead = deque([("", "", event_type.schema, _mark(event_type.schema))])
    found = 0
    while ahead:
        path, pointer, schema, personal = ahead.popleft()
        if (pointer, personal) in entered:
            continue
        entered.add((pointer, personal))
        for name, child in _mapping(schema.get("properties")).items():
            resolved = event_type.resolve(child)
            if not isinstance(resolved, Mapping):
                continue
            found += 1
            if found > MAX_FIELDS:
                return
            below = f"{path}.{name}" if path else name
            at = pointer_below(pointer, "properties", name)
            field = Field(below, at, resolved, _mark(resolved, inherited=personal))
            yield field
            ahead.append((below, _home(child, at), resolved, field.personal))
        for at, suffix, child in parts_of(schema):
            resolved = event_type.resolve(child)
            if isinstance(resolved, Mapping):
                home = _home(child, f"{pointer}/{at}")
                ahead.append((path + suffix, home, resolved, _mark(resolved, inherited=personal)))


def parts_of(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """The subschemas that are no named fields: where, what they add to a path, and each one."""
    for name in ("allOf", "anyOf", "oneOf"):
        for n, branch in enumerate(_list(schema.get(name))):
            yield f"{name}/{n}", "", branch
    for name in ("if", "then", "else"):
        if name in schema:
            yield name, "", schema[name]
    for name in ("items", "contains"):
        if isinstance(schema.get(name), Mapping):
            yield name, "[]", schema[name]
    for name in ("prefixItems", "items"):
        for n, entry in enumerate(_list(schema.get(name))):
            yield f"{name}/{n}", "[]", entry
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield "additionalProperties", ".*", schema["additionalProperties"]


def _mark(schema: Mapping[str, Any], *, inherited: bool | None = None) -> bool | None:
    mark = schema.get(PERSONAL)
    return mark if isinstance(mark, bool) else inherited


def _home(schema: Any, pointer: str) -> str:
    """Where a subschema really stands: what it refers to, or itself."""
    reference = schema.get("$ref")
    return reference[1:] if isinstance(reference, str) and reference[:2] == "#/" else pointer


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

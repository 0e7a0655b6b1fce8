"""The kinds of field the designer offers, and the JSON Schema each of them stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import DesignError
from workbench.events import EventType
from workbench.events.event_type import DIALECT

KEEP = "as it is"
"""A field whose schema is richer than any kind here; it is kept untouched."""

KINDS: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "decimal": {
        "type": "string",
        "format": "decimal",
        "pattern": r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$",
    },
    "boolean": {"type": "boolean"},
    "date-time": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "list of strings": {"type": "array", "items": {"type": "string"}},
    "object": {"type": "object"},
}


@dataclass(frozen=True)
class FieldDraft:
    """One field as it is typed. ``schema`` is the field's own where ``kind`` is ``KEEP``."""

    name: str
    kind: str = "string"
    required: bool = True
    schema: Mapping[str, Any] | None = None


def fields_of(event_type: EventType) -> list[FieldDraft]:
    """An event type's fields, to be edited."""
    required = event_type.schema.get("required", ())
    found = []
    for name, schema in event_type.schema.get("properties", {}).items():
        kind = next((kind for kind, known in KINDS.items() if known == _bare(schema)), KEEP)
        found.append(FieldDraft(name, kind, name in required, schema))
    return found


def event_type_of(
    name: str,
    fields: Sequence[FieldDraft],
    key: str | None,
    *,
    version: int = 1,
    before: EventType | None = None,
) -> EventType:
    """The event type that a form describes; ``before`` is the one being edited.

    Raises
    ------
    DesignError, EventError
        Says what is missing, or which name can't be.
    """
    if not name:
        raise DesignError("name the event type in the past tense, such as OrderPlaced.")
    properties: dict[str, Any] = {}
    for field in fields:
        if not field.name.isidentifier():
            raise DesignError(
                f"{field.name!r} can't name a field: use letters, digits and '_', such as order_id."
                if field.name
                else "a field has no name yet."
            )
        if field.name in properties:
            raise DesignError(f"there are two fields named {field.name!r}.")
        kept = field.schema is not None and field.kind == KEEP
        properties[field.name] = dict((field.schema or {}) if kept else KINDS[field.kind])
        if not kept and field.schema is not None and _bare(field.schema) == KINDS[field.kind]:
            properties[field.name] = dict(field.schema)
    schema: dict[str, Any] = dict(before.schema) if before is not None else {"$schema": DIALECT}
    schema |= {"type": "object", "title": name, "properties": properties}
    schema["required"] = [field.name for field in fields if field.required]
    if not schema["required"]:
        del schema["required"]
    return EventType(name, schema, version, key or None)


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {rule: value for rule, value in schema.items() if rule not in ("title", "default")}

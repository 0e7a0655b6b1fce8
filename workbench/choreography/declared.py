"""Which names a schema declares at a place: what may be read there, and what may be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workbench.events import EventType

_MOST_PARTS = 1000
_MOST_ENTRIES = 100_000
_BRANCHES = ("allOf", "anyOf", "oneOf")
_CONDITIONS = ("if", "then", "else")
_ELSEWHERE = (
    "patternProperties", "dependentSchemas", "dependencies", "$dynamicRef", "$recursiveRef",
)  # fmt: skip
"""What gives a place names that are not looked for here."""
_REST = ("additionalProperties", "unevaluatedProperties")


def declared(event_type: EventType, schemas: Iterable[Any]) -> dict[str, list[Any]] | None:
    """The names that are declared at a place, each with its schemas there.

    Parameters
    ----------
    event_type
        Whose schema the others are parts of.
    schemas
        Those of the place; references and branches are followed.

    Returns
    -------
    dict or None
        ``None`` if any name will do: no property is declared, or there are ``patternProperties``,
        a schema of additional properties, a branch that takes any object, or a reference that
        can't be followed.
    """
    found: dict[str, list[Any]] = {}
    entries = 0
    for n, schema in enumerate(alternatives(event_type, schemas, ("if",)), 1):
        properties = schema.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        entries += len(properties)
        if n >= _MOST_PARTS or entries > _MOST_ENTRIES or _takes_any_name(schema):
            return None
        for name, rule in properties.items():
            found.setdefault(name, []).append(rule)
    return found or None


def alternatives(
    event_type: EventType, schemas: Iterable[Any], conditions: tuple[str, ...] = ()
) -> Iterator[Mapping[str, Any]]:
    """Schemas and their branches, references followed; ``conditions``: also what is asked for."""
    ahead, seen = [*schemas], set[int]()
    while ahead and len(seen) < _MOST_PARTS:
        part = ahead.pop(0)
        schema = event_type.schema if _is_root(part) else event_type.resolve(part)
        if not isinstance(schema, Mapping) or id(part) in seen:
            continue
        seen.add(id(part))
        yield schema
        for keyword in _BRANCHES:
            branches = schema.get(keyword)
            ahead += branches if isinstance(branches, list) else []
        ahead += [schema[word] for word in (*conditions, "then", "else") if word in schema]


def _takes_any_name(schema: Mapping[str, Any]) -> bool:
    if any(word in schema for word in _ELSEWHERE) or schema.get("$ref", "#") != "#":
        return True
    if any(isinstance(schema.get(word), Mapping) for word in _REST):
        return True
    said = schema.get("type")
    types = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    parts = ("properties", *_BRANCHES, *_CONDITIONS, "$ref")
    return "object" in types and not any(word in schema for word in parts)


def _is_root(schema: Any) -> bool:
    """Whether it is the whole schema over again."""
    return isinstance(schema, Mapping) and schema.get("$ref") == "#"

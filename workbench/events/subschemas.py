"""Where schemas stand in a JSON Schema: what is a subschema, and what is only data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_ONE = {
    "additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items",
    "not", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
}  # fmt: skip
_LIST = {"allOf", "anyOf", "items", "oneOf", "prefixItems"}
_NAMED = {
    "$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties",
}  # fmt: skip


def with_subschemas(schema: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a schema with ``change`` made to each schema directly in it (draft-04 on)."""
    if not isinstance(schema, Mapping):
        return schema
    return {keyword: _changed(keyword, value, change) for keyword, value in schema.items()}


def _changed(keyword: str, value: Any, change: Callable[[Any], Any]) -> Any:
    if keyword in _NAMED and isinstance(value, Mapping):
        return {name: change(s) if _is_schema(s) else s for name, s in value.items()}
    if keyword in _LIST and isinstance(value, list):
        return [change(s) if _is_schema(s) else s for s in value]
    return change(value) if keyword in _ONE and _is_schema(value) else value


def with_references(schema: Any, rewrite: Callable[[str], str]) -> Any:
    """A copy of a schema with every ``$ref`` in it rewritten."""

    def change(subschema: Any) -> Any:
        found = with_subschemas(subschema, change)
        if isinstance(found, dict) and isinstance(found.get("$ref"), str):
            found["$ref"] = rewrite(found["$ref"])
        return found

    return change(schema)


def subschemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """A schema and all schemas in it, those that are only true or false left out."""
    ahead = [schema]
    while ahead:
        found = ahead.pop()
        if isinstance(found, Mapping):
            yield found
            with_subschemas(found, ahead.append)


def _is_schema(value: Any) -> bool:
    return isinstance(value, Mapping | bool)

"""A schema document: its subschemas by JSON pointer, and a check of a value against them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

import jsonschema_rs

from workbench.events.event_type import DIALECT
from workbench.events.json_pointer import at, below

Pointers = tuple[str, ...]
"""Subschemas that one value must satisfy, all of them: JSON pointers into the document."""

Part = tuple[str, Mapping[str, Any]]
"""A subschema, and where it stands."""

_BASE = "json-schema:///document"
_BACKTRACKS = 50_000
_MAPPED = (
    "properties",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
)
_LISTED = ("allOf", "anyOf", "oneOf", "enum", "required", "prefixItems", "examples")
_SHAPES: dict[str, Any] = {
    **dict.fromkeys(_MAPPED, Mapping),
    **dict.fromkeys(_LISTED, list),
    "type": (str, list),
    "minContains": int,
}


class Document:
    """Where a subschema stands is its name: ``/properties/total``; ``""`` is the whole."""

    def __init__(self, schema: Any) -> None:
        self._root = schema
        dialect = schema.get("$schema", DIALECT) if isinstance(schema, Mapping) else DIALECT
        self._dialect = str(dialect)
        self._registry = jsonschema_rs.Registry([(_BASE, schema)], retriever=_nothing)
        self._ids = _named(schema, "$id")
        self._anchors = _named(schema, "$dynamicAnchor") | _named(schema, "$anchor")
        self._compiled: dict[Pointers, Any] = {}
        self._found: dict[str, Any] = {}

    def at(self, pointer: str) -> Any:
        """The subschema at a pointer; ``True``, which allows anything, where there is none."""
        if pointer not in self._found:
            self._found[pointer] = _well_formed(at(self._root, pointer, missing=True))
        return self._found[pointer]

    def follow(self, reference: str, pointer: str) -> str | None:
        """Where a reference that stands at ``pointer`` leads; ``None`` if not into the document."""
        base, _, fragment = reference.partition("#")
        if base:
            named = (p for name, p in self._ids.items() if f"/{name}".endswith(f"/{base}"))
            start = next(named, None)
        else:
            around = (p for p in self._ids.values() if f"{pointer}/".startswith(f"{p}/"))
            start = max(around, key=len, default="")
        if start is None:
            return None
        if fragment and not fragment.startswith("/"):
            return self._anchors.get(fragment)
        return start + unquote(fragment)

    def allows(self, pointers: Pointers, value: Any) -> bool:
        """Whether a value satisfies these subschemas, as far as they can be checked alone."""
        if pointers not in self._compiled:
            self._compiled[pointers] = self._compile(pointers)
        validator = self._compiled[pointers]
        return validator is None or bool(validator.is_valid(value))

    def _compile(self, pointers: Pointers) -> Any:
        references = [{"$ref": f"{_BASE}#{quote(pointer)}"} for pointer in pointers]
        try:
            return jsonschema_rs.validator_for(
                {"$schema": self._dialect, "allOf": references},
                registry=self._registry,
                validate_formats=True,
                pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS),
            )
        except (ValueError, jsonschema_rs.ReferencingError):
            return None  # inside a part with an ``$id`` of its own: checked with the whole alone


@lru_cache(maxsize=1_000)
def _pattern(pattern: str) -> Any:
    options = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS)
    return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options)


def matches(pattern: str, text: str) -> bool:
    """Whether a text matches, by the validator's own engine, which gives up in time."""
    return bool(_pattern(pattern).is_valid(text))


def _well_formed(schema: Any) -> Any:
    """Without keywords that say nothing: a ``$ref`` may lead to what was never meant as a schema."""
    if not isinstance(schema, Mapping):
        return schema if isinstance(schema, bool) else True
    return {
        word: value
        for word, value in schema.items()
        if isinstance(value, _SHAPES.get(word, object))
        and (word != "type" or isinstance(value, str) or all(isinstance(t, str) for t in value))
    }


def _named(schema: Any, keyword: str) -> dict[str, str]:
    """What a keyword such as ``$anchor`` names, in the whole document: name → pointer."""
    found: dict[str, str] = {}
    todo = [("", schema)]
    while todo:
        pointer, part = todo.pop()
        if isinstance(part, Mapping):
            if isinstance(part.get(keyword), str):
                found.setdefault(part[keyword].removesuffix("#"), pointer)
            todo += [(below(pointer, name), inner) for name, inner in part.items()]
        elif isinstance(part, list):
            todo += [(below(pointer, n), inner) for n, inner in enumerate(part)]
    return found


def _nothing(uri: str) -> Any:
    raise ValueError(f"remote references are never fetched: {uri}")

"""A schema with its references written out, as the algebra of schemas wants it.

A reader fills in its defaults before it validates. What it takes is therefore not its schema but
all that satisfies its schema *once filled in*; :func:`inlined` writes that down as a schema too
(``reads=True``), or, where that can't be said exactly, something that takes less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from typing import Any

import jsonschema_rs

from workbench.events.compatibility.dialect import Document, Schema, takes_anything

MOST_NODES = 20_000
"""Parts of a schema whose references are written out; one that is larger is not decided."""

_OF_OBJECTS = ("properties", "patternProperties", "additionalProperties", "propertyNames")
_ALTERNATIVES = ("anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "enum")


class UndecidedError(Exception):
    """It can't be told; says why in a clause."""


class CyclicError(UndecidedError):
    """A reference leads back to itself, and no ``bottom`` was given."""


class _Filling(Enum):
    """What is done about the defaults of a place."""

    NONE = "they are not filled in here"
    FILL = "they are filled in"
    PRESENT = "they are filled in, and what follows is unclear: only data that has them counts"


def inlined(
    document: Document,
    schema: Schema,
    *,
    reads: bool = False,
    bottom: bool | None = None,
) -> Schema:
    """A schema of 2020-12 with no reference in it.

    Parameters
    ----------
    document, schema
        The schema, and the document that it is a part of.
    reads
        Whether a reader fills in its defaults: see above.
    bottom
        What stands for a schema inside itself, from the second level on.

    Raises
    ------
    CyclicError
        The schema is recursive, and ``bottom`` is ``None``.
    UndecidedError
        It has more than 20,000 parts.
    """
    inlining = _Inlining(document, bottom)
    return inlining.schema(schema, _Filling.FILL if reads else _Filling.NONE)


class _Inlining:
    def __init__(self, document: Document, bottom: bool | None) -> None:
        self._document, self._bottom = document, bottom
        self._open: Counter[str] = Counter()
        self._nodes = 0

    def schema(self, schema: Schema, filling: _Filling, filled: Set[str] = frozenset()) -> Schema:
        """One schema; ``filled`` names the properties that are there when it is looked at."""
        if isinstance(schema, bool):
            return schema
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise UndecidedError("with its references written out it is too large")
        if filling is not _Filling.NONE:
            return self._read(schema, filling)
        return self._written(schema, _Filling.NONE, filled)

    def _written(self, schema: Mapping[str, Any], inner: _Filling, filled: Set[str]) -> Schema:
        """All its keywords, those below by ``inner``; beside it ``filled`` are never missing."""
        found: dict[str, Any] = {}
        for name, value in schema.items():
            if name in ("anyOf", "oneOf"):
                found[name] = [self.schema(part, _Filling.NONE) for part in value]
            elif name == "prefixItems":
                found[name] = [self.schema(part, inner) for part in value]
            elif name in ("properties", "patternProperties"):
                found[name] = {key: self.schema(part, inner) for key, part in value.items()}
            elif name in ("items", "additionalProperties"):
                found[name] = self.schema(value, inner)
            elif name == "dependentSchemas":
                found[name] = {k: self.schema(part, _Filling.NONE) for k, part in value.items()}
            elif name in _SINGLE:
                found[name] = self.schema(value, _Filling.NONE)
            elif name == "required":
                found[name] = [key for key in value if key not in filled]
            elif name not in ("$ref", "allOf", "default"):
                found[name] = value
        parts = [self._part(part, inner, filled) for part in schema.get("allOf", ())]
        if "$ref" in schema:
            parts.append(self._reference(schema["$ref"], inner, filled))
            if not found and len(parts) == 1:
                return parts[0]
        if parts:
            found["allOf"] = parts
        return found or True

    def _part(self, part: Schema, inner: _Filling, filled: Set[str]) -> Schema:
        return part if isinstance(part, bool) else self._written(part, inner, filled)

    def _reference(self, key: str, inner: _Filling, filled: Set[str]) -> Schema:
        if self._open[key] > (self._bottom is not None):
            if self._bottom is None:
                raise CyclicError("it refers to itself")
            return self._bottom
        self._open[key] += 1
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise UndecidedError("with its references written out it is too large")
        found = self._part(self._document.targets[key], inner, filled)
        self._open[key] -= 1
        return found

    def _read(self, schema: Mapping[str, Any], filling: _Filling) -> Schema:
        """What satisfies a schema once the reader has filled in its defaults."""
        parts = list(self._conjuncts(schema, ()))
        defaults = {
            name: part["default"]
            for node in parts
            for name, part in self._properties(node)
            if "default" in part
        }
        complex_ = len([node for node in parts if node.keys() - {"$ref", "allOf", "default"}]) > 1
        complex_ = complex_ or any(node.keys() & _UNCLEAR for node in parts)
        inner = _Filling.PRESENT if complex_ or filling is _Filling.PRESENT else _Filling.FILL
        if not defaults:
            return self._written(schema, inner, frozenset())
        present = {
            name
            for name, value in defaults.items()
            if filling is _Filling.PRESENT
            or not self._fits(parts, name, value)
            or any(self._notices(node, name) for node in parts)
        }
        filled = defaults.keys() - present
        found = self._written(schema, inner, filled)
        return self._filled_in(found, parts, present, filled)

    def _filled_in(
        self, found: Schema, parts: list[Mapping[str, Any]], present: Set[str], filled: Set[str]
    ) -> Schema:
        """With what the presence of the filled-in properties entails."""
        needed = set(present)
        fewer: list[int] = []
        for node in parts:
            for name, others in node.get("dependentRequired", {}).items():
                if name in filled:
                    needed |= {other for other in others if other not in filled}
            if "maxProperties" in node:
                fewer.append(node["maxProperties"] - len(filled))
        more: list[Schema] = []
        if needed:
            more.append({"required": sorted(needed)})
        if fewer:
            limit = min(fewer)
            more.append({"maxProperties": limit} if limit >= 0 else {"not": {"type": "object"}})
        return {"allOf": [found, *more]} if more else found

    def _conjuncts(self, schema: Schema, above: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
        """The schemas that all hold at one place: itself, its ``allOf``, its ``$ref``."""
        if isinstance(schema, bool):
            return
        yield schema
        for part in schema.get("allOf", ()):
            yield from self._conjuncts(part, above)
        key = schema.get("$ref")
        if key is not None and key not in above:
            yield from self._conjuncts(self._document.targets[key], (*above, key))

    def _properties(self, node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, part in node.get("properties", {}).items():
            for found in self._conjuncts(part, ()):
                if "default" in found:
                    yield name, found
                    break

    def _fits(self, parts: list[Mapping[str, Any]], name: str, value: Any) -> bool:
        """Whether a default is allowed where it is filled in."""
        place = [
            self._written(
                {k: node[k] for k in _OF_OBJECTS if k in node}, _Filling.NONE, frozenset()
            )
            for node in parts
        ]
        try:
            check = jsonschema_rs.Draft202012Validator({"allOf": place}, validate_formats=True)
            return bool(check.is_valid({name: value}))
        except ValueError:
            return False

    def _notices(self, node: Mapping[str, Any], name: str) -> bool:
        """Whether alternatives of a place ask if a property is there, or what it is."""
        alternatives: list[Schema] = [{"enum": node["enum"]}] if "enum" in node else []
        for keyword in ("anyOf", "oneOf"):
            alternatives += node.get(keyword, ())
        alternatives += [node[k] for k in ("not", "if", "then", "else") if k in node]
        alternatives += node.get("dependentSchemas", {}).values()
        return (
            any(self._asks(part, name, ()) for part in alternatives)
            or name in node.get("dependentSchemas", {})
            or ("unevaluatedProperties" in node and name not in node.get("properties", {}))
        )

    def _asks(self, schema: Schema, name: str, above: tuple[str, ...]) -> bool:
        for node in self._conjuncts(schema, above):
            named = name in node.get("properties", {})
            if (
                name in node.get("required", ())
                or (named and not takes_anything(node["properties"][name]))
                or (not named and not takes_anything(node.get("additionalProperties", True)))
                or node.keys() & _COUNTING
                or self._notices(node, name)
            ):
                return True
        return False


_SINGLE = frozenset(
    {"not", "if", "then", "else", "contains", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_COUNTING = frozenset(
    {"patternProperties", "propertyNames", "minProperties", "maxProperties"}
    | {"dependentRequired", "dependentSchemas", "unevaluatedProperties", "enum"}
)
_UNCLEAR = frozenset(
    {"patternProperties", "contains", "uniqueItems", "unevaluatedItems", "unevaluatedProperties"}
    | {*_ALTERNATIVES}
)

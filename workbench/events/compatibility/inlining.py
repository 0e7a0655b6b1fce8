"""A schema with its references written out, as the algebra of schemas wants it.

A reader fills in its defaults before it validates. What it takes is therefore not its schema but
all that satisfies its schema *once filled in*; :func:`inlined` writes that down as a schema too
(``reads=True``), or, where that can't be said exactly, something that takes less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
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


class Filling(Enum):
    """What is done about the defaults of a place."""

    NONE = "they are not filled in here"
    FILL = "they are filled in"
    PRESENT = "they are filled in, and what follows is unclear: only data that has them counts"


def inlined(
    document: Document,
    schema: Schema,
    *,
    filling: Filling = Filling.NONE,
    bottom: bool | None = None,
) -> Schema:
    """A schema of 2020-12 with no reference in it.

    Parameters
    ----------
    document, schema
        The schema, and the document that it is a part of.
    filling
        What its reader does about its defaults.
    bottom
        What stands for a schema inside itself, from the second level on.

    Raises
    ------
    CyclicError
        The schema is recursive, and ``bottom`` is ``None``.
    UndecidedError
        It has more than 20,000 parts.
    """
    return _Inlining(document, bottom=bottom).schema(schema, filling)


def filling_of(document: Document) -> Filling:
    """What is done about the defaults of a whole event.

    Where references are anything but pointers (anchors, embedded ``$id``), readers may miss some.
    """
    plain = all(key.startswith("#") for key in document.targets)
    return Filling.FILL if plain else Filling.PRESENT


@dataclass(frozen=True)
class Place:
    """What a reader does about the defaults of the properties of one place.

    Attributes
    ----------
    parts
        The schemas that all hold there.
    filled
        Properties that are never missing, since their defaults are filled in.
    present
        Properties that may not be missing, since a default that is filled in would be refused, or
        it is unclear what would follow.
    inner
        What is done about the defaults below it.
    """

    parts: list[Mapping[str, Any]]
    filled: AbstractSet[str]
    present: AbstractSet[str]
    inner: Filling

    def consequences(self) -> list[Schema]:
        """What else must hold, since some properties are there."""
        needed, fewer = set(self.present), []
        for node in self.parts:
            for name, others in node.get("dependentRequired", {}).items():
                if name in self.filled:
                    needed |= {other for other in others if other not in self.filled}
            if "maxProperties" in node and self.filled:
                fewer.append(node["maxProperties"] - len(self.filled))
        more: list[Schema] = [{"required": [name]} for name in sorted(needed)]
        if fewer:
            limit = min(fewer)
            more.append({"maxProperties": limit} if limit >= 0 else {"not": {"type": "object"}})
        return more


def read_place(document: Document, schema: Schema, filling: Filling) -> Place:
    """What a reader does about defaults at the place of a schema."""
    return _Inlining(document, bottom=True).place(schema, filling)


def read_part(document: Document, part: Mapping[str, Any], place: Place) -> Schema:
    """Some keywords of a place, as :func:`inlined` would write them there."""
    return _Inlining(document, bottom=None).written(part, place.inner, place.filled)


class _Inlining:
    def __init__(self, document: Document, *, bottom: bool | None) -> None:
        self._document, self._bottom = document, bottom
        self._open: Counter[str] = Counter()
        self._nodes = 0

    def schema(self, schema: Schema, filling: Filling) -> Schema:
        """One schema, with what follows from its defaults."""
        if isinstance(schema, bool):
            return schema
        if filling is Filling.NONE:
            return self.written(schema, Filling.NONE, frozenset())
        place = self.place(schema, filling)
        found = self.written(schema, place.inner, place.filled)
        more = place.consequences()
        return {"allOf": [found, *more]} if more else found

    def written(self, schema: Schema, inner: Filling, filled: AbstractSet[str]) -> Schema:
        """All its keywords, those below by ``inner``; ``filled`` are never missing beside it."""
        if isinstance(schema, bool):
            return schema
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise UndecidedError("with its references written out it is too large")
        found: dict[str, Any] = {}
        for name, value in schema.items():
            if name in ("anyOf", "oneOf"):
                found[name] = [self.schema(part, Filling.NONE) for part in value]
            elif name == "prefixItems":
                found[name] = [self.schema(part, inner) for part in value]
            elif name in ("properties", "patternProperties"):
                found[name] = {key: self.schema(part, inner) for key, part in value.items()}
            elif name in ("items", "additionalProperties"):
                found[name] = self.schema(value, inner)
            elif name == "dependentSchemas":
                found[name] = {k: self.schema(part, Filling.NONE) for k, part in value.items()}
            elif name in _SINGLE:
                found[name] = self.schema(value, Filling.NONE)
            elif name == "required":
                found[name] = [key for key in value if key not in filled]
            elif name not in ("$ref", "allOf", "default"):
                found[name] = value
        parts = [self.written(part, inner, filled) for part in schema.get("allOf", ())]
        if "$ref" in schema:
            parts.append(self._reference(schema["$ref"], inner, filled))
            if not found and len(parts) == 1:
                return parts[0]
        if parts:
            found["allOf"] = parts
        return found or True

    def _reference(self, key: str, inner: Filling, filled: AbstractSet[str]) -> Schema:
        if self._open[key] > (self._bottom is not None):
            if self._bottom is None:
                raise CyclicError("it refers to itself")
            return self._bottom
        self._open[key] += 1
        found = self.written(self._document.targets[key], inner, filled)
        self._open[key] -= 1
        return found

    # --- defaults -------------------------------------------------------------------------

    def place(self, schema: Schema, filling: Filling) -> Place:
        """What is done about the defaults at the place of a schema."""
        known = self._document.places.get((id(schema), filling))
        if known is None:
            # The schema is kept with it, so that no other can have its id.
            known = schema, self._place(schema, filling)
            self._document.places[id(schema), filling] = known
        found: Place = known[1]
        return found

    def _place(self, schema: Schema, filling: Filling) -> Place:
        parts = list(self._conjuncts(schema, ()))
        several = sum(bool(node.keys() - {"$ref", "allOf", "default"}) for node in parts) > 1
        unclear = several or any(node.keys() & _UNCLEAR for node in parts)
        inner = Filling.PRESENT if unclear and filling is Filling.FILL else filling
        if filling is Filling.NONE:
            return Place(parts, frozenset(), frozenset(), filling)
        defaults = {
            name: part["default"] for node in parts for name, part in self._with_default(node)
        }
        present = {
            name
            for name, value in defaults.items()
            if filling is Filling.PRESENT
            or not self._fits(parts, name, value)
            or any(self._notices(node, name) for node in parts)
        }
        return Place(parts, defaults.keys() - present, present, inner)

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

    def _with_default(self, node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, part in node.get("properties", {}).items():
            seen: set[str] = set()
            while isinstance(part, dict):
                if "default" in part:
                    yield name, part
                key = part.get("$ref")
                if "default" in part or key is None or key in seen:
                    break
                seen.add(key)
                part = self._document.targets[key]

    def _fits(self, parts: list[Mapping[str, Any]], name: str, value: Any) -> bool:
        """Whether a default is allowed where it is filled in."""
        if len(parts) == 1 and not parts[0].keys() & {"patternProperties", "propertyNames"}:
            parts = [{"properties": {name: parts[0]["properties"][name]}}]
        try:
            own = [{k: node[k] for k in _OF_OBJECTS if k in node} for node in parts]
            place = [self.written(node, Filling.NONE, frozenset()) for node in own]
            check = jsonschema_rs.Draft202012Validator({"allOf": place}, validate_formats=True)
            return bool(check.is_valid({name: value}))
        except (ValueError, UndecidedError):
            return False

    def _notices(self, node: Mapping[str, Any], name: str) -> bool:
        """Whether alternatives of a place ask if a property is there, or what it is."""
        alternatives: list[Schema] = [{"enum": node["enum"]}] if "enum" in node else []
        for keyword in ("anyOf", "oneOf"):
            alternatives += node.get(keyword, ())
        alternatives += [node[k] for k in ("not", "if", "then", "else") if k in node]
        alternatives += node.get("dependentSchemas", {}).values()
        return (
            any(self._asks(part, name) for part in alternatives)
            or name in node.get("dependentSchemas", {})
            or ("unevaluatedProperties" in node and name not in node.get("properties", {}))
        )

    def _asks(self, schema: Schema, name: str) -> bool:
        for node in self._conjuncts(schema, ()):
            named = name in node.get("properties", {})
            if (
                name in node.get("required", ())
                or (named and not takes_anything(node["properties"][name]))
                or (not named and not takes_anything(node.get("additionalProperties", True)))
                or node.keys() & _COUNTING
                or self._notices({k: v for k, v in node.items() if k != "enum"}, name)
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

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

from workbench.events.compatibility.document import Document
from workbench.events.compatibility.schema import Schema, takes_anything

MOST_NODES = 20_000
"""Parts of a schema whose references are written out; one that is larger is not decided."""

_OF_OBJECTS = ("properties", "patternProperties", "additionalProperties", "propertyNames")


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
    rough: bool = False,
) -> Schema:
    """A schema of 2020-12 with no reference in it.

    Parameters
    ----------
    document, schema
        The schema, and the document that it is a part of.
    filling
        What its reader does about its defaults.
    bottom
        What stands for a schema inside itself, from the second level on. With ``True`` what comes
        out takes all that the schema does, and maybe more; with ``False`` no more, or there is
        an error.
    rough
        Whether it may stand below a negation too; what comes out is only a guess then.

    Raises
    ------
    CyclicError
        The schema is recursive, and ``bottom`` is ``None``, or ``False`` below a negation.
    UndecidedError
        It has more than 20,000 parts.
    """
    return _Inlining(document, bottom=bottom, rough=rough).schema(schema, filling)


def filling_of(document: Document) -> Filling:
    """What is done about the defaults of a whole event.

    Where references are anything but pointers (anchors, embedded ``$id``), readers may miss some.
    """
    return Filling.PRESENT if document.odd else Filling.FILL


@dataclass(frozen=True)
class Below:
    """What is done about the defaults of the parts of a place.

    Attributes
    ----------
    filling
        Of any part.
    clear
        Properties whose defaults are filled in all the same: no other rule looks into them.
    """

    filling: Filling
    clear: AbstractSet[str] = frozenset()

    def of(self, name: str) -> Filling:
        """What is done about the defaults of a property's value."""
        return Filling.FILL if name in self.clear else self.filling


_NOTHING = Below(Filling.NONE)


@dataclass(frozen=True)
class Consequence:
    """What must hold because properties are filled in, or can't be.

    Attributes
    ----------
    keyword
        ``default``: it can't be relied on; or the rule that the filled-in property sets off.
    name
        The property that must be there, if it is one.
    rule
        As a schema.
    """

    keyword: str
    name: str
    rule: Schema


@dataclass(frozen=True)
class Place:
    """What a reader does about the defaults of the properties of one place.

    Attributes
    ----------
    parts
        The schemas that all hold there.
    filled
        Properties that are never missing, since their defaults are filled in.
    unfit
        Properties that may not be missing, since their defaults would be refused.
    unclear
        Properties that may not be missing, since other rules would notice their defaults.
    below
        What is done about the defaults below it.
    """

    parts: list[dict[str, Any]]
    filled: AbstractSet[str] = frozenset()
    unfit: AbstractSet[str] = frozenset()
    unclear: AbstractSet[str] = frozenset()
    below: Below = _NOTHING

    def consequences(self) -> list[Consequence]:
        """What else must hold, since some properties are there."""
        found = [
            Consequence("default", name, {"required": [name]})
            for name in sorted({*self.unfit, *self.unclear})
        ]
        for node in self.parts:
            for name, others in node.get("dependentRequired", {}).items():
                if name in self.filled:
                    found += [
                        Consequence("dependentRequired", other, {"required": [other]})
                        for other in others
                        if other not in self.filled
                    ]
        fewer = [n["maxProperties"] for n in self.parts if "maxProperties" in n and self.filled]
        if fewer:
            limit = min(fewer) - len(self.filled)
            rule = {"maxProperties": limit} if limit >= 0 else {"not": {"type": "object"}}
            found.append(Consequence("maxProperties", "", rule))
        return found


def read_place(document: Document, schema: Schema, filling: Filling) -> Place:
    """What a reader does about defaults at the place of a schema."""
    return _Inlining(document, bottom=True).place(schema, filling)


def read_part(document: Document, part: Mapping[str, Any], place: Place) -> Schema:
    """Some keywords of a place, as :func:`inlined` would write them there."""
    return _Inlining(document, bottom=None).written(part, place.below, place.filled)


class _Inlining:
    def __init__(self, document: Document, *, bottom: bool | None, rough: bool = False) -> None:
        self._document, self._bottom, self._rough = document, bottom, rough
        self._turned = 0  # how many keywords around turn more into less, or may
        self._open: Counter[str] = Counter()
        self._nodes = 0

    def schema(self, schema: Schema, filling: Filling) -> Schema:
        """One schema, with what follows from its defaults."""
        if isinstance(schema, bool):
            return schema
        if filling is Filling.NONE:
            return self.written(schema, _NOTHING, frozenset())
        place = self.place(schema, filling)
        found = self.written(schema, place.below, place.filled)
        more = [consequence.rule for consequence in place.consequences()]
        return {"allOf": [found, *more]} if more else found

    def written(self, schema: Schema, below: Below, filled: AbstractSet[str]) -> Schema:
        """All its keywords, the parts by ``below``; ``filled`` are never missing beside it."""
        if isinstance(schema, bool):
            return schema
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise UndecidedError("with its references written out it is too large")
        found: dict[str, Any] = {}
        for name, value in schema.items():
            if name not in _TURNING:
                if name not in ("$ref", "allOf", "default"):
                    found[name] = self._keyword(name, value, below, filled)
                continue
            self._turned += 1
            try:
                found[name] = self._keyword(name, value, below, filled)
            except CyclicError:
                # What is to take more may do without a rule, if it is not itself turned round.
                if self._bottom is not True or self._turned > 1:
                    raise
            finally:
                self._turned -= 1
        parts = [self.written(part, below, filled) for part in schema.get("allOf", ())]
        if "$ref" in schema:
            parts.append(self._reference(schema["$ref"], below, filled))
            if not found and len(parts) == 1:
                return parts[0]
        if parts:
            found["allOf"] = parts
        return found or True

    def _keyword(self, name: str, value: Any, below: Below, filled: AbstractSet[str]) -> Any:
        if name in ("anyOf", "oneOf"):
            return [self.written(part, _NOTHING, filled) for part in value]
        if name in ("not", "if", "then", "else"):
            return self.written(value, _NOTHING, filled)
        if name == "dependentSchemas":
            return {key: self.written(part, _NOTHING, filled) for key, part in value.items()}
        if name == "properties":
            return {key: self.schema(part, below.of(key)) for key, part in value.items()}
        if name == "patternProperties":
            return {key: self.schema(part, below.filling) for key, part in value.items()}
        if name == "prefixItems":
            return [self.schema(part, below.filling) for part in value]
        if name in ("items", "additionalProperties"):
            return self.schema(value, below.filling)
        if name in _OTHERS_LOOK:
            return self.schema(value, Filling.NONE)
        if name == "required":
            return [key for key in value if key not in filled]
        return value

    def _reference(self, key: str, below: Below, filled: AbstractSet[str]) -> Schema:
        if self._open[key] > (self._bottom is not None):
            if self._bottom is None or (self._turned and not self._rough):
                raise CyclicError("it refers to itself")
            return self._bottom
        self._open[key] += 1
        try:
            return self.written(self._document.targets[key], below, filled)
        finally:
            self._open[key] -= 1

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
        parts = list(self._document.conjuncts(schema))
        if filling is Filling.NONE:
            return Place(parts)
        defaults = {
            name: part["default"] for node in parts for name, part in self._with_default(node)
        }
        unfit = {name for name, value in defaults.items() if not self._fits(parts, name, value)}
        unclear = {
            name
            for name in defaults.keys() - unfit
            if filling is Filling.PRESENT or any(self._notices(node, name) for node in parts)
        }
        filled = defaults.keys() - unfit - unclear
        return Place(parts, filled, unfit, unclear, self._below(parts, filling))

    def _below(self, parts: list[dict[str, Any]], filling: Filling) -> Below:
        """Rules that see one value together would all see what is filled in below it."""
        several = sum(bool(node.keys() - {"$ref", "allOf", "default"}) for node in parts) > 1
        if filling is Filling.PRESENT or several or any(node.keys() & _UNCLEAR for node in parts):
            return Below(Filling.PRESENT)
        if not any(node.keys() & _ALTERNATIVES for node in parts):
            return Below(Filling.FILL)
        names = {name for node in parts for name in node.get("properties", {})}
        clear = {n for n in names if not any(self._notices(node, n, inside=True) for node in parts)}
        return Below(Filling.PRESENT, clear)

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

    def _fits(self, parts: list[dict[str, Any]], name: str, value: Any) -> bool:
        """Whether a default is allowed where it is filled in."""
        if len(parts) == 1 and not parts[0].keys() & {"patternProperties", "propertyNames"}:
            parts = [{"properties": {name: parts[0]["properties"][name]}}]
        try:
            own = [{k: node[k] for k in _OF_OBJECTS if k in node} for node in parts]
            alone = _Inlining(self._document, bottom=False)  # it fits for sure, or not at all
            place = [alone.written(node, _NOTHING, frozenset()) for node in own]
            check = jsonschema_rs.Draft202012Validator({"allOf": place}, validate_formats=True)
            return bool(check.is_valid({name: value}))
        except (ValueError, UndecidedError):
            return False

    def _notices(self, node: Mapping[str, Any], name: str, *, inside: bool = False) -> bool:
        """Whether alternatives of a place ask what a property is, or how many there are.

        Whether it is there they may ask: it is. ``inside``: only what is in it matters.
        """
        alternatives: list[Schema] = [{"enum": node["enum"]}] if "enum" in node else []
        for keyword in ("anyOf", "oneOf"):
            alternatives += node.get(keyword, ())
        alternatives += [node[k] for k in ("not", "if", "then", "else") if k in node]
        alternatives += node.get("dependentSchemas", {}).values()
        if any(self._asks(part, name, inside=inside) for part in alternatives):
            return True
        unevaluated = "unevaluatedProperties" in node and name not in node.get("properties", {})
        return unevaluated or (not inside and name in node.get("dependentSchemas", {}))

    def _asks(self, schema: Schema, name: str, *, inside: bool) -> bool:
        for node in self._document.conjuncts(schema):
            named = name in node.get("properties", {})
            if (
                (named and not takes_anything(node["properties"][name]))
                or (not named and not takes_anything(node.get("additionalProperties", True)))
                or node.keys() & (_COVERING if inside else _COVERING | _COUNTING)
                or self._notices({k: node[k] for k in node.keys() - {"enum"}}, name, inside=inside)
            ):
                return True
        return False


_ALTERNATIVES = frozenset(
    {"anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "enum"}
)
_TURNING = frozenset(
    {"not", "oneOf", "if", "contains", "unevaluatedItems", "unevaluatedProperties"}
)
"""Keywords that may take less where the schemas in them take more: negations, one may say."""

_OTHERS_LOOK = frozenset({"contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties"})
_COVERING = frozenset({"patternProperties", "unevaluatedProperties", "enum"})
_COUNTING = frozenset(
    {"propertyNames", "minProperties", "maxProperties", "dependentRequired", "dependentSchemas"}
)
_UNCLEAR = frozenset(
    {"patternProperties", "contains", "uniqueItems", "unevaluatedItems", "unevaluatedProperties"}
)

"""Avro schemas as the specification defines them: names resolved, each type one object.

fastavro's own parser is not used: it lets pass a record without fields, a negative size, a union
in a union or a default of the wrong type, and refuses ``0`` as the default of
``{"type": "double"}``. Its writer and reader get what is written out again from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import EventError
from workbench.events.payload import decode_payload

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
NAMED = ("record", "enum", "fixed")
ABSENT = object()

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEEPEST = 100


class TooDeepError(Exception):
    """The schema is nested deeper than is followed."""


@dataclass(eq=False)
class AvroType:
    """One type. What is named once and used often is one and the same object.

    ``pointer`` is where it is defined: a JSON pointer into its schema. ``inner`` holds the items
    of an array, the values of a map or the branches of a union.
    """

    kind: str
    pointer: str
    name: str = ""
    aliases: frozenset[str] = frozenset()
    fields: list[AvroField] = field(default_factory=list)
    symbols: tuple[str, ...] = ()
    size: int = 0
    inner: list[AvroType] = field(default_factory=list)
    default: Any = ABSENT
    decimal: tuple[int, int] | None = None

    @property
    def short_name(self) -> str:
        """The name without its namespace."""
        return self.name.rpartition(".")[2]

    def __str__(self) -> str:
        if self.kind == "union":
            shown = ", ".join(map(str, self.inner[:6]))
            return f"{shown}, and {len(self.inner) - 6:,} more" if len(self.inner) > 6 else shown
        if self.kind in ("array", "map"):
            return f"{self.kind} of {self.inner[0].name or self.inner[0].kind}"
        return f"{self.kind} {self.short_name}" if self.name else self.kind


@dataclass(eq=False)
class AvroField:
    """A field of a record."""

    name: str
    pointer: str
    type: AvroType
    aliases: tuple[str, ...] = ()
    default: Any = ABSENT


def read_schema(schema: Any, label: str = "it") -> AvroType:
    """The type that a schema describes: a mapping, a list (a union), or JSON text.

    Raises
    ------
    EventError
        It is not an Avro schema; says where and why. ``label`` names it there.
    TooDeepError
        It is nested deeper than 100 levels.
    """
    try:
        if isinstance(schema, str) and schema.strip() not in PRIMITIVES:
            schema = _parsed(schema)
        return _Reader().read(schema.strip() if isinstance(schema, str) else schema, "", "", 0)
    except _NotAvroError as error:
        raise EventError(f"{label} is not an Avro schema: {error}.") from None


def _parsed(text: str) -> Any:
    try:
        return decode_payload(text.encode("utf-8", "surrogatepass"))
    except EventError:
        raise _wrong("", "its text is not JSON") from None


class _NotAvroError(Exception):
    pass


class _Reader:
    def __init__(self) -> None:
        self._named: dict[str, AvroType] = {}

    def read(self, schema: Any, pointer: str, namespace: str, depth: int) -> AvroType:
        if depth > _DEEPEST:
            raise TooDeepError
        if isinstance(schema, str):
            return self._by_name(schema, pointer, namespace)
        if isinstance(schema, list):
            return self._union(schema, pointer, namespace, depth)
        if not isinstance(schema, Mapping):
            raise _wrong(
                pointer, f"{_shown(schema)} is neither a type's name, a list nor an object"
            )
        kind = schema.get("type")
        if kind == "error":
            kind = "record"
        if kind in ("array", "map"):
            word = "items" if kind == "array" else "values"
            if word not in schema:
                raise _wrong(pointer, f"the {kind} has no {word!r}")
            inner = self.read(schema[word], f"{pointer}/{word}", namespace, depth + 1)
            return AvroType(kind, pointer, inner=[inner])
        if kind in NAMED:
            return self._define(kind, schema, pointer, namespace, depth)
        if isinstance(kind, str):
            found = self._by_name(kind, pointer, namespace)
            if found.kind == "bytes" and kind == "bytes":
                found.decimal = _decimal(schema)
            return found
        if "type" not in schema:
            raise _wrong(pointer, "it has no 'type'")
        return self.read(kind, f"{pointer}/type", namespace, depth + 1)

    def _by_name(self, name: str, pointer: str, namespace: str) -> AvroType:
        if name in PRIMITIVES:
            return AvroType(name, pointer)
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        found = self._named.get(full) or self._named.get(name)
        if found is None:
            raise _wrong(pointer, f"there is no type {_shown(name)} up to there")
        return found

    def _union(self, schema: list[Any], pointer: str, namespace: str, depth: int) -> AvroType:
        inner = [
            self.read(one, f"{pointer}/{n}", namespace, depth + 1) for n, one in enumerate(schema)
        ]
        seen: set[str] = set()
        for branch in inner:
            what = branch.name or branch.kind
            if branch.kind == "union":
                raise _wrong(pointer, "a union stands directly in a union")
            if what in seen:
                raise _wrong(pointer, f"the union has {what} twice")
            seen.add(what)
        return AvroType("union", pointer, inner=inner)

    def _define(
        self, kind: str, schema: Mapping[str, Any], pointer: str, namespace: str, depth: int
    ) -> AvroType:
        name, space = schema.get("name"), schema.get("namespace", namespace)
        if not isinstance(name, str) or not isinstance(space, str):
            raise _wrong(pointer, f"the {kind} has no 'name'")
        full = name if "." in name or not space else f"{space}.{name}"
        if not all(_NAME.fullmatch(part) for part in full.split(".")):
            raise _wrong(pointer, f"{_shown(full)} can't name a type")
        if full in self._named or full in PRIMITIVES:
            raise _wrong(pointer, f"{full} is defined twice")
        space = full.rpartition(".")[0]
        aliases = _texts(schema.get("aliases", ()), pointer, "aliases")
        made = AvroType(kind, pointer, full)
        made.aliases = frozenset(a if "." in a or not space else f"{space}.{a}" for a in aliases)
        self._named[full] = made
        if kind == "record":
            self._add_fields(made, schema, space, depth)
        elif kind == "enum":
            made.symbols = _texts(schema.get("symbols"), pointer, "symbols")
            made.default = schema.get("default", ABSENT)
            if not all(map(_NAME.fullmatch, made.symbols)):
                raise _wrong(
                    pointer, f"the symbols of {full} must be made of letters, digits and _"
                )
            if made.default is not ABSENT and made.default not in made.symbols:
                raise _wrong(pointer, f"the default of {full} is none of its symbols")
        else:
            made.size, made.decimal = schema.get("size", -1), _decimal(schema)
            if type(made.size) is not int or made.size < 0:
                raise _wrong(pointer, f"{full} has no 'size' in bytes")
        return made

    def _add_fields(
        self, made: AvroType, schema: Mapping[str, Any], space: str, depth: int
    ) -> None:
        fields = schema.get("fields")
        if not isinstance(fields, list):
            raise _wrong(made.pointer, f"the record {made.name} has no list of 'fields'")
        seen: set[str] = set()
        for n, one in enumerate(fields):
            pointer = f"{made.pointer}/fields/{n}"
            name = one.get("name") if isinstance(one, Mapping) else None
            if not isinstance(name, str) or not _NAME.fullmatch(name) or "type" not in one:
                raise _wrong(
                    pointer, "a field needs a 'name' of letters, digits and _, and a 'type'"
                )
            if name in seen:
                raise _wrong(pointer, f"{made.name} has two fields named {name}")
            seen.add(name)
            kind = self.read(one["type"], f"{pointer}/type", space, depth + 1)
            aliases = _texts(one.get("aliases", ()), pointer, "aliases")
            made.fields.append(AvroField(name, pointer, kind, aliases, one.get("default", ABSENT)))


def is_default(kind: AvroType, value: Any) -> bool:
    """Whether a JSON value can be the default of a field of that type."""
    if kind.kind == "union":
        return any(is_default(branch, value) for branch in kind.inner)
    if kind.kind in ("int", "long"):
        bits = 31 if kind.kind == "int" else 63
        return type(value) is int and -(2**bits) <= value < 2**bits
    if kind.kind in ("float", "double"):
        return type(value) in (int, float)
    if kind.kind in ("bytes", "fixed"):
        fits = isinstance(value, str) and all(ord(letter) < 256 for letter in value)
        return fits and (kind.kind == "bytes" or len(value) == kind.size)
    if kind.kind == "enum":
        return value in kind.symbols
    if kind.kind == "array":
        return isinstance(value, list) and all(is_default(kind.inner[0], one) for one in value)
    if kind.kind == "map":
        named = isinstance(value, Mapping)
        return named and all(is_default(kind.inner[0], one) for one in value.values())
    if kind.kind == "record":
        return isinstance(value, Mapping) and all(
            is_default(f.type, value.get(f.name, f.default)) for f in kind.fields
        )
    wanted: Any = {"null": type(None), "boolean": bool, "string": str}[kind.kind]
    return isinstance(value, wanted)


def plain_schema(kind: AvroType, defined: set[str] | None = None) -> Any:
    """The schema written out for fastavro: full names, no logical types, no documentation."""
    defined = set() if defined is None else defined
    if kind.kind == "union":
        return [plain_schema(branch, defined) for branch in kind.inner]
    if kind.kind == "array":
        return {"type": "array", "items": plain_schema(kind.inner[0], defined)}
    if kind.kind == "map":
        return {"type": "map", "values": plain_schema(kind.inner[0], defined)}
    if not kind.name:
        return kind.kind
    if kind.name in defined:
        return kind.name
    defined.add(kind.name)
    made: dict[str, Any] = {"type": kind.kind, "name": kind.name, "aliases": sorted(kind.aliases)}
    if kind.kind == "enum":
        made["symbols"] = list(kind.symbols)
        made |= {} if kind.default is ABSENT else {"default": kind.default}
    elif kind.kind == "fixed":
        made["size"] = kind.size
    else:
        made["fields"] = [
            {"name": f.name, "type": plain_schema(f.type, defined), "aliases": list(f.aliases)}
            | ({} if f.default is ABSENT else {"default": f.default})
            for f in kind.fields
        ]
    return made


def _decimal(schema: Mapping[str, Any]) -> tuple[int, int] | None:
    """Precision and scale; what is not a proper decimal is no logical type, by the specification."""
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if schema.get("logicalType") != "decimal" or type(precision) is not int:
        return None
    proper = type(scale) is int and 0 <= scale <= precision and precision > 0
    return (precision, scale) if proper else None


def _texts(found: Any, pointer: str, word: str) -> tuple[str, ...]:
    if not isinstance(found, (list, tuple)) or not all(isinstance(one, str) for one in found):
        raise _wrong(pointer, f"{word!r} must be a list of names")
    if len(set(found)) < len(found) and word == "symbols":
        raise _wrong(pointer, "a symbol stands twice in 'symbols'")
    return tuple(found)


def _wrong(pointer: str, why: str) -> _NotAvroError:
    return _NotAvroError(f"{why} (at {pointer or 'its top'})")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

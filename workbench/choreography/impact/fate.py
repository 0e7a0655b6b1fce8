"""What becomes of one field when a schema is replaced by another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workbench.choreography.declared import alternatives
from workbench.choreography.impact.cel_fields import joined
from workbench.events import EventType

Kind = Literal["fits", "gone", "optional", "retyped"]

_NAMES = {"number": "a number", "text": "a text", "boolean": "true or false", "null": "null",
          "list": "a list", "object": "an object"}  # fmt: skip
_KINDS = {"number": "number", "integer": "number", "string": "text", "boolean": "boolean",
          "null": "null", "array": "list", "object": "object"}  # fmt: skip


@dataclass(frozen=True)
class Fate:
    """What becomes of a field.

    Attributes
    ----------
    path
        The field, or the outermost part of its path to which it happens.
    kind
        ``gone``: the new schema doesn't declare it; ``optional``: it was always there, and need not
        be now; ``retyped``: it may be of a kind that it could not be (number, text, null, …).
    text
        In words: "`total` is gone".
    """

    path: str
    kind: Kind
    text: str


@dataclass(frozen=True)
class Found:
    """What a schema declares at a path: the alternatives, and whether it must be there."""

    schemas: tuple[Mapping[str, Any], ...]
    required: bool
    default: bool


def fate_of(path: str, old: EventType, new: EventType) -> Fate:
    """What becomes of a field that a reader of ``old`` reads, in events of ``new``."""
    for part in parts(path):
        before, after = find(old, part), find(new, part)
        if before is None:
            break  # it was never declared: nothing is lost
        if after is None:
            return Fate(part, "gone", f"`{part}` is gone")
        if before.required and not after.required and not after.default:
            return Fate(part, "optional", f"`{part}` was always there, and is optional now")
        was, now = kinds(old, before.schemas), kinds(new, after.schemas)
        if now - was:
            said = f"`{part}` was {_text(was)} and {'is' if not now & was else 'may be'} "
            return Fate(part, "retyped", said + f"{_text(now if not now & was else now - was)} now")
    return Fate(path, "fits", "")


def declared_part(event_type: EventType, path: str) -> str:
    """A path up to the deepest part that a schema declares; ``""``: it declares nothing of it."""
    deepest = ""
    for part in parts(path):
        if find(event_type, part) is None:
            break
        deepest = part
    return deepest


def parts(path: str) -> Iterator[str]:
    """A path's ancestors and itself: ``lines``, ``lines[]``, ``lines[].sku``."""
    before = ""
    for name in path.split("."):
        plain = name
        depth = 0
        while plain.endswith("[]"):
            plain, depth = plain.removesuffix("[]"), depth + 1
        before = joined(before, plain)
        yield before
        for _ in range(depth):
            before += "[]"
            yield before


def find(event_type: EventType, path: str) -> Found | None:
    """What a schema declares at a path; ``None`` if it declares nothing there."""
    here: tuple[Mapping[str, Any], ...] = (event_type.schema,)
    required, default = True, False
    for name in path.replace("[]", ".[]").split(".") if path else ():
        here = tuple(alternatives(event_type, here))
        below = tuple(_below(here, name))
        if not below:
            return None
        required = any(name in _list(schema.get("required")) for schema in here) or name == "[]"
        here = tuple(b for b in below if isinstance(b, Mapping))
        default = any("default" in event_type.resolve(schema) for schema in here)
    return Found(here, required, default)


def kinds(event_type: EventType, schemas: tuple[Mapping[str, Any], ...]) -> set[str]:
    """The kinds of value that a field may have, as CEL tells them apart."""
    found: set[str] = set()
    for schema in alternatives(event_type, schemas):
        said = schema.get("type")
        types = [said] if isinstance(said, str) else _list(said)
        if schema.get("format") == "decimal":
            found.add("number")
        elif types:
            found |= {_KINDS[name] for name in types if name in _KINDS}
        elif "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else _list(schema["enum"])
            found |= {_kind(value) for value in values}
    return found or {*_KINDS.values()}


def _below(schemas: tuple[Mapping[str, Any], ...], name: str) -> Iterator[Any]:
    for schema in schemas:
        if name != "[]":
            properties = schema.get("properties")
            if isinstance(properties, Mapping) and name in properties:
                yield properties[name]
            elif schema.get("additionalProperties") not in (None, True, False):
                yield schema["additionalProperties"]
            continue
        tuple_ = schema.get("prefixItems", schema.get("items"))
        yield from _list(tuple_)
        for keyword in ("items", "additionalProperties"):
            if isinstance(schema.get(keyword), Mapping):
                yield schema[keyword]


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "object"


def _text(found: set[str]) -> str:
    if found >= {*_KINDS.values()}:
        return "anything"
    return " or ".join(name for kind, name in _NAMES.items() if kind in found) or "nothing"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

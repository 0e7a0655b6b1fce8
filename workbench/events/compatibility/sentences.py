"""What a gap between two schemas means, in a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workbench.events.compatibility.document import Document
from workbench.events.compatibility.gaps import Gap
from workbench.events.compatibility.result import NEW_READERS
from workbench.events.compatibility.schema import Schema
from workbench.events.compatibility.sides import Side
from workbench.events.json_pointer import names_of

_RAISED = {
    "minimum": "minimum", "exclusiveMinimum": "exclusive minimum", "minLength": "least length",
    "minItems": "least number of items", "minProperties": "least number of properties",
    "maximum": "maximum", "exclusiveMaximum": "exclusive maximum", "maxLength": "greatest length",
    "maxItems": "greatest number of items", "maxProperties": "greatest number of properties",
}  # fmt: skip
_KINDS = {
    "type": "type-changed",
    "required": "required-added",
    "unfit": "default-unfit",
    "default": "default-unclear",
    "properties": "property-added",
    "additionalProperties": "model-closed",
    "patternProperties": "pattern-properties-changed",
    "propertyNames": "property-names-narrowed",
    "pattern": "pattern-changed",
    "format": "format-changed",
    "multipleOf": "multiple-of-changed",
    "uniqueItems": "unique-items-added",
    "contains": "contains-changed",
    "anyOf": "union-narrowed",
    "oneOf": "union-narrowed",
    "not": "not-changed",
    "if": "condition-changed",
    "dependentRequired": "dependency-added",
    "dependentSchemas": "dependency-added",
    "unevaluatedProperties": "model-closed",
    "unevaluatedItems": "items-closed",
    "false": "forbidden",
}


def kind(gap: Gap, whom: str, *, known: bool) -> str:
    """The change's kind; ``known``: whether the writer's side has the property at all."""
    new = whom == NEW_READERS
    if gap.keyword == "enum":
        return "enum-narrowed" if _said(gap.writer, "enum") is not None else "enum-added"
    if gap.keyword in _RAISED:
        up = gap.keyword.startswith(("min", "exclusiveMin"))
        if _said(gap.writer, gap.keyword) is None:
            return f"{_hyphened(gap.keyword)}-added" if new else f"{_hyphened(gap.keyword)}-removed"
        return f"{_hyphened(gap.keyword)}-{'raised' if up == new else 'lowered'}"
    if gap.keyword == "required" and not known:
        return "required-property-added" if new else "property-removed"
    if gap.keyword == "required":
        return "required-added" if new else "required-removed"
    if gap.keyword == "properties":
        return "property-added" if new else "property-removed"
    if gap.keyword == "additionalProperties" and gap.name:
        return "property-removed" if new else "property-added"
    return _KINDS.get(gap.keyword, f"{_hyphened(gap.keyword)}-changed")


def sentence(gap: Gap, side: Side[Document], *, known: bool, lenient: bool, proved: bool) -> str:
    """What changed, and whom it breaks how; ``proved``: there is a payload that shows it."""
    whom = side.whom
    new = whom == NEW_READERS
    closing = gap.keyword == "additionalProperties"
    place = field_of(gap.pointer.removesuffix("/additionalProperties") if closing else gap.pointer)
    what = f"`{place}`" if place else "the event"
    theirs = "old events" if new else "new events"
    refuse = f"{whom} refuse {theirs}" if proved else f"{whom} may refuse {theirs}"
    if gap.keyword == "properties":
        if takes_nothing(gap.reader):
            return f"{what} is forbidden, and {theirs} may have it: {refuse} that do."
        return _undeclared(what, new=new, lenient=lenient)
    if gap.keyword == "required":
        name = f"`{_joined(place, gap.name)}`"
        if new:
            was = "was optional" if known else "is new"
            return f"{name} {was} and must be there now: {refuse} that lack it. Give it a default."
        gone = "is optional now" if known else "is gone"
        return f"{name} was required and {gone}: {refuse} that lack it."
    if gap.keyword == "unfit":
        default = _text(_default(gap.reader, gap.name, side.reader))
        return (
            f"the default {default} of `{_joined(place, gap.name)}` breaks its own rules: "
            f"{refuse} that lack it, for it is filled in there."
        )
    if gap.keyword == "default":
        name = f"`{_joined(place, gap.name)}`"
        return (
            f"the default of {name} is filled in where {theirs} lack it, and other rules look at "
            f"it; what follows is not clear, so {whom} may refuse them."
        )
    if gap.keyword == "dependentRequired" and gap.name:
        return (
            f"`{_joined(place, gap.name)}` must be there if another property is, and that one is "
            f"always filled in: {refuse} that lack it."
        )
    if gap.keyword in ("additionalProperties", "unevaluatedProperties"):
        return _closed(gap, place, what, refuse, new=new)
    before, after = _said(gap.writer, gap.keyword), _said(gap.reader, gap.keyword)
    if not new:
        before, after = after, before
    if gap.keyword == "type":
        before, after = types_said(gap.writer, side.writer), types_said(gap.reader, side.reader)
        if not new:
            before, after = after, before
        return f"{what} was {_types(before)} and is {_types(after)} now: {refuse}."
    if gap.keyword == "enum":
        return _values(what, gap, refuse, new=new)
    if gap.keyword == "false":
        return f"{what} is not allowed: {refuse}."
    label = _RAISED.get(gap.keyword, f"its {gap.keyword}")
    if gap.keyword in ("anyOf", "oneOf"):
        fit = "fits none" if gap.keyword == "anyOf" else "fits none, or more than one,"
        return f"{what}: some of what is written {fit} of the alternatives of {whom}: {refuse}."
    if before is None:
        return f"{what} has a new rule, {_rule(label, gap.keyword, after)}: {refuse} that break it."
    if after is None:
        return (
            f"{what} has lost a rule, {_rule(label, gap.keyword, before)}: {refuse} that break it."
        )
    return f"{what}: {label} was {_text(before)} and is {_text(after)} now: {refuse} that break it."


def _undeclared(what: str, *, new: bool, lenient: bool) -> str:
    if lenient:
        return f"{what} may hold something else in what is written."
    if new:
        return (
            f"{what} was added, but the old schema is open, as pydantic's own are: it lets old events carry anything "
            f"under that name, and new readers refuse what doesn't fit. Two ways out: "
            f'policy="lenient", which trusts writers to write only what they declare; or close '
            f'the model (additionalProperties: false; in pydantic extra="forbid") in a release '
            f"forced with a reason, and add fields from then on."
        )
    return (
        f"{what} is gone, but the new schema is open: it lets new events carry anything under "
        f'that name, and old readers refuse what doesn\'t fit. policy="lenient" trusts writers '
        f"to write only what they declare."
    )


def _closed(gap: Gap, place: str, what: str, refuse: str, *, new: bool) -> str:
    if gap.name:
        name = f"`{_joined(place, gap.name)}`"
        if new:
            return f"{name} is gone, and the model is closed to what it doesn't declare: {refuse} that have it."
        return f"{name} is new, and old readers are closed to what they don't declare: {refuse} that have it."
    change = "no longer takes" if new else "takes"
    rest = (
        "properties that it doesn't declare" if new else "properties that it didn't declare before"
    )
    return f"{what} {change} {rest}, or not all of them: {refuse} that have others."


def _values(what: str, gap: Gap, refuse: str, *, new: bool) -> str:
    allowed, written = gap.reader["enum"], _said(gap.writer, "enum")
    if written is None:
        listed = ", ".join(map(_text, allowed[:5])) + (", …" if len(allowed) > 5 else "")
        text = "must be one of" if new else "had to be one of"
        return f"{what} {text} {listed}: {refuse} with another value."
    gone = [value for value in written if value not in allowed]
    listed = ", ".join(map(_text, gone[:5])) + (", …" if len(gone) > 5 else "")
    text = "no longer allows" if new else "allows now"
    return f"{what} {text} {listed}: {refuse} with that value."


def takes_nothing(schema: Schema) -> bool:
    """Whether it refuses everything, by the look of it."""
    return schema is False or schema in ({"not": True}, {"not": {}})


def field_of(pointer: str) -> str:
    """A schema pointer as the path of a field: ``address.zip``, ``lines[].sku``."""
    parts = names_of(pointer)
    found, place = "", 0
    while place < len(parts):
        part, place = parts[place], place + 1
        if part in ("properties", "$defs", "definitions", "patternProperties"):
            name = parts[place] if place < len(parts) else ""
            place += 1
            found = name if part in ("$defs", "definitions") else _joined(found, name)
        elif part in ("items", "prefixItems", "additionalProperties"):
            found += "[]" if part != "additionalProperties" else ".*" if found else "*"
            place += part == "prefixItems"
        elif part in ("allOf", "anyOf", "oneOf"):
            place += 1
    return found


def _said(schema: Schema, keyword: str) -> Any:
    if not isinstance(schema, Mapping):
        return None
    if keyword in schema:
        return schema[keyword]
    for part in schema.get("allOf", ()):
        found = _said(part, keyword)
        if found is not None:
            return found
    return None


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def types_said(schema: Schema, document: Document) -> list[str] | None:
    """The types that a schema names, or its values have, or its alternatives; ``None``: any."""
    schema = document.resolved(schema)
    if not isinstance(schema, dict):
        return None
    if "type" in schema:
        return [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])
    if "enum" in schema:
        return list(dict.fromkeys(map(_kind_of, schema["enum"])))
    for keyword in ("anyOf", "oneOf"):
        parts = [types_said(part, document) for part in schema.get(keyword, ())]
        if parts and None not in parts:
            return list(dict.fromkeys(name for part in parts for name in part or ()))
    beside = [{"$ref": schema["$ref"]}] if "$ref" in schema else []
    for part in [*schema.get("allOf", ()), *beside]:
        found = types_said(part, document)
        if found is not None:
            return found
    return None


def _default(schema: Schema, name: str, document: Document) -> Any:
    """The default of a property, its own or of what it refers to."""
    part = schema.get("properties", {}).get(name) if isinstance(schema, dict) else None
    while isinstance(part, dict) and "default" not in part and "$ref" in part:
        part = document.targets[part["$ref"]]
    return part.get("default") if isinstance(part, dict) else None


def _kind_of(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return "null" if value is None else kinds.get(type(value), "object")


def _types(types: list[str] | None) -> str:
    return "anything" if types is None else " or ".join(types)


def _rule(label: str, keyword: str, value: Any) -> str:
    if keyword in _RAISED:
        return f"a {label} of {_text(value)}"
    return f"{keyword}: {_text(value)}"


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"


def _hyphened(keyword: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in keyword)

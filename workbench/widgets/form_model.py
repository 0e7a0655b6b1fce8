"""A form from a JSON Schema: one text a field, read back into a payload or into a sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import EventError
from workbench.events import EventType

_ABSENT = object()


@dataclass(frozen=True)
class FormField:
    """One field. ``kind`` is ``text``, ``integer``, ``number``, ``choice`` or ``json``."""

    name: str
    kind: str
    hint: str
    required: bool
    choices: tuple[str, ...] = ()
    is_key: bool = False


def fields_of(event_type: EventType) -> list[FormField]:
    """The form's fields, in the schema's order."""
    required = set(event_type.schema.get("required", ()))
    found = []
    for name, schema in event_type.properties.items():
        plain, nullable = _without_null(schema, event_type)
        kind, hint, choices = _kind(plain)
        needed = name in required and not nullable
        hint += "" if needed else ", optional"
        found.append(FormField(name, kind, hint, needed, choices, name == event_type.key))
    return found


def text_of(field: FormField, value: Any) -> str:
    """How a value stands in its field."""
    if value is None:
        return ""
    if field.kind == "text" and isinstance(value, str):
        return value
    if field.kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return json.dumps(value, ensure_ascii=False, default=str)


def read_form(
    event_type: EventType, texts: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The payload that a form's texts make, and field → what is wrong with it.

    What concerns the whole payload stands under the name ``""``.
    """
    payload: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in fields_of(event_type):
        try:
            value = _read(field, texts.get(field.name, ""))
        except ValueError as error:
            wrong[field.name] = str(error)
            continue
        if value is not _ABSENT:
            payload[field.name] = value
    if wrong:
        return payload, wrong
    try:
        problem = event_type.problem_with(payload)
    except EventError as error:
        return payload, {"": str(error)}
    if problem:
        _, _, rest = problem.partition(": ")
        where, _, message = rest.partition(": ")
        name = where.split(".")[0]
        if name not in payload:
            return payload, {"": rest}
        return payload, {name: rest if "." in where else message}
    return payload, {}


def _read(field: FormField, text: str) -> Any:
    if not text.strip():
        if field.required:
            raise ValueError("needed: fill it in.")
        return _ABSENT
    if field.kind == "text":
        return text
    if field.kind == "integer":
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a whole number.") from None
    if field.kind == "number":
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"{text!r} is not a number; write it like 12.5.")
        return number
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise ValueError("nested too deeply to be read.") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"not JSON: {name} is no number there.")


def _without_null(schema: Any, event_type: EventType) -> tuple[Mapping[str, Any], bool]:
    if not isinstance(schema, Mapping):
        return {}, False
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            branches = [event_type.resolve(branch) for branch in schema[choice]]
            real = [branch for branch in branches if branch.get("type") != "null"]
            if len(real) == 1:
                return real[0], len(real) < len(branches)
            return {}, len(real) < len(branches)
    kind = schema.get("type")
    if isinstance(kind, list):
        rest = [one for one in kind if one != "null"]
        return {**schema, "type": rest[0] if len(rest) == 1 else None}, "null" in kind
    return schema, False


def _kind(schema: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    if schema.get("enum"):
        choices = tuple(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
        return "choice", "one of these", choices
    kind = schema.get("type")
    if kind == "boolean":
        return "choice", "yes or no", ("true", "false")
    if kind in ("integer", "number"):
        return kind, ("whole number" if kind == "integer" else "number") + _bounds(schema), ()
    if kind == "string":
        return "text", str(schema.get("format") or "text"), ()
    if kind == "array":
        return "json", "list, as JSON", ()
    return "json", "JSON" if kind != "object" else "object, as JSON", ()


def _bounds(schema: Mapping[str, Any]) -> str:
    signs = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "exclusiveMaximum": "<",
    }
    return "".join(f" {sign} {schema[rule]}" for rule, sign in signs.items() if rule in schema)

"""An Avro schema as a JSON Schema; the rules stand in the package's docstring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import EventError
from workbench.events.conversion.to_avro import FULL_NAME, NAME
from workbench.events.event_type import DIALECT

_PLAIN: dict[str, dict[str, Any]] = {
    "null": {"type": "null"},
    "boolean": {"type": "boolean"},
    "int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer"},
    "float": {"type": "number", "x-avro": {"type": "float"}},
    "double": {"type": "number"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "string": {"type": "string"},
}
_LOGICAL: dict[tuple[str, str], dict[str, Any]] = {
    ("int", "date"): {"type": "string", "format": "date"},
    ("long", "timestamp-micros"): {"type": "string", "format": "date-time"},
    ("string", "uuid"): {"type": "string", "format": "uuid"},
}
_TEXT_FORMS = {
    "decimal": "decimal",
    "big-decimal": "decimal",
    "timestamp-millis": "date-time",
    "timestamp-nanos": "date-time",
    "uuid": "uuid",
    "time-millis": None,
    "time-micros": None,
    "local-timestamp-millis": None,
    "local-timestamp-micros": None,
    "local-timestamp-nanos": None,
}
"""Logical types that are texts in JSON → the text's format, where JSON Schema has one."""

_NAMED = {"record", "error", "enum", "fixed"}
_MOST_TYPES = 10_000


def schema_from_avro(avro: Any) -> tuple[str, dict[str, Any]]:
    """The full name of an Avro record, and the JSON Schema of what it holds.

    Raises
    ------
    EventError
        It is no Avro record, or no valid one.
    """
    _check(avro)
    if not isinstance(avro, Mapping) or avro.get("type") not in {"record", "error"}:
        raise EventError("an event is a record in Avro, and this is none.")
    reader = _Reader()
    name = _full_name(avro, "")
    reader.places[name] = "#"
    schema = {"$schema": DIALECT, **reader.named(avro, name)}
    if reader.definitions:
        schema["$defs"] = reader.definitions
    return name, schema


class _Reader:
    """One Avro schema on its way into JSON Schema."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self.places: dict[str, str] = {}
        """The full name of a type → where it stands in the JSON Schema."""

    def type(self, avro: Any, namespace: str) -> dict[str, Any]:
        if isinstance(avro, list):
            if not avro:
                raise _wrong("a union of no types")
            return {"anyOf": [self.type(branch, namespace) for branch in avro]}
        if isinstance(avro, str):
            if avro in _PLAIN:
                return dict(_PLAIN[avro])
            name = avro if "." in avro or not namespace else f"{namespace}.{avro}"
            return {"$ref": self.places.get(name) or self.places[avro]}
        kind = _needed(avro, "type", (str, dict, list))
        if not isinstance(kind, str):
            return self.type(kind, namespace)
        if kind in _NAMED:
            name = _full_name(avro, namespace)
            self.places[name] = f"#/$defs/{name}"
            self.definitions[name] = {}  # keeps its place before those in it
            self.definitions[name] = self.named(avro, name)
            return {"$ref": self.places[name]}
        if kind == "array":
            return {"type": "array", "items": self.type(avro.get("items"), namespace)}
        if kind == "map":
            values = self.type(avro.get("values"), namespace)
            return {"type": "object", "additionalProperties": values}
        return self._logical(avro, kind) or self.type(kind, namespace)

    def _logical(self, avro: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
        logical = avro.get("logicalType")
        if (kind, logical) in _LOGICAL:
            return dict(_LOGICAL[kind, str(logical)])
        if logical not in _TEXT_FORMS:
            return None  # the specification: one that is not known is ignored
        form = _TEXT_FORMS[logical]
        told = {"type", "logicalType", "precision", "scale"}
        own = {field: value for field, value in avro.items() if field in told}
        return {"type": "string", **({"format": form} if form else {}), "x-avro": own}

    def named(self, avro: Mapping[str, Any], name: str) -> dict[str, Any]:
        """A record, an enum or a fixed."""
        doc = {"description": avro["doc"]} if isinstance(avro.get("doc"), str) else {}
        own: dict[str, Any] = {"aliases": avro["aliases"]} if avro.get("aliases") else {}
        if avro["type"] == "enum":
            if "default" in avro:
                own["default"] = avro["default"]
            symbols = _needed(avro, "symbols", list)
            if not symbols or not all(isinstance(s, str) and NAME.fullmatch(s) for s in symbols):
                raise _wrong(f"the symbols of {name!r} are not names")
            made = {"type": "string", **doc, "enum": [*symbols]}
        elif avro["type"] == "fixed":
            _needed(avro, "size", int)
            told = {"type", "size", "logicalType", "precision", "scale"}
            own |= {field: value for field, value in avro.items() if field in told}
            form = _TEXT_FORMS.get(str(avro.get("logicalType")))
            text = {"format": form} if form else {"contentEncoding": "base64"}
            made = {"type": "string", **doc, **text}
        else:
            made = self._record(avro, name.rpartition(".")[0], doc)
        return made | ({"x-avro": own} if own else {})

    def _record(
        self, avro: Mapping[str, Any], namespace: str, doc: dict[str, Any]
    ) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for field in _needed(avro, "fields", list):
            name = _needed(field, "name", str)
            if not NAME.fullmatch(name) or name in fields:
                raise _wrong(f"a field is called {name!r}, which is no name, or another's")
            fields[name] = self._field(field, namespace)
        required = [
            field["name"]
            for field in avro["fields"]
            if "default" not in field or field.get("required") is True
        ]
        return {
            "type": "object",
            **doc,
            "properties": fields,
            **({"required": required} if required else {}),
        }

    def _field(self, field: Mapping[str, Any], namespace: str) -> dict[str, Any]:
        made = self.type(field.get("type"), namespace)
        told = {"aliases", "order"}
        own = {name: value for name, value in field.items() if name in told}
        if isinstance(field.get("doc"), str):
            made["description"] = field["doc"]
        if "default" in field:
            kinds = field["type"]
            first = kinds[0] if isinstance(kinds, list) else kinds
            if _same_in_json(first, field["default"]):
                made["default"] = field["default"]
            else:
                own["default"] = field["default"]
        return made | ({"x-avro-field": own} if own else {})


def _same_in_json(avro: Any, default: Any) -> bool:
    """Whether a default in Avro is written alike in JSON; bytes and times are not."""
    if isinstance(avro, str):
        return avro in {"null", "boolean", "int", "long", "float", "double", "string"}
    kind = avro["type"]
    if kind in {"array", "map"}:
        return not default
    return kind == "enum" or (kind == "string" and avro.get("logicalType") in {None, "uuid"})


def _full_name(avro: Mapping[str, Any], namespace: str) -> str:
    name, own = _needed(avro, "name", str), avro.get("namespace", namespace)
    full = name if "." in name or not own else f"{own}.{name}"
    if not FULL_NAME.fullmatch(full):
        raise _wrong(f"{full!r} is no name of a type")
    return full


def _needed(avro: Any, name: str, kind: type | tuple[type, ...]) -> Any:
    """What a part of the schema must have; the library takes some that have it not."""
    if not isinstance(avro, Mapping):
        raise _wrong(f"{avro!r} stands where a type or a field should")
    value = avro.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _wrong(f"{avro.get('name', 'a type')!r} has no {name!r}, or a wrong one")
    return value


def _wrong(reason: str) -> EventError:
    return EventError(f"this is no Avro schema: {reason.splitlines()[0].rstrip('.')[:300]}.")


def _check(avro: Any) -> None:
    """Have the Avro library read it, so that names, unions and defaults are known to be right."""
    from fastavro import parse_schema
    from fastavro.schema import SchemaParseException, UnknownType

    ahead, n = [avro], 0
    while ahead:
        found, n = ahead.pop(), n + 1
        if n > _MOST_TYPES:
            raise EventError("this is too large for the schema of an event.")
        if isinstance(found, Mapping | list):
            ahead += found.values() if isinstance(found, Mapping) else found
    try:
        parse_schema(avro, _write_hint=False)
    except RecursionError as error:
        raise EventError("it is nested too deeply.") from error
    except UnknownType as error:
        raise _wrong(f"there is no type {error.name!r}") from error
    except KeyError as error:
        raise _wrong(f"{error.args[0]!r} is missing") from error
    except (SchemaParseException, ValueError, TypeError, AttributeError) as error:
        raise _wrong(str(error)) from error

"""A JSON Schema as an Avro schema; the rules stand in the package's docstring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import EventError
from workbench.events.json_pointer import names_of

if TYPE_CHECKING:
    from workbench.events.event_type import EventType

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FULL_NAME = re.compile(rf"{NAME.pattern}(\.{NAME.pattern})*")

_STRINGS: dict[Any, Any] = {
    "date": {"type": "int", "logicalType": "date"},
    "date-time": {"type": "long", "logicalType": "timestamp-micros"},
    "uuid": {"type": "string", "logicalType": "uuid"},
}
_PLAIN = {"null": "null", "boolean": "boolean", "number": "double"}
_INT = 2**31
_MOST_STEPS = 10_000


def avro_schema(event_type: EventType) -> dict[str, Any]:
    """The Avro record of an event type, as plain data.

    Raises
    ------
    EventError
        Avro can't say it; names the field, and why.
    """
    event_type.problem_with({})  # compiles the schema, so that a bad one is said
    writer = _Writer(event_type)
    try:
        return writer.record()
    except RecursionError as error:
        raise writer.error("", "it goes on for ever, or nests too deeply") from error


class _Writer:
    """One event type on its way into Avro."""

    def __init__(self, event_type: EventType) -> None:
        self.event_type = event_type
        self.namespace = event_type.name.rpartition(".")[0]
        self.steps = 0
        self.names: dict[str, str] = {}
        """Where a named type stands in the JSON Schema → its name in Avro."""

    def record(self) -> dict[str, Any]:
        name, schema = self.event_type.name, self.event_type.resolve(self.event_type.schema)
        if not FULL_NAME.fullmatch(name):
            raise self.error("", f"Avro takes no name like {name!r}: letters, digits and '_' only")
        self.names["#"] = name
        reference = self.event_type.schema.get("$ref")
        if isinstance(reference, str):
            self.names[reference] = name
        if not isinstance(schema.get("properties"), Mapping):
            raise self.error("", "an event in Avro is a record, and needs 'properties'")
        made = self._record(schema, name, "")
        own = {"version": self.event_type.version, "key": self.event_type.key}
        made |= {field: value for field, value in own.items() if value is not None}
        _checked(made, self.event_type.name)
        return made

    def error(self, field: str, why: str) -> EventError:
        where = f"{self.event_type.name} v{self.event_type.version}"
        return EventError(f"{where} is not written as Avro: {f'{field}: ' if field else ''}{why}.")

    # --- types ----------------------------------------------------------------------------

    def type(self, schema: Any, field: str) -> Any:
        """The Avro type of a schema; ``field`` is its way from the top, for errors and names."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise self.error("", "it is too large")
        if not isinstance(schema, Mapping):
            raise self.error(field, "Avro has no type for any value")
        if "$ref" in schema:
            return self._reference(schema, field)
        if _is_named(schema):
            return self._named(schema, self._name(field), field)
        made = self._bare(schema, field)
        if isinstance(made, list) or "x-avro" not in schema:
            return made
        laid = {**(made if isinstance(made, dict) else {"type": made}), **_over(schema)}
        return laid["type"] if laid.keys() == {"type"} else laid

    def _reference(self, schema: Mapping[str, Any], field: str) -> Any:
        pointer = schema["$ref"]
        if pointer in self.names:
            return self.names[pointer]
        target = self.event_type.resolve({"$ref": pointer})
        if "$ref" in target:
            raise self.error(field, f"{pointer!r} points to nothing here")
        name = names_of(str(pointer).removeprefix("#"))[-1] if pointer != "#" else "#"
        if not _is_named(target):
            return self.type(target, field)
        if not FULL_NAME.fullmatch(name):
            raise self.error(field, f"Avro takes no name like {name!r}")
        name = self._qualified(name)
        self.names[pointer] = name
        return self._named(target, name, field)

    def _bare(self, schema: Mapping[str, Any], field: str) -> Any:
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return self._union([self.type(branch, field) for branch in branches], field)
        parts = schema.get("allOf", [])
        if len(parts) == 1 and "type" not in schema and "properties" not in schema:
            return self.type(parts[0], field)
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return self._union([self._bare({**schema, "type": k}, field) for k in kinds], field)
        values = _values(schema)
        if kinds is None and values:
            kinds = _kind_of(values)
        if kinds is None:
            kinds = "object" if "properties" in schema else "array" if "items" in schema else None
        if kinds == "string":
            if schema.get("contentEncoding") == "base64":
                return "bytes"
            return _STRINGS.get(schema.get("format"), "string")
        if kinds == "integer":
            return "int" if _fits(schema) else "long"
        if kinds == "array":
            if not isinstance(schema.get("items"), Mapping) or "prefixItems" in schema:
                raise self.error(field, "an array in Avro has one schema for all its items")
            return {"type": "array", "items": self.type(schema["items"], f"{field}[]")}
        if kinds == "object":
            return self._map(schema, field)
        if kinds in _PLAIN:
            return _PLAIN[kinds]
        raise self.error(field, "Avro has no type for any value; say which 'type' it has")

    def _map(self, schema: Mapping[str, Any], field: str) -> Any:
        values = schema.get("additionalProperties")
        if not isinstance(values, Mapping) or "patternProperties" in schema:
            raise self.error(
                field, "an object in Avro has either 'properties' or one schema for all its values"
            )
        return {"type": "map", "values": self.type(values, f"{field}{{}}")}

    def _union(self, types: list[Any], field: str) -> Any:
        flat = [one for made in types for one in (made if isinstance(made, list) else [made])]
        kept: dict[str, Any] = {}
        for one in flat:
            kind = _branch(one)
            if kind in kept and kept[kind] != one:
                raise self.error(field, f"a union in Avro holds only one {kind}")
            kept[kind] = one
        return [*kept.values()] if len(kept) > 1 else next(iter(kept.values()))

    # --- named types ----------------------------------------------------------------------

    def _named(self, schema: Mapping[str, Any], name: str, field: str) -> dict[str, Any]:
        extra = _over(schema)
        if "properties" in schema:
            return self._record(schema, name, field)
        doc = {"doc": schema["description"]} if isinstance(schema.get("description"), str) else {}
        if extra.get("type") == "fixed":
            return {"type": "fixed", "name": name, **doc, **extra}
        return {"type": "enum", "name": name, **doc, "symbols": _values(schema), **extra}

    def _record(self, schema: Mapping[str, Any], name: str, field: str) -> dict[str, Any]:
        if isinstance(schema.get("additionalProperties"), Mapping) or "patternProperties" in schema:
            raise self.error(field, "a record in Avro has no fields beside those it names")
        made: dict[str, Any] = {"type": "record", "name": name}
        if isinstance(schema.get("description"), str):
            made["doc"] = schema["description"]
        required = schema.get("required", [])
        made["fields"] = [
            self._field(name, rule, f"{field}.{name}".strip("."), required=name in required)
            for name, rule in schema["properties"].items()
        ]
        return made | _over(schema)

    def _field(self, name: str, schema: Any, field: str, *, required: bool) -> dict[str, Any]:
        if not NAME.fullmatch(name):
            raise self.error(field, f"Avro takes no field like {name!r}: letters, digits, '_' only")
        made: dict[str, Any] = {"name": name, "type": self.type(schema, field)}
        extra = _over(schema, "x-avro-field")
        if isinstance(schema.get("description"), str) and not _is_named(schema):
            made["doc"] = schema["description"]
        if "default" not in extra:
            if not required:
                self._optional(made, schema, field)
            elif isinstance(schema, Mapping) and "default" in schema:
                self._default(made, schema["default"])
        if required and "default" in {*made, *extra}:
            made["required"] = True  # Avro has no word for it: a default is for old events alone
        return made | extra

    def _default(self, made: dict[str, Any], default: Any) -> bool:
        """Give a field a default, if one of its types takes it."""
        union = made["type"] if isinstance(made["type"], list) else [made["type"]]
        fitting = [one for one in union if _takes(one, default)]
        if not fitting:
            return False
        if isinstance(made["type"], list):  # a default is of the first branch
            made["type"] = [fitting[0], *(one for one in union if one is not fitting[0])]
        made["default"] = default
        return True

    def _optional(self, made: dict[str, Any], schema: Mapping[str, Any], field: str) -> None:
        """Give a field its default; without one it is null where it is absent."""
        default = schema.get("default")
        if default is None:
            union = made["type"] if isinstance(made["type"], list) else [made["type"]]
            others = [one for one in union if one != "null"]
            made["type"] = ["null", *others] if others else "null"
            made["default"] = None
            return
        if not self._default(made, default):
            raise self.error(
                field, f"its default {default!r} has no form in Avro; require the field, or drop it"
            )

    # --- names ----------------------------------------------------------------------------

    def _name(self, field: str) -> str:
        """A name for a type that has none: the event's and the field's."""
        words = re.findall(r"[A-Za-z0-9]+", field)
        last = self.event_type.name.rpartition(".")[2]
        base = last + "".join(word[0].upper() + word[1:] for word in words)
        name, n = self._qualified(base), 2
        while name in self.names.values():
            name, n = self._qualified(f"{base}{n}"), n + 1
        self.names[f"{field} {name}"] = name
        return name

    def _qualified(self, name: str) -> str:
        return f"{self.namespace}.{name}" if self.namespace and "." not in name else name


def _is_named(schema: Any) -> bool:
    """Whether Avro gives it a name: a record, an enum or a fixed."""
    if not isinstance(schema, Mapping) or "$ref" in schema or isinstance(schema.get("type"), list):
        return False
    if _over(schema).get("type") == "fixed":
        return True
    if schema.get("type") in {None, "object"} and "properties" in schema:
        return True
    values = _values(schema)
    return schema.get("type") in {None, "string"} and bool(values) and all(map(_is_symbol, values))


def _over(schema: Mapping[str, Any], keyword: str = "x-avro") -> dict[str, Any]:
    """What is laid over the Avro that is made from the rest."""
    over = schema.get(keyword)
    return dict(over) if isinstance(over, Mapping) else {}


def _is_symbol(value: Any) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _values(schema: Mapping[str, Any]) -> list[Any]:
    """What an enum or a const allows."""
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return list(dict.fromkeys(values)) if all(map(_hashable, values)) else []


def _hashable(value: Any) -> bool:
    return not isinstance(value, list | dict)


def _kind_of(values: list[Any]) -> Any:
    """The ``type`` of values that have none beside them."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    found = list(dict.fromkeys(kinds[type(value)] for value in values if type(value) in kinds))
    return found[0] if len(found) == 1 else None


def _fits(schema: Mapping[str, Any]) -> bool:
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = isinstance(low, int | float) and isinstance(high, int | float)
    return bounds and low >= -_INT and high < _INT  # type: ignore[operator]


def _branch(made: Any) -> str:
    """What a union may hold only once: a name, or the kind of a type that has none."""
    if isinstance(made, str):
        return made
    return str(made.get("name", made["type"]))


def _takes(made: Any, default: Any) -> bool:
    """Whether a default of JSON is one of an Avro type, too."""
    kind = made if isinstance(made, str) else made["type"]
    if not isinstance(made, str) and "logicalType" in made and made["logicalType"] != "uuid":
        return False
    if isinstance(made, dict) and kind == "enum":
        return default in made["symbols"]
    if default is None:
        return kind == "null"
    if isinstance(default, bool):
        return kind == "boolean"
    if isinstance(default, int):
        return kind in {"int", "long", "double", "float"}
    if isinstance(default, float):
        return kind in {"double", "float"}
    if isinstance(default, str):
        return kind == "string"
    if isinstance(default, list):
        return kind == "array" and not default
    if kind == "record":
        wanted = {field["name"] for field in made["fields"] if "default" not in field}
        return bool(wanted <= default.keys())
    return kind == "map" and not default


def _checked(made: dict[str, Any], name: str) -> None:
    """Have the Avro library read it: nothing leaves here that it would refuse."""
    from fastavro import parse_schema
    from fastavro.schema import SchemaParseException

    try:
        parse_schema(made, _write_hint=False)
    except (SchemaParseException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise EventError(f"{name} is not written as Avro: {str(error).splitlines()[0]}.") from error

"""An Avro schema made ready for reading: whole, with full names, and with JSON as its values.

What a schema refers to is written into it, logical types become those of
:mod:`workbench.capture.avro_logical`, and what is no use in reading (defaults, aliases, documentation)
is left out. fastavro reads by what comes out of here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from workbench.capture.avro_logical import converted
from workbench.errors import LogError

PRIMITIVES: Final = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
NAMED: Final = ("record", "error", "enum", "fixed")
_DEEPEST: Final = 64
"""A schema may be nested so deep: what reads by it goes as deep on the machine's stack."""


class ReadingSchema:
    """A schema, ready for reading values.

    Parameters
    ----------
    schema
        The decoded JSON of an Avro schema.
    referenced
        The schemas whose names it may use.

    Attributes
    ----------
    root
        The schema for fastavro.
    named
        Its named types by their full names.
    bounded
        Whether the size of a value bounds what it holds. A type that holds itself may be nested
        as deep as it likes, and of items without a byte there may be any number.
    """

    def __init__(self, schema: Any, referenced: Iterable[Any] = ()) -> None:
        self.named: dict[str, dict[str, Any]] = {}
        self.bounded = True
        self._open: list[str] = []
        self._defined_by: dict[str, Any] = {}
        self._known: dict[str, tuple[Any, str]] = {}
        for other in referenced:
            with suppress(LogError):  # a name that is missing then is said where it is used
                self._gather(other, "", 0)
        self.root = self._made(schema, "", 0)

    def is_hollow(self, made: Any) -> bool:
        """Whether a value of this type takes no bytes."""
        made = self.named.get(made, made) if isinstance(made, str) else made
        if not isinstance(made, dict):
            return bool(made == "null")
        if made["type"] == "fixed":
            return bool(made["size"] == 0)
        fields = made.get("fields")
        return fields is not None and all(self.is_hollow(f["type"]) for f in fields)

    def _gather(self, schema: Any, namespace: str, depth: int) -> None:
        """Take down the named types of a schema that is referred to."""
        if depth > _DEEPEST:
            return
        if isinstance(schema, list):
            for branch in schema:
                self._gather(branch, namespace, depth + 1)
        if not isinstance(schema, dict):
            return
        if schema.get("type") in NAMED:
            name = _full_name(schema, namespace)
            self._known.setdefault(name, (schema, namespace))
            namespace = name.rpartition(".")[0]
        inner = [f.get("type") for f in _fields(schema)] + [
            schema.get(word) for word in ("items", "values", "type")
        ]
        for one in inner:
            self._gather(one, namespace, depth + 1)

    def _made(self, schema: Any, namespace: str, depth: int) -> Any:
        if depth > _DEEPEST:
            raise LogError(f"it is nested deeper than {_DEEPEST} levels")
        if isinstance(schema, str):
            return self._of_name(schema, namespace, depth)
        if isinstance(schema, list):
            if any(isinstance(branch, list) for branch in schema):
                raise LogError("a union stands in a union")
            return [self._made(branch, namespace, depth + 1) for branch in schema]
        if not isinstance(schema, Mapping) or "type" not in schema:
            raise LogError("something in it has no type")
        kind = schema["type"]
        if not isinstance(kind, str):
            return self._made(kind, namespace, depth + 1)
        if kind == "array":
            items = self._made(schema.get("items"), namespace, depth + 1)
            self.bounded &= not self.is_hollow(items)
            return {"type": kind, "items": items}
        if kind == "map":
            return {"type": kind, "values": self._made(schema.get("values"), namespace, depth + 1)}
        if kind in NAMED:
            return self._of_definition(schema, kind, namespace, depth)
        if kind in PRIMITIVES:
            marks = converted(kind, schema)
            return {"type": kind, **marks} if marks else kind
        return self._of_name(kind, namespace, depth)

    def _of_name(self, name: str, namespace: str, depth: int) -> Any:
        if name in PRIMITIVES:
            marks = converted(name, {})
            return {"type": name, **marks} if marks else name
        candidates = [name] if "." in name or not namespace else [f"{namespace}.{name}", name]
        for full in candidates:
            if full in self.named:
                self.bounded &= full not in self._open
                return full
            if full in self._known:
                definition, around = self._known[full]
                return self._of_definition(definition, definition["type"], around, depth)
        raise LogError(f"it uses a type {name!r} that neither it nor its references define")

    def _of_definition(
        self, schema: Mapping[str, Any], kind: str, namespace: str, depth: int
    ) -> Any:
        name = _full_name(schema, namespace)
        if name in self.named:
            if self._defined_by[name] != schema:
                raise LogError(f"the type {name!r} is defined twice, and not alike")
            self.bounded &= name not in self._open
            return name
        made: dict[str, Any] = {"type": "record" if kind == "error" else kind, "name": name}
        self.named[name], self._defined_by[name] = made, schema
        if kind == "enum":
            made["symbols"] = schema.get("symbols", [])
        elif kind == "fixed":
            made |= {"size": schema.get("size"), **converted(kind, schema)}
        else:
            self._open.append(name)
            inside = name.rpartition(".")[0]
            made["fields"] = [
                {"name": f.get("name"), "type": self._made(f.get("type"), inside, depth + 1)}
                for f in _fields(schema)
            ]
            self._open.pop()
        return made


def _fields(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = schema.get("fields", [])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _full_name(schema: Mapping[str, Any], namespace: str) -> str:
    name = schema.get("name")
    if not isinstance(name, str):
        raise LogError(f"a {schema['type']} in it has no name")
    if "." in name:
        return name
    within = schema.get("namespace", namespace)
    return f"{within}.{name}" if within else name

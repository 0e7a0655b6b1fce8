"""Schemas of single event types as files: ``.json`` and ``.avsc``, with name, version and key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import DesignError, WorkbenchError
from workbench.events.conversion.from_avro import schema_from_avro
from workbench.events.event_type import DIALECT, EventType, parse_dataschema
from workbench.events.files import read_json

_STEM = re.compile(r"(.+?)(?:\.v(\d{1,9}))?\.(?:schema\.)?json")

KEY = "x-key"
"""The keyword that names the key field in a JSON Schema file."""


def standalone(event_type: EventType) -> dict[str, Any]:
    """The JSON Schema of an event type, with its name and version as ``$id``, and its key."""
    schema = {"$schema": DIALECT, "$id": event_type.dataschema, **event_type.schema}
    return schema | ({KEY: event_type.key} if event_type.key is not None else {})


def read_json_schema(
    path: Path, *, name: str | None, version: int | None, key: str | None
) -> EventType:
    """See :meth:`EventType.from_json_schema`."""
    schema = _read(path)
    named = parse_dataschema(str(schema.get("$id", "")))
    if named is not None:
        del schema["$id"]
    stem = _STEM.fullmatch(path.name)
    said = named or (stem[1] if stem else path.stem, int(stem[2] or 1) if stem else 1)
    found = schema.pop(KEY, None)
    return _made(
        path,
        name or said[0],
        schema,
        said[1] if version is None else version,
        found if key is None else key,
    )


def read_avro(path: Path, *, name: str | None, version: int | None, key: str | None) -> EventType:
    """See :meth:`EventType.from_avro`."""
    avro = _read(path)
    try:
        said, schema = schema_from_avro(avro)
    except WorkbenchError as error:
        raise DesignError(str(error), file=str(path)) from error
    return _made(
        path,
        name or said,
        schema,
        avro.get("version", 1) if version is None else version,
        avro.get("key") if key is None else key,
    )


def _read(path: Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise DesignError("the schema of an event must be an object.", file=str(path))
    return found


def _made(path: Path, name: str, schema: Mapping[str, Any], version: Any, key: Any) -> EventType:
    try:
        if isinstance(version, bool) or not isinstance(version, int):
            raise DesignError(f"{version!r} is not a version: versions are whole numbers.")
        if key is not None and not isinstance(key, str):
            raise DesignError(f"the key {key!r} is not the name of a field.")
        made = EventType(name, schema, version, key)
        made.problem_with({})  # compiles the schema, so that a bad one is said here
    except WorkbenchError as error:
        raise DesignError(str(error), file=str(path)) from error
    except RecursionError as error:
        raise DesignError("nested too deeply to be a schema.", file=str(path)) from error
    return made

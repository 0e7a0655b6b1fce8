"""The schemas of a design's event types, each version in a file that stands alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DesignError
from workbench.events import EventType
from workbench.events.files import write_text

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

FORMATS: dict[str, tuple[str, Callable[[EventType], dict[str, Any]]]] = {
    "json-schema": (".json", EventType.json_schema),
    "avro": (".avsc", EventType.avro_schema),
}
"""How it is called → the files' suffix, and what is in them."""


def save_schemas(choreography: Choreography, folder: Path, schema_format: str) -> list[Path]:
    """See :meth:`Choreography.save_schemas`."""
    if schema_format not in FORMATS:
        known = " or ".join(FORMATS)
        raise DesignError(f"there is no schema format {schema_format!r}; it is {known}.")
    suffix, made = FORMATS[schema_format]
    files = {
        folder / f"{name}.v{version}{suffix}": made(event_type)
        for name in choreography.event_types
        for version, event_type in choreography.versions(name).known.items()
    }
    for path, schema in files.items():
        write_text(path, json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    return [*files]

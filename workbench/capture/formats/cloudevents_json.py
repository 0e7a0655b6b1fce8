"""CloudEvents in their JSON format: one event a file, one a line, or a batch.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md

Attributes of ours (``correlationid``, ``causationid``) fill the standard columns; any other
extension is kept beside under its name, or under ``ce_`` and its name where a standard column has
that name.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.columns import COLUMNS
from workbench.capture.formats.documents import is_lines, objects_by_line, objects_of_array, shown
from workbench.capture.formats.kafka_records import payload
from workbench.capture.formats.outline import a_line_has, outline
from workbench.capture.formats.record_fields import kind_of
from workbench.capture.json_text import json_text
from workbench.capture.reading.foreign import Rejected, Source

_REQUIRED: Final = ("id", "source", "type", "specversion")
_OURS: Final = {"correlationid": "correlation_id", "causationid": "causation_id"}
_KNOWN: Final = frozenset({*_REQUIRED, "time", "data", "data_base64", *_OURS})


class CloudEventsJson:
    """CloudEvents as JSON."""

    name = "CloudEvents"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds CloudEvents."""
        fields = outline(head)
        return any(
            fields.issuperset(f"{where}{name}" for name in _REQUIRED) for where in ("", "[].")
        ) or a_line_has(head, *_REQUIRED)

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each event."""
        if is_lines(source):
            for found in objects_by_line(source):
                if isinstance(found, Rejected):
                    yield found
                else:
                    yield _row(found[2], "this line", found[0])
            return
        for element in objects_of_array(source.document()):
            if isinstance(element, Rejected):
                yield element
            else:
                yield _row(element[1], f"record {element[0]}", -1)


def _row(event: dict[str, Any], what: str, line: int) -> dict[str, Any] | Rejected:
    for name in _REQUIRED:
        value = event.get(name)
        if not isinstance(value, str) or not value:
            is_what = "missing" if value is None else "empty" if value == "" else kind_of(value)
            reason = f"{what} is not a CloudEvent: its {name!r} is {is_what}."
            return Rejected(line, reason, shown(event))
    row = {"id": event["id"], "type": event["type"], "source": event["source"]}
    row["time"] = _text(event.get("time"))
    row["correlation_id"] = _text(event.get("correlationid"))
    row["causation_id"] = _text(event.get("causationid"))
    row["data"], undecoded = _data(event)
    if undecoded is not None:
        row["undecoded"] = undecoded
    for name, value in event.items():
        if name not in _KNOWN:
            row[f"ce_{name}" if name in COLUMNS or name in row else name] = _text(value)
    return row


def _data(event: dict[str, Any]) -> tuple[Any, str | None]:
    encoded = event.get("data_base64")
    if encoded is None:
        return event.get("data"), None
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return encoded, "the data_base64 is no base64"
    try:
        data, undecoded = payload(value.decode())
    except UnicodeDecodeError:
        return encoded, "the data_base64 is no text: it was kept as it is"
    return (data, None) if undecoded is None else (encoded, undecoded)


def _text(value: Any) -> str | None:
    """An attribute as text: in JSON it may be a boolean or a number."""
    return value if value is None or isinstance(value, str) else json_text(value).decode()

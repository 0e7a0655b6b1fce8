"""What Redpanda Console saves of a topic's messages: JSON and CSV.

https://github.com/redpanda-data/console (``frontend/.../Tab.Messages/dialogs/
save-messages-dialog.tsx`` and ``utils/message-converters.ts``). A header's payload is its text as a
JSON string; a key's and a value's is what JSON they hold, or else their text. With "include raw
data" the bytes stand beside in base64.

The CSV has no headers, quotes nothing, and writes each comma of a key or a value as a semicolon.
Those between the parts of JSON are turned back; one inside a text can't be told from one that was
there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.csv_rows import begins_with, rows_of_cells
from workbench.capture.formats.documents import objects_of_array, rows_of_objects
from workbench.capture.formats.kafka_records import Headers, KafkaRecord, payload
from workbench.capture.formats.outline import TOKEN, outline
from workbench.capture.formats.record_fields import (
    NotARecordError,
    nanoseconds,
    offset_of,
    partition_of,
    text_of,
)
from workbench.capture.json_text import any_json, json_text
from workbench.capture.reading.foreign import Rejected, Source

_FIELDS: Final = ("[].partitionID", "[].offset", "[].timestamp")
_COLUMNS: Final = ("timestamp", "partitionID", "offset", "key", "value", "keySize", "valueSize")
_MILLISECOND: Final = 1_000_000


class RedpandaJson:
    """Redpanda Console's JSON."""

    name = "Redpanda Console (JSON)"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so was saved by Redpanda Console."""
        return outline(head).issuperset(_FIELDS)

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each message."""
        return rows_of_objects(
            objects_of_array(source.document()),
            _row,
            NotARecordError,
            "record {} is no message as Redpanda Console saves it",
        )


class RedpandaCsv:
    """Redpanda Console's CSV."""

    name = "Redpanda Console (CSV)"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so was saved by Redpanda Console."""
        return begins_with(head, *_COLUMNS)

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each message."""
        return rows_of_cells(source, _csv_row, "this is no message as Redpanda Console saves it")


def _row(message: dict[str, Any]) -> dict[str, Any]:
    return KafkaRecord(
        value=_value(message.get("value")),
        headers=_headers(message.get("headers")),
        key=_text(message.get("key")),
        partition=partition_of(message.get("partitionID")),
        offset=offset_of(message.get("offset")),
        broker_time=nanoseconds(message.get("timestamp"), _MILLISECOND),
    ).row()


def _csv_row(cells: dict[str, str]) -> dict[str, Any]:
    return KafkaRecord(
        value=_with_commas(cells["value"]) or None,
        key=cells["key"] or None,
        partition=partition_of(cells["partitionID"] or None),
        offset=offset_of(cells["offset"] or None),
        broker_time=nanoseconds(cells["timestamp"], _MILLISECOND),
    ).row()


def _text(part: Any) -> str | None:
    """A key or a value as the text that it was."""
    if part is None:
        return None
    if not isinstance(part, dict):
        raise NotARecordError("a key or value of it is no payload")
    if part.get("isPayloadNull") is True:
        return None
    raw = part.get("rawPayload")
    if isinstance(raw, str):
        try:
            return base64.b64decode(raw, validate=True).decode("utf-8", "backslashreplace")
        except (binascii.Error, ValueError) as error:
            raise NotARecordError("a rawPayload of it is no base64") from error
    found = part.get("payload")
    if found is None and "payload" not in part:
        return None
    return found if isinstance(found, str) else json_text(found).decode()


def _value(part: Any) -> str | None:
    """A value as the text that it was: what is text in it may have been a JSON string."""
    text = _text(part)
    is_string = text is not None and part.get("encoding") == "json" and "rawPayload" not in part
    if is_string and isinstance(part.get("payload"), str):
        return json_text(text).decode()
    return text


def _headers(found: Any) -> Headers:
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(pair, dict) for pair in found):
        raise NotARecordError("its headers are no keys and values")
    return [
        (text_of(pair.get("key"), "header's key") or "", _unquoted(_text(pair.get("value"))))
        for pair in found
    ]


def _unquoted(text: str | None) -> str | None:
    """A header's text: it is there as the JSON string that holds it."""
    if text is None or text[:1] != '"':
        return text
    try:
        value = any_json(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) else text


def _with_commas(text: str) -> str:
    """JSON with the commas back between its parts; what is not JSON then either, as it is."""
    if payload(text)[1] is None:
        return text
    parts, last = [], 0
    value = text.encode("utf-8", "replace")
    for match in TOKEN.finditer(value):
        parts.append(value[last : match.start()].replace(b";", b","))
        parts.append(match[0])
        last = match.end()
    parts.append(value[last:].replace(b";", b","))
    mended = b"".join(parts).decode()
    return mended if payload(mended)[1] is None else text

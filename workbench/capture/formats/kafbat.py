"""What kafbat UI (kafka-ui) exports of a topic's messages: JSON and CSV.

https://github.com/kafbat/kafka-ui (``frontend/.../Topics/Topic/Messages/Filters/Filters.tsx`` for
"Export", ``.../Messages/Message.tsx`` for one message that is saved as a file). Both have the
columns Value, Offset, Key, Partition, Headers and Timestamp. The topic is not told, and a header
that came twice is there once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.csv_rows import begins_with, rows_of_cells
from workbench.capture.formats.documents import objects_of_array, rows_of_objects, short_json
from workbench.capture.formats.kafka_records import Headers, KafkaRecord
from workbench.capture.formats.outline import outline
from workbench.capture.formats.record_fields import (
    NotARecordError,
    offset_of,
    partition_of,
    text_of,
)
from workbench.capture.json_text import any_json, json_text
from workbench.capture.reading.foreign import Rejected, Source

_COLUMNS: Final = ("Value", "Offset", "Key", "Partition", "Headers", "Timestamp")
_TOLD: Final = {"Offset", "Partition", "Timestamp"}
"""What is there in any message: a key or a value that is null is left out."""
_GUARDED: Final = re.compile(r"'[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would take for a formula: the ' is not part of it."""


class KafbatJson:
    """kafbat UI's JSON: an array of messages, or one message."""

    name = "kafbat UI (JSON)"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so was exported by kafbat UI."""
        fields = outline(head)
        return fields.issuperset(_TOLD) or fields.issuperset(f"[].{name}" for name in _TOLD)

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each message."""
        return rows_of_objects(
            objects_of_array(source.document(), short_json),
            lambda message: _record(message, _headers(message.get("Headers"))).row(),
            NotARecordError,
            "record {} is no message as kafbat UI exports it",
        )


class KafbatCsv:
    """kafbat UI's CSV."""

    name = "kafbat UI (CSV)"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so was exported by kafbat UI."""
        return begins_with(head, *_COLUMNS)

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each message."""
        return rows_of_cells(source, _row, "this is no message as kafbat UI exports it")


def _row(cells: dict[str, str]) -> dict[str, Any]:
    message: dict[str, Any] = {name: _cell(text) for name, text in cells.items()}
    return _record(message, _headers(_object(message["Headers"]))).row()


def _record(message: dict[str, Any], headers: Headers) -> KafkaRecord:
    value = message.get("Value", message.get("Content"))
    return KafkaRecord(
        value=value if value is None or isinstance(value, str) else json_text(value).decode(),
        headers=headers,
        key=text_of(message.get("Key"), "Key"),
        partition=partition_of(message.get("Partition")),
        offset=offset_of(message.get("Offset")),
        broker_time=text_of(message.get("Timestamp"), "Timestamp"),
    )


def _headers(found: Any) -> Headers:
    if found is None:
        return []
    if not isinstance(found, dict):
        raise NotARecordError("its Headers are no object of names and values")
    return [(name, text_of(value, "header")) for name, value in found.items()]


def _cell(text: str) -> str | None:
    """A cell's text; an empty one is what was not there: the two look the same."""
    return (text[1:] if _GUARDED.match(text) else text) or None


def _object(text: str | None) -> Any:
    try:
        return None if text is None else any_json(text)
    except (ValueError, RecursionError) as error:
        raise NotARecordError("its Headers are not JSON") from error

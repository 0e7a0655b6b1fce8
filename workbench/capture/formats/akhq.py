"""What AKHQ downloads of a topic: the JSON of "download all", and what its API answers.

https://github.com/tchiotludo/akhq (``TopicController.java``, its method ``download``, and
``models/Record.java``): an array of records, or an object whose ``results`` are one. A time is
ISO 8601 text or a number of seconds; headers are an array of key and value (an object in versions
before 0.24).

The messages that are ticked and then downloaded as "csv" or "json" are bare values, one a line or
as an array, without anything that tells of their records: they are read as any file of JSON is.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from workbench.capture.formats.documents import (
    objects_of_array,
    objects_of_member,
    rows_of_objects,
    short_json,
)
from workbench.capture.formats.kafka_records import Headers, KafkaRecord
from workbench.capture.formats.outline import outline
from workbench.capture.formats.record_fields import (
    NotARecordError,
    nanoseconds,
    offset_of,
    partition_of,
    text_of,
)
from workbench.capture.json_text import json_text
from workbench.capture.reading.foreign import Rejected, Source

_FIELDS: Final = ("partition", "offset", "timestamp", "headers", "keySchemaId", "valueSchemaId")
_SECOND: Final = 1_000_000_000


class Akhq:
    """AKHQ's JSON."""

    name = "AKHQ"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so was downloaded from AKHQ."""
        fields = outline(head)
        return any(
            fields.issuperset(f"{where}{name}" for name in _FIELDS)
            for where in ("[].", "results.[].")
        )

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each record."""
        document = source.document()
        # An array, or an object whose results are one: brackets and braces around a record are 2.
        records = (
            objects_of_array(document, short_json)
            if document.lstrip()[:1] == b"["
            else objects_of_member(document, "results", 2, short_json)
        )
        return rows_of_objects(
            records,
            lambda record: _record(record).row(),
            NotARecordError,
            "record {} is no record as AKHQ downloads it",
        )


def _record(record: dict[str, Any]) -> KafkaRecord:
    get = record.get
    topic = get("topic")
    value = get("value")
    schemas = {"key_schema": get("keySchemaId"), "value_schema": get("valueSchemaId")}
    return KafkaRecord(
        value=value if value is None or isinstance(value, str) else json_text(value).decode(),
        headers=_headers(get("headers")),
        key=text_of(get("key"), "key"),
        channel=text_of(topic.get("name"), "topic") if isinstance(topic, dict) else None,
        partition=partition_of(get("partition")),
        offset=offset_of(get("offset")),
        broker_time=_time(get("timestamp")),
        beside={name: str(schema) for name, schema in schemas.items() if schema is not None},
    )


def _time(value: Any) -> int | str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotARecordError("its timestamp is no time")
    try:
        # By way of the text: 1795636071.793 is no exact float, and what is meant are milliseconds.
        return nanoseconds(int(Decimal(repr(value)) * _SECOND), 1)
    except (InvalidOperation, OverflowError, ValueError):
        return None


def _headers(found: Any) -> Headers:
    if isinstance(found, dict):
        return [(name, text_of(value, "header")) for name, value in found.items()]
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(pair, dict) for pair in found):
        raise NotARecordError("its headers are no keys and values")
    return [
        (text_of(pair.get("key"), "header's key") or "", text_of(pair.get("value"), "header"))
        for pair in found
    ]

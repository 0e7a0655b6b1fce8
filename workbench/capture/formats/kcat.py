"""What ``kcat -C -J`` prints: one JSON envelope a line.

https://github.com/edenhill/kcat (``json.c``, its function ``fmt_msg_output_json``). Headers are an
array of names and values by turns, or an object of arrays. ``stamped_by`` says whose clock set
``broker_time``: the broker's, or, where the topic has ``CreateTime``, the producer's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.documents import objects_by_line, short_json, shown
from workbench.capture.formats.kafka_records import Headers, KafkaRecord
from workbench.capture.formats.outline import a_line_has
from workbench.capture.formats.record_fields import (
    NotARecordError,
    nanoseconds,
    offset_of,
    partition_of,
    text_of,
)
from workbench.capture.json_text import json_text
from workbench.capture.reading.foreign import Rejected, Source

_STAMPED_BY: Final = {"create": "producer", "logappend": "broker"}
_MILLISECOND: Final = 1_000_000


class Kcat:
    """kcat's JSON envelope."""

    name = "kcat"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so was printed by ``kcat -J``."""
        return a_line_has(head, "topic", "partition", "offset", "key", "payload")

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each record."""
        for found in objects_by_line(source, short_json):
            if isinstance(found, Rejected):
                yield found
                continue
            number, line, envelope = found
            try:
                yield _record(envelope).row()
            except NotARecordError as error:
                yield Rejected(
                    number, f"this is no record as kcat prints it: {error}.", shown(line)
                )


def _record(envelope: dict[str, Any]) -> KafkaRecord:
    get = envelope.get
    beside = {}
    if (stamped_by := _STAMPED_BY.get(str(get("tstype")))) is not None:
        beside["stamped_by"] = stamped_by
    if "payload_error" in envelope:
        beside["undecoded"] = f"kcat could not decode the payload: {envelope['payload_error']}"
    return KafkaRecord(
        value=_decoded(get("payload")),
        headers=_headers(get("headers")),
        key=_decoded(get("key")),
        channel=text_of(get("topic"), "topic"),
        partition=partition_of(get("partition")),
        offset=offset_of(get("offset")),
        broker_time=nanoseconds(get("ts"), _MILLISECOND),
        beside=beside,
    )


def _decoded(value: Any) -> str | None:
    """A key or a value: text, or with ``-s avro`` the JSON that kcat made of it."""
    return value if value is None or isinstance(value, str) else json_text(value).decode()


def _headers(found: Any) -> Headers:
    if found is None:
        return []
    if isinstance(found, dict):
        found = [item for n, values in found.items() for v in _listed(values) for item in (n, v)]
    if not isinstance(found, list) or len(found) % 2:
        raise NotARecordError("its headers are no names and values by turns")
    names, values = found[::2], found[1::2]
    if not {*map(type, names)} <= {str} or not {*map(type, values)} <= {str, type(None)}:
        raise NotARecordError("its headers are not all text")
    return list(zip(names, values, strict=True))


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]

"""A Kafka record, as some tool exported it, as a row of an event log.

A record whose headers are an envelope (``ce_`` attributes, see ``workbench.events``) gives the same
row as if it had been recorded from Kafka. Any other gives what is known of it: ``broker_time``,
``channel``, ``partition``, ``offset``, ``key``, ``headers`` and ``data``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from workbench.brokers import Record
from workbench.capture.columns import UNKNOWN
from workbench.capture.rows import row as recorded
from workbench.errors import EventError
from workbench.events import Envelope, from_kafka

Headers = Sequence[tuple[str, str | None]]

_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_IN_COLUMNS: Final = frozenset(
    {
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_dataschema",
        "ce_correlationid",
        "ce_causationid",
        "ce_traceparent",
        "ce_specversion",
        "traceparent",
        "content-type",
    }
)
"""Headers that a row tells of in columns of their own."""

_OURS: Final = frozenset({"ce_", "dl_"})
_PARTITIONS: Final = 2**31
_OFFSETS: Final = 2**63
_TIMES: Final = 2**63


class NotARecordError(ValueError):
    """What stands there is not a Kafka record; says why."""


@dataclass(slots=True)
class KafkaRecord:
    """What an export says of a record; ``None`` for what it doesn't say.

    ``broker_time`` is in nanoseconds since 1970, or ISO 8601 text.
    """

    value: str | None
    headers: Headers = ()
    key: str | None = None
    channel: str | None = None
    partition: int | None = None
    offset: int | None = None
    broker_time: int | str | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """The record as a row of an event log."""
        row: dict[str, Any] = {"key": self.key, **self.beside}
        for name in ("broker_time", "channel", "partition", "offset"):
            value = getattr(self, name)
            if value is not None:
                row[name] = value
        ours = _ours(self.headers)
        envelope = None
        if ours:
            headers = [(name, _bytes(text)) for name, text in self.headers]
            if "dl_" in ours:
                row["dead_letter"] = _reason(headers)
            if ours != {"dl_"}:
                try:
                    envelope = from_kafka(headers, _bytes(self.value))
                except EventError as error:
                    row["undecoded"] = str(error)
        if envelope is None:
            row["data"], undecoded = payload(self.value)
            kept = self.headers
        else:
            row.update(_columns(envelope))
            row["data"], undecoded = payload(envelope.data.decode("utf-8", "replace"))
            kept = [pair for pair in self.headers if pair[0] not in _IN_COLUMNS]
        if kept:
            row["headers"] = named(kept)
        if undecoded is not None:
            row.setdefault("undecoded", undecoded)
        return row


def _columns(envelope: Envelope) -> dict[str, Any]:
    """What an envelope says, but for its data, in the columns that a recorded event has."""
    return {
        "id": envelope.id,
        "type": envelope.type,
        "source": envelope.source,
        "time": envelope.time,
        "correlation_id": envelope.correlationid,
        "causation_id": envelope.causationid,
        "subject": envelope.subject,
        "dataschema": envelope.dataschema,
        "traceparent": envelope.traceparent,
    }


def _reason(headers: Sequence[tuple[str, bytes | None]]) -> str | None:
    """Why a record is a dead letter, as it is said of a recorded one."""
    found = recorded(Record("", UNKNOWN, UNKNOWN, -1, None, headers, None))["dead_letter"]
    return found if isinstance(found, str) else None


def payload(text: str | None) -> tuple[Any, str | None]:
    """A value as data: JSON as it came, else its text, and why it is not JSON."""
    if text is None or text == "null":
        return None, None
    try:
        return _RAW.decode(text), None
    except (ValueError, RecursionError):
        pass
    if not text:
        return "", "the payload is empty."
    if text[0] == "\0":
        return text, (
            "the payload is not JSON: it begins with a zero byte, as what a schema registry "
            "describes does."
        )
    try:
        return json.loads(text), None
    except (ValueError, RecursionError) as error:
        return text, f"the payload is not JSON: {error}."


def named(headers: Headers) -> dict[str, Any]:
    """Headers by name; a name that is there more than once has all its values, in their order."""
    found: dict[str, Any] = {}
    twice: set[str] = set()
    for name, text in headers:
        if name not in found:
            found[name] = text
        elif name in twice:
            found[name].append(text)
        else:
            twice.add(name)
            found[name] = [found[name], text]
    return found


def partition_of(value: Any) -> int | None:
    """A partition, from 0; ``None`` for none.

    Raises
    ------
    NotARecordError
        It is something else.
    """
    return _counted(value, "partition", _PARTITIONS)


def offset_of(value: Any) -> int | None:
    """An offset, from 0; ``None`` for none.

    Raises
    ------
    NotARecordError
        It is something else.
    """
    return _counted(value, "offset", _OFFSETS)


def nanoseconds(value: Any, unit: int) -> int | None:
    """A time as whole nanoseconds; ``None`` for what is no number, or too large to be a time.

    ``unit`` is how many nanoseconds one is: 1,000,000 for milliseconds.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    found = value * unit
    return found if 0 <= found < _TIMES else None


def text_of(value: Any, name: str) -> str | None:
    """Text, or ``None``.

    Raises
    ------
    NotARecordError
        It is something else.
    """
    if value is None or isinstance(value, str):
        return value
    raise NotARecordError(f"its {name} is no text but {kind_of(value)}")


def kind_of(value: Any) -> str:
    """What people call a JSON value of this kind."""
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "an array", str: "a text", type(None): "null"}
    return names.get(type(value), "a number")


def _counted(value: Any, name: str, limit: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise NotARecordError(f"its {name} is no whole number but {kind_of(value)}")
    if not 0 <= value < limit:
        raise NotARecordError(f"its {name} is not between 0 and {limit - 1:,}")
    return value


def _ours(headers: Headers) -> set[str]:
    """Which kinds of headers of ours there are: of an event (``ce_``), of a dead letter (``dl_``)."""
    found = {name[:3].lower() for name, _ in headers} & _OURS
    if not found:
        for name, text in headers:
            is_event = text is not None and text.startswith("application/cloudevents")
            if is_event and name.lower() == "content-type":
                return {"ce_"}
    return found


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "replace")

"""A Kafka record, as some tool exported it, as a row of an event log.

A record whose headers are an envelope (``ce_`` attributes, see ``workbench.events``) gives the same
row as if it had been recorded from Kafka. Any other gives what is known of it: ``broker_time``,
``channel``, ``partition``, ``offset``, ``key``, ``headers`` and ``data``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from workbench.brokers import Record
from workbench.capture.columns import UNKNOWN
from workbench.capture.rows import named
from workbench.capture.rows import row as recorded
from workbench.errors import EventError
from workbench.events import Envelope, from_kafka

Headers = Sequence[tuple[str, str | None]]

_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_COLUMNS: Final = (
    ("ce_id", "id"),
    ("ce_type", "type"),
    ("ce_source", "source"),
    ("ce_time", "time"),
    ("ce_correlationid", "correlation_id"),
    ("ce_causationid", "causation_id"),
    ("ce_subject", "subject"),
    ("ce_dataschema", "dataschema"),
)
_IN_COLUMNS: Final = frozenset(
    {"ce_traceparent", "ce_specversion", "traceparent", "content-type"}
    | {name for name, _ in _COLUMNS}
)
"""Headers that a row tells of in columns of their own."""

_REQUIRED: Final = frozenset({"ce_id", "ce_type", "ce_source"})
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
).fullmatch
"""A time as CloudEvents have it: RFC 3339."""

_OURS: Final = frozenset({"ce_", "dl_"})


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
        plain = _plain_event(self.headers)
        if plain is not None:
            row.update(plain)
            row["data"], undecoded = payload(self.value)
            if undecoded is not None:
                row["undecoded"] = undecoded
            return row
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
            has_data = self.value is not None
            data = envelope.data.decode("utf-8", "replace") if has_data else None
            row["data"], undecoded = payload(data)
            kept = [pair for pair in self.headers if pair[0] not in _IN_COLUMNS]
        if kept:
            row["headers"] = named(kept)
        if undecoded is not None:
            row.setdefault("undecoded", undecoded)
        return row


def _plain_event(headers: Headers) -> dict[str, Any] | None:
    """The columns of an event that has no headers but usual ones; ``None``: see for yourself.

    Most events are, and ``from_kafka`` takes three times as long to say the same.
    """
    texts = dict(headers)
    if texts.get("ce_specversion") != "1.0" or not texts.keys() <= _IN_COLUMNS:
        return None
    if not all(texts.values()) or not texts.keys() >= _REQUIRED or len(texts) < len(headers):
        return None
    time = texts.get("ce_time")
    if time is not None and not _TIME(time):
        return None
    row: dict[str, Any] = {column: texts.get(name) for name, column in _COLUMNS}
    row["traceparent"] = texts.get("traceparent") or texts.get("ce_traceparent")
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
    """A value as data: JSON as it came, on one line; else its text, and why it is not JSON."""
    if text is None or text == "null":
        return None, None
    if "\n" in text or "\r" in text:
        # A line end in JSON stands between values only: inside a text it is escaped.
        found, undecoded = payload(text.replace("\n", " ").replace("\r", " "))
        return (found, None) if undecoded is None else (text, undecoded)
    try:
        return _RAW.decode(text), None
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(text), None
    except (ValueError, RecursionError):
        return text, _why_not(text)


def _why_not(text: str) -> str:
    """Why a value is no JSON; one of few sentences, for they are counted."""
    if not text:
        return "the value is empty"
    if text[0] == "\0":
        return "the value is not JSON: it begins with a zero byte, as in Confluent's wire format"
    return "the value is not JSON"


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

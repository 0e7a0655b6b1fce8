"""One record of a broker as a row of an event log, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from workbench.brokers import Record
from workbench.capture.keys import key_text
from workbench.capture.wire_format import Decoder, payload_of
from workbench.errors import EventError
from workbench.events import DeadLetter, from_kafka
from workbench.events.payload import decode_payload


def row(found: Record, decoder: Decoder | None = None) -> dict[str, Any]:
    """One record as a row of an event log, whatever it holds."""
    where = {
        "broker_time": _moment(found.time_ms),
        "channel": found.channel,
        "partition": found.partition,
        "offset": found.offset,
        "key": key_text(found.key),
    }
    letter = DeadLetter.from_headers(found.headers)
    reason = None
    if letter is not None:
        who = f"{letter.service}/{letter.reaction}" if letter.reaction else letter.service
        reason = f"{who}: {letter.error_type}: {letter.error_message}"
    try:
        envelope = from_kafka(found.headers, found.value)
    except EventError as error:
        data, undecoded = payload_of(found, decoder, lambda: _payload(found.value))
        return {
            "id": None,
            "type": None,
            "source": None,
            "time": None,
            "correlation_id": None,
            "causation_id": None,
            "data": data,
            "subject": None,
            "dataschema": None,
            "traceparent": None,
            "dead_letter": reason,
            "undecoded": undecoded or str(error),
            # Its ids may stand there, by names that only its owner knows.
            "headers": named((name, _text(value)) for name, value in found.headers) or None,
            **where,
        }
    data, undecoded = payload_of(found, decoder, envelope.payload)
    return {
        "id": envelope.id,
        "type": envelope.type,
        "source": envelope.source,
        "time": envelope.time,
        "correlation_id": envelope.correlationid,
        "causation_id": envelope.causationid,
        "data": data,
        "subject": envelope.subject,
        "dataschema": envelope.dataschema,
        "traceparent": envelope.traceparent,
        "dead_letter": reason,
        "undecoded": undecoded,
        **where,
    }


def named(headers: Iterable[tuple[str, str | None]]) -> dict[str, Any]:
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


def _moment(time_ms: int) -> datetime | None:
    # On a cluster of others a producer may have set the time, and to anything; -1 is none.
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC) if time_ms >= 0 else None
    except (OSError, OverflowError, ValueError):
        return None


def _payload(value: bytes | None) -> Any:
    """What a record holds that is no event of ours: JSON if it is that, else text."""
    if value is None:
        return None
    try:
        return decode_payload(value)
    except EventError:
        return _text(value)


def _text(value: bytes | None) -> str | None:
    return value.decode("utf-8", "backslashreplace") if value is not None else None

"""Recording: what stands on a broker's channels, as the rows of an event log.

Nothing is joined and nothing committed, so the services notice nothing. The cut is consistent:
the end of every partition is taken once, before reading, and nothing after it is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from workbench.brokers import Broker, Position, Record
from workbench.capture.columns import standard_frame
from workbench.capture.schemas import open_schemas
from workbench.capture.wire_format import Decoder, payload_of
from workbench.errors import EventError, LogError
from workbench.events import DeadLetter, from_kafka

_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.2
_AT_ONCE = 200
"""Records a poll: Python's collector goes over thousands of living objects again and again."""
_TOLD_EVERY = 1_000


def record(
    broker: Broker,
    channels: Iterable[str],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    start: Mapping[Position, int] | None = None,
    stop: Mapping[Position, int] | None = None,
    schemas: object = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Read channels from one place to another.

    Parameters
    ----------
    since, until
        Broker times: from the first event at or after ``since`` to the last before ``until``.
    start, stop
        Offsets for single partitions, which win over the times: ``start`` is read, ``stop`` not.
    schemas
        Where the schemas of values in Confluent's wire format are had from: as
        :func:`workbench.capture.open_schemas` takes it. Without them such values stay undecoded.
    progress
        Told (events read, events in all).

    Returns
    -------
    pandas.DataFrame
        In order of time. The standard columns, and ``key``, ``subject``, ``dataschema``, ``traceparent``,
        ``dead_letter`` and ``undecoded`` (why a record is not an event, its value is then text; or
        why its value, which is then base64, could not be decoded with a schema);
        ``undated`` if the time of some is unknown, as :func:`standard_frame` says.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    names = sorted(set(channels))
    begin = broker.begin_offsets(names)
    first = broker.offsets_at(names, since) if since else begin
    last = broker.offsets_at(names, until) if until else broker.end_offsets(names)
    first = {p: max((start or {}).get(p, offset), begin[p]) for p, offset in first.items()}
    last = {p: (stop or {}).get(p, offset) for p, offset in last.items()}
    wanted = {p: offset for p, offset in first.items() if offset < last[p]}
    total = sum(last[p] - offset for p, offset in wanted.items())

    decoder = Decoder(open_schemas(schemas)) if schemas is not None else None

    def rows() -> Iterator[dict[str, Any]]:
        done = 0
        progress(done, total)
        for done, found in enumerate(read_range(broker, wanted, last), start=1):
            yield row(found, decoder)
            if done % _TOLD_EVERY == 0:
                progress(done, total)
        progress(done, total)

    order = ["time", "channel", "partition", "offset"]
    frame = standard_frame(rows(), otherwise=datetime.now(UTC))
    return frame.sort_values(order, kind="stable", ignore_index=True)


def read_channels(broker: Broker, channels: Iterable[str]) -> Iterator[Record]:
    """Every record that stands on channels now, as the broker has them.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    names = sorted(set(channels))
    return read_range(broker, broker.begin_offsets(names), broker.end_offsets(names))


def read_range(
    broker: Broker, first: Mapping[Position, int], last: Mapping[Position, int]
) -> Iterator[Record]:
    """Every record from one place to another (which is not read), as the broker has them.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    wanted = {position: start for position, start in first.items() if start < last[position]}
    if not wanted:
        return
    patience = time.monotonic() + _PATIENCE_SECONDS
    with broker.bulk_reader(wanted) as reader:
        while True:
            for found in reader.poll(_POLL_SECONDS, _AT_ONCE):
                patience = time.monotonic() + _PATIENCE_SECONDS
                if found.offset < last[Position(found.channel, found.partition)]:
                    yield found
            # By where it reads next, not by what it read: the last may be no record.
            places = reader.positions()
            left = [p for p in sorted(wanted) if places.get(p, 0) < last[p]]
            if not left:
                return
            if time.monotonic() > patience:
                missing = ", ".join(f"{p.channel}[{p.partition}]" for p in left)
                raise LogError(
                    f"the broker gave nothing for {_PATIENCE_SECONDS:g} s; still missing: "
                    f"{missing}."
                )


def row(found: Record, decoder: Decoder | None = None) -> dict[str, Any]:
    """One record as a row of an event log, whatever it holds."""
    where = {
        "broker_time": _moment(found.time_ms),
        "channel": found.channel,
        "partition": found.partition,
        "offset": found.offset,
        "key": found.key.decode("utf-8", "replace") if found.key is not None else None,
    }
    letter = DeadLetter.from_headers(found.headers)
    reason = None
    if letter is not None:
        who = f"{letter.service}/{letter.reaction}" if letter.reaction else letter.service
        reason = f"{who}: {letter.error_type}: {letter.error_message}"
    try:
        envelope = from_kafka(found.headers, found.value)
    except EventError as error:
        data, undecoded = payload_of(found, decoder, lambda: _text(found.value))
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


def _moment(time_ms: int) -> datetime | None:
    # On a cluster of others a producer may have set the time, and to anything; -1 is none.
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC) if time_ms >= 0 else None
    except (OSError, OverflowError, ValueError):
        return None


def _text(value: bytes | None) -> str | None:
    return value.decode("utf-8", "backslashreplace") if value is not None else None

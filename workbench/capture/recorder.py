"""Recording: what stands on a broker's channels, as the rows of an event log.

Nothing is joined and nothing committed, so the services notice nothing. The cut is consistent:
the end of every partition is taken once, before reading, and nothing after it is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa

from workbench.brokers import Broker, Position, Record
from workbench.brokers.record_batch import OFFSET, RecordBatch
from workbench.capture.columns import standard_frame
from workbench.capture.decoding import decoded, table_of
from workbench.capture.payload_column import PayloadArray
from workbench.errors import LogError

_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.2
_AT_ONCE = 1_000
"""Records a poll, of a reader that makes an object of each."""


def record(
    broker: Broker,
    channels: Iterable[str],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    start: Mapping[Position, int] | None = None,
    stop: Mapping[Position, int] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Read channels from one place to another.

    Parameters
    ----------
    since, until
        Broker times: from the first event at or after ``since`` to the last before ``until``.
    start, stop
        Offsets for single partitions, which win over the times: ``start`` is read, ``stop`` not.
    progress
        Told (events read, events in all).

    Returns
    -------
    pandas.DataFrame
        In order of time. The standard columns, and ``key``, ``subject``, ``dataschema``, ``traceparent``,
        ``dead_letter`` and ``undecoded`` (why a record is not an event; its value is then text);
        ``undated`` if the time of some is unknown, as :func:`standard_frame` says.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    names = sorted(set(channels))
    first, last = cut(broker, names, since=since, until=until, start=start, stop=stop)
    batches = read_batches(broker, first, last, progress=progress)
    return frame_of(decoded(batches))


def cut(
    broker: Broker,
    channels: Iterable[str],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    start: Mapping[Position, int] | None = None,
    stop: Mapping[Position, int] | None = None,
) -> tuple[dict[Position, int], dict[Position, int]]:
    """Where to begin and to end on each partition that has anything between: see :func:`record`."""
    names = sorted(set(channels))
    begin = broker.begin_offsets(names)
    first = broker.offsets_at(names, since) if since else begin
    last = broker.offsets_at(names, until) if until else broker.end_offsets(names)
    first = {p: max((start or {}).get(p, offset), begin[p]) for p, offset in first.items()}
    last = {p: (stop or {}).get(p, offset) for p, offset in last.items()}
    wanted = {p: offset for p, offset in first.items() if offset < last[p]}
    return wanted, {p: last[p] for p in wanted}


def frame_of(found: Iterable[tuple[RecordBatch, pa.RecordBatch]]) -> pd.DataFrame:
    """Batches, each with its rows, as an event log in order of time, channel, partition, offset."""
    placed = [((b.channel, b.partition, int(b.index[0, OFFSET])), rows) for b, rows in found]
    table = table_of(rows for _, rows in sorted(placed, key=lambda one: one[0]))
    del placed
    frame = table.to_pandas()
    frame["data"] = PayloadArray(table["data"])
    frame = standard_frame(frame, otherwise=datetime.now(UTC))
    order = frame["time"].to_numpy().argsort(kind="stable")
    return frame.take(order).reset_index(drop=True)


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
    for batch in read_batches(broker, first, last):
        for place in range(len(batch)):
            yield batch.record(place)


def read_batches(
    broker: Broker,
    first: Mapping[Position, int],
    last: Mapping[Position, int],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[RecordBatch]:
    """Every record from one place to another (which is not read), in batches.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    wanted = {position: start for position, start in first.items() if start < last[position]}
    total = sum(last[p] - offset for p, offset in wanted.items())
    progress(0, total)
    if not wanted:
        return
    patience = time.monotonic() + _PATIENCE_SECONDS
    with broker.batch_reader(wanted) as reader:
        while True:
            for batch in reader.poll_batches(_POLL_SECONDS, _AT_ONCE):
                patience = time.monotonic() + _PATIENCE_SECONDS
                found = batch.before(last[Position(batch.channel, batch.partition)])
                if len(found):
                    yield found
            # By where it reads next, not by what it read: the last may be no record.
            places = {**wanted, **reader.positions()}
            left = [p for p in sorted(wanted) if places[p] < last[p]]
            progress(total - sum(last[p] - max(places[p], wanted[p]) for p in left), total)
            if not left:
                return
            if time.monotonic() > patience:
                missing = ", ".join(f"{p.channel}[{p.partition}]" for p in left)
                raise LogError(
                    f"the broker gave nothing for {_PATIENCE_SECONDS:g} s; still missing: "
                    f"{missing}."
                )

"""Reading a broker's channels from one place to another, in batches, without a trace there.

Nothing is joined and nothing committed, so the services notice nothing.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from workbench.brokers import Broker, Position, Record
from workbench.brokers.record_batch import OFFSET, RecordBatch
from workbench.capture.side_by_side import side_by_side
from workbench.errors import LogError

_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.2
_READERS = 3
"""Clients that read at once, each a part of the partitions: while one waits or asks, others receive."""
_MUCH = 50_000
"""Records from which on that is worth their connections."""
_AT_ONCE = 1_000
"""Records a poll, of a reader that makes an object of each."""

_GAP: Final = 100
"""Offsets in a row that stand for no record, from which on it is asked whether they were deleted."""

Places = Mapping[Position, int]
Lost = Callable[[Position, int, int], None]
"""Told from which offset of a partition up to which other the broker deleted what was to be read."""


def read_channels(broker: Broker, channels: Iterable[str]) -> Iterator[Record]:
    """Every record that stands on channels now, as the broker has them.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    names = sorted(set(channels))
    return read_range(broker, broker.begin_offsets(names), broker.end_offsets(names))


def read_range(broker: Broker, first: Places, last: Places) -> Iterator[Record]:
    """Every record from one place to another (which is not read), as the broker has them.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    for batch in read_batches(broker, first, last):
        yield from batch.records()


def read_batches(
    broker: Broker,
    first: Places,
    last: Places,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    lost: Lost | None = None,
) -> Iterator[RecordBatch]:
    """Every record from one place to another (which is not read), in batches.

    A batch may be empty: it tells that what stood there is no record. ``progress`` is told (offsets
    read, offsets in all).

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
    groups = _groups(wanted, last, _READERS if broker.reads_in_parallel and total > _MUCH else 1)
    readers = [functools.partial(_polled, broker, group, lambda: last) for group in groups]
    reached = dict(wanted)
    for batch, places in side_by_side(readers):
        if lost is not None:
            within = {p: min(place, last[p]) for p, place in places.items()}
            _tell_lost(broker, lost, reached, batch, within)
        reached.update(places)
        progress(sum(min(reached[p], last[p]) - offset for p, offset in wanted.items()), total)
        if batch is not None:
            yield batch


def follow_batches(
    broker: Broker,
    first: Places,
    ends: Callable[[], Places | None],
    lost: Lost | None = None,
) -> Iterator[RecordBatch]:
    """Every record from a place on, as they come, until ``ends`` says where to end.

    Raises
    ------
    LogError
        The broker stops giving events before that end.
    """
    reached = dict(first)
    for batch, places in _polled(broker, first, ends) if first else ():
        if lost is not None:
            _tell_lost(broker, lost, reached, batch, places)
        reached.update(places)
        if batch is not None:
            yield batch


def _tell_lost(
    broker: Broker, lost: Lost, reached: Places, batch: RecordBatch | None, places: Places
) -> None:
    """Tell of offsets that are passed over since the broker no longer has them."""
    read = {} if batch is None or not len(batch) else {batch.position: int(batch.index[0, OFFSET])}
    for place, to in places.items():
        came = read.get(place, to if batch is None else reached[place])
        if came - reached[place] >= _GAP:
            begin = broker.begin_offsets([place.channel])[place]
            if begin > reached[place]:
                lost(place, reached[place], min(begin, came))


def _groups(first: Places, last: Places, count: int) -> list[dict[Position, int]]:
    """Partitions in groups that have about as much to be read each."""
    by_size = sorted(first.items(), key=lambda each: (each[1] - last[each[0]], each[0]))
    return [dict(by_size[n::count]) for n in range(min(count, len(by_size)))]


def _polled(
    broker: Broker, first: Places, ends: Callable[[], Places | None]
) -> Iterator[tuple[RecordBatch | None, Places]]:
    """Batches as they come, each with where every partition is read on; ``None``: none came."""
    places = dict(first)
    heard = time.monotonic()
    with broker.batch_reader(first) as reader:
        while True:
            last = ends()
            found = reader.poll_batches(_POLL_SECONDS, _AT_ONCE)
            for batch in found:
                places[batch.position] = max(places[batch.position], batch.next)
                yield batch if last is None else batch.before(last[batch.position]), dict(places)
            if found or last is None:
                heard = time.monotonic()
            if last is None:
                continue
            if not found:
                # By where it reads next, not by what it read: the last may be no record.
                for position, place in reader.positions().items():
                    places[position] = max(places[position], place)
                yield None, dict(places)
            left = [p for p in sorted(first) if places[p] < last[p]]
            if not left:
                return
            if time.monotonic() - heard > _PATIENCE_SECONDS:
                missing = ", ".join(map(str, left))
                raise LogError(
                    f"the broker gave nothing for {_PATIENCE_SECONDS:g} s; still missing: {missing}."
                )

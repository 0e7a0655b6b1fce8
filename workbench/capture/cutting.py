"""Where a capture begins and ends on each partition: taken once, before anything is read."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from workbench.brokers import Broker, Position
from workbench.errors import LogError

_FIRST_SPAN = timedelta(seconds=1)
_FINEST = timedelta(milliseconds=1)
"""What brokers tell times by."""
_LISTED = 20
_LARGER = 1.25
"""How many more events than asked for the span of time may hold that is read."""


class Cut(NamedTuple):
    """Of each partition with anything between: where to begin, and where to end."""

    first: dict[Position, int]
    last: dict[Position, int]

    def offsets(self) -> int:
        """How many records there are at most."""
        return sum(self.last[p] - offset for p, offset in self.first.items())


def cut(
    broker: Broker,
    channels: Iterable[str],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    start: Mapping[Position, int] | None = None,
    stop: Mapping[Position, int] | None = None,
) -> Cut:
    """Where to begin and to end: see :func:`workbench.capture.record`.

    Raises
    ------
    LogError
        Single partitions are named that there are not.
    """
    names = sorted(set(channels))
    begin = broker.begin_offsets(names)
    for position in {**(start or {}), **(stop or {})}:
        if Position(*position) not in begin:
            raise LogError(f"there is no partition {position[0]}[{position[1]}] to be captured.")
    first = broker.offsets_at(names, since) if since else begin
    last = broker.offsets_at(names, until) if until else broker.end_offsets(names)
    first = {p: max((start or {}).get(p, offset), begin.get(p, 0)) for p, offset in first.items()}
    last = {p: (stop or {}).get(p, offset) for p, offset in last.items()}
    wanted = {p: offset for p, offset in first.items() if offset < last.get(p, 0)}
    return Cut(wanted, {p: last[p] for p in wanted})


def newest(broker: Broker, within: Cut, count: int) -> Cut:
    """A cut that holds the newest of another, so many of all its partitions together, and few more.

    It begins everywhere at the same time of the broker's, so that flows are whole from then on. It may
    hold fewer, too: where offsets stand for no record.
    """
    if within.offsets() <= count:
        return within
    names = sorted({position.channel for position in within.first})

    def since(moment: datetime) -> Cut:
        at = broker.offsets_at(names, moment)
        first = {p: max(offset, at.get(p, offset)) for p, offset in within.first.items()}
        first = {p: offset for p, offset in first.items() if offset < within.last[p]}
        return Cut(first, {p: within.last[p] for p in first})

    now = datetime.fromtimestamp(time.time(), UTC)
    span, longest = _FIRST_SPAN, now - datetime(1970, 1, 1, tzinfo=UTC)
    while (found := since(now - span)).offsets() < count and span < longest:
        span = min(2 * span, longest)
    if found.offsets() < count:  # events that the broker dates before 1970, or not at all
        return within
    too_short, enough = span / 2, span
    while found.offsets() > _LARGER * count and enough - too_short > _FINEST:
        span = (too_short + enough) / 2
        tried = since(now - span)
        if tried.offsets() < count:
            too_short = span
        else:
            enough, found = span, tried
    return found


def matching(broker: Broker, pattern: str) -> list[str]:
    """The broker's channels whose names a pattern of a shell (``orders.*``) fits, sorted.

    Raises
    ------
    LogError
        There is none; says which there are.
    """
    own = pattern.startswith("__")  # what Kafka keeps for itself is asked for by name
    there = [name for name in sorted(broker.channels()) if own or not name.startswith("__")]
    found = [name for name in there if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        listed = ", ".join(there[:_LISTED]) + (", …" if len(there) > _LISTED else "")
        raise LogError(f"no channel fits {pattern!r}; there are: {listed or 'none'}.")
    return found

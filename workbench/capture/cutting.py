"""Where a capture begins and ends on each partition: taken once, before anything is read."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from workbench.brokers import Broker, Position
from workbench.capture.asked import When, offsets_of
from workbench.errors import LogError
from workbench.moments import moment_of

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
    since: When | None = None,
    until: When | None = None,
    start: Mapping[Position, int] | None = None,
    stop: Mapping[Position, int] | None = None,
) -> Cut:
    """Where to begin and to end: see :func:`workbench.capture.record`.

    Raises
    ------
    LogError
        Single partitions are named that there are not, or a start behind the end of one; or something
        is no time or offset.
    """
    names = sorted(set(channels))
    earliest = None if since is None else moment_of(since, "since")
    latest = None if until is None else moment_of(until, "until")
    begin, end = broker.begin_offsets(names), broker.end_offsets(names)
    starts, stops = _starts(start, end), _there("stop", stop, end)
    first = broker.offsets_at(names, earliest) if earliest else begin
    last = broker.offsets_at(names, latest) if latest else end
    first = {p: max(starts.get(p, offset), begin.get(p, 0)) for p, offset in first.items()}
    last = {p: min(stops.get(p, offset), end.get(p, offset)) for p, offset in last.items()}
    wanted = {p: offset for p, offset in first.items() if offset < last.get(p, 0)}
    return Cut(wanted, {p: last[p] for p in wanted})


def beginning(
    broker: Broker,
    channels: Iterable[str],
    *,
    since: When | None = None,
    start: Mapping[Position, int] | None = None,
) -> dict[Position, int]:
    """Where on each partition to begin with what comes: now, or at a time, or at offsets.

    Raises
    ------
    LogError
        As of :func:`cut`.
    """
    names = sorted(set(channels))
    moment = None if since is None else moment_of(since, "since")
    end = broker.end_offsets(names)
    starts = _starts(start, end)
    return (broker.offsets_at(names, moment) if moment else end) | starts


def _starts(given: object, end: Mapping[Position, int]) -> dict[Position, int]:
    starts = _there("start", given, end)
    for place, offset in starts.items():
        if offset > end[place]:
            raise LogError(
                f"{place} ends at offset {end[place]:,}: start at that or before, not at {offset:,}."
            )
    return starts


def _there(name: str, given: object, end: Mapping[Position, int]) -> dict[Position, int]:
    found = offsets_of(name, given)
    for place in found:
        if place not in end:
            raise LogError(f"there is no partition {place} to be captured.")
    return found


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
        There is none, and it says which there are; or it is no pattern.
    """
    if not isinstance(pattern, str):
        raise LogError(f"pattern is a text such as 'orders.*', not {pattern!r}.")
    own = pattern.startswith("__")  # what Kafka keeps for itself is asked for by name
    there = [name for name in sorted(broker.channels()) if own or not name.startswith("__")]
    found = [name for name in there if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        listed = ", ".join(there[:_LISTED]) + (", …" if len(there) > _LISTED else "")
        raise LogError(f"no channel fits {pattern!r}; there are: {listed or 'none'}.")
    return found

"""A queue read as if it had offsets.

A broker of queues knows no offsets: it hands out a message with a tag and forgets it once that tag
is acknowledged. A member of a group counts for itself what it was given, channel by channel, and
what it commits or gives back in offsets is found here again as tags.

The count begins at the microseconds since 1970, so that it grows over restarts, too.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

from workbench.brokers.broker import Position, Record

Tag = TypeVar("Tag")


class Delivery(NamedTuple, Generic[Tag]):
    """A record under its own offset, and what acknowledges it."""

    record: Record
    tag: Tag

    @property
    def position(self) -> Position:
        """Where the record was read."""
        return Position(self.record.channel, self.record.partition)


class Deliveries(Generic[Tag]):
    """What one member was given and has not committed. For one thread at a time."""

    def __init__(self) -> None:
        self._next = 0
        self._waiting: deque[Delivery[Tag]] = deque()
        self._read: list[Delivery[Tag]] = []  # by offset
        self._positions: dict[Position, int] = {}

    def begin(self, channels: Iterable[str]) -> None:
        """Hold nothing, and read these channels from here on; the count goes on."""
        self._next = max(self._next, time.time_ns() // 1000)
        self._waiting.clear()
        self._read = []
        self._positions = {Position(channel, 0): self._next for channel in channels}

    def deliver(self, record: Record, tag: Tag) -> None:
        """Number what came from the queue; it is read when its turn comes."""
        self._waiting.append(Delivery(record._replace(partition=0, offset=self._next), tag))
        self._next += 1

    def take(self, limit: int) -> list[Record]:
        """What is read next, in order."""
        taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        for delivery in taken:
            self._positions[delivery.position] = delivery.record.offset + 1
        self._read += taken
        return [delivery.record for delivery in taken]

    def commit(self, offsets: Mapping[Position, int]) -> list[Tag]:
        """The tags of what was read and stands before the offsets, in order; it is held no more."""
        done: list[Delivery[Tag]] = []
        kept: list[Delivery[Tag]] = []
        for delivery in self._read:
            before = delivery.record.offset < offsets.get(delivery.position, 0)
            (done if before else kept).append(delivery)
        self._read = kept
        return [delivery.tag for delivery in done]

    def give_back(self, offsets: Mapping[Position, int]) -> None:
        """Read again from these offsets on what was read and is not committed; others are passed
        over.
        """
        back: list[Delivery[Tag]] = []
        kept: list[Delivery[Tag]] = []
        for delivery in self._read:
            again = delivery.record.offset >= offsets.get(delivery.position, self._next)
            (back if again else kept).append(delivery)
        self._read = kept
        if back:
            in_order = sorted([*back, *self._waiting], key=lambda held: held.record.offset)
            self._waiting = deque(in_order)
        for position in offsets.keys() & self._positions.keys():
            self._positions[position] = offsets[position]

    def positions(self) -> dict[Position, int]:
        """Where each channel is read from next."""
        return dict(self._positions)

    def tags(self) -> list[Tag]:
        """Of all that is held, read or not, in the order of its offsets."""
        return [delivery.tag for delivery in (*self._read, *self._waiting)]

    @property
    def end(self) -> int:
        """The offset that the next delivery gets."""
        return self._next

    @property
    def first(self) -> int:
        """The offset of the first that is held; the end where none is."""
        heads = [held[0].record.offset for held in (self._read, self._waiting) if held]
        return min(heads, default=self._next)

    @property
    def unread(self) -> int:
        """How many were given and are not read yet."""
        return len(self._waiting)

    def __len__(self) -> int:
        """How many are held: given, and not committed."""
        return len(self._waiting) + len(self._read)

"""How far one instance has come with the partitions that it reads."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.brokers import Position


class Offsets:
    """What was committed, and what is to be: the next offset of each partition."""

    def __init__(self) -> None:
        self.committed: dict[Position, int] = {}
        self.pending: dict[Position, int] = {}

    def begin(self, offsets: Mapping[Position, int]) -> None:
        """Other partitions, from here on."""
        self.committed, self.pending = {}, dict(offsets)

    def reach(self, offsets: Mapping[Position, int]) -> None:
        """All before these is dealt with."""
        self.pending.update(offsets)

    def of(self, position: Position) -> int:
        """Where a partition is to be read from next; 0 if it was never read."""
        return self.pending.get(position, self.committed.get(position, 0))

    def settle(self) -> None:
        """What was pending is committed."""
        self.committed |= self.pending
        self.pending = {}

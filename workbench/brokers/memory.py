"""A broker in memory: the same promises in one process, with no Java, gone when it ends."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from workbench.brokers.broker import (
    DEAD_LETTER_BYTES,
    Broker,
    Consumer,
    Landed,
    Outgoing,
    Position,
    Producer,
    Reader,
    Record,
)
from workbench.errors import BrokerError, EventRefusedError


class MemoryBroker(Broker):
    """Channels as lists. ``now`` gives the append time, in seconds since 1970 UTC."""

    kind = "memory"

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._id = f"memory-{uuid4()}"
        self._arrived = threading.Condition(threading.RLock())
        self._logs: dict[str, list[list[Record]]] = {}
        self._committed: dict[str, dict[Position, int]] = {}
        self._members: dict[str, list[_MemoryConsumer]] = {}
        self._next_partition = 0

    @property
    def cluster_id(self) -> str:
        return self._id

    def ensure_channels(self, channels: Mapping[str, int]) -> None:
        with self._arrived:
            for name, partitions in channels.items():
                self._logs.setdefault(name, [[] for _ in range(partitions)])

    def channels(self) -> set[str]:
        with self._arrived:
            return set(self._logs)

    def delete(self, channels: Iterable[str], groups: Iterable[str]) -> None:
        with self._arrived:
            for name in set(channels):
                self._logs.pop(name, None)
                for committed in self._committed.values():
                    for position in [p for p in committed if p.channel == name]:
                        del committed[position]
            for group in groups:
                self._committed.pop(group, None)
                self._members.pop(group, None)

    def producer(self) -> Producer:
        return _MemoryProducer(self)

    def consumer(self, group: str, channels: Sequence[str], member: str) -> Consumer:
        with self._arrived:
            members = self._members.setdefault(group, [])
            # A member that comes back under its own name replaces what a kill left of it.
            members[:] = [other for other in members if other.member != member]
            consumer = _MemoryConsumer(self, group, list(channels), member)
            members.append(consumer)
            self._rebalance(group)
            return consumer

    def reader(self, start: Mapping[Position, int]) -> Reader:
        return _MemoryReader(self, dict(start))

    def begin_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        return dict.fromkeys(self.end_offsets(channels), 0)

    def end_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        with self._arrived:
            return {
                Position(name, n): len(log)
                for name in set(channels)
                for n, log in enumerate(self._logs.get(name, ()))
            }

    def offsets_at(self, channels: Iterable[str], time: datetime) -> dict[Position, int]:
        at = time.timestamp() * 1000
        with self._arrived:
            return {
                position: sum(
                    record.time_ms < at
                    for record in self._logs[position.channel][position.partition]
                )
                for position in self.end_offsets(channels)
            }

    def committed(self, group: str) -> dict[Position, int]:
        with self._arrived:
            return dict(self._committed.get(group, {}))

    def rewind(self, group: str, offsets: Mapping[Position, int]) -> None:
        with self._arrived:
            self._committed.setdefault(group, {}).update(offsets)

    def close(self) -> None:
        """Nothing to give back; the events stay until the object goes."""

    def _append(self, outgoing: Outgoing) -> Landed:
        with self._arrived:
            log = self._logs[outgoing.channel]
            if outgoing.key is None:
                partition = self._next_partition % len(log)
                self._next_partition += 1
            else:
                partition = zlib.crc32(outgoing.key) % len(log)
            record = Record(
                outgoing.channel,
                partition,
                len(log[partition]),
                int(self._now() * 1000),
                outgoing.key,
                list(outgoing.headers),
                outgoing.value,
            )
            log[partition].append(record)
            self._arrived.notify_all()
            return Landed(record.channel, record.partition, record.offset)

    def _take(self, offsets: dict[Position, int], timeout: float, limit: int) -> list[Record]:
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                taken: list[Record] = []
                for position in sorted(offsets):
                    logs = self._logs.get(position.channel, [])
                    if position.partition >= len(logs):
                        continue
                    first = offsets[position]
                    new = logs[position.partition][first : first + limit - len(taken)]
                    taken.extend(new)
                    offsets[position] = first + len(new)
                remaining = deadline - time.monotonic()
                if taken or remaining <= 0:
                    return taken
                self._arrived.wait(remaining)

    def _rebalance(self, group: str) -> None:
        members = self._members[group]
        positions: dict[str, list[Position]] = {}
        for member in members:
            for channel in member.channels:
                positions.setdefault(channel, sorted(self.end_offsets([channel])))
        committed = self._committed.get(group, {})
        for member in members:
            member.generation += 1
            member.offsets = {}
        for channel, partitions in positions.items():
            readers = [member for member in members if channel in member.channels]
            for n, position in enumerate(partitions):
                owner = readers[n % len(readers)]
                owner.offsets[position] = committed.get(position, 0)

    def __repr__(self) -> str:
        return f"MemoryBroker({len(self._logs)} channels)"


class _MemoryProducer(Producer):
    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def send(self, batch: Sequence[Outgoing]) -> list[Landed | BrokerError]:
        results: list[Landed | BrokerError] = []
        for outgoing in batch:
            size = outgoing.size()
            if size > DEAD_LETTER_BYTES:
                results.append(EventRefusedError(f"the event is too large: {size:,} bytes."))
            elif outgoing.channel not in self._broker.channels():
                results.append(EventRefusedError(f"there is no channel {outgoing.channel!r}."))
            else:
                results.append(self._broker._append(outgoing))  # noqa: SLF001 - its own broker
        return results

    def close(self) -> None:
        """Nothing to give back."""


class _MemoryReader(Reader):
    def __init__(self, broker: MemoryBroker, offsets: dict[Position, int]) -> None:
        self._broker = broker
        self.offsets = offsets

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        return self._broker._take(self.offsets, timeout, limit)  # noqa: SLF001 - its own broker

    def close(self) -> None:
        """Nothing to give back."""


class _MemoryConsumer(_MemoryReader, Consumer):
    def __init__(self, broker: MemoryBroker, group: str, channels: list[str], member: str) -> None:
        super().__init__(broker, {})
        self.group, self.channels, self.member = group, channels, member
        self.generation = 0

    def commit(self, offsets: Mapping[Position, int]) -> bool:
        broker = self._broker
        with broker._arrived:  # noqa: SLF001 - its own broker
            if self not in broker._members.get(self.group, ()):  # noqa: SLF001
                return False
            owned = {p: offset for p, offset in offsets.items() if p in self.offsets}
            broker._committed.setdefault(self.group, {}).update(owned)  # noqa: SLF001
            return len(owned) == len(offsets)

    def assigned(self) -> set[Position]:
        return set(self.offsets)

    def close(self) -> None:
        broker = self._broker
        with broker._arrived:  # noqa: SLF001 - its own broker
            members = broker._members.get(self.group, [])  # noqa: SLF001
            if self in members:
                members.remove(self)
                broker._rebalance(self.group)  # noqa: SLF001

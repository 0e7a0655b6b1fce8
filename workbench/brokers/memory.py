"""A broker in memory: the same promises in one process, with no Java, gone when it ends."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from workbench.brokers.broker import (
    DEAD_LETTER_BYTES,
    Broker,
    Commit,
    Consumer,
    Landed,
    Outgoing,
    Position,
    Producer,
    Reader,
    Record,
    TransactionalProducer,
    committed_past,
)
from workbench.errors import BrokerError, EventRefusedError


class MemoryBroker(Broker):
    """Channels as lists. ``now`` gives the append time, in seconds since 1970 UTC."""

    kind = "memory"
    has_transactions = True

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._id = f"memory-{uuid4()}"
        self._arrived = threading.Condition(threading.RLock())
        self._logs: dict[str, list[list[Record | None]]] = {}
        """``None`` is the mark of a transaction, which takes an offset and is no record."""
        self._committed: dict[str, dict[Position, Commit]] = {}
        self._members: dict[str, list[_MemoryConsumer]] = {}
        self._transacting: dict[str, _MemoryTransactionalProducer] = {}
        self._next_partition = 0

    @classmethod
    def setting_names(cls) -> list[str]:
        return []  # nothing is between it and its clients that could be set

    @property
    def cluster_id(self) -> str:
        return self._id

    @property
    def address(self) -> str:
        return "memory"

    @property
    def is_local(self) -> bool:
        return True

    def client_settings(self) -> dict[str, Any]:
        raise BrokerError("a broker in memory can't be reached from another process.")

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

    def transactional_producer(self, name: str, group: str) -> TransactionalProducer:  # noqa: ARG002
        with self._arrived:
            producer = _MemoryTransactionalProducer(self, name)
            self._transacting[name] = producer
            return producer

    def dismiss(self, group: str, member: str) -> None:
        with self._arrived:
            members = self._members.get(group, [])
            members[:] = [other for other in members if other.member != member]
            if members:
                self._rebalance(group)

    def reader(self, start: Mapping[Position, int]) -> Reader:
        return _MemoryReader(self, dict(start))

    def begin_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        return dict.fromkeys(self.end_offsets(channels), 0)

    def end_offsets(
        self,
        channels: Iterable[str],
        *,
        committed: bool = True,  # noqa: ARG002 - its transactions are over at once
    ) -> dict[Position, int]:
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
                position: 1
                + max(
                    (
                        record.offset
                        for record in self._logs[position.channel][position.partition]
                        if record is not None and record.time_ms < at
                    ),
                    default=-1,
                )
                for position in self.end_offsets(channels)
            }

    def committed(self, group: str) -> dict[Position, int]:
        with self._arrived:
            return {p: found.offset for p, found in self._committed.get(group, {}).items()}

    def rewind(self, group: str, offsets: Mapping[Position, int]) -> None:
        with self._arrived:
            commits = self._committed.setdefault(group, {})
            commits.update({p: Commit(offset) for p, offset in offsets.items()})

    def close(self) -> None:
        """Nothing to give back; the events stay until the object goes."""

    def _refusal(self, outgoing: Outgoing) -> EventRefusedError | None:
        size = outgoing.size()
        if size > DEAD_LETTER_BYTES:
            return EventRefusedError(f"the event is too large: {size:,} bytes.")
        if outgoing.channel not in self.channels():
            return EventRefusedError(f"there is no channel {outgoing.channel!r}.")
        return None

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
                    taken.extend(record for record in new if record is not None)
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
            member.offsets = {}
        for channel, partitions in positions.items():
            readers = [member for member in members if channel in member.channels]
            for n, position in enumerate(partitions):
                owner = readers[n % len(readers)]
                owner.offsets[position] = committed.get(position, Commit(0)).offset

    def __repr__(self) -> str:
        return f"MemoryBroker({len(self._logs)} channels)"


class _MemoryProducer(Producer):
    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def send(self, batch: Sequence[Outgoing]) -> list[Landed | BrokerError]:
        broker = self._broker
        return [
            broker._refusal(outgoing) or broker._append(outgoing)  # noqa: SLF001 - its own broker
            for outgoing in batch
        ]

    def close(self) -> None:
        """Nothing to give back."""


class _MemoryTransactionalProducer(TransactionalProducer):
    def __init__(self, broker: MemoryBroker, name: str) -> None:
        self._broker, self._name = broker, name

    def transact(
        self,
        batch: Sequence[Outgoing],
        offsets: Mapping[Position, Commit],
        consumer: Consumer,
        before_commit: Callable[[], None] = lambda: None,
    ) -> list[Landed | BrokerError] | None:
        broker = self._broker
        assert isinstance(consumer, _MemoryConsumer)
        with broker._arrived:  # noqa: SLF001 - its own broker
            if broker._transacting.get(self._name) is not self:  # noqa: SLF001
                raise BrokerError(f"another producer works as {self._name} by now.")
            refusals = [broker._refusal(outgoing) for outgoing in batch]  # noqa: SLF001
            if any(refusals):
                undone = BrokerError("nothing of its transaction was sent.")
                return [refusal or undone for refusal in refusals]
            before_commit()
            if not consumer.commit_with(offsets):
                return None
            landed = [broker._append(outgoing) for outgoing in batch]  # noqa: SLF001
            for position in {Position(place.channel, place.partition) for place in landed}:
                broker._logs[position.channel][position.partition].append(None)  # noqa: SLF001
            return [*landed]

    def close(self) -> None:
        """Nothing to give back."""


class _MemoryReader(Reader):
    def __init__(self, broker: MemoryBroker, offsets: dict[Position, int]) -> None:
        self._broker = broker
        self.offsets = offsets

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        return self._broker._take(self.offsets, timeout, limit)  # noqa: SLF001 - its own broker

    def positions(self) -> dict[Position, int]:
        return dict(self.offsets)

    def close(self) -> None:
        """Nothing to give back."""


class _MemoryConsumer(_MemoryReader, Consumer):
    def __init__(self, broker: MemoryBroker, group: str, channels: list[str], member: str) -> None:
        super().__init__(broker, {})
        self.group, self.channels, self.member = group, channels, member

    def commit(self, offsets: Mapping[Position, int]) -> bool:
        return self.commit_with({p: Commit(offset) for p, offset in offsets.items()})

    def commit_with(self, commits: Mapping[Position, Commit]) -> bool:
        """Commit offsets with notes, if it holds all of the partitions."""
        broker = self._broker
        with broker._arrived:  # noqa: SLF001 - its own broker
            if self not in broker._members.get(self.group, ()):  # noqa: SLF001
                return False
            if not commits.keys() <= self.offsets.keys():
                return False
            broker._committed.setdefault(self.group, {}).update(commits)  # noqa: SLF001
            return True

    def assigned(self) -> set[Position]:
        return set(self.offsets)

    def joined(self) -> bool:
        return True

    def committed(self) -> dict[Position, Commit]:
        with self._broker._arrived:  # noqa: SLF001 - its own broker
            found = self._broker._committed.get(self.group, {})  # noqa: SLF001
            return {p: commit for p, commit in found.items() if p in self.offsets}

    def give_back(self, offsets: Mapping[Position, int]) -> None:
        with self._broker._arrived:  # noqa: SLF001 - its own broker
            self.offsets.update({p: o for p, o in offsets.items() if p in self.offsets})

    def fence(self) -> Callable[[], bool]:
        return committed_past(self._broker, self.group, self.channels)

    def close(self) -> None:
        broker = self._broker
        with broker._arrived:  # noqa: SLF001 - its own broker
            members = broker._members.get(self.group, [])  # noqa: SLF001
            if self in members:
                members.remove(self)
                broker._rebalance(self.group)  # noqa: SLF001

"""What every broker offers, in Kafka's words: channels of partitions, groups, offsets.

Implementations: :mod:`workbench.brokers.kafka` and :mod:`workbench.brokers.memory`. One suite
of tests (``tests/brokers``) runs against each of them, so that they keep the same promises.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Self

from workbench.errors import BrokerError

EVENT_BYTES = 1_000_000
"""The largest event (key, headers and value) that is accepted for sending, in bytes."""
RETENTION_SECONDS = 7 * 24 * 3600
"""How long channels keep events; set explicitly, since inboxes must remember for longer."""
DEAD_LETTER_BYTES = 2_000_000
"""The largest dead letter: the largest event and the reason it was given up, in bytes."""


class Position(NamedTuple):
    """One partition of a channel."""

    channel: str
    partition: int


class Record(NamedTuple):
    """What a broker stores. ``time_ms`` is when it was appended, in ms since 1970 UTC."""

    channel: str
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None


class Outgoing(NamedTuple):
    """What a producer is asked to send."""

    channel: str
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None

    def size(self) -> int:
        """Bytes of key, headers and value together."""
        names = "".join([name for name, _ in self.headers])
        texts = b"".join([text for _, text in self.headers if text is not None])
        return len(names.encode()) + len(texts) + len(self.key or b"") + len(self.value or b"")


class Landed(NamedTuple):
    """Where a sent event stands, acknowledged by the broker."""

    channel: str
    partition: int
    offset: int


class Producer(ABC):
    """Sends events; may be used from several threads."""

    @abstractmethod
    def send(self, batch: Sequence[Outgoing]) -> list[Landed | BrokerError]:
        """Send a batch and wait until the broker has answered for each of them, in order.

        What is refused or fails comes back as the error in its place; the others go on.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the connection back."""


class Reader(ABC):
    """Reads channels without joining a group or committing anything; for one thread."""

    @abstractmethod
    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        """Up to ``limit`` records, waiting at most ``timeout`` seconds for the first."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Consumer(Reader):
    """Reads channels as a member of a group; for one thread, which also closes it."""

    @abstractmethod
    def commit(self, offsets: Mapping[Position, int]) -> bool:
        """Say where each partition is to be read from next.

        ``False`` if the partitions have moved to another member meanwhile: what was read will
        be read again there.
        """

    @abstractmethod
    def assigned(self) -> set[Position]:
        """The partitions this member holds now."""


class Broker(ABC):
    """A connection to one cluster. Safe to use from several threads."""

    kind: str
    """``"kafka"``, ``"memory"``, …"""

    @property
    @abstractmethod
    def cluster_id(self) -> str:
        """Names the cluster, and changes when its data are wiped."""

    @abstractmethod
    def ensure_channels(self, channels: Mapping[str, int]) -> None:
        """Make the channels that don't exist yet: name → number of partitions."""

    @abstractmethod
    def channels(self) -> set[str]:
        """The channels there are."""

    @abstractmethod
    def delete(self, channels: Iterable[str], groups: Iterable[str]) -> None:
        """Delete channels with all their events, and forget groups. Unknown ones are passed over."""

    @abstractmethod
    def producer(self) -> Producer:
        """A new producer."""

    @abstractmethod
    def consumer(self, group: str, channels: Sequence[str], member: str) -> Consumer:
        """Join a group; a new group reads from the start. ``member`` is stable over restarts."""

    @abstractmethod
    def reader(self, start: Mapping[Position, int]) -> Reader:
        """Read partitions from the given offsets on."""

    @abstractmethod
    def begin_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        """The first offset still kept, for every partition of the channels that exist."""

    @abstractmethod
    def end_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        """The offset that the next event will get, for every partition of the channels."""

    @abstractmethod
    def offsets_at(self, channels: Iterable[str], time: datetime) -> dict[Position, int]:
        """The first offset appended at or after a time; the end offset where there is none."""

    @abstractmethod
    def committed(self, group: str) -> dict[Position, int]:
        """Where a group will read from next, for the partitions it has committed."""

    @abstractmethod
    def rewind(self, group: str, offsets: Mapping[Position, int]) -> None:
        """Let a group that nobody is a member of read on from other offsets."""

    @abstractmethod
    def close(self) -> None:
        """Give every connection back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

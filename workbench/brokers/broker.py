"""What every broker offers, in Kafka's words: channels of partitions, groups, offsets.

Implementations: :mod:`workbench.brokers.kafka`, :mod:`workbench.brokers.rabbitmq`,
:mod:`workbench.brokers.aws` and :mod:`workbench.brokers.memory`. One suite of tests
(``tests/brokers``) runs against each of them, so that they keep the same promises, or say in a
sentence which they can't.
"""

from __future__ import annotations

import difflib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from workbench.errors import BrokerError, EventRefusedError

if TYPE_CHECKING:
    from workbench.brokers.record_batch import RecordBatch

EVENT_BYTES = 1_000_000
"""The largest event (key, headers and value) that is accepted for sending, in bytes."""
RETENTION_SECONDS = 7 * 24 * 3600
"""How long channels keep events; set explicitly, since inboxes must remember for longer."""
DEAD_LETTER_BYTES = 2_000_000
"""The largest dead letter: the largest event and the reason it was given up, in bytes."""

_LIKE = 0.75
"""How alike a name is to one that is meant; 1: the same."""
_LISTED = 10
"""At most so many settings are named to somebody who gave another."""


class Position(NamedTuple):
    """One partition of a channel."""

    channel: str
    partition: int

    def __str__(self) -> str:
        """``orders[0]``."""
        return f"{self.channel}[{self.partition}]"


class Record(NamedTuple):
    """What a broker stores. ``time_ms`` is when it was appended, in ms since 1970 UTC.

    -1 if that is not known: RabbitMQ has it from the publisher, and others' may not say it.

    A member of a group whose broker keeps no offsets counts for itself: such an offset grows, over
    restarts too, and is another one when the event is delivered again. ``message_id`` is the same
    then; it is empty where the offset tells.
    """

    channel: str
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None
    message_id: str = ""


class Outgoing(NamedTuple):
    """What a producer is asked to send."""

    channel: str
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None

    def size(self) -> int:
        """Bytes of key, headers and value together."""
        total = len(self.key or b"") + len(self.value or b"")
        for name, text in self.headers:
            # Letters may take several bytes, but names of headers are hardly ever any but ASCII.
            total += (len(name) if name.isascii() else len(name.encode())) + len(text or b"")
        return total


class Landed(NamedTuple):
    """Where a sent event stands, acknowledged by the broker; ``None``: it does not say."""

    channel: str
    partition: int
    offset: int | None


class Commit(NamedTuple):
    """Where a group reads on, and a note that was committed with it."""

    offset: int
    note: str = ""


class Subscription(NamedTuple):
    """What a group reads: channel → the event types it has a use for, ``None`` for all of them.

    A broker that can't choose gives the others, too. ``dead_letters`` is the channel of what the
    group comes to no end with, for a broker that counts how often it hands an event over.
    """

    group: str
    channels: Mapping[str, Collection[str] | None]
    dead_letters: str | None = None


class Coming(NamedTuple):
    """A member that is about to join a group, and what it will read."""

    group: str
    member: str
    channels: Sequence[str]


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


class TransactionalProducer(ABC):
    """Sends events and commits offsets in one step; for one thread, which made the consumer too.

    One that was made later under the same name puts an earlier one out of work.
    """

    @abstractmethod
    def transact(
        self,
        batch: Sequence[Outgoing],
        offsets: Mapping[Position, Commit],
        consumer: Consumer,
        before_commit: Callable[[], None] = lambda: None,
    ) -> list[Landed | BrokerError] | None:
        """Send a batch and commit a member's offsets: all of it, or nothing.

        If any answer is an error nothing was sent and nothing committed, and the events whose
        answer is an :class:`EventRefusedError` are to blame. ``None``: the partitions have moved
        to another member, and nothing was sent or committed. ``before_commit`` is called when
        everything is sent and nothing is decided.

        Raises
        ------
        BrokerError
            What became of it is not known; the next producer of this name settles it.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the connection back."""


class Reader(ABC):
    """Reads channels without joining a group or committing anything; for one thread.

    Of what was sent in transactions only what was committed is given.
    """

    @abstractmethod
    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        """Up to ``limit`` records, waiting at most ``timeout`` seconds for the first."""

    def poll_batches(self, timeout: float, limit: int = 5_000) -> list[RecordBatch]:
        """What :meth:`poll` gives, in batches by partition; one that can gives more at once."""
        from workbench.brokers.record_batch import batches_of

        return batches_of(self.poll(timeout, limit))

    @abstractmethod
    def positions(self) -> dict[Position, int]:
        """Where each partition is read from next: past what is no record, too."""

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

    @abstractmethod
    def joined(self) -> bool:
        """Whether it is a member and has been told its partitions, be it none."""

    @abstractmethod
    def committed(self) -> dict[Position, Commit]:
        """What was committed for the partitions it holds, once no transaction can change it."""

    @abstractmethod
    def give_back(self, offsets: Mapping[Position, int]) -> None:
        """Read partitions again from these offsets on, as far as it still holds them."""

    @abstractmethod
    def fence(self) -> Callable[[], bool]:
        """Ask later whether its group has committed all that stands on its channels now."""


class Broker(ABC):
    """A connection to one cluster. Safe to use from several threads."""

    kind: ClassVar[str]
    """``"kafka"``, ``"memory"``, …"""
    shares: ClassVar[bool] = True
    """Whether members of one group may be at work at the same time."""
    keeps_offsets: ClassVar[bool] = True
    """Whether it keeps a group's offsets, and a member is told the same ones as a reader."""
    reads_in_parallel: ClassVar[bool] = False
    """Whether several readers, each of some partitions, read faster than one of all."""
    has_transactions: ClassVar[bool] = False
    """Whether effects and offsets can be committed in one step."""

    @classmethod
    def setting_names(cls) -> list[str]:
        """What may be given to make one, its address included."""
        parameters = inspect.signature(cls).parameters.values()
        return [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any], others: Collection[str] = ()) -> None:
        """Refuse what can't be given to make one, before anything is connected to or started.

        ``others`` are names that are known beside the settings and may be meant. Values are never
        told: they may be secrets.

        Raises
        ------
        BrokerError
            One is no setting of this kind of broker.
        """
        known = cls.setting_names()
        for name in settings:
            if name in known:
                continue
            meant = difflib.get_close_matches(name, [*others, *known], n=1, cutoff=_LIKE)
            if meant:
                raise BrokerError(f"there is no setting {name!r}: did you mean {meant[0]}?")
            listed = [*known[:_LISTED], *(["…"] if len(known) > _LISTED else [])]
            raise BrokerError(
                f"{cls.kind} has no setting {name!r}: it has {', '.join(listed) or 'none'}."
            )

    @property
    @abstractmethod
    def cluster_id(self) -> str:
        """Names the cluster, and changes when its data are wiped."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is, without a secret, as one would say it to a person."""

    @property
    @abstractmethod
    def is_local(self) -> bool:
        """Whether it is on this machine, so that nobody else is harmed."""

    @abstractmethod
    def client_settings(self) -> dict[str, Any]:
        """What another process needs to connect in the same way. Holds secrets: don't print.

        Raises
        ------
        BrokerError
            It can be reached in this process alone.
        """

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

    def check(self, outgoing: Outgoing, what: str) -> None:
        """Refuse, before it is kept to be sent, an event that this broker would never take.

        ``what`` is what a sentence calls it. Its dead letter, which is larger, must fit, too.

        Raises
        ------
        EventRefusedError
            It is too large.
        """
        size = outgoing.size()
        if size > EVENT_BYTES:
            raise EventRefusedError(
                f"{what} is too large: {size:,} bytes, and at most {EVENT_BYTES:,} are sent."
            )

    def transactional_producer(self, name: str, group: str) -> TransactionalProducer:  # noqa: ARG002
        """A new producer of a name that is stable over restarts; it commits offsets of ``group``.

        Raises
        ------
        BrokerError
            This kind of broker has no transactions.
        """
        raise self._without_transactions()

    def may_transact(self) -> None:
        """Refuse, before anything is started, what :meth:`transactional_producer` would refuse.

        Raises
        ------
        BrokerError
            This kind of broker has no transactions.
        """
        if not self.has_transactions:
            raise self._without_transactions()

    def _without_transactions(self) -> BrokerError:
        return BrokerError(
            f"{self.kind} has no transactions: use delivery='at-least-once', whose consumers "
            "recognise an effect that comes twice."
        )

    def subscribe(self, subscriptions: Sequence[Subscription]) -> None:  # noqa: B027
        """Make ready groups that are to read, now or later.

        A broker that keeps an event only for those who wait for it keeps it from now on; one whose
        new groups read from the start has nothing to do.
        """

    def make_way(self, coming: Sequence[Coming]) -> None:  # noqa: B027 - most need not
        """Make ready for members that may read other channels than when they were here last.

        To be called before they are started, by whoever starts them.
        """

    @abstractmethod
    def dismiss(self, group: str, member: str) -> None:
        """Let others have the partitions of a member that is gone for good."""

    @abstractmethod
    def reader(self, start: Mapping[Position, int]) -> Reader:
        """Read partitions from the given offsets on."""

    def bulk_reader(self, start: Mapping[Position, int]) -> Reader:
        """A reader for much at once: the fastest one there is, be it slower to begin."""
        return self.reader(start)

    def batch_reader(self, start: Mapping[Position, int]) -> Reader:
        """A reader whose ``poll_batches`` is the fastest way to read much at once."""
        return self.bulk_reader(start)

    def bulk_producer(self) -> Producer:
        """A producer for much at once."""
        return self.producer()

    @abstractmethod
    def begin_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        """The first offset still kept, for every partition of the channels that exist."""

    @abstractmethod
    def end_offsets(
        self, channels: Iterable[str], *, committed: bool = True
    ) -> dict[Position, int]:
        """The offset that the next event will get, for every partition of the channels.

        ``committed``: only as far as transactions have ended, which is where readers wait.
        """

    @abstractmethod
    def offsets_at(self, channels: Iterable[str], time: datetime) -> dict[Position, int]:
        """The first offset appended at or after a time; the end offset where there is none."""

    @abstractmethod
    def committed(self, group: str) -> dict[Position, int]:
        """Where a group will read from next, for the partitions it has committed."""

    def lags(self, groups: Mapping[str, Collection[str]]) -> dict[str, int]:
        """Group → events on its channels that it has not committed yet.

        Those of a transaction that is still open count: they are on their way.
        """
        channels = {channel for read in groups.values() for channel in read}
        ends = self.end_offsets(channels, committed=False)
        begins = self.begin_offsets({position.channel for position in ends})
        found = {}
        for group, read in groups.items():
            committed = self.committed(group)
            mine = [position for position in ends if position.channel in read]
            found[group] = sum(max(0, ends[p] - committed.get(p, begins.get(p, 0))) for p in mine)
        return found

    def may_rewind(self, group: str) -> None:  # noqa: B027 - those that keep offsets may
        """Refuse, before anything is changed, what :meth:`rewind` would refuse.

        Raises
        ------
        BrokerError
            This kind of broker keeps no offsets of a group.
        """

    @abstractmethod
    def rewind(self, group: str, offsets: Mapping[Position, int]) -> None:
        """Let a group that nobody is a member of read on from other offsets.

        Raises
        ------
        BrokerError
            This kind of broker keeps none, or somebody is a member.
        """

    @abstractmethod
    def close(self) -> None:
        """Give every connection back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def committed_past(broker: Broker, group: str, channels: Collection[str]) -> Callable[[], bool]:
    """The fence of a broker that keeps offsets: whether a group has committed past the ends."""
    ends = broker.end_offsets(channels)

    def passed() -> bool:
        committed = broker.committed(group)
        begins = broker.begin_offsets(channels)
        return all(committed.get(p, begins.get(p, 0)) >= end for p, end in ends.items())

    return passed

"""The clients of a Kafka cluster: producers, readers, and members of groups."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kafka import KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.structs import MemberState, OffsetAndMetadata

from workbench.brokers.broker import (
    DEAD_LETTER_BYTES,
    Commit,
    Consumer,
    Landed,
    Outgoing,
    Position,
    Producer,
    Reader,
    Record,
)
from workbench.brokers.kafka_fetching import leave_nothing_out
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError

if TYPE_CHECKING:
    from workbench.brokers.kafka import KafkaBroker

_SEND_TIMEOUT_MS = 30_000
_LATE_ANSWERS = 1.0  # seconds
_POSITION_TIMEOUT_MS = 10_000
"""For an answer on where a partition is read on, or what of it is committed. Without an end
kafka-python (3.0.12) may wait for ever: for one that it has lost."""
_SENT_TOGETHER_BYTES = 256 * 1024
"""Of one partition's events, in one request: each costs kafka-python more than a millisecond, and
its usual 16 KB are full after twenty events."""
MOVED = (
    kafka_errors.CommitFailedError,
    kafka_errors.RebalanceInProgressError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.UnknownMemberIdError,
    kafka_errors.FencedInstanceIdError,
)
"""What says that a member is one no more, or not of the group as it is now."""
_REFUSALS = (
    TypeError,
    ValueError,
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.InvalidTopicError,
    kafka_errors.UnknownTopicOrPartitionError,
    kafka_errors.TopicAuthorizationFailedError,
)


class KafkaProducerClient(Producer):
    """A producer that is replaced when it may be of no more use."""

    def __init__(self, broker: KafkaBroker) -> None:
        self._broker = broker
        self._client: Any = self._new()

    @property
    def client(self) -> Any:
        """kafka-python's producer; a new one, where the last was of no more use.

        Raises
        ------
        BrokerUnavailableError
            No Kafka answers it; whoever asks again tries again.
        """
        if self._client is None:
            self._client = self._new()
        return self._client

    def _new(self, **settings: Any) -> Any:
        return self._broker.connect(
            KafkaProducer,
            **{
                "acks": "all",
                # The flush of every call ends it: what one call sends goes in one request.
                "linger_ms": 1_000,
                "batch_size": _SENT_TOGETHER_BYTES,
                "max_request_size": DEAD_LETTER_BYTES + 100_000,
                "max_block_ms": int(self._broker.timeout * 1000),
                "delivery_timeout_ms": _SEND_TIMEOUT_MS,
                "request_timeout_ms": _SEND_TIMEOUT_MS // 2,
                "metrics_enabled": False,
                **settings,
            },
        )

    def renew(self) -> None:
        """After an error that can't be retried an idempotent producer may refuse everything.

        The new one is made when it is needed: the cluster may not answer by now.
        """
        self._end(timeout=1)

    def _end(self, timeout: float) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        # kafka-python flushes as it closes, and raises and goes on if that can't be done in time.
        try:
            client.close(timeout=timeout)
        except kafka_errors.KafkaError:
            client.flush = lambda timeout=None: None
            client.close(timeout=0)

    def send(self, batch: Sequence[Outgoing]) -> list[Landed | BrokerError]:
        try:
            client = self.client
        except BrokerUnavailableError as error:
            return [error for _ in batch]
        answers, began = [], time.monotonic()
        for outgoing in batch:
            try:
                answers.append(
                    client.send(
                        outgoing.channel,
                        key=outgoing.key,
                        # kafka-python sends neither a header without a value nor an event that
                        # has no key and no value: empty ones stand in for them.
                        headers=[(name, text or b"") for name, text in outgoing.headers],
                        value=b"" if outgoing.key is None is outgoing.value else outgoing.value,
                    )
                )
            except (kafka_errors.KafkaError, TypeError, ValueError) as error:
                answers.append(error)
        with contextlib.suppress(
            kafka_errors.KafkaError
        ):  # each answer below says what became of it
            client.flush(timeout=_SEND_TIMEOUT_MS / 1000)
        # What the flush has not settled by now won't be: nobody waits for each of them in turn.
        patience = time.monotonic() + _LATE_ANSWERS
        results = [
            self._result(outgoing.channel, answer, began, patience)
            for outgoing, answer in zip(batch, answers, strict=True)
        ]
        if any(isinstance(result, BrokerError) for result in results):
            self.renew()
        return results

    def _result(
        self, channel: str, answer: Any, began: float, patience: float
    ) -> Landed | BrokerError:
        error = answer
        if not isinstance(answer, Exception):
            try:
                landed = answer.get(timeout=max(0.0, patience - time.monotonic()))
                return Landed(landed.topic, landed.partition, landed.offset)
            except kafka_errors.KafkaError as failure:
                error = failure
        if isinstance(error, _REFUSALS):
            return EventRefusedError(f"Kafka refused the event for {channel}: {reason(error)}.")
        if isinstance(error, kafka_errors.KafkaTimeoutError):
            return BrokerError(
                f"Kafka did not acknowledge the event for {channel} within "
                f"{time.monotonic() - began:.0f} s: it may be there or not; sent again under the "
                "same id it is the same event."
            )
        return BrokerError(f"Kafka did not acknowledge the event for {channel}: {reason(error)}.")

    def close(self) -> None:
        self._end(timeout=5)


class KafkaReader(Reader):
    """Reads partitions that it was assigned."""

    def __init__(self, client: Any) -> None:
        self._client = client
        leave_nothing_out(client)

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        with in_words("Kafka could not be read"):
            found = self._client.poll(timeout_ms=int(timeout * 1000), max_records=limit)
        return [
            Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.headers, r.value)
            for records in found.values()
            for r in records
        ]

    def positions(self) -> dict[Position, int]:
        found = {}
        for partition in self._client.assignment():
            with in_words("Kafka did not say where to read on"):
                position = self._client.position(partition, timeout_ms=_POSITION_TIMEOUT_MS)
            if position is not None:
                found[Position(partition.topic, partition.partition)] = position
        return found

    def close(self) -> None:
        with contextlib.suppress(kafka_errors.KafkaError):  # it goes, answered or not
            self._client.close(autocommit=False)


class KafkaConsumerMember(KafkaReader, Consumer):
    """A member of a group; ``fence`` makes what :meth:`fence` gives."""

    def __init__(self, client: Any, fence: Callable[[], Callable[[], bool]]) -> None:
        super().__init__(client)
        self._fence = fence

    def commit(self, offsets: Mapping[Position, int]) -> bool:
        wanted = {
            TopicPartition(*position): OffsetAndMetadata(offset, "", -1)
            for position, offset in offsets.items()
        }
        with in_words("the offsets could not be committed"):
            try:
                self._client.commit(wanted)
            except MOVED:
                return False
        return True

    def assigned(self) -> set[Position]:
        return {Position(p.topic, p.partition) for p in self._client.assignment()}

    def joined(self) -> bool:
        return bool(self._client.group_metadata().state == MemberState.STABLE)

    def committed(self) -> dict[Position, Commit]:
        found = {}
        for partition in self._client.assignment():
            with in_words("Kafka did not say what is committed"):
                commit = self._client.committed(
                    partition, metadata=True, timeout_ms=_POSITION_TIMEOUT_MS
                )
            if commit is not None and commit.offset >= 0:
                position = Position(partition.topic, partition.partition)
                found[position] = Commit(commit.offset, commit.metadata or "")
        return found

    def give_back(self, offsets: Mapping[Position, int]) -> None:
        held = self._client.assignment()
        for position, offset in offsets.items():
            partition = TopicPartition(*position)
            if partition in held:
                self._client.seek(partition, offset)

    def fence(self) -> Callable[[], bool]:
        return self._fence()

    def membership(self) -> Any:
        """What proves to the cluster who commits."""
        return self._client.group_metadata()


@contextlib.contextmanager
def in_words(what: str) -> Iterator[None]:
    """Raise what kafka-python raises as a :class:`BrokerError` that says what could not be done."""
    try:
        yield
    except kafka_errors.KafkaError as error:
        kind = BrokerUnavailableError if error.retriable else BrokerError
        raise kind(f"{what}: {reason(error)}.") from error


def reason(error: BaseException) -> str:
    """What an error says, in one line and not too long."""
    said = " ".join(str(error).split()).removesuffix(": None")
    text = (said or type(error).__name__)[:300].rstrip(".")
    passes = isinstance(error, kafka_errors.KafkaError) and error.retriable
    return f"it does not answer now ({text})" if passes else text

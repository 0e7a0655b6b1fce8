"""Reading and sending in bulk through confluent-kafka, which is many times as fast.

It comes with the extra ``fast`` (``pip install 'choreography-workbench[fast]'``) and keeps the same
promises as the kafka-python clients, which serve where it is not installed, or can't be set up to
connect as they do.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Producer as ConfluentProducer

from workbench.brokers.broker import (
    DEAD_LETTER_BYTES,
    Landed,
    Outgoing,
    Position,
    Producer,
    Reader,
    Record,
)
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError

if TYPE_CHECKING:
    from workbench.brokers.kafka import KafkaBroker

_SEND_TIMEOUT_MS = 30_000
_READ_AHEAD_KB = 32 * 1024
"""At most what was fetched and not yet taken, of all partitions together, in 1024 bytes."""
_SEND_AHEAD_KB = 64 * 1024
_LATE_ANSWERS = 1.0  # seconds
_QUIET = 0
"""A level of logging: librdkafka writes to stderr by itself; the workbench says in its own words what matters."""
_REFUSALS = (
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - how confluent-kafka names librdkafka's own errors
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
)


class BulkKafkaReader(Reader):
    """Reads partitions that it was assigned, in batches that were fetched ahead."""

    def __init__(
        self, broker: KafkaBroker, settings: dict[str, Any], start: Mapping[Position, int]
    ) -> None:
        self._start = dict(start)
        self._ends: dict[Position, int] = {}
        self._client = _connected(
            broker,
            Consumer,
            {
                "group.id": "workbench-reader",  # it must have a name, and joins no group
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": _READ_AHEAD_KB,
                "max.partition.fetch.bytes": 4 * 1024 * 1024,
                **settings,
            },
        )
        self._client.assign([TopicPartition(*place, offset) for place, offset in start.items()])

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        with _in_words("Kafka could not be read"):
            # Asked for many it waits for all of them: so for one, if there is none.
            found = self._client.consume(limit, 0)
            found = found or self._client.consume(1, timeout)
            records = []
            for message in found:
                error = message.error()
                if error is not None:
                    self._note(message, error)
                    continue
                records.append(
                    Record(
                        message.topic(),
                        message.partition(),
                        message.offset(),
                        message.timestamp()[1],
                        message.key(),
                        message.headers() or (),
                        message.value(),
                    )
                )
        return records

    def _note(self, message: Any, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            self._ends[Position(message.topic(), message.partition())] = message.offset()
        # It looks for the coordinator of its group, which it has no use for and may not be allowed.
        elif not error.retriable() and error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
            raise KafkaException(error)

    def positions(self) -> dict[Position, int]:
        with _in_words("Kafka did not say where to read on"):
            places = self._client.position([TopicPartition(*place) for place in self._start])
        found = {}
        for place in places:
            position = Position(place.topic, place.partition)
            read = place.offset if place.offset >= 0 else self._start[position]
            # Behind the last record there may be marks of transactions, which it passes unsaid.
            found[position] = max(read, self._ends.get(position, 0))
        return found

    def close(self) -> None:
        with contextlib.suppress(KafkaException, RuntimeError):
            self._client.close()


class BulkKafkaProducer(Producer):
    """Sends in large requests; librdkafka itself tries again what can be tried again."""

    def __init__(self, broker: KafkaBroker, settings: dict[str, Any]) -> None:
        self._new = functools.partial(
            _connected,
            broker,
            ConfluentProducer,
            {
                "enable.idempotence": True,
                "partitioner": "murmur2_random",  # the partition of a key that other clients choose
                "message.max.bytes": DEAD_LETTER_BYTES + 100_000,
                "message.timeout.ms": _SEND_TIMEOUT_MS,
                "queue.buffering.max.kbytes": _SEND_AHEAD_KB,
                "topic.metadata.propagation.max.ms": int(broker.timeout * 1000),
                **settings,
            },
        )
        self._client = self._new()

    def send(self, batch: Sequence[Outgoing]) -> list[Landed | BrokerError]:
        client = self._client
        answers: list[Landed | KafkaError | Exception | None] = [None] * len(batch)

        def answered(place: int, error: KafkaError | None, message: Any) -> None:
            answers[place] = error or Landed(message.topic(), message.partition(), message.offset())

        for place, outgoing in enumerate(batch):
            try:
                _produce(client, outgoing, functools.partial(answered, place))
            except (KafkaException, TypeError, ValueError) as error:
                answers[place] = error
        client.flush(_SEND_TIMEOUT_MS / 1000 + _LATE_ANSWERS)
        if any(isinstance(answer, KafkaError) and answer.fatal() for answer in answers):
            # That one takes nothing any more; nor, for now, does a cluster that does not answer.
            with contextlib.suppress(BrokerUnavailableError):
                self._client = self._new()
        return [
            answer if isinstance(answer, Landed) else _failure(outgoing.channel, answer)
            for outgoing, answer in zip(batch, answers, strict=True)
        ]

    def close(self) -> None:
        self._client.flush(5)


def _produce(client: Any, outgoing: Outgoing, answered: Callable[..., None]) -> None:
    while True:
        try:
            client.produce(
                outgoing.channel,
                key=outgoing.key,
                value=outgoing.value,
                headers=list(outgoing.headers),
                on_delivery=answered,
            )
        except BufferError:  # as much waits to be sent as may wait
            client.poll(0.1)
        else:
            return


def _failure(channel: str, answer: KafkaError | Exception | None) -> BrokerError:
    error = answer.args[0] if isinstance(answer, KafkaException) else answer
    code = error.code() if isinstance(error, KafkaError) else None
    if code in _REFUSALS or isinstance(error, TypeError | ValueError):
        return EventRefusedError(f"Kafka refused the event for {channel}: {_reason(error)}.")
    if error is None or code in (KafkaError._MSG_TIMED_OUT, KafkaError._PURGE_INFLIGHT):  # noqa: SLF001
        return BrokerError(
            f"Kafka did not acknowledge the event for {channel} in time: it may be there or "
            "not; sent again under the same id it is the same event."
        )
    return BrokerError(f"Kafka did not acknowledge the event for {channel}: {_reason(error)}.")


def _connected(broker: KafkaBroker, kind: Callable[..., Any], settings: dict[str, Any]) -> Any:
    """A client that the cluster has answered: one alone would try for ever, and say nothing."""
    broker.check_files()
    try:
        client = kind({"log_level": _QUIET, **settings})
    except KafkaException as error:
        raise BrokerUnavailableError(
            f"Kafka at {broker.bootstrap_servers} refused the connection: {_reason(error)}."
        ) from error
    try:
        client.list_topics(timeout=broker.timeout)
    except KafkaException as error:
        raise BrokerUnavailableError(broker.silence()) from error
    return client


@contextlib.contextmanager
def _in_words(what: str) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        passes = error.args[0].retriable()
        kind = BrokerUnavailableError if passes else BrokerError
        raise kind(f"{what}: {_reason(error)}.") from error


def _reason(error: object) -> str:
    """What an error says, in one line and not too long."""
    error = error.args[0] if isinstance(error, KafkaException) else error
    text = error.str() if isinstance(error, KafkaError) else str(error)
    return " ".join(text.split())[:300].rstrip(".")

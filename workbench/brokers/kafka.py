"""Kafka, through kafka-python."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import MemberToRemove
from kafka.structs import MemberState, OffsetAndMetadata

from workbench.brokers.broker import (
    DEAD_LETTER_BYTES,
    RETENTION_SECONDS,
    Broker,
    Coming,
    Commit,
    Consumer,
    Landed,
    Outgoing,
    Position,
    Producer,
    Reader,
    Record,
    TransactionalProducer,
)
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError

_CHANNEL_CONFIG = {
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": str(RETENTION_SECONDS * 1000),
    "cleanup.policy": "delete",
    "max.message.bytes": str(DEAD_LETTER_BYTES + 100_000),
}
_SEND_TIMEOUT_MS = 30_000
_FETCH_BYTES = 4 * 1024 * 1024
"""At most what a service has read ahead and not yet handled, in bytes."""
_POSITION_TIMEOUT_MS = 10_000
_SENT_TOGETHER_BYTES = 256 * 1024
"""Of one partition's events, in one request: each costs kafka-python more than a millisecond, and
its usual 16 KB are full after twenty events."""
_LATEST, _EARLIEST = -1, -2  # the timestamps that stand for them in Kafka's ListOffsets request
Result = TypeVar("Result")

# kafka-python tells of every reconnection; the workbench says in its own words what matters.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class KafkaBroker(Broker):
    """A Kafka cluster.

    Parameters
    ----------
    bootstrap_servers
        ``"host:port"``, or several with commas.
    timeout
        Seconds within which the cluster must answer.
    settings
        Passed on to every kafka-python client: ``security_protocol``, ``sasl_mechanism``,
        ``sasl_plain_password``, ``ssl_cafile``, …  Never shown in a repr or an error.

    Raises
    ------
    BrokerUnavailableError
        By the first call, if no Kafka answers within ``timeout``.
    """

    kind = "kafka"

    def __init__(self, bootstrap_servers: str, *, timeout: float = 10.0, **settings: Any) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.timeout = timeout
        self._settings = settings
        self._lock = threading.RLock()

    def client_settings(self) -> dict[str, Any]:
        """What another process needs to connect in the same way. Holds secrets: don't print."""
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "timeout": self.timeout,
            **self._settings,
        }

    @cached_property
    def _admin(self) -> Any:
        return self._connect(KafkaAdminClient)

    @cached_property
    def cluster_id(self) -> str:
        with self._lock:
            return str(self._admin.describe_cluster()["cluster_id"])

    def ensure_channels(self, channels: Mapping[str, int]) -> None:
        known = self.channels()
        wanted = {name: n for name, n in channels.items() if name not in known}
        if not wanted:
            return
        topics = {
            name: {"num_partitions": n, "replication_factor": -1, "configs": _CHANNEL_CONFIG}
            for name, n in wanted.items()
        }
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                with self._lock:
                    self._admin.create_topics(topics, wait_for_metadata=True)
                return
            except kafka_errors.TopicAlreadyExistsError:
                # Another process made one of them first, or is still deleting it.
                topics = {
                    name: spec for name, spec in topics.items() if name not in self.channels()
                }
                if not topics or time.monotonic() > deadline:
                    return
                time.sleep(0.1)
            except kafka_errors.KafkaError as error:
                names = ", ".join(topics)
                raise BrokerError(
                    f"Kafka would not make the channels {names}: {reason(error)}."
                ) from error

    def channels(self) -> set[str]:
        with self._lock:
            return {topic["name"] for topic in self._call(self._admin.describe_topics)}

    def delete(self, channels: Iterable[str], groups: Iterable[str]) -> None:
        doomed = sorted(set(channels) & self.channels())
        with self._lock:
            if doomed:
                self._call(self._admin.delete_topics, doomed, raise_errors=False)
            for group in groups:
                self._call(self._delete_group, group)
        deadline = time.monotonic() + self.timeout
        while set(doomed) & self.channels():
            if time.monotonic() > deadline:
                raise BrokerError(f"Kafka has not deleted {', '.join(doomed)} in time; try again.")
            time.sleep(0.05)

    def _delete_group(self, group: str) -> None:
        # A static member that was killed is a member until its session ends: it is put out first.
        self._put_out(group, self._static_members([group])[group])
        with contextlib.suppress(kafka_errors.GroupIdNotFoundError):
            self._admin.delete_groups([group])

    def _static_members(self, groups: Sequence[str]) -> dict[str, list[str]]:
        found = self._admin.describe_groups(sorted(set(groups)))
        return {
            group: [
                name
                for member in found.get(group, {}).get("members", ())
                if (name := member.get("group_instance_id"))
            ]
            for group in groups
        }

    def _put_out(self, group: str, members: Sequence[str]) -> None:
        if members:
            leaving = [MemberToRemove(group_instance_id=name) for name in members]
            self._admin.remove_group_members(group, leaving)

    def producer(self) -> Producer:
        return KafkaProducerClient(self)

    def transactional_producer(self, name: str) -> TransactionalProducer:
        from workbench.brokers.kafka_transactions import KafkaTransactionalProducer

        return KafkaTransactionalProducer(self, name)

    def make_way(self, coming: Sequence[Coming]) -> None:
        with self._lock:
            there = self._call(self._static_members, [member.group for member in coming])
            for group, member, channels in coming:
                name = _instance_id(member, channels)
                old = [n for n in there[group] if n.startswith(f"{member}-") and n != name]
                self._call(self._put_out, group, old)

    def dismiss(self, group: str, member: str) -> None:
        with self._lock:
            members = self._call(self._static_members, [group])[group]
            gone = [other for other in members if other.startswith(f"{member}-")]
            self._call(self._put_out, group, gone)

    def consumer(self, group: str, channels: Sequence[str], member: str) -> Consumer:
        consumer = self._connect(
            KafkaConsumer,
            group_id=group,
            group_instance_id=_instance_id(member, channels),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=10_000,
            heartbeat_interval_ms=1_000,
            fetch_max_bytes=_FETCH_BYTES,
            metrics_enabled=False,
        )
        consumer.subscribe(list(channels))
        self._wait_for_metadata(consumer, channels)
        return KafkaConsumerMember(consumer)

    def _wait_for_metadata(self, consumer: Any, channels: Sequence[str]) -> None:
        # A kafka-python consumer that joins before it knows of its channels' partitions is given
        # none of them, and may not notice when it learns of them while it is still joining.
        deadline = time.monotonic() + self.timeout
        for channel in channels:
            while not self._call(consumer.partitions_for_topic, channel):
                if time.monotonic() > deadline:
                    consumer.close(autocommit=False)
                    raise BrokerError(f"Kafka has no channel {channel}: was it deleted meanwhile?")
                time.sleep(0.02)

    def reader(self, start: Mapping[Position, int]) -> Reader:
        consumer = self._connect(
            KafkaConsumer,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=4 * 1024 * 1024,
            metrics_enabled=False,
        )
        consumer.assign([TopicPartition(*position) for position in start])
        for position, offset in start.items():
            consumer.seek(TopicPartition(*position), offset)
        return _KafkaReader(consumer)

    def begin_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        return self._offsets(channels, _EARLIEST)

    def end_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        return self._offsets(channels, _LATEST)

    def offsets_at(self, channels: Iterable[str], time: datetime) -> dict[Position, int]:
        names = list(channels)
        found = self._offsets(names, int(time.timestamp() * 1000))
        ends = self.end_offsets(names)
        return {position: found.get(position, end) for position, end in ends.items()}

    def _offsets(self, channels: Iterable[str], spec: int) -> dict[Position, int]:
        with self._lock:
            partitions = [
                TopicPartition(topic["name"], partition["partition_index"])
                for topic in self._call(self._admin.describe_topics, sorted(set(channels)))
                if not topic.get("error_code")
                for partition in topic["partitions"]
            ]
            if not partitions:
                return {}
            # As far as anyone can read: an open transaction is no further than where it began.
            found = self._call(
                self._admin.list_partition_offsets,
                dict.fromkeys(partitions, spec),
                isolation_level="read_committed",
            )
        return {
            Position(p.topic, p.partition): answer.offset
            for p, answer in found.items()
            if answer.offset >= 0
        }

    def committed(self, group: str) -> dict[Position, int]:
        with self._lock:
            try:
                found = self._call(self._admin.list_group_offsets, group).get(group, {})
            except BrokerError as error:
                if isinstance(error.__cause__, kafka_errors.GroupIdNotFoundError):
                    return {}
                raise
        return {
            Position(p.topic, p.partition): offset.offset
            for p, offset in found.items()
            if offset.offset >= 0
        }

    def rewind(self, group: str, offsets: Mapping[Position, int]) -> None:
        wanted = {
            TopicPartition(*position): OffsetAndMetadata(offset, "", -1)
            for position, offset in offsets.items()
        }
        with self._lock:
            # A static member that left in good order is a member until its session ends.
            self._call(self._put_out, group, self._call(self._static_members, [group])[group])
            answers = self._call(self._admin.alter_group_offsets, group, wanted)
        for partition, error in answers.items():
            if error is not kafka_errors.NoError:
                raise BrokerError(
                    f"Kafka would not rewind {group} on {partition.topic}[{partition.partition}]: "
                    f"{error.__name__}; is a member of the group still running?"
                )

    def close(self) -> None:
        with self._lock:
            admin = self.__dict__.pop("_admin", None)
            if admin is not None:
                admin.close()

    def _connect(self, client: Callable[..., Any], **settings: Any) -> Any:
        try:
            return client(
                bootstrap_servers=self.bootstrap_servers.split(","),
                bootstrap_timeout_ms=int(self.timeout * 1000),
                **{**settings, **self._settings},
            )
        except (kafka_errors.KafkaTimeoutError, kafka_errors.KafkaConnectionError) as error:
            raise BrokerUnavailableError(self._silence()) from error
        except kafka_errors.KafkaError as error:
            raise BrokerUnavailableError(
                f"Kafka at {self.bootstrap_servers} refused the connection: {reason(error)}."
            ) from error

    def _silence(self) -> str:
        """Why there was no answer: nobody listens, or whoever does wants another handshake."""
        for server in self.bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            with contextlib.suppress(OSError, ValueError):
                socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
                return (
                    f"something listens at {server}, but did not let this client in within "
                    f"{self.timeout:g} s: check security_protocol, the user, the password and the "
                    "certificates, and that it is a Kafka."
                )
        return (
            f"no Kafka answered at {self.bootstrap_servers} within {self.timeout:g} s; "
            "is it running, and is the address right? (workbench kafka status)"
        )

    def _call(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Ask the cluster; what passes (a coordinator still being found, say) is asked again."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                return function(*args, **kwargs)
            except kafka_errors.KafkaError as error:
                if error.retriable and time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                raise BrokerError(
                    f"Kafka at {self.bootstrap_servers} did not answer as asked: {reason(error)}."
                ) from error

    def __repr__(self) -> str:
        return f"KafkaBroker({self.bootstrap_servers!r})"


def _instance_id(member: str, channels: Sequence[str]) -> str:
    """A member's name at Kafka: what it reads is part of it.

    A static member that comes back is given the partitions it had, whatever it reads by now; under
    another name it is another member, once the old one is put out (see ``make_way``).
    """
    return f"{member}-{zlib.crc32(','.join(sorted(channels)).encode()):08x}"


class KafkaProducerClient(Producer):
    """A producer that is replaced when it may be of no more use."""

    def __init__(self, broker: KafkaBroker) -> None:
        self._broker = broker
        self.client = self._new()

    def _new(self, **settings: Any) -> Any:
        return self._broker._connect(  # noqa: SLF001 - its own broker
            KafkaProducer,
            **{
                "acks": "all",
                "linger_ms": 0,
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
        """After an error that can't be retried an idempotent producer may refuse everything."""
        self.client.close(timeout=1)
        self.client = self._new()

    def send(self, batch: Sequence[Outgoing]) -> list[Landed | BrokerError]:
        answers = []
        for outgoing in batch:
            try:
                answers.append(
                    self.client.send(
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
            self.client.flush(timeout=_SEND_TIMEOUT_MS / 1000)
        results = [
            self._result(outgoing.channel, answer)
            for outgoing, answer in zip(batch, answers, strict=True)
        ]
        if any(isinstance(result, BrokerError) for result in results):
            self.renew()
        return results

    def _result(self, channel: str, answer: Any) -> Landed | BrokerError:
        error = answer
        if not isinstance(answer, Exception):
            try:
                landed = answer.get(timeout=1)
                return Landed(landed.topic, landed.partition, landed.offset)
            except kafka_errors.KafkaError as failure:
                error = failure
        if isinstance(error, _REFUSALS):
            return EventRefusedError(f"Kafka refused the event for {channel}: {reason(error)}.")
        return BrokerError(f"Kafka did not acknowledge the event for {channel}: {reason(error)}.")

    def close(self) -> None:
        self.client.close(timeout=5)


class _KafkaReader(Reader):
    def __init__(self, client: Any) -> None:
        self._client = client

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        try:
            found = self._client.poll(timeout_ms=int(timeout * 1000), max_records=limit)
        except kafka_errors.KafkaError as error:
            raise BrokerError(f"Kafka could not be read: {reason(error)}.") from error
        return [
            Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.headers, r.value)
            for records in found.values()
            for r in records
        ]

    def positions(self) -> dict[Position, int]:
        found = {}
        for partition in self._client.assignment():
            position = self._client.position(partition, timeout_ms=_POSITION_TIMEOUT_MS)
            if position is not None:
                found[Position(partition.topic, partition.partition)] = position
        return found

    def close(self) -> None:
        self._client.close(autocommit=False)


class KafkaConsumerMember(_KafkaReader, Consumer):
    """A member of a group."""

    def commit(self, offsets: Mapping[Position, int]) -> bool:
        wanted = {
            TopicPartition(*position): OffsetAndMetadata(offset, "", -1)
            for position, offset in offsets.items()
        }
        try:
            self._client.commit(wanted)
        except MOVED:
            return False
        except kafka_errors.KafkaError as error:
            raise BrokerError(f"the offsets could not be committed: {reason(error)}.") from error
        return True

    def assigned(self) -> set[Position]:
        return {Position(p.topic, p.partition) for p in self._client.assignment()}

    def joined(self) -> bool:
        return bool(self._client.group_metadata().state == MemberState.STABLE)

    def committed(self) -> dict[Position, Commit]:
        found = {}
        for partition in self._client.assignment():
            commit = self._client.committed(partition, metadata=True)
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

    def membership(self) -> Any:
        """What proves to the cluster who commits."""
        return self._client.group_metadata()


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


def reason(error: BaseException) -> str:
    """What an error says, in one line and not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300].rstrip(".")

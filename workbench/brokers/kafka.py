"""Kafka, through kafka-python."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import MemberToRemove
from kafka.structs import OffsetAndMetadata

from workbench.brokers.broker import (
    DEAD_LETTER_BYTES,
    RETENTION_SECONDS,
    Broker,
    Coming,
    Consumer,
    Position,
    Producer,
    Reader,
    TransactionalProducer,
    committed_past,
)
from workbench.brokers.kafka_clients import (
    KafkaConsumerMember,
    KafkaProducerClient,
    KafkaReader,
    reason,
)
from workbench.brokers.kafka_security import check_security
from workbench.brokers.loopback import is_loopback
from workbench.errors import BrokerError, BrokerUnavailableError

_CHANNEL_CONFIG = {
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": str(RETENTION_SECONDS * 1000),
    "cleanup.policy": "delete",
    "max.message.bytes": str(DEAD_LETTER_BYTES + 100_000),
}
_FETCH_BYTES = 4 * 1024 * 1024
"""At most what a service has read ahead and not yet handled, in bytes."""
_BATCH_BYTES = 2 * 1024 * 1024
"""At most what one answer brings of a partition that is read in batches."""
_RECONNECT_MS = 1_000
"""At most, between attempts; kafka-python's own half a minute would be added to any outage."""
_FILES = ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_crlfile")
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
    BrokerError
        The settings contradict each other: a password for ``PLAINTEXT``, say.
    BrokerUnavailableError
        By the first call, if no Kafka answers within ``timeout``.
    """

    kind = "kafka"
    has_transactions = True
    reads_in_parallel = True

    def __init__(self, bootstrap_servers: str, *, timeout: float = 10.0, **settings: Any) -> None:
        check_security(settings)
        self.bootstrap_servers = bootstrap_servers
        self.timeout = timeout
        self._settings = settings
        self._lock = threading.RLock()

    @classmethod
    def setting_names(cls) -> list[str]:
        clients = (KafkaAdminClient, KafkaConsumer, KafkaProducer)
        all_have = set.intersection(*(set(client.DEFAULT_CONFIG) for client in clients))
        first = [*super().setting_names(), "security_protocol"]
        return [*first, *sorted(all_have.difference(first), key=_security_first)]

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any], others: Collection[str] = ()) -> None:
        super().check_settings(settings, others)
        check_security(settings)

    @property
    def address(self) -> str:
        return self.bootstrap_servers

    @property
    def is_local(self) -> bool:
        return all(map(is_loopback, self.bootstrap_servers.split(",")))

    def client_settings(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "bootstrap_servers": self.bootstrap_servers,
            "timeout": self.timeout,
            **self._settings,
        }

    @cached_property
    def _admin(self) -> Any:
        return self.connect(KafkaAdminClient)

    @cached_property
    def cluster_id(self) -> str:
        with self._lock:
            return str(self.call(self._admin.describe_cluster)["cluster_id"])

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
                if error.retriable and time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                names = ", ".join(topics)
                raise BrokerError(
                    f"Kafka would not make the channels {names}: {reason(error)}."
                ) from error

    def channels(self) -> set[str]:
        with self._lock:
            return {topic["name"] for topic in self.call(self._admin.describe_topics)}

    def delete(self, channels: Iterable[str], groups: Iterable[str]) -> None:
        doomed = sorted(set(channels) & self.channels())
        with self._lock:
            if doomed:
                self.call(self._admin.delete_topics, doomed, raise_errors=False)
            for group in groups:
                self.call(self._delete_group, group)
        deadline = time.monotonic() + self.timeout
        while set(doomed) & self.channels():
            if time.monotonic() > deadline:
                raise BrokerError(f"Kafka has not deleted {', '.join(doomed)} in time; try again.")
            time.sleep(0.05)

    def _delete_group(self, group: str) -> None:
        # A static member that was killed is a member until its session ends: it is put out first.
        self._put_out(group, self._static_members(group))
        with contextlib.suppress(kafka_errors.GroupIdNotFoundError):
            self._admin.delete_groups([group])

    def _static_members(self, group: str) -> list[str]:
        return self._all_static_members([group])[group]

    def _all_static_members(self, groups: Sequence[str]) -> dict[str, list[str]]:
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

    def transactional_producer(self, name: str, group: str) -> TransactionalProducer:
        from workbench.brokers.kafka_transactions import KafkaTransactionalProducer

        return KafkaTransactionalProducer(self, name, group)

    def make_way(self, coming: Sequence[Coming]) -> None:
        with self._lock:
            there = self.call(self._all_static_members, [member.group for member in coming])
            for group, member, channels in coming:
                name = _instance_id(member, channels)
                old = [n for n in there[group] if n.startswith(f"{member}-") and n != name]
                self.call(self._put_out, group, old)

    def dismiss(self, group: str, member: str) -> None:
        with self._lock:
            members = self.call(self._static_members, group)
            gone = [other for other in members if other.startswith(f"{member}-")]
            self.call(self._put_out, group, gone)

    def consumer(self, group: str, channels: Sequence[str], member: str) -> Consumer:
        consumer = self.connect(
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
        return KafkaConsumerMember(consumer, lambda: committed_past(self, group, channels))

    def _wait_for_metadata(self, consumer: Any, channels: Sequence[str]) -> None:
        # A kafka-python consumer that joins before it knows of its channels' partitions is given
        # none of them, and may not notice when it learns of them while it is still joining.
        deadline = time.monotonic() + self.timeout
        for channel in channels:
            while not self.call(consumer.partitions_for_topic, channel):
                if time.monotonic() > deadline:
                    consumer.close(autocommit=False)
                    raise BrokerError(f"Kafka has no channel {channel}: was it deleted meanwhile?")
                time.sleep(0.02)

    def reader(self, start: Mapping[Position, int]) -> Reader:
        return KafkaReader(self._assigned(start, max_partition_fetch_bytes=4 * 1024 * 1024))

    def _assigned(self, start: Mapping[Position, int], **settings: Any) -> Any:
        consumer = self.connect(
            KafkaConsumer,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            metrics_enabled=False,
            **settings,
        )
        consumer.assign([TopicPartition(*position) for position in start])
        for position, offset in start.items():
            consumer.seek(TopicPartition(*position), offset)
        return consumer

    def bulk_reader(self, start: Mapping[Position, int]) -> Reader:
        settings = self._bulk_settings
        if settings is None:
            return self.reader(start)
        from workbench.brokers.kafka_bulk import BulkKafkaReader

        return BulkKafkaReader(self, settings, start)

    def batch_reader(self, start: Mapping[Position, int]) -> Reader:
        from workbench.brokers.kafka_batches import KafkaBatchReader, fits

        consumer = self._assigned(
            start, max_partition_fetch_bytes=_BATCH_BYTES, fetch_max_bytes=8 * _BATCH_BYTES
        )
        if fits(consumer):
            return KafkaBatchReader(consumer)
        consumer.close(autocommit=False)
        return self.bulk_reader(start)

    def bulk_producer(self) -> Producer:
        settings = self._bulk_settings
        if settings is None:
            return self.producer()
        from workbench.brokers.kafka_bulk import BulkKafkaProducer

        return BulkKafkaProducer(self, settings)

    @cached_property
    def _bulk_settings(self) -> dict[str, Any] | None:
        """confluent-kafka's settings, or ``None`` where kafka-python is to do its work, too."""
        try:
            import confluent_kafka  # noqa: F401 - the extra "fast"
        except ImportError:
            return None
        from workbench.brokers.librdkafka import translate

        settings = {"bootstrap_servers": self.bootstrap_servers, **self._settings}
        try:
            return translate(settings)
        except LookupError as error:
            warnings.warn(
                f"replays go at kafka-python's pace: confluent-kafka, which is faster, is not set up "
                f"for {error.args[0]}.",
                stacklevel=2,
            )
            return None

    def begin_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        return self._offsets(channels, _EARLIEST)

    def end_offsets(
        self, channels: Iterable[str], *, committed: bool = True
    ) -> dict[Position, int]:
        return self._offsets(channels, _LATEST, committed=committed)

    def offsets_at(self, channels: Iterable[str], time: datetime) -> dict[Position, int]:
        names = list(channels)
        found = self._offsets(names, int(time.timestamp() * 1000))
        ends = self.end_offsets(names)
        return {position: found.get(position, end) for position, end in ends.items()}

    def _offsets(
        self, channels: Iterable[str], spec: int, *, committed: bool = True
    ) -> dict[Position, int]:
        with self._lock:
            partitions = self.call(self._partitions, sorted(set(channels)))
            if not partitions:
                return {}
            # Committed: as far as anyone can read, which an open transaction ends.
            found = self.call(
                self._admin.list_partition_offsets,
                dict.fromkeys(partitions, spec),
                isolation_level="read_committed" if committed else "read_uncommitted",
            )
        return {
            Position(p.topic, p.partition): answer.offset
            for p, answer in found.items()
            if answer.offset >= 0
        }

    def _partitions(self, channels: Sequence[str]) -> list[TopicPartition]:
        """Those of the channels that there are; all of them, or it is an error."""
        found = []
        for topic in self._admin.describe_topics(channels):
            if topic.get("error_code") == kafka_errors.UnknownTopicOrPartitionError.errno:
                continue
            for part in (topic, *topic["partitions"]):
                if part.get("error_code"):  # it has no leader yet, say, after a restart
                    raise kafka_errors.for_code(part["error_code"])
            indices = (partition["partition_index"] for partition in topic["partitions"])
            found += [TopicPartition(topic["name"], index) for index in indices]
        return found

    def committed(self, group: str) -> dict[Position, int]:
        with self._lock:
            try:
                found = self.call(self._admin.list_group_offsets, group).get(group, {})
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
            self.call(self._put_out, group, self.call(self._static_members, group))
            answers = self.call(self._admin.alter_group_offsets, group, wanted)
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

    def connect(self, client: Any, **settings: Any) -> Any:
        """A kafka-python client of a kind, connected."""
        self.check_files()
        # kafka-python says so itself, some of its clients with the value, which may be a secret.
        unknown = sorted(self._settings.keys() - client.DEFAULT_CONFIG.keys())
        if unknown:
            raise BrokerError(
                f"kafka-python has no setting {', '.join(unknown)}: is it a consumer's or a "
                "producer's alone, or otherwise spelt?"
            )
        try:
            return client(
                bootstrap_servers=self.bootstrap_servers.split(","),
                **{
                    "bootstrap_timeout_ms": int(self.timeout * 1000),
                    "reconnect_backoff_max_ms": _RECONNECT_MS,
                    **settings,
                    **self._settings,
                },
            )
        except (kafka_errors.KafkaTimeoutError, kafka_errors.KafkaConnectionError) as error:
            raise BrokerUnavailableError(self.silence()) from error
        except kafka_errors.KafkaError as error:
            raise BrokerUnavailableError(
                f"Kafka at {self.bootstrap_servers} refused the connection: {reason(error)}."
            ) from error

    def check_files(self) -> None:
        """Refuse a certificate or key that can't be there, which would pass for a silent Kafka.

        Raises
        ------
        BrokerError
            A setting names no file.
        """
        for name in _FILES:
            path = self._settings.get(name)
            if path is not None and not Path(path).is_file():
                raise BrokerError(f"{name} names no file that can be read: {path}.")

    def silence(self) -> str:
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

    def call(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Ask the cluster; what passes (a coordinator still being found, say) is asked again."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                return function(*args, **kwargs)
            except kafka_errors.KafkaError as error:
                if error.retriable and time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                if error.retriable:
                    raise BrokerUnavailableError(
                        f"Kafka at {self.bootstrap_servers} has not answered within "
                        f"{self.timeout:g} s: {reason(error)}."
                    ) from error
                raise BrokerError(
                    f"Kafka at {self.bootstrap_servers} did not do as asked: {reason(error)}."
                ) from error

    def __repr__(self) -> str:
        return f"KafkaBroker({self.bootstrap_servers!r})"


def _security_first(name: str) -> tuple[bool, str]:
    return not name.startswith(("sasl_", "ssl_")), name


def _instance_id(member: str, channels: Sequence[str]) -> str:
    """A member's name at Kafka: what it reads is part of it.

    A static member that comes back is given the partitions it had, whatever it reads by now; under
    another name it is another member, once the old one is put out (see ``make_way``).
    """
    return f"{member}-{zlib.crc32(','.join(sorted(channels)).encode()):08x}"

"""Where a design runs: the broker, connected to when it is needed, and the names used there."""

from __future__ import annotations

import ipaddress
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_path

from workbench.brokers import Broker, MemoryBroker
from workbench.choreography import Choreography
from workbench.errors import BrokerError
from workbench.services import channel_name, dead_letter_channel, retry_channel, store_path
from workbench.session.progress import download_bar

if TYPE_CHECKING:
    from workbench.brokers import LocalKafka


class Connection:
    """One design on one broker; for any thread.

    Nothing is started or connected to before :attr:`broker` is asked for. The parameters are
    those of :class:`Workbench`.
    """

    def __init__(
        self,
        choreography: Choreography,
        *,
        broker: str | Broker | LocalKafka | None,
        bootstrap_servers: str | None,
        settings: dict[str, Any],
        namespace: str,
        folder: str | Path | None,
        partitions: int,
        readonly: bool,
        allow_writes: bool,
        say: Callable[[str], None],
    ) -> None:
        self._given_kafka: LocalKafka | None = None
        address: str | Broker | None = None
        if broker is None or isinstance(broker, str | Broker):
            address = broker
        else:
            self._given_kafka, bootstrap_servers = broker, broker.bootstrap_servers
        check_address(address)
        self.namespace = namespace
        self.partitions = partitions
        self.readonly = readonly
        self._choreography = choreography
        self._wanted = (address, bootstrap_servers, settings)
        self._folder = Path(folder).expanduser() if folder is not None else None
        self._allow_writes = allow_writes
        self._say = say
        self._lock = threading.RLock()
        self._broker: Broker | None = None
        self._local_kafka: LocalKafka | None = None
        self._made: set[str] = set()

    @property
    def broker(self) -> Broker:
        """The broker, connected to (or started) at the first use."""
        with self._lock:
            if self._broker is None:
                broker, servers, settings = self._wanted
                self._broker, self._local_kafka = connect(
                    broker, servers, settings, say=self._say, progress=download_bar()
                )
            return self._broker

    @property
    def current(self) -> Broker | None:
        """The broker, if it is connected to already; asking does not connect."""
        return self._broker

    @property
    def local_kafka(self) -> LocalKafka | None:
        """The Kafka on this machine that was started for this workbench, or given to it."""
        return self._local_kafka if self._local_kafka is not None else self._given_kafka

    @property
    def folder(self) -> Path:
        """Where the services' files live; each cluster has a folder of its own.

        A broker that was wiped is another cluster, so an old inbox never meets new offsets.
        """
        root = self._folder or user_data_path("choreography-workbench") / "services"
        return root / self.broker.cluster_id / (self.namespace or "default")

    def store(self, service: str) -> Path:
        """The file of a service."""
        return store_path(self.folder, service)

    @property
    def faults_channel(self) -> str:
        """Where faults on purpose are noted."""
        return channel_name(self.namespace, "faults")

    def captured_channels(self) -> list[str]:
        """All that a captured log holds: the design's channels, dead letters and faults."""
        there = {self.faults_channel} & self.broker.channels()
        return [*self.channels(), *self.dead_letter_channels(), *there]

    def channels(self) -> list[str]:
        """The design's channels as the cluster names them, dead letters left out."""
        return [channel_name(self.namespace, name) for name in self._choreography.all_channels()]

    def dead_letter_channels(self) -> list[str]:
        """The dead-letter channels of the design's services, as the cluster names them."""
        return [dead_letter_channel(self.namespace, name) for name in self._choreography.services]

    def all_channels(self) -> set[str]:
        """All that the design's services read or write, as the cluster names it."""
        retries = (retry_channel(self.namespace, name) for name in self._choreography.services)
        return {*self.channels(), *self.dead_letter_channels(), *retries}

    def ensure_channels(self, *more: str) -> None:
        """Make the channels that the design needs (and others) and the broker doesn't have yet."""
        wanted = {*self.all_channels(), *more}
        if wanted - self._made:
            self.broker.ensure_channels(dict.fromkeys(sorted(wanted), self.partitions))
            self._made |= wanted

    def forget_channels(self) -> None:
        """Ask the broker again which channels there are, when they are next needed."""
        self._made.clear()

    def may_write(self, what: str) -> None:
        """Refuse what changes a cluster, where it is not asked for by name.

        Raises
        ------
        BrokerError
            This workbench is read-only, or the cluster is not on this machine.
        """
        if self.readonly:
            raise BrokerError(f"this workbench is read-only: it can't {what}.")
        servers = getattr(self.broker, "bootstrap_servers", None)
        if servers is not None and not self._allow_writes and not is_loopback(servers):
            raise BrokerError(
                f"{servers} is not on this machine: Workbench(..., allow_writes=True) lets this "
                f"workbench {what} there."
            )

    def wipe(self) -> None:
        """Delete the design's channels, groups and service files."""
        groups = [channel_name(self.namespace, name) for name in self._choreography.services]
        self.forget_channels()
        self.broker.delete({*self.all_channels(), self.faults_channel}, groups)
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Disconnect, and stop the local Kafka if it was started here.

        What a broker in memory has forgotten nobody goes on with: its services' files go, too.
        """
        with self._lock:
            if isinstance(self._broker, MemoryBroker) and self._broker is not self._wanted[0]:
                shutil.rmtree(self.folder.parent, ignore_errors=True)
            if self._broker is not None:
                self._broker.close()
                self._broker = None
            if self._local_kafka is not None:
                self._local_kafka.stop()
                self._local_kafka = None

    def __repr__(self) -> str:
        return repr(self._broker) if self._broker is not None else "not connected yet"


_MEMORY = ("memory", "memory://")


def check_address(broker: str | Broker | None) -> None:
    """Refuse what names no broker, before anything is asked of it.

    Raises
    ------
    BrokerError
        An address that can't be understood.
    """
    if not isinstance(broker, str) or broker == "kafka" or broker in _MEMORY:
        return
    if not broker.startswith("kafka://") or broker == "kafka://":
        raise BrokerError(
            f"{broker!r} is not a broker this version knows: use None (a local Kafka), "
            "'kafka://host:port' or 'memory://'."
        )


def connect(
    broker: str | Broker | None,
    bootstrap_servers: str | None,
    settings: dict[str, Any],
    *,
    say: Callable[[str], None],
    progress: Callable[[int, int, str], None] | None,
) -> tuple[Broker, Any]:
    """The broker asked for, and the local Kafka that was started for it, if one was.

    ``None`` is the local Kafka: the one that ``workbench kafka start`` left running, else a new
    one that ends with this process.

    Raises
    ------
    BrokerError
        A broker that can't be reached or started.
    """
    if isinstance(broker, Broker):
        return broker, None
    if bootstrap_servers is None and isinstance(broker, str) and broker.startswith("kafka://"):
        bootstrap_servers = broker.removeprefix("kafka://")
    elif broker in _MEMORY:
        return MemoryBroker(), None
    from workbench.brokers.kafka import KafkaBroker

    if bootstrap_servers is not None:
        return KafkaBroker(bootstrap_servers, **settings), None
    from workbench.brokers.local import LocalKafka

    running = LocalKafka.find(say=say)
    if running is not None and running.owner is None:
        return KafkaBroker(running.bootstrap_servers), None
    local = LocalKafka(say=say, progress=progress).start(owned=True)
    return KafkaBroker(local.bootstrap_servers), local


def is_loopback(bootstrap_servers: str) -> bool:
    """Whether every one of the addresses is on this machine."""

    def local(address: str) -> bool:
        host = address.strip().rsplit(":", 1)[0].strip("[]")
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    return all(local(address) for address in bootstrap_servers.split(","))

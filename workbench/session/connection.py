"""Where a design runs: the broker, connected to when it is needed, and the names used there."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from workbench.brokers import (
    Address,
    Broker,
    MemoryBroker,
    Subscription,
    load_broker,
    open_broker,
)
from workbench.choreography import Choreography
from workbench.errors import BrokerError
from workbench.services import (
    channel_name,
    dead_letter_channel,
    retry_channel,
    store_path,
    subscriptions,
)
from workbench.session.local_server import LocalServer, running_server
from workbench.session.passing_folder import passing_folder


class Connection:
    """One design on one broker; for any thread.

    Nothing is started or connected to before :attr:`broker` is asked for. The parameters are
    those of :class:`Workbench`, which ``parameters`` names: one of them may be meant by a setting.

    Raises
    ------
    BrokerError
        The address is none, or a setting does not go with it.
    """

    def __init__(
        self,
        choreography: Choreography,
        *,
        broker: str | Broker | LocalServer | None,
        bootstrap_servers: str | None,
        timeout: float,
        settings: dict[str, Any],
        parameters: Collection[str],
        namespace: str,
        folder: str | Path | None,
        partitions: int,
        readonly: bool,
        allow_writes: bool,
        say: Callable[[str], None],
    ) -> None:
        self._given_server: LocalServer | None = None
        self._given: Broker | None = None
        if broker is not None and bootstrap_servers is not None:
            raise BrokerError(
                "broker= and bootstrap_servers= both say where the broker is: give one of them."
            )
        if isinstance(broker, Broker):
            self._given = broker
        elif bootstrap_servers is not None:
            self._address = Address("kafka", {"bootstrap_servers": bootstrap_servers})
        elif broker is None or isinstance(broker, str):
            self._address = Address.parse(broker or "kafka://")
        else:
            self._given_server = broker
            self._address = Address(broker.kind, broker.client_settings())
        if settings:  # looked at only then: the client of a broker may take long to import
            self._check(settings, parameters)
        self.namespace = namespace
        self.partitions = partitions
        self.readonly = readonly
        self._choreography = choreography
        self._settings = {"timeout": timeout, **settings}
        self._folder = Path(folder).expanduser() if folder is not None else None
        self._allow_writes = allow_writes
        self._say = say
        self._lock = threading.RLock()
        self._broker: Broker | None = None
        self._own_server: LocalServer | None = None
        self._made: set[str] = set()
        self._subscribed: list[Subscription] = []

    def _check(self, settings: Mapping[str, Any], parameters: Collection[str]) -> None:
        if self._given is not None:
            self._given.check_settings(settings, parameters)
            raise BrokerError(
                f"{next(iter(settings))} is a setting of a broker, and the one given was made "
                "already: give it there."
            )
        load_broker(self._address.kind).check_settings(settings, parameters)
        for name in settings:
            if name in self._address.settings or name == "url":
                raise BrokerError(f"{name} is what the address says: give it as broker= alone.")

    @property
    def broker(self) -> Broker:
        """The broker, connected to (or started) at the first use."""
        with self._lock:
            if self._broker is None:
                self._broker = self._given or self._open()
            return self._broker

    def _open(self) -> Broker:
        address = self._address
        if not address.is_complete:
            server, self._own_server = running_server(address.kind, say=self._say)
            address = Address(address.kind, server.client_settings())
        return open_broker({"kind": address.kind, **self._settings, **address.settings})

    @property
    def current(self) -> Broker | None:
        """The broker, if it is connected to already; asking does not connect."""
        return self._broker

    @property
    def local_server(self) -> LocalServer | None:
        """The broker on this machine that was started for this workbench, or given to it."""
        return self._own_server if self._own_server is not None else self._given_server

    @property
    def folder(self) -> Path:
        """Where the services' files live; each cluster has a folder of its own.

        A broker that was wiped is another cluster, so an old inbox never meets new offsets. One in
        memory ends with this process, and its folder too, unless it is in a folder that was given.
        """
        if self._folder is not None:
            root = self._folder
        elif isinstance(self.broker, MemoryBroker):
            root = passing_folder()
        else:
            root = user_data_path("choreography-workbench") / "services"
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
        read = subscriptions(self._choreography, self.namespace)
        if read != self._subscribed:
            self.broker.subscribe(read)
            self._subscribed = read

    def forget_channels(self) -> None:
        """Ask the broker again which channels there are, when they are next needed."""
        self._made.clear()
        self._subscribed = []

    def may_write(self, what: str) -> None:
        """Refuse what changes a cluster, where it is not asked for by name.

        Raises
        ------
        BrokerError
            This workbench is read-only, or the cluster is not on this machine.
        """
        if self.readonly:
            raise BrokerError(f"this workbench is read-only: it can't {what}.")
        if not self._allow_writes and not self.broker.is_local:
            raise BrokerError(
                f"{self.broker.address} is not on this machine: Workbench(..., allow_writes=True) lets "
                f"this workbench {what} there."
            )

    def wipe(self) -> None:
        """Delete the design's channels, groups and service files."""
        groups = [channel_name(self.namespace, name) for name in self._choreography.services]
        self.forget_channels()
        self.broker.delete({*self.all_channels(), self.faults_channel}, groups)
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Disconnect, and stop the local broker if it was started here.

        What a broker in memory has forgotten nobody goes on with: its services' files go, too.
        """
        with self._lock:
            if isinstance(self._broker, MemoryBroker) and self._broker is not self._given:
                shutil.rmtree(self.folder.parent, ignore_errors=True)
            if self._broker is not None:
                self._broker.close()
                self._broker = None
            if self._own_server is not None:
                self._own_server.stop()
                self._own_server = None

    def __repr__(self) -> str:
        return repr(self._broker) if self._broker is not None else "not connected yet"

"""Running a design's services: started, stopped, killed, and asked how they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from workbench.brokers import Coming, MemoryBroker
from workbench.choreography import Choreography
from workbench.errors import BrokerError, ServiceError
from workbench.moments import moment_of
from workbench.services import (
    TRANSACTIONS,
    InlineRunner,
    Life,
    RetryPolicy,
    Runner,
    ServiceSpec,
    Supervisor,
    channel_name,
    group_member,
    input_channels,
    instance_label,
    instance_number,
    service_of,
    service_spec,
    together,
)
from workbench.services.tracing import Sampling, Tracing
from workbench.session.connection import Connection

if TYPE_CHECKING:
    import pandas as pd

Begin = Literal["start", "now"] | datetime
_MOST_INSTANCES = 32
_CRASHES = 3
"""After so many without coming up a service is waited for no longer."""


@dataclass(frozen=True)
class _Launch:
    """How things were when an instance was started: how often it had crashed, and how many bytes
    it had printed.
    """

    crashes: int
    printed: int


class Running:
    """Keeps a design's services running; for any thread. See :class:`Workbench` for the verbs."""

    def __init__(
        self,
        choreography: Choreography,
        connection: Connection,
        *,
        retry: RetryPolicy,
        durable: bool,
        delivery: str,
        watch_fields: int,
        log_level: str,
        log_payloads: bool,
        sampling: Sampling | None,
        say: Callable[[str], None],
    ) -> None:
        self._choreography = choreography
        self._connection = connection
        self.retry = retry
        self.durable, self._delivery, self._say = durable, delivery, say
        self._watch_fields = watch_fields
        self._log_level, self._log_payloads = log_level, log_payloads
        self._sampling = sampling
        self._wanted: dict[str, int] = {}
        """Service → how many instances it is to have."""
        self._changes: dict[str, int] = {}
        """Service → how often its design has changed."""
        self._revisions: dict[str, int] = {}
        """Instance → how often it had when that instance was started."""
        self._launches: dict[str, _Launch] = {}
        """Instance → how things were when it was last started."""
        self._lock = threading.RLock()
        self._runner: Runner | None = None
        choreography.listeners.append(self._on_change)

    @property
    def runner(self) -> Runner:
        """What keeps the services running."""
        with self._lock:
            if self._runner is None:
                broker, folder = self._connection.broker, self._connection.folder
                if isinstance(broker, MemoryBroker):
                    self._runner = InlineRunner(folder, broker, self._say)
                else:
                    self._runner = Supervisor(folder, broker.client_settings, self._say)
            return self._runner

    # --- started and stopped --------------------------------------------------------------

    def start(
        self,
        services: tuple[str, ...],
        timeout: float,
        instances: int | None = None,
        begin: Begin = "start",
    ) -> None:
        """Start services (all those that are down, if none is named) and wait for them."""
        self._connection.may_write("start services")
        if self._delivery == TRANSACTIONS:
            self._connection.broker.may_transact()
        for name in services:
            self.check(name)
        lives = self.lives()
        names = services or tuple(
            name
            for name, service in self._choreography.services.items()
            if service.reactions and not (name in lives and lives[name].up)
        )
        if not names and not lives:
            raise ServiceError(
                "there is no service with a reaction yet: define one with "
                '@wb.service("inventory").on(OrderPlaced), or in wb.designer().'
            )
        if instances is not None:
            self._check_instances(instances)
        specs = [
            self._spec(name, n)
            for name in names
            for n in range(1, (instances or self._wanted.get(name, 1)) + 1)
        ]
        self._connection.ensure_channels()
        for name in names:
            self._begin_at(name, begin)
        self._launch(specs)
        for name in names:
            self._wanted[name] = sum(spec.name == name for spec in specs)
            self._dismiss_others(name)
        self._wait_until_running([spec.label for spec in specs], timeout)
        for name in names:
            if self._wanted[name] > 1:
                self._wait_until_shared(name, timeout)

    def scale(self, service: str, instances: int, timeout: float) -> None:
        """Let a running service have more instances, or fewer."""
        self.check(service)
        self._connection.may_write("start services")
        self._check_instances(instances)
        if not any(life.up or life.wanted for life in self._instances(service)):
            raise ServiceError(
                f"{service} is not running: wb.start({service!r}, instances={instances}) starts it."
            )
        before = self._wanted.get(service, 1)
        specs = [self._spec(service, n) for n in range(before + 1, instances + 1)]
        self._wanted[service] = instances
        for n in range(before, instances, -1):
            self.runner.stop(instance_label(service, n))
        self._dismiss_others(service)
        self._launch(specs)
        self._wait_until_running([spec.label for spec in specs], timeout)
        self._wait_until_shared(service, timeout)

    def stop(self, services: tuple[str, ...], timeout: float) -> None:
        """End services in good order; all that are up, if none is named."""
        for name in services or self._up():
            for label in self.labels(name):
                self.runner.stop(label, timeout)

    def kill(self, service: str) -> None:
        """End a service, or one instance, as a crash would; it stays down."""
        for label in self.labels(service):
            self.runner.kill(label)

    def crash(self, service: str) -> None:
        """End a service, or one instance, at once; it is restarted."""
        for label in self.labels(service):
            self.runner.crash(label)

    def pause(self, service: str) -> None:
        """Freeze a service, or one instance, until it is resumed."""
        for label in self.labels(service):
            self.runner.pause(label)

    def resume(self, service: str) -> None:
        """Let a paused service, or one instance, go on."""
        for label in self.labels(service):
            self.runner.resume(label)

    def restart(self, service: str, timeout: float, *, rolling: bool = False) -> None:
        """Stop a service if it runs, and start it with the design as it is now."""
        self.check(service)
        self._connection.may_write("start services")
        up = [life.service for life in self._instances(service) if life.up or life.wanted]
        specs = [self._spec(service, n) for n in range(1, self._wanted.get(service, 1) + 1)]
        self._connection.ensure_channels()
        self._connection.broker.channels()  # nothing is stopped while Kafka does not answer
        try:
            if rolling and up:
                for spec in specs:
                    if spec.label in up:
                        self.runner.stop(spec.label)
                    self._launch([spec])
                    self._wait_until_running([spec.label], timeout)
                return
            for label in up:
                self.runner.stop(label)
            self.start((service,), timeout)
        except BrokerError as error:
            down = ", ".join(life.service for life in self._instances(service) if not life.up)
            if not down:
                raise
            raise ServiceError(
                f"{down} was stopped and could not be started again: {error} "
                f"wb.restart({service!r}) tries it again."
            ) from error

    def _spec(self, service: str, instance: int) -> ServiceSpec:
        broker, sampling = self._connection.broker, self._sampling
        return service_spec(
            self._choreography,
            service,
            namespace=self._connection.namespace,
            folder=self._connection.folder,
            retry=self.retry,
            durable=self.durable,
            delivery=self._delivery,
            instance=instance,
            watch_fields=self._watch_fields,
            log_level=self._log_level,
            log_payloads=self._log_payloads,
            tracing=Tracing(sampling, broker.kind, broker.address) if sampling else None,
            keeps_offsets=broker.keeps_offsets,
        )

    def _launch(self, specs: Sequence[ServiceSpec]) -> None:
        coming = [Coming(spec.group, spec.member, spec.inputs) for spec in specs]
        self._connection.broker.make_way(coming)
        lives = self.runner.lives()
        for spec in specs:
            output = self.runner.output_path(spec.label)
            self._launches[spec.label] = _Launch(
                lives[spec.label].crashes if spec.label in lives else 0,
                output.stat().st_size if output.exists() else 0,
            )
            self.runner.start(spec)
            self._revisions[spec.label] = self._changes.get(spec.name, 0)

    def _begin_at(self, service: str, begin: Begin) -> None:
        """Let a service that has never read begin elsewhere than at the start."""
        if begin == "start":
            return
        if not (begin == "now" or isinstance(begin, datetime)):
            raise ServiceError(f"a service begins at 'start', 'now' or a time, not {begin!r}.")
        broker, namespace = self._connection.broker, self._connection.namespace
        group = channel_name(namespace, service)
        if broker.committed(group):
            raise ServiceError(
                f"{service} has read before and goes on from there; "
                f"wb.reprocess({service!r}, since=...) takes it back."
            )
        channels = [channel_name(namespace, name) for name in self._choreography.inputs(service)]
        if begin == "now":
            broker.rewind(group, broker.end_offsets(channels))
        else:
            broker.rewind(
                group, broker.offsets_at(channels, moment_of(begin, "begin", ServiceError))
            )

    def _check_instances(self, instances: object) -> None:
        """Refuse a number of instances that makes no sense, or not on this broker."""
        whole = isinstance(instances, int) and not isinstance(instances, bool)
        if not whole or instances not in range(1, _MOST_INSTANCES + 1):
            raise ServiceError(
                f"a service has from 1 to {_MOST_INSTANCES} instances, not {instances!r}."
            )
        broker = self._connection.broker
        if instances != 1 and not broker.shares:
            raise ServiceError(
                f"on {broker.kind} a service has one instance: its queues give an entity's events "
                "in order to one reader alone."
            )

    def _dismiss_others(self, service: str) -> None:
        """Let the group have the partitions of instances that are there no more."""
        group = channel_name(self._connection.namespace, service)
        for life in self._instances(service):
            n = instance_number(life.service)
            if n > self._wanted[service] and not life.up:
                self._connection.broker.dismiss(group, group_member(group, n))

    def kill_all(self) -> None:
        """End every service at once."""
        for name in self._up():
            self.kill(name)

    def close(self) -> None:
        """Stop every service."""
        with self._lock:
            if self._runner is not None:
                self._runner.close()
                self._runner = None

    def check(self, service: str) -> None:
        """Refuse a misspelt name: what is asked of it would be empty, as if all were well."""
        known = {*self._choreography.services, *self.lives()}
        if service_of(service) in known and service not in known:
            raise ServiceError(
                f"{service} is one instance: this is for the whole of {service_of(service)}."
            )
        if service not in known:
            has = ", ".join(self._choreography.services) or "none"
            raise ServiceError(f"there is no service {service!r} in this design (it has: {has}).")

    def labels(self, name: str) -> list[str]:
        """The instances that a name stands for: a service's, all that there were, or just one."""
        self.check(service_of(name))
        if "/" not in name:
            return [life.service for life in self._instances(name)] or [name]
        service, n = service_of(name), instance_number(name)
        known = [life.service for life in self._instances(service)]
        if n == 0 or instance_label(service, n) not in known:
            there = ", ".join(known) or "none"
            raise ServiceError(f"{service} has no instance {name!r} (it has: {there}).")
        return [instance_label(service, n)]

    def _up(self) -> list[str]:
        return [name for name, life in self.lives().items() if life.up or life.wanted]

    def _wait_until_running(self, labels: Iterable[str], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        waiting = set(labels)
        while waiting:
            lives = self.runner.lives()
            waiting = {name for name in waiting if lives[name].state != "running"}
            broken = [
                name
                for name in waiting
                if lives[name].crashes - self._launches[name].crashes >= _CRASHES
            ]
            if broken or (waiting and time.monotonic() > deadline):
                name = min(broken or waiting)
                words = self._lines(name, 3, since=self._launches[name].printed)
                last = "\n".join(words).strip() or "it printed nothing"
                raise ServiceError(f"{name} does not come up; its last words: {last}")
            time.sleep(0.02)

    def _wait_until_shared(self, service: str, timeout: float) -> None:
        """Wait until the instances have shared out the partitions, and say how."""
        inputs = input_channels(self._choreography, self._connection.namespace, service)
        there = {*map(str, self._connection.broker.end_offsets(inputs))}
        deadline = time.monotonic() + timeout
        while True:
            lives = [life for life in self._instances(service) if life.up and life.status]
            held = {life.service: life.status.partitions for life in lives if life.status}
            if sorted(p for share in held.values() for p in share) == sorted(there):
                break
            if time.monotonic() > deadline:
                self._say(f"the instances of {service} have not yet shared out its partitions.")
                return
            time.sleep(0.02)
        shares = "".join(f"\n  {name}: {', '.join(p) or 'none'}" for name, p in held.items())
        self._say(f"{service} has shared out its partitions:{shares}")

    def _on_change(self, service: str) -> None:
        self._changes[service] = self._changes.get(service, 0) + 1
        life = self.lives().get(service)
        if life is not None and life.up:
            self._say(f"{service} has changed; wb.restart({service!r}) puts the change to work.")

    # --- asked ----------------------------------------------------------------------------

    def all_instances(self) -> list[Life]:
        """How each instance that was ever started is doing."""
        return list(self._runner.lives().values()) if self._runner is not None else []

    def lives(self) -> dict[str, Life]:
        """How each service that was ever started is doing, its instances taken together."""
        services: dict[str, list[Life]] = {}
        for life in self.all_instances():
            services.setdefault(service_of(life.service), []).append(life)
        return {name: together(name, found) for name, found in services.items()}

    def _instances(self, service: str) -> list[Life]:
        return [life for life in self.all_instances() if service_of(life.service) == service]

    def older(self) -> frozenset[str]:
        """The services of which an instance runs that was started before their last change."""
        return frozenset(
            service_of(life.service)
            for life in self.all_instances()
            if life.up and not self._is_current(life.service)
        )

    def _is_current(self, label: str) -> bool:
        return self._revisions.get(label, 0) == self._changes.get(service_of(label), 0)

    def instances(self) -> pd.DataFrame:
        """One row an instance; :meth:`Workbench.instances` says what is in it."""
        import pandas as pd

        columns = ["service", "instance", "state", "pid", "design", "crashes", "partitions"]
        rows = [
            (
                service,
                life.service,
                life.state,
                life.pid if life.up else None,
                "current" if self._is_current(life.service) else "older",
                life.crashes,
                ", ".join(life.status.partitions) if life.up and life.status else "",
            )
            for service in self._choreography.services
            for life in self._instances(service)
            if life.up or instance_number(life.service) <= self._wanted.get(service, 1)
        ]
        return pd.DataFrame(rows, columns=columns).astype({"pid": "Int64"})

    def output(self, service: str, lines: int) -> str:
        """The last lines of the output files of a service, or of one instance."""
        labels = self.labels(service)
        texts = []
        for label in labels:
            if self.runner.output_path(label).exists():
                head = [f"--- {label} ---"] if len(labels) > 1 else []
                texts += [*head, *self._lines(label, lines)]
        return "\n".join(texts)

    def _lines(self, label: str, lines: int, *, since: int = 0) -> list[str]:
        """The last lines of an instance's output, of what came after a number of bytes."""
        path = self.runner.output_path(label)
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(max(since, path.stat().st_size - 400 * lines))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]

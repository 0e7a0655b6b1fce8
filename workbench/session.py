"""``Workbench``: one object that ties the rooms together for a notebook or a script."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from platformdirs import user_data_path

from workbench.brokers import EVENT_BYTES, Broker, Landed, MemoryBroker, Outgoing, Position
from workbench.choreography import Choreography, Service
from workbench.connection import connect, is_loopback
from workbench.errors import BrokerError, DesignError, EventError, EventRefusedError, ServiceError
from workbench.events import Envelope, Event, EventType, to_kafka
from workbench.services import (
    Clock,
    InlineRunner,
    Life,
    RetryPolicy,
    Runner,
    Supervisor,
    channel_name,
    dead_letter_channel,
    read_counts,
    read_state,
    read_unsent,
    service_spec,
)

if TYPE_CHECKING:
    import pandas as pd

    from workbench.analysis import EventLog
    from workbench.doctor import Checkup

_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{0,80}")
SOURCE = "workbench"
"""The ``source`` of events published by hand."""


class Published(NamedTuple):
    """Where a published event landed: ``error`` says why not, if it was refused."""

    id: str
    type: str
    correlation_id: str | None
    channel: str
    partition: int | None
    offset: int | None
    error: str | None = None


class Workbench:
    """Design, run, watch, capture and analyse one choreography.

    Nothing is started or connected to before it is needed.

    Parameters
    ----------
    design
        A design folder, a :class:`Choreography`, or ``None`` for an empty design.
    broker
        ``None``: a Kafka on this machine (the one ``workbench kafka start`` left running, else
        one that ends with this process). ``"kafka://host:port"``, ``"memory://"``, or a
        :class:`~workbench.brokers.Broker`.
    bootstrap_servers
        An existing Kafka cluster, as ``"host:port,host:port"``.
    namespace
        Prefixes channels, groups and service files, so that many can share one cluster.
    folder
        Where the services' files live; default: a folder of this user's.
    partitions
        Of each channel that is made.
    retry
        How often a failing reaction is tried again.
    durable
        Services survive a power cut too, not only a crash; slower.
    readonly
        Nothing may be published, started or deleted.
    allow_writes
        Needed to publish, start or reset on a cluster that is not on this machine.
    say
        Told, in a sentence, of what happens in the background; default: ``print``.
    client_settings
        For kafka-python: ``security_protocol``, ``sasl_mechanism``, ``sasl_plain_password``, …
        They never show in a repr.

    Examples
    --------
    >>> wb = Workbench("designs/orders")  # doctest: +SKIP
    >>> wb.start()  # doctest: +SKIP
    >>> wb.publish(OrderPlaced(order_id="o-1"))  # doctest: +SKIP
    """

    def __init__(
        self,
        design: str | Path | Choreography | None = None,
        *,
        broker: str | Broker | None = None,
        bootstrap_servers: str | None = None,
        namespace: str = "",
        folder: str | Path | None = None,
        partitions: int = 3,
        retry: RetryPolicy | None = None,
        durable: bool = False,
        readonly: bool = False,
        allow_writes: bool = False,
        say: Callable[[str], None] = print,
        **client_settings: Any,
    ) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise DesignError(
                f"{namespace!r} can't be a namespace: use letters, digits, '-' and '_'."
            )
        self.design_folder = Path(design) if isinstance(design, str | Path) else None
        if isinstance(design, Choreography):
            self.choreography = design
        elif self.design_folder is not None and self.design_folder.exists():
            self.choreography = Choreography.load(self.design_folder)
        else:
            self.choreography = Choreography()
        self.namespace = namespace
        self.partitions = partitions
        self.retry = retry or RetryPolicy()
        self.durable = durable
        self.readonly = readonly
        self.say = say
        self._allow_writes = allow_writes
        self._wanted = (broker, bootstrap_servers, client_settings)
        self._folder = Path(folder).expanduser() if folder is not None else None
        self._lock = threading.RLock()
        self._broker: Broker | None = None
        self._local_kafka: Any = None
        self._runner: Runner | None = None
        self._producer: Any = None
        self._made: set[str] = set()
        self._clock = Clock()
        self.choreography.listeners.append(self._on_change)

    # --- designing ------------------------------------------------------------------------

    def service(self, name: str) -> Service:
        """The service of that name, made if it is new: ``inventory = wb.service("inventory")``."""
        return self.choreography.service(name)

    def event(self, event_type: type[Event] | EventType) -> EventType:
        """Add an event type to the design; ``@service.on(...)`` does so by itself."""
        return self.choreography.event(event_type)

    def save(self, folder: str | Path | None = None) -> Path:
        """Write the design to a folder, by default the one it came from."""
        target = Path(folder) if folder is not None else self.design_folder
        if target is None:
            raise DesignError(
                "this design has no folder yet: say where, wb.save('designs/orders')."
            )
        self.choreography.save(target)
        self.design_folder = target
        return target

    def _on_change(self, service: str) -> None:
        life = self.lives().get(service)
        if life is not None and life.up:
            self.say(f"{service} has changed; wb.restart({service!r}) puts the change to work.")

    # --- the broker -----------------------------------------------------------------------

    @property
    def broker(self) -> Broker:
        """The broker, connected to (or started) at the first use."""
        with self._lock:
            if self._broker is None:
                broker, servers, settings = self._wanted
                self._broker, self._local_kafka = connect(
                    broker, servers, settings, say=self.say, progress=download_bar()
                )
            return self._broker

    @property
    def folder(self) -> Path:
        """Where this workbench's service files live; each cluster has a folder of its own.

        A broker that was wiped is another cluster, so an old inbox never meets new offsets.
        """
        root = self._folder or user_data_path("choreography-workbench") / "services"
        return root / self.broker.cluster_id / (self.namespace or "default")

    def channels(self) -> list[str]:
        """The design's channels as the cluster names them, dead letters left out."""
        return [channel_name(self.namespace, name) for name in self.choreography.all_channels()]

    def dead_letter_channels(self) -> list[str]:
        """The dead-letter channels of the design's services, as the cluster names them."""
        return [dead_letter_channel(self.namespace, name) for name in self.choreography.services]

    def ensure_channels(self) -> None:
        """Make the channels that the design needs and the broker doesn't have yet."""
        wanted = {*self.channels(), *self.dead_letter_channels()}
        if wanted - self._made:
            self.broker.ensure_channels(dict.fromkeys(sorted(wanted), self.partitions))
            self._made |= wanted

    def _may_write(self, what: str) -> None:
        if self.readonly:
            raise BrokerError(f"this workbench is read-only: it can't {what}.")
        servers = getattr(self.broker, "bootstrap_servers", None)
        if servers is not None and not self._allow_writes and not is_loopback(servers):
            raise BrokerError(
                f"{servers} is not on this machine: Workbench(..., allow_writes=True) lets this "
                f"workbench {what} there."
            )

    # --- running --------------------------------------------------------------------------

    @property
    def runner(self) -> Runner:
        """What keeps the services running."""
        with self._lock:
            if self._runner is None:
                broker = self.broker
                if isinstance(broker, MemoryBroker):
                    self._runner = InlineRunner(self.folder, broker, self.say)
                else:
                    settings = getattr(broker, "client_settings", dict)
                    self._runner = Supervisor(self.folder, settings, self.say)
            return self._runner

    def start(self, *services: str, timeout: float = 30.0) -> None:
        """Start the services (all of them by default) and wait until they listen.

        Raises
        ------
        ServiceError, HandlerError, DesignError
            A service is unknown, runs already, has no reaction, or can't travel.
        """
        self._may_write("start services")
        for name in services:
            if name not in self.choreography.services:
                known = ", ".join(self.choreography.services) or "none"
                raise ServiceError(
                    f"there is no service {name!r} in this design (it has: {known})."
                )
        lives = self.lives()
        names = services or tuple(
            name
            for name, service in self.choreography.services.items()
            if service.reactions and not (name in lives and lives[name].up)
        )
        if not names and not lives:
            raise ServiceError(
                "there is no service with a reaction yet: define one with "
                '@wb.service("inventory").on(OrderPlaced), or in wb.designer().'
            )
        specs = [
            service_spec(
                self.choreography,
                name,
                namespace=self.namespace,
                folder=self.folder,
                retry=self.retry,
                durable=self.durable,
            )
            for name in names
        ]
        self.ensure_channels()
        for spec in specs:
            self.runner.start(spec)
        self._wait_until_running(names, timeout)

    def stop(self, *services: str, timeout: float = 10.0) -> None:
        """Stop services (all by default) in good order: what they hold is finished or given back."""
        for name in services or self._up():
            self.runner.stop(name, timeout)

    def kill(self, service: str) -> None:
        """End a service as a crash would, with SIGKILL. It stays down until it is restarted."""
        self.runner.kill(service)

    def restart(self, service: str, timeout: float = 30.0) -> None:
        """Start a service anew, with the design as it is now; stops it first if it runs."""
        life = self.lives().get(service)
        if life is not None and (life.up or life.wanted):
            self.runner.stop(service)
        self.start(service, timeout=timeout)

    def lives(self) -> dict[str, Life]:
        """How each service that was ever started is doing."""
        return self._runner.lives() if self._runner is not None else {}

    def _up(self) -> list[str]:
        return [name for name, life in self.lives().items() if life.up or life.wanted]

    def _wait_until_running(self, names: Iterable[str], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        waiting = set(names)
        while waiting:
            lives = self.lives()
            waiting = {name for name in waiting if lives[name].state != "running"}
            broken = [name for name in waiting if lives[name].crashes >= 3]
            if broken or time.monotonic() > deadline:
                name = min(broken or waiting)
                last = self.output(name, lines=3).strip() or "it printed nothing"
                raise ServiceError(f"{name} does not come up; its last words: {last}")
            time.sleep(0.02)

    def output(self, service: str, lines: int = 50) -> str:
        """The last lines that a service's handlers printed, with its errors."""
        path = self.runner.output_path(service)
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 400 * lines))
            text = file.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def state(self, service: str) -> dict[str, Any]:
        """A service's state as of its last commit."""
        return read_state(self.folder / f"{service}.sqlite")

    def lag(self) -> dict[str, int]:
        """Service → events on its channels that it has not committed yet."""
        names = [name for name, service in self.choreography.services.items() if service.reactions]
        inputs = {name: self._inputs(name) for name in names}
        ends = self.broker.end_offsets({channel for used in inputs.values() for channel in used})
        begins = self.broker.begin_offsets({p.channel for p in ends})
        lag = {}
        for name in names:
            committed = self.broker.committed(channel_name(self.namespace, name))
            mine = [p for p in ends if p.channel in inputs[name]]
            lag[name] = sum(max(0, ends[p] - committed.get(p, begins[p])) for p in mine)
        return lag

    def _inputs(self, service: str) -> set[str]:
        return {channel_name(self.namespace, name) for name in self.choreography.inputs(service)}

    def status(self) -> pd.DataFrame:
        """One row a service: how it is, what it has done, and what is left to do.

        Columns: ``service``, ``state``, ``pid``, ``handled``, ``emitted``, ``duplicates``,
        ``retries``, ``dead_letters``, ``in_flight`` (handled but unsent or not committed),
        ``waiting`` (delayed effects), ``lag`` (events), ``crashes``.
        """
        import pandas as pd

        lives, lag = self.lives(), self.lag()
        rows = []
        for name in self.choreography.services:
            life = lives.get(name, Life(name))
            totals = self.counts(name)
            rows.append(
                {
                    "service": name,
                    "state": life.state,
                    "pid": life.pid if life.up else None,
                    **{what: totals.get(what, 0) for what in _COUNTS},
                    "in_flight": life.status.in_flight if life.up and life.status else 0,
                    "waiting": life.status.waiting if life.up and life.status else 0,
                    "lag": lag.get(name, 0),
                    "crashes": life.crashes,
                }
            )
        return pd.DataFrame(rows).astype({"pid": "Int64"}) if rows else pd.DataFrame()

    def counts(self, service: str) -> dict[str, int]:
        """What a service has counted since its file was made: handled, emitted, duplicates, …"""
        totals: dict[str, int] = {}
        for (what, _), n in read_counts(self.folder / f"{service}.sqlite").items():
            totals[what] = totals.get(what, 0) + n
        return totals

    def wait_until_idle(self, timeout: float = 60.0) -> None:
        """Wait until every event is handled and every effect sent, delayed ones included.

        Raises
        ------
        ServiceError
            Something is left after ``timeout`` seconds; says what.
        """
        deadline = time.monotonic() + timeout
        calm = 0
        while calm < 2:
            lives = self.lives()
            # From the files, not from what services report: a report may be late, and a service
            # that was killed reports nothing, but its delayed effects are still to be sent.
            unsent = {
                name: read_unsent(self.folder / f"{name}.sqlite")
                for name in self.choreography.services
            }
            left = {name: f"{n} effects" for name, n in unsent.items() if n}
            left |= {name: f"{n} events" for name, n in self.lag().items() if n}
            for name, life in lives.items():
                if life.wanted and not life.up:
                    left[name] = "its restart"
            calm = 0 if left else calm + 1
            if left and time.monotonic() > deadline:
                what = ", ".join(f"{name}: {n}" for name, n in sorted(left.items()))
                down = [name for name in left if name not in lives or not lives[name].up]
                hint = f" ({', '.join(down)} is not running)" if down else ""
                raise ServiceError(f"not at rest after {timeout:g} s; left to do: {what}{hint}.")
            time.sleep(0.15)

    # --- publishing -----------------------------------------------------------------------

    def publish(
        self,
        event: Event | str,
        data: Mapping[str, Any] | None = None,
        *,
        correlation_id: str | None = None,
    ) -> Published:
        """Publish one event, the first of a flow; waits until the broker has it.

        ``wb.publish(OrderPlaced(...))`` or ``wb.publish("OrderPlaced", {...})``.

        Raises
        ------
        EventError
            The payload does not satisfy its schema; says which field and why.
        EventRefusedError, BrokerError
            The broker did not take it.
        """
        pair = event if isinstance(event, Event) else (event, data or {})
        (published,) = self.publish_many([pair], correlation_id=correlation_id)
        if published.error is not None:
            raise EventRefusedError(published.error)
        return published

    def publish_many(
        self,
        events: Iterable[Event | tuple[str, Mapping[str, Any]]],
        *,
        correlation_id: str | None = None,
        batch: int = 500,
    ) -> list[Published]:
        """Publish events in order. What the broker refuses says so in its ``error``.

        Payloads are checked first: if one does not satisfy its schema nothing is sent.
        """
        self._may_write("publish")
        envelopes = [self._envelope(event, correlation_id) for event in events]
        self.ensure_channels()
        published: list[Published] = []
        for first in range(0, len(envelopes), batch):
            published += self._send(envelopes[first : first + batch])
        return published

    def _envelope(
        self, event: Event | tuple[str, Mapping[str, Any]], correlation_id: str | None
    ) -> Envelope:
        if isinstance(event, Event):
            name = self.choreography.type_name(type(event))
            payload: Event | Mapping[str, Any] = event
        elif isinstance(event, tuple):
            name, payload = self.choreography.type_name(event[0]), event[1]
        else:
            raise EventError(
                f"{event!r} can't be published: give an event, or its type's name and a payload."
            )
        return Envelope.first(
            self.choreography.event_types[name],
            payload,
            source=SOURCE,
            time=self._clock.now(),
            correlationid=correlation_id,
        )

    def _send(self, envelopes: list[Envelope]) -> list[Published]:
        batch = []
        for envelope in envelopes:
            channel = channel_name(self.namespace, self.choreography.channel(envelope.type))
            batch.append(Outgoing(channel, *to_kafka(envelope)))
        small = [outgoing for outgoing in batch if outgoing.size() <= EVENT_BYTES]
        with self._lock:
            if self._producer is None:
                self._producer = self.broker.producer()
            answered = self._producer.send(small)
            if any(isinstance(answer, BrokerError) for answer in answered):
                self._made.clear()  # someone else may have deleted a channel
            answers = iter(answered)
        published = []
        for envelope, outgoing in zip(envelopes, batch, strict=True):
            if outgoing.size() > EVENT_BYTES:
                answer: Landed | BrokerError = EventRefusedError(
                    f"{envelope.type} is too large: {outgoing.size():,} bytes, and at most "
                    f"{EVENT_BYTES:,} are sent."
                )
            else:
                answer = next(answers)
            known = (envelope.id, envelope.type, envelope.correlationid, outgoing.channel)
            if isinstance(answer, BrokerError):
                published.append(Published(*known, None, None, str(answer)))
            else:
                published.append(Published(*known, answer.partition, answer.offset))
        return published

    # --- capturing ------------------------------------------------------------------------

    def capture(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        start: Mapping[Position, int] | None = None,
        stop: Mapping[Position, int] | None = None,
        progress: bool = True,
    ) -> EventLog:
        """Everything on the design's channels and dead letters, as an event log.

        A range of broker times or of offsets narrows it; see :func:`workbench.capture.record`.
        """
        from tqdm.auto import tqdm

        from workbench.analysis import EventLog
        from workbench.capture import record

        channels = [*self.channels(), *self.dead_letter_channels()]
        with tqdm(desc="capture", unit=" events", disable=not progress, leave=False) as bar:

            def advance(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            frame = record(
                self.broker,
                channels,
                since=since,
                until=until,
                start=start,
                stop=stop,
                progress=advance,
            )
        return EventLog(frame)

    def dead_letters(self) -> pd.DataFrame:
        """The dead letters, newest last: the event, and ``dead_letter``, the reason."""
        from workbench.capture import record

        frame = record(self.broker, self.dead_letter_channels())
        columns = ["broker_time", "type", "id", "correlation_id", "dead_letter", "data"]
        found = frame.reindex(columns=columns)  # an empty frame has only the standard ones
        return found.sort_values("broker_time").reset_index(drop=True)

    # --- widgets --------------------------------------------------------------------------

    def designer(self) -> Any:
        """A form and a graph to design event types, services and reactions."""
        from workbench.widgets import Designer

        return Designer(self)

    def publisher(self) -> Any:
        """A form, made from an event type's schema, to publish one event or a burst."""
        from workbench.widgets import Publisher

        return Publisher(self)

    def monitor(self) -> Any:
        """The graph, live: what each service does, and the newest events."""
        from workbench.widgets import Monitor

        return Monitor(self)

    # --- house-keeping --------------------------------------------------------------------

    def reset(self) -> None:
        """A clean slate: services stopped; this design's channels, groups and files deleted.

        The design itself stays, and so does everything of other namespaces.
        """
        self._may_write("delete channels")
        for name in self._up():
            self.runner.kill(name)
        groups = [channel_name(self.namespace, name) for name in self.choreography.services]
        self._made.clear()
        self.broker.delete([*self.channels(), *self.dead_letter_channels()], groups)
        shutil.rmtree(self.folder, ignore_errors=True)

    def doctor(self) -> Checkup:
        """What works on this machine, what doesn't, and what to do."""
        from workbench.doctor import checkup

        return checkup(self)

    def close(self) -> None:
        """Stop the services, and the local Kafka if this workbench started it."""
        with self._lock:
            if self._runner is not None:
                self._runner.close()
                self._runner = None
            if self._producer is not None:
                self._producer.close()
                self._producer = None
            if self._broker is not None:
                self._broker.close()
                self._broker = None
            if self._local_kafka is not None:
                self._local_kafka.stop()
                self._local_kafka = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        broker = repr(self._broker) if self._broker is not None else "not connected yet"
        namespace = f", namespace={self.namespace!r}" if self.namespace else ""
        return f"Workbench({self.choreography!r}, broker={broker}{namespace})"


_COUNTS = ("handled", "emitted", "duplicates", "retries", "dead_letters")


def download_bar() -> Callable[[int, int, str], None]:
    """A progress bar that appears only if there is something to fetch."""
    bar: Any = None

    def advance(done: int, total: int, sentence: str) -> None:
        nonlocal bar
        if bar is None:
            from tqdm.auto import tqdm

            bar = tqdm(total=total, unit="B", unit_scale=True)
        bar.total = total
        bar.set_description_str(sentence)
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return advance

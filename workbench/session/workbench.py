"""``Workbench``: one object that ties the rooms together for a notebook or a script."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from workbench.brokers import Broker
from workbench.choreography import Choreography, Service
from workbench.errors import DesignError, ServiceError
from workbench.events import Event, EventType
from workbench.services import AT_LEAST_ONCE, DELIVERIES, LOG_LEVELS, Life, RetryPolicy, Runner
from workbench.services.tracing import sampling_of
from workbench.session.capturing import Capturing
from workbench.session.connection import Connection
from workbench.session.convergence import Convergence
from workbench.session.following import Following
from workbench.session.progress import counted
from workbench.session.publishing import Published, Publishing
from workbench.session.reprocessing import reprocess
from workbench.session.running import Begin, Running
from workbench.session.tracing import Beginning

if TYPE_CHECKING:
    import pandas as pd

    from workbench.analysis import EventLog
    from workbench.choreography.impact import Impact
    from workbench.doctor import Checkup
    from workbench.session.dead_letters import DeadLetters
    from workbench.session.faults import Faults
    from workbench.session.local_server import LocalServer

_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{0,80}")


class Workbench(Capturing, Following):
    """Design, run, watch, capture and analyse one choreography.

    Nothing is started or connected to before it is needed.

    Parameters
    ----------
    design
        A design folder, a :class:`Choreography`, or ``None`` for an empty design.
    broker
        ``None``: a Kafka on this machine (the one ``workbench kafka start`` left running, else
        one that ends with this process). ``"kafka://host:port"``, ``"rabbitmq://"`` (one on this
        machine, likewise), ``"rabbitmq://user:password@host:port/vhost"``, ``"aws://region"``,
        ``"memory://"``, a running :class:`LocalKafka` or :class:`LocalRabbitMQ`, or a
        :class:`~workbench.brokers.Broker`.
    bootstrap_servers
        An existing Kafka cluster, as ``"host:port,host:port"``.
    namespace
        Prefixes channels, groups and service files, so that many can share one cluster.
    folder
        Where the services' files live; default: a folder of this user's, or one that ends with
        this process for a broker in memory.
    partitions
        Of each channel that is made.
    retry
        How often a failing reaction is tried again.
    durable
        Services survive a power cut too, not only a crash; slower.
    delivery
        How services send: ``"at-least-once"``, or ``"transactions"``, where a consumer that reads
        what is committed never sees an effect twice, whatever crashes; it costs a commit of the
        broker's for each batch. Kafka and the in-memory broker have them.
    watch_fields
        Of how many events of each reaction, from each start of a service, it is noted which fields
        its Python handler touches; :meth:`touched` and :meth:`impact` know them then. 0: of none.
    log_level
        What services write to their logs: lines of the level ``"debug"``, ``"info"``, ``"warning"``
        or ``"error"`` and above, or none: ``"off"``; :meth:`logs` reads them.
    log_payloads
        Their logs show what events carry, too, except for what schemas mark as personal
        (``"x-personal-data": true``), which no log shows.
    trace_sampling
        Which flows are traced: a share of them, from 0 (none) to 1. By default every flow up to 20
        a second, and of more one in a hundred. ``OTEL_TRACES_SAMPLER`` goes before it. Spans go to
        the endpoint that ``OTEL_EXPORTER_OTLP_ENDPOINT`` names (OTLP over HTTP), else to files beside
        the services'; :meth:`spans` reads those.
    readonly
        Nothing may be published, started or deleted.
    allow_writes
        Needed to publish, start or reset on a cluster that is not on this machine.
    say
        Told, in a sentence, of what happens in the background; default: ``print``.
    timeout
        Seconds within which the cluster must answer.
    client_settings
        Of the broker's kind; for kafka-python: ``security_protocol``, ``sasl_mechanism``,
        ``sasl_plain_password``, …
        They never show in a repr.

    Raises
    ------
    BrokerError
        A setting is none of that broker's, or the address is none.

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
        broker: str | Broker | LocalServer | None = None,
        bootstrap_servers: str | None = None,
        namespace: str = "",
        folder: str | Path | None = None,
        partitions: int = 3,
        retry: RetryPolicy | None = None,
        durable: bool = False,
        delivery: str = AT_LEAST_ONCE,
        watch_fields: int = 0,
        log_level: str = "info",
        log_payloads: bool = False,
        trace_sampling: float | None = None,
        readonly: bool = False,
        allow_writes: bool = False,
        timeout: float = 10.0,
        say: Callable[[str], None] = print,
        **client_settings: Any,
    ) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise DesignError(
                f"{namespace!r} can't be a namespace: use letters, digits, '-' and '_'."
            )
        if delivery not in DELIVERIES:
            known = " or ".join(f"{name!r}" for name in DELIVERIES)
            raise ServiceError(f"the delivery is {known}, not {delivery!r}.")
        if log_level not in LOG_LEVELS:
            known = ", ".join(f"{name!r}" for name in LOG_LEVELS)
            raise ServiceError(f"the log level is one of {known}, not {log_level!r}.")
        self.design_folder = Path(design) if isinstance(design, str | Path) else None
        if isinstance(design, Choreography):
            self.choreography = design
        elif self.design_folder is not None and self.design_folder.exists():
            self.choreography = Choreography.load(self.design_folder)
        else:
            self.choreography = Choreography()
            if self.design_folder is not None:
                say(f"{design} does not exist yet: this design is empty, and wb.save() makes it.")
        self.say = say
        self._faults: Faults | None = None
        self.connection = Connection(
            self.choreography,
            broker=broker,
            bootstrap_servers=bootstrap_servers,
            timeout=timeout,
            settings=client_settings,
            parameters=inspect.signature(type(self)).parameters.keys() - {"client_settings"},
            namespace=namespace,
            folder=folder,
            partitions=partitions,
            readonly=readonly,
            allow_writes=allow_writes,
            say=self._told,
        )
        sampling = sampling_of(trace_sampling, os.environ)
        tracing = Beginning(self.choreography, self.connection, sampling, self._told)
        self._publishing = Publishing(self.choreography, self.connection, tracing)
        self._running = Running(
            self.choreography,
            self.connection,
            retry=retry or RetryPolicy(),
            durable=durable,
            delivery=delivery,
            watch_fields=watch_fields,
            log_level=log_level,
            log_payloads=log_payloads,
            sampling=sampling,
            say=self._told,
        )
        super().__init__(self.choreography, self.connection, self._running)

    def _told(self, sentence: str) -> None:
        self.say(sentence)  # whoever it is by then: a widget listens while it acts

    # --- designing ------------------------------------------------------------------------

    def service(self, name: str) -> Service:
        """The service of that name, made if it is new: ``inventory = wb.service("inventory")``."""
        return self.choreography.service(name)

    def event(self, event_type: type[Event] | EventType) -> EventType:
        """Add an event type to the design; ``@service.on(...)`` does so by itself."""
        return self.choreography.event(event_type)

    def impact(
        self,
        event_type: type[Event] | str,
        new_schema: type[Event] | EventType | Mapping[str, Any],
        log: EventLog | None = None,
    ) -> Impact:
        """What happens if an event type gets a new schema; see :meth:`Choreography.impact`.

        It also knows what handlers were seen to touch, where they were watched.

        Examples
        --------
        >>> wb.impact("OrderPlaced", new_schema, log=wb.capture())  # doctest: +SKIP
        """
        return self.choreography.impact(event_type, new_schema, log, touched=self.touched())

    def touched(self) -> dict[str, list[str]]:
        """``service/reaction`` → the fields that its Python handler was seen to touch.

        ``lines[].sku``; the empty path is the event as a whole. Handlers are watched only if
        ``Workbench(watch_fields=…)`` says so; empty as long as no broker is connected to.
        """
        return self._observing.touched()

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

    # --- the broker -----------------------------------------------------------------------

    @property
    def broker(self) -> Broker:
        """The broker, connected to (or started) at the first use."""
        return self.connection.broker

    @property
    def namespace(self) -> str:
        """What channels, groups and service files are prefixed with."""
        return self.connection.namespace

    @property
    def folder(self) -> Path:
        """Where this workbench's service files live; each cluster has a folder of its own."""
        return self.connection.folder

    def channels(self) -> list[str]:
        """The design's channels as the cluster names them, dead letters left out."""
        return self.connection.channels()

    def dead_letter_channels(self) -> list[str]:
        """The dead-letter channels of the design's services, as the cluster names them."""
        return self.connection.dead_letter_channels()

    # --- running --------------------------------------------------------------------------

    @property
    def runner(self) -> Runner:
        """What keeps the services running."""
        return self._running.runner

    def start(
        self,
        *services: str,
        instances: int | None = None,
        begin: Begin = "start",
        timeout: float = 30.0,
    ) -> None:
        """Start the services (all of them by default) and wait until they listen.

        Parameters
        ----------
        instances
            How many processes share each service's work; by default as many as before, at first 1.
        begin
            Where a service that has never read before begins: at the ``"start"`` of what its
            channels hold, so that it catches up; ``"now"``; or at a time.

        Raises
        ------
        ServiceError, HandlerError, DesignError
            A service is unknown, runs already, has no reaction, or can't travel.
        """
        self._running.start(services, timeout, instances, begin)

    def scale(self, service: str, instances: int, timeout: float = 30.0) -> None:
        """Let a running service have more instances, or fewer; the others go on meanwhile.

        They share the partitions of its channels (one instance at most each) and its state, to
        which one writes at a time: an instance that is frozen in the middle of that (SIGSTOP) holds
        up the others until it goes on; one that is killed does not.
        New ones are of the design as it is now, so that two versions of a service can run side by
        side; :meth:`instances` shows which is which.
        """
        self._running.scale(service, instances, timeout)

    def instances(self) -> pd.DataFrame:
        """One row an instance of a service.

        Columns: ``service``; ``instance``, its name (``billing``, ``billing/2``, …), by which
        it can be killed, paused or looked at alone; ``state``; ``pid``; ``design`` (``current`` or
        ``older``: it was started before the service's last change); ``crashes``;
        ``partitions``, those that it reads now.
        """
        return self._running.instances()

    def stop(self, *services: str, timeout: float = 10.0) -> None:
        """Stop services (all by default) in good order: what they hold is finished or given back.

        One that has not done so after ``timeout`` seconds is killed, which loses nothing either.
        """
        self._running.stop(services, timeout)

    def kill(self, service: str) -> None:
        """End a service as a crash would, with SIGKILL. It stays down until it is restarted.

        ``"billing"`` is all of its instances, ``"billing/2"`` the second alone.
        """
        self._running.kill(service)

    def restart(self, service: str, timeout: float = 30.0, *, rolling: bool = False) -> None:
        """Start a service anew, with the design as it is now; stops it first if it runs.

        ``rolling``: one instance after the other, each waited for, while the others go on.
        """
        self._running.restart(service, timeout, rolling=rolling)

    def reprocess(
        self, service: str, since: datetime | str | None = None, *, effects: str = "suppress"
    ) -> int:
        """Let a service handle events again that it has handled before; returns how many.

        Parameters
        ----------
        service
            Stopped meanwhile, and started again if it ran.
        since
            Broker time; UTC unless it says. ``None``: all that the channels still hold, and the
            service's state begins empty: it is rebuilt. Else the state stays, and handlers run again
            on top of it.
        effects
            ``"suppress"``: none is sent. ``"resend"``: they are sent again, under the same ids, so
            that only those who never had them react.

        A handler sees ``ctx.reprocessing``. Events that come after the call are handled as ever.
        """
        return reprocess(self.choreography, self.connection, self._running, service, since, effects)

    def lives(self) -> dict[str, Life]:
        """How each service that was ever started is doing."""
        return self._running.lives()

    def output(self, service: str, lines: int = 50) -> str:
        """The last lines that a service's handlers printed, with its errors."""
        return self._running.output(service, lines)

    def state(self, service: str) -> dict[str, Any]:
        """A service's state as of its last commit."""
        return self._observing.state(service)

    def states(self) -> pd.DataFrame:
        """Every service's state as of its last commit: ``service``, ``key`` and ``value``."""
        return self._observing.states()

    def converged(self) -> Convergence:
        """Whether everything has come to rest, and whether the design's invariants hold.

        True or false as it stands, and in words when it is shown: what is left to do (events,
        effects, retries, parked events, timers), which invariant is broken, by how much, and how
        many dead letters wait for a decision, which leave it true.
        """
        return self._observing.converged()

    def lag(self) -> dict[str, int]:
        """Service → events on its channels that it has not committed yet."""
        return self._observing.lag()

    def status(self) -> pd.DataFrame:
        """One row a service: how it is, what it has done, and what is left to do.

        Columns: ``service``, ``state``, ``instances`` (that are up), ``pid``, ``handled``, ``emitted``, ``duplicates``,
        ``retries``, ``dead_letters``, ``in_flight`` (handled but unsent or not committed),
        ``waiting`` (in its file: effects to be sent, retries, parked events, timers), ``refused``
        (in its file: what the broker will never take), ``lag`` (events), ``crashes``. The state and
        what is in flight are as last reported, up to a fifth of a second ago.
        """
        return self._observing.status()

    def counts(self, service: str) -> dict[str, int]:
        """What a service has counted since its file was made: handled, emitted, duplicates, …"""
        return self._observing.counts(service)

    def wait_until_idle(self, timeout: float = 60.0) -> None:
        """Wait until every event is handled and every effect sent, delayed ones included.

        Raises
        ------
        ServiceError
            Something is left after ``timeout`` seconds, or who has it to do is down; says what.
        """
        self._observing.wait_until_idle(timeout)

    # --- publishing -----------------------------------------------------------------------

    def publish(
        self,
        event: Event | str,
        data: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        id: str | None = None,  # noqa: A002 - the attribute's name in CloudEvents
        traceparent: str | None = None,
    ) -> Published:
        """Publish one event, the first of a flow; waits until the broker has it.

        ``wb.publish(OrderPlaced(...))`` or ``wb.publish("OrderPlaced", {...})``. Published again
        with the same ``id``, it is the same event: what was not acknowledged can be repeated.
        A payload is of the version in use, unless another is named by ``version``; an event is of
        that of its class.
        The trace of a ``traceparent``, the header of a request that led to this, is continued, or
        else that of the OpenTelemetry span that the caller is in; one that is malformed is not.

        Raises
        ------
        DesignError
            The design has no such event type, or no such version of it.
        EventError
            The payload does not satisfy its schema; says which field and why.
        EventRefusedError
            The broker will never take it: it is too large, say.
        BrokerError
            It did not, or did not say in time whether it has it: it may be there or not.
        """
        return self._publishing.publish_one(
            (event, data or {}) if isinstance(event, str) else event,
            version=version,
            correlation_id=correlation_id,
            id_=id,
            traceparent=traceparent,
        )

    def publish_many(
        self,
        events: Iterable[Event | tuple[str, Mapping[str, Any]]],
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        ids: Iterable[str] | None = None,
        traceparent: str | None = None,
        batch: int = 500,
    ) -> list[Published]:
        """Publish events in order. What the broker refuses says so in its ``error``.

        Payloads are checked first: if one does not satisfy its schema nothing is sent. A broker
        that does not answer is waited for: half a minute for each ``batch``, after which its
        events say so. ``ids``, one for each event, let them be published again as the same ones.
        They continue the trace of ``traceparent`` as :meth:`publish` does.

        Raises
        ------
        EventError
            A payload does not satisfy its schema, or there are not as many ids as events.
        """
        return self._publishing.publish(
            events,
            version=version,
            correlation_id=correlation_id,
            ids=ids,
            traceparent=traceparent,
            batch=batch,
        )

    # --- replaying ------------------------------------------------------------------------

    def replay(
        self,
        log: EventLog | str | Path,
        *,
        speed: float | None = None,
        keep_ids: bool = True,
        channels: Iterable[str] | Mapping[str, str] | None = None,
        progress: bool = True,
    ) -> int:
        """Send the events of a captured log to their channels again; returns how many were sent.

        Services that run react to them as to any events: of a log that holds their effects, too,
        send the firsts alone, ``wb.replay(EventLog(log.frame.query("causation_id.isna()")))``.

        Parameters
        ----------
        log
            A log, or the path of one that was saved; a file is read in parts, and may be larger
            than memory.
        speed
            ``None``: as fast as it goes. ``1``: with the times between the events as they were;
            ``10``: ten times as fast.
        keep_ids
            They are the same events: a service that has handled one already counts it as a
            duplicate. Else each gets a new id, and each flow a new correlation id.
        channels
            Which of the log's channels, as the log names them, or a mapping from those to others
            (of another namespace, say). By default those of the design. Dead letters are never
            sent: they are redriven.

        Raises
        ------
        LogError
            The speed is not above 0, the file can't be read, or nothing is on those channels.
        BrokerError
            Nothing may be sent to this cluster, or it did not take an event.
        """
        from workbench.capture import replay

        self.connection.may_write("replay a log")
        wanted = self.channels() if channels is None else channels
        targets = dict(wanted) if isinstance(wanted, Mapping) else {name: name for name in wanted}
        self.connection.ensure_channels(*targets.values())
        with counted("replay", "events", shown=progress) as advance:
            given = log if isinstance(log, str | Path) else log.frame
            return replay(
                self.broker, given, targets, speed=speed, keep_ids=keep_ids, progress=advance
            )

    def dead_letters(self, *, settled: bool = False) -> DeadLetters:
        """The dead letters, newest last: a table that can redrive, edit and discard them.

        ``settled`` shows those that were redriven, edited or discarded already, too.

        Examples
        --------
        >>> wb.dead_letters().by_fingerprint()  # doctest: +SKIP
        >>> wb.dead_letters().redrive("service == 'billing'")  # doctest: +SKIP
        """
        from workbench.session.desk import Desk

        return Desk(self.choreography, self.connection).read(settled=settled)

    def compensations(self, correlation_id: str | None = None) -> pd.DataFrame:
        """What failed flows have done and have to undo: which is compensated, and which is owed.

        Of one flow, or of all. Captures first; see :meth:`EventLog.compensations` for the columns.

        Examples
        --------
        >>> wb.compensations().query("state == 'owed'")  # doctest: +SKIP
        """
        log = self.capture(progress=False)
        if correlation_id is not None:
            log = log.flow(correlation_id)
        return log.compensations(self.choreography)

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

    # --- breaking -------------------------------------------------------------------------

    @property
    def faults(self) -> Faults:
        """Faults on purpose: ``wb.faults.slow("billing", "200ms")``, ``wb.faults.kill_broker()``."""
        if self._faults is None:
            from workbench.session.faults import Faults

            self._faults = Faults(self.choreography, self.connection, self._running, self._told)
        return self._faults

    # --- house-keeping --------------------------------------------------------------------

    def reset(self) -> None:
        """A clean slate: services stopped; this design's channels, groups and files deleted.

        The design itself stays, and so does everything of other namespaces.
        """
        self.connection.may_write("delete channels")
        self._running.kill_all()
        self._publishing.close()
        self.connection.wipe()

    def doctor(self) -> Checkup:
        """What works on this machine, what doesn't, and what to do."""
        from workbench.doctor import checkup

        return checkup(self)

    def close(self) -> None:
        """Stop the services, and the local Kafka if this workbench started it."""
        self._close_servers()
        if self._faults is not None:
            self._faults.close()
        self._running.close()
        self._publishing.close()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        namespace = f", namespace={self.namespace!r}" if self.namespace else ""
        return f"Workbench({self.choreography!r}, broker={self.connection!r}{namespace})"

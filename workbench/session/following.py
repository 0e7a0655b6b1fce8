"""What a workbench tells of what happened: one flow, one event, logs, spans and metrics."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from workbench.choreography import Choreography
from workbench.events import Envelope
from workbench.session.asking import Asking
from workbench.session.connection import Connection
from workbench.session.observing import Observing
from workbench.session.publishing import Published
from workbench.session.running import Running

if TYPE_CHECKING:
    import pandas as pd

    from workbench.session.flow import Flow
    from workbench.session.metrics_server import MetricsServer
    from workbench.session.why import Why


class Following:
    """The part of a :class:`Workbench` that follows what its services do."""

    def __init__(
        self, choreography: Choreography, connection: Connection, running: Running
    ) -> None:
        self.choreography, self.connection, self._running = choreography, connection, running
        self._observing = Observing(choreography, connection, running)
        self._asking = Asking(choreography, connection, running)
        self._metrics_servers: list[MetricsServer] = []

    def flow(
        self,
        correlation_id: str | Envelope | Published,
        *,
        personal: bool = False,
        progress: bool = True,
    ) -> Flow:
        """One flow as it is now: a tree of what happened, why, and what is still to come.

        Where it is shown, each event stands with what every service that hears it made of it: how
        long it waited and worked, or why it did not react. ``.plot()`` draws who waited and worked
        when; ``.events`` is an event log of it, ``.payload(event_id)`` a payload.

        Parameters
        ----------
        correlation_id
            The flow's; an event's id will do, too, or what :meth:`publish` returned.
        personal
            Show personal data too, which are hidden otherwise: what schemas mark with
            ``x-personal-data``.

        Raises
        ------
        LogError
            There is no such flow; names ids that look like it. Or none of the design's channels.

        Examples
        --------
        >>> wb.flow("o-1")  # doctest: +SKIP
        >>> wb.flow(wb.publish(OrderPlaced(order_id="o-2"))).plot()  # doctest: +SKIP
        """
        return self._asking.flow(correlation_id, personal=personal, progress=progress)

    def why(
        self,
        event: str | Envelope | Published,
        service: str,
        *,
        personal: bool = False,
        progress: bool = True,
    ) -> Why:
        """Why a service did not react to an event, or did: a sentence, and what it is drawn from.

        Not received yet, no such reaction, guard false (with the values that it saw), duplicate,
        parked, waiting for a retry or a timer, dead (with the reason), …: ``.reason`` is one word
        of ``workbench.session.answers.REASONS``, and ``.answers`` has one for each reaction.

        Parameters
        ----------
        event
            Its id, where it stands (``"orders[0]@12"``, for one that can't be read), an envelope,
            or what :meth:`publish` returned.
        personal
            Show personal data too; see :meth:`flow`.

        Raises
        ------
        LogError
            There is no such event; says where it was looked for. Or none of the design's channels.
        ServiceError
            There is no such service.

        Examples
        --------
        >>> wb.why("8f14e45f-…", "billing")  # doctest: +SKIP
        """
        return self._asking.why(event, service, personal=personal, progress=progress)

    def logs(
        self,
        correlation_id: str | None = None,
        service: str | None = None,
        level: str | None = None,
        since: datetime | str | None = None,
        event_id: str | None = None,
    ) -> pd.DataFrame:
        """What happened in the services, as their logs have it, in causal order.

        One row a line. ``time`` (UTC); ``level``; ``service`` and ``instance`` (Int64); ``event``,
        what happened (``handled``, ``failed``, ``dead-lettered``, …) or what a handler logged, whose
        lines have a ``logger``. Of the event concerned: ``event_type``, ``event_id``, ``source``,
        ``correlation_id``, ``causation_id``, ``trace_id``; where it stood first: ``channel``,
        ``partition`` and ``offset`` (Int64; missing on a broker that keeps none for services). The ``reaction`` and its ``attempt`` (Int64);
        ``duration_ms`` (float64); ``due``, where something waits (a time); ``error`` and
        ``traceback``; ``payload``, if the services' logs are to show it; ``fields``, a dict of
        whatever else a handler has logged. Texts are ``str``; what a line lacks is missing.

        By time, and no effect stands before its cause was handled. Each instance keeps its newest
        lines, 16 MB and up to as many again; ``logs().attrs["rejected"]`` counts those that could
        not be read.

        Parameters
        ----------
        correlation_id, event_id
            Of one flow, or of one event.
        service
            Of one service, or of one instance (``"billing/2"``).
        level
            Of that level and above: ``"warning"``. Emitted effects are logged at ``"debug"``.
        since
            A time; one without a zone is UTC.

        Raises
        ------
        ServiceError
            There is no such service or level, or ``since`` is no time.

        Examples
        --------
        >>> wb.logs(level="warning")[["time", "service", "event", "error"]]  # doctest: +SKIP
        """
        return self._observing.logs(
            correlation_id=correlation_id,
            service=service,
            level=level,
            since=since,
            event_id=event_id,
        )

    def spans(self, correlation_id: str | None = None, trace_id: str | None = None) -> pd.DataFrame:
        """What was traced on this machine: one row a span, causes before effects.

        Of one flow or one trace, or of all: spans of other traces are among them if they are linked
        to it, such as that of a batch that was sent.
        Empty where an OTLP endpoint is set, which gets the spans instead, and for flows that are
        not traced (``Workbench(trace_sampling=1.0)`` traces all). What a handler opens itself, by
        OpenTelemetry's API, is among them; on the in-memory broker, where handlers run in this
        process, it goes to the tracer provider of this process instead, if there is one.

        Columns: ``trace_id``, ``span_id`` and ``parent_span_id`` (hexadecimal; null: it has none);
        ``name`` (``process orders``); ``kind`` (``PRODUCER``, ``CLIENT``, ``CONSUMER``,
        ``INTERNAL``, ``SERVER``); ``service``; ``start`` and ``end`` (UTC); ``duration_ms``;
        ``status`` (``UNSET``, ``OK``, ``ERROR``) and its ``message``; ``attributes``, a dict;
        ``events``, dicts of ``name``, ``time`` (nanoseconds since 1970 UTC) and ``attributes``;
        ``links``, dicts of ``trace_id``, ``span_id`` and ``attributes``.

        Examples
        --------
        >>> wb.spans(order.correlation_id)[["name", "service", "duration_ms"]]  # doctest: +SKIP
        """
        from workbench.session.spans import spans

        return spans(self.connection.folder, correlation_id=correlation_id, trace_id=trace_id)

    def metrics(self) -> pd.DataFrame:
        """One row a service and event type: what was done about it, and how long that took.

        All since the service's file was made: restarts, crashes and other instances included.

        ``service``, ``event_type``
            The service's event types by the design first, then whatever else it has met (``"?"``
            could not be read).
        ``consumed``
            Events met for the first time, each once, however many reactions there are and whatever
            becomes of it; duplicates and ignored events left out. All that was published, once the
            service has caught up.
        ``handled``, ``guarded``, ``dead_lettered``, ``duplicates``
            What became of them, counted for each reaction: handled, turned away by a guard, given
            up on, or skipped because it was handled before. A compensation is handled as the event
            of its step.
        ``emitted``
            Effects of this type, put into the outbox.
        ``retried``, ``failed``
            Attempts after the first, and attempts that ended with an error.
        ``ignored``
            Events of a type that the service has no use for; beyond a hundred such types, and of
            one whose name is too long, as ``"other"``.
        ``parked``, ``armed``
            Events that had to wait behind an earlier one, or for the absence of another, be it
            over by now.
        ``p50_ms``, ``p95_ms``, ``p99_ms``, ``mean_ms``
            How long attempts took, failed ones too, in milliseconds: guard, handler and the making
            of its effects, not their sending. ``NaN`` if there was none. The mean is exact; the
            others are estimated from a histogram, as if attempts were spread evenly over each of
            its buckets, and are 10,000 at most.
        ``lag``
            Events on the service's channels that it has not committed yet: of the whole service,
            so the same in all of its rows.

        All counts are ``int64`` (``lag``: ``Int64``, null for a service that reads nothing).

        Examples
        --------
        >>> wb.metrics().query("failed > 0")  # doctest: +SKIP
        """
        return self._observing.metrics()

    def serve_metrics(self, port: int = 0) -> MetricsServer:
        """Serve what is measured to Prometheus, in its text format, until it or this is closed.

        On 127.0.0.1 alone, at any free port unless one is given: ``.url`` says where. Everything is
        read anew at each scrape; while the broker does not answer, ``choreography_broker_up`` is 0
        and lag and open dead letters are left out.

        Raises
        ------
        MetricsError
            It can't listen at that port.

        Examples
        --------
        >>> wb.serve_metrics()  # doctest: +SKIP
        MetricsServer('http://127.0.0.1:40123/metrics')
        """
        from workbench.session.exposition import WorkbenchCollector
        from workbench.session.metrics_server import MetricsServer

        collector = WorkbenchCollector(
            self.choreography,
            self.connection.broker,
            self.connection.namespace,
            self.connection.folder,
            self._running.lives,
        )
        server = MetricsServer(collector, port)
        self._metrics_servers.append(server)
        return server

    def _close_servers(self) -> None:
        for server in self._metrics_servers:
            server.close()

"""The spans of a service: ``receive``, ``process``, ``create`` and ``send``.

A ``process`` span is one turn of an event at one reaction, from its first attempt to what became
of it; its parent is the event's creation, and what it does not span happened in it (see
:data:`~workbench.services.tracing.conventions.SPAN_EVENTS`). What it emits is created below it. Its
id is derived from the event, the reaction and the turn: an event that is handled again after a
crash gives the same spans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from opentelemetry import context as api_context
from opentelemetry import trace as api
from opentelemetry.trace import Link, SpanContext
from opentelemetry.util.types import AttributeValue

from workbench.brokers import Landed, Record
from workbench.errors import BrokerError
from workbench.events import TraceContext
from workbench.events.trace import derived_trace, sampled_context
from workbench.services import happening
from workbench.services.arrival import Arrival, Case
from workbench.services.happening import Happening, Observer, Run
from workbench.services.outbox import Unsent
from workbench.services.spec import ServiceSpec
from workbench.services.tracing import conventions as names
from workbench.services.tracing.details import Details, due
from workbench.services.tracing.outlet import Outlet
from workbench.services.tracing.sampling import Tracing
from workbench.services.tracing.sends import Message, give_sends
from workbench.services.tracing.spans import (
    MOST_LINKS,
    Attributes,
    Spans,
    beneath,
    link,
    shows_key,
    span_context,
)
from workbench.services.tracing.turn import Turn, place_of, process_span

_MOST_REMEMBERED = 10_000


class TracingObserver(Observer):
    """Makes the spans of one instance of a service."""

    wants = frozenset({happening.HANDLED, happening.EMITTED, *names.SPAN_EVENTS})

    def __init__(self, spec: ServiceSpec, tracing: Tracing, outlet: Outlet) -> None:
        self._spec, self._tracing, self._outlet = spec, tracing, outlet
        shown = {name for name, versions in spec.versions.items() if shows_key(versions)}
        self._spans = Spans(tracing, outlet.resource, outlet.give, shown.__contains__)
        self._details = Details(spec)
        self._handlers = {r.name for r in spec.reactions if r.is_python}
        self._polled: tuple[Sequence[Record], datetime, datetime] | None = None
        self._parents: dict[str, TraceContext] = {}
        """Of what is to be sent, by its creation: the span in which that was decided."""

    def around(self, run: Run) -> None:
        """Let the handler's own spans and calls join the trace."""
        if run.case.reaction.name in self._handlers:
            here = _StandingSpan(lambda: self._span_of(run.case))
            api_context.attach(api.set_span_in_context(here))

    def _span_of(self, case: Case) -> SpanContext:
        """The ``process`` span that a case will be."""
        created = TraceContext.parse(case.envelope.traceparent)
        if created is None:
            return api.INVALID_SPAN_CONTEXT
        stage = str(case.arrival.turn)
        return span_context(
            process_span(created, case.event, self._spec.name, case.reaction.name, stage)
        )

    def polled(self, records: Sequence[Record], started: datetime, at: datetime) -> None:
        self._polled = records, started, at

    def note(self, told: Happening) -> tuple[Happening, TraceContext, Attributes] | None:
        created = self._creation(told)
        return (told, created, self._details.of(told)) if created is not None else None

    def happened(self, notes: Sequence[tuple[Happening, TraceContext, Attributes]]) -> None:
        turn: Turn | None = None
        received: list[tuple[Arrival, TraceContext, str]] = []
        for told, created, attributes in notes:
            if told.arrival is None:
                continue
            if turn is None or not turn.goes_on(told):
                if turn is not None:
                    self._finish(turn)
                turn = Turn(told.arrival, told, created)
                received.append((told.arrival, created, turn.id))
            turn.add(told, attributes)
        if turn is not None:
            self._finish(turn)
            self._receive(received)
        self._outlet.flush()  # what handlers have given, too

    def sent(
        self,
        rows: Sequence[Unsent],
        answers: Sequence[Landed | BrokerError],
        started: datetime,
        at: datetime,
    ) -> None:
        created = [sampled_context(_header(row.outgoing.headers, "traceparent")) for row in rows]
        if any(created):
            batch = map(self._sent, rows, answers, created)
            give_sends(self._spans, batch, (started, at))
            self._outlet.flush()

    def _sent(
        self, row: Unsent, answer: Landed | BrokerError, created: TraceContext | None
    ) -> Message:
        channel, headers = row.outgoing.channel, row.outgoing.headers
        if created is None:
            return Message("", channel, answer, None, None)
        within = self._parents.pop(created.span_id, None)
        return Message(_header(headers, "ce_id") or "", channel, answer, created, within)

    def close(self) -> None:
        self._outlet.close()

    # --- receive --------------------------------------------------------------------------

    def _receive(self, received: Iterable[tuple[Arrival, TraceContext, str]]) -> None:
        """A span for each channel of the last poll, linked to what was traced of it."""
        if self._polled is None:
            return
        records, started, ended = self._polled
        links: dict[str, dict[int, Link]] = {}
        polled = {id(record) for record in records} if received else set()
        for arrival, created, message in received:
            record = arrival.record
            found = links.setdefault(record.channel, {})
            if id(record) in polled and id(record) not in found and len(found) < MOST_LINKS:
                place = self._spans.place(record.partition, record.offset)
                found[id(record)] = link(created, {names.MESSAGE: message, **place})
        counts = Counter(record.channel for record in records) if links else Counter[str]()
        for channel, found in links.items():
            if found:
                self._spans.give(
                    names.RECEIVE,
                    channel,
                    beneath(None),
                    (started, ended),
                    {names.GROUP: self._spec.group, names.COUNT: counts[channel]},
                    links=list(found.values()),
                )

    # --- process and create ---------------------------------------------------------------

    def _finish(self, turn: Turn) -> None:
        """Make the span of a turn, and those of what was created in it."""
        process = turn.span(self._spec.name)
        record = turn.arrival.record
        attributes: dict[str, AttributeValue] = {
            names.GROUP: self._spec.group,
            **self._spans.place(record.partition, record.offset),
            **(self._spans.message(turn.envelope) if turn.envelope else {}),
            names.REACTION: turn.reaction,
            names.TURN: turn.arrival.turn,
        }
        self._spans.give(
            names.PROCESS,
            record.channel,
            process,
            (turn.started, turn.ended),
            attributes,
            parent=turn.parent,
            links=turn.links,
            events=turn.events,
            failed=turn.failed,
        )
        if turn.hands_on:
            self._remember(turn.created, process)
        for effect, at, sent_at in turn.effects:
            created = sampled_context(effect.traceparent)
            if created is None:
                continue
            self._remember(created, process)
            channel = self._spec.outputs[effect.type]
            self._spans.give(
                names.CREATE,
                channel,
                created,
                (at, at),
                self._spans.message(effect) | due(sent_at),
                parent=process,
            )

    def _remember(self, created: TraceContext, process: TraceContext) -> None:
        self._parents[created.span_id] = process
        if len(self._parents) > _MOST_REMEMBERED:
            del self._parents[next(iter(self._parents))]

    def _creation(self, one: Happening) -> TraceContext | None:
        """The creation of the event that something happened to, if its flow is traced."""
        about = one.cause if one.what == happening.EMITTED else one.envelope
        if about is not None:
            return sampled_context(about.traceparent)
        if one.arrival is None:
            return None
        found = TraceContext.parse(_header(one.arrival.record.headers, "traceparent"))
        if found is None:
            trace = derived_trace("", place_of(one.arrival))
            return trace if self._tracing.sampling.by_ratio(trace.trace_id) else None
        return found if found.is_sampled else None


class _StandingSpan(api.NonRecordingSpan):
    """Where a handler stands; worked out only if it asks, for hardly any does."""

    def __init__(self, where: Callable[[], SpanContext]) -> None:
        super().__init__(api.INVALID_SPAN_CONTEXT)
        self._where = where

    def get_span_context(self) -> SpanContext:
        return self._where()


def _header(headers: Iterable[tuple[str, bytes | None]], name: str) -> str | None:
    for found, text in headers:
        if found == name and text is not None:
            return text.decode("utf-8", "replace")
    return None

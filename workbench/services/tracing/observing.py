"""The spans of a service: ``receive``, ``process``, ``create`` and ``send``.

A ``process`` span is one turn of an event at one reaction, from its first attempt to what became
of it; its parent is the event's creation, and what it does not span happened in it (see
:data:`~workbench.services.tracing.conventions.SPAN_EVENTS`). What it emits is created below it. Its
id is derived from the event, the reaction and the turn: an event that is handled again after a
crash gives the same spans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from opentelemetry import context as api_context
from opentelemetry import trace as api
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link
from opentelemetry.util.types import AttributeValue

from workbench.brokers import Landed, Record
from workbench.errors import BrokerError
from workbench.events import Envelope, TraceContext
from workbench.events.trace import derived_span, derived_trace
from workbench.services import happening
from workbench.services.arrival import Arrival
from workbench.services.happening import Happening, Observer, Run
from workbench.services.outbox import Unsent
from workbench.services.spec import ServiceSpec
from workbench.services.tracing import conventions as names
from workbench.services.tracing.outlet import Outlet
from workbench.services.tracing.spans import (
    MOST_LINKS,
    Failed,
    Spans,
    event,
    link,
    sibling,
    span_context,
)

_ATTEMPTED = {
    happening.HANDLED,
    happening.COMPENSATED,
    happening.FAILED,
    happening.GUARDED,
    happening.DEAD,
    happening.POISON,
}
"""What only happens when a reaction was tried, or can't be."""
_FAILED = {happening.LATER, happening.DEAD, happening.POISON}
_SET = "13579bdf"
"""How the flags of a sampled trace end."""
_MOST_REMEMBERED = 10_000


class TracingObserver(Observer):
    """Makes the spans of one instance of a service."""

    def __init__(self, spec: ServiceSpec, outlet: Outlet) -> None:
        if spec.tracing is None:
            raise ValueError("a service that is not traced has no spans.")
        self._spec, self._outlet, self._tracing = spec, outlet, spec.tracing
        self._spans = Spans(
            self._tracing.kind, self._tracing.address, outlet.resource, outlet.give
        )
        self._compensates = {r.name: r.compensates for r in spec.reactions if r.compensates}
        self._handlers = {r.name for r in spec.reactions if r.is_python}
        self._polled: tuple[Sequence[Record], datetime, datetime] | None = None
        self._parents: dict[str, TraceContext] = {}
        """Of what is to be sent, by its creation: the span in which that was decided."""

    def around(self, run: Run) -> None:
        """Let the handler's own spans and calls join the trace."""
        case = run.case
        if case.reaction.name not in self._handlers:
            return
        created = TraceContext.parse(case.envelope.traceparent)
        if created is None:
            return
        process = self._process(created, case.envelope, case.reaction.name, case.arrival)
        current = api.NonRecordingSpan(span_context(process))
        api_context.attach(api.set_span_in_context(current))

    def polled(self, records: Sequence[Record], started: datetime, ended: datetime) -> None:
        self._polled = records, started, ended

    def happened(self, told: Sequence[Happening]) -> None:
        turn: _Turn | None = None
        received: list[tuple[Arrival, TraceContext, str]] = []
        for one in told:
            created = self._creation(one)
            if created is None or one.arrival is None:
                continue
            if turn is None or not turn.goes_on(one):
                if turn is not None:
                    self._finish(turn)
                turn = _Turn(one.arrival, one, created)
                received.append((one.arrival, created, turn.id))
            turn.add(one, self._attributes(one))
        if turn is not None:
            self._finish(turn)
        self._receive(received)
        self._polled = None
        self._outlet.flush()

    def sent(
        self,
        rows: Sequence[Unsent],
        answers: Sequence[Landed | BrokerError],
        started: datetime,
        ended: datetime,
    ) -> None:
        channels = Counter(row.outgoing.channel for row in rows)
        batches: dict[str, _Batch] = {}
        for row, answer in zip(rows, answers, strict=True):
            created = _sampled(_header(row.outgoing.headers, "traceparent"))
            if created is None:
                continue
            batch = batches.setdefault(row.outgoing.channel, _Batch())
            batch.parents.add(self._parents.pop(created.span_id, None))
            message = {names.MESSAGE: _header(row.outgoing.headers, "ce_id") or ""}
            if isinstance(answer, Landed):
                message |= self._spans.place(answer.partition, answer.offset)
            else:
                batch.failed = Failed(type(answer).__name__)
            batch.links.append(link(created, message))
        for channel, batch in batches.items():
            parent = batch.parents.pop() if len(batch.parents) == 1 else None
            self._spans.give(
                names.SEND,
                channel,
                sibling(parent),
                (started, ended),
                {names.COUNT: channels[channel]},
                parent=parent,
                links=batch.links,
                failed=batch.failed,
            )
        self._outlet.flush()

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
                    sibling(None),
                    (started, ended),
                    {names.GROUP: self._spec.group, names.COUNT: counts[channel]},
                    links=list(found.values()),
                )

    # --- process and create ---------------------------------------------------------------

    def _finish(self, turn: _Turn) -> None:
        """Make the span of a turn, and those of what was created in it."""
        process = turn.span(self._spec.name)
        record = turn.arrival.record
        attributes: dict[str, AttributeValue] = {
            names.GROUP: self._spec.group,
            **self._spans.place(record.partition, record.offset),
            **self._message(turn.envelope),
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
        for effect, at in turn.effects:
            created = _sampled(effect.traceparent)
            if created is None:
                continue
            self._remember(created, process)
            channel = self._spec.outputs[effect.type]
            self._spans.give(
                names.CREATE, channel, created, (at, at), self._message(effect), parent=process
            )

    def _remember(self, created: TraceContext, process: TraceContext) -> None:
        self._parents[created.span_id] = process
        if len(self._parents) > _MOST_REMEMBERED:
            del self._parents[next(iter(self._parents))]

    def _process(
        self, created: TraceContext, envelope: Envelope, reaction: str, arrival: Arrival
    ) -> TraceContext:
        return _process_span(
            created, (envelope.source, envelope.id), self._spec.name, reaction, str(arrival.turn)
        )

    def _creation(self, one: Happening) -> TraceContext | None:
        """The creation of the event that something happened to, if its flow is traced."""
        about = one.cause if one.what == happening.EMITTED else one.envelope
        if about is not None:
            return _sampled(about.traceparent)
        if one.arrival is None:
            return None
        found = TraceContext.parse(_header(one.arrival.record.headers, "traceparent"))
        if found is None:
            trace = derived_trace("", place_of(one.arrival), sampled=True)
            return trace if self._tracing.sampling.by_ratio(trace.trace_id) else None
        return found if found.is_sampled else None

    def _message(self, envelope: Envelope | None) -> dict[str, AttributeValue]:
        if envelope is None:
            return {}
        return {
            names.MESSAGE: envelope.id,
            names.CONVERSATION: envelope.correlationid or envelope.id,
            names.EVENT_TYPE: envelope.type,
            names.EVENT_SOURCE: envelope.source,
        }

    def _attributes(self, one: Happening) -> dict[str, AttributeValue]:
        """What a span event says besides its name."""
        found: dict[str, AttributeValue] = {}
        if one.attempt:
            found[names.ATTEMPT] = one.attempt
        if one.due is not None:
            found[names.DUE] = datetime.fromtimestamp(one.due, UTC).isoformat()
        if one.error is not None:
            found["exception.type"] = type(one.error).__name__
        if one.what == happening.REDRIVEN and one.arrival is not None:
            found[names.REDRIVES] = one.arrival.redrives
        if one.what == happening.COMPENSATED:
            found[names.STEP] = self._compensates[one.reaction]
            if one.cause is not None:
                found[names.FAILURE_TYPE], found[names.FAILURE_ID] = one.cause.type, one.cause.id
        return found


class _Batch:
    """What was sent to one channel and is traced."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.parents: set[TraceContext | None] = set()
        self.failed: Failed | None = None


class _Turn:
    """What happened to one event at one reaction, without a break."""

    def __init__(self, arrival: Arrival, first: Happening, created: TraceContext) -> None:
        self.arrival, self.created, self.reaction = arrival, created, first.reaction
        self.envelope = first.cause if first.what == happening.EMITTED else first.envelope
        self.started = self.ended = first.at
        self.events: list[Event] = []
        self.effects: list[tuple[Envelope, datetime]] = []
        self.failed: Failed | None = None
        self.hands_on = False
        """Whether the event itself is sent on: to a later try, or to the dead letters."""
        self._stage = f"{first.what} {place_of(arrival)}"
        self._attempted = False
        self.parent: TraceContext | None = created
        self.links = [link(created)]
        source, event_id = self._event
        if created == derived_trace(source, event_id, sampled=True):
            self.parent, self.links = None, []  # nobody has recorded how it came about

    def goes_on(self, one: Happening) -> bool:
        """Whether something else happened in the same turn."""
        return one.arrival is self.arrival and one.reaction == self.reaction

    def add(self, one: Happening, attributes: dict[str, AttributeValue]) -> None:
        """One more thing that happened."""
        self.ended = max(self.ended, one.at)
        if one.what == happening.EMITTED:
            if one.envelope is not None:
                self.effects.append((one.envelope, one.at))
            return
        if one.what in _ATTEMPTED and not self._attempted:
            self._attempted = True
            self.started = one.started or self.started
        if one.what in names.SPAN_EVENTS:
            self.events.append(event(names.SPAN_EVENTS[one.what], one.at, attributes))
        if one.what == happening.COMPENSATED and one.cause is not None:
            failure = _sampled(one.cause.traceparent)
            self.links += [link(failure)] if failure else []
        if one.what == happening.FAILED and one.error is not None:
            self._last_error = one.error
        if one.what in _FAILED:
            error = one.error or self._last_error
            self.failed = Failed(type(error).__name__)
            self.hands_on = True

    _last_error: BaseException | None = None

    @property
    def id(self) -> str:
        """The event's id, as far as it is known."""
        return self._event[1]

    @property
    def _event(self) -> tuple[str, str]:
        if self.envelope is None:
            return "", place_of(self.arrival)
        return self.envelope.source, self.envelope.id

    def span(self, service: str) -> TraceContext:
        """Its ``process`` span."""
        stage = str(self.arrival.turn) if self._attempted else self._stage
        return _process_span(self.created, self._event, service, self.reaction, stage)


def _process_span(
    created: TraceContext, event_: tuple[str, str], service: str, reaction: str, stage: str
) -> TraceContext:
    return created._replace(span_id=derived_span(*event_, service, reaction, stage))


def place_of(arrival: Arrival) -> str:
    """Where a record stands, as text."""
    channel, partition, offset = arrival.place
    return f"{channel}:{partition}:{offset}"


def _sampled(traceparent: str | None) -> TraceContext | None:
    """A trace context, if it is sampled."""
    if not traceparent or traceparent[-1] not in _SET:
        return None
    return TraceContext.parse(traceparent)


def _header(headers: Iterable[tuple[str, bytes | None]], name: str) -> str | None:
    for found, text in headers:
        if found == name and text is not None:
            return text.decode("utf-8", "replace")
    return None

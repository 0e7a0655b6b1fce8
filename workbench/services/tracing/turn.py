"""One event at one reaction, without a break: what becomes a ``process`` span."""

from __future__ import annotations

from datetime import datetime

from opentelemetry.sdk.trace import Event

from workbench.events import Envelope, TraceContext
from workbench.events.trace import derived_span, derived_trace, sampled_context
from workbench.services import happening
from workbench.services.arrival import Arrival
from workbench.services.happening import Happening
from workbench.services.tracing import conventions as names
from workbench.services.tracing.spans import Attributes, Failed, event, link

_ATTEMPTED = {happening.HANDLED, happening.COMPENSATED, happening.FAILED, happening.GUARDED}
"""What only happens when a reaction was tried."""
_FAILED = {happening.LATER, happening.DEAD, happening.POISON}


class Turn:
    """What happened to one event at one reaction, without a break."""

    def __init__(self, arrival: Arrival, first: Happening, created: TraceContext) -> None:
        self.arrival, self.created, self.reaction = arrival, created, first.reaction
        self.envelope = first.cause if first.what == happening.EMITTED else first.envelope
        self.started = self.ended = first.at
        self.events: list[Event] = []
        self.effects: list[tuple[Envelope, datetime, float | None]] = []
        """What was emitted, when, and when it is to be sent, if that is later."""
        self.failed: Failed | None = None
        self.hands_on = False
        """Whether the event itself is sent on: to a later try, or to the dead letters."""
        self._stage = f"{first.what} {place_of(arrival)}"
        self._attempted = False
        self._error: BaseException | None = None
        self.parent: TraceContext | None = created
        self.links = [link(created)]
        source, event_id = self._event
        if created == derived_trace(source, event_id):
            self.parent, self.links = None, []  # nobody has recorded how it came about

    def goes_on(self, one: Happening) -> bool:
        """Whether something else happened in the same turn."""
        return one.arrival is self.arrival and one.reaction == self.reaction

    def add(self, one: Happening, attributes: Attributes) -> None:
        """One more thing that happened."""
        self.ended = max(self.ended, one.at)
        if one.what == happening.EMITTED:
            if one.envelope is not None:
                self.effects.append((one.envelope, one.at, one.due))
            return
        if one.what in _ATTEMPTED and not self._attempted:
            self._attempted = True
            self.started = one.started or self.started
        if one.what in names.SPAN_EVENTS:
            self.events.append(event(names.SPAN_EVENTS[one.what], one.at, attributes))
        if one.what == happening.COMPENSATED and one.cause is not None:
            failure = sampled_context(one.cause.traceparent)
            self.links += [link(failure)] if failure else []
        self._error = one.error or self._error
        if one.what in _FAILED:
            self.failed = Failed(type(self._error).__name__)
            self.hands_on = True

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
        return process_span(self.created, self._event, service, self.reaction, stage)


def process_span(
    created: TraceContext, event_: tuple[str, str], service: str, reaction: str, stage: str
) -> TraceContext:
    """The ``process`` span of an event, by its source and id, at one stage of a reaction to it."""
    return created._replace(span_id=derived_span(*event_, service, reaction, stage))


def place_of(arrival: Arrival) -> str:
    """Where a record stands, as text."""
    channel, partition, offset = arrival.place
    return f"{channel}:{partition}:{offset}"

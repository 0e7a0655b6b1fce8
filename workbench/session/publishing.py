"""Publishing by hand: events in, and where each of them landed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from workbench.brokers import Landed, Outgoing, Producer
from workbench.choreography import Choreography
from workbench.errors import BrokerError, EventError, EventRefusedError
from workbench.events import Envelope, Event, TraceContext, to_kafka
from workbench.services import Clock, channel_name
from workbench.session.connection import Connection
from workbench.session.tracing import Beginning

SOURCE = "workbench"
"""The ``source`` of events published by hand."""


class Published(NamedTuple):
    """Where a published event landed: ``error`` says why not, or why that is not known.

    ``refused``: the broker will never take it.
    """

    id: str
    type: str
    correlation_id: str | None
    channel: str
    partition: int | None
    offset: int | None
    error: str | None = None
    refused: bool = False


class Publishing:
    """Puts events on a design's channels; for any thread."""

    def __init__(
        self, choreography: Choreography, connection: Connection, tracing: Beginning
    ) -> None:
        self._choreography = choreography
        self._connection = connection
        self._tracing = tracing
        self._clock = Clock()
        self._lock = threading.Lock()
        self._producer: Producer | None = None

    def publish(
        self,
        events: Iterable[Event | tuple[str, Mapping[str, Any]]],
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        ids: Iterable[str] | None = None,
        traceparent: str | None = None,
        batch: int = 500,
    ) -> list[Published]:
        """See :meth:`Workbench.publish_many`."""
        answered = self._publish(events, version, correlation_id, ids, traceparent, batch)
        return [published for published, _ in answered]

    def publish_one(
        self,
        event: Event | tuple[str, Mapping[str, Any]],
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        id_: str | None = None,
        traceparent: str | None = None,
    ) -> Published:
        """See :meth:`Workbench.publish`."""
        ids = [id_] if id_ is not None else None
        answered = self._publish([event], version, correlation_id, ids, traceparent, batch=1)
        ((published, error),) = answered
        if error is not None:
            raise error
        return published

    def _publish(
        self,
        events: Iterable[Event | tuple[str, Mapping[str, Any]]],
        version: int | None,
        correlation_id: str | None,
        ids: Iterable[str] | None,
        traceparent: str | None,
        batch: int,
    ) -> list[tuple[Published, BrokerError | None]]:
        self._connection.may_write("publish")
        wanted = list(events)
        chosen: list[str | None] = [None] * len(wanted) if ids is None else list(ids)
        if len(chosen) != len(wanted):
            raise EventError(
                f"{len(chosen):,} ids do not go with {len(wanted):,} events: give one for each, "
                "or none at all."
            )
        parent = self._tracing.parent(traceparent)
        envelopes = [
            self._envelope(event, version, correlation_id, id_ or str(uuid4()), parent)
            for event, id_ in zip(wanted, chosen, strict=True)
        ]
        self._connection.ensure_channels()
        published: list[tuple[Published, BrokerError | None]] = []
        for first in range(0, len(envelopes), batch):
            published += self._send(
                envelopes[first : first + batch], parent, alone=len(envelopes) == 1
            )
        return published

    def _envelope(
        self,
        event: Event | tuple[str, Mapping[str, Any]],
        version: int | None,
        correlation_id: str | None,
        id_: str,
        parent: TraceContext | None,
    ) -> Envelope:
        if isinstance(event, Event):
            name = self._choreography.type_name(type(event))
            payload: Event | Mapping[str, Any] = event
            version = version or type(event).event_type.version
        elif isinstance(event, tuple):
            name, payload = self._choreography.type_name(event[0]), event[1]
        else:
            raise EventError(
                f"{event!r} can't be published: give an event, or its type's name and a payload."
            )
        return Envelope.first(
            self._choreography.event_type(name, version),
            payload,
            source=SOURCE,
            time=self._clock.now(),
            correlationid=correlation_id,
            id=id_,
            traceparent=str(self._tracing.begin(id_, parent)),
        )

    def _send(
        self, envelopes: list[Envelope], parent: TraceContext | None, *, alone: bool
    ) -> list[tuple[Published, BrokerError | None]]:
        batch: list[Outgoing] = []
        refused: dict[int, EventRefusedError] = {}
        for place, envelope in enumerate(envelopes):
            channel = channel_name(
                self._connection.namespace, self._choreography.channel(envelope.type)
            )
            batch.append(Outgoing(channel, *to_kafka(envelope)))
            try:
                self._connection.broker.check(batch[-1], envelope.type)
            except EventRefusedError as error:
                refused[place] = error
        accepted = [outgoing for place, outgoing in enumerate(batch) if place not in refused]
        with self._lock:
            if self._producer is None:
                self._producer = self._connection.broker.producer()
            started = self._clock.now()
            answered = self._producer.send(accepted)
            moments = started, self._clock.now()
        if any(isinstance(answer, BrokerError) for answer in answered):
            self._connection.forget_channels()  # someone else may have deleted one
        answers = iter(answered)
        published: list[tuple[Published, BrokerError | None]] = []
        sent = []
        for place, (envelope, outgoing) in enumerate(zip(envelopes, batch, strict=True)):
            answer: Landed | BrokerError = refused.get(place) or next(answers)
            sent.append((envelope, outgoing.channel, answer))
            known = (envelope.id, envelope.type, envelope.correlationid, outgoing.channel)
            if isinstance(answer, BrokerError):
                final = isinstance(answer, EventRefusedError)
                published.append((Published(*known, None, None, str(answer), final), answer))
            else:
                published.append((Published(*known, answer.partition, answer.offset), None))
        self._tracing.sent(sent, parent, moments, alone=alone)
        return published

    def close(self) -> None:
        """Give the producer back."""
        with self._lock:
            if self._producer is not None:
                self._producer.close()
                self._producer = None
        self._tracing.close()

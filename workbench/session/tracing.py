"""Where traces begin: the spans of events that are published by hand.

One event is one ``send`` span, which is at once its creation; each of many has a ``create`` span,
and each batch a ``send`` span for each channel, with links to those.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.brokers import Landed
from workbench.choreography import Choreography
from workbench.errors import BrokerError, EventError, ServiceError
from workbench.events import Envelope, TraceContext
from workbench.events.trace import creation_span, new_trace
from workbench.services.tracing import (
    PUBLISHER,
    USUAL,
    Sampler,
    Sampling,
    Tracing,
    spans_path,
)
from workbench.session.connection import Connection

if TYPE_CHECKING:
    from workbench.services.tracing.outlet import Outlet
    from workbench.services.tracing.spans import Spans


class Beginning:
    """Begins the traces of what is published, and records it; for any thread."""

    def __init__(
        self,
        choreography: Choreography,
        connection: Connection,
        sampling: Sampling | None,
        say: Callable[[str], None],
    ) -> None:
        self._choreography, self._connection = choreography, connection
        self._sampling, self._say = sampling, say
        self._complained = False
        self._sampler = Sampler(sampling)
        self._lock = threading.Lock()
        self._outlet: Outlet | None = None
        self._spans: Spans | None = None

    def parent(self, traceparent: str | None) -> TraceContext | None:
        """The span that is to be continued: the one given, else the one that the caller is in.

        Raises
        ------
        EventError
            What is given is no text at all.
        """
        if not isinstance(traceparent, str | None):
            raise EventError(
                f"a traceparent is the text of a request's header of that name, not {traceparent!r}."
            )
        given = TraceContext.parse(traceparent)
        if given is not None or "opentelemetry.trace" not in sys.modules:
            return given
        from opentelemetry import trace

        current = trace.get_current_span().get_span_context()
        if not current.is_valid:
            return None
        flags = "01" if current.trace_flags.sampled else "00"
        return TraceContext(f"{current.trace_id:032x}", f"{current.span_id:016x}", flags)

    def begin(self, event_id: str, parent: TraceContext | None) -> TraceContext:
        """The creation of a flow's first event."""
        trace = parent or new_trace()
        sampled = self._sampler.samples(trace.trace_id, parent)
        return TraceContext(trace.trace_id, creation_span(event_id)).sampled(sampled)

    def sent(
        self,
        batch: Sequence[tuple[Envelope, str, Landed | BrokerError]],
        parent: TraceContext | None,
        moments: tuple[datetime, datetime],
        *,
        alone: bool,
    ) -> None:
        """Record what was sent: each event, its channel, and where it landed.

        ``moments``: from when to when. ``alone``: one event was published, by itself.
        """
        created = [TraceContext.parse(envelope.traceparent) for envelope, _, _ in batch]
        if self._sampling is None or not any(found and found.is_sampled for found in created):
            return
        with self._lock:
            try:
                self._record(batch, created, parent, moments, alone=alone)
            except (OSError, ServiceError) as error:
                if not self._complained:
                    self._complained = True
                    self._say(f"what is published has no spans, for they can't be written: {error}")

    def _record(
        self,
        batch: Sequence[tuple[Envelope, str, Landed | BrokerError]],
        created: Sequence[TraceContext | None],
        parent: TraceContext | None,
        moments: tuple[datetime, datetime],
        *,
        alone: bool,
    ) -> None:
        from workbench.services.tracing import conventions as names
        from workbench.services.tracing.sends import Message, failure, give_sends

        spans = self._opened()
        messages = []
        for (envelope, channel, answer), found in zip(batch, created, strict=True):
            traced = found if found and found.is_sampled else None
            messages.append(Message(envelope.id, channel, answer, traced, parent))
            if traced is None:
                continue
            at = envelope.time or moments[0]
            spans.give(
                names.SEND if alone else names.CREATE,
                channel,
                traced,
                moments if alone else (at, at),
                spans.message(envelope) | (spans.landed(answer) if alone else {}),
                parent=parent,
                failed=failure(answer) if alone else None,
                is_creation=True,
            )
        if not alone:
            give_sends(spans, messages, moments)
        if self._outlet is not None:
            self._outlet.flush()

    def _opened(self) -> Spans:
        if self._spans is None:
            from workbench.services.tracing.outlet import outlet
            from workbench.services.tracing.spans import Spans, shows_key

            path = spans_path(self._connection.folder, PUBLISHER)
            self._outlet = outlet(PUBLISHER, PUBLISHER, path, os.environ)
            broker, design = self._connection.broker, self._choreography
            tracing = Tracing(self._sampling or USUAL, broker.kind, broker.address)
            self._spans = Spans(
                tracing,
                self._outlet.resource,
                self._outlet.give,
                lambda name: shows_key(design.versions(name)),
            )
        return self._spans

    def close(self) -> None:
        """Write what is left."""
        with self._lock:
            if self._outlet is not None:
                self._outlet.close()
            self._outlet = self._spans = None

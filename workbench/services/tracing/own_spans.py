"""The spans that handlers open themselves: given on without what is personal in the event at work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, Status
from opentelemetry.util.types import Attributes

from workbench.services.discretion import NOTHING, Discretion
from workbench.services.happening import Run, current_run
from workbench.services.log_values import Cleaner
from workbench.services.spec import ServiceSpec
from workbench.services.tracing.outlet import Outlet
from workbench.services.tracing.sampling import Sampling

_MOST_OPEN = 1_000
"""Spans of which it is remembered in which attempt they began; some may never end."""


def take_own_spans(spec: ServiceSpec, sampling: Sampling, spans: Outlet) -> None:
    """Let a service that has this process to itself have the spans that its handlers open."""
    sampler = ParentBased(TraceIdRatioBased(sampling.ratio))
    provider = TracerProvider(sampler, spans.resource, shutdown_on_exit=False)
    provider.add_span_processor(OwnSpans(spec, spans.processor))
    trace.set_tracer_provider(provider)


class OwnSpans(SpanProcessor):
    """Gives spans on as they end, with a mask for each personal value; for any thread.

    Of a span that began outside an attempt (in a thread without the handler's context, say) it is
    not known what is personal: it is given on as it is.
    """

    def __init__(self, spec: ServiceSpec, following: SpanProcessor) -> None:
        self._discretion = Discretion(spec)
        self._following = following
        self._runs: dict[int, Run] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note in which attempt a span begins: it may end elsewhere."""
        run = current_run.get()
        if run is not None and len(self._runs) < _MOST_OPEN:
            self._runs[span.get_span_context().span_id] = run
        self._following.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Give a span on."""
        context = span.get_span_context()
        run = self._runs.pop(context.span_id, None) if context is not None else None
        hidden = self._hidden(run or current_run.get())
        self._following.on_end(_masked(span, hidden) if hidden else span)

    def _hidden(self, run: Run | None) -> frozenset[str]:
        if run is None:
            return NOTHING
        return self._discretion.hidden(run.case.envelope) | self._discretion.hidden(run.envelope)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Let what was given on be written."""
        return self._following.force_flush(timeout_millis)


def _masked(span: ReadableSpan, hidden: frozenset[str]) -> ReadableSpan:
    def text(said: str) -> str:
        return Cleaner(hidden).text(said)

    def values(given: Attributes) -> Mapping[str, Any]:
        return Cleaner(hidden).fields(given or {})

    status = span.status
    return ReadableSpan(
        text(span.name),
        span.get_span_context(),
        span.parent,
        span.resource,
        values(span.attributes),
        [Event(text(one.name), values(one.attributes), one.timestamp) for one in span.events],
        [Link(one.context, values(one.attributes)) for one in span.links],
        span.kind,
        status=Status(status.status_code, text(status.description) if status.description else None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )

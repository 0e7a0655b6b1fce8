"""Spans of what is over, made whole.

What a service does is told when it is written, so its spans begin and end in the past, and their
ids are derived (:mod:`workbench.events.trace`). They are the SDK's own
:class:`~opentelemetry.sdk.trace.ReadableSpan`, given to the same processors as the spans that a
handler opens itself; a tracer would want to begin them first, and takes ten times as long.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from workbench.brokers import Landed
from workbench.choreography import Versions
from workbench.errors import BrokerError
from workbench.events import Envelope, TraceContext
from workbench.events.masking import Masking
from workbench.services.tracing import conventions as names
from workbench.services.tracing.sampling import Tracing

Attributes = Mapping[str, AttributeValue]

MOST_LINKS = 128
"""Of one span; OpenTelemetry's own limit."""
SCOPE = InstrumentationScope("workbench")

_USUAL_PORTS = {"http": 80, "https": 443}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_OK = Status(StatusCode.UNSET)
_KINDS = {
    names.CREATE: SpanKind.PRODUCER,
    names.SEND: SpanKind.CLIENT,
    names.RECEIVE: SpanKind.CLIENT,
    names.PROCESS: SpanKind.CONSUMER,
}


class Failed(NamedTuple):
    """Why a span's status is an error: a type of few values, and a sentence without data."""

    type: str
    description: str = ""


class Spans:
    """Makes the spans of one service, and gives them on.

    ``shows_key``: whether the keys of an event type may be shown.
    """

    def __init__(
        self,
        tracing: Tracing,
        resource: Resource,
        give: Callable[[ReadableSpan], None],
        shows_key: Callable[[str], bool],
    ) -> None:
        self._resource, self._give, self._shows_key = resource, give, shows_key
        self._is_kafka = tracing.kind == "kafka"
        self._has_partitions = tracing.kind in ("kafka", "memory")
        systems, server = names.systems(tracing.kind), _server(tracing.address)
        self._sending = {names.SYSTEM: systems.sending, **server}
        self._receiving = {names.SYSTEM: systems.receiving, **server}

    def give(
        self,
        operation: str,
        destination: str,
        context: TraceContext,
        moments: tuple[datetime, datetime],
        attributes: Attributes,
        *,
        parent: TraceContext | None = None,
        links: Sequence[Link] = (),
        events: Sequence[Event] = (),
        failed: Failed | None = None,
        is_creation: bool = False,
    ) -> None:
        """Make a span and give it on.

        ``is_creation``: a ``send`` that is at once the creation of what is sent.
        """
        sends = operation in (names.CREATE, names.SEND)
        found: dict[str, AttributeValue] = {
            **(self._sending if sends else self._receiving),
            names.OPERATION: operation,
            names.OPERATION_TYPE: operation,
            names.DESTINATION: destination,
            **attributes,
        }
        if failed:
            found[names.ERROR_TYPE] = failed.type
        started, ended = moments
        self._give(
            ReadableSpan(
                f"{operation} {destination}",
                context=span_context(context),
                parent=span_context(parent) if parent else None,
                resource=self._resource,
                attributes=found,
                events=events,
                links=links[:MOST_LINKS],
                kind=SpanKind.PRODUCER if is_creation else _KINDS[operation],
                status=Status(StatusCode.ERROR, failed.description or None) if failed else _OK,
                start_time=nanoseconds(started),
                end_time=nanoseconds(ended),
                instrumentation_scope=SCOPE,
            )
        )

    def message(self, envelope: Envelope) -> dict[str, AttributeValue]:
        """What is known of one message."""
        found: dict[str, AttributeValue] = {
            names.MESSAGE: envelope.id,
            names.CONVERSATION: envelope.correlationid or envelope.id,
            names.EVENT_TYPE: envelope.type,
            names.EVENT_SOURCE: envelope.source,
        }
        if self._is_kafka and envelope.subject is not None and self._shows_key(envelope.type):
            found[names.KAFKA_KEY] = envelope.subject
        return found

    def landed(self, answer: Landed | BrokerError) -> dict[str, AttributeValue]:
        """Where what was sent stands, if it does."""
        return self.place(answer.partition, answer.offset) if isinstance(answer, Landed) else {}

    def place(self, partition: int | None, offset: int | None) -> dict[str, AttributeValue]:
        """Where a record stands, for a kind of broker that has such places."""
        place: dict[str, AttributeValue] = {}
        if self._has_partitions and partition is not None:
            place[names.PARTITION] = str(partition)
        if self._is_kafka and offset is not None:
            place[names.KAFKA_OFFSET] = offset
        return place


def span_context(context: TraceContext, *, is_remote: bool = False) -> SpanContext:
    """A context as OpenTelemetry's API has it."""
    flags = _SAMPLED if context.is_sampled else TraceFlags(TraceFlags.DEFAULT)
    return SpanContext(int(context.trace_id, 16), int(context.span_id, 16), is_remote, flags)


def link(context: TraceContext, attributes: Attributes | None = None) -> Link:
    """A link to a message's creation."""
    return Link(span_context(context, is_remote=True), attributes)


def event(name: str, at: datetime, attributes: Attributes) -> Event:
    """A span event."""
    return Event(name, attributes, nanoseconds(at))


def beneath(parent: TraceContext | None) -> TraceContext:
    """A new span below a parent; without one, in a trace of its own."""
    trace_id = parent.trace_id if parent else f"{random.getrandbits(128):032x}"
    return TraceContext(trace_id, f"{random.getrandbits(64):016x}")


def nanoseconds(at: datetime) -> int:
    """Since 1970 UTC."""
    return (at - _EPOCH) // _MICROSECOND * 1000


def shows_key(versions: Versions) -> bool:
    """Whether no version of an event type marks its key as personal."""
    masking = Masking(versions.known.values())
    keys = {version.key for version in versions.known.values() if version.key}
    return not any(masking.mask({key: "a key"}).hidden for key in keys)


def _server(address: str) -> dict[str, AttributeValue]:
    """The first of an address's servers, if it names any: host and port, and nothing else."""
    first = address.partition(",")[0].rpartition(" at ")[2]
    try:
        parts = urlsplit(first if "://" in first else f"//{first}")
        host, port = parts.hostname, parts.port or _USUAL_PORTS.get(parts.scheme)
    except ValueError:
        return {}
    return {names.SERVER: host, names.PORT: port} if host and port else {}

"""A span of a trace as a row of an event log: a span is an event, its parent what caused it.

==================  ============================================================================
column              meaning
==================  ============================================================================
``id``              the span's id
``correlation_id``  the trace's id
``causation_id``    the id of the span's parent; null for a trace's first
``type``            the span's name
``source``          the service
``time``            when it began, in whole nanoseconds
``duration_ns``     how long it took, in nanoseconds; left out where nobody says
``data``            its attributes
``kind``            SERVER, CLIENT, PRODUCER, CONSUMER or INTERNAL
``status``          OK or ERROR, where one is told; ``status_message`` beside
``links``           spans that it names beside its parent: ``trace_id``, ``span_id``
``span_events``     what was noted while it lasted
==================  ============================================================================

``channel``, ``partition``, ``offset`` and ``key`` come from the messaging attributes, by their names
of today and of before:
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.capture.formats.record_fields import (
    NotARecordError,
    kind_of,
    offset_of,
    partition_of,
)

_LATEST: Final = 2**63
_CHANNEL: Final = (
    "messaging.destination.name",
    "messaging.destination",
    "messaging.kafka.topic",
    "message_bus.destination",
)
_PARTITION: Final = (
    "messaging.destination.partition.id",
    "messaging.kafka.destination.partition",
    "messaging.kafka.partition",
)
_OFFSET: Final = ("messaging.kafka.offset", "messaging.kafka.message.offset")
_KEY: Final = ("messaging.kafka.message.key", "messaging.kafka.message_key")


class NotASpanError(ValueError):
    """What stands there is not a span; says why."""


@dataclass(slots=True)
class Span:
    """What a file says of a span; ``None`` for what it doesn't say. Times are nanoseconds."""

    id: str
    trace_id: str
    name: str | None
    start: int
    end: int | None = None
    parent_id: str | None = None
    service: str | None = None
    kind: str | None = None
    status: str | None = None
    status_message: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    links: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    beside: Mapping[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """The span as a row of an event log."""
        row: dict[str, Any] = {
            "id": self.id,
            "type": self.name,
            "source": self.service,
            "time": self.start,
            "correlation_id": self.trace_id,
            "causation_id": self.parent_id,
            "data": self.attributes,
        }
        if self.end is not None:
            row["duration_ns"] = self.end - self.start
        if self.attributes:
            row.update(_messaging(self.attributes))
        others = {
            "kind": self.kind,
            "status": self.status,
            "status_message": self.status_message,
            "links": self.links,
            "span_events": self.events,
            **self.beside,
        }
        row.update({name: value for name, value in others.items() if value})
        return row


def _messaging(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Where the span's message stood. What is no such place is left among the attributes."""
    found: dict[str, Any] = {}
    channel = _first(attributes, _CHANNEL)
    if isinstance(channel, str) and channel:
        found["channel"] = channel
    for name, names, read in (
        ("partition", _PARTITION, partition_of),
        ("offset", _OFFSET, offset_of),
    ):
        try:
            place = read(_first(attributes, names))
        except NotARecordError:
            continue
        if place is not None:
            found[name] = place
    key = _first(attributes, _KEY)
    if isinstance(key, str):
        found["key"] = key
    return found


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if name in attributes:
            return attributes[name]
    return None


def moment(value: Any, name: str, unit: int = 1) -> int:
    """A time in whole nanoseconds, from a number or its digits; ``unit`` is how many one is.

    Raises
    ------
    NotASpanError
        It is none, or beyond the year 2262.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        what = "missing" if value is None else f"no whole number but {kind_of(value)}"
        raise NotASpanError(f"its {name} is {what}")
    found = value * unit
    if not 0 <= found < _LATEST:
        raise NotASpanError(f"its {name} is no time between 1970 and 2262")
    return found


def identity(value: Any, name: str) -> str:
    """The id of a span or a trace.

    Raises
    ------
    NotASpanError
        It is none.
    """
    if isinstance(value, str) and value:
        return value
    what = (
        "missing" if value is None else "empty" if value == "" else f"no text but {kind_of(value)}"
    )
    raise NotASpanError(f"its {name} is {what}")


def text(value: Any) -> str | None:
    """Text; ``None`` for anything else, and for none at all."""
    return value if isinstance(value, str) and value else None


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of an array; none if it isn't one."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

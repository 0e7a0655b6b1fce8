"""The envelope: one event as it happened, with what identifies and correlates it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from workbench.events.event_type import EventType
from workbench.events.identity import effect_id
from workbench.events.payload import decode_payload
from workbench.events.trace import child_traceparent, new_traceparent


@dataclass(frozen=True, slots=True)
class Envelope:
    """A CloudEvents 1.0 envelope and its data.

    ``source`` and ``id`` together identify the event. ``correlationid`` names its flow, and
    ``causationid`` the event that caused it (``None`` for a flow's first).
    ``data`` is the payload's JSON bytes, exactly as they travel; its repr leaves them out, for it
    can't know what is personal in them.
    """

    id: str
    source: str
    type: str
    data: bytes = field(repr=False)
    time: datetime | None = None
    subject: str | None = None
    dataschema: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    datacontenttype: str = "application/json"
    extensions: Mapping[str, str] = field(default_factory=dict)

    def payload(self) -> Any:
        """The decoded data; raises :class:`~workbench.errors.EventError` if it isn't JSON."""
        return decode_payload(self.data)

    @classmethod
    def first(
        cls,
        event_type: EventType,
        payload: Any,
        *,
        source: str,
        time: datetime,
        correlationid: str | None = None,
        id: str | None = None,  # noqa: A002 - the attribute's name in CloudEvents
        traceparent: str | None = None,
    ) -> Envelope:
        """The first event of a flow; without a ``correlationid`` the flow is named after it."""
        value, data = event_type.encode(payload)
        event_id = id or str(uuid4())
        return cls(
            id=event_id,
            source=source,
            type=event_type.name,
            data=value,
            time=time,
            subject=event_type.key_of(data) or None,
            dataschema=event_type.dataschema,
            correlationid=correlationid or event_id,
            traceparent=traceparent or new_traceparent(),
        )

    def effect(
        self,
        event_type: EventType,
        payload: Any,
        *,
        service: str,
        reaction: str,
        place: int,
        time: datetime,
    ) -> Envelope:
        """An event caused by this one: same flow, derived id (so that a repeat is the same)."""
        value, data = event_type.encode(payload)
        event_id = effect_id(self.source, self.id, service, reaction, place)
        return Envelope(
            id=event_id,
            source=service,
            type=event_type.name,
            data=value,
            time=time,
            subject=event_type.key_of(data) or None,
            dataschema=event_type.dataschema,
            correlationid=self.correlationid or self.id,
            causationid=self.id,
            traceparent=child_traceparent(self.traceparent, event_id),
        )

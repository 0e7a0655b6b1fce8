"""The Kafka protocol binding of CloudEvents, by the CloudEvents SDK.

Binary mode is written: attributes are ``ce_`` headers, the value is the data. Both modes are
read. ``traceparent`` travels as a plain header too, for tracers that know nothing of
CloudEvents; the plain one wins on reading.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from cloudevents.core.base import BaseCloudEvent, EventFactory
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, from_structured, to_binary
from cloudevents.core.exceptions import BaseCloudEventException, CloudEventValidationError
from cloudevents.core.formats.base import Format
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from workbench.errors import EventError
from workbench.events.envelope import Envelope
from workbench.events.payload import decode_payload, encode_payload
from workbench.events.plain_binding import read_plain, write_plain

Headers = Sequence[tuple[str, bytes | None]]

_ATTRIBUTES = ("id", "source", "type", "subject", "time", "dataschema", "datacontenttype")
_FLOW = ("correlationid", "causationid", "traceparent")
_NOT_EXTENSIONS = {*_ATTRIBUTES, *_FLOW, "specversion", "partitionkey"}


class _Bytes(Format):
    """Data as bytes, untouched: what is hashed, stored and sent on is what was received."""

    def read(self, event_factory: EventFactory | None, data: str | bytes) -> BaseCloudEvent:
        return JSONFormat().read(event_factory, data)

    def write(self, event: BaseCloudEvent) -> bytes:
        return JSONFormat().write(event)

    def write_data(self, data: Any, datacontenttype: str | None) -> bytes:  # noqa: ARG002
        return bytes(data)

    def read_data(self, body: bytes, datacontenttype: str | None) -> bytes:  # noqa: ARG002
        return body

    def get_content_type(self) -> str:
        return JSONFormat.CONTENT_TYPE


_BYTES = _Bytes()


def to_kafka(envelope: Envelope) -> tuple[bytes | None, list[tuple[str, bytes]], bytes]:
    """Key, headers and value of the Kafka record that carries an event.

    The key is the envelope's ``subject``: the event type's key in its canonical form.
    """
    key = envelope.subject.encode() if envelope.subject is not None else None
    plain = write_plain(envelope)
    if plain is not None:
        return key, plain, envelope.data
    attributes: dict[str, Any] = dict(envelope.extensions)
    for name in (*_ATTRIBUTES, *_FLOW):
        value = getattr(envelope, name)
        if value is not None:
            attributes[name] = value
    try:
        message = to_binary(CloudEvent(attributes, envelope.data), _BYTES)
    except CloudEventValidationError as error:
        raise EventError(f"event {envelope.id!r} is not a CloudEvent: {error}.") from error
    headers = list(message.headers.items())
    if envelope.time is None:  # the SDK invents one
        headers = [header for header in headers if header[0] != "ce_time"]
    if envelope.traceparent:
        headers.append(("traceparent", envelope.traceparent.encode()))
    return key, headers, message.value


def from_kafka(headers: Headers, value: bytes | None) -> Envelope:
    """The event that a Kafka record carries.

    Raises
    ------
    EventError
        The headers are not those of a CloudEvent, or an attribute is malformed.
    """
    envelope = read_plain(dict(headers), value or b"")
    if envelope is not None:
        return envelope
    plain = {name.lower(): text for name, text in headers if text is not None}
    ours = {name: text for name, text in plain.items() if name.startswith("ce_")}
    try:
        if ours:
            given = {name.removeprefix("ce_") for name in ours}
            _check_identity(given)
            ours["content-type"] = plain.get("content-type", b"application/json")
            event = from_binary(KafkaMessage(ours, None, value or b""), _BYTES, CloudEvent)
        elif plain.get("content-type", b"").startswith(b"application/cloudevents"):
            given = set(decode_payload(value or b""))
            event = from_structured(KafkaMessage({}, None, value or b""), JSONFormat(), CloudEvent)
        else:
            raise EventError("the record has no CloudEvents headers (ce_id, ce_source, ce_type).")
        time = event.get_time() if "time" in given else None
        time = time.astimezone(UTC) if time else None
    except (BaseCloudEventException, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise EventError(f"the record is not a CloudEvent: {_first_line(error)}.") from error
    # The SDK invents an id and a time where there is none, and an invented id differs at every
    # delivery: duplicates would pass for new events.
    _check_identity(given)
    attributes = event.get_attributes()
    data = event.get_data()
    plain_trace = plain.get("traceparent", b"").decode("ascii", "replace")
    return Envelope(
        id=event.get_id(),
        source=event.get_source(),
        type=event.get_type(),
        data=data if isinstance(data, bytes) else encode_payload(data),
        time=time,
        subject=_text(event.get_subject()),
        dataschema=_text(event.get_dataschema()),
        correlationid=_text(attributes.get("correlationid")),
        causationid=_text(attributes.get("causationid")),
        traceparent=plain_trace or _text(attributes.get("traceparent")),
        datacontenttype=_text(event.get_datacontenttype()) or "application/json",
        extensions={
            name: _text(value) or ""
            for name, value in attributes.items()
            if name not in _NOT_EXTENSIONS
        },
    )


def _check_identity(given: set[str]) -> None:
    for name in ("id", "source", "type"):
        if name not in given:
            raise EventError(f"the record is not a CloudEvent: its {name!r} is missing.")


def _text(value: Any) -> str | None:
    """An attribute as text: in a structured event it may be a JSON boolean or number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")

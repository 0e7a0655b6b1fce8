"""An event as a message of SNS and SQS, and back.

The body is the CloudEvent in structured mode (``application/cloudevents+json``), by the CloudEvents
SDK, so that whoever else subscribes to a topic reads it as such. What a CloudEvent can't carry (the
channel, the key, the order of the headers, those that are no attributes) travels in one message
attribute, ``record``: SNS delivers no raw message that has more than ten. ``type`` is another, for
filters; what is no readable event has none and passes every filter.

A message that others put there becomes a record as well as can be.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from workbench.brokers.aws.names import channel_of
from workbench.brokers.broker import Outgoing, Record
from workbench.errors import EventError
from workbench.events.payload import decode_payload, encode_payload

RECORD, TYPE = "record", "type"
_PREFIX, _CONTENT_TYPE = "ce_", "content-type"
_JSON = JSONFormat()
_MOST_DATA = {"data", "data_base64"}
_UNSAID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What SNS and SQS take in no text."""
Headers = Sequence[tuple[str, bytes | None]]


class Written(NamedTuple):
    """A message as SNS takes it."""

    body: str
    attributes: dict[str, dict[str, str]]

    def size(self) -> int:
        """Bytes, as SNS counts them: names, types and values of attributes count, too."""
        total = len(self.body.encode())
        for name, attribute in self.attributes.items():
            total += len(name.encode()) + sum(len(text.encode()) for text in attribute.values())
        return total


def write(outgoing: Outgoing) -> Written:
    """The message that carries an event, or whatever else was given to send."""
    headers, value = outgoing.headers, outgoing.value
    note: dict[str, Any] = {"channel": outgoing.channel}
    event = _event(headers, value)
    type_ = ""
    if event is not None:
        body, said = event.decode(), decode_payload(event)
        note["value"] = "empty" if value == b"" else "none" if value is None else "data"
        note["headers"] = [_short(name, text, said) for name, text in headers]
        type_ = str(said["type"])
    else:
        body, note["value"] = _plain_body(value)
        note["headers"] = [[name, as_json(text)] for name, text in headers]
    if outgoing.key is not None:
        note["key"] = as_json(outgoing.key)
    attributes = {RECORD: _attribute(json.dumps(note, separators=(",", ":")))}
    if type_ and not _UNSAID.search(type_):
        attributes[TYPE] = _attribute(type_)
    return Written(body, attributes)


def read(message: Mapping[str, Any], channel: str) -> Record:
    """The record in a message of SQS; ``channel`` where it does not say its own.

    Its offset is 0: who reads it counts.
    """
    system = message.get("Attributes", {})
    attributes = {
        name: found.get("StringValue", found.get("BinaryValue", b""))
        for name, found in message.get("MessageAttributes", {}).items()
    }
    body = str(message.get("Body", "")).encode("utf-8", "replace").decode()
    sent = str(system.get("SentTimestamp", "-1"))
    record = Record(
        channel,
        0,
        0,
        int(sent) if sent.isdecimal() else -1,
        None,
        [],
        None,
        message.get("MessageId", ""),
    )
    found = _own(body, attributes.get(RECORD)) or _notification(body)
    if found is None:
        group = system.get("MessageGroupId")
        key = group.encode() if group else None
        found = _Content("", key, _foreign_headers(body, attributes), body.encode())
    return record._replace(
        channel=found.channel or channel, key=found.key, headers=found.headers, value=found.value
    )


class _Content(NamedTuple):
    channel: str
    key: bytes | None
    headers: Headers
    value: bytes | None


def _event(headers: Headers, value: bytes | None) -> bytes | None:
    """The structured CloudEvent; ``None`` if these are the headers of none."""
    attributes: dict[str, Any] = {}
    try:
        for name, text in headers:
            if name.startswith(_PREFIX) and text is not None:
                attributes[name.removeprefix(_PREFIX)] = text.decode()
            elif name == _CONTENT_TYPE and text is not None:
                attributes["datacontenttype"] = text.decode()
        if not {"id", "source", "type", "specversion"} <= attributes.keys():
            return None
        if "time" in attributes:
            attributes["time"] = datetime.fromisoformat(attributes["time"])
        written = _JSON.write(CloudEvent(attributes, _data(value, attributes)))
    except (BaseCloudEventException, ValueError, TypeError):
        return None
    return written


def _data(value: bytes | None, attributes: Mapping[str, Any]) -> Any:
    """JSON as it is, where it will come back byte for byte; else the bytes, which base64 keeps."""
    if not value:
        return None
    if attributes.get("datacontenttype", "application/json") == "application/json":
        try:
            data = decode_payload(value)
            if data is not None and encode_payload(data) == value:
                return data
        except EventError:
            pass
    return value


def _short(name: str, text: bytes | None, said: Mapping[str, Any]) -> Any:
    """A header; its name alone where the CloudEvent says the same."""
    attribute = "datacontenttype" if name == _CONTENT_TYPE else name.removeprefix(_PREFIX)
    own = name == _CONTENT_TYPE or (name.startswith(_PREFIX) and attribute not in _MOST_DATA)
    told = said.get(attribute) if own else None
    if isinstance(told, str) and told.encode() == text:
        return name
    return [name, as_json(text)]


def _plain_body(value: bytes | None) -> tuple[str, str]:
    """A body for what is no CloudEvent, and how it is to be read."""
    if not value:
        return ("-", "none" if value is None else "empty")  # a message must have a body
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode(), "base64"
    if _UNSAID.search(text):
        return base64.b64encode(value).decode(), "base64"
    return text, "text"


def _own(body: str, note: object) -> _Content | None:
    """The content of a message that :func:`write` wrote; ``None`` if it did not."""
    try:
        told = json.loads(note) if isinstance(note, (str, bytes)) else None
        if not isinstance(told, dict):
            return None
        way = told["value"]
        said = (
            decode_payload(body.encode()) if way not in ("text", "base64") and body != "-" else {}
        )
        headers = [_header(header, said) for header in told["headers"]]
        key = from_json(told["key"]) if "key" in told else None
        return _Content(str(told["channel"]), key, headers, _value(way, body, said))
    except (EventError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _value(way: str, body: str, said: Mapping[str, Any]) -> bytes | None:
    match way:
        case "none":
            return None
        case "empty":
            return b""
        case "text":
            return body.encode()
        case "base64":
            return base64.b64decode(body, validate=True)
        case _:
            if "data_base64" in said:
                return base64.b64decode(said["data_base64"], validate=True)
            return encode_payload(said["data"])


def _header(header: Any, said: Mapping[str, Any]) -> tuple[str, bytes | None]:
    if isinstance(header, str):
        attribute = "datacontenttype" if header == _CONTENT_TYPE else header.removeprefix(_PREFIX)
        return header, said[attribute].encode()
    name, text = header
    return str(name), from_json(text)


def _notification(body: str) -> _Content | None:
    """The content of what SNS wraps where raw delivery is off; ``None`` if it is no such thing."""
    try:
        told = json.loads(body)
        if told["Type"] != "Notification" or not isinstance(told["Message"], str):
            return None
        given = {
            name: found["Value"]
            for name, found in (told.get("MessageAttributes") or {}).items()
            if isinstance(found["Value"], str)
        }
        topic = str(told.get("TopicArn", "")).rpartition(":")[2]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    inner = told["Message"].encode("utf-8", "replace").decode()
    plain = _Content("", None, _foreign_headers(inner, given), inner.encode())
    found = _own(inner, given.get(RECORD)) or plain
    return found._replace(channel=found.channel or channel_of(topic) or "")


def _foreign_headers(body: str, attributes: Mapping[str, str | bytes]) -> Headers:
    headers = [
        (name, text.encode() if isinstance(text, str) else text)
        for name, text in attributes.items()
    ]
    if _CONTENT_TYPE not in attributes and _is_structured(body):
        headers.append((_CONTENT_TYPE, _JSON.get_content_type().encode()))
    return headers


def _is_structured(body: str) -> bool:
    try:
        return "specversion" in json.loads(body)
    except (TypeError, ValueError, RecursionError):
        return False


def as_json(raw: bytes | None) -> Any:
    """Bytes as JSON can say them: as text where they are text."""
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        assert raw is not None
        return {"base64": base64.b64encode(raw).decode()}


def from_json(written: Any) -> bytes | None:
    """The bytes that :func:`as_json` wrote."""
    if isinstance(written, dict):
        return base64.b64decode(written["base64"], validate=True)
    return None if written is None else str(written).encode()


def _attribute(text: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": text}

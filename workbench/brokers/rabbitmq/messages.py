"""A record as a RabbitMQ message, and a message as a record.

The binding is the CloudEvents SDK's for RabbitMQ: the attribute ``ce_x`` of Kafka's binding is the
header ``ce-x``, and ``content-type`` a property. Other headers go as they are. What AMQP's table of
headers can't say (a name twice, no value, no key, no value at all) is written down beside it, in
headers of our own, so that any client can read the rest.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from pika import BasicProperties

from workbench.brokers.broker import Outgoing, Record
from workbench.errors import EventRefusedError
from workbench.events.notes import NOTE_BYTES

Headers = Sequence[tuple[str, bytes | None]]

HEADER_BYTES = 100_000
"""The most that names and values of headers may take: they travel in one frame."""
_SURELY_SMALL = 20_000
"""Bytes of headers that leave room for whatever is added to them."""
UNTYPED = "?"
"""The routing key of what has no event type, or one that can't be a routing key."""
_KEY, _NULL, _EXACT = "wb-key", "wb-null", "wb-headers"
TIME = "wb-time"
"""The header that says when an event was published, in ms since 1970 UTC."""
CHANNEL = "wb-channel"
"""The header that names the channel of a message which was put into a queue without it."""
_ORDER = "wb-order"
"""The header with the time in µs that grows from each message of a process to the next."""
_OURS = {_KEY, TIME, _ORDER, _NULL, _EXACT, CHANNEL}
_BROKERS = (
    "x-death",
    "x-first-death-",
    "x-last-death-",
    "x-stream-",
    "x-delivery-count",
    "x-acquired-",
    "x-opt-",
)
"""How the names of headers begin that RabbitMQ adds."""
_SHORT = 255  # bytes of what AMQP calls a short string: names, properties, routing keys
_CONTENT_TYPE = "content-type"


class Message(NamedTuple):
    """What is published."""

    exchange: str
    routing_key: str
    properties: BasicProperties
    body: bytes


def to_message(outgoing: Outgoing, *, exact: bool = False) -> Message:
    """The message that carries an event to its channel.

    ``exact``: its headers are written down beside the table in any case.

    Raises
    ------
    EventRefusedError
        Its headers are larger than one frame takes.
    """
    headers: dict[str, Any] = {}
    content_type = None
    size = 0
    type_ = b""
    for name, text in outgoing.headers:
        if name == "ce_type":
            type_ = text or b""
        size += len(name) + len(text or b"")
        plain = name
        if name == _CONTENT_TYPE and content_type is None and text:
            content_type = _short(text)
            if content_type is not None:
                continue
        elif name.startswith("ce_"):
            plain = f"ce-{name[3:]}"
        elif name.startswith(("ce-", *_BROKERS)) or name in _OURS or name == _CONTENT_TYPE:
            exact = True
            continue
        if text is None or plain in headers or len(plain.encode()) > _SHORT:
            exact = True
            continue
        headers[plain] = _value(text)
    if exact:
        headers[_EXACT] = json.dumps(
            [(n, None if t is None else base64.b64encode(t).decode()) for n, t in outgoing.headers]
        )
        size += len(headers[_EXACT])
    if outgoing.key is not None:
        headers[_KEY] = _value(outgoing.key)
        size += len(outgoing.key)
    if size > HEADER_BYTES:
        raise EventRefusedError(
            f"the event's key and headers are too large for RabbitMQ: {size:,} bytes of at most "
            f"{HEADER_BYTES:,}."
        )
    if outgoing.value is None:
        headers[_NULL] = True
    now = _now()
    headers |= {TIME: now // 1000, _ORDER: now}
    properties = BasicProperties(
        content_type=content_type,
        delivery_mode=2,
        headers=headers,
        message_id=str(uuid4()),
        timestamp=now // 1_000_000,
    )
    return Message(outgoing.channel, routing_key(type_), properties, outgoing.value or b"")


def routing_key(event_type: bytes) -> str:
    """By which a message is routed to the groups that hear its event type."""
    return _short(event_type) or UNTYPED


def to_record(channel: str, offset: int, properties: BasicProperties, body: bytes) -> Record:
    """The record that a message is, whoever published it.

    ``channel``: the exchange that it came by, or the channel whose stream it is read from; without
    one, as what was put straight into a queue, the message names it.
    """
    table: Mapping[str, Any] = properties.headers or {}
    headers = _exact_headers(table.get(_EXACT))
    if headers is None:
        headers = [
            (f"ce_{name[3:]}" if name.startswith("ce-") else name, _bytes(value))
            for name, value in table.items()
            if name not in _OURS and not name.startswith(_BROKERS)
        ]
        if properties.content_type is not None:
            headers.append((_CONTENT_TYPE, _bytes(properties.content_type)))
    key = table.get(_KEY)
    return Record(
        channel or _text(table.get(CHANNEL)),
        0,
        offset,
        _time_ms(table.get(TIME), properties.timestamp),
        None if key is None else _bytes(key),
        headers,
        None if table.get(_NULL) and not body else body,
        _text(properties.message_id) or str(uuid4()),
    )


def _value(text: bytes) -> str | bytes:
    """As text where it is some, which other clients and the CloudEvents SDK can read."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def _short(text: bytes) -> str | None:
    try:
        return text.decode() if 0 < len(text) <= _SHORT else None
    except UnicodeDecodeError:
        return None


def _bytes(value: Any) -> bytes | None:
    """A header's value, of whatever type another client has made it."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if value is None:
        return None
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).isoformat().encode()
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=str).encode()
    return str(value).encode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _exact_headers(text: Any) -> list[tuple[str, bytes | None]] | None:
    try:
        found = json.loads(text)
        return [(str(n), None if t is None else base64.b64decode(t)) for n, t in found]
    except (TypeError, ValueError, RecursionError):
        return None


def check_headers(outgoing: Outgoing, what: str) -> None:
    """Refuse an event whose headers, as they travel, leave no room for the reason of a dead letter.

    Raises
    ------
    EventRefusedError
        Its key and headers are too large; ``what`` is what a sentence calls it.
    """
    size = outgoing.size() - len(outgoing.value or b"")
    if size < _SURELY_SMALL:
        return
    reason: list[tuple[str, bytes | None]] = [*outgoing.headers, ("reason", bytes(NOTE_BYTES))]
    try:
        to_message(outgoing._replace(headers=reason))
        to_message(outgoing, exact=True)  # as it waits for another try
    except EventRefusedError:
        raise EventRefusedError(
            f"{what} is too large for RabbitMQ: its key and headers are {size:,} bytes, and as they "
            f"travel at most {HEADER_BYTES:,} are sent, the reason of a dead letter ({NOTE_BYTES:,}) "
            "and what a retry needs among them."
        ) from None


def _time_ms(ours: Any, theirs: Any) -> int:
    """When it was published, in ms since 1970 UTC; -1 if nobody says."""
    for ms, value in ((1, ours), (1000, theirs)):
        if isinstance(value, int) and 0 <= value < 1 << 50:
            return int(value) * ms
    return -1


def order_of(properties: BasicProperties) -> int:
    """By which messages are put in the order in which they were published."""
    table = properties.headers or {}
    order = table.get(_ORDER)
    if isinstance(order, int):
        return int(order)
    return _time_ms(table.get(TIME), properties.timestamp) * 1000


_last = 0
_ticking = threading.Lock()


def _now() -> int:
    """The time in µs, and later than what it was at any earlier call."""
    global _last  # noqa: PLW0603 - the clock is one for all
    with _ticking:
        _last = max(_last + 1, time.time_ns() // 1000)
        return _last

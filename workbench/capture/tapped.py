"""What passes the exchanges of a RabbitMQ, as the rows of an event log.

Where a message's headers are those of CloudEvents (``ce-id``, or
``cloudEvents:id`` as the AMQP binding has it), they tell of the event; else AMQP's own properties do:

==================  ========================================================================
column              from
==================  ========================================================================
``id``              ``message_id``
``type``            ``type``, else the routing key, else the exchange
``source``          ``app_id``
``time``            ``timestamp``, which counts whole seconds; else when it came to the tap
``broker_time``     when it came to the tap
``correlation_id``  ``correlation_id``
``channel``         exchange and routing key: ``orders/order.placed``
``offset``          counts the messages of the tap, for exchanges have no offsets
``headers``         all headers, as a JSON object; ``exchange`` and ``routing_key`` beside
==================  ========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from workbench.brokers import Record
from workbench.brokers.rabbitmq.messages import to_record
from workbench.brokers.rabbitmq.tap import Tapped
from workbench.capture.columns import standard_frame
from workbench.capture.rows import row
from workbench.capture.wire_format import Decoder, payload_of
from workbench.events.payload import decode_payload

_CE_PREFIXES = ("ce-", "cloudEvents:", "cloudEvents_")
"""Of CloudEvents' attributes: the SDK's for RabbitMQ, the AMQP binding's, and that of JMS."""
_NO_SECONDS = 100_000_000_000
"""Seconds until the year 5138: a number beyond is none of seconds."""


def tapped_frame(messages: Sequence[Tapped], decoder: Decoder | None = None) -> pd.DataFrame:
    """Messages as an event log; the module says how. Rows are in order of time."""
    frame = standard_frame(_rows(messages, decoder), otherwise=datetime.now(UTC))
    return frame.sort_values(["time", "offset"], kind="stable", ignore_index=True)


def _rows(messages: Sequence[Tapped], decoder: Decoder | None) -> Iterator[dict[str, Any]]:
    for place, message in enumerate(messages):
        exchange, key, properties, body, time_ns = message
        channel = f"{exchange}/{key}" if key else exchange
        record = to_record(channel, place, properties, body)
        headers = [(_ce_name(name), text) for name, text in record.headers]
        record = record._replace(channel=channel, headers=headers, time_ms=time_ns // 1_000_000)
        by_headers = _is_cloud_event(headers)
        found = row(record, decoder) if by_headers else _by_properties(message, record, decoder)
        yield found | {
            "headers": {name: _json(value) for name, value in (properties.headers or {}).items()},
            "exchange": exchange,
            "routing_key": key,
        }


def _by_properties(message: Tapped, record: Record, decoder: Decoder | None) -> dict[str, Any]:
    """A message as a row, by what AMQP's properties say."""
    properties = message.properties
    data, undecoded = None, None
    if message.body:
        data, undecoded = payload_of(record, decoder, lambda: decode_payload(message.body))
    plain = dict(record.headers)
    return {
        "id": _text(properties.message_id),
        "type": _text(properties.type) or message.routing_key or message.exchange,
        "source": _text(properties.app_id),
        "time": _moment(properties.timestamp),
        "broker_time": datetime.fromtimestamp(record.time_ms / 1000, UTC),
        "correlation_id": _text(properties.correlation_id),
        "channel": record.channel,
        "partition": record.partition,
        "offset": record.offset,
        "key": None,
        "data": data,
        "subject": None,
        "dataschema": None,
        "traceparent": (plain.get("traceparent") or b"").decode("ascii", "replace") or None,
        "dead_letter": None,
        "undecoded": undecoded,
    }


def _is_cloud_event(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    return any(
        name == "ce_id"
        or (name == "content-type" and (text or b"").startswith(b"application/cloudevents"))
        for name, text in headers
    )


def _ce_name(name: str) -> str:
    for prefix in _CE_PREFIXES:
        if name.startswith(prefix):
            return f"ce_{name.removeprefix(prefix)}"
    return name


def _moment(timestamp: Any) -> datetime | None:
    """A property's seconds since 1970; milliseconds, which some publishers write, are known by size."""
    if not isinstance(timestamp, int):
        return None
    try:
        return datetime.fromtimestamp(timestamp / (1000 if timestamp > _NO_SECONDS else 1), UTC)
    except (OSError, OverflowError, ValueError):
        return None


def _text(found: Any) -> str | None:
    return str(found) if found not in (None, "") else None


def _json(value: Any) -> Any:
    """A header's value, of whatever type AMQP has for it, as JSON has it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(name): _json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value.isoformat() if isinstance(value, datetime) else str(value)

"""Recording what passes the exchanges of a RabbitMQ, whoever publishes there.

A message becomes a row of an event log. Where its headers are those of CloudEvents (``ce-id``, or
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

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import pandas as pd

from workbench.brokers import Record
from workbench.capture.columns import standard_frame
from workbench.capture.rows import row
from workbench.capture.schemas import open_schemas
from workbench.capture.wire_format import Decoder, payload_of
from workbench.errors import LogError
from workbench.events.payload import decode_payload

if TYPE_CHECKING:
    from workbench.brokers.rabbitmq import RabbitMQBroker
    from workbench.brokers.rabbitmq.tap import Tapped

Log = TypeVar("Log")
_CE_PREFIXES = ("ce-", "cloudEvents:", "cloudEvents_")
"""Of CloudEvents' attributes: the SDK's for RabbitMQ, the AMQP binding's, and that of JMS."""
_NO_SECONDS = 100_000_000_000
"""Seconds until the year 5138: a number beyond is none of seconds."""


class Tapping(Generic[Log]):
    """What is being collected from exchanges, until it is stopped.

    As a context manager it is stopped at the end of the block.

    Parameters
    ----------
    broker
        The RabbitMQ.
    exchange
        The name of an exchange, or several, or a mapping from names to routing keys.
    routing_key
        Which messages of them: a key, or several. Where an exchange is a topic they may be
        patterns (``order.*``, ``#``); a direct exchange knows no patterns, and a fanout exchange
        asks for no key.
    limit, seconds
        It ends by itself with so many messages, or after so long.
    queue
        A name: then the messages that come within an hour of its end are kept, up to
        ``max_length``, for the next tap of that name. Without one the queue goes with the tap.
    max_length
        Messages that may wait at the broker for us (and 100 MB of them at most). Beyond that the
        oldest are dropped, and ``trouble`` says so.
    prefetch
        Messages that are under way to us at most.
    schemas
        Where schemas are had from: as :func:`workbench.capture.open_schemas` takes it.
    made
        What :meth:`stop` makes of the DataFrame.

    Raises
    ------
    BrokerError
        There is no such RabbitMQ or exchange, or it may not be tapped.
    LogError
        No exchange is named, or a bound is not above 0.
    """

    def __init__(
        self,
        broker: RabbitMQBroker,
        exchange: str | Iterable[str] | Mapping[str, str | Iterable[str]],
        routing_key: str | Iterable[str] = "#",
        *,
        limit: int | None = None,
        seconds: float | None = None,
        queue: str | None = None,
        max_length: int = 100_000,
        prefetch: int = 1_000,
        schemas: object = None,
        made: Callable[[pd.DataFrame], Log],
    ) -> None:
        from workbench.brokers.rabbitmq.tap import Tap

        bindings = _bindings(exchange, routing_key)
        bounds = {
            "limit": limit,
            "seconds": seconds,
            "max_length": max_length,
            "prefetch": prefetch,
        }
        for name, value in bounds.items():
            if value is not None and value <= 0:
                raise LogError(f"{name} must be above 0, not {value}.")
        self.trouble: str | None = None
        self._made, self._limit = made, limit
        self._decoder = Decoder(open_schemas(schemas)) if schemas is not None else None
        self._came: list[Tapped] = []
        self._ended, self._stopping = threading.Event(), threading.Lock()
        self._log: Log | None = None
        self._named = ", ".join(f"{name} [{key}]" for name, key in bindings)
        line = broker.connect()
        try:
            self._tap = Tap(
                line,
                bindings,
                take=self._take,
                ended=self._lost,
                queue=queue,
                max_length=max_length,
                prefetch=prefetch,
            )
        except BaseException:
            line.close()
            raise
        if seconds is not None:
            line.soon(lambda: line.later(seconds, self._ended.set))

    @property
    def count(self) -> int:
        """How many messages have come."""
        return len(self._came)

    @property
    def done(self) -> bool:
        """Whether it has ended: by its limit or time, or because RabbitMQ ended it."""
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended by itself; ``False``: it has not within so many seconds."""
        return self._ended.wait(timeout)

    def stop(self) -> Log:
        """End it, and give what has come; asked again, the same.

        ``trouble`` says afterwards if anything may be missing.
        """
        with self._stopping:
            if self._log is None:
                self._ended.set()
                self._tap.close()
                if self._tap.dropped:
                    self.trouble = (
                        "more came than could be read, and the oldest were dropped: name fewer "
                        "exchanges or keys, or allow a larger max_length"
                    )
                self._log = self._made(tapped_frame(self._came, self._decoder))
            return self._log

    def _take(self, message: Tapped) -> bool:
        if self._ended.is_set():
            return False
        self._came.append(message)
        if self._limit is not None and len(self._came) >= self._limit:
            self._ended.set()
        return not self._ended.is_set()

    def _lost(self, why: str) -> None:
        self.trouble = f"the tap ended early: {why}"
        self._ended.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = self.trouble or ("ended" if self.done else "listening")
        return f"<Tapping {self._named}: {self.count:,} events, {state}>"


def tapped_frame(messages: Sequence[Tapped], decoder: Decoder | None = None) -> pd.DataFrame:
    """Messages as an event log; the module says how. Rows are in order of time."""
    frame = standard_frame(_rows(messages, decoder), otherwise=datetime.now(UTC))
    return frame.sort_values(["time", "offset"], kind="stable", ignore_index=True)


def _rows(messages: Sequence[Tapped], decoder: Decoder | None) -> Iterator[dict[str, Any]]:
    from workbench.brokers.rabbitmq.messages import to_record

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


def _bindings(
    exchange: str | Iterable[str] | Mapping[str, str | Iterable[str]],
    routing_key: str | Iterable[str],
) -> list[tuple[str, str]]:
    names = [exchange] if isinstance(exchange, str) else list(exchange)
    keys = exchange if isinstance(exchange, Mapping) else dict.fromkeys(names, routing_key)
    found = [(name, key) for name in names for key in _several(keys[name])]
    if not found:
        raise LogError("name an exchange, and a routing key: '#' is every key of a topic exchange.")
    return found


def _several(keys: str | Iterable[str]) -> list[str]:
    return [keys] if isinstance(keys, str) else list(keys)

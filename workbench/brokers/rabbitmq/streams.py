"""Streams: where they begin and end, and reading them.

RabbitMQ tells an offset only with a message. A consumer that is begun is given at once what stands
in the stream then, before any later question on its session is answered: that is how the end is
found. (The count of messages that a declaration answers with is seconds old.)
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from workbench.brokers.broker import Position, Reader, Record
from workbench.brokers.rabbitmq.line import NOT_FOUND, Line, RefusedError, Session
from workbench.brokers.rabbitmq.messages import to_record
from workbench.brokers.rabbitmq.names import log_of
from workbench.errors import BrokerUnavailableError

WHOLE = 60_000
"""As many messages as one look may take in; RabbitMQ has no more than 65,535 under way."""
_AHEAD = 1_000
"""At most how many messages a reader is given that it has not read."""


def begins(line: Line, channels: Iterable[str]) -> dict[Position, int]:
    """The first offset that is kept, of the channels that exist."""
    found = {}
    for channel in sorted(set(channels)):
        records = at(line, channel, "first", 1)
        if records is not None:
            found[Position(channel, 0)] = records[0].offset if records else 0
    return found


def ends(line: Line, channels: Iterable[str]) -> dict[Position, int]:
    """The offset that the next event gets, of the channels that exist."""
    found = {}
    for channel in sorted(set(channels)):
        records = at(line, channel, "last", WHOLE)
        if records is not None:
            found[Position(channel, 0)] = records[-1].offset + 1 if records else 0
    return found


def at(line: Line, channel: str, where: str | int | datetime, limit: int) -> list[Record] | None:
    """What stands in a channel's log at a place now, as far as one look goes; ``None``: no log."""
    return look(line, log_of(channel), where, limit, channel)


def look(
    line: Line, stream: str, where: str | int | datetime, limit: int, channel: str = ""
) -> list[Record] | None:
    """The same of any stream."""
    found: list[Record] = []

    def came(_: Any, __: Any, properties: Any, body: bytes) -> None:
        found.append(to_record(channel or stream, offset_of(properties), properties, body))

    with line.session() as session:
        try:
            session.ask("basic_qos", prefetch_count=limit)
            session.ask(
                "basic_consume",
                queue=stream,
                on_message_callback=came,
                arguments={"x-stream-offset": where},
            )
            session.ask("queue_declare", queue=stream, passive=True)  # answered after them
        except RefusedError as error:
            if error.code == NOT_FOUND:
                return None
            raise
    return found


def offset_of(properties: Any) -> int:
    """Where a message stands in the stream it was read from."""
    return int((properties.headers or {}).get("x-stream-offset", 0))


def offset_at(line: Line, channel: str, time_ms: float, end: int) -> int:
    """The first offset of what was published at or after a time, in ms since 1970 UTC."""
    # Streams know of seconds, and of whole batches: from there on one looks at each.
    moment = datetime.fromtimestamp(max(0, time_ms // 1000 - 2), UTC)
    with StreamReader(line, {Position(channel, 0): moment}, owns=False) as reader:
        patience = time.monotonic() + line.timeout
        while time.monotonic() < patience:
            for record in reader.poll(0.1):
                if record.offset >= end or record.time_ms >= time_ms:
                    return min(record.offset, end)
                if record.offset == end - 1:
                    return end
            if not reader.read and at(line, channel, moment, 1) == []:
                return end
    raise BrokerUnavailableError(
        f"RabbitMQ at {line.endpoint} did not give the events of {channel} in time."
    )


class StreamReader(Reader):
    """Reads channels' logs from the given places on; a line that it ``owns`` it closes."""

    def __init__(
        self, line: Line, start: Mapping[Position, int | datetime], *, owns: bool = True
    ) -> None:
        self._line, self._owns = line, owns
        self._arrived = threading.Condition()
        self._came: deque[tuple[Record, int]] = deque()
        self._positions = {p: o for p, o in start.items() if isinstance(o, int)}
        self.read = 0
        self._session: Session = line.session()
        self._session.when_closed.append(self._wake)
        line.when_lost(self._wake)
        self._session.ask("basic_qos", prefetch_count=_AHEAD)
        for position, where in start.items():
            self._begin(position, where)

    def _begin(self, position: Position, where: int | datetime) -> None:
        first = where if isinstance(where, int) else 0

        def came(_: Any, method: Any, properties: Any, body: bytes) -> None:
            record = to_record(position.channel, offset_of(properties), properties, body)
            with self._arrived:
                self._came.append((record, method.delivery_tag))
                self._arrived.notify()

        self._session.ask(
            "basic_consume",
            queue=log_of(position.channel),
            on_message_callback=came,
            arguments={"x-stream-offset": first if isinstance(where, int) else where},
        )

    def _wake(self) -> None:
        with self._arrived:
            self._arrived.notify_all()

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        deadline = time.monotonic() + timeout
        with self._arrived:
            while not self._came and (left := deadline - time.monotonic()) > 0 and not self._over:
                self._arrived.wait(left)
            taken = [self._came.popleft() for _ in range(min(limit, len(self._came)))]
        if not taken and self._over:
            raise BrokerUnavailableError(
                f"RabbitMQ at {self._line.endpoint} could not be read: the connection is lost."
            )
        if taken:
            last = taken[-1][1]
            self._line.soon(lambda: self._acknowledge(last))
        records = []
        for record, _ in taken:
            self._positions[Position(record.channel, 0)] = record.offset + 1
            records.append(record)
        self.read += len(records)
        return records

    @property
    def _over(self) -> bool:
        return self._line.lost or self._session.closed is not None

    def _acknowledge(self, tag: int) -> None:
        if self._session.raw.is_open:
            self._session.raw.basic_ack(tag, multiple=True)

    def positions(self) -> dict[Position, int]:
        return dict(self._positions)

    def close(self) -> None:
        self._session.close()
        if self._owns:
            self._line.close()

"""Groups: a queue each, to which its channels' exchanges route what it hears.

A queue gets what is published after it was bound; what stood on its channels before is copied from
their logs first, so that a new group reads from the start.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from workbench.brokers.broker import Outgoing, Position, Record
from workbench.brokers.rabbitmq import registry
from workbench.brokers.rabbitmq.line import LOCKED, NOT_FOUND, Line, RefusedError
from workbench.brokers.rabbitmq.messages import (
    CHANNEL,
    TIME,
    UNTYPED,
    Message,
    routing_key,
    to_message,
)
from workbench.brokers.rabbitmq.names import EVERYTHING, QUEUE, REGISTRY, lock_of
from workbench.brokers.rabbitmq.publishing import Outcome, Publishing
from workbench.brokers.rabbitmq.registry import Heard
from workbench.brokers.rabbitmq.streams import StreamReader, begins, ends
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError

_TRIES = 5
"""How often a new group is begun anew because events came just while it was bound."""
_PATIENCE = 60.0


@contextmanager
def alone(line: Line) -> Iterator[None]:
    """While nobody else makes or forgets a group.

    Raises
    ------
    BrokerUnavailableError
        Somebody else takes very long.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        session = line.session()
        try:
            session.ask("queue_declare", queue=lock_of(REGISTRY), exclusive=True, auto_delete=True)
            break
        except RefusedError as error:
            if error.code != LOCKED:
                raise
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(
                    f"somebody else has been making groups at {line.endpoint} for "
                    f"{_PATIENCE:g} s; try again."
                ) from error
        time.sleep(0.05)
    try:
        yield
    finally:
        if not line.lost:
            session.ask("queue_delete", queue=lock_of(REGISTRY))
            session.close()


def exists(line: Line, queue: str) -> bool:
    """Whether there is a queue of a name."""
    return ready(line, queue) is not None


def ready(line: Line, queue: str) -> int | None:
    """How many messages wait in a queue; ``None`` if there is none of this name."""
    with line.session() as session:
        try:
            found = session.ask("queue_declare", queue=queue, passive=True)
        except RefusedError as error:
            if error.code == NOT_FOUND:
                return None
            raise
    return int(found.message_count)


def hear(line: Line, group: str, wanted: Callable[[Heard], Heard]) -> None:
    """Let a group hear what is ``wanted``, given what it hears."""
    heard = registry.read(line).groups.get(group, {})
    if heard and wanted(heard) == heard and exists(line, group):
        return
    with alone(line):
        heard = registry.read(line).groups.get(group, {})
        if not exists(line, group):
            heard = {}
        new = wanted(heard)
        _Making(line, group).make(heard, new)
        registry.note_group(line, group, new)


class _Making:
    """Makes a group, or lets it hear other things."""

    def __init__(self, line: Line, group: str) -> None:
        self._line, self._group = line, group

    def make(self, heard: Heard, wanted: Heard) -> None:
        with self._line.session() as session:
            session.ask("queue_declare", queue=self._group, durable=True, arguments=QUEUE)
        new = {channel: types for channel, types in wanted.items() if channel not in heard}
        starts = self._starts(new)
        for left in reversed(range(_TRIES)):
            if not heard:
                with self._line.session() as session:
                    session.ask("queue_purge", queue=self._group)  # what an attempt has left
            if self._begin(new, starts) or heard or not left:
                break
            for channel, types in new.items():
                self._unbind(channel, _keys(types))
        for channel, types in wanted.items():
            if channel in heard:
                self._bind(channel, _keys(types) - _keys(heard[channel]))
        for channel, types in heard.items():
            keep = _keys(wanted[channel]) if channel in wanted else set()
            self._unbind(channel, _keys(types) - keep)

    def _starts(self, channels: Heard) -> dict[Position, int]:
        starts = begins(self._line, channels)
        missing = [channel for channel in channels if Position(channel, 0) not in starts]
        if missing:
            raise BrokerError(
                f"RabbitMQ at {self._line.endpoint} has no channel {', '.join(missing)}: was it "
                "deleted meanwhile?"
            )
        return starts

    def _begin(self, channels: Heard, starts: Mapping[Position, int]) -> bool:
        """Let it hear channels from their starts on; says whether that is in order.

        What came after all was copied and before the queue was bound is copied last, behind what
        came a moment later.
        """
        stops = ends(self._line, channels)
        self._copy(channels, starts, stops)
        for channel, types in channels.items():
            self._bind(channel, _keys(types))
        return not self._copy(channels, stops, ends(self._line, channels))

    def _copy(
        self, channels: Heard, starts: Mapping[Position, int], stops: Mapping[Position, int]
    ) -> int:
        """Put what a group hears from one place to another into its queue; gives how much it is."""
        left = {p for p, start in starts.items() if start < stops[p]}
        copied = 0
        if not left:
            return copied
        patience = time.monotonic() + self._line.timeout
        with self._line.session() as session:
            publishing = Publishing(session)
            with StreamReader(self._line, {p: starts[p] for p in left}, owns=False) as reader:
                while left:
                    batch = []
                    for record in reader.poll(0.2):
                        position = Position(record.channel, 0)
                        types = channels[record.channel]
                        if record.offset >= stops[position]:
                            continue
                        type_ = dict(record.headers).get("ce_type") or b""
                        if types is None or routing_key(type_) in (UNTYPED, *types):
                            batch.append(self._again(record))
                    copied += len(batch)
                    if batch:
                        patience = time.monotonic() + self._line.timeout
                    if set(publishing.send(batch, self._line.timeout)) - {Outcome.CONFIRMED}:
                        raise BrokerUnavailableError(
                            f"RabbitMQ at {self._line.endpoint} did not take what {self._group} is "
                            "to read from the start; try again."
                        )
                    places = reader.positions()
                    left = {p for p in left if places[p] < stops[p]}
                    if left and time.monotonic() > patience:
                        raise BrokerUnavailableError(
                            f"RabbitMQ at {self._line.endpoint} did not give what "
                            f"{', '.join(sorted(p.channel for p in left))} holds; try again."
                        )
        return copied

    def _again(self, record: Record) -> Message:
        headers = record.headers
        try:
            message = to_message(Outgoing(record.channel, record.key, headers, record.value))
        except EventRefusedError:  # another client's, of unusual size: no event of ours
            message = to_message(Outgoing(record.channel, None, (), record.value))
        message.properties.headers |= {
            CHANNEL: record.channel,
            TIME: record.time_ms,
        }
        message.properties.message_id = record.message_id
        return message._replace(exchange="", routing_key=self._group)

    def _bind(self, channel: str, keys: set[str]) -> None:
        with self._line.session() as session:
            for key in sorted(keys):
                session.ask("queue_bind", queue=self._group, exchange=channel, routing_key=key)

    def _unbind(self, channel: str, keys: set[str]) -> None:
        with self._line.session() as session:
            for key in sorted(keys):
                session.ask("queue_unbind", queue=self._group, exchange=channel, routing_key=key)


def _keys(types: frozenset[str] | None) -> set[str]:
    """The routing keys by which a group hears event types."""
    if types is None:
        return {EVERYTHING}
    # What has no type that can be told may be poison, and every group is to see that.
    return {UNTYPED, *(routing_key(name.encode()) for name in types)}

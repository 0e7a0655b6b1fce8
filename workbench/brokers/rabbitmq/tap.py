"""A tap: a queue of our own beside the others, bound to exchanges that are there.

Whatever passes the exchanges comes to the tap as well; nobody else's queue is read or changed. It is
bounded: where we are too slow its oldest messages are dropped, and publishers never notice. The last
that was dropped goes to a second queue, of one message: so it is known that there was one. Both go
with the connection; those that are named stay for an hour, to be read on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from pika import BasicProperties

from workbench.brokers.rabbitmq.line import LOCKED, NOT_FOUND, Line, RefusedError, reason
from workbench.errors import BrokerError

MOST_BYTES: Final = 100_000_000
"""Bytes of bodies that a tap's queue holds at most, however many messages they are."""
_STAYS_MS: Final = 3_600_000
_ACKNOWLEDGED_EVERY: Final = 100


class Tapped(NamedTuple):
    """A message that passed an exchange. ``time_ns``: when it came to us, in ns since 1970 UTC."""

    exchange: str
    routing_key: str
    properties: BasicProperties
    body: bytes
    time_ns: int


class Tap:
    """Listens to exchanges until it is closed.

    Parameters
    ----------
    line
        A connection, which the tap closes when it is closed itself.
    bindings
        Exchanges and routing keys: patterns where the exchange is a topic.
    take
        Given each message, in the line's thread; ``False``: no more are wanted.
    ended
        Called if RabbitMQ ends the tap, with the reason.
    queue
        A name, for a queue that stays for an hour after the tap is closed.
    max_length
        Messages that the queue holds at most.
    prefetch
        Messages that are under way to us at most.

    Attributes
    ----------
    dropped
        Known when it is closed: messages were dropped, because we were too slow.

    Raises
    ------
    BrokerError
        There is no such exchange, it can't be bound, or somebody else reads the queue.
    """

    def __init__(
        self,
        line: Line,
        bindings: Sequence[tuple[str, str]],
        *,
        take: Callable[[Tapped], bool],
        ended: Callable[[str], None],
        queue: str | None = None,
        max_length: int = 100_000,
        prefetch: int = 1_000,
    ) -> None:
        self._line, self._take, self._ended = line, take, ended
        self._wanted = True
        self._unacknowledged = 0
        self._last_tag = 0
        self._acknowledged_every = max(1, min(_ACKNOWLEDGED_EVERY, prefetch // 2))
        self.dropped = False
        line.when_lost(lambda: self._over("the connection ended"))
        for exchange in dict.fromkeys(exchange for exchange, _ in bindings):
            self._check(exchange)
        self._session = line.session()
        self._session.when_closed.append(
            lambda: self._over(
                f"the connection ended ({reason(self._session.closed or EOFError())})"
            )
        )
        self._dropped_to = self._declare(queue and f"{queue}/dropped", {"x-max-length": 1})
        bounded = {
            "x-max-length": max_length,
            "x-max-length-bytes": MOST_BYTES,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self._dropped_to,
        }
        self.queue = self._declare(queue, bounded)
        for exchange, key in bindings:
            # Without a header named, an exchange of headers takes that for all messages.
            self._session.ask("queue_bind", queue=self.queue, exchange=exchange, routing_key=key)
        self._session.ask("basic_qos", prefetch_count=prefetch)
        line.run(
            lambda: self._session.raw.add_on_cancel_callback(
                lambda _: self._over("its queue was deleted")
            )
        )
        self._consume()

    def _check(self, exchange: str) -> None:
        if not exchange:
            raise BrokerError(
                "RabbitMQ lets nobody listen to its default exchange: name another one (what is sent "
                "straight to a queue passes no exchange that can be tapped)."
            )
        with self._line.session() as session:
            try:
                session.ask("exchange_declare", exchange=exchange, passive=True)
            except RefusedError as error:
                if error.code != NOT_FOUND:
                    raise
                raise BrokerError(
                    f"RabbitMQ at {self._line.endpoint} has no exchange {exchange!r}: a tap listens to "
                    "exchanges that are there; check the name, and the vhost in the address."
                ) from None

    def _declare(self, queue: str | None, bounds: dict[str, Any]) -> str:
        arguments = {"x-queue-type": "classic", "x-overflow": "drop-head", **bounds}
        if queue is None:
            named: dict[str, Any] = {"queue": "", "exclusive": True}
        else:  # a name of our own, so that it can't be the queue of somebody else
            named = {"queue": f"workbench/tap/{queue}", "durable": True}
            arguments["x-expires"] = _STAYS_MS
        return str(self._session.ask("queue_declare", **named, arguments=arguments).queue)

    def _consume(self) -> None:
        try:
            self._session.ask(
                "basic_consume",
                queue=self.queue,
                on_message_callback=self._came,
                exclusive=True,
            )
        except RefusedError as error:
            if error.code not in (403, LOCKED):
                raise
            raise BrokerError(
                f"somebody else reads the queue {self.queue!r} at RabbitMQ {self._line.endpoint}: "
                "stop the other tap, or name this one otherwise."
            ) from None

    def _came(self, raw: Any, method: Any, properties: BasicProperties, body: bytes) -> None:
        if not self._wanted:
            return  # not acknowledged: it stays in a queue that stays
        message = Tapped(method.exchange, method.routing_key, properties, body, time.time_ns())
        self._wanted = self._take(message)
        self._last_tag = method.delivery_tag
        self._unacknowledged += 1
        if self._unacknowledged >= self._acknowledged_every or not self._wanted:
            self._acknowledge(raw)

    def _acknowledge(self, raw: Any) -> None:
        if self._unacknowledged and raw.is_open:
            self._unacknowledged = 0
            raw.basic_ack(self._last_tag, multiple=True)

    def _over(self, why: str) -> None:
        if self._wanted:
            self._wanted = False
            self._ended(why)

    def close(self) -> None:
        """End it; what is in a queue that stays, and was not given, is kept there."""
        self._wanted = False
        try:
            self._line.run(lambda: self._acknowledge(self._session.raw))
            left = self._session.ask("queue_declare", queue=self._dropped_to, passive=True)
            self.dropped = left.message_count > 0
            if self.dropped:  # said once: the next tap of that name has its own to say
                self._session.ask("queue_purge", queue=self._dropped_to)
        except BrokerError:
            pass  # then RabbitMQ gives those again that it has not heard of
        finally:
            self._line.close()

"""Recording what passes the exchanges of a RabbitMQ, until it is stopped.

How a message becomes a row: see :mod:`workbench.capture.tapped`.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import pandas as pd

from workbench.capture.asked import count_of, names_of, seconds_of
from workbench.capture.schemas import open_schemas
from workbench.capture.wire_format import Decoder
from workbench.errors import LogError

if TYPE_CHECKING:
    from workbench.brokers.rabbitmq import RabbitMQBroker
    from workbench.brokers.rabbitmq.tap import Tapped

Log = TypeVar("Log")
_LOOKED_BACK_NS = 5_000_000_000
"""The rate is the mean of so long."""
_LONGEST, _MOST_AHEAD = (1 << 63) - 1, 65_535
"""What AMQP has room for."""


class Tapping(Generic[Log]):
    """What is being collected from exchanges, until it is stopped.

    As a context manager it is ended with the block; ``.result`` is what has come.

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
        oldest are dropped, and :meth:`stop` says so.
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
        No exchange is named, or a bound is not above 0 or more than RabbitMQ takes.
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
        count_of("limit", limit)
        seconds_of("seconds", seconds)
        count_of("max_length", max_length, most=_LONGEST)
        count_of("prefetch", prefetch, most=_MOST_AHEAD)
        self._trouble: str | None = None
        self._made, self._limit = made, limit
        self._decoder = Decoder(open_schemas(schemas)) if schemas is not None else None
        self._came: list[Tapped] = []
        self._ended, self._stopping = threading.Event(), threading.Lock()
        self._log: list[Log] = []
        self._begun_ns = time.time_ns()
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
    def rate(self) -> float:
        """How many messages came a second, of late."""
        now = time.time_ns()
        since = max(self._begun_ns, now - _LOOKED_BACK_NS)
        before = bisect_left(self._came, since, key=lambda message: message.time_ns)
        return (self.count - before) * 1e9 / max(now - since, 1_000_000)

    @property
    def running(self) -> bool:
        """Whether it goes on: it ends by its limit or time too, or because RabbitMQ ends it."""
        return not self._ended.is_set()

    @property
    def result(self) -> Log:
        """What has been captured, once it was stopped.

        Raises
        ------
        LogError
            It goes on.
        """
        if not self._log:
            raise LogError("the tap goes on: .stop() ends it.")
        return self._log[0]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended by itself; ``False``: it has not within so many seconds."""
        return self._ended.wait(timeout)

    def stop(self) -> Log:
        """End it, and return what has come.

        Raises
        ------
        LogError
            Something is missing: RabbitMQ ended it before, or we were too slow. ``.result`` holds
            what came.
        """
        self._end()
        if self._trouble is not None:
            raise LogError(f"the tap {self._trouble}. What came is its .result.")
        return self.result

    def _end(self) -> None:
        from workbench.capture.tapped import tapped_frame

        with self._stopping:
            if self._log:
                return
            self._ended.set()
            self._tap.close()
            if self._tap.dropped:
                self._trouble = (
                    "was too slow, and RabbitMQ dropped its oldest messages: name fewer exchanges or "
                    "keys, or allow a larger max_length"
                )
            self._log.append(self._made(tapped_frame(self._came, self._decoder)))

    def _take(self, message: Tapped) -> bool:
        if self._ended.is_set():
            return False
        self._came.append(message)
        if self._limit is not None and len(self._came) >= self._limit:
            self._ended.set()
        return not self._ended.is_set()

    def _lost(self, why: str) -> None:
        self._trouble = f"ended early: {why}"
        self._ended.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._end()

    def __repr__(self) -> str:
        how = f"goes on, {self.rate:,.0f} a second" if self.running else self._trouble or "ended"
        return f"<tap on {self._named}: {self.count:,} events, {how}>"


def _bindings(
    exchange: str | Iterable[str] | Mapping[str, str | Iterable[str]],
    routing_key: str | Iterable[str],
) -> list[tuple[str, str]]:
    names = names_of("exchange", exchange)
    keys = exchange if isinstance(exchange, Mapping) else dict.fromkeys(names, routing_key)
    found = [(name, key) for name in names for key in names_of("routing_key", keys[name])]
    if not found:
        raise LogError("name an exchange, and a routing key: '#' is every key of a topic exchange.")
    return found

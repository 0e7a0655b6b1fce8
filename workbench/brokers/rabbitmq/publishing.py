"""Publishing with confirmations, all of a batch under way at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from pika import spec

from workbench.brokers.rabbitmq.line import Session
from workbench.brokers.rabbitmq.messages import Message

_WINDOW_BYTES = 8_000_000
_WINDOW = 5_000
"""At most what is under way at once: a batch may be larger than what one wants in memory twice."""


class Outcome(Enum):
    """What became of a message."""

    CONFIRMED = "confirmed"
    UNROUTED = "unrouted"
    """No queue wants it."""
    REFUSED = "refused"
    """A queue could not take it."""
    UNKNOWN = "unknown"
    """There was no answer: it may be there or not."""


class Publishing:
    """Publishes on a session of its own. For one thread at a time."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._tag = 0
        self._under_way: dict[int, int] = {}  # delivery tag → place in the batch
        self._places: dict[str, int] = {}  # message id → place in the batch
        self._outcomes: list[Outcome] = []
        self._settled = threading.Event()
        session.when_closed.append(self._settled.set)
        session.line.run(lambda: session.raw.add_on_return_callback(self._returned))
        session.ask("confirm_delivery", ack_nack_callback=self._confirmed)

    @property
    def settled(self) -> bool:
        """Whether all that it published was answered."""
        return not self._under_way

    def send(self, messages: Sequence[Message], timeout: float) -> list[Outcome]:
        """Publish messages in order, and wait for what becomes of each."""
        deadline = time.monotonic() + timeout
        outcomes: list[Outcome] = []
        for window in _windows(messages):
            if self.session.closed is None and not self.session.line.lost:
                outcomes += self._send(window, deadline)
        return outcomes + [Outcome.UNKNOWN] * (len(messages) - len(outcomes))

    def _send(self, messages: Sequence[Message], deadline: float) -> list[Outcome]:
        if not messages:
            return []
        self._settled.clear()
        self._outcomes = [Outcome.UNKNOWN] * len(messages)

        def publish() -> None:
            self._under_way.clear()
            self._places = {m.properties.message_id: n for n, m in enumerate(messages)}
            raw = self.session.raw
            for n, message in enumerate(messages):
                if not raw.is_open:
                    break
                self._tag += 1
                self._under_way[self._tag] = n
                raw.basic_publish(
                    message.exchange,
                    message.routing_key,
                    message.body,
                    message.properties,
                    mandatory=True,
                )
            if not raw.is_open:
                self._settled.set()

        self.session.line.soon(publish)
        while not self._settled.wait(min(0.2, max(0.0, deadline - time.monotonic()))):
            if self.session.line.lost or time.monotonic() > deadline:
                break
        return list(self._outcomes)

    def _confirmed(self, frame: Any) -> None:
        tag, multiple = frame.method.delivery_tag, frame.method.multiple
        taken = isinstance(frame.method, spec.Basic.Ack)
        tags = [t for t in self._under_way if t <= tag] if multiple else [tag]
        for one in tags:
            place = self._under_way.pop(one, None)
            if place is not None and self._outcomes[place] is Outcome.UNKNOWN:
                self._outcomes[place] = Outcome.CONFIRMED if taken else Outcome.REFUSED
        if not self._under_way:
            self._settled.set()

    def _returned(self, _: Any, method: Any, properties: Any, body: bytes) -> None:  # noqa: ARG002
        place = self._places.get(properties.message_id)
        if place is not None:
            self._outcomes[place] = Outcome.UNROUTED


def _windows(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    first = size = 0
    for n, message in enumerate(messages):
        size += len(message.body)
        if n > first and (size > _WINDOW_BYTES or n - first >= _WINDOW):
            yield messages[first:n]
            first, size = n, len(message.body)
    if first < len(messages):
        yield messages[first:]

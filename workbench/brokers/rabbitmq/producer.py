"""Producers: a connection each, with confirmations."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.brokers.broker import DEAD_LETTER_BYTES, Landed, Outgoing, Producer
from workbench.brokers.rabbitmq.delays import queue_of, wait_of
from workbench.brokers.rabbitmq.messages import Message, to_message
from workbench.brokers.rabbitmq.names import log_of
from workbench.brokers.rabbitmq.publishing import Outcome, Publishing
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError

if TYPE_CHECKING:
    from workbench.brokers.rabbitmq.broker import RabbitMQBroker

_SEND_TIMEOUT = 30.0  # seconds


class RabbitMQProducer(Producer):
    """A producer that connects anew when it has lost its connection."""

    def __init__(self, broker: RabbitMQBroker) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._line = broker.connect()
        self._publishing = Publishing(self._line.session())
        self._known: set[str] = set()

    def send(self, batch: Sequence[Outgoing]) -> list[Landed | BrokerError]:
        with self._lock:
            answers = self._send(batch)
            left = [n for n, answer in enumerate(answers) if answer is None]
            if left:
                # A channel that was deleted meanwhile has ended the session, and all that was
                # under way with it.
                self._known.clear()
                for n, answer in zip(left, self._send([batch[n] for n in left]), strict=True):
                    answers[n] = answer
            return [
                answer if answer is not None else self._unknown(outgoing.channel)
                for outgoing, answer in zip(batch, answers, strict=True)
            ]

    def _send(self, batch: Sequence[Outgoing]) -> list[Landed | BrokerError | None]:
        """What became of each event; ``None``: not known, for its session has ended."""
        answers: list[Landed | BrokerError | None] = [None] * len(batch)
        messages: list[Message] = []
        places: list[int] = []
        try:
            self._renew()
            self._check(batch)
        except BrokerUnavailableError as error:
            return [error] * len(batch)
        for n, outgoing in enumerate(batch):
            try:
                found = self._messages(outgoing)
                messages += found
                places += [n] * len(found)
            except BrokerError as error:
                answers[n] = error
        outcomes = self._publishing.send(messages, _SEND_TIMEOUT)
        answered: set[int] = set()
        for n, outcome in zip(places, outcomes, strict=True):
            answer = self._answer(batch[n].channel, outcome)
            if n not in answered or isinstance(answers[n], Landed):  # of two the worse one counts
                answers[n] = answer
            answered.add(n)
        return answers

    def _check(self, batch: Sequence[Outgoing]) -> None:
        """Learn which of the channels there are."""
        asked = {outgoing.channel for outgoing in batch} - self._known
        self._known |= {channel for channel in asked if self._broker.has_channel(channel)}

    def _messages(self, outgoing: Outgoing) -> list[Message]:
        """What is to be published: an event, or one that is to wait and its place in the log."""
        if outgoing.channel not in self._known:
            raise EventRefusedError(f"RabbitMQ has no channel {outgoing.channel}.")
        size = outgoing.size()
        if size > DEAD_LETTER_BYTES:
            raise EventRefusedError(
                f"the event for {outgoing.channel} is too large: {size:,} bytes of at most "
                f"{DEAD_LETTER_BYTES:,}."
            )
        channel, wait = outgoing.channel, wait_of(outgoing)
        if not wait:
            return [to_message(outgoing)]
        self._broker.delay(channel, wait)
        # What has waited RabbitMQ routes to queues only, and its headers in another order.
        message = to_message(outgoing, exact=True)._replace(exchange="")
        return [
            message._replace(routing_key=to) for to in (log_of(channel), queue_of(channel, wait))
        ]

    def _answer(self, channel: str, outcome: Outcome) -> Landed | BrokerError | None:
        if outcome is Outcome.CONFIRMED:
            return Landed(channel, 0, None)
        if outcome is Outcome.UNROUTED:
            return EventRefusedError(
                f"nothing at RabbitMQ keeps the events of {channel}: was its log deleted?"
            )
        if outcome is Outcome.REFUSED:
            return BrokerError(f"RabbitMQ could not keep the event for {channel} now.")
        ended = self._publishing.session.closed is not None and not self._line.lost
        return None if ended else self._unknown(channel)

    def _unknown(self, channel: str) -> BrokerError:
        return BrokerError(
            f"RabbitMQ did not acknowledge the event for {channel} in time: it may be there or "
            "not; sent again under the same id it is the same event."
        )

    def _renew(self) -> None:
        if self._line.lost:
            self._line = self._broker.connect()
            self._known.clear()
        elif self._publishing.session.closed is None and self._publishing.settled:
            return
        else:
            self._publishing.session.close()
        self._publishing = Publishing(self._line.session())

    def close(self) -> None:
        with self._lock:
            self._line.close()

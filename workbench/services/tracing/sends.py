"""``send`` spans: one for each channel of a batch, with a link to the creation of what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from opentelemetry.trace import Link

from workbench.brokers import Landed
from workbench.errors import BrokerError
from workbench.events import TraceContext
from workbench.services.tracing import conventions as names
from workbench.services.tracing.spans import Failed, Spans, beneath, link


class Message(NamedTuple):
    """One message of a batch.

    ``created`` is its creation, ``None`` if it is not traced; ``within`` is the span in which it
    was decided to send it, if that is known.
    """

    id: str
    channel: str
    answer: Landed | BrokerError
    created: TraceContext | None
    within: TraceContext | None


def give_sends(spans: Spans, batch: Iterable[Message], moments: tuple[datetime, datetime]) -> None:
    """Record that a batch was sent, from when to when.

    A span stands below the one in which it was decided to send all that it has of traced messages,
    or else in a trace of its own.
    """
    batch = list(batch)
    traced: dict[str, list[Message]] = {}
    for message in batch:
        if message.created is not None:
            traced.setdefault(message.channel, []).append(message)
    counts = Counter(message.channel for message in batch) if traced else Counter[str]()
    for channel, messages in traced.items():
        within = {message.within for message in messages}
        parent = within.pop() if len(within) == 1 else None
        spans.give(
            names.SEND,
            channel,
            beneath(parent),
            moments,
            {names.COUNT: counts[channel]},
            parent=parent,
            links=[found for message in messages if (found := _link(spans, message))],
            failed=next((why for message in messages if (why := failure(message.answer))), None),
        )


def failure(answer: Landed | BrokerError) -> Failed | None:
    """Why a message was not sent; ``None``: it was."""
    return None if isinstance(answer, Landed) else Failed(type(answer).__name__)


def _link(spans: Spans, message: Message) -> Link | None:
    if message.created is None:
        return None
    return link(message.created, {names.MESSAGE: message.id, **spans.landed(message.answer)})

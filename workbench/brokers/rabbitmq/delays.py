"""Retries that are to come later wait in queues of their own.

A queue for each length of wait: what has stood there so long RabbitMQ hands on to the channel by
itself. Retries are let go early rather than late: the service that gets one waits for the rest. A
queue that nobody has put anything into for a while vanishes.

They are classic queues: a quorum queue counts its idle time from when it was made, not from when it
was last used, and would take what waits in it along.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from workbench.brokers.broker import Outgoing
from workbench.brokers.rabbitmq.line import Line, Session
from workbench.brokers.rabbitmq.messages import UNTYPED
from workbench.events import Retry

WAITS = (1, 5, 30, 120, 600, 3600)
"""How long events are made to wait, in seconds."""
_IDLE = 600  # seconds that a queue outlives the last event put into it


def wait_of(outgoing: Outgoing) -> int:
    """How many seconds an event is to wait: the most of :data:`WAITS` that is not too long."""
    if not any(name == "rt_due" for name, _ in outgoing.headers):
        return 0
    retry = Retry.from_headers(outgoing.headers)
    left = retry.due.timestamp() - time.time() if retry is not None else 0.0
    return max((wait for wait in WAITS if wait <= left), default=0)


def queue_of(channel: str, wait: int) -> str:
    """The queue in which events for a channel wait."""
    return f"{channel}/after-{wait}s"


def declare(session: Session, channel: str, wait: int) -> int:
    """Make a queue to wait in, or keep it for longer; says how many events wait there."""
    arguments: dict[str, Any] = {
        "x-queue-type": "classic",
        "x-message-ttl": wait * 1000,
        "x-expires": (wait + _IDLE) * 1000,
        "x-dead-letter-exchange": channel,
        "x-dead-letter-routing-key": UNTYPED,
    }
    name = queue_of(channel, wait)
    found = session.ask("queue_declare", queue=name, durable=True, arguments=arguments)
    return int(found.message_count)


def waiting(line: Line, queues: Iterable[tuple[str, int]]) -> int:
    """How many events wait in queues, each given as its channel and its wait."""
    with line.session() as session:
        return sum(declare(session, channel, wait) for channel, wait in queues)

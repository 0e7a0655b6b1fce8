"""What the workbench calls its things at RabbitMQ.

A channel is a topic exchange of its name, a group a queue of its name; channels and services may be
called the same, and a slash is in no name of either.
"""

from __future__ import annotations

from typing import Any

from workbench.brokers.broker import RETENTION_SECONDS

REGISTRY = "workbench/registry"
"""The stream of what was made; see :mod:`workbench.brokers.rabbitmq.registry`."""
EVERYTHING = "#"
STREAM: dict[str, Any] = {"x-queue-type": "stream"}
LOG: dict[str, Any] = {**STREAM, "x-max-age": f"{RETENTION_SECONDS}s"}
QUEUE: dict[str, Any] = {
    "x-queue-type": "quorum",
    # RabbitMQ 4 drops a message after twenty deliveries unless it is told otherwise.
    "x-delivery-limit": 1_000_000_000,
}


def log_of(channel: str) -> str:
    """The stream that keeps a channel's events."""
    return f"{channel}/log"


def lock_of(group: str) -> str:
    """The queue that only the active member of a group holds, and where it is asked questions."""
    return f"{group}/lock"

"""How events travel: one interface, and the brokers behind it."""

from typing import Any

from workbench.brokers.broker import (
    DEAD_LETTER_BYTES,
    EVENT_BYTES,
    RETENTION_SECONDS,
    Broker,
    Coming,
    Commit,
    Consumer,
    Landed,
    Outgoing,
    Position,
    Producer,
    Reader,
    Record,
    Subscription,
    TransactionalProducer,
)
from workbench.brokers.memory import MemoryBroker
from workbench.brokers.opening import Address, open_broker

__all__ = [
    "DEAD_LETTER_BYTES",
    "EVENT_BYTES",
    "RETENTION_SECONDS",
    "AWSBroker",
    "Address",
    "Broker",
    "Coming",
    "Commit",
    "Consumer",
    "KafkaBroker",
    "Landed",
    "LocalKafka",
    "MemoryBroker",
    "Outgoing",
    "Position",
    "Producer",
    "Reader",
    "Record",
    "Subscription",
    "TransactionalProducer",
    "open_broker",
]


def __getattr__(name: str) -> Any:
    # Clients are heavy, and the in-memory broker needs none of them.
    if name == "AWSBroker":
        from workbench.brokers.aws import AWSBroker

        return AWSBroker
    if name == "KafkaBroker":
        from workbench.brokers.kafka import KafkaBroker

        return KafkaBroker
    if name == "LocalKafka":
        from workbench.brokers.local import LocalKafka

        return LocalKafka
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""How events travel: one interface, and the brokers behind it."""

from importlib import import_module
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
from workbench.brokers.opening import Address, load_broker, open_broker

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
    "LocalRabbitMQ",
    "MemoryBroker",
    "Outgoing",
    "Position",
    "Producer",
    "RabbitMQBroker",
    "Reader",
    "Record",
    "Subscription",
    "TransactionalProducer",
    "load_broker",
    "open_broker",
]


# The clients of real brokers are heavy, and the in-memory broker needs none of them.
_LAZY = {
    "AWSBroker": "workbench.brokers.aws",
    "KafkaBroker": "workbench.brokers.kafka",
    "LocalKafka": "workbench.brokers.local",
    "LocalRabbitMQ": "workbench.brokers.local_rabbitmq",
    "RabbitMQBroker": "workbench.brokers.rabbitmq",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

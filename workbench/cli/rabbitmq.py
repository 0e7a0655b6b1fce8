"""``workbench rabbitmq``: the RabbitMQ on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.cli.local_broker import local_broker

if TYPE_CHECKING:
    from workbench.brokers.local_rabbitmq import LocalRabbitMQ


def _load() -> type[LocalRabbitMQ]:
    from workbench.brokers.local_rabbitmq import LocalRabbitMQ

    return LocalRabbitMQ


app = local_broker("RabbitMQ", 5672, _load)

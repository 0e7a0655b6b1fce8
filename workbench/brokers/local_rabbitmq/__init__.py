"""A RabbitMQ of one's own on this machine: a private node of the RabbitMQ that is installed."""

from workbench.brokers.local_rabbitmq.local_rabbitmq import LocalRabbitMQ
from workbench.brokers.local_rabbitmq.server import find_server, how_to_install

__all__ = ["LocalRabbitMQ", "find_server", "how_to_install"]

"""RabbitMQ behind the interface of :mod:`workbench.brokers`."""

from workbench.brokers.rabbitmq.broker import RabbitMQBroker

__all__ = ["RabbitMQBroker"]

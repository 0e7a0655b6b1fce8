"""What Kafka and RabbitMQ are told: topics, keys and groups; exchanges and routing keys.

https://github.com/asyncapi/bindings/tree/master/kafka (0.5.0)
https://github.com/asyncapi/bindings/tree/master/amqp (0.3.0)
"""

from __future__ import annotations

from typing import Any

from workbench.events import EventType

_KAFKA = {"bindingVersion": "0.5.0"}
_AMQP = {"bindingVersion": "0.3.0"}


def channel_bindings(channel: str) -> dict[str, Any]:
    """A topic; a durable topic exchange, whose routing keys are event types."""
    exchange = {"name": channel, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "kafka": {"topic": channel, **_KAFKA},
        "amqp": {"is": "routingKey", "exchange": exchange, **_AMQP},
    }


def receive_bindings(service: str) -> dict[str, Any]:
    """The consumer group; events are acknowledged once they are handled."""
    group = {"type": "string", "enum": [service]}
    return {"kafka": {"groupId": group, **_KAFKA}, "amqp": {"ack": True, **_AMQP}}


def send_bindings(event_types: list[str]) -> dict[str, Any]:
    """The routing keys; events are kept on disk."""
    return {"amqp": {"cc": event_types, "deliveryMode": 2, **_AMQP}}


def message_bindings(event_type: EventType) -> dict[str, Any]:
    """The record's key, where there is one, and the event type."""
    bindings: dict[str, Any] = {}
    if event_type.key is not None:
        description = f"The field {event_type.key} in its canonical text form: keeps its order."
        bindings["kafka"] = {"key": {"type": "string", "description": description}, **_KAFKA}
    bindings["amqp"] = {"messageType": event_type.name, **_AMQP}
    return bindings

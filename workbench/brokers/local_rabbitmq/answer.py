"""Whether a RabbitMQ is ready for clients: its own user can log in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.brokers.local.ports import HOST
from workbench.brokers.local.readiness import quiet

if TYPE_CHECKING:
    from .identity import Identity

_ANSWER_WITHIN = 2.0  # seconds


def answers(port: int, identity: Identity) -> bool:
    """Whether the RabbitMQ at `port` lets its user in.

    Another one that took the port first does not know the password, and is not taken for ours.
    """
    import pika
    from pika.adapters.utils.connection_workflow import AMQPConnectorException
    from pika.exceptions import AMQPError

    parameters = pika.ConnectionParameters(
        HOST,
        port,
        credentials=pika.PlainCredentials(identity.user, identity.password),
        socket_timeout=_ANSWER_WITHIN,
        stack_timeout=2 * _ANSWER_WITHIN,
    )
    try:
        with quiet("pika"):
            pika.BlockingConnection(parameters).close()
    except (AMQPError, AMQPConnectorException, OSError):
        return False
    return True

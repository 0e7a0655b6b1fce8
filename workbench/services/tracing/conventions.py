"""The names in spans: OpenTelemetry's messaging conventions, and what they have no name for.

https://opentelemetry.io/docs/specs/semconv/messaging/
"""

from __future__ import annotations

from typing import NamedTuple

from workbench.services import happening

SYSTEM = "messaging.system"
OPERATION = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
PARTITION = "messaging.destination.partition.id"
GROUP = "messaging.consumer.group.name"
MESSAGE = "messaging.message.id"
CONVERSATION = "messaging.message.conversation_id"
COUNT = "messaging.batch.message_count"
KAFKA_OFFSET = "messaging.kafka.offset"
KAFKA_KEY = "messaging.kafka.message.key"
SERVER, PORT = "server.address", "server.port"
ERROR_TYPE = "error.type"
EVENT_TYPE, EVENT_SOURCE = "cloudevents.event_type", "cloudevents.event_source"

REACTION = "workbench.reaction"
TURN = "workbench.turn"
"""How often the event was handed over to a later try, or by hand; 0 at first."""
ATTEMPT = "workbench.attempt"
DUE = "workbench.due"
"""When something is to be done, RFC 3339; of a ``create`` span, when the effect is sent."""
REDRIVES = "workbench.redrives"
STEP = "workbench.step"
"""The reaction whose step a compensation undoes."""
FAILURE_TYPE, FAILURE_ID = "workbench.failure.type", "workbench.failure.id"

CREATE, SEND, RECEIVE, PROCESS = "create", "send", "receive", "process"

SPAN_EVENTS = {
    happening.RETRIED: "workbench.retry",
    happening.LATER: "workbench.retry.scheduled",
    happening.WAITING: "workbench.retry.waiting",
    happening.DEAD: "workbench.dead_letter",
    happening.POISON: "workbench.dead_letter",
    happening.REDRIVEN: "workbench.redrive",
    happening.COMPENSATED: "workbench.compensation",
    happening.DUPLICATE: "workbench.duplicate",
    happening.GUARDED: "workbench.guarded",
    happening.PARKED: "workbench.parked",
    happening.ARMED: "workbench.absence.armed",
    happening.DISARMED: "workbench.absence.disarmed",
    happening.EXPIRED: "workbench.absence.expired",
    happening.FAILED: "exception",
}
"""What happens to an event → the name of the event in its ``process`` span.

========================== ====================================================================
exception                  an attempt has raised an error: ``exception.type`` and
                           ``exception.message``, by OpenTelemetry's conventions
workbench.retry            it is tried again, at once or when its time has come
workbench.retry.scheduled  it is handed over to a later try, ``workbench.due``
workbench.retry.waiting    the later try has come and waits for its time
workbench.dead_letter      the service gave up on it
workbench.redrive          it was handed over by hand
workbench.compensation     it undid ``workbench.step``, for ``workbench.failure.type``
workbench.duplicate        it was handled before
workbench.guarded          the reaction's guard has turned it away
workbench.parked           it waits behind an earlier one of its key
workbench.absence.armed    its reaction waits for the absence of another, until ``workbench.due``
workbench.absence.disarmed what a reaction waited for is this one
workbench.absence.expired  what its reaction waited for has not come
========================== ====================================================================
"""


class Systems(NamedTuple):
    """What a kind of broker is called where one sends, and where one receives."""

    sending: str
    receiving: str


_SYSTEMS = {"aws": Systems("aws.sns", "aws_sqs")}


def systems(kind: str) -> Systems:
    """The ``messaging.system`` of a kind of broker."""
    return _SYSTEMS.get(kind, Systems(kind, kind))

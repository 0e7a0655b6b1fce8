"""Speaking to the member that is at work for a group: it listens on the group's lock."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from pika import BasicProperties

from workbench.brokers.rabbitmq.line import Line
from workbench.brokers.rabbitmq.names import lock_of

_ANSWERED_WITHIN = 2.0  # seconds
_REPLIES = "amq.rabbitmq.reply-to"
_LEAVE = b"leave "


def send_out(line: Line, group: str, member: str) -> None:
    """Let a member know, if it is the one at work, that another takes its place."""
    with line.session() as session:
        line.run(lambda: session.raw.basic_publish("", lock_of(group), _LEAVE + member.encode()))
        session.ask("basic_qos", prefetch_count=1)  # answered after it


def is_sent_out(told: bytes, member: str) -> bool:
    """Whether what a member was told is to go."""
    return told == _LEAVE + member.encode()


def held(line: Line, groups: Iterable[str]) -> dict[str, int]:
    """How much each group's member was given and has not acknowledged.

    RabbitMQ says this over AMQP to nobody, so the members are asked. One that does not answer, for
    its process is paused, counts as holding one: it may.
    """
    answers: dict[str, int] = {}
    asked = set(groups)
    done = threading.Event()

    def answered(_: Any, __: Any, properties: Any, body: bytes) -> None:
        note(properties.correlation_id, int(body) if body.isdigit() else 1)

    def nobody(_: Any, __: Any, properties: Any, ___: bytes) -> None:
        note(properties.correlation_id, 0)

    def note(group: str, n: int) -> None:
        answers[group] = n
        if asked <= answers.keys():
            done.set()

    def ask(raw: Any) -> None:
        raw.add_on_return_callback(nobody)
        for group in asked:
            properties = BasicProperties(reply_to=_REPLIES, correlation_id=group)
            raw.basic_publish("", lock_of(group), b"held?", properties, mandatory=True)

    if not asked:
        return {}
    with line.session() as session:
        session.ask("basic_consume", queue=_REPLIES, on_message_callback=answered, auto_ack=True)
        line.run(lambda: ask(session.raw))
        done.wait(_ANSWERED_WITHIN)
    return {group: answers.get(group, 1) for group in asked}

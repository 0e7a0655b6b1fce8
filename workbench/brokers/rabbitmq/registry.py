"""What the workbench has made at RabbitMQ, which tells nobody: a stream of notes.

AMQP can neither list exchanges nor bindings. Whoever makes a channel, or lets a group hear event
types, notes it; what is there is found by reading all the notes. The first note ever is the
cluster's id: it goes when the data are wiped.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from pika import BasicProperties

from workbench.brokers.rabbitmq.line import Line
from workbench.brokers.rabbitmq.messages import Message
from workbench.brokers.rabbitmq.names import REGISTRY, STREAM
from workbench.brokers.rabbitmq.publishing import Outcome, Publishing
from workbench.brokers.rabbitmq.streams import WHOLE, look
from workbench.errors import BrokerError

Heard = Mapping[str, frozenset[str] | None]
"""Channel → the event types that a group hears there; ``None``: all of them."""


@dataclass
class Registry:
    """What the notes come to."""

    cluster_id: str = ""
    channels: set[str] = field(default_factory=set)
    groups: dict[str, Heard] = field(default_factory=dict)
    delays: dict[str, set[int]] = field(default_factory=dict)
    """Channel → how long, in seconds, events for it have been made to wait."""


class _Notes:
    """The notes as far as they were read on one connection, for only new ones are asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._end = 0
        self._found = Registry()

    def read(self, line: Line) -> Registry:
        with self._lock:
            records = look(line, REGISTRY, max(0, self._end - 1), WHOLE) or []
            if self._end and (not records or records[0].offset != self._end - 1):  # wiped
                self._end, self._found = 0, Registry()
                records = look(line, REGISTRY, 0, WHOLE) or []
            for record in records:
                if record.offset >= self._end:
                    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
                        _apply(self._found, json.loads(record.value or b""))
                    self._end = record.offset + 1
            return deepcopy(self._found)


_notes: WeakKeyDictionary[Line, _Notes] = WeakKeyDictionary()


def read(line: Line) -> Registry:
    """All that was noted."""
    return _notes.setdefault(line, _Notes()).read(line)


def _apply(found: Registry, note: Any) -> None:
    what = note["what"]
    if what == "cluster":
        found.cluster_id = found.cluster_id or str(note["id"])
    elif what == "channel":
        found.channels.add(str(note["name"]))
    elif what == "no channel":
        found.channels.discard(str(note["name"]))
        found.delays.pop(str(note["name"]), None)
    elif what == "delay":
        found.delays.setdefault(str(note["name"]), set()).add(int(note["seconds"]))
    elif what == "group":
        found.groups[str(note["name"])] = {
            str(channel): None if types is None else frozenset(map(str, types))
            for channel, types in note["hears"].items()
        }
    elif what == "no group":
        found.groups.pop(str(note["name"]), None)


def note_channel(line: Line, name: str, *, there: bool) -> None:
    """Note that a channel is there, or is no more."""
    _note(line, {"what": "channel" if there else "no channel", "name": name})


def note_delay(line: Line, channel: str, seconds: int) -> None:
    """Note that events for a channel are made to wait, and how long."""
    if seconds not in read(line).delays.get(channel, ()):
        _note(line, {"what": "delay", "name": channel, "seconds": seconds})


def note_group(line: Line, name: str, hears: Heard | None) -> None:
    """Note what a group hears; ``None``: it is no more."""
    if hears is None:
        _note(line, {"what": "no group", "name": name})
        return
    heard = {channel: None if types is None else sorted(types) for channel, types in hears.items()}
    _note(line, {"what": "group", "name": name, "hears": heard})


def cluster_id(line: Line) -> str:
    """The cluster's id, made by whoever asks first."""
    found = read(line).cluster_id
    if not found:
        _note(line, {"what": "cluster", "id": str(uuid4())})
        found = read(line).cluster_id  # another's, if that was noted before ours
    return found


def _note(line: Line, note: Mapping[str, Any]) -> None:
    with line.session() as session:
        session.ask("queue_declare", queue=REGISTRY, durable=True, arguments=STREAM)
        properties = BasicProperties(
            content_type="application/json", delivery_mode=2, message_id=str(uuid4())
        )
        body = json.dumps(note).encode()
        message = Message("", REGISTRY, properties, body)
        if Publishing(session).send([message], line.timeout) != [Outcome.CONFIRMED]:
            raise BrokerError(
                f"RabbitMQ at {line.endpoint} did not confirm a note of its registry."
            )

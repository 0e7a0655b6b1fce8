"""Finding the records of one flow, or of one event, among all that stands on a broker's channels.

Everything is read once, and only what was looked for is kept: a topic may be of any length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from workbench.brokers import Broker, Record
from workbench.capture.recorder import read_range
from workbench.errors import EventError
from workbench.events import DeadLetter, from_kafka

_PLACE: Final = re.compile(r"[^\s\[\]]+\[\d+\]@\d+")
_TOLD_EVERY: Final = 1_000
_NEAR: Final = 5
"""How many ids that look like the one looked for are named."""
_ALIKE: Final = 6
"""Letters that a beginning must have in common with an id to be taken for a part of it."""


@dataclass
class Found:
    """What an id was found to name.

    Attributes
    ----------
    records
        Those of the flow that it names, or else of the event, as the broker has them.
    flows
        The flows of the events that it names.
    near
        Ids of flows and events that look like it.
    looked_at
        How many records there were.
    """

    records: list[Record] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)
    looked_at: int = 0


def find_flow(
    broker: Broker,
    channels: Iterable[str],
    name: str,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Found:
    """The records of a flow, in the order in which they are read.

    ``flows`` tells of those events that have the name for their id in which flows they are.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    return _find(broker, channels, name, progress, whole=True)


def find_event(
    broker: Broker,
    channels: Iterable[str],
    name: str,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Found:
    """The records of the events that have this id, or of the one that stands at this place.

    A place is written ``channel[partition]@offset``.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    return _find(broker, channels, name, progress, whole=False)


def _find(
    broker: Broker,
    channels: Iterable[str],
    name: str,
    progress: Callable[[int, int], None],
    *,
    whole: bool,
) -> Found:
    found = Found()
    names = sorted(set(channels))
    first, last = broker.begin_offsets(names), broker.end_offsets(names)
    total = sum(max(0, last[position] - start) for position, start in first.items())
    text, is_place = name.encode("utf-8", "replace"), _PLACE.fullmatch(name) is not None
    progress(0, total)
    for record in read_range(broker, first, last):
        found.looked_at += 1
        if found.looked_at % _TOLD_EVERY == 0:
            progress(found.looked_at, total)
        if is_place and name in _places(record):
            found.records.append(record)
            continue
        if text not in _texts(record):
            if len(found.near) < _NEAR:
                _note_near(record, name, found.near)
            continue
        flow, event_id = identity(record)
        if name == event_id and flow not in found.flows:
            found.flows.append(flow)
        if name == (flow if whole else event_id):
            found.records.append(record)
    progress(found.looked_at, total)
    return found


def _texts(record: Record) -> list[bytes]:
    """Where an id may stand: in a header, or, of a structured event, anywhere in its value."""
    texts = [text for _, text in record.headers if text]
    if any(text.startswith(b"application/cloudevents") for text in texts):
        flow, event_id = identity(record)
        texts += [flow.encode(), event_id.encode()]
    return texts


def identity(record: Record) -> tuple[str, str]:
    """The flow and the id of the event that a record carries; empty if it carries none."""
    try:
        envelope = from_kafka(record.headers, record.value)
    except EventError:
        return "", ""
    return envelope.correlationid or envelope.id, envelope.id


def place_of(record: Record) -> str:
    """Where a record stands, as it is written for people."""
    return f"{record.channel}[{record.partition}]@{record.offset}"


def _places(record: Record) -> tuple[str, ...]:
    """Where a record stands, and of a dead letter, where its event stood."""
    letter = DeadLetter.from_headers(record.headers)
    if letter is None:
        return (place_of(record),)
    return place_of(record), f"{letter.channel}[{letter.partition}]@{letter.offset}"


def _note_near(record: Record, name: str, near: list[str]) -> None:
    for header, text in record.headers:
        if header in {"ce_correlationid", "ce_id"} and text:
            known = text.decode("utf-8", "replace")
            if known not in near and _looks_like(known, name):
                near.append(known)


def _looks_like(known: str, name: str) -> bool:
    """Whether one begins like the other, or they differ in a letter or two."""
    if len(name) >= _ALIKE and known.startswith(name):
        return True
    if len(known) != len(name) or len(name) < _ALIKE:
        return False
    return sum(a != b for a, b in zip(known, name, strict=True)) <= 2

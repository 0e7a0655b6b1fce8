"""Finding the records of one flow, or of one event, among all that stands on a broker's channels.

Everything is read once, and only what was looked for is kept: a topic may be of any length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from workbench.brokers import Broker, Position, Record
from workbench.capture.fetching import read_channels, read_range
from workbench.errors import EventError
from workbench.events import DeadLetter, from_kafka

_PLACE: Final = re.compile(r"[^\s\[\]]+\[\d+\]@\d+")
_TOLD_EVERY: Final = 1_000
_NEAR: Final = 5
"""How many ids that look like the one looked for are named."""
_ALIKE: Final = 6
"""Letters that the beginnings or the ends of two ids must have in common to look alike."""
_IDS: Final = frozenset({"ce_correlationid", "ce_id"})


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
    ends
        Where reading would go on.
    """

    records: list[Record] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)
    looked_at: int = 0
    ends: dict[Position, int] = field(default_factory=dict)


def find_flow(
    broker: Broker,
    channels: Iterable[str],
    name: str,
    *,
    start: Mapping[Position, int] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Found:
    """The records of a flow, in the order in which they are read.

    ``start`` are the offsets to begin at, where not at the first that is kept.
    ``flows`` tells of those events that have the name for their id in which flows they are.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    return _find(broker, channels, name, progress, whole=True, start=start or {})


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
    return _find(broker, channels, name, progress, whole=False, start={})


def find_alike(broker: Broker, channels: Iterable[str], records: Iterable[Record]) -> list[Record]:
    """All the records that hold what these do, which are no events, and their dead letters.

    For brokers on which a dead letter does not say where a reader of the channel finds its event.

    Raises
    ------
    LogError
        The broker stops giving events before the end.
    """
    wanted = {_held(record) for record in records}
    return [record for record in read_channels(broker, channels) if _held(record) in wanted]


def _held(record: Record) -> tuple[str, bytes | None, bytes | None]:
    """The channel of a record, or of a dead letter's event, its key and its value."""
    letter = DeadLetter.from_headers(record.headers)
    return (letter.channel if letter else record.channel), record.key, record.value


def _find(
    broker: Broker,
    channels: Iterable[str],
    name: str,
    progress: Callable[[int, int], None],
    *,
    whole: bool,
    start: Mapping[Position, int],
) -> Found:
    found = Found()
    names = sorted(set(channels))
    first, last = {**broker.begin_offsets(names), **start}, broker.end_offsets(names)
    first = {position: offset for position, offset in first.items() if position in last}
    found.ends = last
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
        if not _may_name(record, text):
            if len(found.near) < _NEAR:
                _note_near(record, text, found.near)
            continue
        flow, event_id = identity(record)
        if name == event_id and flow not in found.flows:
            found.flows.append(flow)
        if name == (flow if whole else event_id):
            found.records.append(record)
    progress(found.looked_at, total)
    return found


def _may_name(record: Record, text: bytes) -> bool:
    """Whether an id may be named: by a header, or, in a structured event, by its value."""
    for _, value in record.headers:
        if value == text:
            return True
        if value is not None and value.startswith(b"application/cloudevents"):
            return text in {part.encode() for part in identity(record)}
    return False


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


def _note_near(record: Record, text: bytes, near: list[str]) -> None:
    """Remember ids that begin or end as the one that is looked for does."""
    if len(text) < _ALIKE:
        return
    for header, value in record.headers:
        if value is None or header not in _IDS:
            continue
        begins = value.startswith(text) or (
            len(value) == len(text)
            and (value[:_ALIKE] == text[:_ALIKE] or value[-_ALIKE:] == text[-_ALIKE:])
        )
        if begins and (known := value.decode("utf-8", "replace")) not in near:
            near.append(known)

"""An event as the broker has it, and an attempt at it as its service has logged it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from workbench.brokers import Record
from workbench.errors import EventError
from workbench.events import Envelope, from_kafka

Identity = tuple[str, str]
"""An event's source and id; of one that can't be read, its channel and place."""


@dataclass(frozen=True)
class Told:
    """One event as the broker has it.

    Attributes
    ----------
    envelope
        ``None`` if it can't be read.
    records
        Where it stands, in the order in which the broker got it: more than one if it was sent
        again.
    """

    envelope: Envelope | None
    records: Sequence[Record]

    @property
    def record(self) -> Record:
        """The first."""
        return self.records[0]

    @property
    def identity(self) -> Identity:
        """Its source and id, or its channel and place."""
        if self.envelope is not None:
            return self.envelope.source, self.envelope.id
        return self.record.channel, place_in_inbox(self.record)

    @property
    def appended(self) -> float | None:
        """When the broker got it, in seconds since 1970 UTC; ``None`` if it does not know."""
        return self.record.time_ms / 1000 if self.record.time_ms >= 0 else None

    def by_data(self) -> list[Told]:
        """It, and, if other events have taken its id, each of them, by their data."""
        found: dict[bytes, list[Record]] = {}
        for record in self.records:
            found.setdefault(digest(record), []).append(record)
        return [Told(envelope_of(records[0]), records) for records in found.values()]


class Attempt(NamedTuple):
    """One attempt of a reaction, as its service has logged it: seconds since 1970 UTC."""

    began: float
    ended: float
    failed: bool = False
    error: str = ""


def digest(record: Record) -> bytes:
    """The hash of a payload, as inboxes have it."""
    return hashlib.blake2b(record.value or b"", digest_size=16).digest()


def place_in_inbox(record: Record) -> str:
    """What inboxes have for the id of an event that can't be read."""
    return record.message_id or f"{record.partition}:{record.offset}"


def envelope_of(record: Record) -> Envelope | None:
    """The event that a record carries; ``None`` if it carries none."""
    return event_among(record.headers, record.value)


def event_among(
    headers: Sequence[tuple[str, bytes | None]], value: bytes | None
) -> Envelope | None:
    """The event that headers and a value carry; ``None`` if they carry none."""
    try:
        return from_kafka(headers, value)
    except EventError:
        return None

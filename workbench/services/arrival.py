"""A record that a service is given, and one event at one reaction."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.brokers import Record
from workbench.choreography import Reaction, Reading
from workbench.events import Envelope, Retry, Trail
from workbench.events.trail import NO_TRAIL
from workbench.services.inbox import Entry


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record, and where its event stood at first and how often it has been tried."""

    record: Record
    retry: Retry | None

    @property
    def place(self) -> tuple[str, int, int]:
        """Channel, partition and offset at first."""
        found = self.retry or self.record
        return found.channel, found.partition, found.offset

    @property
    def turn(self) -> int:
        """How often the event was handed over by the retry channel."""
        return self.retry.turn if self.retry else 0

    @property
    def round(self) -> int:
        """Which of the policy's later tries this is; 0 for the first."""
        return self.retry.round if self.retry else 0

    @property
    def attempts(self) -> int:
        """How often the reaction has tried before."""
        return self.retry.attempts if self.retry else 0

    @property
    def redrives(self) -> int:
        """How often the event was handed over by hand."""
        return self.retry.redrives if self.retry else 0


@dataclass(frozen=True, slots=True)
class Case:
    """One event at one reaction, as that reads it."""

    arrival: Arrival
    envelope: Envelope
    reading: Reading
    reaction: Reaction
    hash: bytes
    trail: Trail = NO_TRAIL

    @property
    def entry(self) -> Entry:
        """Where the inbox has it."""
        return self.envelope.source, self.envelope.id, self.reaction.name

    @property
    def event(self) -> tuple[str, str]:
        """The event's source and id."""
        return self.envelope.source, self.envelope.id

"""A retry: an event handed back to one reaction of one service, over that service's own channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from workbench.events.notes import Headers, from_headers, to_headers

PREFIX = "rt_"


@dataclass(frozen=True, slots=True)
class Retry:
    """The part of a retry that is added to the event: it travels as ``rt_`` headers.

    Attributes
    ----------
    reaction
        Which reaction is to try again; empty for an event that could not be read: all of them.
    channel, partition, offset
        Where the event stood at first.
    due
        Not before this time.
    turn
        Counts how often the event is handed over, by the service itself or by hand; a retry that
        arrives twice is recognised by it.
    round
        Which of the policy's later tries this is, from 1; 0 when handed over by hand.
    attempts
        How often the reaction has tried already.
    redrives
        How often the event was handed over by hand.
    first_failure
        When the reaction failed at first.
    """

    reaction: str
    channel: str
    partition: int
    offset: int
    due: datetime
    turn: int
    round: int
    attempts: int
    redrives: int
    first_failure: datetime

    def headers(self) -> list[tuple[str, bytes]]:
        """As headers."""
        return to_headers(PREFIX, self)

    @classmethod
    def from_headers(cls, headers: Headers) -> Self | None:
        """Read it back; ``None`` if these are not the headers of a retry."""
        return from_headers(PREFIX, cls, headers)

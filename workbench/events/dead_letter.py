"""A dead letter: an event that a service gave up on, with the reason and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from workbench.events.notes import Headers, from_headers, to_headers

PREFIX = "dl_"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The part of a dead letter that is added to the event: it travels as ``dl_`` headers.

    It belongs to a service, a reaction (empty for an event that could not be read at all) and
    an event; ``channel``, ``partition`` and ``offset`` are where the event stood at first.
    ``frame`` is where in the handler's own code the error arose. ``turn`` counts how often the
    event was handed to the reaction over the retry channel, ``redrives`` how often by hand.
    """

    service: str
    reaction: str
    channel: str
    partition: int
    offset: int
    error_type: str
    error_message: str
    attempts: int
    first_failure: datetime
    last_failure: datetime
    frame: str = ""
    turn: int = 0
    redrives: int = 0
    traceback: str = ""

    @property
    def fingerprint(self) -> str:
        """The same for letters of one cause: the error's type and the first own frame."""
        return f"{self.error_type} in {self.frame}" if self.frame else self.error_type

    def headers(self) -> list[tuple[str, bytes]]:
        """As headers, long texts shortened."""
        return to_headers(PREFIX, self)

    @classmethod
    def from_headers(cls, headers: Headers) -> Self | None:
        """Read it back; ``None`` if these are not the headers of a dead letter."""
        return from_headers(PREFIX, cls, headers)

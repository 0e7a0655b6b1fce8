"""A dead letter: an event that a service gave up on, with the reason and where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Self

PREFIX = "dl_"
_LONGEST = 8_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The part of a dead letter that is added to the event: it travels as ``dl_`` headers.

    It belongs to a service, a reaction (empty for an event that could not be read at all) and
    an event; ``channel``, ``partition`` and ``offset`` are where the event stood.
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
    traceback: str = ""

    def headers(self) -> list[tuple[str, bytes]]:
        """As headers, long texts shortened."""
        found = []
        for field in fields(self):
            value = getattr(self, field.name)
            text = value.isoformat() if isinstance(value, datetime) else str(value)
            if len(text) > _LONGEST:
                text = text[: _LONGEST // 2] + "\n…\n" + text[-_LONGEST // 2 :]
            found.append((PREFIX + field.name, text.encode("utf-8", "replace")))
        return found

    @classmethod
    def from_headers(cls, headers: Sequence[tuple[str, bytes | None]]) -> Self | None:
        """Read it back; ``None`` if these are not the headers of a dead letter."""
        texts = {
            name.removeprefix(PREFIX): (text or b"").decode("utf-8", "replace")
            for name, text in headers
            if name.startswith(PREFIX)
        }
        try:
            return cls(
                service=texts["service"],
                reaction=texts["reaction"],
                channel=texts["channel"],
                partition=int(texts["partition"]),
                offset=int(texts["offset"]),
                error_type=texts["error_type"],
                error_message=texts["error_message"],
                attempts=int(texts["attempts"]),
                first_failure=datetime.fromisoformat(texts["first_failure"]).astimezone(UTC),
                last_failure=datetime.fromisoformat(texts["last_failure"]).astimezone(UTC),
                traceback=texts.get("traceback", ""),
            )
        except (KeyError, ValueError, OverflowError):
            return None

"""Notes on an event that travel beside it, as headers with a prefix of their own.

A note is a frozen dataclass of texts, whole numbers and times (UTC). What it is about, the
event, keeps its own headers and its value untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any, TypeVar, get_type_hints

Headers = Sequence[tuple[str, bytes | None]]
Note = TypeVar("Note")

_LONGEST = 8_000
_READERS: dict[Any, Any] = {
    str: str,
    int: int,
    datetime: lambda text: datetime.fromisoformat(text).astimezone(UTC),
}


def to_headers(prefix: str, note: Any) -> list[tuple[str, bytes]]:
    """A note as headers, long texts shortened in the middle."""
    found = []
    for field in fields(note):
        value = getattr(note, field.name)
        text = value.isoformat() if isinstance(value, datetime) else str(value)
        if len(text) > _LONGEST:
            text = text[: _LONGEST // 2] + "\n…\n" + text[-_LONGEST // 2 :]
        found.append((prefix + field.name, text.encode("utf-8", "replace")))
    return found


def from_headers(prefix: str, kind: type[Note], headers: Headers) -> Note | None:
    """Read a note back; ``None`` if these headers hold none, or a malformed one."""
    texts = {
        name.removeprefix(prefix): (text or b"").decode("utf-8", "replace")
        for name, text in headers
        if name.startswith(prefix)
    }
    if not texts:
        return None
    types = get_type_hints(kind)
    try:
        return kind(
            **{
                field.name: _READERS[types[field.name]](texts[field.name])
                for field in fields(kind)  # type: ignore[arg-type]
                if field.name in texts or field.default is MISSING
            }
        )
    except (KeyError, ValueError, OverflowError):
        return None


def without(prefixes: tuple[str, ...], headers: Headers) -> list[tuple[str, bytes | None]]:
    """The event's own headers: those of notes left out."""
    return [header for header in headers if not header[0].startswith(prefixes)]

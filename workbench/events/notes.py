"""Notes on an event that travel beside it, as headers with a prefix of their own.

A note is a frozen dataclass of texts, whole numbers and times (UTC). What it is about, the
event, keeps its own headers and its value untouched.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any, TypeVar, get_type_hints

Headers = Sequence[tuple[str, bytes | None]]
Note = TypeVar("Note")

NOTE_BYTES = 32_000
"""A note has no more than this, as JSON writes it for a broker that takes nothing but text."""
_LONGEST = 6_000
"""Bytes of a text in a note, as JSON in ASCII; no more than four texts of a note are so long."""
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
        text = text.encode("utf-8", "replace").decode()
        found.append((prefix + field.name, _shortened(text).encode()))
    return found


def _shortened(text: str) -> str:
    """A text without its middle, if it is too long: it may grow sixfold on its way."""
    if len(text) <= _LONGEST // 6 or _written(text[: _LONGEST + 1]) <= _LONGEST:
        return text
    begin, end = _fitting(text), _fitting(text[::-1])
    return text[:begin] + "\n…\n" + text[len(text) - end :]


def _fitting(text: str) -> int:
    """How many characters of a text's beginning make up half of what is allowed."""
    left = _LONGEST // 2
    for n, character in enumerate(text):
        left -= _written(character)
        if left < 0:
            return n
    return len(text)


def _written(text: str) -> int:
    return len(json.dumps(text)) - 2


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

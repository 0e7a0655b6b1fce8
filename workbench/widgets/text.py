"""Small texts: rounded numbers, durations, times, and data made safe for HTML."""

from __future__ import annotations

import html
import json
from datetime import datetime
from typing import Any

_LONGEST = 4_000


def compact(number: float) -> str:
    """A count short enough for a label: ``9,400``, ``12.3k``, ``4.1M``.

    Rounded also because cytoscape never forgets a label string.
    """
    if abs(number) < 10_000:
        return f"{number:,.0f}"
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if abs(number) >= size * 0.99995:
            return f"{number / size:.1f}{unit}"
    raise AssertionError(number)


def plural(n: int, noun: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{compact(n)} {noun}{'' if n == 1 else 's'}"


def milliseconds(seconds: float) -> str:
    """A latency with its unit: ``+4.2 ms``, ``+1.25 s``."""
    ms = seconds * 1000
    if abs(ms) < 1000:
        return f"{ms:+.1f} ms"
    return f"{seconds:+.2f} s" if abs(seconds) < 120 else f"{seconds / 60:+.1f} min"


def clock(time: datetime | None) -> str:
    """The time of day here, to the millisecond; the date stands in the event itself."""
    return time.astimezone().strftime("%H:%M:%S.%f")[:-3] if time is not None else "–"


def short(text: str | None, length: int = 8) -> str:
    """The beginning of an id, enough to tell it from its neighbours."""
    if not text:
        return "–"
    return text if len(text) <= length + 1 else f"{text[:length]}…"


def pretty(data: Any) -> str:
    """A payload as indented JSON, shortened if it is huge; not escaped."""
    if isinstance(data, str):
        text = data
    else:
        text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n… ({len(text):,} characters)"


def escape(text: object) -> str:
    """Text for HTML: whatever stands in a payload or a log is shown, never run."""
    return html.escape(str(text), quote=True)

"""What is said of a file that is no event log."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from workbench.capture.reading.paths import Path, shown
from workbench.errors import LogError


def says_no(column: str, name: str, seen: Mapping[Path, Any]) -> LogError:
    """Say that no column of a log says its types or its times, and which columns there are."""
    what = {"type": "the event type", "time": "when an event happened"}[column]
    names = ", ".join(map(shown, islice(seen, _LISTED)))
    more = f" and {len(seen) - _LISTED:,} more" if len(seen) > _LISTED else ""
    return LogError(
        f"{name} is not an event log: no column says {what}; name it: "
        f'mapping={{"{column}": "…"}}. There are {names}{more}.'
    )


def not_a_time(column: str, value: str) -> str:
    """Say that nothing in a column can be read as a time, and what can."""
    return (
        f"nothing in its column for {column!r} can be read as a time: it "
        f"{f'holds {value[:_EXAMPLE]!r}' if value else 'is empty'}. Understood are ISO 8601, counts of s, ms, µs or ns since 1970, and "
        "dates such as 21.09.2026 16:13:21 or Mon, 21 Sep 2026 16:13:21, each with an offset "
        "(+02:00) or a common name of a zone (CEST) behind it, or without."
    )


_EXAMPLE: Final = 60
"""Letters of a value that an error shows."""

_LISTED: Final = 200
"""Columns and paths into them that an error names; the widest logs have thousands."""

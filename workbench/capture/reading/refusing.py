"""What is said of a file that is no event log, and of a mapping that names nothing in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

from workbench.capture.columns import TIMES
from workbench.capture.reading.paths import NAMES, VALUES, Path, lacks_step, resolve, shown
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


def no_times(column: str, n: int, first: str) -> str:
    """Say how many values of a column are no times, and what the first of them is."""
    values, such = ("1 value", "it is") if n == 1 else (f"{n:,} values", "the first is")
    return f"{values} of {column} can't be read as a time, {such} {first[:_EXAMPLE]!r}"


def not_whole(column: str, theirs: str, value: Any) -> LogError:
    """Say that nothing in a column is a whole number, as the one of ours that it was named for holds."""
    return LogError(
        f"mapping: {column!r} holds whole numbers, and nothing in {theirs!r} is one: "
        f"it holds {str(value)[:_EXAMPLE]!r}."
    )


def why_nothing(column: str, text: str, known: Mapping[Path, Sequence[Any] | None]) -> str | None:
    """Say why a path in a mapping can name nothing, if it is more than a wrong name.

    Parameters
    ----------
    column, text
        The path as it was given for a column.
    known
        Path → values, or ``None`` where they are not known.
    """
    front, _, said = (part.strip() for part in text.rpartition("@"))
    if column in TIMES and resolve(front, known) is not None:
        return f"what is said of times stands behind an @ with blanks around it: {f'{front} @ {said}'!r}"
    parts = [part.strip() for part in text.split(" + ")]
    if column in TIMES and len(parts) == 2:
        missing = [repr(part) for part in parts if resolve(part, known) is None]
        return (
            f"of the date and the time of day that it joins {' and '.join(missing)} names nothing"
        )
    if lacks_step(text):
        return (
            "a dot in it has no name beside it; a name that holds dots is written in quotes: "
            + repr(f'"{text}"')
        )
    if re.search(r"\[-?\d*\]", text):
        return (
            "a place in a list can't be mapped, only the whole list or a name in a list of names and "
            "values; EventLog(log.frame.assign(…)) takes what pandas makes of it"
        )
    inside = _list_before(text, known)
    if inside is not None:
        return (
            f"{inside} is a list, and a dot goes only into one of names and values: "
            f"of objects with {', '.join(NAMES[:_NAMES])} … and {', '.join(VALUES[:_VALUES])} …"
        )
    return None


def _list_before(text: str, known: Mapping[Path, Sequence[Any] | None]) -> str | None:
    """The longest beginning of a path that names something, if that is lists of no names and values."""
    ends = [found.start() for found in re.finditer(r"\.", text)]
    for end in reversed(ends):
        path = resolve(text[:end], known)
        if path is not None:
            is_entered = any(other[:-1] == path for other in known)
            is_list = any(isinstance(value, list) for value in known.get(path) or ())
            return text[:end] if is_list and not is_entered else None
    return None


_NAMES: Final = 5
_VALUES: Final = 3
"""What names and values may be called, as far as an error tells it."""

_EXAMPLE: Final = 60
"""Letters of a value that an error shows."""

_LISTED: Final = 200
"""Columns and paths into them that an error names; the widest logs have thousands."""

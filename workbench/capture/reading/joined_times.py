"""Times whose date and whose time of day stand in two columns: ``day + time``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final

from workbench.capture.reading.paths import Path, resolve, shown
from workbench.capture.reading.times import form_of
from workbench.moments import is_time_of_day

Leaves = Mapping[Path, Sequence[Any]]

_SIGN: Final = " + "
_MIDNIGHT: Final = re.compile(r"(?<=\d)[ T]00:00(:00(\.0+)?)?$")
_MOST: Final = 0.9
"""The share of values that must be dates, or times of day."""
_FIRST: Final = 10
"""Values of which one at least must be."""


def joins_in(leaves: Leaves, said: Iterable[str]) -> dict[Path, tuple[Path, Path]]:
    """Find which two columns of some rows make one of times.

    Parameters
    ----------
    leaves
        Path → values, one a row.
    said
        The columns of times as somebody gave them: those that name two count.

    Returns
    -------
    dict
        The name of the two as one column → where the date stands, and where the time of day. What is
        not said is found where, side by side, one column has dates alone and one times of day.
    """
    found: dict[Path, tuple[Path, Path]] = {}
    for text in said:
        parts = [resolve(part.strip(), leaves) for part in text.split(_SIGN)]
        if len(parts) == 2 and parts[0] is not None and parts[1] is not None:
            found[text,] = parts[0], parts[1]
    beside: dict[Path, list[Path]] = {}
    for path in leaves:
        beside.setdefault(path[:-1], []).append(path)
    for here in beside.values():
        clocks = [path for path in here if _are(leaves[path], _is_clock)]
        if len(clocks) != 1:
            continue
        days = [path for path in here if _are(leaves[path], _is_day) and form_of(leaves[path])]
        if len(days) == 1 and form_of(joined(leaves[days[0]], leaves[clocks[0]])):
            found[f"{shown(days[0])}{_SIGN}{shown(clocks[0])}",] = days[0], clocks[0]
    return found


def joined(days: Sequence[Any], clocks: Sequence[Any]) -> list[str | None]:
    """Dates with their times of day, as text; ``None`` where one of the two is missing."""
    return [
        None if _nothing(day) or _nothing(clock) else f"{_day(day)} {_clock(clock)}"
        for day, clock in zip(days, clocks, strict=True)
    ]


def _nothing(value: Any) -> bool:
    return value is None or value == "" or value != value  # noqa: PLR0124


def _day(value: Any) -> str:
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    return _MIDNIGHT.sub("", str(value).strip())


def _clock(value: Any) -> str:
    return value.isoformat() if isinstance(value, time) else str(value).strip()


def _are(values: Sequence[Any], kind: Any) -> bool:
    there = [value for value in values if not _nothing(value)]
    if not any(map(kind, there[:_FIRST])):
        return False
    return bool(sum(map(kind, there)) >= _MOST * len(there))


def _is_day(value: Any) -> bool:
    if isinstance(value, datetime):
        return value.time() == time()
    if isinstance(value, date):
        return True
    return isinstance(value, str) and ":" not in _day(value) and not value.strip().isdecimal()


def _is_clock(value: Any) -> bool:
    return isinstance(value, time) or (isinstance(value, str) and is_time_of_day(value))

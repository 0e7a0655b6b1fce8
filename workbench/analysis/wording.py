"""How times, lengths of time and ids are written in answers about single events."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

UNITS = (
    (86_400.0, "d"),
    (3_600.0, "h"),
    (60.0, "min"),
    (1.0, "s"),
    (1e-3, "ms"),
    (1e-6, "µs"),
    (1e-9, "ns"),
)
"""Seconds, and what so many are called."""
_NEARLY = 0.9995
"""From here on a number is written as 1: 0.99995 ms, say, is no 1000 µs."""
_NOTHING = 0.05e-9
"""Seconds below which a length is but the rounding of a reckoning: times are told in nanoseconds."""
_MOST_DIGITS = 4
"""Of a share that is all but none or all but everything, in percent."""
_LONGEST_VALUE = 60
_STEERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def length(seconds: float) -> str:
    """A length of time in the largest unit in which it is 1 or more: ``4.2 ms``, ``15 min``."""
    much = abs(seconds)
    if much < _NOTHING:
        return "0 ms"
    size, unit = next((unit for unit in UNITS if much >= _NEARLY * unit[0]), UNITS[-1])
    if much >= 10 * size:
        return f"{seconds / size:.0f} {unit}"
    return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"


def moment(time: datetime | float | None) -> str:
    """A time of day in UTC, with the date unless it is today; seconds since 1970 will do too."""
    if time is None:
        return "an unknown time"
    if isinstance(time, int | float):
        try:
            time = datetime.fromtimestamp(time, UTC)
        except (OverflowError, OSError, ValueError):
            return "an impossible time"
    time = time.astimezone(UTC)
    clock = f"{time:%H:%M:%S.%f}"[:-3]
    today = time.date() == datetime.now(UTC).date()
    return f"{clock} UTC" if today else f"{time:%Y-%m-%d} {clock} UTC"


def shown(given: object) -> str:
    """What was given, as Python writes it, in one line and no longer than a sentence bears."""
    return cut(repr(given), _LONGEST_VALUE)


def short(text: str, letters: int = 8) -> str:
    """The beginning of an id, enough to tell it from its neighbours."""
    return text if len(text) <= letters + 4 else f"{text[:letters]}…"


def cut(text: str, letters: int) -> str:
    """One line of at most so many letters."""
    line = " ".join(text.split())
    return line if len(line) <= letters else f"{line[: letters - 1]}…"


def visible(text: str) -> str:
    """A line in which nothing steers a terminal: control characters are written as escapes."""
    return _STEERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def value(found: Any) -> str:
    """A value of a payload, in one short line."""
    return cut(json.dumps(found, ensure_ascii=False, default=str), _LONGEST_VALUE)


def count(n: int, noun: str) -> str:
    """``1 event``, ``2,000 events``."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def number(value: float) -> str:
    """A number to three digits, or whole."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percent(share: float) -> str:
    """A share of 1 in percent: ``43 %``, ``4.3 %``, ``0.04 %``.

    To two digits, or as many as tell it from all: ``99.7 %``. Only nothing is ``0 %`` and only all
    is ``100 %``.
    """
    whole = 100 * share
    if whole == 0 or math.isclose(share, 1, rel_tol=1e-12):
        return f"{whole:.0f} %"
    if abs(whole) < 10**-_MOST_DIGITS:
        return f"< {10**-_MOST_DIGITS:.{_MOST_DIGITS}f} %"
    if abs(whole) < 9.95:
        return f"{whole:.2g} %"
    return _short_of_all(whole) if 99.5 <= whole < 100 else f"{whole:.0f} %"


def _short_of_all(whole: float) -> str:
    """A share just below 100 percent, to as few digits as do not make it 100."""
    for digits in range(1, _MOST_DIGITS + 1):
        text = f"{whole:.{digits}f}"
        if float(text) < 100:
            return f"{text} %"
    return f"> {100 - 10**-_MOST_DIGITS:.{_MOST_DIGITS}f} %"


def may_be_unread(n: int) -> str:
    """Say that what is missing may be in rows that could not be read."""
    return (
        f" {count(n, 'row')} of the files could not be read: what is missing may be there, see "
        "log.rejected."
    )

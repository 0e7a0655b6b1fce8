"""Times in RFC 3339, read from the bytes of many records."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

NO_TIME: Final = np.int64(np.iinfo(np.int64).min)
"""Stands for no time, as it does in numpy."""
_DAY: Final = 86_400
_LONG_BEFORE: Final = -9_223_372_036
_LONG_AFTER: Final = 9_223_372_036
"""Seconds from 1970: what nanoseconds can hold."""


@njit(cache=True, nogil=True)
def _digits(data: Any, at: int, count: int) -> Any:  # pragma: no cover - compiled
    """A number of so many digits; -1 if one of them is none."""
    found = np.int64(0)
    for place in range(at, at + count):
        digit = np.int64(data[place]) - 48
        if digit < 0 or digit > 9:
            return -1
        found = found * 10 + digit
    return found


@njit(cache=True, nogil=True)
def moment(data: Any, at: int, size: int) -> Any:  # pragma: no cover - compiled
    """Ns since 1970 of a time in RFC 3339; ``NO_TIME`` if it is not a plain one."""
    none = NO_TIME
    if size < 20:
        return none
    if data[at + 4] != 45 or data[at + 7] != 45 or data[at + 10] != 84:
        return none
    if data[at + 13] != 58 or data[at + 16] != 58:
        return none
    year, month, day = _digits(data, at, 4), _digits(data, at + 5, 2), _digits(data, at + 8, 2)
    hour, minute = _digits(data, at + 11, 2), _digits(data, at + 14, 2)
    second = _digits(data, at + 17, 2)
    if year < 1 or month < 1 or month > 12 or day < 1:
        return none
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return none
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    days = 31
    if month in (4, 6, 9, 11):
        days = 30
    elif month == 2:
        days = 29 if leap else 28
    if day > days:
        return none
    stop, place = at + size, at + 19
    micros = np.int64(0)
    if data[place] == 46:
        place += 1
        count = 0
        while place < stop and 48 <= data[place] <= 57:
            micros = micros * 10 + np.int64(data[place]) - 48
            place += 1
            count += 1
            if count > 6:
                return none
        if count == 0:
            return none
        for _ in range(6 - count):
            micros *= 10
    if place >= stop:
        return none
    zone = 0
    if data[place] == 90:
        place += 1
    elif (data[place] == 43 or data[place] == 45) and stop - place == 6 and data[place + 3] == 58:
        hours, minutes = _digits(data, place + 1, 2), _digits(data, place + 4, 2)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return none
        zone = hours * 3600 + minutes * 60
        if data[place] == 45:
            zone = -zone
        place += 6
    if place != stop:
        return none
    # Days since 1970 in the proleptic Gregorian calendar, from a year that begins in March.
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    since = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    seconds = since * _DAY + hour * 3600 + minute * 60 + second - zone
    if seconds < _LONG_BEFORE or seconds >= _LONG_AFTER:
        return none
    return seconds * 1_000_000_000 + micros * 1_000

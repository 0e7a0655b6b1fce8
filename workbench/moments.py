"""Points in time as people write them."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.errors import LogError, WorkbenchError

_DAY_OR_MONTH: Final = re.compile(r"\s*\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b")
TIME_OF_DAY: Final = re.compile(
    r"\s*\d{1,3}:\d\d(:\d\d)?([.,]\d+)?\s*([ap]\.?m\.?)?\s*(Z|[+-]\d\d:?\d\d)?\s*", re.IGNORECASE
)
"""A time of day without a date: when that was nobody knows."""
_YEAR: Final = re.compile(r"\d{4}")
_LONGEST: Final = 60
"""Letters that are shown of what was given."""


def is_time_of_day(text: str) -> bool:
    """Whether text says no date."""
    return TIME_OF_DAY.fullmatch(text) is not None


def moment_of(given: Any, name: str = "", error: type[WorkbenchError] = LogError) -> pd.Timestamp:
    """The time that somebody gave, in UTC; one without a time zone is taken as UTC.

    Parameters
    ----------
    given
        A text, a date, or a time.
    name
        Of the argument as which it was given.
    error
        What to raise.

    Raises
    ------
    WorkbenchError
        It is no time, or doesn't say which.
    """
    shown = " ".join(repr(given).split())
    said = f"{name}=" * bool(name) + (shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…")
    if isinstance(given, str):
        if is_time_of_day(given):
            raise error(f"{said} says no date: write a time like '2026-11-23 09:00'.")
        if _DAY_OR_MONTH.match(given):
            raise error(
                f"{said} doesn't say which number is the month: write a time like '2026-11-23 09:00'."
            )
        if not _YEAR.search(given):
            raise error(f"{said} is not a time: write one like '2026-11-23 09:00'.")
    elif isinstance(given, int | float | np.number):
        raise error(f"{said} has no unit: write a time like '2026-11-23 09:00'.")
    try:
        moment: Any = pd.Timestamp(given)
    except (ValueError, TypeError):
        moment = pd.NaT
    if moment is pd.NaT:
        raise error(f"{said} is not a time: write one like '2026-11-23 09:00'.")
    found: pd.Timestamp = (
        moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")
    )
    return found

"""Times as people give them to a session."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from workbench.errors import ServiceError


def moment_of(name: str, given: datetime | str) -> pd.Timestamp:
    """The time that somebody gave as an argument of that name; UTC unless it says.

    Raises
    ------
    ServiceError
        It is no time.
    """
    try:
        moment: Any = pd.Timestamp(given)
    except (ValueError, TypeError):
        moment = pd.NaT
    if moment is pd.NaT:
        raise ServiceError(f"{name} is a time, such as '2026-01-31 12:00', not {given!r}.")
    found: pd.Timestamp = (
        moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    )
    return found

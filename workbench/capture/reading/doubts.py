"""What is said of times that may have been read as they were not meant."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

_DAY: Final = 86_400 * 10**9
"""Nanoseconds."""
_FEW: Final = 10
"""Events that may be at one time of day by chance."""
_EARLIEST: Final = 2000
"""The year before which hardly any event is that somebody asks about."""


def dates_alone(frame: pd.DataFrame) -> list[str]:
    """Say so if the times may be dates whose times of day stand elsewhere."""
    in_day = frame["time"].dt.tz_convert(None).to_numpy().view(np.int64) % _DAY
    if len(frame) < _FEW or (in_day != in_day[0]).any():
        return []
    said = (
        "all events are at one time of day: if that stands in a column of its own, join the two by "
    )
    return [said + 'mapping={"time": "date + time"}']


def doubtful(frame: pd.DataFrame) -> list[str]:
    """Say so if the times may have been read as they were not meant: in another unit, say."""
    if len(frame) < _FEW:
        return []
    first, last = frame["time"].min(), frame["time"].max()
    if last.year < _EARLIEST:
        when = f"before {_EARLIEST}, the last in {last.year}"
    elif first > pd.Timestamp.now("UTC") + pd.Timedelta(days=365):
        when = f"in the future, the first in {first.year}"
    else:
        return []
    return [f"all times lie {when}: see in log.mapping whether they were read as they are meant"]

"""Which values only say once more when their event was: what its time was read from, mostly."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench.analysis.order import moments, nanoseconds
from workbench.capture.reading.times import times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.analysis.arrays import Bools, Ints

_UNITS: Final = (1e9, 1e6, 1e3, 1.0)
_ROUNDED: Final = 1_000
"""Nanoseconds that a count since 1970, as a float, may be off."""
_FIRST_YEAR: Final = pd.Timestamp.min.year + 1
_LAST_YEAR: Final = pd.Timestamp.max.year
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.{0,40}", re.DOTALL)


def logged_times(frame: pd.DataFrame) -> Ints:
    """The times of a log's rows as they were logged, in nanoseconds: without shifts of clocks."""
    if "time_as_logged" not in frame:
        return nanoseconds(frame["time"])
    return nanoseconds(moments(frame["time_as_logged"]).fillna(frame["time"]))


def repeat_time(
    time: Ints, number: NDArray[np.float64], code: Ints, values: Sequence[Any]
) -> Bools:
    """Whether each value is its event's time: as a count since 1970, a time, or ISO 8601 text.

    A whole count of seconds or milliseconds may be the time without what is less than one of them.

    Parameters
    ----------
    time
        Of each value the time of its event, in nanoseconds.
    number
        Of each value the number that it is, or NaN.
    code, values
        Of each value which it is, and the distinct ones.
    """
    found = np.zeros(len(time), dtype=bool)
    with np.errstate(over="ignore"):
        for unit in _UNITS:
            off = np.abs(number * unit - time)
            found |= (off <= _ROUNDED) | ((off < unit) & (number == np.floor(number)))
    moments = np.array([v if _may_be_one(v) else None for v in values], dtype=object)
    texts = [v if isinstance(v, str) and _DATE.fullmatch(v) else None for v in values]
    read = times(pa.array(texts, pa.large_string()), "ISO 8601").to_pandas()
    said = pd.to_datetime(pd.Series(moments), utc=True, errors="coerce")
    said = said.astype("datetime64[ns, UTC]").fillna(read)
    known = said.notna().to_numpy()
    at = nanoseconds(said.fillna(pd.Timestamp(0, tz="UTC")))
    return np.asarray(found | (known[code] & (at[code] == time)), dtype=bool)


def _may_be_one(value: Any) -> bool:
    """Whether a value is a time that an event's may be: in nanoseconds those end in 2262."""
    return isinstance(value, datetime) and _FIRST_YEAR <= value.year < _LAST_YEAR

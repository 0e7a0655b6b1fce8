"""Whole numbers that became floats on their way: ids from a column of integers with gaps.

pandas, and what reads its files, makes ``1, 2, null`` into ``1.0, 2.0, NaN``. As text such an id
is the whole number that it was; otherwise no cause would be found among ids that had no gaps.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
from pandas.api.types import infer_dtype, is_float_dtype

_EXACT: Final = 2**53
"""Below it a float holds every whole number, so that the id it was is known."""

WHOLE_TEXT: Final = r"^(-?\d{1,15})\.0$"
"""A float as text, where it was a whole number."""


def whole(value: Any) -> Any:
    """A float that was a whole number as an ``int``; all else as it is."""
    was_whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return int(value) if was_whole else value


def whole_column(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column in which floats that were whole numbers are whole numbers again."""
    of_objects = column.dtype == "object" and infer_dtype(column) != "string"
    if not of_objects and not is_float_dtype(column.dtype):
        return column
    values = [whole(value) for value in column.tolist()]
    return pd.Series(values, index=column.index, dtype="object").where(column.notna(), None)

"""The dtypes of the columns beside the standard ones: noted in a file, and restored from it.

Files know fewer types than pandas. So the first row of a log that has columns of its own says in a
column ``@dtypes`` what they were; in a file without that note such columns get the dtype that their
values suggest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.types import pandas_dtype

from workbench.capture.columns import COLUMNS
from workbench.capture.json_text import any_json
from workbench.capture.nothing import NO_ID
from workbench.capture.reading.arrays import TEXT, python_values, series

DTYPES: Final = "@dtypes"

_LEADING_ZERO: Final = r"^[+-]?0\d|^\+|\s"


def note_of(frame: pd.DataFrame) -> dict[str, str]:
    """Name → dtype of each column beside the standard ones."""
    return {str(name): str(frame[name].dtype) for name in frame.columns if name not in COLUMNS}


def note_in(value: Any) -> dict[str, str] | None:
    """Read a note; ``None`` if it is none."""
    if isinstance(value, str):
        try:
            value = any_json(value)
        except (ValueError, RecursionError):
            return None
    is_note = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    return value if is_note else None


def as_json(dtype: str | None) -> bool:
    """Whether a column of that dtype is written as JSON."""
    return dtype in {"object", "json"}


def restored(column: pa.ChunkedArray, dtype: str) -> pd.Series[Any]:
    """A column with the dtype that was noted.

    Raises
    ------
    TypeError, ValueError
        Its values are none of that dtype.
    """
    if _OF_A_WIDTH.match(dtype):  # a note may ask for any width
        raise ValueError(f"{dtype} is no dtype of a log's column")
    if dtype == "object":
        values = [value for chunk in column.chunks for value in python_values(chunk)]
        return pd.Series(values, dtype="object")
    if dtype.startswith("datetime64"):
        if not pa.types.is_timestamp(column.type):
            texts = pd.Series(column.to_pylist(), dtype="object")
            found = pd.to_datetime(texts, utc="," in dtype, format="ISO8601")
            return found.astype(pandas_dtype(dtype))
    elif column.type == TEXT and dtype in _FROM_TEXT:
        column = pc.cast(column, _FROM_TEXT[dtype])
    found = series(column)
    if str(found.dtype) == dtype:
        return found
    values = [value for chunk in column.chunks for value in python_values(chunk)]
    return pd.Series(values, dtype="object").astype(pandas_dtype(dtype))


_OF_A_WIDTH: Final = re.compile(r"[<>|=]?[SUVac]\d*$")
_FROM_TEXT: Final[Mapping[str, pa.DataType]] = {
    "int64": pa.int64(), "Int64": pa.int64(), "int32": pa.int64(), "uint64": pa.uint64(), "UInt64": pa.uint64(),
    "float64": pa.float64(), "float32": pa.float64(), "bool": pa.bool_(), "boolean": pa.bool_(),
}  # fmt: skip


def suggested(columns: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.ChunkedArray]:
    """Columns of text that is all numbers, or all true and false, as such; ``007`` stays text.

    ``NULL`` and the like among them are null. ``7,4`` is a number too; ``1,234`` is one only among
    others that tell what its comma is, and ``1.234`` is a thousand where another column tells that.
    """
    plain = {name: _numbers(column) for name, column in columns.items()}
    commas = {
        name: _with_decimal_commas(column) for name, column in plain.items() if column.type == TEXT
    }
    found = plain | commas
    if any(column.type != TEXT for column in commas.values()):
        found |= {
            name: _without_points(columns[name])
            for name, column in plain.items()
            if pa.types.is_floating(column.type) and _has_points_alone(columns[name])
        }
    return found


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as numbers or truth, if all of it can be read so; else as it is."""
    if column.type != TEXT:
        return column
    there = _there(column)
    if there.null_count == len(column):
        return column
    if pc.any(pc.match_substring_regex(there, _LEADING_ZERO)).as_py():
        return column
    for kind in (pa.int64(), pa.float64(), pa.bool_()):
        try:
            return there.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column


def _there(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text that says something; else null."""
    is_nothing = pc.match_substring_regex(column, NO_ID)
    return pc.if_else(is_nothing, pa.scalar(None, TEXT), column)


_DECIMAL_COMMA: Final = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$"
_TELLING: Final = r",(\d{1,2}|\d{4,})$|\..*,"
"""What no comma between thousands is followed, or preceded, by."""


def _with_decimal_commas(column: pa.ChunkedArray) -> pa.ChunkedArray:
    there = _there(column)
    comma = pc.all(pc.match_substring_regex(there, _DECIMAL_COMMA)).as_py()
    if not comma or not pc.any(pc.match_substring_regex(there, _TELLING)).as_py():
        return column
    return pc.replace_substring(pc.replace_substring(there, ".", ""), ",", ".").cast(pa.float64())


_POINTS_ALONE: Final = r"^[+-]?([1-9]\d{0,2}(\.\d{3})*|0)$"


def _has_points_alone(column: pa.ChunkedArray) -> bool:
    """Whether all points in numbers may stand between thousands."""
    there = _there(column)
    return bool(pc.all(pc.match_substring_regex(there, _POINTS_ALONE)).as_py())


def _without_points(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return _numbers(pc.replace_substring(column, ".", ""))

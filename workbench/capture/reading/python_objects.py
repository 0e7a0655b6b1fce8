"""Python's own objects, as a DataFrame made of Parquet or a database has them, as a log holds them.

====================================  ==========================================================
Python                                a log
====================================  ==========================================================
array, tuple, set                     JSON
bytes                                 text; hexadecimal digits of a value that is not UTF-8
Decimal                               a number, or text with all its digits where none is exact
date, time of day                     ISO 8601
datetime, timedelta                   ISO 8601 inside JSON, in UTC if it has a zone; else as it is
UUID                                  text
====================================  ==========================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.capture.json_text import json_text

_DIGITS: Final = 77
"""Before the point, of decimals that are written out; Arrow's have one less at most."""


def column_as_held(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of objects as the log will hold it."""
    cells = column.tolist()
    if not any(issubclass(kind, _TOLD) for kind in set(map(type, cells))):
        return column
    held = [_held(cell) for cell in cells]
    if all(new is cell for new, cell in zip(held, cells, strict=True)):
        return column
    return pd.Series(held, column.index, "object").infer_objects()


def _held(cell: Any) -> Any:
    if isinstance(cell, datetime | timedelta):
        return cell
    try:
        if isinstance(cell, dict | list):
            json_text(cell)
            return cell
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return _plain(cell)
    except (TypeError, ValueError, RecursionError):
        return cell


def _plain(value: Any) -> Any:
    """A value as JSON has it; what JSON and the table above know nothing of as it is."""
    for kind, told in _HELD.items():
        if isinstance(value, kind):
            return told(value)
    return value


def name_of(key: Any) -> str:
    """The key of an object as text: what is none, as its JSON."""
    return key if isinstance(key, str) else json_text(key).decode()


def text_of_bytes(value: bytes) -> str:
    """Bytes as text; as hexadecimal digits if they are not UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def number_of(value: Decimal) -> float | str:
    """A decimal as a number, or as text with all its digits if no number is exact."""
    if value.is_nan():
        return math.nan
    if not value.is_finite() or value.adjusted() >= _DIGITS:
        return str(value)
    if int(value.as_tuple().exponent) >= 0:
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else f"{value:f}"


def _moment(value: Any) -> str | None:
    if pd.isna(value):
        return None
    text = str((value.astimezone(UTC) if value.tzinfo else value).isoformat())
    return text.replace("+00:00", "Z")


def _list(values: Any) -> list[Any]:
    return [_plain(value) for value in values]


def _array(values: NDArray[Any]) -> Any:
    if values.dtype.kind in "mM":
        return _list(pd.Index(values.ravel()))
    return _plain(values.tolist())


_HELD: Final[Mapping[type, Callable[[Any], Any]]] = {
    dict: lambda value: {name_of(_plain(key)): _plain(each) for key, each in value.items()},
    list: _list,
    tuple: _list,
    set: lambda value: _list(sorted(value, key=repr)),
    frozenset: lambda value: _list(sorted(value, key=repr)),
    np.ndarray: _array,
    np.generic: lambda value: _array(np.array([value]))[0],
    bytes: text_of_bytes,
    Decimal: number_of,
    datetime: _moment,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: lambda value: pd.Timedelta(value).isoformat(),
    UUID: str,
}
_TOLD: Final = tuple(_HELD)

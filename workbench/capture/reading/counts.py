"""Times that are counts since 1970, in a unit that their size tells.

A count of seconds that means a year from 1973 to 2286 has 9 or 10 digits, of milliseconds 12 or 13,
of microseconds 15 or 16, of nanoseconds 18 or 19; no number is two of them. So a column may change
its unit from row to row; a number that is none of them is in the unit of its column. Among such
counts 0 and -1 are what programs write for no time, and are none.
A whole column that would mean 1990 or 1974 in nanoseconds counts otherwise: see ``workbench.capture.reading.ticks``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.reading.arrays import is_text

Unit = Literal["s", "ms", "µs", "ns"]

UTC_NS: Final = pa.timestamp("ns", "UTC")

_PER_UNIT: Final[dict[Unit, int]] = {"s": 10**9, "ms": 10**6, "µs": 10**3, "ns": 1}
_FIRST: Final = 10**8
"""Seconds since 1970 in March 1973: below it a number is no time."""

_NO_TIMES: Final = (0, -1)

_DIGITS: Final = re.compile(r"\d{1,18}|[1-8]\d{18}")
_NUMBER: Final = re.compile(r"\s*[+-]?\d+(\.\d*)?([eE]\+?\d+)?\s*")


def is_unit(form: str | None) -> bool:
    """Whether a form of times is a unit."""
    return form in _PER_UNIT


def number(value: Any) -> float | None:
    """A number, or text that is one, as a float."""
    is_number = isinstance(value, int | float) or (
        isinstance(value, str) and _NUMBER.fullmatch(value) is not None
    )
    try:
        return float(value) if is_number else None
    except OverflowError:  # beyond all floats
        return math.inf


def unit_of(numbers: Sequence[float]) -> Unit | None:
    """The unit that most of some numbers may be in; ``None`` if they are no times."""
    median = sorted(map(abs, numbers))[len(numbers) // 2]
    return next((unit for unit in _PER_UNIT if _within(median, unit)), None)


def _within(count: Any, unit: Unit) -> Any:
    first = _FIRST * 10**9 / _PER_UNIT[unit]
    return (first <= count) & (count < 100 * first)


def counted(values: pa.Array, unit: str) -> pa.Array:
    """Numbers as UTC nanoseconds, each in the unit that its size tells, or else in that of the column.

    In a column without a unit whole numbers are nanoseconds, and numbers with a fraction no times.
    """
    column = cast("Unit", unit if is_unit(unit) else "ns")
    if not is_unit(unit):
        is_whole = pa.types.is_integer(values.type)
        return _in_unit(values, column) if is_whole else pa.nulls(len(values), UTC_NS)
    values = _without_no_times(values, column)
    parts = [_in_unit(_where(values, rows), other) for other, rows in _others(values, column)]
    if not parts:
        return _in_unit(values, column)
    return pc.coalesce(*parts, _in_unit(values, column))


def in_other_units(values: pa.Array, unit: str) -> Counter[str]:
    """How many numbers, or texts that are numbers, are in another unit than their column."""
    if not is_unit(unit):
        return Counter()
    if is_text(values.type):
        try:
            values = values.cast(pa.float64())
        except pa.ArrowInvalid:
            values = pa.array([number(text) for text in values.to_pylist()], pa.float64())
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        return Counter()
    return Counter({u: int(rows.sum()) for u, rows in _others(values, cast("Unit", unit))})


def _without_no_times(values: pa.Array, column: Unit) -> pa.Array:
    numbers = values.to_numpy(zero_copy_only=False)
    none = np.isin(numbers, _NO_TIMES)
    return _where(values, ~none) if none.any() and _within(numbers, column).any() else values


def _others(values: pa.Array, column: Unit) -> list[tuple[Unit, np.ndarray[Any, Any]]]:
    sizes = np.abs(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    if not len(sizes) or _within(sizes, column).all():
        return []
    found = [(unit, _within(sizes, unit)) for unit in _PER_UNIT if unit != column]
    return [(unit, rows) for unit, rows in found if rows.any()]


def _where(values: pa.Array, rows: np.ndarray[Any, Any]) -> pa.Array:
    return pc.if_else(pa.array(rows), values, pa.scalar(None, values.type))


def _in_unit(values: pa.Array, unit: Unit) -> pa.Array:
    per_unit = _PER_UNIT[unit]
    if pa.types.is_integer(values.type):
        try:
            return pc.multiply_checked(values.cast(pa.int64()), per_unit).cast(UTC_NS)
        except pa.ArrowInvalid:
            pass  # one of them is too large
    # A float of seconds tells a quarter of a microsecond, and no more.
    exact = 1 if per_unit < 10**6 else 1_000
    counts = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) * (
        per_unit / exact
    )
    held = np.abs(counts) < (2**63 - 1024) / exact
    whole = np.where(held, np.round(counts), 0).astype("int64") * exact
    return pa.array(whole, mask=~held).cast(UTC_NS)


def text_counted(values: pa.Array, unit: str) -> pa.Array:
    """Text that is numbers as :func:`counted`; null where it is none."""
    for kind in (pa.int64(), pa.float64()):
        try:
            return counted(values.cast(kind), unit)
        except pa.ArrowInvalid:
            continue
    texts = [None if text is None else text.strip() for text in values.to_pylist()]
    whole = [int(text) if text and _DIGITS.fullmatch(text) else None for text in texts]
    rest = [
        number(text) if count is None else None for text, count in zip(texts, whole, strict=True)
    ]
    rest = [None if count in _NO_TIMES else count for count in rest]
    return pc.coalesce(
        counted(pa.array(whole, pa.int64()), unit), counted(pa.array(rest, pa.float64()), unit)
    )

"""Columns compared with values, as conditions compare them: what is of another kind is not equal.

Texts that are dates or times in ISO 8601 are compared as times, with each other and with columns of
times: one has a T where another has a space, and each may have its own zone.
"""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench.analysis.arguments import is_number
from workbench.analysis.wording import cut, shown
from workbench.capture.reading.times import is_time_of_day, times
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.analysis.arrays import Bools

_COMPARED: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}

_ISO_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d|\d{8}(?=T))"
    r"([T ]\d\d(:?\d\d(:?\d\d([.,]\d{1,12})?)?)?\s?(Z|[+-]\d\d(:?\d\d)?)?)?",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"\d{4}|now|today|nat|nan|^\s*$", re.IGNORECASE)
_DAY_OR_MONTH: Final = re.compile(r"\s*\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b")

_KINDS: Final[dict[object, str]] = {
    str: "text",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def moment_of(time: Any) -> pd.Timestamp:
    """A time in UTC; one without a time zone is taken as UTC.

    Raises
    ------
    LogError
        It is none.
    """
    is_text = isinstance(time, str)
    if is_number(time) or isinstance(time, bool) or (is_text and is_time_of_day(time)):
        lacks = "says no date" if is_text else "has no unit"
        raise LogError(f"{shown(time)} {lacks}: write a time like '2026-11-23 09:00'.")
    if is_text and _DAY_OR_MONTH.match(time):
        raise LogError(
            f"{shown(time)} doesn't say which number is the month: write a time like '2026-11-23 09:00'."
        )
    try:
        moment = pd.Timestamp(time)
        if is_text and not _YEAR.search(time):
            raise ValueError  # of "10s" pandas makes a time in the year 1
    except (ValueError, TypeError) as error:
        raise LogError(
            f"{shown(time)} is not a time: write one like '2026-11-23 09:00'."
        ) from error
    return moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")


def among(values: pd.Series[Any], constants: list[Any]) -> Bools:
    """Whether each value is one of some."""
    found = np.zeros(len(values), dtype=bool)
    for constant in constants:
        found |= compared(values, ast.Eq, constant)
    return found


def compared(values: pd.Series[Any], how: type[ast.cmpop], constant: Any) -> Bools:
    """Compare a column with one value."""
    if constant is None:
        missing = values.isna().to_numpy()
        return missing if how in (ast.Eq, ast.Is) else ~missing
    if isinstance(values.dtype, np.dtype) and values.dtype.kind == "M":
        values = values.dt.tz_localize("UTC")
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        moment = moment_of(constant)
        return np.asarray(_COMPARED[how](values, moment), dtype=bool)
    if isinstance(values.dtype, pd.CategoricalDtype):
        names = values.cat.categories
        holds = _with_constant(list(names), how, constant)
        return np.append(holds, how in (ast.NotEq, ast.IsNot))[values.cat.codes.to_numpy()]
    plain = isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf"
    if plain and isinstance(constant, int | float) and not isinstance(constant, bool):
        return np.asarray(_COMPARED[how](values.to_numpy(), constant), dtype=bool)
    return _with_constant(values.tolist(), how, constant)


def _with_constant(values: list[Any], how: type[ast.cmpop], constant: Any) -> Bools:
    """Compare values with one, by whose kind it is known whether any two may be times."""
    alike = pairs if _is_time(constant) else _by_kind
    return alike(values, how, [constant] * len(values))


def other_kind(values: pd.Series[Any], constants: Sequence[Any]) -> str | None:
    """Say so if there are values, and all are of another kind than all that they are compared with."""
    is_plain = isinstance(values.dtype, np.dtype) and values.dtype.kind in "iufO"
    if None in constants or not (is_plain or isinstance(values.dtype, pd.StringDtype)):
        return None
    kinds = {_kind(constant) for constant in constants}
    there = values.dropna()
    if there.empty or any(_kind(value) in kinds for value in there):
        return None
    is_, are = (
        " or ".join(sorted({_KINDS.get(kind, "no value") for kind in found}))
        for found in ({_kind(value) for value in there}, kinds)
    )
    return (
        f"{is_} in every event looked at ({cut(repr(there.iloc[:1].tolist()[0]), 40)}), "
        f"which is neither equal to {are} nor before or after it."
    )


def pairs(left: list[Any], how: type[ast.cmpop], right: list[Any]) -> Bools:
    """Compare values with values, one by one."""
    found = _by_kind(left, how, right)
    timed = [at for at, two in enumerate(zip(left, right, strict=True)) if _are_times(*two)]
    if timed:
        one, other = (_moments([side[at] for at in timed]) for side in (left, right))
        known = one.notna() & other.notna()
        found[np.array(timed)[known]] = _COMPARED[how](one[known], other[known])
    return found


def _by_kind(left: list[Any], how: type[ast.cmpop], right: list[Any]) -> Bools:
    """Compare values with values, text by its letters."""
    holds_for, unequal = _COMPARED[how], how in (ast.NotEq, ast.IsNot)

    def holds(one: Any, other: Any) -> bool:
        if _kind(one) != _kind(other):
            return unequal
        try:
            return bool(holds_for(one, other))
        except TypeError:  # neither of two objects is before the other
            return False

    return np.fromiter(map(holds, left, right), bool, len(left))


def _are_times(one: Any, other: Any) -> bool:
    return _is_time(other) and _is_time(one)


def _is_time(value: Any) -> bool:
    if isinstance(value, str):
        return _ISO_TIME.fullmatch(value) is not None
    return isinstance(value, pd.Timestamp)


def _moments(values: list[str | pd.Timestamp]) -> pd.Series[Any]:
    """Times in UTC, those without a zone too; null for a 30th of February."""
    texts = [v.upper() if isinstance(v, str) else v.isoformat() for v in values]
    return pd.Series(times(pa.array(texts, pa.large_string()), "ISO 8601").to_pandas())


def _kind(value: Any) -> object:
    if isinstance(value, bool):
        return bool
    if isinstance(value, int | float) and value == value:  # noqa: PLR0124 - NaN is no value
        return float
    return type(value)

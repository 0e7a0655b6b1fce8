"""Times as others write them: ISO 8601 in many forms, or a count since 1970 in some unit.

The unit of a column is told by its magnitude: a count of seconds that means a year from 1973 to
2286 has 9 or 10 digits, of milliseconds 12 or 13, of microseconds 15 or 16, of nanoseconds 18 or
19; no number is two of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.reading.day_first import Told, told_by

Form = Literal[
    "ISO 8601",
    "s",
    "ms",
    "µs",
    "ns",
    "text",
    "text, day first",
    "text, month first",
    "text, month first? nothing tells",
]

UTC_NS: Final = pa.timestamp("ns", "UTC")
_PER_UNIT: Final[dict[str, int]] = {"s": 10**9, "ms": 10**6, "µs": 10**3, "ns": 1}
_FIRST: Final = 10**8
"""Seconds since 1970 in March 1973: below it a number is no time."""

_DIGITS: Final = re.compile(r"\d{1,18}|[1-8]\d{18}")
_NUMBER: Final = re.compile(r"\s*[+-]?\d+(\.\d*)?([eE]\+?\d+)?\s*")
_ISO: Final = re.compile(r"\s*[+-]?\d{4}-?(\d\d-?\d\d|W\d\d|\d{3})([T ]|$)")


def form_of(values: Sequence[Any], *, said: bool = False) -> Form | None:
    """Say how a column's times are written, from some of its values; ``None`` if they aren't times.

    One in ten may be something else; of a column that is ``said`` to hold times, all but one.
    """
    there = [value for value in values if value is not None and value == value]  # noqa: PLR0124
    there = [value for value in there if value != ""]
    if not there or any(isinstance(value, bool | dict | list) for value in there):
        return None
    if all(isinstance(value, datetime | date) for value in there):
        return "ISO 8601"
    numbers = [n for value in there if (n := _number(value)) is not None]
    if len(numbers) >= 0.9 * len(there):
        return _unit(numbers)
    texts = [value for value in there if isinstance(value, str) and _may_be_time(value)]
    if not texts or len(texts) < (0 if said else 0.9 * len(there)):
        return _unit(numbers) if said and numbers else None
    if sum(_ISO.match(text) is not None for text in texts) >= 0.9 * len(texts):
        return "ISO 8601" if _readable(texts, "ISO 8601", said=said) else None
    form = form_told(told_by(pa.array(texts, pa.large_string())))
    return form if _readable(texts, form, said=said) else None


def form_told(told: Told) -> Form:
    """Say how text is read that is no ISO 8601, by what its dates tell."""
    if told.decided:
        return "text, day first" if told.is_day_first else "text, month first"
    return "text, month first? nothing tells" if told.neither else "text"


def _may_be_time(text: str) -> bool:
    return 8 <= len(text.strip()) <= 60 and any(map(str.isdigit, text))


def _readable(texts: Sequence[str], form: Form, *, said: bool) -> bool:
    some = texts[:200]
    found = times(pa.array(some, pa.large_string()), form)
    return bool(found.null_count < len(some) if said else found.null_count <= 0.1 * len(some))


def _number(value: Any) -> float | None:
    if isinstance(value, int | float):
        return float(value)
    is_number = isinstance(value, str) and _NUMBER.fullmatch(value)
    return float(value) if is_number else None


def _unit(numbers: Sequence[float]) -> Form | None:
    median = float(np.median(np.abs(numbers)))
    units: dict[Form, float] = {"s": 1, "ms": 1e3, "µs": 1e6, "ns": 1e9}
    for unit, per_second in units.items():
        if _FIRST <= median / per_second < 100 * _FIRST:
            return unit
    return None


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def times(values: pa.Array, form: Form) -> pa.Array:
    """Turn text, numbers or Arrow times into UTC nanoseconds; null where one can't be read.

    A time without a zone is taken as UTC. A column of text may mix numbers and ISO 8601.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return times(values.cast(kind.value_type), form)
    if pa.types.is_timestamp(kind):
        named = values if kind.tz else pc.assume_timezone(values, "UTC")
        try:
            return named.cast(UTC_NS)
        except pa.ArrowInvalid:  # beyond what nanoseconds hold
            return pa.array(_held(pd.to_datetime(named.to_pandas(), utc=True, errors="coerce")))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _counted(values, form)
    if pa.types.is_null(kind):
        return pa.nulls(len(values), UTC_NS)
    if not is_text(kind):
        return pa.nulls(len(values), UTC_NS) if not pa.types.is_date(kind) else values.cast(UTC_NS)
    if form in _PER_UNIT:
        return _text_counted(values, form)
    try:
        return values.cast(UTC_NS)
    except pa.ArrowInvalid:
        return _parsed(values, form)


def _counted(values: pa.Array, form: Form) -> pa.Array:
    per_unit = _PER_UNIT.get(form, 1)
    if pa.types.is_integer(values.type):
        try:
            return pc.multiply_checked(values.cast(pa.int64()), per_unit).cast(UTC_NS)
        except pa.ArrowInvalid:
            pass  # one of them is too large
    # A float of seconds tells a quarter of a microsecond, and no more.
    exact = 1 if per_unit < 10**6 else 1_000
    counts = values.cast(pa.float64()).to_numpy(zero_copy_only=False) * (per_unit / exact)
    held = np.abs(counts) < (2**63 - 1024) / exact
    whole = np.where(held, np.round(counts), 0).astype("int64") * exact
    return pa.array(whole, mask=~held).cast(UTC_NS)


def _text_counted(values: pa.Array, form: Form) -> pa.Array:
    for kind in (pa.int64(), pa.float64()):
        try:
            return _counted(values.cast(kind), form)
        except pa.ArrowInvalid:
            continue
    texts = [None if text is None else text.strip() for text in values.to_pylist()]
    whole = [int(text) if text and _DIGITS.fullmatch(text) else None for text in texts]
    rest = [text if number is None else None for text, number in zip(texts, whole, strict=True)]
    return pc.coalesce(
        _counted(pa.array(whole, pa.int64()), form),
        _counted(pa.array([_number(text) for text in rest], pa.float64()), form),
        _parsed(pa.array(rest, pa.large_string()), "ISO 8601"),
    )


def _parsed(values: pa.Array, form: Form) -> pa.Array:
    texts = values.to_pandas().astype(object)
    if form == "ISO 8601":
        found = _held(pd.to_datetime(texts, utc=True, errors="coerce", format="ISO8601"))
        left = texts[found.isna() & texts.notna()]
        if len(left):  # Python's logging writes a comma before the fraction
            again = left.str.strip().str.replace(",", ".").str.replace(" UTC", "Z")
            more = pd.to_datetime(again, utc=True, errors="coerce", format="ISO8601")
            found = found.fillna(_held(more))
    else:
        # Apache's log format has a colon between the day and the hour, Kibana a sign.
        plain = texts.str.replace(" @ ", " ").str.replace(r"(/\d{4}):(\d\d:)", r"\1 \2", regex=True)
        found = pd.to_datetime(
            plain, utc=True, errors="coerce", format="mixed", dayfirst=form == "text, day first"
        )
    return pa.array(_held(found))


def _held(found: pd.Series[Any]) -> pd.Series[Any]:
    """In nanoseconds; null where they can't hold it."""
    return found.where(found.between(_EARLIEST, _LATEST)).astype("datetime64[ns, UTC]")


_EARLIEST: Final = pd.Timestamp.min.ceil("s").tz_localize("UTC")
_LATEST: Final = pd.Timestamp.max.floor("s").tz_localize("UTC")

"""Times as others write them: ISO 8601 in many forms, other text, or a count since 1970 in some unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, cast

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.columns import in_nanoseconds
from workbench.capture.reading.arrays import is_text, time_values
from workbench.capture.reading.counts import (
    UTC_NS,
    counted,
    is_unit,
    number,
    text_counted,
    unit_of,
)
from workbench.capture.reading.day_first import Told, told_by
from workbench.capture.reading.digits import as_iso, is_digits
from workbench.capture.reading.ticks import Ticks, counted_ticks, is_ticks, ticks_of
from workbench.capture.reading.zones import assumed, shifted, with_offset
from workbench.moments import TIME_OF_DAY, is_time_of_day

Form = Literal[
    "ISO 8601",
    "s",
    "ms",
    "µs",
    "ns",
    "YYYYMMDDhhmmss",
    ".NET ticks",
    "Windows FILETIME",
    "text",
    "text, day first",
    "text, month first",
    "text, month first? nothing tells",
]

_LONGEST: Final = 80
"""Letters of a time at most; what is longer is none, and no regular expression looks at it."""

_ISO: Final = re.compile(r"\s*[+-]?\d{4}-?(\d\d-?\d\d|W\d\d|\d{3})([T ]|$)")

_IN_DIGITS: Final[Form] = "YYYYMMDDhhmmss"

UNDECIDED: Final[Form] = "text, month first? nothing tells"
"""How dates are read of which none tells the day from the month."""


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
    numbers = [n for value in there if (n := number(value)) is not None]
    if len(numbers) >= 0.9 * len(there):
        return _form_of_numbers(there, numbers)
    counts = [n for n in numbers if unit_of([n]) is not None]
    texts = [value for value in there if isinstance(value, str) and may_be_time(value)]
    if not texts or len(texts) + len(counts) < (0 if said else 0.9 * len(there)):
        return unit_of(numbers) if said and numbers else None
    form: Form = "ISO 8601"
    if sum(_ISO.match(text) is not None for text in texts) < 0.9 * len(texts):
        form = form_told(told_by(pa.array(texts, pa.large_string())))
    if not _readable(texts, form, said=said):
        return None
    return unit_of(counts) if form == "ISO 8601" and len(counts) > len(texts) else form


def _form_of_numbers(values: Sequence[Any], numbers: Sequence[float]) -> Form | None:
    most = 0.9 * len(values)
    if sum(map(is_digits, values)) >= most:
        return _IN_DIGITS
    ticks, many = Counter(map(ticks_of, numbers)).most_common(1)[0]
    return ticks if ticks is not None and many >= most else unit_of(numbers)


def form_told(told: Told) -> Form:
    """Say how text is read that is no ISO 8601, by what its dates tell."""
    if told.decided:
        return "text, day first" if told.is_day_first else "text, month first"
    return UNDECIDED if told.neither else "text"


def may_be_time(text: str) -> bool:
    """Whether text has the length and the digits of a time, and is no count."""
    return (
        8 <= len(text.strip()) <= _LONGEST
        and number(text) is None
        and any(map(str.isdigit, text))
        and not is_time_of_day(text)
        and _HALF.search(text) is None
    )


_HALF: Final = re.compile("[\ud800-\udfff]")
"""Half of a letter beyond 16 bits, alone, which is no text for Arrow."""


def _readable(texts: Sequence[str], form: Form, *, said: bool) -> bool:
    some = texts[:200]
    found = times(pa.array(some, pa.large_string()), form)
    return bool(found.null_count < len(some) if said else found.null_count <= 0.1 * len(some))


def times(values: pa.Array, form: Form, zone: str = "UTC") -> pa.Array:
    """Turn text, numbers or Arrow times into UTC nanoseconds; null where one can't be read.

    A time without a zone is one of ``zone``. A column of text may mix numbers and text.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return times(values.cast(kind.value_type), form, zone)
    if pa.types.is_timestamp(kind):
        named = values if kind.tz else assumed(values, zone)
        try:
            return named.cast(UTC_NS)
        except pa.ArrowInvalid:  # beyond what nanoseconds hold
            return pa.array(
                in_nanoseconds(pd.to_datetime(named.to_pandas(), utc=True, errors="coerce"))
            )
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        if form == _IN_DIGITS:
            return times(as_iso(values), "ISO 8601", zone)
        return _counted(values, form)
    if pa.types.is_null(kind):
        return pa.nulls(len(values), UTC_NS)
    if not is_text(kind):
        return pa.nulls(len(values), UTC_NS) if not pa.types.is_date(kind) else values.cast(UTC_NS)
    if form == _IN_DIGITS:
        values, form = as_iso(values), "ISO 8601"
    if is_unit(form) or is_ticks(form):
        found = _counted(values, form)
        left = pc.if_else(pc.is_null(found), values, pa.scalar(None, kind))
        return pc.coalesce(found, _parsed(left, "ISO 8601", zone)) if found.null_count else found
    for texts in (values, _written_as_iso(values, form)):
        if texts is None:
            continue
        try:
            return texts.cast(UTC_NS)
        except pa.ArrowInvalid:
            pass
        try:
            return assumed(texts.cast(pa.timestamp("ns")), zone).cast(UTC_NS)
        except pa.ArrowInvalid:
            pass
    return _parsed(values, form, zone)


def _counted(values: pa.Array, form: Form) -> pa.Array:
    """Numbers, or text that is numbers, as UTC nanoseconds."""
    if is_ticks(form):
        return counted_ticks(values, cast("Ticks", form))
    return text_counted(values, form) if is_text(values.type) else counted(values, form)


_DATED: Final = r"^\s*(\d\d)[./-](\d\d)[./-](\d{4}),?\s+(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?\s*$"
_DB2: Final = r"^\s*(\d{4}-\d\d-\d\d)-(\d\d)\.(\d\d)\.(\d\d(?:\.\d{1,9})?)\s*$"


def _written_as_iso(values: pa.Array, form: Form) -> pa.Array | None:
    """Dates of two digits for the day and the month, and DB2's, as ISO 8601: read many times faster."""
    if form == "text":
        return pc.replace_substring_regex(values, pattern=_DB2, replacement=r"\1 \2:\3:\4")
    if not form.startswith("text, "):
        return None
    pointed = pc.replace_substring_regex(values, pattern=r"(:\d\d),(\d)", replacement=r"\1.\2")
    order = r"\3-\2-\1 \4\5" if form == "text, day first" else r"\3-\1-\2 \4\5"
    return pc.replace_substring_regex(pointed, pattern=_DATED, replacement=order)


def _parsed(values: pa.Array, form: Form, zone: str) -> pa.Array:
    short = pc.less_equal(pc.utf8_length(values), _LONGEST)
    dated = pc.invert(
        pc.match_substring_regex(values, f"^(?:{TIME_OF_DAY.pattern})$", ignore_case=True)
    )
    there = pc.and_(short, dated)
    texts = pc.if_else(there, values, pa.scalar(None, values.type)).to_pandas().astype(object)
    if form == "ISO 8601":
        found = in_nanoseconds(pd.to_datetime(texts, utc=True, errors="coerce", format="ISO8601"))
        left = texts[found.isna() & texts.notna()]
        if len(left):
            again = pd.to_datetime(_plain(left), utc=True, errors="coerce", format="ISO8601")
            found = found.fillna(in_nanoseconds(again))
    else:
        found = in_nanoseconds(
            pd.to_datetime(
                _plain(texts),
                utc=True,
                errors="coerce",
                format="mixed",
                dayfirst=form == "text, day first",
            )
        )
    found = shifted(found, texts, zone)
    left = texts.where(found.isna(), None)
    if left.notna().any():
        found = found.fillna(_as_counts(left))
    return pa.array(found)


_POINTED: Final = (
    r"^(\d{4}-\d\d-\d\d|\d\d-[A-Za-z]{3}-\d\d(?:\d\d)?)[- ](\d\d)\.(\d\d)\.(\d\d)(?=\D|$)"
)
"""How DB2 and Oracle write a date and a time of day."""


_IN_WORDS: Final = r"(?<=\d)\s\([^)]*\)$"
"""What JavaScript calls a zone."""


def _plain(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Text without what others put between the parts of a time, or behind it.

    Python's logging writes a comma before the fraction, Apache's log format a colon between the day
    and the hour, Kibana a sign there, Germans a comma there and a word behind; DB2 and Oracle points
    in the time of day, NServiceBus a colon before the fraction, JavaScript the zone in words behind it.
    """
    plain = (
        texts.str.strip()
        .str.replace(_IN_WORDS, "", regex=True)
        .str.replace(" @ ", " ")
        .str.replace(r"\s?Uhr$", "", regex=True)
    )
    plain = plain.str.replace(r"(:\d\d),(\d)", r"\1.\2", regex=True)
    plain = plain.str.replace(r"(:\d\d:\d\d):(\d{3,9})(?=\D|$)", r"\1.\2", regex=True)
    plain = plain.str.replace(r"(\d),?\s+(\d?\d:\d\d)", r"\1 \2", regex=True)
    plain = plain.str.replace(r"(/\d{4}):(\d\d:)", r"\1 \2", regex=True)
    plain = plain.str.replace(_POINTED, r"\1 \2:\3:\4", regex=True)
    return with_offset(plain)


def _as_counts(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Text that is a count since 1970 among text that is none."""
    numbers = [number(text) for text in texts]
    units = [None if n is None else unit_of([n]) for n in numbers]
    found = pd.Series(pd.NaT, index=texts.index, dtype="datetime64[ns, UTC]")
    for unit in {*units} - {None}:
        rows = [each == unit for each in units]
        made = text_counted(pa.array(texts[rows], pa.large_string()), str(unit)).to_pandas()
        found[rows] = made.to_numpy()
    return found


def in_time(values: Sequence[Any], form: Form) -> list[int]:
    """The places of some values in the order of time; those that are none come last."""
    found = times(time_values(values), form)
    return [int(place) for place in pc.sort_indices(found).to_pylist()]

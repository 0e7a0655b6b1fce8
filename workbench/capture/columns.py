"""The standard columns of an event log: the one shape that capture makes and analysis reads.

==================  ====================  ======================================================
column              dtype                 meaning
==================  ====================  ======================================================
``id``              str                   event id; with ``source`` the deduplication key; null for
                                          a record that could not be decoded
``type``            category              event type; null where a record names none
``source``          category              the service that emitted it
``time``            datetime64[ns, UTC]   when it happened; never null
``broker_time``     datetime64[ns, UTC]   when the broker appended it; null if unknown
``correlation_id``  str                   the flow; null for an event that belongs to none
``causation_id``    str                   the event that caused it; null for a flow's first
``channel``         category              where it travelled
``partition``       int32                 -1 if unknown
``offset``          int64                 -1 if unknown
``data``            json                  the payload; null if there is none: see
                                          ``workbench.capture.payload_column``
==================  ====================  ======================================================

Everything else is kept beside these, untouched and in its order. One of those columns has a meaning
of its own: ``dead_letter`` says why a service gave up on the event; a row where it is not null is a
copy of that event, met again on a service's dead-letter channel, and the event as well where a log has
no other row of it.
"""

from __future__ import annotations

import re
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.types import infer_dtype, is_float_dtype, pandas_dtype

from workbench.capture.json_text import json_text
from workbench.capture.nothing import NO_FAILURE
from workbench.capture.payload_column import PayloadArray
from workbench.capture.whole import whole_column
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

COLUMNS: Final[Mapping[str, str]] = {
    "id": "str",
    "type": "category",
    "source": "category",
    "time": "datetime64[ns, UTC]",
    "broker_time": "datetime64[ns, UTC]",
    "correlation_id": "str",
    "causation_id": "str",
    "channel": "category",
    "partition": "int32",
    "offset": "int64",
    "data": "json",
}
"""The standard columns in their order, with their dtypes."""

TIMES: Final = frozenset(["time", "broker_time"])
"""The standard columns of times."""

UNKNOWN: Final = -1
"""Stands for an unknown partition or offset: brokers count from 0, and an integer has no null."""

_HELD: Final = {name: (np.iinfo(name).min, np.iinfo(name).max) for name in ("int32", "int64")}

_FURTHEST: Final = (1 << 63) - 1
"""Nanoseconds from one time to another, at most."""

_BATCH: Final = 10_000
"""Rows that are turned into columns at a time: few row objects are alive at once."""

DEAD_LETTER: Final = "dead_letter"
"""The column that marks a row as the dead letter of an event, with the reason."""

ATTEMPTS: Final = "attempts"
"""The column that says how often an event was tried, in whole numbers."""

BESIDE: Final = (DEAD_LETTER, "key", "subject", ATTEMPTS)
"""Columns beside the standard ones that answers ask for, and that a mapping may name: text, but for
the attempts.
"""

UNDECODED: Final = "undecoded"
"""The column that says why the value of a record could not be decoded."""

UNDATED: Final = "undated"
"""The column that marks an event whose time nobody says; only there if there is such an event."""


def standard_frame(
    events: pd.DataFrame | Iterable[Mapping[str, Any]],
    *,
    otherwise: datetime | None = None,
    before: Callable[[], pd.DataFrame | None] = lambda: None,
) -> pd.DataFrame:
    """Give events the standard columns, in order and with exactly their dtypes.

    Parameters
    ----------
    events
        A DataFrame, or one mapping per event. Standard columns that are missing are filled with
        nulls. Times may be datetimes, ISO 8601 text or whole nanoseconds since 1970; one without
        a time zone is taken as UTC.
    otherwise
        The time of all events if none of them says one.
    before
        Gives the rows that stand before these in a log that is read in parts, as this returns them;
        asked only if a time is missing.

    Returns
    -------
    pandas.DataFrame
        The standard columns, then the others as they were. The index counts from 0. Categories are
        the values in use, sorted. A ``time`` that is missing, unreadable, outside 1677 to 2262
        (what nanoseconds can hold) or further from others than 292 years is taken from
        ``broker_time``; without one, from the event that stood before it on its partition, else
        after it, else from the row before it, else after it. Such events are marked by a column
        ``undated``.

    Raises
    ------
    LogError
        No row has a ``time`` or a ``broker_time``, or a column does not hold what it must.
    """
    given = events if isinstance(events, pd.DataFrame) else inferred(object_frame(events))
    given = given.reset_index(drop=True)
    check_names(given)
    if len(given) and "type" not in given:
        raise LogError(
            f"there is no column 'type' among {', '.join(map(str, given.columns))}: "
            "rename the column that holds the event type."
        )
    columns = {
        name: standard_column(given[name], name) if name in given else _missing(dtype, len(given))
        for name, dtype in COLUMNS.items()
    }
    others = {name: given[name] for name in given.columns if name not in COLUMNS}
    if DEAD_LETTER in others:
        others[DEAD_LETTER] = _reasons(others[DEAD_LETTER])
    columns |= _within_reach({name: columns[name] for name in TIMES})
    columns["time"] = columns["time"].fillna(columns["broker_time"])
    undated = columns["time"].isna()
    if undated.any():
        columns["time"] = _near(columns, otherwise, before())
        known = others.get(UNDATED)
        others[UNDATED] = undated if known is None else undated | known.eq(other=True)
    return pd.DataFrame(columns | others)


def check_names(events: pd.DataFrame) -> None:
    """Check that no two columns of a DataFrame have one name; files know names as text alone.

    Raises
    ------
    LogError
        Two have.
    """
    names = pd.Index([str(name) for name in events.columns], dtype="object")
    if not names.is_unique:
        name = names[names.duplicated()][0]
        raise LogError(f"column {name!r} is there twice: rename one of the two.")


def _reasons(column: pd.Series[Any]) -> pd.Series[Any]:
    """Why events were given up on, as text; null where what stands there says that none was."""
    there = np.flatnonzero(column.notna())
    texts = [_as_text(cell) for cell in column.iloc[there]]
    if column.dtype == "str" and not any(map(_NONE.fullmatch, texts)):
        return column
    found = np.full(len(column), None, dtype=object)
    found[there] = [None if _NONE.fullmatch(text) else text for text in texts]
    return pd.Series(found, index=column.index, dtype="str")


_NONE: Final = re.compile(NO_FAILURE)


def _as_text(cell: object) -> str:
    if isinstance(cell, str):
        return cell
    try:
        return json_text(cell).decode()
    except (TypeError, ValueError, RecursionError):
        return str(cell)


def _within_reach(times: Mapping[str, pd.Series[Any]]) -> Mapping[str, pd.Series[Any]]:
    """Columns of times, of which no two are further apart than nanoseconds can hold (292 years).

    Where two are, those that are half of that or more from the median are null: they are no times.
    """
    ends = [end.value for c in times.values() for end in (c.min(), c.max()) if end is not pd.NaT]
    if not ends or max(ends) - min(ends) <= _FURTHEST:
        return times
    middle = pd.concat([*times.values()]).dropna().astype("int64").median()
    first = pd.Timestamp(max(int(middle) - _FURTHEST // 2, pd.Timestamp.min.value), tz="UTC")
    last = pd.Timestamp(min(int(middle) + _FURTHEST // 2, pd.Timestamp.max.value), tz="UTC")
    return {name: column.where(column.between(first, last)) for name, column in times.items()}


def _near(
    columns: Mapping[str, pd.Series[Any]], otherwise: datetime | None, before: pd.DataFrame | None
) -> pd.Series[Any]:
    """The times, and where there is none, that of the events around."""
    if before is not None and len(before):
        asked = ("time", "broker_time", "channel", "partition", "offset")
        both = {name: [before[name], columns[name]] for name in asked}
        both["channel"] = [column.astype("str") for column in both["channel"]]
        whole = {name: pd.concat(pair, ignore_index=True) for name, pair in both.items()}
        return _near(whole, otherwise, None).iloc[len(before) :].reset_index(drop=True)
    time = columns["time"]
    known = columns["broker_time"].fillna(time)
    first = time.min() if time.notna().any() else otherwise
    if first is None:
        raise LogError(
            "no event has a time that can be read or a broker_time: name the column that says "
            "when they happened, or make times of what counts from another moment than 1970: "
            "pd.to_datetime(frame['time'], unit='s', origin='2026-01-01')."
        )
    names = ["channel", "partition", "offset"]
    placed = pd.DataFrame({name: columns[name] for name in names} | {"known": known})
    placed = placed[placed["offset"] != UNKNOWN].sort_values(names)
    stood = placed.groupby(names[:2], observed=True, sort=False, dropna=False)["known"]
    near = stood.ffill().fillna(stood.bfill())
    return time.fillna(near).fillna(time.ffill().fillna(time.bfill())).fillna(pd.Timestamp(first))


def object_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make columns of objects from rows, in order of appearance; what a row lacks is None."""
    columns: dict[str, list[Any]] = {}
    height = 0
    rows = iter(rows)
    while batch := list(islice(rows, _BATCH)):
        for name in dict.fromkeys(chain.from_iterable(batch)):
            columns.setdefault(name, [None] * height)
        for name, values in columns.items():
            values.extend([row.get(name) for row in batch])
        height += len(batch)
    objects = {name: pd.Series(values, dtype="object") for name, values in columns.items()}
    return pd.DataFrame(objects, index=pd.RangeIndex(height))


def inferred(frame: pd.DataFrame) -> pd.DataFrame:
    """Give columns of objects beside the standard ones the dtypes that their values suggest.

    Whole numbers with gaps stay whole numbers, as objects.
    """
    columns = {n: frame[n] if n in COLUMNS else _inferred(frame[n]) for n in frame.columns}
    return pd.DataFrame(columns, index=frame.index)


def _inferred(values: pd.Series[Any]) -> pd.Series[Any]:
    with_gaps = values.isna().any() and infer_dtype(values, skipna=True) == "integer"
    try:
        return values if with_gaps else values.infer_objects()
    except UnicodeEncodeError:  # half of a letter beyond 16 bits, alone
        return values.map(_encodable).infer_objects()


def _encodable(cell: object) -> object:
    return cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else cell


def standard_column(series: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Give one column the dtype that it has in :func:`standard_frame`.

    Raises
    ------
    LogError
        It does not hold what it must.
    """
    dtype = COLUMNS[name]
    try:
        if dtype == "category":
            return _category(series)
        if dtype.startswith("datetime"):
            return _times(series)
        if dtype.startswith("int"):
            plain = isinstance(series.dtype, np.dtype) and series.dtype.kind == "i"
            if plain and series.between(*_HELD[dtype]).all():
                return series.astype(pandas_dtype(dtype))
            whole = series.astype("Int64")
            held = whole.where(whole.between(*_HELD[dtype]))
            return held.fillna(UNKNOWN).astype(pandas_dtype(dtype))
        if dtype == "json":
            array = series.array
            kept = array if isinstance(array, PayloadArray) else PayloadArray.of(series)
            return pd.Series(kept, index=series.index)
        return _in_one_piece(whole_column(series).astype(pandas_dtype(dtype)))
    except (TypeError, ValueError, OverflowError) as error:
        raise LogError(f"column {name!r} can't be read as {dtype}: {error}") from error


def _missing(dtype: str, height: int) -> pd.Series[Any]:
    """A column that nothing is known of."""
    if dtype == "json":
        return pd.Series(PayloadArray(pa.nulls(height)))
    if dtype == "category":
        nothing = pd.CategoricalDtype(pd.Index([], dtype="str"))
        return pd.Series(pd.Categorical.from_codes(np.full(height, -1), dtype=nothing))
    value = UNKNOWN if dtype.startswith("int") else None
    return pd.Series(value, index=pd.RangeIndex(height), dtype=pandas_dtype(dtype))


def _in_one_piece(texts: pd.Series[Any]) -> pd.Series[Any]:
    """The same texts in one block of memory: taking rows from many blocks is several times slower."""
    column = pa.array(texts, from_pandas=True)
    if not isinstance(column, pa.ChunkedArray) or column.num_chunks < 2:
        return texts
    whole: pd.Series[Any] = column.combine_chunks().to_pandas()
    return whole.set_axis(texts.index)


def _category(series: pd.Series[Any]) -> pd.Series[Any]:
    """As text categories: only those in use, sorted, so that equal columns have equal codes."""
    if not isinstance(series.dtype, pd.CategoricalDtype):
        return whole_column(series).astype("str").astype("category")
    codes, names = series.cat.codes.to_numpy(), series.cat.categories.astype("str")
    used = names[np.bincount(codes[codes >= 0], minlength=len(names)) > 0].unique().sort_values()
    code = np.append(used.get_indexer(names), -1).astype(codes.dtype)  # the last is for null, -1
    return pd.Series(pd.Categorical.from_codes(code[codes], used), index=series.index)


def _times(series: pd.Series[Any]) -> pd.Series[Any]:
    """As UTC nanoseconds; null where a time can't be read or held."""
    if isinstance(series.dtype, pd.ArrowDtype):
        series = pa.array(series).to_pandas().set_axis(series.index)
    if series.dtype == "object":
        series = series.where(series.notna(), None)
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        times = series.dt.tz_convert("UTC")
    elif series.dtype.kind == "M":
        times = series.dt.tz_localize("UTC")
    elif series.dtype.kind == "m":
        raise ValueError(
            "lengths of time are no times: add when they begin, pd.Timestamp(…) + them."
        )
    elif series.dtype.kind == "b":
        raise ValueError("True and False are no times.")
    elif series.dtype == "int64":
        times = series.astype("datetime64[ns]").dt.tz_localize("UTC")
    elif is_float_dtype(series.dtype):
        times = pd.to_datetime(series.where(series.abs() > _FRACTIONS), utc=True, errors="coerce")
    else:
        kind = infer_dtype(series, skipna=True) if series.dtype == "object" else ""
        if kind and kind not in _OF_ONE_KIND:
            series = series.map(_moment)
        iso = "ISO8601" if series.dtype in ("object", "str") and kind != "integer" else None
        times = pd.to_datetime(series, utc=True, errors="coerce", format=iso)
    return in_nanoseconds(times)


def in_nanoseconds(times: pd.Series[Any]) -> pd.Series[Any]:
    """Times in UTC as nanoseconds; null where these can't hold one."""
    held: pd.Series[Any] = times.where(times.between(_EARLIEST, _LATEST))
    return held.astype("datetime64[ns, UTC]")


def _moment(cell: object) -> object:
    """Whole nanoseconds as a time, no other number; anything else as it is."""
    if not isinstance(cell, int | float):
        return cell
    held = isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) < 1 << 63
    return pd.Timestamp(cell, tz="UTC") if held else None


_FRACTIONS: Final = 2**53
"""Up to it a float has fractions: then it is no count of nanoseconds."""
_OF_ONE_KIND: Final = frozenset(["string", "integer", "datetime", "datetime64", "date", "empty"])
_EARLIEST: Final = pd.Timestamp.min.ceil("s").tz_localize("UTC")
_LATEST: Final = pd.Timestamp.max.floor("s").tz_localize("UTC")

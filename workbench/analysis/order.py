"""The order of events: total, deterministic, and with no effect before its cause.

Captured logs hold tied times, rows in any order and clocks that disagree, so order is decided by
what the events say and never by where their rows happen to stand. Only ties cost more than one sort
by time, and only flows in which an effect stands before its cause are put right.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from workbench.analysis.arrays import Bools, Ints, Small, mixed
from workbench.analysis.grouping import Dealt, sort_groups
from workbench.analysis.texts import Texts
from workbench.capture.columns import in_nanoseconds
from workbench.capture.json_text import json_text
from workbench.capture.payload_column import payload_texts

Told: TypeAlias = tuple[Small | Ints, Bools]
"""The order of rows in groups, and of each, so ordered, whether it is as the one before it."""


def total_order(frame: pd.DataFrame, rows: Ints | None = None) -> Ints:
    """Sort rows by time, then channel, partition, offset, then id, then a hash of the content.

    Rows still tied after that are equal in every column.

    Parameters
    ----------
    rows
        The positions of the rows to sort; all of them if not given.

    Returns
    -------
    numpy.ndarray of int64
        The positions of those rows, first event first.
    """
    rows = np.arange(len(frame)) if rows is None else rows
    time = nanoseconds(frame["time"])[rows]
    by_time = np.argsort(time, kind="stable")
    order = rows[by_time]
    break_ties(order, _as_before(time[by_time]), frame)
    return order


def order_of_each(frame: pd.DataFrame, rows: Ints, event: Small) -> tuple[Ints, Ints]:
    """Sort rows by the event that they are, and those of one event by total order.

    Returns
    -------
    tuple of numpy.ndarray of int64
        The rows, event by event; and of each its event, counted from 0.
    """
    time = nanoseconds(frame["time"])[rows]
    by_event = np.argsort(event, kind="stable")
    order, same = rows[by_event].astype(np.int32), _as_before(event[by_event])
    starts = np.append(np.flatnonzero(~same), len(same))
    tied = sort_groups(Dealt(order, time[by_event], starts))
    break_ties(order, tied, frame, ids=False)
    return order.astype(np.int64), np.cumsum(~same) - 1


def _as_before(sorted_numbers: Ints | Small) -> Bools:
    """Whether each is the same as the one before it."""
    same: Bools = np.diff(sorted_numbers, prepend=0) == 0
    same[:1] = False
    return same


def by_start(started: Ints, names_of: Callable[[Ints], ExtensionArray]) -> Ints:
    """The order of flows: as they started, of two at once by correlation id.

    Parameters
    ----------
    started
        When each started.
    names_of
        Gives the correlation ids of some of them, by their places in ``started``.
    """
    order = np.argsort(started, kind="stable")  # quicker by far where they nearly are in order
    same = _as_before(started[order])
    at = np.flatnonzero(same | np.append(same[1:], False))
    if len(at):
        order[at] = order[at][_by_name(names_of(order[at]), same[at])]
    return order


def _by_name(names: ExtensionArray, same: Bools) -> Small:
    """The order of names in groups; ``same`` is of each whether it is of the group of the one before."""
    rows = np.arange(len(same), dtype=np.int32)
    starts = np.append(np.flatnonzero(~same), len(same))
    tied = sort_groups(Dealt(rows, Texts.of(pd.Series(names)).heads(starts), starts))
    at = np.flatnonzero(tied | np.append(tied[1:], False))
    if len(at):
        rank = np.asarray(pc.rank(pa.array(names.take(rows[at])), tiebreaker="dense"))
        rows[at] = rows[at][np.lexsort((rank, np.cumsum(~tied[at])))]
    return rows


def break_ties(order: Small | Ints, tied: Bools, frame: pd.DataFrame, *, ids: bool = True) -> None:
    """Sort, in place, rows of one time by all that comes after time.

    Parameters
    ----------
    order
        Rows of the frame, sorted by time (or by group, and in a group by time).
    tied
        Of each of them: whether it has the same time (and group) as the one before it. Afterwards,
        whether it is equal to that in every column.
    ids
        Whether they may differ in their ids.
    """
    at = np.flatnonzero(tied | np.append(tied[1:], False))
    rows, same = order[at].astype(np.int64), tied[at]
    for tell_apart in _TIE_BREAKERS:
        if tell_apart is _id and not ids:
            continue
        if tell_apart is _content and len(at):
            may = _may_differ(frame, rows, same)
            at, rows, same = at[may], rows[may], same[may]
        if not len(at):
            break
        told = tell_apart(frame, rows, same)
        if told is None:
            continue
        in_order, alike = told
        rows, same = rows[in_order], same & alike
        order[at], tied[at] = rows, same
        left = same | np.append(same[1:], False)
        at, rows, same = at[left], rows[left], same[left]


def _channel(frame: pd.DataFrame, rows: Ints, same: Bools) -> Told | None:
    return _by_number(category_codes(frame["channel"])[rows], same)


def _partition(frame: pd.DataFrame, rows: Ints, same: Bools) -> Told | None:
    return _by_number(frame["partition"].to_numpy()[rows], same)


def _offset(frame: pd.DataFrame, rows: Ints, same: Bools) -> Told | None:
    return _by_number(frame["offset"].to_numpy()[rows], same)


def _id(frame: pd.DataFrame, rows: Ints, same: Bools) -> Told:
    names = frame["id"].array.take(rows)
    in_order = _by_name(names, same)
    return in_order, Texts.of(pd.Series(names.take(in_order))).as_before()


def _by_number(numbers: NDArray[Any], same: Bools) -> Told | None:
    if not (same[1:] & (numbers[1:] != numbers[:-1])).any():
        return None
    in_order = np.lexsort((numbers, np.cumsum(~same)))
    return in_order, _as_before(numbers[in_order])


def _may_differ(frame: pd.DataFrame, rows: Ints, same: Bools) -> Bools:
    """Whether each row is of a group that isn't seen to be the same row over and over.

    Most ties are: what is captured twice. To see that takes a fraction of what hashes do.
    """
    alike = same.copy()
    for column in _contents(frame).values():
        if not alike.any():
            break
        alike &= _as_the_one_before(column, rows)
    group = np.cumsum(~same) - 1
    may: Bools = np.isin(group, group[same & ~alike])
    return may


def _as_the_one_before(column: pd.Series[Any], rows: Ints) -> Bools:
    """Whether the cell of each row is seen to be the same as that of the row before it."""
    if column.dtype in ("str", "json"):
        return _texts(column).take(rows).as_before()
    if isinstance(column.dtype, pd.CategoricalDtype):
        numbers = category_codes(column)[rows]
    elif isinstance(column.dtype, pd.DatetimeTZDtype):
        numbers = nanoseconds(column)[rows]
    elif isinstance(column.dtype, np.dtype) and column.dtype.kind in "iubf":
        numbers = column.to_numpy()[rows]
    else:
        numbers = np.arange(len(rows))
    found = np.zeros(len(rows), dtype=bool)
    found[1:] = numbers[1:] == numbers[:-1]
    return found


def _contents(frame: pd.DataFrame) -> dict[Hashable, pd.Series[Any]]:
    """The columns that hold something, but for those that break ties themselves."""
    columns = {name: frame[name] for name in frame if name not in _COMPARED}
    return {name: column for name, column in columns.items() if not _is_empty(column)}


def _content(frame: pd.DataFrame, rows: Ints, same: Bools) -> Told | None:
    """By a hash of each row that depends neither on the order of columns nor on those without a value.

    What else breaks ties is left out: rows that this has to tell apart are alike in that.
    """
    columns = _contents(frame)
    names = Texts.of(pd.Series(list(map(str, columns)), dtype="str")).hashes()
    found = np.zeros(len(rows), np.uint64)
    for column, key in zip(columns.values(), names, strict=True):
        cells = cell_hashes(pd.Series(column.array.take(rows)))
        found += np.where(cells, mixed(cells + key), np.uint64(0))
    return _by_number(found.view(np.int64), same)


def _is_empty(column: pd.Series[Any]) -> bool:
    """Whether a column can be seen to hold nothing without looking at its cells."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.categories.empty
    if column.dtype in ("str", "json"):
        texts = payload_texts(column) if column.dtype == "json" else pa.array(column)
        return bool(texts.null_count == len(texts))
    return False


def cell_hashes(column: pd.Series[Any]) -> NDArray[np.uint64]:
    """A hash of each cell, 0 for none; equal values have equal hashes, in text and in objects."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        names = np.append(cell_hashes(pd.Series(column.cat.categories)), np.uint64(0))
        return np.asarray(names[category_codes(column)], np.uint64)
    if column.dtype in ("str", "json"):
        return _texts(column).hashes()
    there = column.notna().to_numpy()
    if column.dtype.kind in "iuMb" and isinstance(column.dtype, np.dtype | pd.DatetimeTZDtype):
        numbers = column.astype(np.int64).to_numpy().view(np.uint64)
        return np.where(there, np.maximum(mixed(numbers), np.uint64(1)), np.uint64(0))
    texts = [_text(c) if t else None for c, t in zip(column.tolist(), there, strict=True)]
    return Texts.of(pa.array(texts, pa.large_string())).hashes()


def _texts(column: pd.Series[Any]) -> Texts:
    return Texts.of(payload_texts(column) if column.dtype == "json" else column)


def _text(cell: object) -> str:
    if isinstance(cell, str):
        return cell.encode("utf-8", "backslashreplace").decode()
    try:
        return json_text(cell).decode()
    except (TypeError, ValueError, RecursionError):
        return repr(cell).encode("utf-8", "backslashreplace").decode()


_MOMENTS: Final = (str, datetime, pd.Timestamp)
_TIE_BREAKERS: Final[Sequence[Callable[[pd.DataFrame, Ints, Bools], Told | None]]] = (
    _channel,
    _partition,
    _offset,
    _id,
    _content,
)
_COMPARED: Final = ("time", "channel", "partition", "offset", "id")


def nanoseconds(times: pd.Series[Any]) -> Ints:
    """Whole nanoseconds since 1970 of a column of times; where it can be, its own, read-only."""
    array: Any = times.array
    found: Ints = array.as_unit("ns").asi8 if array.unit != "ns" else array.asi8
    found.flags.writeable = False
    return found


def moments(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column beside the standard ones as times; null where it says none.

    Text is read as ISO 8601, and a time without a zone as UTC. Numbers are no times: they have no unit.
    """
    if column.dtype == "datetime64[ns, UTC]":
        return column
    if column.dtype.kind not in "OM" and column.dtype != "str":
        return pd.Series(pd.NaT, column.index, "datetime64[ns, UTC]")
    iso = None if column.dtype.kind == "M" else "ISO8601"
    said = column.where(column.map(type).isin(_MOMENTS)) if column.dtype == "object" else column
    return in_nanoseconds(pd.to_datetime(said, utc=True, errors="coerce", format=iso))


def category_codes(column: pd.Series[Any]) -> NDArray[Any]:
    """The codes of a category column, -1 for null: its own, of the least integers that hold them."""
    array: Any = column.array
    codes: NDArray[Any] = array.codes
    return codes


def utc(nanoseconds: Ints) -> pd.DatetimeIndex:
    """Return times from whole nanoseconds since 1970."""
    return pd.DatetimeIndex(nanoseconds.view("datetime64[ns]"), tz="UTC")

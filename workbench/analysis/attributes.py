"""What can be said about flows: the values in their payloads and columns, for a sample of them.

Payloads are text until they are looked at, and looking at all of millions takes minutes. So flows
are drawn, by a hash of their correlation id: always the same ones, whatever the order of the rows
and however the log is split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench.analysis.condition_words import (
    EACH,
    NOTHING,
    can_be_said,
    column_text,
    step_text,
    value_text,
)
from workbench.analysis.parts import named, together
from workbench.analysis.paths import paths
from workbench.analysis.repeated_times import logged_times, repeat_time
from workbench.capture.columns import COLUMNS, DEAD_LETTER, UNDATED, UNKNOWN
from workbench.capture.json_text import any_json
from workbench.capture.payload_column import payload_texts
from workbench.capture.reading.paths import members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionArray

    from workbench.analysis.arrays import Bools, Ints, Small
    from workbench.analysis.index import FlowIndex

EVENTS: Final = 100_000
"""Events on each side (asked about, and the rest) that are looked at, whole flows at a time."""
OF_A_FLOW: Final = 1_000
"""Events of a flow that are looked at: its first."""

_SCALARS = 200
"""Values of one payload that are looked at."""
_DEPTH = 8
_MET = 100_000
"""Distinct values whose text is remembered."""
_LETTERS = 100
"""A longer text is a text, and not a value to tell flows by."""
_PATHS = 500
_LARGEST = int(np.finfo(np.float64).max)
"""A number beyond this is a text: it can't be held among the others."""
_NOT_ASKED = {
    *(COLUMNS.keys() - {"channel", "partition"}),
    DEAD_LETTER,
    UNDATED,
    "traceparent",
    "undecoded",
}
"""Columns that are no attribute, or are one under another name."""


class Drawn(NamedTuple):
    """Which flows are looked at: on each side those whose key is no larger."""

    asked: int
    rest: int


def lots(index: FlowIndex, asked: Bools) -> pd.DataFrame:
    """Draw flows of a share of a log: no others of it are drawn of the whole.

    Parameters
    ----------
    asked
        Of each flow, whether it is asked about.

    Returns
    -------
    pandas.DataFrame
        One row a flow: ``key`` (int64: a hash of its id), ``size`` (int64: how many of its events
        are looked at), ``asked`` (bool).
    """
    key = flow_keys(index.correlation_id)
    size = np.minimum(np.diff(index.start), OF_A_FLOW)
    return _first_drawn(pd.DataFrame({"key": key, "size": size, "asked": asked}))


def drawn(parts: Iterable[pd.DataFrame]) -> Drawn:
    """Draw flows of a log, by their keys, until their events are as many as are looked at.

    Parameters
    ----------
    parts
        The :func:`lots` of its shares.
    """
    last = _first_drawn(pd.concat(parts)).groupby("asked")["key"].max()
    return Drawn(*(int(last.get(side, np.iinfo(np.int64).min)) for side in (True, False)))


def _first_drawn(found: pd.DataFrame) -> pd.DataFrame:
    found = found.sort_values("key", kind="stable")
    before = found.groupby("asked")["size"].cumsum() - found["size"]
    return found[before < EVENTS]


def attributes(index: FlowIndex, frame: pd.DataFrame, asked: Bools, upto: Drawn) -> pd.DataFrame:
    """Collect the values of the flows that are looked at.

    Parameters
    ----------
    index, frame
        A log.
    asked
        Of each flow, whether it is asked about.
    upto
        The flows that were drawn.

    Returns
    -------
    pandas.DataFrame
        One row for each value that a flow has: ``flow`` (int64: a hash of its id), ``asked``
        (bool), ``attribute``, ``event_type`` and ``value`` (category; no ``event_type``: of the
        flow as a whole), ``number`` (float64; NaN for what is not a number), ``repeats_time``
        (bool: whether it is the event's time). A row without an attribute is the flow's own.
    """
    key = flow_keys(index.correlation_id)
    chosen = key <= np.where(asked, *upto)
    within = np.arange(len(index.flow)) - index.start[:-1][index.flow]
    at = np.flatnonzero(chosen[index.flow] & (within < OF_A_FLOW))
    flows = np.flatnonzero(chosen)
    nothing = np.full(len(flows), -1)
    time = logged_times(frame)[index.row]
    tables = [
        _table(flows, nothing, [], nothing, nothing, []),
        _of_flows(index, at, index.type, index.type_names, "type"),
        _of_flows(index, at, index.source, index.source_names, "service"),
        _variants(index, flows),
        *_columns(index, frame, time, at),
        _payloads(index, frame, time, at),
    ]
    found = together(tables)
    flow = found["flow"].to_numpy()
    return found.assign(flow=key[flow], asked=asked[flow])


def flow_keys(ids: ExtensionArray) -> Ints:
    """Hash correlation ids: the order in which flows are drawn."""
    names = np.asarray(ids, dtype=object)
    return np.asarray(pd.util.hash_array(names, categorize=False), dtype=np.uint64).view(np.int64)


def _table(
    flow: Ints,
    attribute: Ints,
    attributes: list[str],
    event_type: Ints | Small,
    value: Ints,
    values: Any,
    number: Any = np.nan,
    types: Any = (),
    repeats_time: Any = np.False_,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "flow": flow,
            "attribute": named(attribute, attributes),
            "event_type": named(event_type, types),
            "value": named(value, values),
            "number": number,
            "repeats_time": repeats_time,
        }
    ).drop_duplicates(ignore_index=True)


def _of_flows(
    index: FlowIndex, at: Ints, code: Small, names: NDArray[np.object_], attribute: str
) -> pd.DataFrame:
    flow, value = np.divmod(pd.unique(index.flow[at] * len(names) + code[at]), len(names))
    shown = [*(value_text(str(name)) for name in names[:-1]), NOTHING]  # the last is for none
    return _table(flow, np.zeros(len(flow), np.int64), [attribute], flow * 0 - 1, value, shown)


def _variants(index: FlowIndex, flows: Ints) -> pd.DataFrame:
    """The paths of the flows, of the most frequent of which there are."""
    keys, first, code, n = np.unique(
        index.path_keys[flows], return_index=True, return_inverse=True, return_counts=True
    )
    ranked = np.lexsort((keys, -n))[:_PATHS]
    path = np.full(len(keys), -1)
    path[ranked] = np.arange(len(ranked))
    value = path[code]
    told = [value_text(path) for path in paths(index, flows[first[ranked]])]
    known = value >= 0
    flow = flows[known]
    return _table(flow, flow * 0, ["variant"], flow * 0 - 1, value[known], told)


def _columns(index: FlowIndex, frame: pd.DataFrame, time: Ints, at: Ints) -> Iterator[pd.DataFrame]:
    """The columns beside the payload: where events stood on the broker, headers, versions."""
    for name in frame.columns:
        if name in _NOT_ASKED:
            continue
        column = frame[name].iloc[index.row[at]].reset_index(drop=True)
        cells = column.astype(object)
        if name == "partition":
            cells = cells.mask(cells == UNKNOWN)
        cells = cells[[_tells(cell) for cell in cells]]
        where = at[cells.index.to_numpy()]
        if any(isinstance(cell, dict | list) for cell in cells):
            yield _inside(
                index, time, zip(where.tolist(), cells, strict=True), column_text(str(name))
            )
            continue
        try:
            code, values = pd.factorize(cells)
        except TypeError:  # whatever else a DataFrame may hold
            code, values = pd.factorize(cells.map(repr))
        ordered = name != "partition"
        numbers = [float(v) if ordered and _is_number(v) else np.nan for v in values]
        number = np.append(numbers, np.nan)[code]
        yield _table(
            index.flow[where],
            code * 0,
            ["version" if name == "dataschema" else column_text(str(name))],
            index.type[where],
            code,
            [value_text(value) for value in values],
            number,
            index.type_names,
            repeat_time(time[where], number, code, list(values)),
        )


def _payloads(index: FlowIndex, frame: pd.DataFrame, time: Ints, at: Ints) -> pd.DataFrame:
    held = payload_texts(frame["data"]).take(pa.array(index.row[at])).to_pylist()
    there = ((p, any_json(t)) for p, t in zip(at.tolist(), held, strict=True) if t is not None)
    return _inside(index, time, there, "data")


def _inside(
    index: FlowIndex, time: Ints, held: Iterable[tuple[int, Any]], root: str
) -> pd.DataFrame:
    """What stands inside the values of a column, of each with the position of its event."""
    known: dict[tuple[str, str | None], str] = {}
    names: dict[str, int] = {}
    shown: dict[str, int] = {}
    met: dict[tuple[type, Any] | None, int] = {}
    values: list[Any] = []
    event, attribute, value, number = [], [], [], []
    for place, whole in held:
        left = _SCALARS
        for name, found in _scalars(whole, root, _DEPTH, known):
            if found is not None and not _tells(found):
                continue
            key = (found.__class__, found) if isinstance(found, str | int) else None
            told = met.get(key, -1)
            if told < 0:
                told = shown.setdefault(value_text(found), len(shown))
                if len(values) < len(shown):
                    values.append(found)
                if key is not None and len(met) < _MET:
                    met[key] = told
            event.append(place)
            attribute.append(names.setdefault(name, len(names)))
            value.append(told)
            number.append(float(found) if _is_number(found) else np.nan)
            left -= 1
            if not left:
                break
    where, code = np.array(event, dtype=np.int64), np.array(value, dtype=np.int64)
    numbers = np.array(number, dtype=np.float64)
    return _table(
        index.flow[where],
        np.array(attribute, dtype=np.int64),
        list(names),
        index.type[where],
        code,
        list(shown),
        numbers,
        index.type_names,
        repeat_time(time[where], numbers, code, values),
    )


def _scalars(
    value: Any, path: str, depth: int, known: dict[tuple[str, str | None], str]
) -> Iterator[tuple[str, Any]]:
    """The values in a payload that are no lists or objects, each with the path that leads to it.

    ``known`` holds paths by where they lead from and the name of their last step, ``None`` in a list.
    """
    inside: Iterable[tuple[Any, Any]]
    if isinstance(value, dict):
        inside = value.items() if depth else ()
    elif isinstance(value, list):
        held = members(value)  # of a list of names and values, as headers are
        each = ((None, inner) for inner in value) if held is None else held.items()
        inside = each if depth else ()
    else:
        yield path, value
        return
    for name, inner in inside:
        longer = known.get((path, name))
        if longer is None:
            step = step_text(EACH if name is None else str(name))
            longer = known[path, name] = path + step
        if isinstance(inner, dict | list):
            yield from _scalars(inner, longer, depth - 1, known)
        else:
            yield longer, inner


def _tells(value: Any) -> bool:
    """Whether a cell holds something that flows could be told by."""
    if isinstance(value, str):
        return len(value) <= _LETTERS
    if isinstance(value, int | dict | list):
        return True
    return pd.notna(value) is not False and can_be_said(value)


def _is_number(value: Any) -> bool:
    """Whether a value is a number that can be compared with others."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float | np.integer | np.floating) and bool(
        -_LARGEST <= value <= _LARGEST
    )

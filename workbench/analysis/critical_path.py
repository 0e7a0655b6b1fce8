"""What made flows take as long as they took, and what would be gained by speeding it up?

The critical path of a flow is the chain of causes that ends at its latest event. What a speed-up
saves is recomputed and never read off the path: when one kind of hop takes half as long, everywhere
in the flow, other chains become the longest, and they bound what is saved.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.hop_kinds import (
    HOP,
    effects_first,
    effects_stand,
    hop_kinds,
    hop_names,
    hop_text,
)
from workbench.analysis.parts import inferred_from, named, times_of, together, untimed_flows
from workbench.analysis.plots_critical_path import plot_critical_path, plot_one_path
from workbench.analysis.wording import count, length, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Bools, Ints, Small
    from workbench.analysis.index import FlowIndex

_KINDS = 32
"""Of one flow, the kinds of hop that are tried: those that its path spends the most time on.

So the time that this takes grows with the events, whatever the flows look like."""

_MEASURED = ("n", "flows", "negative", "total_s", "total_ns", "saved_s", "saved_ns")
_SECOND = 1_000_000_000
"""Nanoseconds: times are summed as whole seconds and the rest, as 292 years of flows are soon there."""


def part(index: FlowIndex) -> pd.DataFrame:
    """Measure the critical paths of some flows, summed up by kind of hop.

    Returns
    -------
    pandas.DataFrame
        ``cause_type``, ``effect_type``, ``service`` (category; no ``cause_type``: the path's first
        event, of which there is one in each flow), ``n``, ``flows``, ``negative`` (int64: hops on
        paths, flows they are in, hops that end before they start), and two times, each in seconds
        and nanoseconds that add up: ``total_s``, ``total_ns``, ``saved_s``, ``saved_ns`` (int64).
    """
    kind, kinds = hop_kinds(index, timed=False)
    n_sources = len(index.source_names)
    first = index.kind
    sums = np.zeros((len(kinds), len(_MEASURED)), np.int64)
    roots = np.zeros((len(index.type_names) * n_sources, len(_MEASURED)), np.int64)
    _measure(index.start, index.cause, index.time, kind, first, index.fully_timed, sums, roots)
    seen, begun = np.flatnonzero(sums[:, 0]), np.flatnonzero(roots[:, 0])
    names = hop_names(index, np.concatenate([kinds[seen], begun]))
    cause = names["cause_type"]
    known = np.arange(len(cause)) < len(seen)
    names["cause_type"] = named(np.where(known, cause.codes, -1), list(cause.categories))
    measured = np.concatenate([sums[seen], roots[begun]])
    found = pd.DataFrame(names | {name: measured[:, at] for at, name in enumerate(_MEASURED)})
    found.attrs = times_of(index) | {
        "without_flow": index.without_flow,
        "effects_first": effects_first(index),
    }
    return found


def whole(parts: Sequence[pd.DataFrame]) -> Answer:
    """Sum parts up; ``EventLog.critical_path`` documents the columns."""
    parts = list(parts)
    sums = together(parts).groupby(list(HOP), observed=True, dropna=False, sort=False).sum()
    table = sums.reset_index().astype(dict.fromkeys(HOP, "str"))
    begins = table["cause_type"].isna()
    table["total"], table["saved"] = _exact(table, "total"), _exact(table, "saved")
    flows, all_time = int(table.loc[begins, "n"].sum()), sum(table["total"])
    table = table[~begins | (table["total"] > 0)]
    answer = pd.DataFrame(
        {
            **{name: table[name] for name in HOP},
            "n": table["n"],
            "flows": table["flows"],
            "total_ms": _over(table["total"], 10**6),
            "share": _over(table["total"], max(all_time, 1)),
            "mean_ms": _over(table["total"], 10**6) / table["n"],
            "saves_ms": _over(table["saved"], 10**6).where(table["cause_type"].notna()),
            "saves_share": _over(table["saved"], max(all_time, 1)).where(
                table["cause_type"].notna()
            ),
        }
    )
    answer = answer.sort_values(
        ["saves_ms", "total_ms", *HOP],
        ascending=[False, False, True, True, True],
        ignore_index=True,
    )
    untimed = sum(part.attrs["untimed_flows"] for part in parts)
    sentence = _sentence(answer, flows, untimed, all_time / 1e9, int(table["negative"].sum()))
    sentence += _clocks(sum(part.attrs["effects_first"] for part in parts)) + untimed_flows(parts)
    without_flow = sum(part.attrs["without_flow"] for part in parts)
    if without_flow:
        sentence += f" {count(without_flow, 'event')} without a flow took no part."
    return Answer(answer, sentence + inferred_from(parts), plot_critical_path)


def _exact(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """A time in nanoseconds, as whole numbers of any size."""
    return table[f"{name}_s"].astype(object) * _SECOND + table[f"{name}_ns"].astype(object)


def _over(numbers: pd.Series[Any], divisor: int) -> pd.Series[Any]:
    return (numbers / divisor).astype("float64")


def one(index: FlowIndex, ids: Any) -> Answer:
    """Follow the critical path of a log's only flow; ``EventLog.critical_path`` documents it.

    Parameters
    ----------
    index
        Of a log with one flow.
    ids
        The id of the event at each position.
    """
    kind, _ = hop_kinds(index, timed=False)
    path = _path(index.start, index.cause, index.time)
    guessed, timed = index.undated[path], bool(index.fully_timed[0])
    began = index.time[~index.undated].min() if not index.undated.all() else 0
    at = np.where(guessed, np.nan, (index.time[path] - began) / 1e6)
    before = np.append(0.0, at[:-1])
    duration = float(at[-1]) if timed else np.nan
    cause = index.type_names[index.type[path]].astype(object)
    saved = _saved_on_path(index.cause, index.time, kind, path) / 1e6
    saved[0] = np.nan
    if not timed:
        saved[:] = np.nan
    table = pd.DataFrame(
        {
            "event_type": pd.array(index.type_names[index.type[path]], dtype="str"),
            "service": pd.array(index.source_names[index.source[path]], dtype="str"),
            "cause_type": pd.array([None, *cause[:-1]], dtype="str"),
            "from_ms": before,
            "to_ms": at,
            "latency_ms": at - before,
            "share": (at - before) / duration if duration else np.zeros(len(at)),
            "saves_ms": saved,
            "id": pd.array(ids[path], dtype="str"),
        }
    )
    name = str(index.correlation_id[0])
    table.attrs = times_of(index)
    sentence = _sentence_of_one(name, table, timed=timed) + _clocks(effects_first(index))
    sentence += untimed_flows([table]) + inferred_from([table])
    return Answer(table, sentence, partial(plot_one_path, name=name))


def _sentence(table: pd.DataFrame, flows: int, untimed: int, seconds: float, negative: int) -> str:
    hops = table[table["cause_type"].notna()]
    if not flows and untimed:
        return "No critical path can be measured."
    if not flows:
        return "There are no flows in this log, and so no critical paths."
    if hops.empty:
        return (
            f"No critical path in {count(flows, 'flow')} has a hop: the latest event of each "
            "names no cause in its own flow."
        )
    top = hops.iloc[0]
    nothing = not top.saves_ms > 0
    if nothing:
        top = hops.iloc[int(hops["total_ms"].to_numpy().argmax())]
    sentence = (
        f"No kind of hop, twice as fast, would save any of the time of {count(flows, 'flow')} "
        f"({length(seconds)}); {hop_text(top.cause_type, top.effect_type, top.service)} takes "
        f"{percent(top.share)} of it."
        if nothing
        else f"Twice as fast, {hop_text(top.cause_type, top.effect_type, top.service)} would save "
        f"{percent(top.saves_share)} of the time of {count(flows, 'flow')} "
        f"({length(top.saves_ms / 1e3)} of {length(seconds)}); it is on the critical path of "
        f"{top.flows:,} and takes {percent(top.share)} of the time."
    )
    if len(hops) > 1 and hops["saves_ms"].iloc[1] > 0:
        then = hops.iloc[1]
        sentence += (
            f" Next comes {hop_text(then.cause_type, then.effect_type, then.service)} with "
            f"{percent(then.saves_share)}."
        )
    unknown = table.loc[table["cause_type"].isna(), "share"].sum()
    if unknown:
        sentence += (
            f" {percent(unknown)} of the time passed before the first event of a path, "
            "of which the flow holds no cause."
        )
    if negative:
        sentence += (
            f" {count(negative, 'hop')} on these paths {'ends' if negative == 1 else 'end'} before "
            f"{'it starts' if negative == 1 else 'they start'}."
        )
    return sentence


def _clocks(n: int) -> str:
    """A sentence, after a blank, that says what to do where effects stand before their causes."""
    if not n:
        return ""
    return (
        f" {effects_stand(n)}, so clocks differ, and what passes before a path and on it is "
        "not to be trusted: ask log.without_skew() instead."
    )


def _sentence_of_one(name: str, table: pd.DataFrame, *, timed: bool) -> str:
    hops = table.iloc[1:]
    if not timed:
        ends = f"from {table['event_type'].iloc[0]} to {table['event_type'].iloc[-1]}"
        return f"The critical path of flow {name} has {count(len(hops), 'hop')}, {ends}."
    took = length(table["to_ms"].iloc[-1] / 1e3)
    if hops.empty:
        return f"Flow {name} took {took}; its latest event names no cause in the flow."
    top = hops.iloc[int(hops["latency_ms"].to_numpy().argmax())]
    sentence = (
        f"Flow {name} took {took}, in {count(len(hops), 'hop')}. The longest, "
        f"{hop_text(top.cause_type, top.event_type, top.service)}, took "
        f"{length(top.latency_ms / 1e3)} ({percent(top.share)}); twice as fast, such hops would "
        f"save {length(top.saves_ms / 1e3)}."
    )
    gap = table.iloc[0]
    if gap.to_ms > 0:
        sentence += (
            f" {length(gap.to_ms / 1e3)} passed before the path began with {gap.event_type}, "
            "whose cause the flow doesn't hold."
        )
    return sentence


@numba.njit(cache=True, nogil=True)
def _latest(time: Ints, first: int, stop: int) -> int:
    """The latest event of a flow; of several at one time the last in order."""
    latest = first
    for event in range(first + 1, stop):
        if time[event] >= time[latest]:
            latest = event
    return latest


@numba.njit(cache=True, nogil=True)
def _saved(
    cause: Ints, time: Ints, kind: Small, halved: int, first: int, stop: int, earlier: Ints
) -> int:
    """How much sooner a flow ends when all its hops of a kind take half as long."""
    end, new_end = time[first], np.iinfo(np.int64).min
    for event in range(first, stop):
        sooner = 0
        if cause[event] >= 0:
            sooner = earlier[cause[event] - first]
            took = time[event] - time[cause[event]]
            if kind[event] == halved and took > 0:
                sooner += took // 2
        earlier[event - first] = sooner
        end = max(end, time[event])
        new_end = max(new_end, time[event] - sooner)
    saved: int = end - new_end
    return saved


@numba.njit(cache=True, nogil=True)
def _measure(
    start: Ints,
    cause: Ints,
    time: Ints,
    kind: Small,
    first_kind: Ints,
    timed: Bools,
    sums: Ints,
    roots: Ints,
) -> None:
    """Add to each kind of hop, and of first event: n, flows, negative, total and saved time.

    Flows that are not ``timed`` are left out.
    """
    longest = 1
    for flow in range(len(start) - 1):
        longest = max(longest, start[flow + 1] - start[flow])
    earlier = np.zeros(longest, np.int64)
    on_path = np.zeros(longest, np.int64)
    spent = np.zeros(len(sums), np.int64)
    met = np.full(len(sums), -1)
    for flow in range(len(start) - 1):
        if not timed[flow]:
            continue
        first, stop = start[flow], start[flow + 1]
        began = time[first]
        for event in range(first, stop):
            began = min(began, time[event])
        event = _latest(time, first, stop)
        kinds = 0
        while cause[event] >= 0:
            hop, took = kind[event], time[event] - time[cause[event]]
            if met[hop] != flow:
                met[hop] = flow
                spent[hop] = 0
                on_path[kinds] = hop
                kinds += 1
                sums[hop, 1] += 1
            spent[hop] += took
            sums[hop, 0] += 1
            sums[hop, 2] += took < 0
            _add(sums[hop], 3, took)
            event = cause[event]
        root = first_kind[event]
        roots[root, 0] += 1
        roots[root, 1] += 1
        _add(roots[root], 3, time[event] - began)
        tried = on_path[:kinds]
        if kinds > _KINDS:
            tried = tried[np.argsort(spent[tried])[kinds - _KINDS :]]
        for hop in tried:
            _add(sums[hop], 5, _saved(cause, time, kind, hop, first, stop, earlier))


@numba.njit(cache=True, nogil=True)
def _add(sums: Ints, at: int, time: int) -> None:
    """Add nanoseconds to a time that is told in seconds and nanoseconds."""
    sums[at] += time // _SECOND
    sums[at + 1] += time % _SECOND


def _path(start: Ints, cause: Ints, time: Ints) -> Ints:
    """The positions of the critical path of the only flow, from its first event to its last."""
    event, path = _latest(time, start[0], start[1]), []
    while event >= 0:
        path.append(event)
        event = int(cause[event])
    return np.array(path[::-1], dtype=np.int64)


def _saved_on_path(cause: Ints, time: Ints, kind: Small, path: Ints) -> Any:
    """What each hop's kind, twice as fast, would save, in ns; NaN beyond the kinds tried."""
    earlier = np.zeros(len(time), np.int64)
    hops = kind[path]
    spent = pd.Series(np.diff(time[path], prepend=time[path[0]])).groupby(hops).sum()
    tried = spent.drop(-1, errors="ignore").nlargest(_KINDS).index
    saved = {hop: _saved(cause, time, kind, hop, 0, len(time), earlier) for hop in tried}
    return np.array([saved.get(hop, np.nan) for hop in hops], dtype=np.float64)

"""How long does each service take from cause to effect, and how much of that does it wait?

A hop has up to three parts. *Sending*: from the cause's time until the broker had it. *Waiting*: from
then until the effect's service began. *Processing*: from then until the effect's time. A log tells
the first where it has broker times. It tells when a service began only by a column ``started`` (a
time, of the effect), or of spans, whose time is their beginning and whose ``duration_ns`` is how long
was worked. What a log doesn't tell is null.

A log may be divided by flow: what its parts give adds up.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numba import njit

from workbench.analysis.answer import Answer
from workbench.analysis.grouping import places_in_groups
from workbench.analysis.hop_kinds import HOP, effects_stand, hop_keys, hop_kinds
from workbench.analysis.order import moments, nanoseconds
from workbench.analysis.parts import causes_of, inferred_from
from workbench.analysis.quantiles import Grouped
from workbench.analysis.threads import in_ranges
from workbench.analysis.wording import count, length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Ints, Small
    from workbench.analysis.index import FlowIndex

_PARTS: Final = ("sending", "waiting", "processing")
_UNKNOWN: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Part:
    """The hops of a part of a log, by kind, with their times in nanoseconds."""

    kinds: list[tuple[str, ...]]
    """Each kind as ``HOP`` names it; two may be named alike."""
    latency: Grouped
    made_of: dict[str, Grouped]
    """What of ``_PARTS`` the log tells, where it does."""
    attrs: dict[Hashable | None, Any]
    """Where causes are from, and how many hops can't be timed."""


def part(index: FlowIndex, frame: pd.DataFrame) -> Part:
    """Measure the hops of a part of a log, of which ``frame`` is the frame."""
    kind, keys = hop_kinds(index)
    return Part(
        kinds=hop_keys(index, keys),
        latency=_latencies(index, kind, len(keys)),
        made_of=_made_of(index, frame, kind, len(keys)),
        attrs=causes_of(index) | {"untimed": _untimed(index)},
    )


def _untimed(index: FlowIndex) -> int:
    """How many hops can't be timed, since an event at an end says no time of its own."""
    if index.timed_cause is index.cause:
        return 0
    return int((index.timed_cause != index.cause).sum())


def _made_of(index: FlowIndex, frame: pd.DataFrame, kind: Small, n: int) -> dict[str, Grouped]:
    broker_time, started = _times(frame, "broker_time"), _times(frame, "started")
    if broker_time is None and started is None and "duration_ns" not in frame:
        return {}
    effect = np.flatnonzero(kind >= 0)
    at_broker = sent = None
    if broker_time is not None:
        cause = index.cause[effect]
        at_broker = broker_time[index.row[cause]]
        sent = _minus(at_broker, index.time[cause])
    began, worked = _begun(frame, index, effect, started)
    found = {}
    for name, times in zip(_PARTS, (sent, _minus(began, at_broker), worked), strict=True):
        if times is not None:
            told = times != _UNKNOWN
            found[name] = Grouped.of(times[told], kind[effect[told]], n)
    return found


def _latencies(index: FlowIndex, kind: Small, n: int) -> Grouped:
    """How long after its cause each effect was, kind by kind."""
    cut, places, start = places_in_groups(kind, n)
    found = np.empty(start[-1], np.int64)
    in_ranges(
        lambda first, end: _deal(kind, index.cause, index.time, first, end, places[first], found),
        cut,
    )
    return Grouped(found, start)


@njit(cache=True, nogil=True)
def _deal(
    kind: Small, cause: Ints, time: Ints, first: int, end: int, place: Ints, found: Ints
) -> None:
    """As values are dealt to groups, but that they are made on the way: there are never two of each."""
    for event in range(first, end):
        if kind[event] >= 0:
            found[place[kind[event]]] = time[event] - time[cause[event]]
            place[kind[event]] += 1


def whole(parts: Sequence[Part]) -> Answer:
    """Put the parts of a log together; ``EventLog.hops`` documents the columns."""
    kinds = list(dict.fromkeys(kind for piece in parts for kind in piece.kinds))
    latency = _together(kinds, [(piece.kinds, piece.latency) for piece in parts])
    n = np.diff(latency.start)
    p50, p95, p99, top = latency.quantiles([0.5, 0.95, 0.99, 1]) / 1e6
    columns: dict[str, Any] = {
        "n": n,
        "mean_ms": latency.means() / 1e6,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "max_ms": top,
    }
    for name in _PARTS:
        told = [(each.kinds, each.made_of[name]) for each in parts if name in each.made_of]
        median = _together(kinds, told).quantiles([0.5])[0] / 1e6 if told else np.nan
        columns[f"{name}_ms"] = np.full(len(kinds), median)
    size = n.tolist()
    order = sorted(range(len(kinds)), key=lambda at: (-size[at], kinds[at]))
    named = {
        name: pd.array([kinds[at][place] for at in order], dtype="str")
        for place, name in enumerate(HOP)
    }
    in_order = np.array(order, np.int64)
    measured = {name: column[in_order] for name, column in columns.items()}
    table = pd.DataFrame(named | measured, copy=False)
    from workbench.analysis.plots import plot_hops

    untimed = sum(piece.attrs["untimed"] for piece in parts)
    sentence = partial(_sentence, table, latency.below(0), untimed, inferred_from(parts))
    return Answer(table, sentence, plot_hops)


def _together(
    kinds: list[tuple[str, ...]], grouped: Sequence[tuple[list[tuple[str, ...]], Grouped]]
) -> Grouped:
    """The times of some parts, each with its own kinds, by the kinds of them all."""
    place = {kind: at for at, kind in enumerate(kinds)}
    codes = [np.array([place[kind] for kind in own], np.int64) for own, _ in grouped]
    return Grouped.together([times for _, times in grouped], codes, len(kinds))


def _begun(
    frame: pd.DataFrame, index: FlowIndex, effect: Ints, started: Ints | None
) -> tuple[Ints | None, Ints | None]:
    """When the service of each effect began, and how long it worked."""
    began, worked, time = None, None, index.time[effect]
    if started is not None:
        began = started[index.row[effect]]
        worked = _minus(time, began)
    if "duration_ns" not in frame:
        return began, worked
    unknown = np.full(len(effect), _UNKNOWN)
    began, worked = unknown if began is None else began, unknown if worked is None else worked
    told = pd.to_numeric(frame["duration_ns"].iloc[index.row[effect]], errors="coerce")
    span = told.notna().to_numpy() & (began == _UNKNOWN)
    lengths = told.astype("float64").fillna(0).to_numpy().astype(np.int64)
    return np.where(span, time, began), np.where(span, lengths, worked)


def _times(frame: pd.DataFrame, name: str) -> Ints | None:
    """A column of times, in nanoseconds; ``_UNKNOWN`` where there is none.

    None if there is none at all.
    """
    if name not in frame:
        return None
    times = nanoseconds(moments(frame[name]))  # NaT is the number for unknown
    return None if times.max(initial=_UNKNOWN) == _UNKNOWN else times


def _minus(end: Ints | None, start: Ints | None) -> Ints | None:
    if end is None or start is None:
        return None
    known = (end != _UNKNOWN) & (start != _UNKNOWN)
    return np.where(known, end - np.where(known, start, 0), _UNKNOWN)


def _how_slow(half: float, most: float) -> str:
    """How long half and 95 % of some hops take, in seconds: less than none if clocks differ."""
    if half >= 0:
        return f"half take {length(half)} or less, 95 % {length(most)}"
    early = f"half stand {length(-half)} or more before their cause"
    return early + (f", 95 % take {length(most)} or less" if most >= 0 else "")


def _sentence(table: pd.DataFrame, negative: int, untimed: int, inferred: str) -> str:
    left = (
        f" {count(untimed, 'hop')} left out: an event at an end says no time of its own."
        if untimed
        else ""
    )
    if table.empty and untimed:
        return f"No hop here can be timed.{left}"
    if table.empty:
        return "No event here names a cause in its own flow, so there are no hops."
    slowest = table.iloc[int(table["p95_ms"].argmax())]
    said = (
        f"{count(int(table['n'].sum()), 'hop')} of {count(len(table), 'kind')}; the slowest is "
        f"{slowest['cause_type']} → {slowest['effect_type']} by {slowest['service']}: "
        f"{_how_slow(slowest['p50_ms'] / 1e3, slowest['p95_ms'] / 1e3)}."
    )
    if negative:
        said += f" {effects_stand(negative)}, so clocks differ: see log.skew()."
    return said + left + inferred

"""What goes round in circles: types that cause themselves again, and bursts of one step in one flow.

Adds up over a split by flow. A part has a row for each loop or step that it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numba import njit

from workbench.analysis.answer import Answer
from workbench.analysis.arrays import Bools, Ints, Small, mixed
from workbench.analysis.dead_letters import came_at
from workbench.analysis.index import NO_SOURCE, NO_TYPE, is_undated
from workbench.analysis.order import utc
from workbench.analysis.parts import causes_of, inferred_from
from workbench.analysis.traffic_parts import coded, codes_of, firsts, stacked, total
from workbench.analysis.wording import count, length
from workbench.capture.payload_column import payload_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.analysis.index import FlowIndex

CHAIN, STORM = "loop", "storm"
_GROUP: Final = ["kind", "path", "service"]
_LONGEST: Final = 64
"""Steps of a loop, at most: how far up an event's own type is looked for."""


def part(index: FlowIndex, frame: pd.DataFrame, burst: int, within: int) -> pd.DataFrame:
    """List a part's loops and storms, with the columns that ``EventLog.loops`` documents."""
    found = pd.concat([_chains(index), _storms(index, frame, burst, within)], ignore_index=True)
    table = coded(found, _GROUP)
    table.attrs |= causes_of(index) | {
        "untimed": int(_untimed(frame)[index.row].sum()),
        "caused": bool((index.cause >= 0).any()),
    }
    return table


def whole(parts: Sequence[pd.DataFrame]) -> Answer:
    """Put parts together; ``EventLog.loops`` documents the columns."""
    found = stacked(parts).sort_values(
        ["longest", "started", "example"], ascending=[False, True, True], kind="stable"
    )
    groups = found.groupby(_GROUP, observed=True, dropna=False)
    table = groups.agg(
        n=("n", "sum"),
        flows=("flows", "sum"),
        longest=("longest", "first"),
        took_ms=("took", "first"),
        first=("first", "min"),
    )
    table = table.reset_index()
    table["example"] = firsts(found, groups)["example"]
    for name in (*_GROUP, "example"):
        table[name] = table[name].astype("str")
    table["took_ms"] = table["took_ms"].astype("float64") / 1e6
    table["first"] = utc(table["first"].to_numpy(np.int64))
    in_order = ["longest", "n", *_GROUP]
    table = table.sort_values(in_order, ascending=[False] * 2 + [True] * 3, ignore_index=True)
    from workbench.analysis.plots_bars import plot_loops

    sentence = _sentence(table) + inferred_from(parts)
    if not any(part.attrs["caused"] for part in parts):
        sentence += (
            " No cause is known here, so that only bursts can be seen: log.with_causes() infers causes, "
            "and log.variants() shows what comes again."
        )
    if untimed := total(parts, "untimed"):
        says = "says no time and is" if untimed == 1 else "say no time and are"
        sentence += f" {count(untimed, 'event')} {says} in no burst."
    return Answer(table, sentence, plot_loops)


def _chains(index: FlowIndex) -> pd.DataFrame:
    """Types that cause themselves again: by the circle of types that they run through."""
    above, ring, rounds, begin = _again(index.cause, index.type, _LONGEST)
    at = np.flatnonzero(above >= 0)
    code, rings = pd.factorize(ring[at])
    best = np.lexsort((at, -rounds[at], code))
    best = at[best[np.diff(code[best], prepend=-1) != 0]]
    earliest = np.full(len(rings), np.iinfo(np.int64).max)
    np.minimum.at(earliest, code, index.time[at])
    return pd.DataFrame(
        {
            "kind": CHAIN,
            "path": [_circle(index, event, above[event]) for event in best.tolist()],
            "service": None,
            "n": np.bincount(code, minlength=len(rings)),
            "flows": _flows_of(index, at, code, len(rings)),
            "longest": rounds[best],
            "took": index.time[best] - index.time[begin[best]],
            "first": earliest,
            "started": index.spans[0][index.flow[best]],
            "example": index.correlation_id.take(index.flow[best]),
        }
    )


@njit(cache=True, nogil=True)
def _again(cause: Ints, kind: Small, longest: int) -> tuple[Ints, NDArray[np.uint64], Ints, Ints]:
    """Find, of each event, the nearest event above it of its own type.

    Returns
    -------
    tuple of numpy.ndarray
        Its position, or -1; the circle of types in between, as a sum of hashes that is the same
        wherever the circle begins; how many times in a row it was gone round; and the position at
        which that began.
    """
    n = len(cause)
    above, begin = np.full(n, -1), np.full(n, -1)
    ring, rounds = np.zeros(n, np.uint64), np.zeros(n, np.int64)
    step = np.zeros(n, np.uint64)
    for event in range(n):
        if cause[event] >= 0:
            step[event] = (np.uint64(kind[cause[event]]) << np.uint64(32)) | np.uint64(kind[event])
    step = mixed(step + np.uint64(1))
    for event in range(n):
        at, total = event, np.uint64(0)
        for _ in range(longest):
            total += step[at]
            at = cause[at]
            if at < 0:
                break
            if kind[at] == kind[event]:
                above[event], ring[event] = at, total
                goes_on = above[at] >= 0 and ring[at] == total
                rounds[event] = rounds[at] + 1 if goes_on else 1
                begin[event] = begin[at] if goes_on else at
                break
    return above, ring, rounds, begin


def _circle(index: FlowIndex, event: int, above: int) -> str:
    """The types of a circle, ``A → B → A``, from the one whose name sorts first."""
    names = []
    while event != above:
        names.append(str(index.type_names[index.type[event]]))
        event = int(index.cause[event])
    names.reverse()
    turned = min(names[n:] + names[:n] for n in range(len(names)))
    return " → ".join([*turned, turned[0]])


def _untimed(frame: pd.DataFrame) -> Bools:
    """Whether of a row neither the event nor the broker says a time: when it came is not known."""
    return is_undated(frame) & frame["broker_time"].isna().to_numpy()


def _storms(index: FlowIndex, frame: pd.DataFrame, burst: int, within: int) -> pd.DataFrame:
    """Runs of one step in one flow, each soon after the one before.

    A step is a type, source and payload; without a payload, a type, source and cause. What says no
    time is left out.
    """
    again = index.duplicate & (index.copy_flow >= 0)
    rows = np.concatenate([index.row, index.copy[again]])
    flow = np.concatenate([index.flow, index.copy_flow[again]])
    cause = np.concatenate([index.cause, index.cause[index.copy_event[again]]])
    told = ~_untimed(frame)[rows]
    rows, flow, cause = rows[told], flow[told], cause[told]
    kind, source = codes_of(frame["type"])[rows] + 1, codes_of(frame["source"])[rows] + 1
    n_types, n_sources = len(index.type_names) + 1, len(index.source_names) + 1
    step, often = _frequent((flow * n_types + kind) * n_sources + source, burst)
    rows, flow, step = rows[often], flow[often], step[often]
    payload = payload_texts(frame["data"]).take(rows).to_numpy(zero_copy_only=False)
    content = pd.factorize(payload)[0]
    # A cause that the log doesn't hold is told by its id.
    by_id = pd.factorize(frame["causation_id"].array.take(rows))[0] + len(index.row) + 1
    by_cause = np.where(cause[often] >= 0, cause[often], by_id)
    content = np.where(content >= 0, content + len(index.row) + len(rows) + 1, by_cause)
    step, often = _frequent(step * (content.max(initial=0) + 2) + content + 1, burst)
    rows, flow, step = rows[often], flow[often], step[often]
    came = came_at(frame, rows)
    order = np.lexsort((came, step))
    rows, flow, step, came = rows[order], flow[order], step[order], came[order]
    breaks = (np.diff(step, prepend=-1) != 0) | (np.diff(came, prepend=0) > within)
    start = np.flatnonzero(breaks)
    size = np.diff(np.append(start, len(rows)))
    start, size = start[size >= burst], size[size >= burst]
    runs = pd.DataFrame(
        {
            "path": frame["type"].iloc[rows[start]].astype("str").fillna(NO_TYPE).array,
            "service": frame["source"].iloc[rows[start]].astype("str").fillna(NO_SOURCE).array,
            "size": size,
            "flow": flow[start],
            "first": came[start],
            "took": came[start + size - 1] - came[start],
        }
    )
    runs = runs.sort_values(["size", "flow", "first", "took"], ascending=[False, True, True, True])
    groups = runs.groupby(["path", "service"], dropna=False)
    found = groups.agg(
        n=("size", "sum"),
        flows=("flow", "nunique"),
        longest=("size", "first"),
        took=("took", "first"),
        first=("first", "min"),
        flow=("flow", "first"),
    ).reset_index()
    worst = found.pop("flow").to_numpy(np.int64)
    found.insert(0, "kind", STORM)
    found["started"] = index.spans[0][worst]
    found["example"] = index.correlation_id.take(worst)
    return found


def _frequent(keys: Ints, least: int) -> tuple[Ints, NDArray[np.bool_]]:
    code, distinct = pd.factorize(keys)
    return code, (np.bincount(code, minlength=len(distinct)) >= least)[code]


def _flows_of(index: FlowIndex, at: Ints, code: Ints, n: int) -> Ints:
    """How many flows the events of each code are in."""
    pairs = pd.unique(index.flow[at] * max(n, 1) + code)
    return np.bincount(pairs % max(n, 1), minlength=n)


def _sentence(table: pd.DataFrame) -> str:
    if table.empty:
        return "No type causes itself again, and no step comes in bursts."
    said = []
    loops, storms = (table[table["kind"] == kind] for kind in (CHAIN, STORM))
    if len(loops):
        top = loops.iloc[0]
        said.append(
            f"{count(len(loops), 'loop')} of types that cause themselves again, in up to "
            f"{count(int(loops['flows'].max()), 'flow')}; the longest goes "
            f"{count(int(top['longest']), 'time')} round "
            f"{top['path']}{_within(top['took_ms'])} (flow {top['example']})."
        )
    else:
        said.append("No type causes itself again.")
    if len(storms):
        top = storms.iloc[0]
        said.append(
            f"{count(len(storms), 'step')} came in bursts of the same in one flow; the longest is "
            f"{top['longest']:,} {top['path']}{_within(top['took_ms'])} (flow {top['example']})."
        )
    else:
        said.append("No step comes in bursts.")
    return " ".join(said)


def _within(ms: float) -> str:
    """How long something took, where its first event isn't later than its last by their clocks."""
    return f" in {length(ms / 1e3)}" if ms >= 0 else ", by clocks that differ"

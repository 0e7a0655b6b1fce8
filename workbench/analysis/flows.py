"""What became of each flow?"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numba import njit

from workbench.analysis.answer import Answer
from workbench.analysis.arrays import scrambled
from workbench.analysis.flow_sentences import of_flows
from workbench.analysis.order import utc
from workbench.analysis.parts import times_of, together, untimed_flows
from workbench.analysis.threads import cuts_between, in_ranges
from workbench.analysis.variants import Variants

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from workbench.analysis.arrays import Bools, Ints, Small
    from workbench.analysis.index import FlowIndex


@dataclass(frozen=True, eq=False)
class Part:
    """The flows of a part of a log."""

    columns: dict[str, Any]
    """What is said of each flow, by name; times in nanoseconds, its path as a key."""
    attrs: dict[Hashable | None, Any]
    """Where causes are from, how many flows can't be timed and events have none, and in how many flows
    clocks differ at an end."""


def part(index: FlowIndex) -> Part:
    """Describe the flows of a part."""
    first, last = index.start[:-1], index.start[1:] - 1
    started, ended = index.spans
    # By time nothing stands before the first or behind the last, but where an effect follows its cause.
    clocks_differ = (started < index.time[first]) | (ended > index.time[last])
    return Part(
        columns={
            "correlation_id": index.correlation_id,
            "started": started,
            "ended": ended,
            "events": np.diff(index.start),
            "duplicates": _per_flow(index, index.duplicate),
            "dead_letters": _per_flow(index, index.dead),
            "path": index.path_keys,
            "first_type": _in_use(index.type[first], index.type_names),
            "last_type": _in_use(index.type[last], index.type_names),
            "services": _services(index),
            "timed": index.fully_timed,
        },
        attrs=times_of(index)
        | {"without_flow": index.without_flow, "clocks": int(clocks_differ.sum())},
    )


def whole(
    parts: Sequence[Part], draw: Callable[[pd.DataFrame], go.Figure | None] | None = None
) -> Answer:
    """Put the flows of all parts together, drawn so; ``EventLog.flows`` documents the columns."""
    table = _together(parts)
    without_flow = sum(piece.attrs["without_flow"] for piece in parts)
    untimed, clocks = untimed_flows(parts), sum(piece.attrs["clocks"] for piece in parts)
    return Answer(table, lambda: of_flows(table, without_flow, clocks) + untimed, draw)


def _together(parts: Sequence[Part]) -> pd.DataFrame:
    columns = parts[0].columns
    if len(parts) > 1:
        flows = together(pd.DataFrame(piece.columns, copy=False) for piece in parts)
        flows = flows.sort_values(["started", "correlation_id"], ignore_index=True)
        columns = {str(name): column.array for name, column in flows.items()}
    started, ended, path = (np.asarray(columns[name]) for name in ("started", "ended", "path"))
    variants, timed = Variants.by(path), np.asarray(columns["timed"])
    return pd.DataFrame(
        {
            "correlation_id": columns["correlation_id"],
            "started": utc(started),
            "ended": utc(ended),
            "duration_ms": np.where(timed, ended - started, np.nan) / 1e6,
            **{name: columns[name] for name in ("events", "duplicates", "dead_letters")},
            "variant": pd.Categorical.from_codes(
                variants.of_flow,
                pd.Index(variants.names, dtype="str"),
                ordered=True,
                validate=False,
            ),
            **{name: columns[name] for name in ("first_type", "last_type", "services")},
        },
        copy=False,
    )


def _per_flow(index: FlowIndex, records: Bools) -> Ints:
    flow = index.copy_flow[records]
    return np.bincount(flow[flow >= 0], minlength=index.flows)


def _services(index: FlowIndex) -> pd.Categorical:
    """Name the services that emitted each flow's events; alike sets are written out once."""
    sets, n_sources = np.empty(index.flows, np.uint64), len(index.source_names)
    in_ranges(
        lambda first, end: _sets(index.source, index.start, n_sources, sets, first, end),
        cuts_between(index.start),
    )
    code, distinct = pd.factorize(sets)
    example = np.full(len(distinct), -1)
    example[code] = np.arange(len(code))
    members = (set(index.source[index.start[f] : index.start[f + 1]].tolist()) for f in example)
    names = [", ".join(index.source_names[sorted(each)]) for each in members]
    return _in_use(code, names)


def _in_use(codes: Ints | Small, names: Sequence[str] | NDArray[np.object_]) -> pd.Categorical:
    """Texts as categories that are all used, and sorted; names that are alike become one."""
    used = np.flatnonzero(np.bincount(codes, minlength=len(names)))
    place = np.zeros(len(names), np.int64)
    distinct, place[used] = np.unique(np.asarray(names, dtype=object)[used], return_inverse=True)
    categories = pd.Index(distinct, dtype="str")
    return pd.Categorical.from_codes(place[codes], categories, validate=False)


@njit(cache=True, nogil=True)
def _sets(
    member: Small, start: Ints, n_members: int, found: NDArray[np.uint64], first: int, end: int
) -> None:
    """A hash of the set of members that each group has."""
    seen = np.full(n_members, -1, np.int64)
    for group in range(first, end):
        found[group] = 0
        for at in range(start[group], start[group + 1]):
            if seen[member[at]] != group:
                seen[member[at]] = group
                found[group] += scrambled(np.uint64(member[at]) + np.uint64(1))

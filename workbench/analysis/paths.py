"""Paths of flows: what happened in which stage.

An event stands one stage after its cause; an event whose cause is not known stands one stage after
the event before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from workbench.analysis.arrays import Ints, Small, scrambled
from workbench.analysis.threads import cuts_between, in_ranges

if TYPE_CHECKING:
    from workbench.analysis.index import FlowIndex

_SHOWN: Final = 40
"""Stages of a path that are written out; from a longer one the middle is left out, and counted."""


def path_keys(type_names: NDArray[np.object_], types: Small, cause: Ints, start: Ints) -> Ints:
    """Name the path of each flow by a number that is the same in every log.

    What is given are arrays of a flow index.

    Paths are told apart by the sum of a 64-bit hash of each event's stage and the name of its type:
    one chance in a million that two of five million distinct paths are taken for one.
    """
    kinds = np.asarray(pd.util.hash_array(type_names, categorize=False), dtype=np.uint64)
    found = np.empty(len(start) - 1, np.uint64)
    in_ranges(
        lambda first, end: _keys(kinds, types, cause, start, found, first, end),
        cuts_between(start),
    )
    return found.view(np.int64)


def paths(index: FlowIndex, flows: Ints) -> list[str]:
    """Write out the paths of some flows: ``A → B + C ×2 → D``."""
    size = index.start[flows + 1] - index.start[flows]
    nth = np.repeat(np.arange(len(flows)), size)
    at = np.arange(len(nth)) + np.repeat(index.start[flows] - (np.cumsum(size) - size), size)
    stage_of, n_types = _stages_of(index.cause, index.start, flows), len(index.type_names)
    n_stages = stage_of.max(initial=0) + 1
    steps = (nth * n_stages + stage_of) * n_types + index.type[at]
    steps, counts = np.unique(steps, return_counts=True)
    told: list[list[str]] = [[] for _ in flows]
    place, kind = np.divmod(steps, n_types)
    columns = (*np.divmod(place, n_stages), index.type_names[kind], counts)
    for flow, stage, name, count in zip(*(each.tolist() for each in columns), strict=True):
        said = f"{name} ×{count}" if count > 1 else name
        stages = told[flow]
        if stage < len(stages):
            stages[-1] += f" + {said}"
        else:
            stages.append(said)
    return [" → ".join(_shortened(stages)) for stages in told]


@njit(cache=True, nogil=True)
def _keys(
    kinds: NDArray[np.uint64],
    types: Small,
    cause: Ints,
    start: Ints,
    found: NDArray[np.uint64],
    first: int,
    end: int,
) -> None:
    stage = np.empty(0, np.int64)
    for flow in range(first, end):
        low, high = start[flow], start[flow + 1]
        if high - low > len(stage):
            stage = np.empty(2 * (high - low), np.int64)
        _stages(cause, low, high, stage)
        key = np.uint64(0)
        for at in range(low, high):
            key += scrambled(kinds[types[at]] + scrambled(np.uint64(stage[at - low])))
        found[flow] = key


@njit(cache=True, nogil=True)
def _stages_of(cause: Ints, start: Ints, flows: Ints) -> Ints:
    """The stages of the events of some flows, one flow after the other."""
    n = 0
    for flow in flows:
        n += start[flow + 1] - start[flow]
    found, filled = np.empty(n, np.int64), 0
    for flow in flows:
        _stages(cause, start[flow], start[flow + 1], found[filled:])
        filled += start[flow + 1] - start[flow]
    return found


@njit(cache=True, nogil=True)
def _stages(cause: Ints, low: int, high: int, found: Ints) -> None:
    for at in range(low, high):
        if cause[at] >= 0:
            found[at - low] = found[cause[at] - low] + 1
        else:
            found[at - low] = found[at - low - 1] + 1 if at > low else 0


def _shortened(stages: list[str]) -> list[str]:
    if len(stages) <= _SHOWN:
        return stages
    ends = _SHOWN // 2
    return [*stages[:ends], f"… {len(stages) - 2 * ends} more stages …", *stages[-ends:]]

"""Effects of which nobody knows the cause, each taken as the answer to one event that waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from workbench.analysis.arrays import Ints

if TYPE_CHECKING:
    from workbench.analysis.index import FlowIndex


def taken_as_answers(
    index: FlowIndex, waiting: Ints, due: Ints, effects: Ints, label: Ints, accepted: Ints, by: Ints
) -> Ints:
    """Give each effect of unknown cause to the nearest event before it that may have caused it.

    Parameters
    ----------
    waiting, due
        The positions of events that nothing answered, ascending, and what is due to each.
    effects, label
        The positions of events of unknown cause, ascending, and what each is.
    accepted, by
        Pairs: the label of an effect and the thing due that it answers.

    Returns
    -------
    numpy.ndarray of int64
        Of each that waits, the position of its answer; -1 if there is none. An effect answers one.
    """
    order = np.argsort(accepted, kind="stable")
    labels, place = np.unique(accepted[order], return_inverse=True)
    start = np.searchsorted(place, np.arange(len(labels) + 1)).astype(np.int64)
    at = np.searchsorted(labels, label)
    at[at == len(labels)] = 0
    known = np.flatnonzero(labels[at] == label) if len(labels) else np.empty(0, np.int64)
    n = int(max(due.max(initial=-1), by.max(initial=-1))) + 1
    return _taken(
        *(waiting, index.flow[waiting], due, effects[known], index.flow[effects[known]]),
        *(at[known], start, by[order], n),
    )


@njit(cache=True, nogil=True)
def _taken(
    waiting: Ints,
    flow: Ints,
    due: Ints,
    effects: Ints,
    effect_flow: Ints,
    label: Ints,
    start: Ints,
    by: Ints,
    n_due: int,
) -> Ints:
    """As above; those that wait lie on a stack per thing due, the nearest on top."""
    answer, below = np.full(len(waiting), -1), np.full(len(waiting), -1)
    top, of_flow = np.full(n_due, -1), np.full(n_due, -1)
    unit = 0
    for at in range(len(effects)):
        while unit < len(waiting) and waiting[unit] < effects[at]:
            what = due[unit]
            if of_flow[what] == flow[unit]:
                below[unit] = top[what]
            of_flow[what], top[what] = flow[unit], unit
            unit += 1
        nearest = -1
        for place in range(start[label[at]], start[label[at] + 1]):
            if of_flow[by[place]] == effect_flow[at] and top[by[place]] > nearest:
                nearest = top[by[place]]
        if nearest >= 0:
            answer[nearest] = effects[at]
            top[due[nearest]] = below[nearest]
    return answer

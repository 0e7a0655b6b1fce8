"""Effects after their causes: how an order in time is put right where it contradicts the causes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from workbench.analysis.arrays import Ints, Small
from workbench.analysis.threads import cuts_between, in_ranges

_UNSEEN: Final = -2


def effects_after_causes(rows: Small, times: Ints, cause: Ints, start: Ints) -> None:
    """Move, in place, every event that stands before its cause to right behind it, flow by flow.

    An event then stands where the latest of its ancestors and itself stood; events that share such a
    place follow each other from cause to effect. Of a ring of causes the first event has none.

    Parameters
    ----------
    rows, times
        What moves: the row of each event, flow by flow and in each flow in total order, and its time.
    cause
        Of each event, the position of its cause, in the same flow; -1 for none.
    start
        Where each flow starts, with the end of the last behind.
    """
    in_ranges(
        lambda first, end: _put_right(rows, times, cause, start, first, end), cuts_between(start)
    )


@njit(cache=True, nogil=True)
def _put_right(rows: Small, times: Ints, cause: Ints, start: Ints, first: int, end: int) -> None:
    for flow in range(first, end):
        low, high = start[flow], start[flow + 1]
        early = False
        for at in range(low, high):
            if cause[at] >= at:
                early = True
                break
        if not early:
            continue
        inner = np.empty(high - low, np.int64)
        for at in range(low, high):
            inner[at - low] = cause[at] - low if cause[at] >= 0 else -1
        inner = without_rings(inner)
        order = causal_order(inner)
        moved_to = np.empty(len(order), np.int64)
        moved_rows, moved_times = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
        for place in range(len(order)):
            moved_to[order[place]] = place
            moved_rows[place] = rows[low + order[place]]
            moved_times[place] = times[low + order[place]]
        for place in range(len(order)):
            before = inner[order[place]]
            rows[low + place], times[low + place] = moved_rows[place], moved_times[place]
            cause[low + place] = low + moved_to[before] if before >= 0 else -1


@njit(cache=True, nogil=True)
def without_rings(cause: Ints) -> Ints:
    """Drop the cause of the first event of every ring of causes.

    Parameters
    ----------
    cause
        For each event, in total order, the position of its cause; -1 for none.
    """
    opened = cause.copy()
    walk = np.full(len(cause), -1, np.int64)  # on which walk, from which event, it was passed
    for event in range(len(cause)):
        at = event
        while at >= 0 and walk[at] < 0:
            walk[at] = event
            at = opened[at]
        if at >= 0 and walk[at] == event:
            least, on = at, opened[at]
            while on != at:
                least = min(least, on)
                on = opened[on]
            opened[least] = -1
    return opened


@njit(cache=True, nogil=True)
def causal_order(cause: Ints) -> Ints:
    """Move every event that stands before its cause to right behind it.

    Parameters
    ----------
    cause
        For each event, in total order, the position of its cause; -1 for none. No rings.

    Returns
    -------
    numpy.ndarray of int64
        The positions in the new order.
    """
    n = len(cause)
    place, depth = np.arange(n), np.full(n, _UNSEEN, np.int64)
    chain = np.empty(n, np.int64)
    for event in range(n):
        at, length = event, 0
        while at >= 0 and depth[at] == _UNSEEN:
            chain[length] = at
            length += 1
            at = cause[at]
        while length:
            length -= 1
            at = chain[length]
            before = cause[at]
            depth[at] = depth[before] + 1 if before >= 0 else 0
            if before >= 0:
                place[at] = max(place[at], place[before])
    return _sorted_by(place, _sorted_by(depth, np.arange(n)))


@njit(cache=True, nogil=True)
def _sorted_by(key: Ints, order: Ints) -> Ints:
    """Sort positions by a key below their number; those of one key keep their order."""
    begins = np.zeros(len(key) + 1, np.int64)
    for value in key:
        begins[value + 1] += 1
    for value in range(len(key)):
        begins[value + 1] += begins[value]
    found = np.empty(len(key), np.int64)
    for at in order:
        found[begins[key[at]]] = at
        begins[key[at]] += 1
    return found


@njit(cache=True, nogil=True)
def depth_in_order(cause: Ints) -> Ints:
    """Count the ancestors of each event, where no event stands before its cause."""
    count = np.zeros(len(cause), np.int64)
    for event in range(len(cause)):
        if cause[event] >= 0:
            count[event] = count[cause[event]] + 1
    return count

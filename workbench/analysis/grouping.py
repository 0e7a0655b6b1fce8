"""Sorting rows into groups and groups into order: linear passes that the flow index is made of."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from workbench.analysis.arrays import Bools, Ints

_FEW: Final = 32
"""Rows that are sorted by putting each in its place, and searched one by one."""
_U: Final = np.uint64


@njit(cache=True, nogil=True)
def grouped(group: Ints, n_groups: int) -> tuple[Ints, Ints]:
    """Put rows of one group side by side, in the order in which they are; -1 is in none.

    Returns
    -------
    tuple of numpy.ndarray of int64
        The rows, group by group; and where each group starts, with the end of the last behind.
    """
    start = np.zeros(n_groups + 1, np.int64)
    for row in range(len(group)):
        if group[row] >= 0:
            start[group[row] + 1] += 1
    for number in range(n_groups):
        start[number + 1] += start[number]
    place = start[:-1].copy()
    rows = np.empty(start[-1], np.int64)
    for row in range(len(group)):
        number = group[row]
        if number >= 0:
            rows[place[number]] = row
            place[number] += 1
    return rows, start


@njit(cache=True, nogil=True)
def earliest(group: Ints, n_groups: int, time: Ints) -> Ints:
    """The least time of each group."""
    found = np.full(n_groups, np.iinfo(np.int64).max, np.int64)
    for row in range(len(group)):
        number = group[row]
        if number >= 0 and time[row] < found[number]:
            found[number] = time[row]
    return found


@njit(cache=True, nogil=True)
def sort_by_time(rows: Ints, start: Ints, time: Ints) -> Bools:
    """Sort the rows of each group by time, in place; rows of one time keep their order.

    Returns
    -------
    numpy.ndarray of bool
        Of each place: whether its row is tied with the one before it in its group.
    """
    tied = np.zeros(len(rows), np.bool_)
    keys = np.empty(len(rows), np.int64)
    for at in range(len(rows)):
        keys[at] = time[rows[at]]
    for number in range(len(start) - 1):
        first, end = start[number], start[number + 1]
        if end - first > _FEW:
            ascending = True
            for at in range(first + 1, end):
                if keys[at] < keys[at - 1]:
                    ascending = False
                    break
            if not ascending:
                order = np.argsort(keys[first:end], kind="mergesort")
                rows[first:end] = rows[first:end][order]
                keys[first:end] = keys[first:end][order]
        else:
            for at in range(first + 1, end):
                key, row, to = keys[at], rows[at], at
                while to > first and keys[to - 1] > key:
                    keys[to], rows[to] = keys[to - 1], rows[to - 1]
                    to -= 1
                keys[to], rows[to] = key, row
        for at in range(first + 1, end):
            tied[at] = keys[at] == keys[at - 1]
    return tied


@njit(cache=True, nogil=True)
def found_in_group(
    rows: Ints, start: Ints, have: NDArray[np.uint64], want: NDArray[np.uint64]
) -> Ints:
    """Find, for each place, the first place of its group that has what it wants; -1 if none has.

    Parameters
    ----------
    rows, start
        The rows, group by group, and where each group starts.
    have, want
        Of each row: the hash of what it has and of what it wants; 0 for nothing.
    """
    n = len(rows)
    found = np.full(n, -1, np.int64)
    has, wants = np.empty(n, np.uint64), np.empty(n, np.uint64)
    for at in range(n):
        has[at], wants[at] = have[rows[at]], want[rows[at]]
    largest = 0
    for number in range(len(start) - 1):
        largest = max(largest, int(start[number + 1] - start[number]))
    size = 64
    while size < 2 * largest:
        size *= 2
    table = np.full(size, -1, np.int64)
    for number in range(len(start) - 1):
        first, end = start[number], start[number + 1]
        if end - first <= _FEW:
            for at in range(first, end):
                wanted = wants[at]
                if wanted:
                    for other in range(first, end):
                        if has[other] == wanted:
                            found[at] = other
                            break
            continue
        used = 64
        while used < 2 * (end - first):
            used *= 2
        table[:used] = -1
        for at in range(first, end):
            if has[at]:
                slot = np.int64(has[at] & _U(used - 1))
                while table[slot] >= 0 and has[table[slot]] != has[at]:
                    slot = (slot + 1) & (used - 1)
                if table[slot] < 0:
                    table[slot] = at
        for at in range(first, end):
            if wants[at]:
                slot = np.int64(wants[at] & _U(used - 1))
                while table[slot] >= 0 and has[table[slot]] != wants[at]:
                    slot = (slot + 1) & (used - 1)
                found[at] = table[slot]
    return found

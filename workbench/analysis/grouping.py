"""Sorting rows into groups and groups into order: linear passes that the flow index is made of."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from workbench.analysis.arrays import Bools, Ints
from workbench.analysis.texts import alike

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
def same_before(
    key: NDArray[np.uint64],
    start: Ints,
    letters: NDArray[np.uint8],
    missing: Bools,
    also: Ints,
) -> Ints:
    """Find, for each row, the first row that is alike: the same hash, text and further number.

    Parameters
    ----------
    key
        A hash of each row's text and further number; 0 for a row that is alike to none.
    start, letters, missing
        The texts. Two rows without a text are alike if their further numbers are.
    also
        The further number of each row.

    Returns
    -------
    numpy.ndarray of int64
        The first row alike to each: itself for most.

    Notes
    -----
    The rows are dealt into heaps by the highest bits of their hash, so that each heap's table stays
    in the processor's cache.
    """
    n = len(key)
    first = np.arange(n)
    bits = 1
    while (n >> bits) > 4096 and bits < 16:
        bits += 1
    shift = _U(64 - bits)
    heaps = 1 << bits
    count = np.zeros(heaps + 1, np.int64)
    for row in range(n):
        if key[row]:
            count[np.int64(key[row] >> shift) + 1] += 1
    for heap in range(heaps):
        count[heap + 1] += count[heap]
    place = count[:-1].copy()
    dealt = np.empty(count[-1], np.int64)
    for row in range(n):
        if key[row]:
            onto = np.int64(key[row] >> shift)
            dealt[place[onto]] = row
            place[onto] += 1
    most = 0
    for heap in range(heaps):
        most = max(most, int(count[heap + 1] - count[heap]))
    size = 16
    while size < 2 * most:
        size *= 2
    table = np.full(size, -1, np.int64)
    for heap in range(heaps):
        used = 16
        while used < 2 * (count[heap + 1] - count[heap]):
            used *= 2
        table[:used] = -1
        for at in range(count[heap], count[heap + 1]):
            row = dealt[at]
            slot = np.int64(key[row] & _U(used - 1))
            while table[slot] >= 0:
                other = table[slot]
                if (
                    key[other] == key[row]
                    and also[other] == also[row]
                    and missing[other] == missing[row]
                    and (missing[row] or alike(start, letters, other, row))
                ):
                    break
                slot = (slot + 1) & (used - 1)
            if table[slot] < 0:
                table[slot] = row
            else:
                first[row] = table[slot]
    return first


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

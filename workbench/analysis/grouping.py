"""Dealing rows to groups and finding what is alike: linear passes that the flow index is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from workbench.analysis.arrays import ODD, Bools, Ints, Small
from workbench.analysis.threads import cuts, cuts_between, in_ranges

Hashes: TypeAlias = NDArray[np.uint64]

_HEAP: Final = 4096
"""Rows whose table fits into the cache next to a processor."""
_FEW: Final = 32
"""Rows that are searched one by one."""
_RUN: Final = 12
"""Rows that are sorted by putting each in its place."""
_U: Final = np.uint64


class Dealt(NamedTuple):
    """Rows side by side by group, and in each group in the order in which they were."""

    rows: Small
    values: Ints
    """A value of each of those rows."""
    start: Ints
    """Where each group starts, with the end of the last behind."""


def dealt(group: Small, n_groups: int, values: Ints) -> Dealt:
    """Deal rows to their groups, with a value each; -1 is no group."""
    rows = np.empty(len(group), np.int32)
    values, start = _dealt(group, n_groups, values, rows)
    return Dealt(rows[: len(values)], values, start)


def values_dealt(group: Small, n_groups: int, values: Ints) -> tuple[Ints, Ints]:
    """Deal values to their groups; and where each group starts, with the end of the last behind."""
    return _dealt(group, n_groups, values, None)


def places_in_groups(group: Small, n_groups: int) -> tuple[Sequence[int], dict[int, Ints], Ints]:
    """Where rows come to stand that are dealt to their groups; -1 is no group.

    Returns
    -------
    tuple
        Where to cut the rows into ranges; of the range that begins at a row, where its first row of
        each group goes; and where each group starts, with the end of the last behind.
    """
    cut = cuts(len(group))
    sizes = in_ranges(lambda first, end: _sizes(group[first:end], n_groups), cut)
    return cut, *_places(cut, sizes)


def _places(cut: Sequence[int], sizes: Sequence[Ints]) -> tuple[dict[int, Ints], Ints]:
    """Where the first row of each group of each range goes, and where each group starts."""
    start = np.concatenate([[0], np.cumsum(np.sum(sizes, axis=0))])
    places, place = {}, start[:-1]
    for first, size in zip(cut[:-1], sizes, strict=True):
        places[first] = place.copy()
        place = place + size
    return places, start


def _dealt(group: Small, n_groups: int, values: Ints, rows: Small | None) -> tuple[Ints, Ints]:
    cut, places, start = places_in_groups(group, n_groups)
    found = np.empty(start[-1], np.int64)
    in_ranges(lambda first, end: _deal(group, values, first, end, places[first], rows, found), cut)
    return found, start


@njit(cache=True, nogil=True)
def _sizes(group: Small, n_groups: int) -> Ints:
    size = np.zeros(n_groups, np.int64)
    for number in group:
        if number >= 0:
            size[number] += 1
    return size


@njit(cache=True, nogil=True)
def _deal(
    group: Small,
    values: Ints,
    first: int,
    end: int,
    place: Ints,
    rows: Small | None,
    found: Ints,
) -> None:
    for row in range(first, end):
        number = group[row]
        if number >= 0:
            found[place[number]] = values[row]
            if rows is not None:
                rows[place[number]] = row
            place[number] += 1


def same_before(hashes: Hashes, also: Small | None = None) -> Small:
    """Find, for each row, the first row that has the same hash and further number; 0 is the same as none.

    Returns
    -------
    numpy.ndarray of int32
        The first row that is the same as each row: itself for most.

    Notes
    -----
    The rows are dealt into heaps by the highest bits of their keys, so that each heap's table stays
    in the processor's cache. A key is made where it is used: that is quicker than to keep it.
    """
    bits = min(max((len(hashes) // _HEAP).bit_length(), 1), 16)
    cut = cuts(len(hashes))
    places, start = _places(
        cut, in_ranges(lambda first, end: _heap_sizes(hashes, also, bits, first, end), cut)
    )
    first_row = np.empty(len(hashes), np.int32)
    rows, keys = np.empty(start[-1], np.int32), np.empty(start[-1], np.int64)
    in_ranges(
        lambda first, end: _deal_heaps(
            hashes, also, bits, places[first], rows, keys, first_row, first, end
        ),
        cut,
    )
    in_ranges(
        lambda first, end: _first_of_heaps(rows, keys, start, first, end, first_row),
        cuts_between(start),
    )
    return first_row


@njit(inline="always")
def _key(hashes: Hashes, also: Small | None, row: int) -> np.uint64:
    """The hash of a row and of its further number."""
    key: np.uint64 = hashes[row]
    return key if also is None else key + _U(also[row]) * ODD


@njit(cache=True, nogil=True)
def _heap_sizes(hashes: Hashes, also: Small | None, bits: int, first: int, end: int) -> Ints:
    size, shift = np.zeros(1 << bits, np.int64), _U(64 - bits)
    for row in range(first, end):
        if hashes[row]:
            size[_key(hashes, also, row) >> shift] += 1
    return size


@njit(cache=True, nogil=True)
def _deal_heaps(
    hashes: Hashes,
    also: Small | None,
    bits: int,
    place: Ints,
    rows: Small,
    keys: Ints,
    first_row: Small,
    first: int,
    end: int,
) -> None:
    shift = _U(64 - bits)
    for row in range(first, end):
        first_row[row] = row
        if hashes[row]:
            key = _key(hashes, also, row)
            at = place[key >> shift]
            rows[at], keys[at] = row, np.int64(key)
            place[key >> shift] = at + 1


@njit(cache=True, nogil=True)
def _first_of_heaps(
    rows: Small, keys: Ints, start: Ints, first: int, end: int, first_row: Small
) -> None:
    table = table_for(start, first, end)
    for heap in range(first, end):
        low, n = start[heap], start[heap + 1] - start[heap]
        used = table_size(n)
        table[:used] = -1
        held = keys[low : low + n]
        for at in range(n):
            slot = slot_of(table, used, held, held[at], held[at])
            if table[slot] < 0:
                table[slot] = at
            else:
                first_row[rows[low + at]] = rows[low + table[slot]]


@njit(cache=True, nogil=True)
def table_size(n: int) -> int:
    """The slots of a table in which ``n`` keys are found at once: a power of 2, three quarters of them free."""
    size = 16
    while size < 4 * n:
        size *= 2
    return size


@njit(cache=True, nogil=True)
def table_for(start: Ints, first: int, end: int) -> Ints:
    """A table with room for the keys of any of some groups."""
    return np.empty(table_size(_largest(start, first, end)), np.int64)


@njit(cache=True, nogil=True)
def _largest(start: Ints, first: int, end: int) -> int:
    """How many rows the largest of some groups has."""
    largest = 0
    for group in range(first, end):
        largest = max(largest, start[group + 1] - start[group])
    return largest


@njit(cache=True, nogil=True)
def slot_of(table: Ints, used: int, keys: Ints, key: int, hashed: np.int64) -> np.int64:
    """Where a key is in a table of places among keys, or would be; -1 there is a free slot."""
    slot = hashed & (used - 1)
    while table[slot] >= 0 and keys[table[slot]] != key:
        slot = (slot + 1) & (used - 1)
    return slot


def earliest(group: Small, n_groups: int, time: Ints) -> Ints:
    """The least time of each group; the largest number for a group without rows."""
    found = in_ranges(
        lambda first, end: _earliest(group[first:end], n_groups, time[first:end]), cuts(len(group))
    )
    least: Ints = np.min(found, axis=0)
    return least


@njit(cache=True, nogil=True)
def _earliest(group: Small, n_groups: int, time: Ints) -> Ints:
    found = np.full(n_groups, np.iinfo(np.int64).max, np.int64)
    for row in range(len(group)):
        number = group[row]
        if number >= 0 and time[row] < found[number]:
            found[number] = time[row]
    return found


def sort_groups(groups: Dealt) -> Bools:
    """Sort the rows of each group by value, in place; rows of one value keep their order.

    Returns
    -------
    numpy.ndarray of bool
        Of each place: whether its row has the value of the one before it in its group.
    """
    tied = np.zeros(len(groups.rows), dtype=bool)
    in_ranges(lambda first, end: _sort(*groups, tied, first, end), cuts_between(groups.start))
    return tied


@njit(cache=True, nogil=True)
def _sort(rows: Small, keys: Ints, start: Ints, tied: Bools, first: int, end: int) -> None:
    """Merge sort, from runs of a few rows that are sorted by putting each in its place."""
    largest = _largest(start, first, end)
    spare_rows, spare_keys = np.empty(largest, np.int32), np.empty(largest, np.int64)
    for group in range(first, end):
        low, high = start[group], start[group + 1]
        for run in range(low, high, _RUN):
            for at in range(run + 1, min(run + _RUN, high)):
                key, row, to = keys[at], rows[at], at
                while to > run and keys[to - 1] > key:
                    keys[to], rows[to] = keys[to - 1], rows[to - 1]
                    to -= 1
                keys[to], rows[to] = key, row
        width = _RUN
        while width < high - low:
            for left in range(low, high - width, 2 * width):
                right = left + width
                if keys[right - 1] > keys[right]:
                    _merge(
                        rows, keys, left, right, min(right + width, high), spare_rows, spare_keys
                    )
            width *= 2
        for at in range(low + 1, high):
            tied[at] = keys[at] == keys[at - 1]


@njit(cache=True, nogil=True)
def _merge(
    rows: Small,
    keys: Ints,
    left: int,
    right: int,
    end: int,
    spare_rows: Small,
    spare_keys: Ints,
) -> None:
    """Merge two sorted runs that lie side by side; of equal keys the left one goes first.

    The last of the left one is greater than the first of the right one.
    """
    while keys[left] <= keys[right]:
        left += 1
    n = right - left
    for at in range(n):
        spare_rows[at], spare_keys[at] = rows[left + at], keys[left + at]
    at, onto = 0, left
    while at < n and right < end:
        if keys[right] < spare_keys[at]:
            keys[onto], rows[onto] = keys[right], rows[right]
            right += 1
        else:
            keys[onto], rows[onto] = spare_keys[at], spare_rows[at]
            at += 1
        onto += 1
    while at < n:
        keys[onto], rows[onto] = spare_keys[at], spare_rows[at]
        at += 1
        onto += 1


def found_in_group(rows: Small, start: Ints, have: Hashes, want: Hashes) -> Ints:
    """Find, for each place, the first place of its group that has what it wants; -1 if none has.

    Parameters
    ----------
    rows, start
        The rows, group by group, and where each group starts.
    have, want
        Of each row: the hash of what it has and of what it wants; 0 for nothing.
    """
    found = np.empty(len(rows), np.int64)
    hashes = have.view(np.int64), want.view(np.int64)
    in_ranges(
        lambda first, end: _find(rows, start, *hashes, found, first, end), cuts_between(start)
    )
    return found


@njit(cache=True, nogil=True)
def _find(
    rows: Small,
    start: Ints,
    have: Ints,
    want: Ints,
    found: Ints,
    first: int,
    end: int,
) -> None:
    table = table_for(start, first, end)
    has = np.empty(len(table), np.int64)
    for group in range(first, end):
        low, n = start[group], start[group + 1] - start[group]
        for at in range(n):
            has[at] = have[rows[low + at]]
        if n <= _FEW:
            for at in range(n):
                wanted = want[rows[low + at]]
                found[low + at] = -1
                if wanted:
                    for other in range(n):
                        if has[other] == wanted:
                            found[low + at] = low + other
                            break
            continue
        used = table_size(n)
        table[:used] = -1
        for at in range(n):
            if has[at]:
                slot = slot_of(table, used, has, has[at], has[at])
                if table[slot] < 0:
                    table[slot] = at
                else:
                    has[at] = 0
        for at in range(n):
            wanted = want[rows[low + at]]
            found[low + at] = -1
            if wanted and at and has[at - 1] == wanted:  # most follow their cause
                found[low + at] = low + at - 1
            elif wanted:
                slot = slot_of(table, used, has, wanted, wanted)
                if table[slot] >= 0:
                    found[low + at] = low + table[slot]

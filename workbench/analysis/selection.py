"""Order statistics: what stands at some ranks if values were sorted, without sorting them."""

from __future__ import annotations

import secrets
from typing import Final

import numpy as np
from numba import njit

from workbench.analysis.arrays import Ints, scrambled
from workbench.analysis.threads import cuts_between, in_ranges

_FEW: Final = 16
"""Values that are sorted by putting each in its place."""
_SEED: Final = np.uint64(secrets.randbits(64))
"""Nobody can write a log whose values make it slow: its pivots are others in each process."""


def put_in_place(values: Ints, start: Ints, ranks: Ints) -> None:
    """Move, in each group, the values of some ranks to where they were if it were sorted.

    Parameters
    ----------
    values
        Group by group; none greater then stands before such a value in its group, and none less behind.
    start
        Where each group starts, with the end of the last behind.
    ranks
        Counted from 0; one column per group, ascending.
    """
    in_ranges(
        lambda first, end: _put_in_place(values, start, ranks, _SEED, first, end),
        cuts_between(start),
    )


@njit(cache=True, nogil=True)
def _put_in_place(
    values: Ints, start: Ints, ranks: Ints, seed: np.uint64, first: int, end: int
) -> None:
    for group in range(first, end):
        placed = start[group]  # up to there; what comes behind is no less
        for rank in ranks[:, group]:
            at = start[group] + rank
            if placed <= at < start[group + 1]:
                _select(values, placed, start[group + 1], at, seed)
                placed = at + 1


@njit(cache=True, nogil=True)
def _select(values: Ints, low: int, high: int, wanted: int, seed: np.uint64) -> None:
    """Put what belongs at a place of a range there: quickselect (C. A. R. Hoare, 1961).

    Values are divided without a branch (N. Lomuto's way), which a processor could only guess. The
    pivots are the middle one of three from scattered places, so that no order in which values are
    likely to come makes it slow.
    """
    if wanted == low:
        least = low
        for at in range(low + 1, high):
            least = at if values[at] < values[least] else least
        values[low], values[least] = values[least], values[low]
        return
    while high - low > _FEW:
        pivot, border = _pivot(values, low, high, seed), low
        for at in range(low, high):
            value = values[at]
            values[at] = values[border]
            values[border] = value
            border += value < pivot
        if wanted < border:
            high = border
        elif low < border:
            low = border
        else:  # none is less than the pivot: what is equal goes first
            for at in range(low, high):
                value = values[at]
                values[at] = values[border]
                values[border] = value
                border += value == pivot
            if wanted < border:
                return
            low = border
    for at in range(low + 1, high):
        value, to = values[at], at
        while to > low and values[to - 1] > value:
            values[to] = values[to - 1]
            to -= 1
        values[to] = value


@njit(cache=True, nogil=True)
def _pivot(values: Ints, low: int, high: int, seed: np.uint64) -> np.int64:
    """The middle one of three values of a range."""
    size, mix = np.uint64(high - low), scrambled(np.uint64(high) ^ seed)
    one = values[low + np.int64(mix % size)]
    other = values[low + np.int64((mix >> np.uint64(21)) % size)]
    third = values[low + np.int64((mix >> np.uint64(42)) % size)]
    middle: np.int64 = max(min(one, other), min(max(one, other), third))
    return middle

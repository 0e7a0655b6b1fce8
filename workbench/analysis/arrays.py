"""Linear passes over grouped arrays that several questions share, and the arrays' types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]


def quantiles(values: Ints, group: Ints, n_groups: int, at: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles of the values of each group, interpolated linearly as numpy and pandas do.

    Returns
    -------
    numpy.ndarray of float64
        One row per quantile, one column per group; NaN for a group without values.
    """
    if not len(values):
        return np.full((len(at), n_groups), np.nan)
    ranked, first = _ranked(values, group, n_groups)
    size = np.diff(first)
    first = first[:-1]
    where = np.asarray(at)[:, None] * np.maximum(size - 1, 0)
    below = np.floor(where).astype(np.int64)
    low = ranked[np.minimum(first + below, len(ranked) - 1)]
    high = ranked[
        np.minimum(first + np.minimum(below + 1, np.maximum(size - 1, 0)), len(ranked) - 1)
    ]
    result: NDArray[np.float64] = low + (high - low) * (where - below)
    result[:, size == 0] = np.nan
    return result


def _ranked(values: Ints, group: Ints, n_groups: int) -> tuple[Ints, Ints]:
    """The values group by group, each group's sorted, and where each group starts."""
    dealt, start = _dealt(values, group, n_groups)
    for first, end in zip(start[:-1].tolist(), start[1:].tolist(), strict=True):
        if end - first > 1:
            dealt[first:end].sort()
    return dealt, start


@njit(cache=True, nogil=True)
def _dealt(values: Ints, group: Ints, n_groups: int) -> tuple[Ints, Ints]:
    start = np.zeros(n_groups + 1, np.int64)
    for number in group:
        start[number + 1] += 1
    for number in range(n_groups):
        start[number + 1] += start[number]
    place = start[:-1].copy()
    dealt = np.empty(len(values), values.dtype)
    for at in range(len(values)):
        number = group[at]
        dealt[place[number]] = values[at]
        place[number] += 1
    return dealt, start


def weighted_quantiles(
    values: Ints, weights: Ints, group: Ints, n_groups: int, at: Sequence[float]
) -> NDArray[np.float64]:
    """Quantiles of values that stand for several each; as if they were written out.

    ``values`` ascend inside each group, and ``group`` ascends. Every group has a value.
    """
    size = np.bincount(group, weights, n_groups).astype(np.int64)
    first = np.cumsum(size) - size
    upto = np.cumsum(weights)
    where = np.asarray(at)[:, None] * np.maximum(size - 1, 0)
    below = np.floor(where).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(size - 1, 0))
    low = values[np.searchsorted(upto, first + below, side="right")]
    high = values[np.searchsorted(upto, first + above, side="right")]
    result: NDArray[np.float64] = low + (high - low) * (where - below)
    return result


@njit(cache=True, nogil=True)
def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers (splitmix64), so that sums of them tell sets of numbers apart."""
    found = np.empty(len(numbers), np.uint64)
    for at in range(len(numbers)):
        number = numbers[at] * np.uint64(0x9E3779B97F4A7C15)
        number ^= number >> np.uint64(30)
        number *= np.uint64(0xBF58476D1CE4E5B9)
        number ^= number >> np.uint64(27)
        number *= np.uint64(0x94D049BB133111EB)
        found[at] = number ^ (number >> np.uint64(31))
    return found

"""Quantiles of grouped values, the same however the values were dealt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from workbench.analysis.arrays import Ints, Small
from workbench.analysis.grouping import values_dealt
from workbench.analysis.selection import put_in_place
from workbench.analysis.threads import cuts, cuts_between, in_ranges

_LOW: Final = np.int64(0xFFFFFFFF)


class Grouped(NamedTuple):
    """Values group by group. Those of one group are in no order that counts."""

    values: Ints
    start: Ints
    """Where each group starts, with the end of the last behind."""

    @classmethod
    def of(cls, values: Ints, group: Ints | Small, n_groups: int) -> Grouped:
        """Put the values of each group side by side; -1 is no group."""
        return cls(*values_dealt(group.astype(np.int32, copy=False), n_groups, values))

    @classmethod
    def together(cls, pieces: Sequence[Grouped], codes: Sequence[Ints], n_groups: int) -> Grouped:
        """Put some together, whose groups have other numbers by now: ``codes`` of each piece."""
        if len(pieces) == 1 and np.array_equal(codes[0], np.arange(n_groups)):
            return pieces[0]
        values = np.concatenate([piece.values for piece in pieces])
        groups = [
            np.repeat(code, np.diff(piece.start)) for piece, code in zip(pieces, codes, strict=True)
        ]
        return cls.of(values, np.concatenate(groups), n_groups)

    def quantiles(self, at: Sequence[float]) -> NDArray[np.float64]:
        """Quantiles of each group, interpolated linearly as numpy and pandas do.

        Returns
        -------
        numpy.ndarray of float64
            One row per quantile, one column per group; NaN for a group without values.
        """
        size, first = np.diff(self.start), self.start[:-1]
        if not len(self.values):
            return np.full((len(at), len(size)), np.nan)
        where = np.asarray(at)[:, None] * np.maximum(size - 1, 0)
        below = np.floor(where).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(size - 1, 0))
        put_in_place(self.values, self.start, np.sort(np.vstack([below, above]), axis=0))
        last = len(self.values) - 1
        low = self.values[np.minimum(first + below, last)]
        high = self.values[np.minimum(first + above, last)]
        apart = (high - low).view(np.uint64)  # of times, more than half of what int64 holds
        result: NDArray[np.float64] = low + apart * (where - below)
        result[:, size == 0] = np.nan
        return result

    def means(self) -> NDArray[np.float64]:
        """The mean of each group; NaN for a group without values. Sums are exact."""
        size = np.diff(self.start)
        high, low = np.zeros(len(size), np.int64), np.zeros(len(size), np.int64)
        in_ranges(
            lambda first, end: _sums(self.values, self.start, high, low, first, end),
            cuts_between(self.start),
        )
        with np.errstate(invalid="ignore"):
            return (high * float(_LOW + 1) + low) / size

    def below(self, least: int) -> int:
        """How many values are less than that."""
        values = self.values
        return sum(in_ranges(lambda a, b: _below(values, least, a, b), cuts(len(values))))


@njit(cache=True, nogil=True)
def _below(values: Ints, least: int, first: int, end: int) -> int:
    n = 0
    for at in range(first, end):
        n += values[at] < least
    return n


@njit(cache=True, nogil=True)
def _sums(values: Ints, start: Ints, high: Ints, low: Ints, first: int, end: int) -> None:
    """The sums of the upper and of the lower 32 bits: one of all bits might not fit."""
    for group in range(first, end):
        for at in range(start[group], start[group + 1]):
            high[group] += values[at] >> 32
            low[group] += values[at] & _LOW


def quantiles(values: Ints, group: Ints, n_groups: int, at: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles of the values of each group; see :meth:`Grouped.quantiles`."""
    return Grouped.of(values, group, n_groups).quantiles(at)


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

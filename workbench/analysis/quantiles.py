"""Quantiles of grouped values, the same however the values were dealt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.arrays import Ints
from workbench.analysis.grouping import Small, dealt
from workbench.analysis.threads import cuts_between, in_ranges

_LARGE: Final = 10_000
"""Values of a group that are worth a thread."""


class Ranked(NamedTuple):
    """Values group by group, those of each group ascending."""

    values: Ints
    start: Ints
    """Where each group starts, with the end of the last behind."""

    @classmethod
    def of(cls, values: Ints, group: Ints | Small, n_groups: int) -> Ranked:
        """Sort the values of each group; -1 is no group."""
        _, values, start = dealt(group.astype(np.int32, copy=False), n_groups, values)
        bounds = start.tolist()

        def sort(first: int, end: int) -> None:
            for n in range(first, end):
                if bounds[n + 1] - bounds[n] > 1:
                    values[bounds[n] : bounds[n + 1]].sort()

        # Many small groups sort no faster at once: threads would wait for each other's Python.
        large = len(values) > _LARGE * n_groups
        in_ranges(sort, cuts_between(start) if large else [0, n_groups])
        return cls(values, start)

    @classmethod
    def together(cls, pieces: Sequence[Ranked], codes: Sequence[Ints], n_groups: int) -> Ranked:
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
        last = len(self.values) - 1
        low = self.values[np.minimum(first + below, last)]
        high = self.values[np.minimum(first + above, last)]
        result: NDArray[np.float64] = low + (high - low) * (where - below)
        result[:, size == 0] = np.nan
        return result

    def means(self) -> NDArray[np.float64]:
        """The mean of each group; NaN for a group without values."""
        size, sums = np.diff(self.start), np.full(len(self.start) - 1, np.nan)
        some = size > 0
        if some.any():
            first = self.start[:-1][some]
            sums[some] = np.add.reduceat(self.values, first, dtype=np.float64) / size[some]
        return sums


def quantiles(values: Ints, group: Ints, n_groups: int, at: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles of the values of each group; see :meth:`Ranked.quantiles`."""
    return Ranked.of(values, group, n_groups).quantiles(at)


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

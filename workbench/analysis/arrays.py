"""Linear passes over grouped arrays that several questions share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.analysis.order import Ints


def quantiles(values: Ints, group: Ints, n_groups: int, at: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles of the values of each group, interpolated linearly as numpy and pandas do.

    Returns
    -------
    numpy.ndarray of float64
        One row per quantile, one column per group; NaN for a group without values.
    """
    if not len(values):
        return np.full((len(at), n_groups), np.nan)
    ranked = values[np.lexsort((values, group))]
    size = np.bincount(group, minlength=n_groups)
    first = np.cumsum(size) - size
    where = np.asarray(at)[:, None] * np.maximum(size - 1, 0)
    below = np.floor(where).astype(np.int64)
    low = ranked[np.minimum(first + below, len(ranked) - 1)]
    high = ranked[
        np.minimum(first + np.minimum(below + 1, np.maximum(size - 1, 0)), len(ranked) - 1)
    ]
    result: NDArray[np.float64] = low + (high - low) * (where - below)
    result[:, size == 0] = np.nan
    return result


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


def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers (splitmix64), so that sums of them tell sets of numbers apart."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed

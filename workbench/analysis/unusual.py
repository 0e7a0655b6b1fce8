"""How unusual is a value among its like: robustly, so that what is odd doesn't hide itself."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.analysis.quantiles import quantiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.analysis.arrays import Ints

    Floats = NDArray[np.float64]

_FEW = 30
"""Values by which what is usual can't be told."""
_TAILS = {0.05: _FEW, 0.01: 300, 0.001: 3_000}
"""Shares beyond a percentile, and of how many values it is told."""
_UNSURE = 1.5
"""What a standard deviation is widened by, over the root of the number of values."""
_MAD = 1.4826
"""The standard deviation of a normal distribution, in median absolute deviations."""
_PER_SLOT = 20
_SLOTS = 20
_LENGTHS = [
    *(step * 10.0**power for power in range(-3, 1) for step in (1, 2, 5)),
    *(10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 21600.0, 86400.0, 604800.0),
]
"""Seconds that a slot may take."""


def how_far_out(
    values: Ints, group: Any, n_groups: int, *, floor: float
) -> tuple[Floats, Floats, Ints]:
    """Say how far each value lies from the median of its group, in standard deviations.

    Of the logarithm, for times are spread by factors; upward and downward each in a measure of its
    own, for their spread is lopsided. Downward that or the plain difference, whichever is nearer:
    of exponential times some are so short that their logarithm lies far out. A standard deviation
    is the distance from the median of the 95th percentile (and of the 5th, below it) by that of the
    normal distribution; in groups large enough that of the 99th, or of the 99.9th, where that is
    more: tails are often heavier than the normal distribution's, and what 1 in 100 does is not odd.
    So up to 1 in 1,000, and in small groups 1 in 20, can be odd without hiding themselves. The
    fewer the values, the less is known of a percentile, and the more a standard deviation is taken
    to be.

    Parameters
    ----------
    values, group
        Values above 0, and the group of each.
    floor
        The least standard deviation of the logarithm: 0.05 is 5 %.

    Returns
    -------
    tuple of numpy.ndarray
        The score of each value, 0 in a group of fewer than 30; of each group the median, and how
        many values it has.
    """
    n = np.bincount(group, minlength=n_groups)
    at = [*(1 - tail for tail in _TAILS), 0.5, *_TAILS]
    levels = np.maximum(quantiles(values, group, n_groups, at), 1)
    logs = np.log(levels)
    half = len(_TAILS)
    middle, median = logs[half], levels[half]
    above = _spread(logs[:half] - middle, n, floor)
    below = _spread(middle - logs[half + 1 :], n, floor)
    plain = _spread(median - levels[half + 1 :], n, floor * median)
    away = np.log(values) - middle[group]
    down = np.maximum(away / below[group], (values - median[group]) / plain[group])
    score = np.where(away > 0, away / above[group], down)
    return np.where(n[group] >= _FEW, score, 0.0), median, n


def _spread(distances: Floats, n: Ints, least: float | Floats) -> Floats:
    """The standard deviation of each group, by the distance of each tail from its median."""
    spread = np.zeros(len(n)) + least
    for (tail, enough), distance in zip(_TAILS.items(), distances, strict=True):
        wide = distance / NormalDist().inv_cdf(1 - tail)
        spread = np.where(n >= enough, np.fmax(spread, wide), spread)
    return spread * (1 + _UNSURE / np.sqrt(np.maximum(n, 1)))


def tail_share(group: Any, n_groups: int) -> tuple[Floats, Ints]:
    """Of each group the share of all members whose group is as small or smaller; and its size."""
    n = np.bincount(group, minlength=n_groups)
    sizes, code = np.unique(n, return_inverse=True)
    upto = np.cumsum(np.bincount(code, weights=n, minlength=len(sizes)))
    return upto[code] / max(len(group), 1), n


def bursts(times: Ints) -> tuple[Ints, Floats, Ints, float, int]:
    """Count starts in slots of time, and say how far each count lies above the usual.

    The square root of a count of independent starts has a standard deviation of about 1/2, whatever
    their rate (Bartlett, 1936); of starts that come more unevenly than that, the median absolute
    deviation is taken. Slots are as long as to hold 20 starts on average; empty ones don't count,
    so that nights are not what is usual.

    Parameters
    ----------
    times
        When flows started, in nanoseconds since 1970, ascending.

    Returns
    -------
    tuple
        Of each slot the place of its first start, its score and how many started in it; the
        usual number; and how many nanoseconds a slot takes.
    """
    nothing = np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64), 0.0, 0
    if len(times) < _PER_SLOT * _SLOTS:
        return nothing
    wanted = (int(times[-1]) - int(times[0])) / 1e9 * _PER_SLOT / len(times)
    seconds = next((each for each in _LENGTHS if each >= wanted), _LENGTHS[-1])
    slot = int(seconds * 1e9)
    _, first, n = np.unique(times // slot, return_index=True, return_counts=True)
    if len(n) < _SLOTS:
        return nothing
    roots = 2 * np.sqrt(n)
    spread = max(1.0, _MAD * float(np.median(np.abs(roots - np.median(roots)))))
    return first, (roots - np.median(roots)) / spread, n, float(np.median(n)), slot

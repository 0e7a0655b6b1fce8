"""How large a difference is, and between which bounds it lies: two measures that need no model.

Both lie between -1 and 1 and are given with a confidence interval, for with a million flows every
difference is significant and few matter.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.analysis.arrays import Bools, Ints

    Floats = NDArray[np.float64]

_HALVINGS = 50


def normal_quantile(comparisons: int, *, level: float = 0.95) -> float:
    """How many standard deviations an interval reaches, if so many are to hold all together.

    Bonferroni's rule: each interval errs so rarely that with the probability of ``level`` none of
    them does.
    """
    return NormalDist().inv_cdf(1 - (1 - level) / (2 * max(comparisons, 1)))


def share_difference(
    before: Ints, of_before: int, after: Ints, of_after: int, z: float
) -> tuple[Floats, Floats, Floats]:
    """Compare shares: the difference ``after - before``, and its bounds.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions:
    comparison of eleven methods", Statistics in Medicine 17 (1998), 873-890: method 10, which
    combines Wilson's intervals of the two shares and holds for shares of 0 and 1 too.

    Parameters
    ----------
    before, after
        How many have it.
    of_before, of_after
        Of how many; at least 1.
    z
        From :func:`normal_quantile`.
    """
    p, q = before / of_before, after / of_after
    (low_p, high_p), (low_q, high_q) = _wilson(p, of_before, z), _wilson(q, of_after, z)
    effect = q - p
    low = effect - np.hypot(q - low_q, high_p - p)
    high = effect + np.hypot(high_q - q, p - low_p)
    return effect, low, high


def _wilson(share: Floats, n: int, z: float) -> tuple[Floats, Floats]:
    centre = share + z * z / (2 * n)
    reach = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return np.maximum((centre - reach) / scale, 0), np.minimum((centre + reach) / scale, 1)


def by_group(values: Ints, group: Ints, after: Bools) -> tuple[Ints, Ints, Bools]:
    """Sort values by their group, then by size.

    Packed into one number each, if they fit, they are sorted in a fraction of the time.
    """
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    span = high - low + 1
    if (int(group.max(initial=0)) + 1) * span >= 2**62:
        order = np.lexsort((values, group))
        return values[order], group[order], after[order]
    packed = np.sort((group * span + (values - low)) * 2 + after)
    group, values = np.divmod(packed >> 1, span)
    return values + low, group, (packed & 1).astype(bool)


def cliffs_delta(
    values: Ints, group: Ints, after: Bools, n_groups: int, z: float
) -> tuple[Floats, Floats, Floats]:
    """Compare two samples in each group: Cliff's delta, and its bounds.

    Delta is the probability that a value after is greater than one before, less the probability
    that it is smaller: 0 if neither tends to be, 1 if every value after is greater. It is read off
    the ranks (twice the Mann-Whitney statistic as a share of all pairs, less 1), so that its cost
    is that of one sort.

    The bounds: R. G. Newcombe, "Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic. Part 2: asymptotic methods and evaluation", Statistics in Medicine 25
    (2006), 559-573: method 5. They leave out 0 only where the Mann-Whitney test (without its
    correction for ties, so on the safe side) finds a difference, and hold for samples that don't
    overlap too. They take the two samples to be spread alike. If they are not, those may be wider,
    and then count, that E. Brunner and U. Munzel give, "The nonparametric Behrens-Fisher problem:
    asymptotic theory and a small-sample approximation", Biometrical Journal 42 (2000), 17-25.
    Values are taken as independent of each other.

    Parameters
    ----------
    values, group, after
        Each value, its group from 0, and whether it belongs to the second sample; in the order of
        :func:`by_group`.
    z
        From :func:`normal_quantile`.

    Returns
    -------
    tuple of numpy.ndarray of float64
        Delta, low and high of each group; NaN where one of the samples is empty.
    """
    n = np.bincount(group, minlength=n_groups)
    first_of_tie = np.ones(len(values), dtype=bool)
    first_of_tie[1:] = (np.diff(values) != 0) | (np.diff(group) != 0)
    tie = np.cumsum(first_of_tie) - 1
    size = np.bincount(tie)
    place = np.cumsum(size) - (size - 1) / 2  # of a run of ties: the mean rank
    rank = place[tie] - (np.cumsum(n) - n)[group]
    rest = rank - _own_ranks(after, tie, size, group, n_groups)
    n_after = np.bincount(group[after], minlength=n_groups)
    n_before = n - n_after
    ranks = np.bincount(group[after], weights=rank[after], minlength=n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        greater = (ranks - n_after * (n_after + 1) / 2) / (n_before * n_after)
    low, high = _newcombe(greater, n_before, n_after, z)
    reach = _brunner_munzel(rest, group, after, n_before, n_after, z)
    low = np.fmin(low, np.maximum(greater - reach, 0))
    high = np.fmax(high, np.minimum(greater + reach, 1))
    return 2 * greater - 1, 2 * low - 1, 2 * high - 1


def _newcombe(found: Floats, m: Ints, n: Ints, z: float) -> tuple[Floats, Floats]:
    """The bounds between which ``found`` lies z standard deviations from the truth."""
    found = np.where((m > 0) & (n > 0), found, np.nan)

    def too_far(truth: Floats) -> Bools:
        spread = 1 + ((m + n) / 2 - 1) * ((1 - truth) / (2 - truth) + truth / (1 + truth))
        beyond: Bools = (found - truth) ** 2 * m * n > z * z * truth * (1 - truth) * spread
        return beyond

    bounds = []
    for outer in (np.zeros(len(found)), np.ones(len(found))):
        inner = found.copy()
        for _ in range(_HALVINGS):
            middle = (outer + inner) / 2
            far = too_far(middle)
            outer, inner = np.where(far, middle, outer), np.where(far, inner, middle)
        bounds.append(np.where(np.isnan(found), np.nan, inner))
    return bounds[0], bounds[1]


def _own_ranks(after: Bools, tie: Ints, size: Ints, group: Ints, n_groups: int) -> Floats:
    """The rank of each value in its own sample; of ties the mean."""
    found = np.zeros(len(after))
    for own in (after, ~after):
        of_tie = np.bincount(tie[own], minlength=len(size))
        of_group = np.bincount(group[own], minlength=n_groups)
        place = np.cumsum(of_tie) - (of_tie - 1) / 2
        found[own] = place[tie[own]] - (np.cumsum(of_group) - of_group)[group[own]]
    return found


def _brunner_munzel(below: Floats, group: Ints, after: Bools, m: Ints, n: Ints, z: float) -> Floats:
    """How far the bounds reach to either side if the samples may be spread differently.

    ``below``: how many values of the other sample are below each, ties as half; 0 is the reach
    where a sample has a single value, which tells no spread.
    """
    variances = []
    for own, size, other in ((~after, m, n), (after, n, m)):
        code, values = group[own], below[own]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(code, values, len(m)) / size
            squares = np.bincount(code, (values - mean[code]) ** 2, len(m))
            variances.append(squares / (size - 1) / size / other.astype(np.float64) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = variances[0] + variances[1]
        freedom = total**2 / (variances[0] ** 2 / (m - 1) + variances[1] ** 2 / (n - 1))
        reach: Floats = _student(z, freedom) * np.sqrt(total)
    return np.nan_to_num(reach, nan=0.0)


def _student(z: float, freedom: Floats) -> Floats:
    """The quantile of Student's t that is as rare as ``z`` of the normal distribution.

    G. W. Hill, "Algorithm 396: Student's t-quantiles", Communications of the ACM 13 (1970): the
    first terms of its expansion.
    """
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2

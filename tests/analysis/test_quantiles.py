"""Quantiles and means of groups, beside numpy's of each group alone."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis.quantiles import Grouped, quantiles

AT = [0.0, 0.5, 0.95, 0.99, 1.0]


@given(
    st.lists(st.integers(0, 6_000), min_size=1, max_size=4),
    st.sampled_from([10, 10_000, 2**62]),
    st.integers(0, 2**32),
)
def test_quantiles_and_means_are_those_of_each_group_alone(sizes, top, seed):
    chance = np.random.default_rng(seed)
    group = chance.permutation(np.repeat(np.arange(len(sizes)), sizes))
    values = chance.integers(-top, top, len(group))

    grouped = Grouped.of(values, group, len(sizes))
    means, found = grouped.means(), grouped.quantiles(AT)

    for n, size in enumerate(sizes):
        alone = values[group == n]
        if not size:
            assert np.isnan(means[n])
            assert np.isnan(found[:, n]).all()
            continue
        np.testing.assert_allclose(found[:, n], np.quantile(alone, AT), rtol=1e-12, atol=1e-9)
        exact = Fraction(sum(alone.tolist()), size)
        assert means[n] == pytest.approx(float(exact), rel=1e-12, abs=top * 1e-15)


def test_the_answer_does_not_depend_on_the_order_of_the_values():
    chance = np.random.default_rng(7)
    values, group = chance.integers(-(2**60), 2**60, 5_000), chance.integers(0, 3, 5_000)
    shuffled = chance.permutation(5_000)
    one = Grouped.of(values, group, 3)
    other = Grouped.of(values[shuffled], group[shuffled], 3)

    assert one.means().tolist() == other.means().tolist()
    assert one.quantiles(AT).tolist() == other.quantiles(AT).tolist()


def test_what_is_in_no_group_does_not_count():
    found = quantiles(np.array([5, 1_000, 7]), np.array([0, -1, 0]), 2, [0.5])

    assert found[0, 0] == 6
    assert np.isnan(found[0, 1])


def test_quantiles_lie_between_values_that_are_further_apart_than_int64_holds():
    most = 9 * 10**18
    values = np.array([-most, most, 0])
    found = quantiles(values, np.zeros(3, np.int64), 1, [0.25, 0.75])[:, 0]
    assert found.tolist() == [-most / 2, most / 2]
    ends = quantiles(values[:2], np.zeros(2, np.int64), 1, [0.5])[0]
    assert ends.tolist() == [0]

"""Order statistics, held against values that are sorted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis import selection
from workbench.analysis.selection import put_in_place

GROUPS = st.lists(
    st.lists(st.integers(-5, 5) | st.integers(-(2**63), 2**63 - 1), max_size=80), max_size=12
)


@given(groups=GROUPS, shares=st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_values_of_the_ranks_stand_where_they_would_if_all_were_sorted(groups, shares):
    start = np.cumsum([0, *map(len, groups)])
    values = np.array([value for group in groups for value in group], np.int64)
    ranks = np.array(
        [[int(share * max(len(group) - 1, 0)) for group in groups] for share in sorted(shares)],
        np.int64,
    ).reshape(len(shares), len(groups))

    put_in_place(values, start, ranks)

    for n, group in enumerate(groups):
        found = values[start[n] : start[n + 1]].tolist()
        in_order = sorted(group)
        assert sorted(found) == in_order
        for rank in ranks[:, n].tolist() if group else ():
            assert found[rank] == in_order[rank]
            assert max(found[: rank + 1]) <= in_order[rank] <= min(found[rank:])


N = 20_000
PATTERNS = {
    "ascending": np.arange(N),
    "descending": np.arange(N)[::-1],
    "there and back": np.minimum(np.arange(N), np.arange(N)[::-1]),
    "a saw": np.arange(N) % 97,
    "all the same": np.zeros(N),
    "one greater": np.eye(1, N, N // 2)[0],
    "a lazy clock": np.arange(N) // 1_000,
    "ever further apart": 1.001 ** np.arange(N) % 1e9,
}


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_order_of_values_makes_it_slow(pattern, seed, monkeypatch):
    # Counted in values that are looked at by the same code, not compiled; 2 to 3 an element are usual.
    ranged = 0

    def counted(low, high):
        nonlocal ranged
        ranged += high - low
        return range(low, high)

    select = selection._select.py_func
    monkeypatch.setitem(select.__globals__, "range", counted)
    values = PATTERNS[pattern].astype(np.int64)

    select(values, 0, N, N // 2, np.uint64(seed))

    assert values[N // 2] == np.sort(PATTERNS[pattern].astype(np.int64))[N // 2]
    assert N // 2 < ranged < 8 * N

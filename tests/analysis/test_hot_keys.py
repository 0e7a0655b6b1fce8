import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis import EventLog
from workbench.analysis.hot_keys import gini
from workbench.errors import LogError


@pytest.fixture
def uneven(event) -> EventLog:
    """Six events of key a and two of b, on partitions 0 (seven) and 3 (one); four flows of two."""
    return EventLog(
        [
            event(
                "A",
                f"f{n // 2}",
                n,
                id=str(n),
                key="a" if n < 6 else "b",
                channel="orders",
                partition=3 if n == 7 else 0,
            )
            for n in range(8)
        ]
    )


def test_keys_flows_and_partitions_are_ranked_by_their_events(uneven):
    found = uneven.hot_keys(top=2)
    assert found[["what", "name", "events"]].to_numpy().tolist() == [
        ["key", "a", 6],
        ["key", "b", 2],
        ["correlation id", "f0", 2],
        ["correlation id", "f1", 2],
        ["partition", "0", 7],
        ["partition", "3", 1],
    ]
    assert found["share"].tolist() == [0.75, 0.25, 0.25, 0.25, 0.875, 0.125]
    assert found["times_mean"].tolist() == [1.5, 0.5, 1.0, 1.0, 3.5, 0.5]  # 4 partitions
    assert found["of"].tolist() == [2, 2, 4, 4, 4, 4]


def test_the_skew_is_said(uneven):
    assert uneven.hot_keys().sentence == (
        "Of 2 keys the one with the most events, a, has 6, 1.5 times the mean (Gini 0.25). Of 4 "
        "correlation ids each has 2 events. The most uneven channel is orders: of its 4 partitions, number 0 has 3.5 times the mean (Gini "
        "0.69)."
    )


def test_names_are_shown_as_text_in_the_picture(event):
    log = EventLog([event("A", "f", 0, key="<script>")])
    assert log.hot_keys().plot().layout.yaxis.ticktext[0] == "key &lt;script&gt;"


@given(st.lists(st.integers(0, 50), min_size=1))
def test_gini_is_half_the_relative_mean_absolute_difference(shares):
    n = np.sort(np.array(shares))
    mean = n.mean()
    expected = np.abs(n[:, None] - n).mean() / (2 * mean) if mean else 0
    assert gini(n[n > 0], len(n)) == pytest.approx(expected)


def test_to_name_none_of_them_is_refused(orders):
    with pytest.raises(LogError, match=r"^top=0: of each kind 1 or more can be named\.$"):
        orders.hot_keys(0)


def test_the_number_of_a_partition_takes_no_memory(event):
    log = EventLog([event("A", "f", 0, channel="a", partition=2**31 - 1, offset=1)])
    found = log.hot_keys().set_index("what")
    assert found.loc["partition", "of"] == 2**31


def test_that_all_have_the_same_is_said(event):
    rows = [event(kind, f"f{n}", n, partition=n) for n in range(3) for kind in "AB"]
    assert EventLog(rows).hot_keys().sentence == (
        "Of 3 correlation ids each has 2 events. On each channel all partitions have the same number of events."
    )

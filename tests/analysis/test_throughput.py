import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis import EventLog
from workbench.errors import LogError

NOON = pd.Timestamp("2026-11-23T12:00:00Z")


def test_events_are_counted_by_type_in_steps_of_the_length_asked_for(orders):
    found = orders.throughput("1s")
    assert found["start"].tolist() == [
        *[NOON] * 4,
        *[NOON + pd.Timedelta("1s")] * 4,
        *[NOON + pd.Timedelta("2s")] * 3,
        *[NOON + pd.Timedelta("3s")] * 2,
        NOON + pd.Timedelta("5s"),
    ]
    assert found["type"].tolist()[-3:] == ["OrderPlaced", "StockReserved", "StockCounted"]
    assert found["events"].tolist() == [1] * 14  # the duplicate and the dead letter left out
    assert found["per_s"].tolist() == [1.0] * 14


def test_events_are_counted_by_source_too(orders):
    found = orders.throughput("1min", by="source")
    assert dict(zip(found["source"], found["events"], strict=True)) == {
        "billing": 3,
        "inventory": 4,
        "service": 1,
        "shipping": 2,
        "shop": 4,
    }


def test_the_peak_and_the_longest_gap_are_said(orders):
    assert orders.throughput("1s").sentence == (
        "14 events in 6 s, counted every 1 s: 2.33 each on average, at most 4 (from 2026-11-23 "
        "12:00:00.000 UTC; 1 of them OrderPlaced). The one gap is 1 s without an event, from "
        "2026-11-23 12:00:04.000 UTC to 2026-11-23 12:00:05.000 UTC."
    )


def test_a_step_is_chosen_that_shows_the_whole_time_in_200_or_fewer(event):
    minutes = EventLog([event("A", str(n), n * 60_000) for n in range(180)])
    assert "counted every 1 min" in minutes.throughput().sentence
    days = EventLog([event("A", str(n), n * 6 * 3_600_000) for n in range(190)])
    assert "counted every 6 h" in days.throughput().sentence


def test_one_event_with_a_mistaken_time_does_not_spoil_the_step_chosen(event):
    rows = [event("A", str(n), n) for n in range(3_000)]
    stray = event("A", "x", 0, time=pd.Timestamp("1970-01-01", tz="UTC"))
    log = EventLog([*rows, stray])
    assert "counted every 100 ms" in log.throughput().sentence
    assert "gap is 20780 d without an event, from 1970" in log.throughput().sentence
    assert "1 more lie far before" in log.throughput().plot().layout.title.subtitle.text


def test_a_length_that_is_none_and_an_unknown_grouping_are_refused(orders):
    with pytest.raises(LogError, match=r"every='often' is not a length of time: write it as '10s'"):
        orders.throughput("often")
    with pytest.raises(LogError, match=r"every='0s' is not above 0"):
        orders.throughput("0s")
    with pytest.raises(
        LogError, match=r"by='flow': throughput is counted by 'type' or by 'source'"
    ):
        orders.throughput(by="flow")


@pytest.mark.parametrize("every", [60, 0.5, np.int64(60), "60", " 1e3 "])
def test_a_number_without_a_unit_is_refused(orders, every):
    with pytest.raises(LogError, match=r"^every=.* has no unit: write a length of time as '10s', "):
        orders.throughput(every)


def test_lengths_of_other_libraries_are_lengths_too(orders):
    expected = orders.throughput("1s")
    for every in (pd.Timedelta(1, "s"), np.timedelta64(1, "s"), dt.timedelta(seconds=1)):
        pd.testing.assert_frame_equal(orders.throughput(every), expected)


def test_names_are_shown_as_text_and_rare_ones_share_a_line(event):
    log = EventLog([event(f"<b>{n}</b>", "f", n * k) for n in range(9) for k in range(20 - n)])
    figure = log.throughput().plot()
    assert figure.data[0].name == "&lt;b&gt;0&lt;/b&gt;"
    assert figure.data[-1].name == "4 others"
    assert sum(sum(line.y) for line in figure.data) == log.events


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(10**6), 10**6), st.sampled_from("AB")), min_size=1),
    st.sampled_from(["1ms", "7s", "1min"]),
)
def test_counts_agree_with_a_plain_groupby(found, every):
    frame = pd.DataFrame(found, columns=["ms", "type"])
    frame["time"] = NOON + pd.to_timedelta(frame["ms"], unit="ms")
    frame["id"] = frame.index.astype("str")
    frame["start"] = frame["time"].dt.floor(every)
    expected = frame.groupby(["start", "type"]).size()
    counted = EventLog(frame[["id", "type", "time"]]).throughput(every)
    np.testing.assert_array_equal(counted["events"], expected)
    assert counted["start"].tolist() == expected.index.get_level_values(0).tolist()
    assert counted["type"].tolist() == expected.index.get_level_values(1).tolist()


def test_a_fine_step_and_a_stray_time_are_counted(event):
    stray = event("A", "f", 0, time=pd.Timestamp(0, tz="UTC"))
    log = EventLog([stray, *(event(f"B{n}", "f", n) for n in range(5))])
    assert log.throughput("1ns")["events"].sum() == 6

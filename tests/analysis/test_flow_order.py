"""Order is decided by what the events say: hard cases by hand, and any log by property."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.synthetic import order_rows
from workbench.analysis import EventLog, threads
from workbench.analysis.causal_order import causal_order, without_rings

QUESTIONS = ("flows", "hops", "variants", "stuck")


def types(log: EventLog, flow: str = "f") -> list[str]:
    return log.flow(flow).frame["type"].tolist()


def test_ties_are_broken_by_channel_partition_offset_and_id(event):
    tied = [
        event("1", "f", 0, channel="a", partition=0, offset=8),
        event("2", "f", 0, channel="a", partition=1, offset=3),
        event("3", "f", 0, channel="a", partition=1, offset=4, id="x"),
        event("4", "f", 0, channel="a", partition=1, offset=4, id="y"),
        event("5", "f", 0, channel="b", partition=0, offset=1),
    ]
    assert types(EventLog(tied[::-1])) == ["1", "2", "3", "4", "5"]


def test_events_equal_in_all_but_their_content_have_an_order_too(event):
    same = [event("A", "f", 0, id=None, data={"n": n}) for n in range(6)]
    orders = {str(EventLog(rows).flow("f").frame["data"].tolist()) for rows in (same, same[::-1])}
    assert len(orders) == 1


def test_flows_that_start_at_once_stand_by_correlation_id_wherever_ids_begin_to_differ(event):
    ids = [f"{letter * 20}{end}" for letter in "ab" for end in ("", "1", "12345678", "123456789")]
    log = EventLog([event("A", flow, "ab".index(flow[0])) for flow in reversed(ids)])
    assert log.flows()["correlation_id"].tolist() == ids


@pytest.mark.parametrize("event_id", [None, "x"])
@pytest.mark.parametrize(
    "cells",
    [
        ["a", "b", "a"],
        [None, "a", None],
        [2**60, 2**60 + 1, 2**60],
        [0.25, None, 0.25],
        [True, False, True],
        [pd.Timestamp(0, tz="UTC"), pd.Timestamp(1, tz="UTC"), pd.Timestamp(0, tz="UTC")],
        [{"a": 1}, {"a": 2}, {"a": 1}],
        pd.Categorical(["a", "b", "a"]),
    ],
    ids=[
        "text",
        "some text",
        "long numbers",
        "fractions",
        "bools",
        "times",
        "objects",
        "categories",
    ],
)
def test_rows_that_differ_in_one_further_column_have_an_order_too(event, event_id, cells):
    log = EventLog([event("A", "f", 0, id=event_id) for _ in cells])
    frame = log.frame.assign(further=cells)
    logs = EventLog(frame), EventLog(frame.iloc[[1, 0, 2]]), EventLog(frame.iloc[[0, 2, 1]])
    assert len({str(each.flow("f").frame["further"].tolist()) for each in logs}) == 1


def test_an_effect_stands_behind_its_cause_whatever_the_clocks_say(event):
    log = EventLog(
        [
            event("C", "f", 0, "B"),
            event("B", "f", 1, "A"),
            event("Other", "f", 2),
            event("A", "f", 5),
            event("Last", "f", 6),
        ]
    )
    assert types(log) == ["Other", "A", "B", "C", "Last"]
    assert log.flows()["duration_ms"].tolist() == [6.0]
    assert log.hops()["n"].sum() == 2


@pytest.mark.parametrize("n", [1, 2, 3, 17])
def test_causes_that_run_in_a_ring_are_cut_at_the_first_event(event, n):
    ring = [event(str(k), "f", k, str((k - 1) % n)) for k in range(n)]
    log = EventLog([*ring, event("tail", "f", 99, str(n - 1))])
    assert types(log) == [*map(str, range(n)), "tail"]
    assert log.hops()["n"].sum() == n  # each but the first has a cause


def test_a_chain_of_a_hundred_thousand_events_in_reverse_is_put_right_in_time():
    n = 100_000
    frame = pd.DataFrame(
        {
            "id": [str(k) for k in range(n)],
            "type": "Retried",
            "time": pd.to_datetime(np.arange(n)[::-1].copy(), utc=True),
            "correlation_id": "f",
            "causation_id": [None, *(str(k) for k in range(n - 1))],
        }
    )
    log = EventLog(frame)
    assert log.flow("f").frame["id"].tolist() == frame["id"].tolist()
    assert log.variants()["events"].tolist() == [n]


def test_an_id_used_in_two_flows_is_looked_up_in_its_own(event):
    rows = [event("A", flow, at, id="1", source=flow) for flow, at in (("f", 0), ("g", 5))]
    effects = [event("B", flow, 9, id="2", causation_id="1", source=flow) for flow in "fg"]
    assert EventLog(rows + effects).hops().sort_values("service")["max_ms"].tolist() == [9.0, 4.0]


def test_an_effect_long_before_its_causes_stands_behind_them_all():
    cause = np.array([1, 3, -1, -1, 3, 0])
    assert causal_order(cause).tolist() == [2, 3, 1, 0, 4, 5]


def test_a_ring_of_causes_is_opened_at_its_first_event():
    cause = np.array([2, 0, 1, 2, 4, 6, 5, 5])
    assert without_rings(cause).tolist() == [-1, 0, 1, 2, -1, -1, 5, 5]


@pytest.mark.parametrize("processors", [1, 3])
def test_the_answers_do_not_depend_on_how_many_processors_share_the_work(monkeypatch, processors):
    rows = order_rows(9_000, 3)
    again = pd.concat([rows, rows.sample(3_000, random_state=1)])
    frame = again.sample(frac=1, random_state=2, ignore_index=True)
    frame.loc[::50, "correlation_id"] = None
    alone = EventLog(frame)
    expected = [alone.flows(), alone.variants(), alone.hops()]  # too few for a second thread
    monkeypatch.setattr(threads, "_PROCESSORS", processors)
    monkeypatch.setattr(threads, "_LEAST", 100)
    shared = EventLog(frame)
    for answer, found in zip(
        expected, [shared.flows(), shared.variants(), shared.hops()], strict=True
    ):
        pd.testing.assert_frame_equal(found, answer)


few = st.integers(0, 3)
events = st.fixed_dictionaries(
    {
        "id": st.none() | st.integers(0, 12).map(str),
        "type": st.none() | st.sampled_from("ABC"),
        "source": st.none() | st.sampled_from("xy"),
        "time": few.map(lambda ms: pd.Timestamp(ms, unit="ms", tz="UTC")),
        "correlation_id": st.none() | st.sampled_from("fgh"),
        "causation_id": st.none() | st.integers(0, 12).map(str),
        "channel": st.none() | st.sampled_from("xy"),
        "partition": few,
        "offset": few,
        "data": few,
        "dead_letter": st.none() | st.none() | st.sampled_from(["x/r: E: no", "y/r: E: no"]),
    }
)
logs = st.lists(events, min_size=1, max_size=24)


@settings(deadline=None, max_examples=8)
@given(rows=logs, random=st.randoms(use_true_random=False))
def test_shuffled_rows_give_the_same_answers(rows, random):
    shuffled = random.sample(rows, len(rows))
    one, other = EventLog(rows), EventLog(shuffled)
    assert repr(one) == repr(other)
    for question in QUESTIONS:
        pd.testing.assert_frame_equal(getattr(one, question)(), getattr(other, question)())
    for flow in one.flows()["correlation_id"]:
        pd.testing.assert_frame_equal(one.flow(flow).frame, other.flow(flow).frame)


@settings(deadline=None, max_examples=8)
@given(rows=logs, random=st.randoms(use_true_random=False))
def test_duplicates_change_nothing_but_their_count(rows, random):
    again = random.choices(rows, k=len(rows))
    one, other = EventLog(rows), EventLog(random.sample(rows + again, 2 * len(rows)))
    assert (one.events, one.n_dead_letters, one.without_flow) == (
        other.events,
        other.n_dead_letters,
        other.without_flow,
    )
    for question in QUESTIONS:
        before, after = (getattr(log, question)() for log in (one, other))
        pd.testing.assert_frame_equal(
            before.drop(columns="duplicates", errors="ignore"),
            after.drop(columns="duplicates", errors="ignore"),
        )


@settings(deadline=None, max_examples=8)
@given(rows=logs)
def test_every_record_is_counted_and_no_effect_stands_before_its_cause(rows):
    log = EventLog(rows)
    index = log.index
    repeated_letters = int(log.frame["dead_letter"].notna().sum()) - log.n_dead_letters
    both = int((index.copy == index.copy_of).sum())
    counted = log.events + log.n_duplicates + log.n_dead_letters + repeated_letters
    assert counted - both == len(log)
    assert log.flows()["events"].sum() + log.without_flow == log.events
    assert (index.cause < np.arange(len(index.cause))).all()
    caused = index.cause >= 0
    assert (index.flow[index.cause[caused]] == index.flow[caused]).all()
    assert log.variants()["flows"].sum() == len(log.flows())

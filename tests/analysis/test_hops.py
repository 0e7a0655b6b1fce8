"""What hops are made of, what is said of them, and that parts of a log add up."""

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.analysis.hops import part, whole

NOON = pd.Timestamp("2026-11-23T12:00:00Z")


def at(ms: float) -> pd.Timestamp:
    return NOON + pd.Timedelta(ms, "ms")


def test_a_hop_is_sent_waits_and_is_processed_as_far_as_the_log_tells(event):
    rows = [
        event("A", "f", 0, broker_time=at(3), started=None),
        event("B", "f", 50, "A", broker_time=at(52), started=at(20)),
        event("C", "f", 90, "B", broker_time=None, started=None),
        event("D", "f", 95, "C", broker_time=None, started=at(93)),
    ]
    hops = EventLog(rows).hops().set_index("effect_type")
    parts = hops[["sending_ms", "waiting_ms", "processing_ms"]]
    assert parts.loc["B"].tolist() == [3.0, 17.0, 30.0]
    assert parts.loc["C", "sending_ms"] == 2.0
    assert parts.loc["C"].isna().tolist() == [False, True, True]
    assert parts.loc["D"].isna().tolist() == [True, True, False]


def test_a_span_waits_until_it_begins_and_is_processed_until_it_ends(event):
    rows = [
        event("A", "f", 0, broker_time=at(3), duration_ns=9),
        event("B", "f", 50, "A", duration_ns=7_000_000),
    ]
    hop = EventLog(rows).hops().iloc[0]
    assert (hop["sending_ms"], hop["waiting_ms"], hop["processing_ms"]) == (3.0, 47.0, 7.0)


def test_of_a_log_without_such_times_nothing_is_made_up(orders):
    parts = orders.hops()[["sending_ms", "waiting_ms", "processing_ms"]]
    assert parts.isna().all(axis=None)
    odd = EventLog(orders.frame.assign(started="soon", duration_ns="long"))
    assert odd.hops()[["waiting_ms", "processing_ms"]].isna().all(axis=None)


def test_the_slowest_hop_is_named(orders):
    assert orders.hops().sentence == (
        "9 hops of 4 kinds; the slowest is PaymentReceived → ShipmentDispatched by shipping: half "
        "take 60 ms or less, 95 % 78 ms."
    )


def test_hops_below_zero_are_said_to_be(event):
    log = EventLog([event("A", "f", 10), event("B", "f", 4, "A")])
    assert "1 effect stands before its cause, so clocks differ" in log.hops().sentence


def test_a_log_that_tells_no_causes_has_hops_by_inference_and_says_so(orders):
    told, untold = orders.hops(), EventLog(orders.frame.assign(causation_id=None)).hops()
    pd.testing.assert_frame_equal(pd.DataFrame(untold), pd.DataFrame(told))
    assert untold.sentence.endswith(" 9 causes inferred from the log's own statistics.")
    assert "inferred" not in told.sentence


@pytest.mark.parametrize("seed", range(3))
def test_parts_of_a_log_have_the_hops_that_all_of_it_has(seed):
    random = np.random.default_rng(seed)
    n = 60
    times = NOON + pd.to_timedelta(np.arange(n), unit="ms")
    frame = pd.DataFrame(
        {
            "id": [f"e{i}" for i in range(n)],
            "type": random.choice(list("ABC"), n),
            "source": random.choice(list("stu"), n),
            "time": times,
            "broker_time": pd.Series(times).where(random.random(n) < 0.5),
            "correlation_id": [f"f{i % 5}" for i in range(n)],
            "causation_id": [f"e{i - 5}" if i >= 5 else None for i in range(n)],
        }
    )
    log, some = EventLog(frame), frame["correlation_id"] < "f2"
    logs = [EventLog(frame[some]), EventLog(frame[~some])]
    joined = whole([part(piece.index, piece.frame) for piece in logs])
    pd.testing.assert_frame_equal(pd.DataFrame(joined), pd.DataFrame(log.hops()))
    assert joined.sentence == log.hops().sentence
    shuffled = EventLog(frame.sample(frac=1, random_state=seed)).hops()
    pd.testing.assert_frame_equal(pd.DataFrame(shuffled), pd.DataFrame(joined))


def test_hops_against_the_clock_are_told_without_lengths_below_zero(event):
    rows = [
        event("A", "f", 10),
        event("B", "f", 4, "A"),
        event("A", "g", 10),
        event("B", "g", 8, "A"),
    ]
    assert EventLog(rows[:2]).hops().sentence == (
        "1 hop of 1 kind; the slowest is A → B by service: half stand 6 ms or more before their cause. "
        "1 effect stands before its cause, so clocks differ: see log.skew()."
    )
    late = [event("A", "h", 10), event("B", "h", 30, "A")]
    assert (
        ": half stand 2 ms or more before their cause, 95 % take 18 ms or less. 2 effects stand "
        in (EventLog([*rows, *late]).hops().sentence)
    )


def test_flows_and_variants_are_summed_up_in_words(orders):
    assert orders.flows().sentence == (
        "4 flows of 13 events; half take 75 ms or less, 95 % 131 ms, the longest (o-2) 140 ms. "
        "1 event without a correlation id: in no flow."
    )
    assert orders.variants().sentence == (
        "3 variants in 4 flows; 50 % take V1: OrderPlaced → StockReserved → PaymentReceived → "
        "ShipmentDispatched. 2 variants of a single flow."
    )
    assert EventLog([]).flows().sentence == "There is no flow here."
    assert EventLog([]).variants().sentence == "There is no flow here, and so no variant."


def test_one_flow_with_half_of_the_events_is_named(event):
    rows = [event(str(n), "hot", n) for n in range(5)] + [event("A", "f", 0), event("A", "g", 0)]
    assert "One flow, hot, has 5 of them." in EventLog(rows).flows().sentence


@pytest.mark.parametrize(
    "started", ["2026-11-23T12:00:00.002Z", "2026-11-23T12:00:00.002", pd.Timestamp(at(2))]
)
def test_when_a_service_began_may_be_said_in_text(event, started):
    log = EventLog(
        [event("A", "f", 0, broker_time=at(1)), event("B", "f", 5, "A", started=started)]
    )
    hop = log.hops().iloc[0]
    assert [hop["waiting_ms"], hop["processing_ms"]] == [1.0, 3.0]


def test_numbers_and_other_things_say_no_time_of_beginning(event):
    for started in (17, ["2026-11-23"], {}, "soon"):
        log = EventLog([event("A", "f", 0), event("B", "f", 5, "A", started=started)])
        assert log.hops()["processing_ms"].isna().all()

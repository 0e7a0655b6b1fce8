"""Events that say no time: theirs is guessed, so nothing is measured by it, and that is said."""

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import EventLog

NOON = pd.Timestamp("2026-11-23T12:00:00Z")


def rows(undated, flows=4):
    """Flows of Placed, Paid 2 s and Sent 5 s later; what is named says no time."""
    found = []
    for n in range(flows):
        for after, kind, cause in ((0, "Placed", None), (2, "Paid", "Placed"), (5, "Sent", "Paid")):
            found.append(
                {
                    "id": f"{kind}-{n}",
                    "type": kind,
                    "source": {"Placed": "shop", "Paid": "bank", "Sent": "depot"}[kind],
                    "time": NOON + pd.Timedelta(10 * n + after, "s"),
                    "correlation_id": f"o-{n}",
                    "causation_id": cause and f"{cause}-{n}",
                }
            )
            if f"{kind}-{n}" in undated:
                found[-1]["time"] = "when?"
    return found


@pytest.fixture
def log() -> EventLog:
    return EventLog(rows({"Paid-2"}))


def test_a_hop_without_a_time_at_one_end_is_left_out_and_said_to_be(log):
    hops = log.hops()
    assert hops["n"].tolist() == [3, 3]
    assert hops["max_ms"].tolist() == [3000.0, 2000.0]
    assert hops.sentence.endswith("2 hops left out: an event at an end says no time of its own.")


def test_a_log_in_which_no_hop_can_be_timed_says_so():
    log = EventLog([row for row in rows({"Paid-0"}) if row["correlation_id"] == "o-0"])
    assert log.hops().empty
    assert log.hops().sentence == (
        "No hop here can be timed. 2 hops left out: an event at an end says no time of its own."
    )


def test_a_flow_without_a_time_at_one_end_has_no_latency(log):
    found = log.latency(("Placed", "Paid"))
    assert found["flows"].tolist() == [3]
    assert found.sentence.endswith("1 flow left out: one of the two says no time of its own.")
    assert "left out" not in log.latency(("Placed", "Sent")).sentence


def test_a_guessed_time_shows_no_clock_to_be_off(log):
    assert log.skew().sentence.startswith("No effect stands before its cause among 6 hops")
    pd.testing.assert_series_equal(log.without_skew().frame["time"], log.frame["time"])


@pytest.mark.parametrize("undated", ["Placed-2", "Paid-2", "Sent-2"])
def test_a_guessed_time_lies_between_those_that_its_flow_says(undated):
    log = EventLog(rows({undated}))
    flows = log.flows().set_index("correlation_id")
    assert flows.index.tolist() == ["o-0", "o-1", "o-2", "o-3"]
    told = {"Placed-2": 3000.0, "Paid-2": 5000.0, "Sent-2": 2000.0}
    assert flows["duration_ms"].drop("o-2").tolist() == [5000.0] * 3
    guessed = flows.loc["o-2"]
    assert (guessed["ended"] - guessed["started"]) / pd.Timedelta(1, "ms") == told[undated]
    assert np.isnan(guessed["duration_ms"])  # which is no duration that the log tells
    assert flows.loc["o-2", ["first_type", "last_type"]].tolist() == ["Placed", "Sent"]


def test_a_flow_that_says_no_time_at_all_has_that_of_the_events_around():
    log = EventLog(rows({"Placed-2", "Paid-2", "Sent-2"}))
    flows = log.flows().set_index("correlation_id")
    before = NOON + pd.Timedelta(15, "s")
    assert flows.loc["o-2", ["started", "ended"]].tolist() == [before, before]


def test_before_and_after_are_compared_without_guessed_times(log):
    found = EventLog(rows(())).compare(log)
    hops = found[found["what"] == "hop"]
    assert hops[["n_before", "n_after"]].to_numpy().tolist() == [[4, 3], [4, 3]]
    assert (hops["effect"] == 0).all()


def test_how_long_a_flow_took_is_not_known_if_an_event_of_it_says_no_time():
    untimed = {f"Sent-{n}" for n in range(0, 200, 4)}
    whole, log = EventLog(rows((), 200)), EventLog(rows(untimed, 200))
    said = "How long 50 flows took is not known: an event of each says no time of its own."
    for answer in (log.flows(), log.critical_path(), log.anomalies(), whole.compare(log)):
        assert said in answer.sentence
        assert "is not known" not in whole.flows().sentence
    assert whole.compare(log).sentence.startswith("200 flows before, 200 after: none of")
    assert log.anomalies().empty
    durations = whole.compare(log).set_index("what").loc["flow"]
    assert durations[["n_before", "n_after"]].tolist() == [200, 150]


def test_a_guessed_time_is_that_of_the_row_before_if_there_are_no_offsets():
    log = EventLog(rows({"Sent-2"}))
    assert log.frame["time"][8] == log.frame["time"][7]
    first = EventLog(rows({"Placed-0", "Paid-0"}))
    assert (first.frame["time"][:2] == first.frame["time"][2]).all()


def test_a_guessed_time_is_that_of_the_offset_before_if_there_are_no_channels():
    given = [row | {"partition": 0, "offset": at} for at, row in enumerate(rows({"Sent-2"}))]
    frame = EventLog(given[::-1]).frame.set_index("offset")
    assert frame["time"][8] == frame["time"][7]


def test_stuck_says_that_clocks_differ_and_that_an_answer_may_be_in_no_flow():
    given = rows(())
    given[4]["time"] -= pd.Timedelta(60, "s")
    given[-1]["correlation_id"] = None
    assert (
        EventLog(given)
        .stuck()
        .sentence.endswith(
            "1 event without a correlation id can't be an answer. 1 effect stands before its cause, so "
            "clocks differ: see log.without_skew().stuck() as well."
        )
    )


def test_throughput_says_how_many_events_count_at_a_guessed_time(log):
    assert log.throughput().sentence.endswith(
        " 1 event says no time of its own and counts at that of the events around."
    )
    both = [*rows({"Paid-2"}), {"id": "no flow", "type": "Ping", "time": "when?"}]
    assert (
        EventLog(both)
        .throughput()
        .sentence.endswith(
            " 2 events say no time of their own and count at that of the events around."
        )
    )
    assert "no time" not in EventLog(rows({})).throughput().sentence


def test_a_guessed_time_makes_no_event_late():
    placed = [
        row | {"channel": "c", "partition": 0, "offset": n, "key": "k"}
        for n, row in enumerate(rows({"Paid-1", "Sent-2"}))
    ]
    assert EventLog(placed).disorder().sentence == "No disorder in 1 key (key) of 12 events."
    ahead = [row | ({"time": NOON} if row["id"] == "Paid-3" else {}) for row in placed]
    late = EventLog(ahead).disorder()
    assert (late["kind"].tolist(), late["n"].tolist()) == (["late"], [1])


def test_an_untimed_flow_is_on_no_critical_path_and_not_the_longest():
    log = EventLog(rows({"Placed-3", "Paid-3", "Sent-3"}))
    assert "the longest (o-0) 5 s. How long 1 flow took is not known" in log.flows().sentence
    path = log.critical_path()
    assert path["flows"].max() == 3
    assert "of the time of 3 flows" in path.sentence
    assert "How long 1 flow took is not known" in path.sentence


def test_a_variant_s_median_is_of_what_is_known():
    log = EventLog(rows({"Sent-0", "Placed-1", "Paid-2"}, flows=3))
    assert log.variants()["median_ms"].isna().all()
    assert EventLog(rows({"Sent-0"}, flows=2)).variants()["median_ms"].tolist() == [5000.0]
    assert log.flows().sentence.startswith(
        "3 flows of 9 events. How long 3 flows took is not known"
    )


def test_since_when_an_undated_event_waits_is_said_to_be_a_guess():
    events = [row for row in rows({"Paid-3"}, 6) if row["id"] not in ("Sent-3", "Sent-2")]
    said = EventLog(events).stuck().sentence
    assert said.startswith("2 of 6 flows are stuck, the longest for 33 s, by what is usual")
    assert "1 of them says no time of its own: how long is a guess, by the events around." in said
    alone = [row for row in rows({"Paid-3"}) if row["id"] != "Sent-3"]
    assert EventLog(alone).stuck().sentence.startswith("1 of 4 flows is stuck, by what is usual")


def test_hops_whose_times_are_not_known_have_not_vanished():
    every = {f"Paid-{n}" for n in range(40)}
    found = EventLog(rows(set(), 40)).compare(EventLog(rows(every, 40)))
    timed = found[found["what"].isin(["hop", "flow"])]
    assert timed["verdict"].tolist() == ["times not known"] * 3
    assert timed[["n_before", "n_after"]].to_numpy().tolist() == [[40, 0]] * 3
    assert timed["effect"].isna().all()
    assert "Of 3 comparisons one log tells no times." in found.sentence
    found.plot()


def test_events_without_a_time_make_no_burst(event):
    events = [event("A", "f", 0), *(event("B", "f", 0, "A", id=str(n)) for n in range(12))]
    for row in events[1:]:
        row["time"] = None
    said = EventLog(events).loops().sentence
    assert said.endswith("no step comes in bursts. 12 events say no time and are in no burst.")


def test_by_how_much_an_undated_effect_stands_too_early_is_not_said(event):
    place = {"channel": "c", "partition": 0, "key": "k"}
    log = EventLog(
        [
            event("C", "g", 0, **{**place, "key": "other"}, offset=0),
            event("B", "f", 0, "A", **place, offset=1) | {"time": None},
            event("A", "f", 3_600_000, **place, offset=2),
        ]
    )
    assert "1 h" not in log.disorder().sentence


@pytest.fixture
def undated(event) -> EventLog:
    """One flow of which the event in the middle says no time."""
    steps = [event("A", "f", 0), event("B", "f", 0, "A") | {"time": None}]
    return EventLog([*steps, event("C", "f", 2000, "B")])


NOT_KNOWN = "How long 1 flow took is not known: an event of it says no time of its own."


def test_an_untimed_flow_is_in_no_picture_of_durations_and_said_to_be(log, undated):
    for answer in (log.flows(), log.variants()):
        figure = answer.plot()
        assert "(n = 3 flows)" in figure.layout.title.text
        assert figure.layout.title.subtitle.text == "how long 1 more took is not known"
    for answer in (undated.flows(), undated.variants()):
        assert [note.text for note in answer.plot().layout.annotations] == [
            "How long 1 flow took is not known."
        ]


def test_the_critical_path_of_an_untimed_flow_has_no_times_that_are_guessed(undated):
    path = undated.critical_path("f")
    assert path["to_ms"].isna().tolist() == [False, True, False]
    assert path["latency_ms"].isna().tolist() == [False, True, True]
    assert path[["share", "saves_ms"]].isna().all(axis=None)
    assert path.sentence == f"The critical path of flow f has 2 hops, from A to C. {NOT_KNOWN}"
    assert path.plot().layout.annotations[0].text.replace("<br>", " ") == path.sentence


def test_that_all_flows_are_left_out_is_not_said_as_if_there_were_none(undated):
    assert undated.critical_path().sentence == f"No critical path can be measured. {NOT_KNOWN}"
    assert undated.latency(("A", "B")).sentence == (
        "None of 1 flow with A can be measured up to B: one of the two says no time of its own."
    )


def test_that_neither_of_two_logs_tells_times_is_said(undated):
    assert "Of 3 comparisons neither log tells times." in undated.compare(undated).sentence

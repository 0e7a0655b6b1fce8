"""Critical paths, against answers worked out by hand and against plain Python."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis import EventLog, critical_path
from workbench.errors import LogError


@pytest.fixture
def forked(event) -> EventLog:
    """A flow of 100 ms in which A causes B (after 60) and C (after 50), and B causes D (40)."""
    return EventLog(
        [
            event("A", "f", 0),
            event("B", "f", 60, "A"),
            event("C", "f", 50, "A"),
            event("D", "f", 100, "B"),
        ]
    )


def test_the_critical_path_of_a_flow_is_the_chain_of_causes_of_its_latest_event(forked):
    path = forked.critical_path("f")
    assert path["event_type"].tolist() == ["A", "B", "D"]
    assert path["cause_type"].tolist()[1:] == ["A", "B"]
    assert path["cause_type"].isna().tolist() == [True, False, False]
    assert path["from_ms"].tolist() == [0, 0, 60]
    assert path["to_ms"].tolist() == [0, 60, 100]
    assert path["share"].tolist() == [0, 0.6, 0.4]
    assert path["id"].tolist() == ["f/A", "f/B", "f/D"]
    assert path.sentence == (
        "Flow f took 100 ms, in 2 hops. The longest, A → B (service), took 60 ms (60 %); "
        "twice as fast, such hops would save 30 ms."
    )


def test_what_a_speed_up_saves_is_bounded_by_the_next_longest_chain(event):
    log = EventLog([event("A", "f", 0), event("B", "f", 100, "A"), event("C", "f", 90, "A")])
    answer = log.critical_path()
    assert answer["effect_type"].tolist() == ["B"]
    assert answer["total_ms"].tolist() == [100]
    assert answer["saves_ms"].tolist() == [10]
    assert answer["saves_share"].tolist() == [0.1]


def test_hops_of_the_same_kind_off_the_path_are_sped_up_as_well(event):
    log = EventLog(
        [event("A", "f", 0), event("B", "f", 100, "A"), event("B", "f", 90, "A", id="other")]
    )
    assert log.critical_path()["saves_ms"].tolist() == [50]


def test_all_flows_are_summed_up_by_kind_of_hop_what_saves_most_first(orders):
    answer = orders.critical_path()
    assert list(zip(answer["cause_type"], answer["effect_type"], strict=True)) == [
        ("PaymentReceived", "ShipmentDispatched"),
        ("OrderPlaced", "StockReserved"),
        ("StockReserved", "PaymentReceived"),
        ("StockReserved", "PaymentDeclined"),
    ]
    assert answer["n"].tolist() == [2, 4, 2, 1]
    assert answer["total_ms"].tolist() == [120, 70, 60, 50]
    assert answer["saves_ms"].tolist() == [60, 35, 30, 25]


def test_a_path_that_does_not_begin_with_the_flow_s_first_event_says_so(event):
    log = EventLog([event("A", "f", 0), event("B", "f", 60), event("C", "f", 100, "B")])
    answer = log.critical_path()
    assert answer["cause_type"].isna().tolist() == [False, True]
    assert answer["total_ms"].tolist() == [40, 60]
    assert answer["saves_ms"].isna().tolist() == [False, True]
    assert "60 % of the time passed before the first event of a path" in answer.sentence
    one = log.critical_path("f")
    assert one["latency_ms"].tolist() == [60, 40]
    assert "60 ms passed before the path began with B" in one.sentence


def test_a_hop_that_ends_before_it_starts_is_counted_and_never_sped_up(event):
    log = EventLog([event("A", "f", 50), event("B", "f", 20, "A"), event("C", "f", 90, "B")])
    answer = log.critical_path()
    assert answer.set_index("effect_type")["total_ms"].to_dict() == {"C": 70, "B": -30, "A": 30}
    assert answer["total_ms"].sum() == 70
    assert answer.set_index("effect_type").loc["B", "saves_ms"] == 0
    assert "1 hop on these paths ends before it starts." in answer.sentence
    assert "1 effect stands before its cause, so clocks differ" in answer.sentence


def test_what_clocks_make_pass_before_a_path_points_to_the_log_without_skew(event):
    """The clock of billing is 60 ms slow: what it did in between stands before all."""
    rows = []
    for n in range(3):
        rows += [
            event("Placed", f"f{n}", 0, source="shop"),
            event("Billed", f"f{n}", 10 - 60, "Placed", source="billing"),
            event("Packed", f"f{n}", 100, "Placed", source="stock"),
        ]
    log = EventLog(rows)
    said = (
        "3 effects stand before their causes, so clocks differ, and what passes before a path and on it is not to "
        "be trusted: ask log.without_skew() instead."
    )
    answer = log.critical_path()
    assert "33 % of the time passed before the first event of a path, of which" in answer.sentence
    assert answer.sentence.endswith(said)
    assert log.critical_path("f1").sentence.endswith(said.replace(THREE, ONE))
    right = log.without_skew().critical_path()
    assert "passed before" not in right.sentence
    assert "clocks" not in right.sentence


ONE, THREE = "1 effect stands before its cause", "3 effects stand before their causes"


def test_an_empty_log_and_one_without_hops_say_so(event):
    assert EventLog([]).critical_path().sentence.startswith("There are no flows in this log")
    answer = EventLog([event("A", "f", 0), event("A", None, 0)]).critical_path()
    assert answer.empty
    assert answer.sentence == (
        "No critical path in 1 flow has a hop: the latest event of each names no cause in its "
        "own flow. 1 event without a flow took no part."
    )
    assert "No critical path in 1 flow" in answer.plot().layout.annotations[0].text


def test_a_log_that_tells_no_cause_has_them_inferred_and_says_so(event):
    log = EventLog(
        [
            event(kind, f"f{n}", n + ms)
            for n in range(9)
            for kind, ms in zip("ABC", (0, 10, 40), strict=True)
        ]
    )
    answer = log.critical_path()
    assert answer["effect_type"].tolist() == ["C", "B"]
    assert "causes inferred from the log's own statistics." in answer.sentence
    assert "causes inferred from the log's own statistics." in log.critical_path("f3").sentence
    assert "inferred" in log.compare(log).sentence
    assert "inferred" in log.anomalies().sentence


def test_a_flow_that_is_not_there_is_an_error(orders):
    with pytest.raises(LogError, match=r"there is no flow 'o-9' in this log"):
        orders.critical_path("o-9")


def test_a_log_of_nulls_has_an_answer():
    log = EventLog([{"type": None, "time": "2026-01-01", "correlation_id": c} for c in (None, "f")])
    assert log.critical_path().empty
    assert log.critical_path("f")["event_type"].tolist() == ["(no type)"]


def test_more_kinds_of_hop_than_are_tried_still_give_an_answer(event):
    rows = [event("T0", "f", 0)]
    rows += [event(f"T{n}", "f", n * (n + 1), f"T{n - 1}") for n in range(1, 50)]
    answer = EventLog(rows).critical_path()
    assert len(answer) == 49
    assert (answer["saves_ms"] > 0).sum() == 32
    assert EventLog(rows).critical_path("f")["saves_ms"].notna().sum() == 32


@st.composite
def trees(draw):
    """Events of a few flows; each names an earlier event of its flow as its cause, or none.

    One names a cause for sure: in a log that tells none at all, they are inferred.
    """
    first, then = (pd.Timestamp(ns, tz="UTC") for ns in (0, 5))
    last = {"type": "Z", "source": "z", "correlation_id": "9"}
    rows = [
        {"id": "9.0", "time": first, "causation_id": None, **last},
        {"id": "9.1", "time": then, "causation_id": "9.0", **last},
    ]
    for flow in range(draw(st.integers(1, 3))):
        for n in range(draw(st.integers(1, 7))):
            cause = draw(st.one_of(st.none(), st.integers(0, n - 1))) if n else None
            rows.append(
                {
                    "id": f"{flow}.{n}",
                    "type": draw(st.sampled_from("ABC")),
                    "source": draw(st.sampled_from("xy")),
                    "time": pd.Timestamp(draw(st.integers(0, 9)) * 1_000_000, tz="UTC"),
                    "correlation_id": str(flow),
                    "causation_id": None if cause is None else f"{flow}.{cause}",
                }
            )
    return rows


def _plainly(rows):
    """The sums, as one would write them down without thinking about speed."""
    sums: dict[tuple, list[int]] = {}
    for flow in {row["correlation_id"] for row in rows}:
        events = {row["id"]: row for row in rows if row["correlation_id"] == flow}
        latest = max(row["time"] for row in events.values())
        last = [row for row in events.values() if row["time"] == latest]
        if len(last) > 1:
            return None  # which of them is last is for the order to say
        event, on_path = last[0], set()
        while event["causation_id"] is not None:
            mine = sums.setdefault(_kind(events, event), [0, 0, 0])
            mine[0] += 1
            mine[1] += _took(events, event)
            on_path.add(_kind(events, event))
            event = events[event["causation_id"]]
        for kind in on_path:
            then = max(_time(events, row, kind) for row in events.values())
            sums[kind][2] += latest.value - then
    return sums


def _kind(events, row):
    return events[row["causation_id"]]["type"], row["type"], row["source"]


def _took(events, row):
    return row["time"].value - events[row["causation_id"]]["time"].value


def _time(events, row, halved):
    """When an event happens if every hop of a kind takes half as long."""
    if row["causation_id"] is None:
        return row["time"].value
    took = _took(events, row)
    if _kind(events, row) == halved and took > 0:
        took -= took // 2
    return _time(events, events[row["causation_id"]], halved) + took


@given(trees())
@settings(max_examples=60, deadline=None)
def test_paths_and_savings_agree_with_plain_python(rows):
    expected = _plainly(rows)
    if expected is None:
        return
    table = EventLog(rows).critical_path()
    hops = table[table["cause_type"].notna()]
    found = {
        (row.cause_type, row.effect_type, row.service): [
            row.n,
            row.total_ms * 1e6,
            row.saves_ms * 1e6,
        ]
        for row in hops.itertuples()
    }
    assert found == expected


@given(trees(), st.randoms())
@settings(max_examples=40, deadline=None)
def test_shuffled_rows_and_parts_split_by_flow_give_the_same_answer(rows, random):
    answer = EventLog(rows).critical_path()
    shuffled = random.sample(rows, len(rows))
    pd.testing.assert_frame_equal(EventLog(shuffled).critical_path(), answer)
    shares = [[row for row in rows if int(row["correlation_id"]) % 2 == n] for n in (0, 1)]
    parts = [critical_path.part(EventLog(share).index) for share in shares]
    together = critical_path.whole(parts)
    pd.testing.assert_frame_equal(together, answer)
    assert together.sentence == answer.sentence


def test_the_shares_of_all_kinds_add_up_to_the_time_of_all_flows(orders):
    answer = orders.critical_path()
    assert np.isclose(answer["share"].sum(), 1)
    assert answer["total_ms"].sum() == orders.flows()["duration_ms"].sum()


def test_the_pictures_say_what_they_show(orders):
    figure = orders.critical_path().plot()
    assert (
        figure.layout.title.text
        == "<b>What to speed up: shares of all flow time, in % (n = 9 hops)</b>"
    )
    one = orders.critical_path("o-1").plot()
    assert one.layout.title.text == "<b>The critical path of o-1, in ms (n = 3 hops)</b>"
    assert [note.text for note in one.layout.annotations] == [
        " starts",
        " 10 ms, 14 %",
        " 20 ms, 29 %",
        " 40 ms, 57 %",
    ]


def test_names_from_the_log_are_no_markup_in_the_pictures(event):
    log = EventLog([event("<b>A", "<i>", 0), event("B<br>", "<i>", 1, "<b>A")])
    assert "&lt;b&gt;A" in log.critical_path().plot().layout.yaxis.ticktext[0]
    assert "&lt;i&gt;" in log.critical_path("<i>").plot().layout.title.text


def test_flows_that_last_longer_than_292_years_in_sum_are_summed_up(event):
    n, days = 300, 400
    rows = []
    for flow in map(str, range(n)):
        cause = event("A", flow, 0)
        effect = event("B", flow, days * 86_400_000, causation_id=cause["id"], source="b")
        rows += [cause, effect]
    found = EventLog(rows).critical_path()
    assert found[["n", "total_ms", "share", "mean_ms", "saves_share"]].to_numpy().tolist() == [
        [n, n * days * 86_400_000.0, 1.0, days * 86_400_000.0, 0.5]
    ]
    assert "would save 50 % of the time of 300 flows (60000 d of 120000 d)" in found.sentence


def test_what_saves_nothing_is_not_recommended(event):
    log = EventLog([event("A", "f", 50), event("B", "f", 20, "A"), event("C", "f", 90)])
    assert log.critical_path().sentence.startswith("No critical path in 1 flow has a hop")
    log = EventLog([event("A", "f", 0), event("B", "f", 0, "A"), event("X", "f", -40)])
    assert log.critical_path().sentence.startswith(
        "No kind of hop, twice as fast, would save any of the time of 1 flow (40 ms); "
        "A → B (service) takes 0 % of it. 100 % of the time passed before"
    )

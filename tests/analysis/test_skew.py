"""Clocks that differ are found, estimated, and put right where a shift can do that."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis import EventLog
from workbench.analysis.skew import Skew, part, shifts
from workbench.errors import LogError

NOON = pd.Timestamp("2026-11-23T12:00:00Z")


@pytest.fixture
def skewed(event) -> EventLog:
    """billing's clock is 100 ms slow: it charges and answers before it was asked.

    shop asks billing (10 ms), and reacts to its answer (20 ms later).
    """
    rows = []
    for n in range(4):
        at = 1000 * n
        rows += [
            event("Asked", f"f{n}", at, source="shop"),
            event("Charged", f"f{n}", at + 10 + n - 100, "Asked", source="billing"),
            event("Noted", f"f{n}", at + 30 + n, "Charged", source="shop"),
        ]
    return EventLog(rows)


def test_effects_before_their_causes_are_found_per_pair_of_services(skewed):
    table = skewed.skew()
    assert table[["cause_service", "effect_service", "n", "negative"]].to_numpy().tolist() == [
        ["shop", "billing", 4, 4],
        ["billing", "shop", 4, 0],
    ]
    assert table["min_ms"].tolist() == [-90.0, 120.0]
    assert table["p50_ms"].tolist() == [-88.5, 120.0]
    assert np.allclose(table["p95_ms"], [-87.15, 120.0])


def test_the_offset_is_estimated_from_both_directions(skewed):
    table = skewed.skew()
    assert table["offset_ms"].tolist() == [-105.0, 105.0]  # half of 10 - 100 - 120
    assert table["within_ms"].tolist() == [15.0, 15.0]  # it is -100, which lies within


def test_one_direction_gives_a_bound_and_no_estimate(event):
    log = EventLog([event("A", "f", 10, source="s"), event("B", "f", 4, "A", source="t")])
    row = log.skew().iloc[0]
    assert row["min_ms"] == -6.0
    assert np.isnan(row["offset_ms"])
    assert np.isnan(row["within_ms"])


def test_a_clock_is_shifted_so_that_no_effect_stands_before_its_cause(skewed):
    answer = skewed.skew(per="service")
    assert answer.to_numpy().tolist() == [["billing", 90_000_000, 4, 0], ["shop", 0, 0, 0]]
    assert answer.sentence == (
        "4 of 8 effects stand before their cause: shop → billing 4 of 4, by up to 90 ms. Shifting "
        "billing forward by at least 90 ms (up to 120 ms is possible) puts all of these right; "
        "log.without_skew() takes the least."
    )
    right = skewed.without_skew()
    assert (right.skew()["negative"] == 0).all()
    assert right.frame["time_as_logged"].equals(skewed.frame["time"])
    moved = right.frame["time"] - skewed.frame["time"]
    billing = skewed.frame["source"] == "billing"
    assert set(moved[billing]) == {pd.Timedelta("90ms")}
    assert set(moved[~billing]) == {pd.Timedelta(0)}


def test_what_no_shift_puts_right_remains_and_is_said(event):
    log = EventLog(
        [
            event("A", "f", 0, source="s"),
            event("B", "f", -5, "A", source="s"),  # before its cause, by one clock
            event("C", "g", 0, source="s"),
            event("D", "g", -10, "C", source="t"),
            event("E", "g", -12, "D", source="s"),  # contradicts the one above
            event("C", "h", 0, source="s"),
            event("D", "h", -10, "C", source="t"),
        ]
    )
    table = log.skew().set_index(["cause_service", "effect_service"])
    assert table["remaining"].to_dict() == {("s", "t"): 0, ("s", "s"): 1, ("t", "s"): 1}
    assert table["within_ms"]["s", "t"] == -6.0
    assert "puts all but 2 of these right" in log.skew().sentence


def test_a_shift_is_the_least_and_how_much_it_may_be_is_said(event):
    """t is 2 s slow; its hops take 1.5 s there, and 0.5 s back."""
    log = EventLog(
        [
            event("A", "f", 0, source="s"),
            event("B", "f", 1500 - 2000, "A", source="t"),
            event("C", "f", 2000, "B", source="s"),
            event("D", "f", 2500, "C", source="u"),
        ]
    )
    shift = "t forward by at least 500 ms (up to 2.5 s is possible)"
    assert f"Shifting {shift} puts all of these right;" in log.skew().sentence
    right = log.without_skew()
    assert right.skew().sentence == (
        f"No effect stands before its cause among 3 hops, with clocks shifted: {shift}."
    )
    assert right.without_skew().skew().sentence == right.skew().sentence
    assert (
        right.where("type != 'C'")
        .skew()
        .sentence.endswith("t forward by at least 500 ms (nothing tells how much it is at most).")
    )


def test_a_shift_back_has_its_bound_from_its_own_events(event):
    log = EventLog(
        [
            event("A", "f", 0, source="s"),
            event("B", "f", 900, "A", source="fast"),
            event("C", "f", 300, "B", source="t"),
            event("C", "g", 0, source="t"),
            event("D", "g", 800, "C", source="fast"),
            event("E", "g", 100, "D", source="s"),
        ]
    )
    assert log.skew(per="service")["shift_ns"].tolist() == [-700_000_000, 0, 0]
    assert "fast back by at least 700 ms (up to 800 ms is possible)" in log.skew().sentence


def test_that_no_effect_stands_before_its_cause_proves_no_clock_right(orders):
    assert orders.skew().sentence == (
        "No effect stands before its cause among 9 hops, so no clock is shown to be off; one that is "
        "off by less than hops take is not seen."
    )
    assert len(orders.skew().plot().layout.annotations) == 1
    pd.testing.assert_series_equal(orders.without_skew().frame["time"], orders.frame["time"])


def test_of_services_that_react_to_each_other_it_is_said_how_far_clocks_may_differ(event):
    log = EventLog(
        [
            event("A", "f", 0, source="s"),
            event("B", "f", 40, "A", source="t"),
            event("C", "f", 110, "B", source="s"),
        ]
    )
    assert log.skew().sentence == (
        "No effect stands before its cause among 2 hops, so no clock is shown to be off. Of services "
        "that react to each other clocks may differ by 70 ms (s and t) at most."
    )


def test_a_log_that_tells_no_causes_says_nothing_of_clocks(orders):
    untold = EventLog(orders.frame.assign(causation_id=None))
    assert untold.skew().empty
    assert untold.with_causes().skew().empty
    assert "No event names a cause that its flow holds" in untold.skew().sentence
    assert EventLog([]).skew(per="service").empty


def test_pairs_are_drawn_with_how_far_and_how_many(skewed, event):
    figure = skewed.skew().plot()
    assert list(figure.data[0].text) == ["90 ms"]
    assert figure.layout.annotations[0].text == "shop → billing: 4 of 4 effects"
    odd = [event("A", "f", 1, source="<b>s"), event("B", "f", 0, "A", source="t")]
    assert "&lt;b&gt;s" in EventLog(odd).skew().plot().layout.annotations[0].text


EDGES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(-9, 9)),
    min_size=1,
    max_size=12,
    unique_by=lambda edge: edge[:2],
)


@settings(max_examples=200, deadline=None)
@given(edges=EDGES)
def test_shifts_put_all_right_wherever_any_shifts_can(edges):
    cause, effect, least = (np.array(column, dtype=np.int64) for column in zip(*edges, strict=True))
    apart = cause != effect
    found = shifts(5, cause, effect, least[:, np.newaxis])
    wrong = (least + found[effect] - found[cause] < 0) & apart
    # By Floyd and Warshall: some shifts put all right unless a ring of pairs is below 0.
    distance = np.full((5, 5), np.inf)
    distance[cause[apart], effect[apart]] = least[apart]
    for middle in range(5):
        distance = np.minimum(distance, distance[:, [middle]] + distance[[middle], :])
    assert wrong.any() == (np.diag(distance) < 0).any()
    if (least[apart] >= 0).all():
        assert not found.any()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 9999))
def test_shifts_never_put_more_effects_before_their_causes_than_were(seed):
    random = np.random.default_rng(seed)
    n = 60
    ms = np.arange(n) + random.integers(0, 30, n) * (random.random(n) < 0.3)
    source = random.choice(list("stu"), n)
    frame = pd.DataFrame(
        {
            "id": [f"e{i}" for i in range(n)],
            "type": "A",
            "source": source,
            "time": NOON + pd.to_timedelta(ms - 40 * (source == "t"), unit="ms"),
            "correlation_id": [f"f{i % 6}" for i in range(n)],
            "causation_id": [f"e{i - 6}" if i >= 6 else None for i in range(n)],
        }
    )

    def wrong(log):
        time = log.frame.set_index("id")["time"]
        caused = log.frame["causation_id"].map(time)
        return set(log.frame["id"][log.frame["time"] < caused])

    log = EventLog(frame)
    before, after = wrong(log), wrong(log.without_skew())
    assert len(after) < len(before) or after == before
    assert log.skew()["remaining"].sum() == len(after)
    said = log.skew().sentence
    if after - before:
        assert f"and puts {len(after - before)} other" in said
    if after & before and after != before:
        assert f"puts all but {len(after & before)} of these right" in said


def test_a_few_effects_by_chance_do_not_move_the_clocks_of_thousands(event):
    rows = []
    for n in range(200):
        rows += [
            event("A", f"f{n}", 100 * n, source="s"),
            event("B", f"f{n}", 100 * n + 10 - 3000, "A", source="t"),  # 3 s slow
            event("C", f"f{n}", 100 * n + 20, "B", source="s"),
        ]
    rows += [
        *(event("C", "odd", 60, source="s"), event("D", "odd", 50, "C", source="u")),
        *(event("C", "odd too", 60, source="s"), event("D", "odd too", 50, "C", source="u")),
        *(event("D", "even", 60, source="u"), event("E", "even", 50, "D", source="s")),
    ]

    def apart(log):
        shift = log.skew(per="service").set_index("service")["shift_ns"]
        return shift["t"] - shift["s"]

    log = EventLog(rows)
    assert apart(log) == 2_990_000_000
    jittered = [event("B", "late", 2000, source="t"), event("C", "late", 4970, "B", source="s")]
    assert apart(EventLog([*rows, *jittered])) == 2_990_000_000
    assert "puts all but 1 of these right" in log.skew().sentence
    assert log.without_skew().skew()["negative"].sum() == 1


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_parts_of_a_log_say_of_clocks_what_all_of_it_says(seed):
    random = np.random.default_rng(seed)
    n = 40
    frame = pd.DataFrame(
        {
            "id": [f"e{i}" for i in range(n)],
            "type": "A",
            "source": random.choice(list("stu"), n),
            "time": NOON + pd.to_timedelta(random.integers(0, 50, n), unit="ms"),
            "correlation_id": [f"f{i % 4}" for i in range(n)],
            "causation_id": [f"e{i - 4}" if i >= 4 else None for i in range(n)],
        }
    )
    log, half = EventLog(frame), frame["correlation_id"] < "f2"
    parts = [part(EventLog(frame[half]).index), part(EventLog(frame[~half]).index)]
    for per_service in (False, True):
        joined = Skew(parts).answer(per_service=per_service)
        direct = log.skew(per="service" if per_service else "pair")
        pd.testing.assert_frame_equal(pd.DataFrame(joined), pd.DataFrame(direct))
        assert joined.sentence == direct.sentence
    shuffled = EventLog(frame.sample(frac=1, random_state=seed)).skew()
    pd.testing.assert_frame_equal(pd.DataFrame(shuffled), pd.DataFrame(log.skew()))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (1000, " All latencies are whole seconds: of each shift up to 1 s may be rounding."),
        (1, " All latencies are whole milliseconds: of each shift up to 1 ms may be rounding."),
        (0.001, ""),
    ],
)
def test_where_times_are_told_in_coarse_steps_the_sentence_says_how_much_may_be_rounding(
    event, step, said
):
    rows = [event("A", "f", 3 * step, source="s"), event("B", "f", step, "A", source="t")]
    sentence = EventLog([*rows, event("A", "g", 0, source="s")]).skew().sentence
    assert sentence.endswith(f"log.without_skew() takes the least.{said}")


def test_shifts_beyond_what_times_can_hold_are_refused(event):
    first = event("A", "f", 0) | {"time": pd.Timestamp("2262-04-11T23:00Z")}
    early = event("B", "f", 0, causation_id=first["id"], source="b")
    late = event("B", "g", 0, source="b") | {"time": pd.Timestamp("2200-01-01T00:00Z")}
    with pytest.raises(LogError, match="the shifts lead beyond the year 2262, where times end"):
        EventLog([first, early, late]).without_skew()


def test_shifts_are_known_when_times_come_back_as_text(skewed, tmp_path):
    shifted = skewed.without_skew()
    shifted.save(tmp_path / "log.xes")
    read = EventLog.read(tmp_path / "log.xes")
    assert "with clocks shifted" in read.skew().sentence
    read.explain([read.flows()["correlation_id"].iloc[0]])


def test_a_shift_that_hardly_can_be_larger_is_told_once(event):
    there = [event("A", "f", 0, source="a"), event("B", "f", -5000, "A", source="b")]
    back = [event("C", "g", 0, source="b"), event("D", "g", 5000.001, "C", source="a")]
    said = EventLog(there + back).skew().sentence
    assert "forward by at least 5 s (up to 1 µs more is possible)" in said
    assert "(up to +5 s" not in said

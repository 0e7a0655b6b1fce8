"""What changed between two logs: planted changes are found, and in noise nothing is."""

import re
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.synthetic import order_log, order_rows, split_by_flow
from workbench.analysis import EventLog, compare
from workbench.analysis.intervals import by_group, cliffs_delta, normal_quantile, share_difference


@pytest.fixture(scope="module")
def before():
    return order_log(1500)


@pytest.fixture(scope="module")
def changed(before):
    return before.compare(order_log(1500, 1, slower=1.5, audited=0.1))


def test_a_hop_that_got_slower_is_found_with_its_size(changed):
    slower = changed[changed["verdict"] == "slower"]
    assert set(slower["name"]) == {
        "StockReserved → PaymentReceived (billing)",
        "StockReserved → PaymentDeclined (billing)",
    }
    top = changed.iloc[0]
    assert top["name"] == "StockReserved → PaymentReceived (billing)"
    assert 1.4 < top["after"] / top["before"] < 1.6
    assert 0.3 < top["low"] < top["effect"] < top["high"] < 0.6


def test_new_paths_types_and_services_are_found_with_their_shares(changed):
    new = changed[changed["verdict"] == "new"].groupby("what")["name"].agg(list)
    assert new["type"] == ["Audited"]
    assert new["service"] == ["audit"]
    assert new["hop"] == ["OrderPlaced → Audited (audit)"]
    assert all("Audited" in path for path in new["variant"])
    row = changed.set_index(["what", "name"]).loc[("type", "Audited")]
    assert row["n_before"] == 0
    assert row["after"] == row["n_after"] / 1500
    assert row["effect"] == row["after"]


def test_the_sentence_names_what_changed_most_surely(changed):
    assert changed.sentence.startswith("1,500 flows before, 1,500 after: ")
    assert "2 slower hops" in changed.sentence
    assert "1 new service, 1 new type" in changed.sentence
    assert "1 slight change, of " in changed.sentence
    row = changed.iloc[0]
    assert (
        f"The surest: StockReserved → PaymentReceived (billing) is slower, {row['before']:.0f} ms "
        f"→ {row['after']:.0f} ms at the median (Cliff's delta {row['effect']:.2f}, between "
    ) in changed.sentence


def test_seen_from_the_other_side_every_change_is_turned_round(before):
    after = order_log(800, 1, slower=1.5, audited=0.1)
    there, back = before.compare(after), after.compare(before)
    by = ["what", "name"]
    there, back = there.set_index(by).sort_index(), back.set_index(by).sort_index()
    np.testing.assert_allclose(there["effect"], -back["effect"])
    np.testing.assert_allclose(there["low"], -back["high"], atol=1e-12)
    pairs = [("new", "vanished"), ("more", "fewer"), ("slower", "faster")]
    opposite = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    turned = [" ".join(opposite.get(word, word) for word in v.split()) for v in there["verdict"]]
    assert turned == back["verdict"].tolist()


@pytest.mark.parametrize("seed", range(2, 10))
def test_between_logs_of_the_same_system_nothing_is_found(before, seed):
    answer = before.compare(order_log(1000, seed))
    assert set(answer["verdict"]) <= {"no change", "too few to tell"}
    assert "comparisons shows more than chance" in answer.sentence


def test_what_only_one_log_has_too_rarely_is_not_called_new(before, event):
    after = order_rows(1500, 3)
    odd = pd.DataFrame([event("Odd", "o-3-0", 0, channel="odd", source="odd")])
    answer = before.compare(EventLog(pd.concat([after, odd], ignore_index=True)))
    found = answer[answer["name"].isin(["Odd", "odd"])]
    assert found["verdict"].tolist() == ["too few to tell"] * 2
    assert "3 more are in one log only, too rarely to tell." in answer.sentence


def test_a_log_compared_with_itself_shows_no_difference(orders):
    answer = orders.compare(orders)
    assert (answer["effect"] == 0).all()
    assert set(answer["verdict"]) == {"no change"}


def jumped(event, flows: range, *, by: float, faster: float = 0, back_to: str = "z") -> EventLog:
    """x asks y, which takes 1 to 2 s, as ``back_to`` does then; y's clock is ahead by ``by``."""
    took = np.random.default_rng(flows.start).uniform(1000, 2000, (len(flows), 2))
    rows = []
    for n, (there, back) in zip(flows, took, strict=True):
        at, flow = 10_000 * n, f"f{n}"
        asked = at + there - faster
        rows += [
            event("A", flow, at, source="x"),
            event("B", flow, asked + by, "A", source="y"),
            event("C", flow, asked + back, "B", source=back_to),
        ]
    return EventLog(rows)


def test_a_clock_that_was_set_between_two_logs_is_no_news_of_its_service(event):
    before = jumped(event, range(200), by=0)
    answer = before.compare(jumped(event, range(200, 400), by=-1500))
    hops = answer[answer["what"] == "hop"].set_index("name")["verdict"]
    assert hops.to_dict() == {"A → B (y)": "faster", "B → C (z)": "slower"}
    assert " A clock seems to have jumped, that of y (about -1.5 s): hops into " in answer.sentence
    assert re.search(
        r"Effects stand before their causes \(0 before, \d+ after\), so clocks differ: see log\.skew",
        answer.sentence,
    )
    ahead = jumped(event, range(200, 400), by=800)
    assert re.search(r"that of y \(about \+[78].. ms\)", before.compare(ahead).sentence)
    assert "Effects stand" not in before.compare(jumped(event, range(200, 400), by=0)).sentence


def test_of_two_services_that_only_have_each_other_either_clock_may_have_jumped(event):
    before = jumped(event, range(200), by=0, back_to="x")
    after = jumped(event, range(200, 400), by=-900, back_to="x")
    assert re.search(
        r"that of x \(about \+9.. ms\) or y \(about -9.. ms\):", before.compare(after).sentence
    )


def test_a_hop_that_got_faster_alone_is_no_jump_of_a_clock(event):
    before = jumped(event, range(200), by=0)
    answer = before.compare(jumped(event, range(200, 400), by=0, faster=900))
    assert answer.set_index("name")["verdict"]["A → B (y)"] == "faster"
    assert "clock" not in answer.sentence


def test_an_empty_log_is_not_compared(orders):
    answer = orders.compare(EventLog([]))
    assert answer.empty
    assert answer.sentence == "There is nothing to compare: 4 flows before, 0 after."
    assert "nothing to compare" in answer.plot().layout.annotations[0].text


def test_logs_of_one_flow_and_of_nulls_are_compared(event):
    one = EventLog([event("A", "f", 0), event("B", "f", 3, "A")])
    nulls = EventLog([{"type": None, "time": "2026-01-01", "correlation_id": "g"}])
    answer = one.compare(nulls)
    assert "(no type)" in answer["name"].tolist()
    assert not answer["verdict"].isin(["slower", "faster", "new"]).any()


def test_shuffled_rows_and_parts_split_by_flow_give_the_same_answer(before):
    after = order_log(700, 1, slower=1.3, audited=0.02)
    answer = before.compare(after)
    shuffled = EventLog(after.frame.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(before.compare(shuffled), answer)
    parts = [
        [compare.part(share.index, share.frame) for share in split_by_flow(log)]
        for log in (before, after)
    ]
    together = compare.whole(*parts)
    pd.testing.assert_frame_equal(together, answer)
    assert together.sentence == answer.sentence


def test_rarer_paths_are_compared_as_one(monkeypatch, before):
    monkeypatch.setattr(compare, "_PATHS_COMPARED", 1)
    answer = before.compare(order_log(1500, 1, audited=0.1))
    pooled = answer[answer["name"] == "(3 rarer paths)"].iloc[0]
    assert (pooled["what"], pooled["verdict"]) == ("variant", "more")


def test_the_picture_shows_each_change_with_its_interval(changed):
    figure = changed.plot()
    assert "hold together at 95 %" in figure.layout.title.text
    assert {points.name for points in figure.data} == {
        "paths",
        "types",
        "services",
        "times of hops",
        "duration of flows",
    }


def test_hops_that_read_alike_are_compared_apart(event):
    rows = [event("A", "f", 0), event("B → C", "f", 1, "A")]
    rows += [event("A → B", "f", 2), event("C", "f", 9, "A → B")]
    found = EventLog(rows).compare(EventLog(rows))
    hops = found[found["what"] == "hop"]
    assert hops["name"].tolist() == ["A → B → C (service)"] * 2
    assert sorted(hops["before"]) == [1, 7]


def test_what_is_gone_has_vanished(event):
    rows = [event("A", f"f{n}", n) for n in range(40)]
    more = [event("B", f"f{n}", n + 1, "A", source="ship") for n in range(40)]
    said = EventLog(rows + more).compare(EventLog(rows)).sentence
    assert "the service ship has vanished, 100 % → 0 % of flows" in said


def test_hops_that_only_one_log_has_are_drawn_too(event):
    def log(last):
        return EventLog(
            [
                row
                for n in range(40)
                for row in (event("A", f"f{n}", n), event(last, f"f{n}", n + 1, "A"))
            ]
        )

    figure = log("B").compare(log("C")).plot()
    hops = next(points for points in figure.data if points.name == "times of hops")
    assert sorted(hops.x) == [-1, 1]
    labels = "".join(figure.layout.yaxis.ticktext)
    assert "hop, new: 40 times" in labels
    assert "hop, vanished: 40 times" in labels
    assert "hops that only one log has" in figure.layout.title.subtitle.text


# --- the measures --------------------------------------------------------------------------

SAMPLES = st.lists(st.integers(0, 6), min_size=1, max_size=12)


@given(st.lists(st.tuples(SAMPLES, SAMPLES), min_size=1, max_size=3))
@settings(max_examples=80, deadline=None)
def test_cliffs_delta_agrees_with_counting_all_pairs(pairs):
    values, group, after, expected = [], [], [], []
    for number, (first, second) in enumerate(pairs):
        values += first + second
        group += [number] * (len(first) + len(second))
        after += [False] * len(first) + [True] * len(second)
        expected.append(np.mean([np.sign(b - a) for a in first for b in second]))
    arrays = (np.array(values), np.array(group), np.array(after))
    delta, low, high = cliffs_delta(*by_group(*arrays), len(pairs), normal_quantile(1))
    np.testing.assert_allclose(delta, expected, atol=1e-12)
    assert (low <= delta + 1e-9).all()
    assert (delta <= high + 1e-9).all()
    assert (low >= -1).all()
    assert (high <= 1).all()


def test_values_too_large_to_be_packed_are_sorted_all_the_same():
    values, group = np.array([2**61, -(2**61), 5, 4]), np.array([0, 0, 1, 1])
    found = by_group(values, group, np.array([True, False, True, False]))
    assert [each.tolist() for each in found] == [
        [-(2**61), 2**61, 4, 5],
        [0, 0, 1, 1],
        [False, True, False, True],
    ]


def test_a_group_without_a_second_sample_has_no_delta():
    delta, low, _ = cliffs_delta(np.array([1]), np.array([0]), np.array([False]), 2, 1.96)
    assert np.isnan(delta).all()
    assert np.isnan(low).all()


def test_the_interval_of_shares_is_that_of_newcombe_s_paper():
    # Table II of the paper, 56/70 against 48/80, method 10: 0.0524 to 0.3339.
    effect, low, high = share_difference(np.array([48]), 80, np.array([56]), 70, 1.959964)
    assert effect[0] == pytest.approx(0.2)
    assert low[0] == pytest.approx(0.0524, abs=5e-5)
    assert high[0] == pytest.approx(0.3339, abs=5e-5)


def test_the_interval_of_delta_leaves_out_0_just_where_the_mann_whitney_test_finds_something():
    first, second = np.arange(0, 40, 2), np.arange(0, 40, 2) + 13
    values = np.concatenate([first, second])
    after = np.arange(40) >= 20
    values, group, after = by_group(values, np.zeros(40, int), after)
    delta, *_ = cliffs_delta(values, group, after, 1, 1.0)
    statistic = delta[0] / 2 / np.sqrt((20 + 20 + 1) / (12 * 20 * 20))
    for z, holds_zero in ((statistic * 0.999, False), (statistic * 1.001, True)):
        _, low, high = cliffs_delta(values, group, after, 1, z)
        assert (low[0] < 0 < high[0]) == holds_zero


@pytest.mark.parametrize(
    ("sizes", "spreads", "shift"),
    [
        ((30, 30), (1, 1), 0.0),
        ((20, 60), (1, 1), 0.8),
        ((8, 8), (1, 1), 1.5),
        ((15, 300), (5, 0.5), 0.0),
        ((300, 15), (0.5, 5), 0.0),
    ],
)
def test_19_in_20_intervals_of_delta_hold_the_truth_however_the_two_are_spread(
    sizes, spreads, shift
):
    rng, trials = np.random.default_rng(1), 2000
    first = rng.normal(0, spreads[0], (trials, sizes[0]))
    second = rng.normal(shift, spreads[1], (trials, sizes[1]))
    values = (np.concatenate([first, second], axis=1) * 1e6).astype(np.int64).ravel()
    group = np.repeat(np.arange(trials), sum(sizes))
    after = np.tile(np.arange(sum(sizes)) >= sizes[0], trials)
    _, low, high = cliffs_delta(*by_group(values, group, after), trials, normal_quantile(1))
    truth = 2 * NormalDist().cdf(shift / np.hypot(*spreads)) - 1
    assert np.mean((low <= truth) & (truth <= high)) > 0.93


def test_logs_whose_clocks_were_shifted_differently_are_said_to_be(event):
    def log(late):
        rows = []
        for n in range(40):
            rows += [
                event("A", f"f{n}", 60_000 * n, source="shop"),
                event("B", f"f{n}", 60_000 * n + late, "A", source="fraud"),
            ]
        return EventLog(rows)

    before, after = log(-5_000), log(-1_000)
    assert "Clocks were shifted" not in before.compare(after).sentence
    said = before.without_skew().compare(after.without_skew()).sentence
    assert "Clocks were shifted differently, that of fraud by 5 s before and 1 s after" in said
    assert (
        "Clocks were shifted" not in before.without_skew().compare(before.without_skew()).sentence
    )


def test_what_comes_twenty_times_in_one_flow_is_no_sure_change(event):
    def log(storm):
        rows = [
            event(kind, f"f{n}", 10 * n + at) for n in range(200) for at, kind in enumerate("ABC")
        ]
        rows += [
            row
            for n, row in enumerate(
                event("Retry", f"f{flow}", 10 * flow + 2 + n, "C", id=f"r{flow}-{n}")
                for flow in storm
                for n in range(20)
            )
        ]
        for row in rows:
            if row["type"] in "BC":
                row["causation_id"] = (
                    f"{row['correlation_id']}/{'A' if row['type'] == 'B' else 'B'}"
                )
        return EventLog(rows)

    found = log([7]).compare(log([])).set_index("name")
    assert set(found.loc[found.index.str.contains("Retry"), "verdict"]) == {"too few to tell"}
    assert "no change" not in found.loc[["C → Retry (service)"], "verdict"].tolist()
    sure = log(range(60)).compare(log([]))
    assert "the hop C → Retry (service) has vanished (1,200 times)" in sure.sentence

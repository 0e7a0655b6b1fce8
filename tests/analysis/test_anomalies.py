"""Flows unlike the rest: planted ones are found, and in noise none is."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.synthetic import order_log, order_rows, split_by_flow
from workbench.analysis import EventLog, anomalies
from workbench.analysis.unusual import bursts, how_far_out, tail_share


@pytest.fixture(scope="module")
def planted():
    """A slow shipment of o-0-7, a reservation of o-0-9 that comes 13 times, a burst of 80 orders."""
    rows = order_rows(1500)
    rows.loc[rows["id"] == "o-0-7/ShipmentDispatched", "time"] += pd.Timedelta("5s")
    again = rows[rows["id"] == "o-0-9/StockReserved"]
    more = [
        again.assign(id=f"again-{n}", time=again["time"] + pd.Timedelta(n, "ms")) for n in range(12)
    ]
    burst = order_rows(120, 1, per_second=20)
    burst["time"] += rows["time"].median().floor("30s") - burst["time"].min() + pd.Timedelta("1s")
    return EventLog(pd.concat([rows, *more, burst], ignore_index=True))


@pytest.fixture(scope="module")
def found(planted):
    return planted.anomalies()


def test_a_slow_hop_and_the_long_flow_that_it_makes_are_found(found):
    slow = found[found["correlation_id"] == "o-0-7"].set_index("what")
    assert set(slow.index) == {"hop", "duration"}
    assert slow.loc["hop", "name"] == "PaymentReceived → ShipmentDispatched (shipping)"
    assert slow.loc["hop", "evidence"].startswith(
        "PaymentReceived → ShipmentDispatched (shipping) took 5"
    )
    assert slow.loc["duration", "evidence"].startswith("took 5.1 s; flows on its path take ")
    assert (slow["score"] > 8).all()


def test_repeats_and_the_rare_path_that_they_make_are_found(found):
    again = found[found["correlation_id"] == "o-0-9"].set_index("what")
    assert set(again.index) == {"repeats", "variant"}
    assert again.loc["repeats", "evidence"] == (
        "StockReserved came 13 times; 1 at the median of 1,620 flows"
    )
    assert again.loc["variant", "evidence"].startswith(
        "1 of 1,620 flows took its path: OrderPlaced"
    )
    assert again.loc["variant", "score"] == pytest.approx(NormalDist().inv_cdf(1 - 1 / 1620))


def test_a_burst_of_starts_is_found_with_its_first_flow(found):
    burst = found[found["what"] == "burst"]
    assert len(burst) == 1
    assert "flows started within 30 s, it first; usually " in burst["evidence"].iloc[0]


def test_nothing_else_is_found_and_the_sentence_sums_it_up(found):
    assert sorted(found["what"]) == ["burst", "duration", "hop", "repeats", "variant"]
    assert found.sentence == (
        "3 of 1,620 flows (0.19 %) are unlike the rest: 1 with an unusual hop, 1 of unusual "
        "duration, 1 with repeats, 1 on a rare path, 1 at the start of a burst. The most unusual: "
        "o-0-724, 149 flows started within 30 s, it first; usually 29 do."
    )
    assert found["score"].is_monotonic_decreasing


@pytest.mark.parametrize("seed", range(8))
def test_of_flows_that_differ_by_chance_only_none_is_unlike_the_rest(seed):
    answer = order_log(1500, seed).anomalies()
    assert answer.empty
    assert answer.sentence == "None of 1,500 flows is unlike the rest by more than chance."


def chains(seed, draw):
    """200 flows of five events, their latencies drawn anew."""
    rng = np.random.default_rng(seed)
    waits = np.hstack([np.zeros((200, 1)), draw(rng, (200, 4))])
    times = 1000.0 * np.arange(200)[:, None] + np.cumsum(waits, axis=1)
    rows = {
        "id": [f"{flow}-{step}" for flow in range(200) for step in range(5)],
        "type": list("ABCDE") * 200,
        "source": "s",
        "time": pd.to_datetime((times.ravel() * 1e6).astype(np.int64), utc=True),
        "correlation_id": np.repeat([f"f{flow}" for flow in range(200)], 5),
        "causation_id": [
            f"{f}-{step - 1}" if step else None for f in range(200) for step in range(5)
        ],
    }
    return EventLog(pd.DataFrame(rows))


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, size: rng.exponential(100, size),
        lambda rng, size: 100 * rng.lognormal(0, 0.5, size),
    ],
    ids=["exponential", "lognormal"],
)
def test_chance_alone_shows_in_one_of_twenty_logs_at_most(draw):
    assert sum(len(chains(seed, draw).anomalies()) > 0 for seed in range(20)) <= 1


def test_an_unusually_fast_hop_has_a_score_below_0(event):
    rows = [event("A", f"f{n}", n) for n in range(200)]
    rows += [event("B", f"f{n}", n + 1000 + n, "A") for n in range(1, 200)]
    rows.append(event("B", "f0", 0.001, "A"))
    answer = EventLog(rows).anomalies()
    assert set(answer["correlation_id"]) == {"f0"}
    assert (answer["score"] < -3.5).all()


def test_where_most_paths_are_taken_once_none_of_them_is_rare(event):
    rows = [event(f"T{n}", f"f{n}", n) for n in range(300)]
    assert EventLog(rows).anomalies().empty


def test_hops_of_no_time_are_said_and_not_judged(event):
    rows = [event("A", f"f{n}", n) for n in range(40)]
    rows += [event("B", f"f{n}", n - 1, "A") for n in range(40)]
    assert EventLog(rows).anomalies().sentence == (
        "None of 40 flows is unlike the rest by more than chance. 40 hops of no time or less could "
        "not be judged."
    )


def test_more_findings_than_are_listed_are_counted(monkeypatch, planted):
    monkeypatch.setattr(anomalies, "_LISTED", 2)
    answer = planted.anomalies()
    assert len(answer) == 2
    assert answer.sentence.endswith("The 2 most unusual findings are listed, and 3 are not.")


def test_an_empty_log_one_flow_and_nulls_have_an_answer(event):
    assert EventLog([]).anomalies().empty
    assert EventLog([event("A", "f", 0), event("B", "f", 1, "A")]).anomalies().empty
    nulls = [{"type": None, "time": "2026-01-01", "correlation_id": c} for c in (None, "f")]
    assert EventLog(nulls).anomalies().empty
    assert "unlike the rest" in EventLog([]).anomalies().plot().layout.annotations[0].text


def test_shuffled_rows_and_parts_split_by_flow_give_the_same_answer(planted, found):
    shuffled = EventLog(planted.frame.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled.anomalies(), found)
    together = anomalies.whole([anomalies.part(share.index) for share in split_by_flow(planted)])
    pd.testing.assert_frame_equal(together, found)
    assert together.sentence == found.sentence


def test_the_picture_has_a_point_for_each_finding(found):
    figure = found.plot()
    assert sum(len(points.x) for points in figure.data) == len(found)
    assert figure.layout.title.text == "<b>Flows unlike the rest (5 findings, n = 1,620 flows)</b>"


# --- the measures --------------------------------------------------------------------------


def test_the_score_is_the_distance_from_the_median_by_that_of_a_percentile():
    values = np.random.default_rng(1).lognormal(10, 1, 200).astype(np.int64)
    score, usual, n = how_far_out(values, np.zeros(200, int), 1, floor=0.05)
    assert n[0] == 200
    assert usual[0] == pytest.approx(np.median(values))
    above, logs = values > usual[0], np.log(values)
    unit = (1 + 1.5 / np.sqrt(200)) / NormalDist().inv_cdf(0.95)
    low, middle, high = np.log(np.quantile(values, [0.05, 0.5, 0.95]))
    np.testing.assert_allclose(score[above], ((logs - middle) / (high - middle) / unit)[above])
    down = (logs - middle) / (middle - low) / unit
    low, middle = np.quantile(values, [0.05, 0.5])
    plain = (values - middle) / (middle - low) / unit
    np.testing.assert_allclose(score[~above], np.maximum(down, plain)[~above])


def test_of_exponential_times_none_is_too_short():
    values = 1 + np.random.default_rng(1).exponential(10**8, 20_000).astype(np.int64)
    score, *_ = how_far_out(values, np.arange(20_000) % 100, 100, floor=0.05)
    assert score.min() > -3


def test_what_one_in_a_hundred_does_is_not_odd_in_a_large_group():
    values = np.array([100] * 80 + [130] * 17 + [2000] * 3).repeat(20)
    score, *_ = how_far_out(values, np.zeros(2000, int), 1, floor=0.05)
    assert score.max() < 3.5
    score, *_ = how_far_out(np.append(values, 10**7), np.zeros(2001, int), 1, floor=0.05)
    assert score.argmax() == 2000
    assert score.max() > 8


def test_where_values_are_equal_the_floor_is_the_measure():
    score, *_ = how_far_out(np.array([1] * 39 + [100]), np.zeros(40, int), 1, floor=0.5)
    assert score[:39].tolist() == [0] * 39
    assert score[39] == pytest.approx(np.log(100) / 0.5 / (1 + 1.5 / np.sqrt(40)))


def test_few_values_are_not_judged():
    score, *_ = how_far_out(np.array([1] * 20 + [10**9]), np.zeros(21, int), 1, floor=0.05)
    assert (score == 0).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_the_tail_share_agrees_with_plain_counting(groups):
    share, size = tail_share(np.array(groups), 6)
    for group in set(groups):
        mine = groups.count(group)
        assert size[group] == mine
        tail = [each for each in groups if groups.count(each) <= mine]
        assert share[group] == pytest.approx(len(tail) / len(groups))


def test_nights_without_starts_are_not_what_is_usual():
    rng = np.random.default_rng(1)
    days = [rng.integers(0, 10**12, rng.poisson(400)) + day * 86_400 * 10**9 for day in range(40)]
    _, score, n, usual, _ = bursts(np.sort(np.concatenate(days)))
    assert len(n) == 40
    assert 380 < usual < 420
    assert score.max() < 3.5

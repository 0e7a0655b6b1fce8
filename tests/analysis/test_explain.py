"""What sets flows apart: planted reasons are found first, and in noise nothing is."""

from itertools import product
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.synthetic import order_log, split_by_flow
from workbench.analysis import EventLog, attributes, explain
from workbench.analysis.conditions import rows_where
from workbench.analysis.separating import _chance, beyond, information
from workbench.errors import LogError


@pytest.fixture(scope="module")
def log():
    return order_log(1000)


@pytest.fixture(scope="module")
def placed(log):
    """The order of each flow, by correlation id."""
    frame = log.frame[log.frame["type"] == "OrderPlaced"]
    return pd.Series(list(frame["data"]), index=frame["correlation_id"])


def top(answer):
    row = answer.iloc[0]
    return row["attribute"], row["event_type"], row["condition"]


def test_a_value_in_the_payload_that_sets_flows_apart_comes_first_with_its_counts(log, placed):
    german = placed.index[placed.map(lambda data: data["country"] == "DE")]
    answer = log.explain(list(german[:120]))
    assert top(answer) == ("data.country", "OrderPlaced", "== 'DE'")
    row = answer.iloc[0]
    assert (row["inside"], row["outside"]) == (120, len(german) - 120)
    assert row["inside_share"] == 1
    assert row["outside_share"] == (len(german) - 120) / 880
    assert row["lift"] == pytest.approx(1 / row["outside_share"])
    assert answer.sentence == (
        "100 % of the 120 flows have data.country == 'DE' on OrderPlaced, 12 % of the 880 others."
    )


def test_what_stands_inside_headers_is_an_attribute_too(log):
    frame = log.frame
    flow = pd.factorize(frame["correlation_id"])[0]
    frame["headers"] = [
        {"tenant": "X" if n % 10 == 0 else "Y", "x-request-id": str(n), "via": ["a", n]}
        for n in flow.tolist()
    ]
    asked = frame.loc[flow % 10 == 0, "correlation_id"].unique()
    answer = EventLog(frame).explain(asked)
    assert answer.iloc[0][["attribute", "condition"]].tolist() == ["headers.tenant", "== 'X'"]
    assert answer.iloc[0]["score"] == 1


def test_a_threshold_on_a_nested_number_is_found(log, placed):
    dear = placed.map(lambda data: data["order"]["total"] > 100)
    answer = log.explain(dear.loc[log.flows()["correlation_id"]])
    assert top(answer)[:2] == ("data.order.total", "OrderPlaced")
    limit = float(answer.iloc[0]["condition"].removeprefix("> "))
    assert 95 < limit <= 100
    assert answer.iloc[0]["score"] == 1
    assert (answer["score"] == 1).sum() == 1, "the same split is listed once"


def test_values_that_belong_together_are_grouped(log, placed):
    southern = placed.index[placed.map(lambda data: data["country"] in ("AT", "CH"))]
    assert top(log.explain(southern)) == ("data.country", "OrderPlaced", "in ('AT', 'CH')")


def test_columns_and_types_and_paths_are_attributes_too(event):
    rows = [
        event("A", f"f{n}", n, partition=n % 3, dataschema=f"A/{1 + n % 2}", tenant=f"t{n % 5}")
        for n in range(60)
    ]
    rows += [event("B", f"f{n}", n + 0.5, "A") for n in range(0, 60, 4)]
    log = EventLog(rows)
    ids = [f"f{n}" for n in range(60)]
    assert top(log.explain(ids[::3])) == ("partition", "A", "== 0")
    assert top(log.explain(ids[::2])) == ("version", "A", "== 'A/1'")
    assert top(log.explain(ids[::5])) == ("tenant", "A", "== 't0'")
    answer = log.explain(ids[::4])
    assert answer.iloc[0]["score"] == 1
    assert top(answer)[0] in ("channel", "service", "type", "variant")


def test_that_an_attribute_is_there_at_all_is_told_only_if_nothing_else_tells_the_same(event):
    rows = [event("A", f"f{n}", n) for n in range(60)]
    rows += [event("B", f"f{n}", n + 0.5, "A", **{"@stored": f"at {n}"}) for n in range(0, 60, 4)]
    answer = EventLog(rows).explain([f"f{n}" for n in range(0, 60, 4)])
    assert top(answer)[2].startswith("== ")
    assert not answer["condition"].eq("is not None").any()


def test_of_an_event_that_the_flows_lack_only_that_is_told(event):
    rows = [event("A", f"f{n}", n, data={"country": f"c{n % 10}"}) for n in range(200)]
    rows += [
        event("B", f"f{n}", n + 0.5, "A", data={"cents": n * 7 % 100}, partition=n % 3)
        for n in range(200)
        if n % 10
    ]
    answer = EventLog(rows).explain([f"f{n}" for n in range(0, 200, 10)])
    assert top(answer) == ("data.country", "A", "== 'c0'")
    assert not answer["event_type"].eq("B").any()


@pytest.fixture(scope="module")
def halted():
    """Of 18 flows of 200 all but one lack the last event; 16 of them are Swiss, 12 others too."""
    rows = []
    for n in range(200):
        land = "CH" if 2 <= n < 30 else ("FR", "DE", "AT")[n % 3]
        step = {"correlation_id": f"f{n}", "source": "cases"}
        at = pd.Timestamp("2026-11-23", tz="UTC") + pd.Timedelta(n, "min")
        data = {"land": land, "sum": n * 37 % 101}
        rows.append({**step, "id": f"a{n}", "type": "CaseOpened", "time": at, "data": data})
        if n >= 18 or n == 0:
            cause = {"causation_id": f"a{n}", "source": "till", "channel": "till"}
            more = {"id": f"b{n}", "type": "CaseClosed", "time": at + pd.Timedelta("1s")}
            rows.append({**step, **cause, **more, "data": {"sum": n * 53 % 101}})
    return EventLog(rows), [f"f{n}" for n in range(18)]


def test_what_stuck_flows_lack_of_course_stands_behind_what_sets_them_apart(halted):
    log, ids = halted
    answer = log.explain(ids)
    assert top(answer) == ("data.land", "CaseOpened", "== 'CH'")
    assert answer.sentence.startswith(
        "89 % of the 18 flows have data.land == 'CH' on CaseOpened, 6.6 % of the 182 others."
    )
    sure = answer[answer["by_chance"] <= 0.05]
    assert not sure["event_type"].eq("CaseClosed").any(), "one flow has it, and that tells nothing"
    lacking = sure["attribute"].isin(["variant", "type", "service"])
    assert lacking.any()
    assert lacking.is_monotonic_increasing


def test_where_nothing_else_sets_flows_apart_their_shape_is_told(halted):
    log, ids = halted
    bare = log.frame.assign(data=None)
    answer = EventLog(bare).explain(ids)
    assert answer.sentence == (
        "Nothing but what happened in them tells them apart: "
        "5.6 % of the 18 flows have service == 'till', 100 % of the 182 others."
    )


def test_a_value_on_an_event_that_more_of_the_flows_have_counts_in_full(event):
    rows = [event("A", f"f{n}", n) for n in range(200)]
    rows += [
        event("Up", f"f{n}", n + 0.5, "A", data={"plan": "gold" if n % 2 else "tin"})
        for n in range(40)
    ]
    answer = EventLog(rows).explain([f"f{n}" for n in range(1, 40, 2)])
    assert top(answer) == ("data.plan", "Up", "== 'gold'")
    assert answer.iloc[0]["score"] == 1


def test_what_a_condition_adds_to_an_events_presence_is_worked_out_by_hand():
    shares = np.array([0.5, 0.5, 1.0]), np.array([0.5, 0.0, 0.5])
    held = np.array([0.5, 0.5, 1.0]), np.array([0.5, 0.5, 1.0])
    np.testing.assert_allclose(beyond(*shares, *held), [0, 0.5, 0.311278], atol=1e-6)


def test_ids_that_are_whole_numbers_may_be_given_as_numbers(event):
    log = EventLog([event("A", f"{n}", n, data={"x": n < 9}) for n in range(50)])
    assert top(log.explain([*range(9)])) == ("data.x", "A", "== True")


def test_a_value_that_only_few_flows_have_is_told_beside_an_attribute_of_many_values(event):
    rows = [
        event("A", f"f{n}", n, data={"country": "GB" if n < 3 else "DE", "who": f"c{n % 97}"})
        for n in range(600)
    ]
    answer = EventLog(rows).explain(["f0", "f1", "f2", "f300"])
    row = answer.set_index("condition").loc["== 'GB'"]
    assert (row["inside"], row["outside"]) == (3, 0)
    assert row["by_chance"] < 0.01


def assert_conditions_give_what_they_counted(log, asked):
    """Put each condition into ``where`` as it is printed."""
    answer, frame = log.explain(asked), log.frame
    for row in answer[answer["event_type"].notna()].to_dict("records"):
        on = f"type == {row['event_type']!r} and {row['attribute']} {row['condition']}"
        found = set(frame["correlation_id"][rows_where(frame, on)])
        n = len(found & set(asked)), len(found - set(asked))
        assert (row["inside"], row["outside"]) == n, on
    return answer


def test_a_threshold_has_the_digits_that_it_takes(event):
    start = 1_790_012_345_678
    rows = [event("A", f"f{n}", 0, data={"made": start + 40 * n}) for n in range(300)]
    asked = [f"f{n}" for n in range(140, 300)]
    log = EventLog(rows)
    # The last that is not meant is …351238, the first that is …351278.
    assert top(assert_conditions_give_what_they_counted(log, asked))[2] == "> 1790012351240"
    before = [f"f{n}" for n in range(140)]
    assert top(assert_conditions_give_what_they_counted(log, before))[2] == "< 1790012351278"
    assert len(log.where("data.made < 1790012351278")) == 140


def test_printed_conditions_give_back_the_flows_they_counted(event):
    texts = ["it's", '"quoted"', "both ' and \"", "back\\slash", "new\nline", "`", "None", ""]
    rows = []
    for n in range(160):
        data = {
            "text": texts[n % 8],
            "two words": {"if": {"deep.er": n % 5}},
            "lines": [{"sku": f"s{k}", "n": k * 0.1} for k in range(n % 4)],
            "flag": n % 3 == 0,
            "null": None if n % 7 else 1,
            "big": 10**18 + n,
            "float": n / 7,
            "whole": float(n // 40),
        }
        more = {
            "Gebühr (€)": n % 6,
            "headers": {"x-id": n % 4, "tags": ["a", n % 11]},
            "if": n // 9,
        }
        rows.append(event("Odd 'type'", f"f{n}", n, data=data, partition=n % 3, **more))
        rows.append(event("B", f"f{n}", n, data={"text": texts[n % 3]}))
    log = EventLog(rows)
    seen = set()
    for step, first in ((8, 2), (5, 1), (4, 3), (6, 5), (11, 3)):
        asked = [f"f{n}" for n in range(first, 160, step)]
        answer = assert_conditions_give_what_they_counted(log, asked)
        seen |= set(answer["attribute"])
    for limit in (40, 77):
        answer = assert_conditions_give_what_they_counted(log, [f"f{n}" for n in range(limit)])
        seen |= set(answer["attribute"])
    assert seen >= {
        "data.text",
        "data['two words']['if']['deep.er']",
        "data.lines[:].n",
        "data.flag",
        "data.big",
        "data.float",
        "data.whole",
        "`Gebühr (€)`",
        "headers['x-id']",
        "headers.tags[:]",
        "`if`",
    }


NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.integers(2**53 - 3, 2**53 + 6),
    st.integers(17 * 10**17, 17 * 10**17 + 900),
    st.floats(-1e3, 1e3, allow_nan=False),
    st.floats(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=15, deadline=None)
@given(numbers=st.lists(NUMBERS, min_size=12, max_size=30), cut=st.integers(1, 11))
def test_thresholds_between_any_numbers_hold_for_the_flows_counted(numbers, cut):
    rows = [
        {
            "type": "A",
            "time": "2026-11-23",
            "correlation_id": f"f{n}",
            "id": f"{n}",
            "data": {"x": x},
        }
        for n, x in enumerate(sorted(numbers))
    ]
    assert_conditions_give_what_they_counted(EventLog(rows), [f"f{n}" for n in range(cut)])


@pytest.mark.parametrize("unit", [10**9, 10**6])
def test_what_repeats_the_time_without_its_fraction_explains_nothing(event, unit):
    rows = [event("A", f"f{n}", n * 1000 + 7.654321) for n in range(90)]
    for row in rows:
        row["meta"] = {"when": row["time"].value // unit}
    assert not EventLog(rows).explain([f"f{n}" for n in range(30)])["attribute"].tolist()


@pytest.mark.parametrize("unit", [10**9, 10**6, 10**3, 1])
def test_what_only_repeats_the_time_explains_nothing(event, unit):
    rows = [event("A", f"f{n}", n * 1000, data={"who": n % 9}) for n in range(90)]
    for row in rows:
        stamp = row["time"].value / unit if unit > 10**6 else row["time"].value // unit
        row["meta"] = {"wann": stamp, "text": str(row["time"]), "offset": 0}
        row["Zeit"] = row["time"].isoformat()
        row["moment"] = row["time"]
    asked = [f"f{n}" for n in range(30)]
    answer = EventLog(rows).explain(asked)
    assert (
        answer["attribute"].tolist() == []
        or not answer["attribute"].str.contains("meta|Zeit|moment").any()
    )
    for row in rows[::2]:
        row["meta"]["wann"] += 10**10  # it is no time of the event any more
    assert "meta.wann" in set(EventLog(rows).explain(asked)["attribute"])
    moved = EventLog(rows[1::2])
    shifted = moved.frame.assign(
        time=moved.frame["time"] + pd.Timedelta("2s"), time_as_logged=moved.frame["time"]
    )
    found = EventLog(shifted).explain([f"f{n}" for n in range(1, 30, 2)])
    assert not found["attribute"].str.contains("wann|time").any()


def test_times_inside_a_payload_and_one_that_is_for_ever_may_explain(event):
    rows = [event("A", f"f{n}", n * 1000, data={"at": f"2026-01-01T00:00:0{n % 3}.5"}) for n in range(90)]  # fmt: skip
    ends = pd.Series(["9999-12-31", "2030-01-01"] * 45).astype("datetime64[us]")
    log = EventLog(pd.DataFrame(rows).assign(ends=ends))
    first = log.explain([f"f{n}" for n in range(0, 90, 3)]).iloc[0]
    assert (first["attribute"], first["condition"]) == ("data.at", "== '2026-01-01T00:00:00.5'")
    assert log.explain([f"f{n}" for n in range(0, 90, 2)])["attribute"].iloc[0] == "ends"


def test_ids_explain_nothing(log):
    answer = log.explain([f"o-0-{n}" for n in range(40)])
    assert not answer["attribute"].str.contains("id").any()


@pytest.mark.parametrize("seed", range(6))
def test_flows_drawn_at_random_are_set_apart_by_nothing(log, seed):
    mask = np.random.default_rng(seed).random(1000) < 0.1
    answer = log.explain(mask)
    assert (answer["by_chance"] > 0.05).all()
    n = mask.sum()
    assert answer.sentence == (
        f"Nothing sets the {n} flows apart from the {1000 - n} others by more than chance."
    )


def test_a_log_or_a_table_of_flows_says_which_are_meant(log):
    ids = log.flows()["correlation_id"].tail(30)
    expected = log.explain(list(ids))
    for flows in (ids, ids.to_frame(), EventLog(log.frame[log.frame["correlation_id"].isin(ids)])):
        pd.testing.assert_frame_equal(log.explain(flows), expected)


def test_what_is_no_flow_of_the_log_is_an_error_or_is_said(log, orders):
    with pytest.raises(LogError, match=r"none of the 2 flows asked about is in this log"):
        log.explain(["a", "b"])
    with pytest.raises(LogError, match=r"the mask has 2 entries for 4 flows: it needs one for"):
        orders.explain([True, False])
    with pytest.raises(LogError, match=r"the table of flows has no column 'correlation_id'"):
        orders.explain(pd.DataFrame({"flow": ["o-1"]}))
    assert orders.explain(["o-1", "o-9"]).sentence.endswith("1 id asked about is not in this log.")


def test_all_flows_or_none_leave_nothing_to_tell_apart(orders):
    for mask, flows in (([True] * 4, 4), ([False] * 4, 0)):
        found = orders.explain(mask)
        assert found.sentence.startswith(f"There is nothing to tell apart: {flows} flows")
        assert found.empty
        found.plot()
    assert EventLog([]).explain(np.zeros(0, bool)).empty


def test_a_log_of_nulls_and_odd_payloads_has_an_answer(event):
    odd = [None, 1, "x", [1, [2]], {"a": {"b": [{"c": None}, {"c": True}]}}, 10**400, float("nan")]
    rows = [event("A", f"f{n}", 0, data=odd[n % len(odd)]) for n in range(35)]
    rows.append({"type": None, "time": "2026-11-23", "correlation_id": "g"})
    answer = EventLog(rows).explain([f"f{n}" for n in range(4, 35, 7)])
    assert top(answer)[0].startswith("data.a.b[:].c")
    assert answer.iloc[0]["score"] == 1


def test_shuffled_rows_and_parts_split_by_flow_give_the_same_answer(log, placed):
    german = set(placed.index[placed.map(lambda data: data["country"] == "DE")][:150])
    answer = log.explain(german)
    shuffled = EventLog(log.frame.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled.explain(german), answer)
    together = _in_parts(log, german)
    pd.testing.assert_frame_equal(together, answer)
    assert together.sentence == answer.sentence


def test_of_too_many_events_flows_are_drawn_the_same_ones_always(monkeypatch, log, placed):
    monkeypatch.setattr(attributes, "EVENTS", 600)
    german = set(placed.index[placed.map(lambda data: data["country"] == "DE")])
    answer = log.explain(german)
    assert top(answer) == ("data.country", "OrderPlaced", "== 'DE'")
    assert "drawn by a hash of their ids." in answer.sentence
    assert 140 < answer.iloc[0]["inside"] < 170
    together = _in_parts(log, german)
    pd.testing.assert_frame_equal(together, answer)
    assert together.sentence == answer.sentence


def _in_parts(log, ids):
    shares = split_by_flow(log)
    flows = pd.Index(list(ids), dtype="object")
    lots = [explain.lots(share.index, flows) for share in shares]
    upto = attributes.drawn(lots)
    parts = [
        attributes.attributes(
            share.index, share.frame, explain.asked_about(share.index, flows), upto
        )
        for share in shares
    ]
    return explain.whole(parts, *explain.counted(lots, flows))


def test_the_chance_is_never_below_that_of_fishers_test():
    for x, y in product(range(6), range(9)):
        chance = _chance(np.array([x]), np.array([y]), 5, 8)[0]
        ways = [comb(x + y, n) * comb(13 - x - y, 5 - n) for n in range(6)]
        above, below = sum(ways[x:]) / comb(13, 5), sum(ways[: x + 1]) / comb(13, 5)
        assert chance >= min(above, below) - 1e-12


def test_the_score_is_that_of_two_sides_of_equal_size():
    shares = np.array([1.0, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    np.testing.assert_allclose(information(*shares), [1, 0, 0.311278], atol=1e-6)


def test_the_picture_sets_both_sides_beside_each_other(log, placed):
    german = placed.index[placed.map(lambda data: data["country"] == "DE")]
    figure = log.explain(german).plot()
    assert figure.layout.title.text.endswith("in % of flows (n = 1,000)</b>")
    assert [bars.x[0] for bars in figure.data] == [100, 0]
    assert figure.layout.yaxis.ticktext[0].startswith(
        "<b>data.country == 'DE'</b><br>on OrderPlaced"
    )


def test_columns_of_lists_of_one_length_are_looked_into(event):
    rows = [
        event("A", f"f{n}", n, tags=["slow" if n < 30 else "quick", f"order-{n}"])
        for n in range(300)
    ]
    why = EventLog(rows).explain([f"f{n}" for n in range(30)])
    assert why[["attribute", "condition"]].to_numpy().tolist()[0] == ["tags[:]", "== 'slow'"]


@pytest.mark.parametrize(
    "headers",
    [
        lambda held: held,
        lambda held: [{"key": key, "value": value} for key, value in held.items()],
        lambda held: [[key, value] for key, value in held.items()],
    ],
)
def test_headers_are_known_by_name_however_they_are_written(event, headers):
    rows = [
        event("A", f"f{n}", n, headers=headers({"from": "DE", "to": "PT" if n < 30 else "DE"}))
        for n in range(300)
    ]
    log = EventLog(rows)
    why = log.explain([f"f{n}" for n in range(30)]).iloc[0]
    assert (why["attribute"], why["condition"]) == ("headers.to", "== 'PT'")
    assert log.where(f"{why['attribute']} {why['condition']}").events == 30


def test_a_mask_of_flows_in_another_order_is_of_those_flows(log, placed):
    flows = log.flows()
    names = flows["correlation_id"]
    dear = names.map(lambda flow: placed[flow]["order"]["total"] > 100)
    told = log.explain(names[dear].tolist())
    mixed = dear.sample(frac=1, random_state=1)
    by_name = dear.set_axis(names).sample(frac=1, random_state=2)
    for mask in (dear, mixed, by_name, dear.to_numpy()):
        pd.testing.assert_frame_equal(pd.DataFrame(log.explain(mask)), pd.DataFrame(told))


def test_what_has_no_type_is_told_as_where_takes_it():
    log = EventLog(
        [
            {
                "id": f"e{n}",
                "type": None if n < 10 else "A",
                "source": None if n >= 30 else "s",
                "correlation_id": f"f{n}",
                "time": pd.Timestamp(n, unit="s", tz="UTC"),
            }
            for n in range(40)
        ]
    )
    for flows in (range(10), range(30, 40)):
        found = log.explain([f"f{n}" for n in flows]).iloc[0]
        assert found[["condition", "inside", "outside"]].tolist() == ["is None", 10, 0]
    assert len(log.where("type is None")) == 10


def repeated(n, odd):
    """Flows of three events, each of which says the country again; those of ``odd`` are Swiss."""
    began = pd.Timestamp("2026-11-27T12:00Z")
    return [
        {
            "what": kind,
            "ref": f"{flow}-{place}",
            "order": f"f{flow}",
            "at": (began + pd.Timedelta(10 * flow + place, "s")).isoformat(),
            "body": {
                "country": "CH" if flow in odd else "DE",
                "total": flow * 7 % 50,
                "place": place,
            },
        }
        for flow in range(n)
        for place, kind in enumerate(["Placed", "Paid", "Sent"])
    ]


def test_an_attribute_that_every_event_of_a_flow_repeats_is_tried_once_and_so_few_flows_are_enough():
    log = EventLog(pd.DataFrame(repeated(60, {7, 22, 41})))
    answer = log.explain(["f7", "f22", "f41"])
    assert top(answer)[::2] == ("data.country", "== 'CH'")
    assert answer["event_type"].isna()[0]
    assert answer["by_chance"][0] < 0.05
    assert answer.sentence.startswith("100 % of the 3 flows have data.country == 'CH', 0 % of")
    places = answer[answer["attribute"] == "data.place"]
    assert places["event_type"].notna().all()


def test_what_comes_closest_is_named_though_it_may_be_chance():
    log = EventLog(pd.DataFrame(repeated(40, {7, 22, 31})))
    sentence = log.explain(["f7", "f22", "f31", "f3", "f9", "f12"]).sentence
    assert sentence == (
        "Nothing sets the 6 flows apart from the 34 others by more than chance. What comes closest "
        "may be chance: data.country == 'CH' (50 % against 0 %)."
    )


def test_what_standard_columns_were_read_of_is_not_asked_again():
    rows = [row | {"shop": row["body"]["country"]} for row in repeated(60, range(20))]
    mapping = {"channel": "shop", "source": "body.country"}
    found = set(
        EventLog(pd.DataFrame(rows), mapping).explain([f"f{n}" for n in range(20)])["attribute"]
    )
    assert not found & {"shop", "data.country", "body.country", "order", "ref", "at"}
    assert "service" in found or "channel" in found

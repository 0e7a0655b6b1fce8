import re
import warnings

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.errors import LogError


def test_it_says_what_is_in_it(orders):
    assert repr(orders) == (
        "<EventLog: events 14, flows 4, types 6, "
        "time 2026-11-23 12:00:00 to 2026-11-23 12:00:05 UTC, "
        "duplicates 1, dead letters 1, events without a flow 1>"
    )
    assert len(orders) == 16
    assert (orders.events, orders.n_duplicates, orders.n_dead_letters, orders.without_flow) == (
        14,
        1,
        1,
        1,
    )


def test_it_says_how_many_values_could_not_be_decoded_by_reason(event):
    reasons = ["no schema 5", None, "no schema 5", "<b>torn\x1b[2J", "a", "c"]
    rows = [event("A", "o", n) | {"undecoded": why} for n, why in enumerate(reasons)]
    said = "undecoded 5 (2: no schema 5; 1: <b>torn\\x1b[2J; 1: a; and 1 more)"
    assert repr(EventLog(rows)).endswith(f", {said}>")
    assert "<b>torn" not in EventLog(rows)._repr_html_()
    assert "undecoded" not in repr(EventLog([event("A", "o", 0) | {"undecoded": None}]))


def test_in_a_cell_types_are_counted_as_events_are_each_once(orders):
    html = orders._repr_html_()
    assert "StockReserved (4)" in html  # beside a duplicate and a dead letter
    assert sum(map(int, re.findall(r"\((\d+)\)", html))) == orders.events


def test_an_empty_log_says_what_to_do_next():
    for text in (repr(EventLog([])), EventLog([])._repr_html_()):
        assert "no events. Publish some and capture again" in text


def test_a_part_in_which_nothing_is_says_so(event):
    none = EventLog([event("A", "o", 0)]).where("type == 'B'")
    assert "no events: of the log that this is a part of, none fits" in repr(none)


@pytest.mark.parametrize(
    ("time", "utc"),
    [("21.09.2026 10:00:03", "2026-09-21T10:00:03Z"), ("20260921100003", "2026-09-21T10:00:03Z"),
     ("1790000000123", "2026-09-21T14:13:20.123Z"), ("2026-09-21 10:00:03", "2026-09-21T10:00:03Z")],
)  # fmt: skip
def test_a_frame_whose_column_of_times_has_our_name_may_hold_others_times(event, time, utc):
    rows = [event("A", "o", n) | {"time": time} for n in range(3)]
    assert EventLog(pd.DataFrame(rows)).frame["time"].tolist() == [pd.Timestamp(utc)] * 3


def test_payloads_are_mapped_to_what_a_function_makes_of_them(event):
    payloads = [{"n": n, "is": True, "name": f"x{n}", "of": {"a": n}} for n in range(3)]
    data = EventLog([event("A", "o", n, data=each) for n, each in enumerate(payloads)]).frame[
        "data"
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert data.map(lambda each: each["n"]).dtype == "int64"
        assert data.map(lambda each: each["is"]).dtype == "bool"
        assert data.map(lambda each: each["name"]).tolist() == ["x0", "x1", "x2"]
        assert data.map(lambda each: each["of"]).tolist() == [{"a": 0}, {"a": 1}, {"a": 2}]
        assert data.apply(len).tolist() == [4, 4, 4]


def test_its_html_shows_names_from_the_log_as_text_and_never_as_markup(event):
    html = EventLog([event("<img src=x onerror=alert(1)>", "o", 0)])._repr_html_()
    assert "<img" not in html
    assert "&lt;img" in html


def test_changing_the_frame_leaves_the_log_as_it_is(orders):
    frame = orders.frame
    frame.loc[0, "id"] = "changed"
    frame["more"] = 1
    assert orders.frame["id"][0] == "o-1/OrderPlaced"
    assert "more" not in orders.frame


def test_what_is_saved_is_read_back(orders, tmp_path):
    again = EventLog.read(orders.save(tmp_path / "orders.jsonl.gz"))
    pd.testing.assert_frame_equal(again.frame, orders.frame)


def test_a_flow_comes_in_causal_order_with_each_copy_behind_its_event(orders):
    first = orders.flow("o-1").frame
    assert first["type"].tolist() == [
        "OrderPlaced",
        "StockReserved",
        "StockReserved",
        "PaymentReceived",
        "ShipmentDispatched",
    ]
    last = orders.flow("o-4").frame
    assert last["dead_letter"].notna().tolist() == [False, False, True]
    assert orders.flow("o-4").n_dead_letters == 1


def test_a_flow_that_is_not_there_is_named(orders):
    with pytest.raises(LogError, match="no flow 'o-9' in this log"):
        orders.flow("o-9")


def test_between_takes_the_start_and_leaves_out_the_end(orders):
    part = orders.between("2026-11-23T12:00:01", pd.Timestamp("2026-11-23T12:00:02Z"))
    assert part.flows()["correlation_id"].tolist() == ["o-2"]
    assert len(orders.between(end="2026-11-23T12:00:01")) == 5
    assert len(orders.between()) == 16


def test_a_dead_letter_whose_event_is_not_in_the_log_is_that_event_as_well(event):
    reason = "inventory/reserve: ValueError: no"
    letter = event("OrderPlaced", "gone", 0, dead_letter=reason)
    nowhere = event("OrderPlaced", None, 0, dead_letter=reason)
    log = EventLog([letter, event("OrderPlaced", "here", 0), nowhere, {**letter, "offset": 9}])
    assert (
        "events 2, flows 2, types 1, time 2026-11-23 12:00:00 to 2026-11-23 12:00:00 UTC, duplicates 0, dead letters 2 "
        "(1 the only record of the event; 1 without a flow), events without a flow 0"
    ) in repr(log)
    assert log.flows()["correlation_id"].tolist() == ["gone", "here"]
    assert log.flows()["dead_letters"].tolist() == [1, 0]
    assert log.flow("gone").events == 1
    assert len(log.flow("gone")) == 2


def test_an_error_that_stands_where_the_event_does_takes_no_event_away(event):
    rows = []
    for flow in ("f0", "f1", "f2", "f3", "f4", "f5"):
        placed = event("OrderPlaced", flow, 0)
        reserved = event("StockReserved", flow, 1, causation_id=placed["id"], source="inventory")
        paid = event("PaymentReceived", flow, 2, causation_id=reserved["id"], source="billing")
        failed = {"dead_letter": "billing/charge: Timeout: card"} if flow in ("f3", "f4") else {}
        rows += [placed, reserved | failed] + [paid] * (flow != "f4")
    log = EventLog(rows)
    stuck = log.stuck()
    assert stuck["correlation_id"].tolist() == ["f4"]
    assert stuck["waiting_for"].tolist() == ["PaymentReceived"]
    assert stuck["dead_letter"].tolist() == ["billing/charge: Timeout: card"]
    letters = log.dead_letters()
    assert letters[["n", "answered"]].to_numpy().tolist() == [[2, 1]]
    assert len(log.orphans()) == 0
    assert log.events == len(rows)


@pytest.mark.parametrize("question", ["flows", "hops", "variants", "stuck"])
def test_an_empty_log_answers_with_the_columns_of_a_full_one(orders, question):
    full, empty = getattr(orders, question)(), getattr(EventLog([]), question)()
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)
    differ = {
        name for name in full if not name.endswith("type") and empty[name].dtype != full[name].dtype
    }
    assert differ <= {"variant", "services"}  # categories, of which an empty log has none


def test_a_flow_whose_id_is_a_whole_number_may_be_named_by_the_number(event):
    log = EventLog([event("A", f"71002{n}", n) for n in range(60, 70)])
    assert len(log.flow(7100261)) == 1
    with pytest.raises(LogError, match=r"^there is no flow 7100251 in this log: did you mean '71"):
        log.flow(7100251)


def test_of_a_flow_that_is_not_there_the_near_ones_are_named(orders):
    with pytest.raises(LogError, match=r"no flow '-1' in this log: did you mean 'o-1'\? log\.flo"):
        orders.flow("-1")
    with pytest.raises(LogError, match=r"no flow 'zz' in this log: log\.flows\(\) lists those"):
        orders.flow("zz")


def test_a_payload_without_an_id_is_given_once(event):
    row = event("A", "f", 0, id=None, partition=0, offset=3, data={"x": 1})
    log = EventLog([row, row, row | {"offset": 4}])
    assert [each.offset for each in log.payloads_of("A", progress=False)] == [3, 4]


def test_an_event_that_has_a_flow_in_one_of_its_records_is_in_that(event):
    lost = event("B", "f", 10, "A", correlation_id=None)
    found = event("B", "f", 20, "A")
    log = EventLog([event("A", "f", 0), lost, found])
    assert (log.events, log.n_duplicates, log.without_flow) == (2, 1, 0)
    assert log.flows()["duration_ms"].tolist() == [20]
    assert "in another flow" not in log.duplicates().sentence


def test_a_flow_taken_alone_holds_what_it_holds_in_the_log(event):
    lost = event("Odd", "f", 10, correlation_id=None)
    letter = {**event("Odd", "f", 10), "dead_letter": "billing: E: no"}
    log = EventLog([event("A", "f", 0), lost, letter, event("A", "g", 0), event("B", "g", 5)])
    assert log.flow("f").events == log.flows()["events"].iloc[0] == 1
    assert log.critical_path("f")["event_type"].tolist() == ["A"]

"""Records that hold several events each: a row for each of them."""

import json

import pandas as pd
import pytest

from workbench.capture import read
from workbench.errors import LogError

KINDS = ["OrderPlaced", "OrderPaid", "OrderSent"]


def orders(n=20):
    return [
        {
            "order_id": f"o{order}",
            "status": {"now": "done"},
            "history": [
                {"event_id": f"e{order}-{step}", "event_type": kind, "ts": f"2026-11-23T12:{order:02}:0{step}Z", "total": 12345678901234567890}
                for step, kind in enumerate(KINDS)
            ],
        }
        for order in range(n)
    ]  # fmt: skip


def written(tmp_path, records, indent=None):
    path = tmp_path / "orders.json"
    path.write_text("\n".join(json.dumps(record, indent=indent) for record in records))
    return path


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("listed", [False, True])
def test_each_event_of_a_record_is_a_row_with_the_record_beside_it(tmp_path, indent, listed):
    path = written(tmp_path, [orders()] if listed else orders(), indent)
    found = read(path, progress=False)
    frame = found.frame.sort_values("id", ignore_index=True)
    assert len(frame) == 60
    assert frame["type"].tolist()[:3] == KINDS
    assert frame["correlation_id"].tolist()[:6] == ["o0"] * 3 + ["o1"] * 3
    assert frame["time"][1] == pd.Timestamp("2026-11-23T12:00:01Z")
    assert frame["status"][0] == {"now": "done"}
    assert frame["history"][0]["total"] == 12345678901234567890
    assert found.mapping["type"] == "history.event_type"
    assert found.mapping.format.endswith(", an event for each of history")
    pd.testing.assert_frame_equal(read(path, {**found.mapping}, progress=False).frame, found.frame)


def test_a_list_deep_in_an_object_is_found_too(tmp_path):
    pages = [
        {"page": n, "hits": {"total": 3, "hits": order["history"]}}
        for n, order in enumerate(orders())
    ]
    found = read(written(tmp_path, pages), {"correlation_id": "page"}, progress=False)
    assert found.mapping["id"] == "hits.hits.event_id"
    assert found.frame["correlation_id"].nunique() == 20


def test_a_mapping_may_name_what_is_in_the_list_of_a_record_that_is_an_event_itself(tmp_path):
    sagas = [order | {"type": "Order", "time": "2026-11-23T12:00:00Z"} for order in orders()]
    path = written(tmp_path, sagas)
    assert read(path, progress=False).frame["type"].unique().tolist() == ["Order"]
    found = read(path, {"type": "history.event_type", "time": "history.ts"}, progress=False)
    assert sorted(found.frame["type"].unique()) == sorted(KINDS)


def test_a_record_without_events_and_one_that_is_cut_are_rejected(tmp_path):
    path = written(tmp_path, [*orders(), {"order_id": "o99", "history": []}])
    path.write_text(path.read_text() + '\n{"order_id": "o100", "his')
    found = read(path, progress=False)
    assert len(found.frame) == 60
    assert found.rejected["line"].tolist() == [21, 22]
    assert found.rejected["reason"][0] == "this record has no event in history"
    assert found.rejected["reason"][1].startswith("this is not a JSON object that holds events: ")


def test_lines_of_an_order_are_no_events(tmp_path):
    events = [
        {
            "id": f"e{n}",
            "type": "Placed",
            "time": "2026-11-23T12:00:00Z",
            "lines": [{"sku": "a"}] * 3,
        }
        for n in range(9)
    ]
    assert len(read(written(tmp_path, events), progress=False).frame) == 9


def test_where_no_list_holds_events_either_what_is_there_is_said(tmp_path):
    with pytest.raises(
        LogError, match=r"no column says the event type.* There are order_id, lines\."
    ):
        read(written(tmp_path, [{"order_id": "o", "lines": [{"sku": "a"}]}] * 5), progress=False)

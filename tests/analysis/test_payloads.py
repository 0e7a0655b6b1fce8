"""The payloads of one event type, and what a new version would refuse of them."""

import json

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.choreography import Choreography
from workbench.events import EventType

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["id", "n"],
}
NEW = {**SCHEMA, "properties": {**SCHEMA["properties"], "n": {"type": "integer", "maximum": 5}}}


@pytest.fixture
def design():
    design = Choreography()
    design.event(EventType("OrderPlaced", SCHEMA, key="id"))
    return design


@pytest.fixture
def log(event):
    def order(n, ms=None, **more):
        data = {"id": f"o-{n}", "n": n}
        place = {"partition": n % 2, "offset": n}
        return event("OrderPlaced", f"o-{n}", n if ms is None else ms, data=data, **place, **more)

    orders = [order(n, dataschema="urn:event:OrderPlaced:1") for n in range(9)]
    again = [order(8, ms=50), order(8, dead_letter="billing/charge: why")]
    return EventLog([*orders, *again, event("StockReserved", "o-1", 3, data={"n": 77})])


def test_each_event_of_the_type_comes_once_in_the_order_of_time(log):
    found = list(log.payloads_of("OrderPlaced"))
    assert [(c.id, c.partition, c.offset) for c in found] == [
        (f"o-{n}/OrderPlaced", n % 2, n) for n in range(9)
    ]
    assert found[3].data == {"id": "o-3", "n": 3}
    assert {c.dataschema for c in found} == {"urn:event:OrderPlaced:1"}
    assert {c.channel for c in found} == {"shop"}
    assert list(log.payloads_of("OrderLost")) == []


def test_the_order_of_the_rows_does_not_matter(log, design):
    shuffled = EventLog(log.frame.sample(frac=1, random_state=3))
    told = str(design.impact("OrderPlaced", NEW, log))
    assert str(design.impact("OrderPlaced", NEW, shuffled)) == told
    assert "✗ OrderPlaced v2 would refuse 3 of 9 captured payloads (33.33%)." in told
    assert "o-6/OrderPlaced (shop[0] at 6): n is 6" in told


def test_the_refused_payloads_make_a_table(log, design):
    table = pd.DataFrame(design.impact("OrderPlaced", NEW, log).payloads.rows())
    assert list(table["id"]) == ["o-6/OrderPlaced", "o-7/OrderPlaced", "o-8/OrderPlaced"]
    assert list(table["field"].unique()) == ["n"]


def test_a_log_of_json_text_without_versions_is_read_as_the_new_version(event, design):
    rows = [
        event("OrderPlaced", f"o-{n}", n, data=json.dumps({"id": "x", "n": n})) for n in range(9)
    ]
    payloads = design.impact("OrderPlaced", NEW, EventLog(rows)).payloads
    assert (payloads.total, payloads.refused) == (9, 3)
    assert payloads.read_as == {"of no version that is known here, read as they stand as v2": 9}


def test_an_undecodable_payload_is_refused(event, design):
    row = event("OrderPlaced", "o-1", 0, data=None)
    payloads = design.impact("OrderPlaced", NEW, EventLog([row])).payloads
    (group,) = payloads.groups
    assert (group.field, group.count) == ("", 1)
    assert str(group.first[0]).endswith("the payload is null")


def test_asking_leaves_the_log_as_it_is(log, design):
    before = log.frame.copy(deep=True)
    design.impact("OrderPlaced", NEW, log)
    pd.testing.assert_frame_equal(log.frame, before)

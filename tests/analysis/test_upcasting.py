"""Old events read as new: what a log says when every payload is of one version."""

import pytest

from tests.effort import at_most
from workbench.analysis import EventLog
from workbench.choreography import Choreography
from workbench.errors import DesignError
from workbench.events import EventType

TEXT = {"type": "string"}
V1 = EventType("OrderPlaced", {"properties": {"id": TEXT, "total": TEXT}, "required": ["total"]}, 1)
V2 = EventType(
    "OrderPlaced", {"properties": {"amount": TEXT, "id": TEXT}, "required": ["amount"]}, 2
)
V3 = EventType(
    "OrderPlaced",
    {"type": "object", "properties": {"amount": TEXT, "id": TEXT, "gift": {"default": False}}, "required": ["amount"]},
    3,
)  # fmt: skip


@pytest.fixture
def design():
    design = Choreography()
    for version in (V1, V2):
        design.event(version)
        design.released.setdefault("OrderPlaced", {})[version.version] = version
    design.event(V3)
    design.upcaster("OrderPlaced", 1, {"amount": "data.total"})
    return design


@pytest.fixture
def log(event):
    def order(flow, version, data):
        named = None if version is None else f"urn:event:OrderPlaced:{version}"
        return event("OrderPlaced", flow, 0, dataschema=named, data=data, note=flow)

    return EventLog(
        [
            order("a", 1, {"id": "a", "total": "1.10"}),
            order("b", 2, {"id": "b", "amount": "2"}),
            order("c", 3, {"id": "c", "amount": "3", "gift": True}),
            order("d", None, {"id": "d", "amount": "4"}),
            order("e", 1, {"id": "e"}),
            order("f", 1, {"id": "f"}),
            order("g", 3, "not JSON"),
            event("StockReserved", "a", 5, "OrderPlaced", data={"x": 1}),
        ]
    )


def payloads(log):
    return log.frame.set_index("id")["data"].to_dict()


def test_every_payload_is_of_the_version_in_use(log, design):
    new = payloads(log.upcast(design))
    assert new["a/OrderPlaced"] == {"id": "a", "amount": "1.10", "gift": False}
    assert new["b/OrderPlaced"] == {"id": "b", "amount": "2", "gift": False}
    assert new["c/OrderPlaced"] == {"id": "c", "amount": "3", "gift": True}
    assert new["d/OrderPlaced"] == {"id": "d", "amount": "4", "gift": False}


def test_or_of_the_version_that_is_asked_for(log, design):
    found = log.upcast(design, {"OrderPlaced": 2})
    assert payloads(found)["a/OrderPlaced"] == {"id": "a", "amount": "1.10"}
    assert payloads(found)["c/OrderPlaced"] == {"id": "c", "amount": "3", "gift": True}
    with pytest.raises(DesignError, match=r"there is no OrderPlaced v8 \(there is: v1, v2, v3\)"):
        log.upcast(design, {"OrderPlaced": 8})
    with pytest.raises(DesignError, match="there is no event type 'Nope'"):
        log.upcast(design, {"Nope": 1})


def test_what_can_not_be_read_stays_as_it_was_and_is_said(log, design):
    found = log.upcast(design)
    assert payloads(found)["e/OrderPlaced"] == {"id": "e"}
    assert payloads(found)["g/OrderPlaced"] == "not JSON"
    table = found.unreadable()
    assert table.columns.to_list() == ["type", "version", "events", "reason", "example"]
    first, second = table.itertuples(index=False)
    assert (first.type, first.version, first.events) == ("OrderPlaced", 1, 2)
    assert first.reason == 'OrderPlaced v1: the payload: "total" is a required property.'
    assert first.example == "e/OrderPlaced"
    assert (second.version, second.events) == (3, 1)


def test_a_log_that_was_not_upcast_has_nothing_unreadable(log):
    table = log.unreadable()
    assert len(table) == 0
    assert str(table.dtypes["version"]) == "Int64"


def test_the_log_itself_and_all_else_in_it_stay_as_they_were(log, design):
    before = log.frame.copy()
    found = log.upcast(design)
    assert log.frame.equals(before)
    rest = [name for name in before if name not in ("data", "dataschema")]
    assert found.frame[rest].equals(before[rest])
    assert payloads(found)["a/StockReserved"] == {"x": 1}
    assert found.frame["dataschema"].to_list()[:5] == [
        *["urn:event:OrderPlaced:3"] * 4,
        "urn:event:OrderPlaced:1",
    ]


def test_a_log_captured_elsewhere_is_read_as_the_version_in_use(design, event):
    log = EventLog([event("OrderPlaced", "a", 0, data={"amount": "1"})])
    assert payloads(log.upcast(design))["a/OrderPlaced"] == {"amount": "1", "gift": False}
    assert len(EventLog([]).upcast(design)) == 0


def test_reading_a_log_again_changes_nothing_more(log, design, tmp_path):
    once = log.upcast(design)
    assert payloads(once.upcast(design)) == payloads(once)
    assert payloads(EventLog.read(once.save(tmp_path / "new.jsonl"))) == payloads(once)
    assert len(EventLog.read(tmp_path / "new.jsonl").unreadable()) == 2


def test_a_hundred_thousand_events_take_some_calls_each(design, event):
    rows = [
        event("OrderPlaced", f"o-{n}", n, dataschema=f"urn:event:OrderPlaced:{2 + n % 2}", data={"amount": "1"})
        for n in range(100_000)
    ]  # fmt: skip
    log = EventLog(rows)
    with at_most(calls=100 * len(log)):
        assert len(log.upcast(design).unreadable()) == 0

"""A flow followed, and why asked, on a real Kafka with services in processes of their own."""

import pytest

from workbench.choreography import Choreography
from workbench.events import Event
from workbench.services import RetryPolicy

pytestmark = pytest.mark.kafka


class OrderPlaced(Event, version=1, key="id"):
    id: str
    quantity: int = 1


class StockReserved(Event, version=1, key="id"):
    id: str


class OrderPaid(Event, version=1, key="id"):
    id: str


@pytest.fixture
def design():
    found = Choreography()
    for event in (OrderPlaced, StockReserved, OrderPaid):
        found.event(event)

    @found.service("inventory").on()
    def reserve(event: OrderPlaced) -> StockReserved:
        return StockReserved(id=event.id)

    @found.service("billing").on()
    def charge(event: StockReserved) -> OrderPaid:
        if event.id == "bad":
            raise OSError("no answer from the bank")
        return OrderPaid(id=event.id)

    found.service("shipping").whenever("OrderPaid", emit={}, name="ship")
    return found


def test_a_flow_over_a_killed_a_paused_and_a_failing_service_tells_who_holds_it_up(
    on_kafka, design
):
    wb = on_kafka(design, retry=RetryPolicy(attempts=2, first_delay=0.01, later=()))
    wb.start()
    good = wb.publish(OrderPlaced(id="good"))
    bad = wb.publish(OrderPlaced(id="bad"))
    wb.wait_until_idle()

    flow = wb.flow(good, progress=False)
    assert [event.type for event in flow.tree] == ["OrderPlaced", "StockReserved", "OrderPaid"]
    assert {made.tone for event in flow.tree for made, _ in event.reactions} == {"done"}
    assert len(flow.plot().layout.yaxis.ticktext) == 4

    (reserved,) = (
        event for event in wb.flow(bad, progress=False).tree if event.source == "inventory"
    )
    given = wb.why(reserved.id, "billing", progress=False)
    assert given.reason == "dead"
    assert "gave it up after 2 attempts" in given.sentence
    assert "OSError: no answer from the bank" in given.sentence
    wb.dead_letters().discard(reason="a test order")
    assert wb.why(reserved.id, "billing", progress=False).reason == "discarded"

    wb.kill("shipping")
    wb.faults.pause("inventory", "60s")
    late = wb.publish(OrderPlaced(id="late"))
    given = wb.why(late, "inventory", progress=False)
    assert given.reason == "not received"
    assert given.sentence == (
        "inventory has not received it yet: it is paused, and it is 1 event behind."
    )
    wb.faults.end()
    wb.start()
    wb.wait_until_idle()
    assert wb.why(late, "inventory", progress=False).reason == "handled"

    wb.kill("shipping")
    down = wb.publish(OrderPlaced(id="down"))
    while not (paid := [e for e in wb.flow(down, progress=False).tree if e.type == "OrderPaid"]):
        pass
    given = wb.why(paid[0].id, "shipping", progress=False)
    assert given.reason == "not received"
    assert "it was killed (wb.start('shipping') lets it go on)" in given.sentence
    assert "… shipping/ship has not received it yet" in repr(wb.flow(down, progress=False))


def test_what_came_before_a_service_began_now_is_passed_over(on_kafka, design):
    wb = on_kafka(design)
    early = wb.publish(OrderPlaced(id="early"))
    wb.start("inventory", begin="now")
    given = wb.why(early, "inventory", progress=False)
    assert given.reason == "passed over"
    assert given.sentence == (
        "inventory has read past it without reacting: it began to read after the event "
        "(begin='now', or a later time), or the event was of a type that it did not know then. "
        "wb.reprocess('inventory', since=...) lets it handle it."
    )

"""Which fields handlers are seen to touch while services really run."""

import sys

import cloudpickle
import pytest
from pydantic import BaseModel

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.events import EventType

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as if it were a notebook


class Line(BaseModel):
    sku: str
    quantity: int


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    total: int
    lines: list[Line]
    note: str = ""


class StockReserved(Event, version=1, key="order_id"):
    order_id: str
    units: int


class OrderNoted(Event, version=1, key="order_id"):
    order_id: str


def order_design():
    design = Choreography()
    design.event(OrderPlaced)

    @design.service("inventory").on()
    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        if event.total > 100:
            raise RuntimeError(event.note)
        ctx.state["same"] = isinstance(event, OrderPlaced) and type(event) is OrderPlaced
        return StockReserved(order_id=event.order_id, units=sum(x.quantity for x in event.lines))

    @design.service("audit").on(OrderPlaced, emits=[OrderNoted])
    def note(event: dict, ctx):
        ctx.state["lines"] = event["lines"]
        yield "OrderNoted", {"order_id": event["order_id"]}

    return design


def order(n, total=1):
    return OrderPlaced(order_id=f"o-{n}", total=total, lines=[Line(sku="a", quantity=2)])


QUICK = RetryPolicy(attempts=1, later=())
SEEN = {
    "inventory/reserve": ["lines[].quantity", "order_id", "total"],
    "audit/note": ["lines[]", "order_id"],
}


@pytest.fixture
def on_memory(tmp_path):
    made = []

    def make(**settings):
        wb = Workbench(order_design(), broker="memory://", folder=tmp_path, say=lambda _: None,
                       retry=QUICK, **settings)  # fmt: skip
        made.append(wb)
        return wb

    yield make
    for wb in made:
        wb.close()


def published(wb, *orders):
    if not wb.lives():
        wb.start()
    wb.publish_many(orders)
    wb.wait_until_idle()
    return wb


@pytest.mark.memory
def test_what_handlers_touch_is_noted_and_their_work_is_as_ever(on_memory):
    wb = published(on_memory(watch_fields=5), *(order(n) for n in range(9)))
    assert wb.touched() == SEEN
    assert wb.state("inventory") == {"same": True}
    assert wb.state("audit") == {"lines": [{"sku": "a", "quantity": 2}]}
    assert wb.counts("inventory")["emitted"] == 9


@pytest.mark.memory
def test_nothing_is_noted_unless_it_is_asked_for(on_memory):
    assert published(on_memory(), order(1)).touched() == {}


@pytest.mark.memory
def test_nothing_is_known_before_a_broker_is_connected_to(on_memory):
    wb = on_memory(watch_fields=5)
    assert wb.touched() == {}
    assert wb.connection.current is None


@pytest.mark.memory
def test_only_the_first_events_are_watched(on_memory):
    wb = published(on_memory(watch_fields=2), order(1), order(2))
    published(wb, order(3, total=500))
    assert "note" not in wb.touched()["inventory/reserve"]


@pytest.mark.memory
def test_what_a_failing_handler_touched_counts_too(on_memory):
    wb = published(on_memory(watch_fields=2), order(1, total=500))
    assert wb.touched()["inventory/reserve"] == ["note", "total"]


@pytest.mark.memory
def test_the_impact_of_a_change_knows_what_was_touched(on_memory):
    wb = published(on_memory(watch_fields=5), order(1))
    schema = dict(OrderPlaced.event_type.schema)
    schema["properties"] = {n: rule for n, rule in schema["properties"].items() if n != "total"}
    schema["required"] = ["order_id", "lines"]
    impact = wb.impact("OrderPlaced", EventType("OrderPlaced", schema, 2), log=wb.capture())
    readers = {reader.name: reader for reader in impact.readers}
    total = next(field for field in readers["inventory/reserve"].fields if field.path == "total")
    assert total.known_from == ("seen to touch it", "its code")
    assert (total.effect, readers["audit/note"].effect) == ("breaks", "fits")
    assert impact.payloads.total == 1


@pytest.mark.kafka
def test_services_in_processes_of_their_own_keep_what_their_handlers_touched(on_kafka):
    wb = published(on_kafka(order_design(), watch_fields=5), *(order(n) for n in range(9)))
    assert wb.touched() == SEEN
    assert wb.state("inventory") == {"same": True}
    assert wb.counts("inventory")["emitted"] == 9

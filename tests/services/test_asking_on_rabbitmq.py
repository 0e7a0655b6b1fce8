"""A flow followed, and why asked, on a broker whose groups keep no offsets."""

import pytest

from workbench import Workbench
from workbench.choreography import Choreography
from workbench.events import Event
from workbench.services import RetryPolicy

pytestmark = pytest.mark.rabbitmq


class OrderPlaced(Event, version=1, key="id"):
    id: str


class StockReserved(Event, version=1, key="id"):
    id: str


@pytest.fixture
def design():
    found = Choreography()
    for event in (OrderPlaced, StockReserved):
        found.event(event)

    @found.service("inventory").on()
    def reserve(event: OrderPlaced) -> StockReserved:
        if event.id == "bad":
            raise OSError("no shelf")
        return StockReserved(id=event.id)

    found.service("shipping").whenever("StockReserved", emit={}, name="ship")
    return found


def test_who_holds_up_a_flow_is_told_without_offsets(rabbitmq, tmp_path, design):
    with Workbench(
        design,
        broker=rabbitmq,
        namespace="asking",
        folder=tmp_path,
        retry=RetryPolicy(attempts=1, later=()),
        say=lambda text: None,
    ) as wb:
        wb.start()
        good = wb.publish(OrderPlaced(id="good"))
        bad = wb.publish(OrderPlaced(id="bad"))
        wb.wait_until_idle()
        assert [event.type for event in wb.flow(good, progress=False).tree] == [
            "OrderPlaced",
            "StockReserved",
        ]
        assert wb.why(good, "inventory", progress=False).reason == "handled"
        assert "OSError: no shelf" in wb.why(bad, "inventory", progress=False).sentence
        wb.kill("inventory")
        late = wb.publish(OrderPlaced(id="late"))
        given = wb.why(late.id, "inventory", progress=False)
        assert given.reason == "not received"
        assert "it was killed (wb.start('inventory') lets it go on), and it is 1 event behind" in (
            given.sentence
        )

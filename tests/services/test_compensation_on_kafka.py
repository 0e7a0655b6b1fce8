"""Undoing in reverse order by processes on a real Kafka, one of them really killed."""

import sys
from uuid import uuid4

import cloudpickle
import pytest

from workbench import Choreography, Event, RetryPolicy, Workbench

pytestmark = pytest.mark.kafka
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as if it were a notebook


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    ships: bool


class StockReserved(Event, version=1, key="order_id"):
    order_id: str
    ships: bool


class StockReleased(Event, version=1, key="order_id"):
    order_id: str


class PaymentCharged(Event, version=1, key="order_id"):
    order_id: str
    ships: bool


class PaymentRefunded(Event, version=1, key="order_id"):
    order_id: str


class ShippingFailed(Event, version=1, key="order_id"):
    order_id: str


class Shipped(Event, version=1, key="order_id"):
    order_id: str


def add(ctx, name):
    ctx.state[name] = ctx.state.get(name, 0) + 1


def order_design():
    design = Choreography()
    design.event(ShippingFailed)
    inventory, billing = design.service("inventory"), design.service("billing")

    @inventory.on()
    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        add(ctx, "reserved")
        return StockReserved(order_id=event.order_id, ships=event.ships)

    @inventory.compensates("reserve", when=ShippingFailed)
    def release(event: OrderPlaced, ctx) -> StockReleased:
        add(ctx, "released")
        return StockReleased(order_id=event.order_id)

    @billing.on()
    def charge(event: StockReserved, ctx) -> PaymentCharged:
        add(ctx, "charged")
        return PaymentCharged(order_id=event.order_id, ships=event.ships)

    @billing.compensates("charge", when=ShippingFailed)
    def refund(event: StockReserved, ctx) -> PaymentRefunded:
        add(ctx, "refunded")
        return PaymentRefunded(order_id=event.order_id)

    @design.service("shipping").on()
    def ship(event: PaymentCharged) -> Shipped | ShippingFailed:
        return (Shipped if event.ships else ShippingFailed)(order_id=event.order_id)

    return design


def test_all_that_failed_is_undone_in_order_though_a_service_is_killed(kafka, tmp_path):
    with Workbench(
        order_design(),
        bootstrap_servers=kafka.bootstrap_servers,
        namespace=f"t{uuid4().hex[:10]}",
        folder=tmp_path,
        retry=RetryPolicy(attempts=3, first_delay=0.01, later=()),
        say=lambda text: None,
    ) as wb:
        wb.start()
        for n in range(60):
            wb.publish(OrderPlaced(order_id=f"o-{n}", ships=n % 3 > 0), correlation_id=f"o-{n}")
            if n == 30:
                wb.kill("billing")
                wb.start("billing")
        wb.wait_until_idle()
        assert wb.state("inventory") == {"reserved": 60, "released": 20}
        assert wb.state("billing") == {"charged": 60, "refunded": 20}
        table = wb.compensations()
        assert set(table["state"]) == {"compensated"}
        assert set(table["correlation_id"]) == {f"o-{n}" for n in range(0, 60, 3)}
        assert list(table["step"]) == ["charge", "reserve"] * 20
        frame = wb.capture(progress=False).frame.set_index("id")
        refunds, releases = table[::2], table[1::2]
        assert list(frame.loc[releases["undone_id"], "causation_id"]) == list(refunds["undone_id"])
        assert set(frame.loc[frame.loc[refunds["undone_id"], "causation_id"], "type"]) == {
            "ShippingFailed"
        }

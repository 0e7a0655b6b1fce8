"""Order → inventory → billing → shipping: the worked example of the demo and the benchmarks.

Every decision follows from the order alone (a product ``"sold-out"`` is out of stock, a customer
``"declined-…"`` has no funds), so that what the services' states must hold in the end is known
beforehand: see :func:`expected_totals`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from workbench.choreography import Choreography
from workbench.events import Event
from workbench.services import Context

NO_MONEY = Decimal("0.00")


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    customer: str
    product: str
    quantity: int
    total: Decimal


class StockReserved(Event, version=1, key="order_id"):
    order_id: str
    customer: str
    quantity: int
    total: Decimal


class OutOfStock(Event, version=1, key="order_id"):
    order_id: str
    product: str


class PaymentReceived(Event, version=1, key="order_id"):
    order_id: str
    amount: Decimal


class PaymentDeclined(Event, version=1, key="order_id"):
    order_id: str
    reason: str


class OrderShipped(Event, version=1, key="order_id"):
    order_id: str
    parcel: str


class OrderCompleted(Event, version=1, key="order_id"):
    order_id: str


class OrderCancelled(Event, version=1, key="order_id"):
    order_id: str
    reason: str


class StockReleased(Event, version=1, key="order_id"):
    order_id: str
    quantity: int


def reserve(event: OrderPlaced, ctx: Context) -> StockReserved | OutOfStock:
    """inventory, whenever an order is placed."""
    if event.product == "sold-out":
        return OutOfStock(order_id=event.order_id, product=event.product)
    ctx.state[f"reserved/{event.order_id}"] = event.quantity
    ctx.state["units_reserved"] = ctx.state.get("units_reserved", 0) + event.quantity
    return StockReserved(
        order_id=event.order_id,
        customer=event.customer,
        quantity=event.quantity,
        total=event.total,
    )


def release(event: OrderCancelled, ctx: Context) -> StockReleased | None:
    """inventory, whenever an order is cancelled: give back what was reserved for it."""
    quantity = ctx.state.pop(f"reserved/{event.order_id}", 0)
    if not quantity:
        return None
    ctx.state["units_released"] = ctx.state.get("units_released", 0) + quantity
    return StockReleased(order_id=event.order_id, quantity=quantity)


def charge(event: StockReserved, ctx: Context) -> PaymentReceived | PaymentDeclined:
    """billing, whenever stock is reserved."""
    if event.customer.startswith("declined-"):
        return PaymentDeclined(order_id=event.order_id, reason="no funds")
    ctx.state["money_charged"] = ctx.state.get("money_charged", NO_MONEY) + event.total
    return PaymentReceived(order_id=event.order_id, amount=event.total)


def ship(event: PaymentReceived, ctx: Context) -> OrderShipped:
    """shipping, whenever a payment is received."""
    parcels = ctx.state["parcels"] = ctx.state.get("parcels", 0) + 1
    return OrderShipped(order_id=event.order_id, parcel=f"parcel-{parcels}")


def complete(event: OrderShipped, ctx: Context) -> OrderCompleted:
    """orders, whenever an order is shipped."""
    ctx.state["orders_completed"] = ctx.state.get("orders_completed", 0) + 1
    return OrderCompleted(order_id=event.order_id)


def cancel_unpaid(event: PaymentDeclined, ctx: Context) -> OrderCancelled:
    """orders, whenever a payment is declined."""
    ctx.state["orders_cancelled"] = ctx.state.get("orders_cancelled", 0) + 1
    return OrderCancelled(order_id=event.order_id, reason=event.reason)


def cancel_unavailable(event: OutOfStock, ctx: Context) -> OrderCancelled:
    """orders, whenever something is out of stock."""
    ctx.state["orders_cancelled"] = ctx.state.get("orders_cancelled", 0) + 1
    return OrderCancelled(order_id=event.order_id, reason=f"{event.product} is out of stock")


def order_choreography() -> Choreography:
    """The design: four services that know nothing of each other."""
    design = Choreography()
    design.service("inventory").on()(reserve)
    design.service("billing").on()(charge)
    design.service("shipping").on()(ship)
    orders = design.service("orders")
    for handler in (complete, cancel_unpaid, cancel_unavailable):
        orders.on()(handler)
    design.service("inventory").on()(release)
    design.invariant("shipped", "state.shipping.parcels == state.orders.orders_completed")
    return design


def some_orders(
    n: int, *, declined: int = 0, sold_out: int = 0, prefix: str = "o"
) -> list[OrderPlaced]:
    """``n`` orders, spread among them the given numbers that will be declined or out of stock."""
    orders = []
    for i in range(n):
        customer, product = f"customer-{i % 97}", f"product-{i % 13}"
        if _spread(i, n, declined):
            customer = f"declined-{i % 97}"
        elif _spread(i + 1, n, sold_out):
            product = "sold-out"
        orders.append(
            OrderPlaced(
                order_id=f"{prefix}-{i:05d}",
                customer=customer,
                product=product,
                quantity=1 + i % 5,
                total=Decimal(500 + i * 37 % 20_000) / 100,
            )
        )
    return orders


def _spread(i: int, n: int, share: int) -> bool:
    return share > 0 and i * share // n != (i - 1) * share // n


def expected_totals(orders: Iterable[OrderPlaced]) -> dict[str, Any]:
    """What the services' states must hold once every one of the orders is through."""
    in_stock = [order for order in orders if order.product != "sold-out"]
    declined = [order for order in in_stock if order.customer.startswith("declined-")]
    paid = [order for order in in_stock if not order.customer.startswith("declined-")]
    return {
        "units_reserved": sum(order.quantity for order in in_stock),
        "units_released": sum(order.quantity for order in declined),
        "money_charged": sum((order.total for order in paid), NO_MONEY),
        "parcels": len(paid),
        "orders_completed": len(paid),
        "orders_cancelled": len(list(orders)) - len(paid),
    }


def observed_totals(states: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The same totals as the services' states have them."""
    found: dict[str, Any] = dict.fromkeys(
        ("units_reserved", "units_released", "parcels", "orders_completed", "orders_cancelled"), 0
    )
    found["money_charged"] = NO_MONEY
    for state in states:
        found.update({name: state[name] for name in found if name in state})
    return found


def lost_and_doubled(expected: Mapping[str, Any], observed: Mapping[str, Any]) -> tuple[int, int]:
    """In how many of the totals something is missing, and in how many there is too much."""
    lost = sum(observed[name] < wanted for name, wanted in expected.items())
    doubled = sum(observed[name] > wanted for name, wanted in expected.items())
    return lost, doubled

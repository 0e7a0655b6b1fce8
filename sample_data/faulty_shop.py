"""The shop that ``make_faulty_log.py`` runs: the order choreography, with bugs and slow partners."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

from workbench import Choreography, Context, Event, RetryPolicy

NORWAY_WAITS, NEW_SHIPPING_TAKES, CUSTOMS_TAKE = "3s", "250ms", "6s"
NO_CUSTOMS = "data.country != 'GB'"
BANK_FAILS = {"IT": 2, "CH": 11}
"""Country → how often its bank does not answer before it does."""
CARRIER_RETRIES = 2
COUNTRIES = ("DE", "FR", "ES", "NL", "PL", "SE", "AT", "BE")
"""Those with no trouble."""


class OrderPlaced(Event, version=1, key="order_id"):
    """Somebody wants something."""

    order_id: str
    country: str
    customer: str
    product: str
    quantity: int
    total: Decimal


class StockReserved(Event, version=1, key="order_id"):
    """It is put aside for the order."""

    order_id: str
    country: str
    customer: str
    quantity: int
    total: Decimal


class OutOfStock(Event, version=1, key="order_id"):
    """There is none of it."""

    order_id: str
    product: str
    quantity: int


class StockReleased(Event, version=1, key="order_id"):
    """It is for others again."""

    order_id: str
    quantity: int


class PaymentReceived(Event, version=1, key="order_id"):
    """The order is paid."""

    order_id: str
    country: str
    amount: Decimal


class PaymentDeclined(Event, version=1, key="order_id"):
    """It won't be."""

    order_id: str
    reason: str


class OrderShipped(Event, version=1, key="order_id"):
    """A parcel is on its way."""

    order_id: str
    parcel: str


class OrderCompleted(Event, version=1, key="order_id"):
    """All is done."""

    order_id: str


class OrderCancelled(Event, version=1, key="order_id"):
    """Nothing more will be done."""

    order_id: str
    reason: str


# --- the services, with what is wrong with them ----------------------------------------------


def reserve(event: OrderPlaced) -> StockReserved | OutOfStock:
    """inventory, whenever an order is placed."""
    if event.product in ("sold-out", "boomerang"):
        return OutOfStock(order_id=event.order_id, product=event.product, quantity=event.quantity)
    kept = event.model_dump(include={"order_id", "country", "customer", "quantity", "total"})
    return StockReserved(**kept)


def release(event: OrderPlaced) -> StockReleased:
    """inventory, to undo a reservation."""
    return StockReleased(order_id=event.order_id, quantity=event.quantity)


def charge(event: StockReserved, ctx: Context) -> Iterator[PaymentReceived | PaymentDeclined]:
    """billing: fails for closed accounts, and for some banks at first; charges some twice."""
    if event.customer.startswith("declined-"):
        yield PaymentDeclined(order_id=event.order_id, reason="no funds")
        return
    if event.customer.startswith("closed-"):
        raise PermissionError("the account is closed")
    if ctx.attempt <= BANK_FAILS.get(event.country, 0):
        raise ConnectionError(f"the bank of {event.country} does not answer")
    for _ in range(2 if event.customer.startswith("twice-") else 1):
        yield PaymentReceived(order_id=event.order_id, country=event.country, amount=event.total)


def ship(event: PaymentReceived) -> Iterator[OrderShipped | OrderCompleted]:
    """shipping: has no carrier to Cyprus, and does the work of orders for Iceland."""
    if event.country == "CY":
        raise LookupError("no carrier goes to CY")
    yield OrderShipped(order_id=event.order_id, parcel=f"parcel for {event.order_id}")
    if event.country == "IS":
        yield OrderCompleted(order_id=event.order_id)


def ship_but_forget(event: PaymentReceived) -> Iterator[OrderShipped | OrderCompleted]:
    """shipping, as it is deployed later: forgets Portugal."""
    if event.country != "PT":
        yield from ship(event)


def complete(event: OrderShipped) -> OrderCompleted:
    """orders, whenever an order is shipped."""
    return OrderCompleted(order_id=event.order_id)


def cancel_unpaid(event: PaymentDeclined) -> OrderCancelled:
    """orders, whenever a payment is declined."""
    return OrderCancelled(order_id=event.order_id, reason=event.reason)


def cancel_unavailable(event: OutOfStock) -> Iterator[OrderCancelled | OrderPlaced]:
    """orders: a boomerang comes back."""
    yield OrderCancelled(order_id=event.order_id, reason=f"{event.product} is out of stock")
    if event.product == "boomerang" and event.quantity > 1:
        yield OrderPlaced(
            order_id=event.order_id,
            country="DE",
            customer="customer-1",
            product=event.product,
            quantity=event.quantity - 1,
            total=Decimal(10),
        )


def faulty_shop() -> Choreography:
    """The design of ``sample_data/orders``, as far as types and services go, with bugs in it."""
    design = Choreography()
    design.channels["OrderPlaced"] = "shop"
    inventory, billing = design.service("inventory"), design.service("billing")
    orders = design.service("orders")
    inventory.on()(reserve)
    inventory.compensates("reserve", when=PaymentDeclined)(release)
    patient = RetryPolicy(attempts=1, later=("60ms",) * 12, give_up_on=(PermissionError,))
    billing.on(guard="data.country != 'NO'", retry=patient)(charge)
    billing.on(guard="data.country == 'NO'", after=NORWAY_WAITS, name="charge_norway")(charge)
    few = RetryPolicy(attempts=1, later=("50ms",) * CARRIER_RETRIES)
    shipping = design.service("shipping")
    shipping.on(name="ship", guard=NO_CUSTOMS, retry=few)(ship)
    shipping.on(name="ship_abroad", guard=f"!({NO_CUSTOMS})", after=CUSTOMS_TAKE)(ship)
    for handler in (complete, cancel_unpaid, cancel_unavailable):
        orders.on()(handler)
    return design


_numbers = count()


def an_order(country: str = "", customer: str = "", **fields: Any) -> OrderPlaced:
    """An order; of a country with no trouble, if none is named."""
    i = next(_numbers)
    fields = {
        "order_id": f"o-{i:05d}",
        "product": f"product-{i % 13}",
        "quantity": 1 + i % 5,
        "total": Decimal(500 + i * 37 % 20_000) / 100,
    } | fields
    country = country or COUNTRIES[i % len(COUNTRIES)]
    return OrderPlaced(country=country, customer=f"{customer or 'customer'}-{i % 97}", **fields)

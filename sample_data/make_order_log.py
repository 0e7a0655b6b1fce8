"""Make ``sample_data/order_log.jsonl`` again: run the design of ``sample_data/orders`` and break it.

``python sample_data/make_order_log.py`` runs it on a local Kafka, in about half a minute.
What is wrong in the log, on purpose and for real:

- billing can't charge one customer whose account is closed: one **dead letter**;
- shipping forgets one order, without a word: one **stuck** order;
- inventory is killed (SIGKILL) after it has sent its effects and before it has noted so, and
  sends them again when it is back: **duplicates**, which billing skips.
"""

from __future__ import annotations

from pathlib import Path

from workbench import Choreography, Context, EventLog, RetryPolicy, Workbench
from workbench.examples import orders as example
from workbench.services import Supervisor, service_spec

DESIGN = Path(__file__).parent / "orders"
OUT = Path(__file__).parent / "order_log.jsonl"
ORDERS = 2_000
CLOSED, FORGOTTEN = "o-00710", "o-01310"


def charge(
    event: example.StockReserved, ctx: Context
) -> example.PaymentReceived | example.PaymentDeclined:
    """As in the example, but one account is closed."""
    if event.order_id == CLOSED:
        raise LookupError(f"the account of {event.customer} is closed")
    return example.charge(event, ctx)


def ship(event: example.PaymentReceived, ctx: Context) -> example.OrderShipped | None:
    """As in the example, but one order is forgotten."""
    return None if event.order_id == FORGOTTEN else example.ship(event, ctx)


def release(event: example.OrderPlaced) -> example.StockReleased:
    """inventory: what it does to undo a reservation."""
    return example.StockReleased(order_id=event.order_id, quantity=event.quantity)


def shop() -> Choreography:
    """The design of ``sample_data/orders``, in Python, and with the two bugs."""
    design = Choreography()
    inventory, orders = design.service("inventory"), design.service("orders")
    inventory.on()(example.reserve)
    inventory.compensates("reserve", when=example.PaymentDeclined)(release)
    design.service("billing").on()(charge)
    design.service("shipping").on()(ship)
    for handler in (example.complete, example.cancel_unpaid, example.cancel_unavailable):
        orders.on()(handler)
    return design


def main() -> None:
    """Run it, capture it, and say what is in it."""
    retry = RetryPolicy(attempts=2, later=())
    with Workbench(shop(), namespace="sample", retry=retry) as wb:
        wb.reset()
        wb.start("billing", "shipping", "orders")
        spec = service_spec(
            wb.choreography,
            "inventory",
            namespace=wb.namespace,
            folder=wb.folder,
            retry=retry,
        )
        runner = wb.runner
        assert isinstance(runner, Supervisor)
        runner.start(spec, kill_at=("sent", 4))
        placed = example.some_orders(ORDERS, declined=60, sold_out=40)
        for first in range(0, ORDERS, 100):
            wb.publish_many(placed[first : first + 100])
        wb.wait_until_idle(timeout=120)
        log = wb.capture(progress=False)
    plain = log.frame["channel"].astype("str").str.removeprefix("sample.")
    log = EventLog(log.frame.assign(channel=plain))
    log.save(OUT)
    print(log)
    print(log.stuck(Choreography.load(DESIGN)).to_string())


if __name__ == "__main__":
    main()

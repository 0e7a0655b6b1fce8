"""The answer sheet of ``faulty_orders.jsonl.gz``, from the book that ``make_faulty_log.py`` keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from faulty_shop import BANK_FAILS, CARRIER_RETRIES, CUSTOMS_TAKE, NEW_SHIPPING_TAKES, NORWAY_WAITS

CLOCK_AHEAD, LATE_BY = timedelta(milliseconds=400), timedelta(milliseconds=50)
LOOP_ROUNDS, POISON, FLOWLESS = 7, 3, 7


def answer_sheet(
    flows: Mapping[str, Sequence[str]], times: Mapping[str, datetime]
) -> dict[str, Any]:
    """Say what is in the log, by the book.

    Parameters
    ----------
    flows
        The correlation ids of each group of orders.
    times
        What happened when.
    """
    flows = {name: sorted(set(found)) for name, found in flows.items()}
    faults = []

    def add(fault: str, made_by: str, what: str, found_by: str, **facts: Any) -> None:
        entry = {"fault": fault, "made_by": made_by, "what": what, "found_by": found_by.split()}
        there = {"flows": flows[fault]} if fault in flows else {}
        faults.append(entry | {"n": len(flows.get(fault, ()))} | facts | there)

    add(
        "portugal",
        "the services",
        "the version of shipping that was deployed forgets orders to PT, without a word",
        "stuck conformance explain compare",
        service="shipping",
        after="PaymentReceived",
        explained_by={"attribute": "data.country", "condition": "== 'PT'"},
    )
    add(
        "killed",
        "the services",
        "orders was killed (SIGKILL) and not started again: these wait for OrderCompleted",
        "stuck conformance",
        service="orders",
        after="OrderShipped",
    )
    add(
        "closed",
        "the services",
        "billing raises PermissionError: the account is closed; given up at once",
        "dead_letters stuck",
        service="billing",
        after="StockReserved",
        error="PermissionError",
    )
    add(
        "cyprus",
        "the services",
        "shipping raises LookupError: no carrier goes to CY; tried twice again, then given up",
        "dead_letters stuck retries",
        service="shipping",
        after="PaymentReceived",
        error="LookupError",
        retries=CARRIER_RETRIES * len(flows["cyprus"]),
    )
    add(
        "poison",
        "wb.faults",
        "records on the channel shop that are no events; inventory's dead letters have each again",
        "undecoded dead_letters",
        n=POISON,
        service="inventory",
        error="EventError",
    )
    add(
        "italy",
        "the services",
        "the bank of IT does not answer twice; billing's retry channel has each try",
        "retries duplicates",
        service="billing",
        retries=BANK_FAILS["IT"] * len(flows["italy"]),
    )
    add(
        "storm",
        "the services",
        "the bank of CH does not answer eleven times, and is asked again every 60 ms",
        "retries duplicates loops",
        service="billing",
        retries=BANK_FAILS["CH"],
    )
    add(
        "loop",
        "the services",
        "orders places an order anew that was out of stock, over and over",
        "loops conformance anomalies",
        service="orders",
        types=["OrderPlaced", "OutOfStock"],
        rounds=LOOP_ROUNDS,
    )
    add(
        "sent_twice",
        "the publisher",
        "the publisher sent these OrderPlaced again, with the same ids",
        "duplicates",
        type="OrderPlaced",
        kind="same id",
    )
    add(
        "id_reused",
        "the publisher",
        "the publisher gave these ids to another order, too, which inventory refuses",
        "duplicates dead_letters",
        type="OrderPlaced",
        kind="same id",
        service="inventory",
        error="EventError",
    )
    add(
        "billed_twice",
        "wb.faults",
        "billing sent these PaymentReceived twice, with the same ids",
        "duplicates",
        type="PaymentReceived",
        kind="same id",
    )
    add(
        "twice",
        "the services",
        "billing charged twice: a second PaymentReceived, equal but for its id",
        "duplicates",
        type="PaymentReceived",
        kind="same effect",
    )
    add(
        "late",
        "a foreign producer",
        "of two orders with one key on one partition the later one was sent first",
        "disorder",
        n=len(flows["late"]) // 2,
        keys=[f"o-late-{i}" for i in range(len(flows["late"]) // 2)],
    )
    add(
        "two_partitions",
        "a foreign producer",
        "two orders with one key on two partitions",
        "disorder",
        n=len(flows["two_partitions"]) // 2,
        keys=[f"o-two-{i}" for i in range(len(flows["two_partitions"]) // 2)],
    )
    add(
        "orphans",
        "the capture",
        "their OrderPlaced stands before the first offset captured of the channel shop",
        "orphans",
        type="StockReserved",
    )
    add(
        "hot",
        "the publisher",
        "one key for all orders of a till",
        "hot_keys",
        key="o-till-4",
        channel="shop",
    )
    add(
        "no_flow",
        "a foreign producer",
        "PriceChanged of catalogue has no correlation id",
        "without_flow",
        n=FLOWLESS,
        type="PriceChanged",
    )
    add(
        "kiosk",
        "a foreign producer",
        "the kiosk's clock is ahead",
        "skew",
        service="kiosk",
        ahead_ms=CLOCK_AHEAD / timedelta(milliseconds=1),
    )
    add(
        "norway",
        "the services",
        f"billing waits {NORWAY_WAITS} for the bank of NO",
        "explain hops",
        hop=["StockReserved", "PaymentReceived"],
        explained_by={"attribute": "data.country", "condition": "== 'NO'"},
    )
    add(
        "customs",
        "the services",
        f"shipping waits {CUSTOMS_TAKE} for the customs of GB, where few orders go",
        "anomalies",
        hop=["PaymentReceived", "OrderShipped"],
    )
    add(
        "iceland",
        "the services",
        "shipping completes orders to IS itself, which is for the service orders to do",
        "conformance",
        service="shipping",
        type="OrderCompleted",
    )
    add(
        "viewed",
        "a foreign producer",
        "the web shop says OrderViewed, which the design doesn't have",
        "conformance",
        service="web-shop",
        type="OrderViewed",
    )
    add(
        "slower",
        "the services",
        f"the version of shipping that was deployed takes {NEW_SHIPPING_TAKES} longer",
        "compare",
        n=None,
        hop=["PaymentReceived", "OrderShipped"],
    )
    sound = {"ordinary", "portugal_served", "declined", "sold_out"}
    return {
        "design": "orders",
        "times": {name: when.isoformat() for name, when in times.items()},
        "flows": len({flow for found in flows.values() for flow in found}),
        "faults": faults,
        "sound": {name: len(flows[name]) for name in sorted(sound)},
    }

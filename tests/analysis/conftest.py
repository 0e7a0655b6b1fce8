"""A small log whose every answer was worked out by hand, and a way to make others."""

import pandas as pd
import pytest

from workbench.analysis import EventLog

NOON = pd.Timestamp("2026-11-23T12:00:00Z")
SERVICE = {
    "OrderPlaced": "shop",
    "StockReserved": "inventory",
    "PaymentReceived": "billing",
    "PaymentDeclined": "billing",
    "ShipmentDispatched": "shipping",
}


def make_event(kind: str, flow: str | None, ms: float, cause: str | None = None, **more) -> dict:
    """One event, ``ms`` milliseconds after noon; its id is made of its flow and type."""
    return {
        "id": f"{flow}/{kind}",
        "type": kind,
        "source": SERVICE.get(kind, "service"),
        "time": NOON + pd.Timedelta(ms, "ms"),
        "correlation_id": flow,
        "causation_id": None if cause is None else f"{flow}/{cause}",
        "channel": SERVICE.get(kind, "service"),
        **more,
    }


@pytest.fixture
def event():
    return make_event


@pytest.fixture
def orders() -> EventLog:
    """Four orders: two shipped, one declined, one given up on by billing; and some noise."""
    reserved = make_event("StockReserved", "o-1", 10, "OrderPlaced")
    stuck = make_event("StockReserved", "o-4", 3010, "OrderPlaced")
    return EventLog(
        [
            make_event("OrderPlaced", "o-1", 0),
            reserved,
            make_event("PaymentReceived", "o-1", 30, "StockReserved"),
            make_event("ShipmentDispatched", "o-1", 70, "PaymentReceived"),
            make_event("OrderPlaced", "o-2", 1000),
            make_event("StockReserved", "o-2", 1020, "OrderPlaced"),
            make_event("PaymentReceived", "o-2", 1060, "StockReserved"),
            make_event("ShipmentDispatched", "o-2", 1140, "PaymentReceived"),
            make_event("OrderPlaced", "o-3", 2000),
            make_event("StockReserved", "o-3", 2030, "OrderPlaced"),
            make_event("PaymentDeclined", "o-3", 2080, "StockReserved"),
            make_event("OrderPlaced", "o-4", 3000),
            stuck,
            {**reserved, "offset": 99},
            {
                **stuck,
                "channel": "billing.dead-letters",
                "dead_letter": "billing/charge: TimeoutError: no answer",
            },
            make_event("StockCounted", None, 5010),
        ]
    )

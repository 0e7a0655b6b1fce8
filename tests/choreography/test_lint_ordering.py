"""Rules about keys: order, channels, and what belongs together."""

import pytest


def test_an_event_with_no_key_keeps_no_order(sketch):
    sketch.event("Measured", key=None)
    sketch.event("OrderPlaced")
    assert sketch.found("no-key") == {
        "Measured": "Measured has no key field: its events keep no order."
    }


# --- along a flow -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "how"),
    [
        ("data.customer", "from data.customer"),
        ("data.id + data.customer", "from data.id + data.customer"),
        ("'all'", "a constant"),
        (7, "a constant"),
        (None, "left empty"),
    ],
)
def test_a_key_that_is_made_of_something_else_loses_the_order(sketch, value, how):
    sketch.event("OrderPlaced", customer={"type": "string"})
    sketch.event("PaymentReceived", key="payer")
    emit = {"PaymentReceived": {} if value is None else {"payer": value}}
    sketch.reaction("billing", "OrderPlaced", emit=emit, name="charge")
    assert sketch.found("key-changes") == {
        "billing/charge": (
            f"billing/charge goes from OrderPlaced (key id) to PaymentReceived (key payer, {how}): "
            "one id's events lose their order."
        )
    }


@pytest.mark.parametrize("value", ["data.id", " data.id ", "'parcel-' + data.id"])
def test_a_key_that_is_carried_along_keeps_the_order(sketch, value):
    sketch.event("OrderPlaced")
    sketch.event("PaymentReceived", key="payer")
    sketch.reaction("billing", "OrderPlaced", emit={"PaymentReceived": {"payer": value}})
    assert sketch.found("key-changes") == {}


def test_of_a_handler_the_names_of_the_keys_are_compared(sketch):
    sketch.event("OrderShipped", key="order_id")
    sketch.handler("billing", "OrderPlaced", "PaymentReceived")
    assert sketch.found("key-changes") == {}
    sketch.handler("shipping", "PaymentReceived", "OrderShipped", name="ship")
    assert "(key order_id, another field)" in sketch.found("key-changes")["shipping/ship"]


def test_an_event_with_no_key_is_not_said_to_change_it(sketch):
    sketch.event("Measured", key=None)
    sketch.reaction("a", "OrderPlaced", "Measured")
    sketch.reaction("b", "Measured", "OrderShipped")
    assert sketch.found("key-changes") == {}


def test_a_key_that_changes_between_versions_loses_the_order_too(sketch):
    sketch.design.released["OrderPlaced"] = {1: sketch.event("OrderPlaced")}
    sketch.event("OrderPlaced", version=2)
    assert sketch.found("key-changes") == {}
    sketch.event("OrderPlaced", version=2, key="customer")
    assert sketch.found("key-changes") == {
        "OrderPlaced": (
            "OrderPlaced goes by id in v1 and by customer in v2: old and new events of one entity "
            "lose their order."
        )
    }


# --- on a channel -------------------------------------------------------------------------


def test_a_channel_that_unlike_keys_share_is_reported_once(sketch):
    sketch.event("StockLow", key="product")
    sketch.event("Noted", key=None)
    effects = ("StockReserved", "StockLow", "Noted")
    emit = {"StockReserved": {"id": "data.id"}, "StockLow": {}, "Noted": {}}
    sketch.event("StockReserved")
    sketch.reaction("inventory", "OrderPlaced", emit=emit)
    assert sketch.found("mixed-keys") == {
        "inventory": (
            "the channel inventory holds events by unlike keys: product (StockLow) and id "
            "(StockReserved)."
        )
    }
    sketch.design.channels["StockLow"] = "products"
    assert sketch.found("mixed-keys") == {}
    assert {*effects} <= {*sketch.design.event_types}


# --- joins --------------------------------------------------------------------------------


def joining(sketch, *, silent=True, **payment):
    sketch.event("StockReserved", key="order_id")
    sketch.event("PaymentReceived", key="payment_id", **payment)
    sketch.handler("orders", "StockReserved", "OrderReleased", silent=silent, name="stock")
    sketch.handler("orders", "PaymentReceived", "OrderReleased", silent=silent, name="payment")
    for name in ("StockReserved", "PaymentReceived"):
        sketch.design.event_types[name].schema["properties"].pop("id")
    return sketch.found("uncorrelated-join")


def test_events_that_are_joined_need_a_common_key(sketch):
    assert joining(sketch) == {
        "orders/stock": (
            "orders joins StockReserved and PaymentReceived into OrderReleased, but they share no "
            "key: nothing tells which of them belong together."
        )
    }


def test_the_key_of_one_that_the_other_has_too_is_enough(sketch):
    assert joining(sketch, order_id={"type": "string"}) == {}


def test_handlers_that_surely_emit_join_nothing(sketch):
    assert joining(sketch, silent=False) == {}


def test_to_wait_for_an_event_of_another_flow_is_to_wait_in_vain(sketch):
    sketch.reaction("billing", "OrderPlaced", "PaymentReceived")
    sketch.event("OrderExpired")
    sketch.reaction(
        "orders", "OrderPlaced", "OrderExpired", unless="PaymentReceived", within=60, name="watch"
    )
    assert sketch.found("uncorrelated-join") == {}
    sketch.reaction("depot", "TruckArrived", "TruckUnloaded")
    sketch.reaction(
        "orders", "OrderPlaced", "OrderExpired", unless="TruckUnloaded", within=60, name="watch"
    )
    assert sketch.found("uncorrelated-join") == {
        "orders/watch": (
            "orders/watch waits for TruckUnloaded in the flow of OrderPlaced, but nothing leads to "
            "both: they are never of one flow."
        )
    }


def test_an_event_that_comes_from_outside_may_be_of_any_flow(sketch):
    sketch.event("CallReceived")
    sketch.reaction("orders", "OrderPlaced", "OrderExpired", unless="CallReceived", within=60)
    assert sketch.found("uncorrelated-join") == {}

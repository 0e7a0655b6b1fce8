"""Rules about what can fail: is it said, and is it undone."""

import pytest

SAYS = "and no event says so to those who wait for StockReserved."


def waited_for(sketch):
    sketch.reaction("billing", "StockReserved", "PaymentReceived")


@pytest.mark.parametrize(
    ("settings", "how"),
    [
        ({"guard": "data.id != ''"}, "does nothing unless data.id != ''"),
        ({"failure_rate": 0.25}, "fails in 25% of its attempts"),
    ],
)
def test_a_step_that_can_fail_must_say_so_to_those_who_wait(sketch, settings, how):
    sketch.reaction("inventory", "OrderPlaced", "StockReserved", name="reserve", **settings)
    assert sketch.found("no-failure-event") == {}  # nobody waits for it
    waited_for(sketch)
    assert sketch.found("no-failure-event") == {
        "inventory/reserve": f"inventory/reserve {how}, {SAYS}"
    }


def test_a_handler_that_may_be_silent_must_say_why(sketch):
    waited_for(sketch)
    sketch.handler("inventory", "OrderPlaced", "StockReserved", silent=True)
    assert sketch.found("no-failure-event") == {
        "inventory/handle": f"inventory/handle may emit nothing, {SAYS}"
    }
    sketch.handler("inventory", "OrderPlaced", "StockReserved", "StockRefused", silent=True)
    assert sketch.found("no-failure-event") == {}


def test_handlers_that_wait_for_each_other_are_silent_for_a_good_reason(sketch):
    waited_for(sketch)
    sketch.handler("inventory", "OrderPlaced", "StockReserved", silent=True, name="one")
    sketch.handler("inventory", "GoodsArrived", "StockReserved", silent=True, name="other")
    assert sketch.found("no-failure-event") == {}


def test_a_guard_and_its_contrary_answer_every_event(sketch):
    waited_for(sketch)
    sketch.reaction("inventory", "OrderPlaced", "StockReserved", guard="data.id == '1'")
    sketch.reaction("inventory", "OrderPlaced", "StockRefused", guard="data.id != '1'")
    assert sketch.found("no-failure-event") == {}


@pytest.mark.parametrize("awaited", ["StockReserved", "PaymentReceived"])
def test_someone_who_watches_the_clock_says_it_for_the_step(sketch, awaited):
    waited_for(sketch)
    sketch.reaction("inventory", "OrderPlaced", "StockReserved", failure_rate=0.5)
    assert sketch.found("no-failure-event")
    sketch.reaction("orders", "OrderPlaced", "OrderExpired", unless=awaited, within=60)
    assert sketch.found("no-failure-event") == {}


# --- compensation -------------------------------------------------------------------------


@pytest.fixture
def unpaid(sketch):
    sketch.reaction("inventory", "OrderPlaced", "StockReserved", name="reserve")
    sketch.handler("billing", "StockReserved", "PaymentReceived", "PaymentDeclined")
    return sketch


def test_a_step_that_hears_nothing_of_a_later_failure_is_not_undone(unpaid):
    assert unpaid.found("no-compensation") == {
        "inventory/reserve": (
            "inventory/reserve is not undone when PaymentDeclined follows: inventory hears nothing "
            "of it."
        )
    }


def test_a_compensation_undoes_it(unpaid):
    unpaid.event("StockReleased")
    emit = {"StockReleased": {"id": "data.id"}}
    unpaid.design.service("inventory").compensate("reserve", when="PaymentDeclined", emit=emit)
    assert unpaid.found("no-compensation") == {}


def test_so_may_a_reaction_to_what_follows_from_the_failure(unpaid):
    unpaid.reaction("orders", "PaymentDeclined", "OrderCancelled")
    assert unpaid.found("no-compensation")
    unpaid.reaction("inventory", "OrderCancelled", "StockReleased")
    assert unpaid.found("no-compensation") == {}


def test_an_event_that_a_compensation_takes_for_a_failure_is_one(sketch):
    sketch.reaction("inventory", "OrderPlaced", "StockReserved", name="reserve")
    sketch.reaction("billing", "StockReserved", "PaymentReceived", name="charge")
    sketch.reaction("shipping", "PaymentReceived", "ParcelReturned")
    assert sketch.found("no-compensation") == {}
    sketch.event("PaymentRefunded")
    emit = {"PaymentRefunded": {"id": "data.id"}}
    sketch.design.service("billing").compensate("charge", when="ParcelReturned", emit=emit)
    assert list(sketch.found("no-compensation")) == ["inventory/reserve"]


def test_what_failed_itself_was_not_done_and_needs_no_undoing(sketch):
    sketch.handler("inventory", "OrderPlaced", "StockReserved", "OutOfStock")
    sketch.reaction("orders", "OutOfStock", "OrderCancelled")
    assert sketch.found("no-compensation") == {}


def test_a_compensation_of_what_only_fails_never_undoes_anything(unpaid):
    billing = unpaid.design.service("billing")
    unpaid.event("PaymentRefunded")
    emit = {"PaymentRefunded": {"id": "data.id"}}
    billing.compensate("handle", when="PaymentDeclined", emit=emit)
    assert unpaid.found("never-undoes") == {}
    unpaid.handler("billing", "StockReserved", "PaymentDeclined")
    assert unpaid.found("never-undoes") == {
        "billing/undo_handle": (
            "billing/undo_handle never undoes anything: handle emits nothing but failures, and "
            "what has failed was not done."
        )
    }

"""Rules about who emits and hears an event, and about circles."""

import pytest


def test_an_event_that_nobody_emits_or_nobody_hears_is_noted(sketch):
    sketch.reaction("inventory", "OrderPlaced", "StockReserved")
    assert sketch.found("nobody-emits") == {
        "OrderPlaced": "no service emits OrderPlaced: publish it by hand, or let a service emit it."
    }
    assert sketch.found("nobody-hears") == {
        "StockReserved": (
            "nobody reacts to StockReserved: a flow may end here; if it should not, add a reaction "
            "to it."
        )
    }
    assert not sketch.design.lint().at_least("warning")


def test_two_services_that_emit_one_event_are_asked_which_owns_it(sketch):
    sketch.reaction("inventory", "OrderPlaced", "OrderRefused")
    sketch.reaction("inventory", "OrderChanged", "OrderRefused")
    assert sketch.found("two-emitters") == {}
    sketch.reaction("billing", "OrderPlaced", "OrderRefused")
    assert sketch.found("two-emitters") == {
        "OrderRefused": "OrderRefused is emitted by inventory and billing: which one owns it?"
    }


# --- hidden request and reply -------------------------------------------------------------


@pytest.fixture
def call(sketch):
    """orders asks stock and goes on with the answer."""
    sketch.reaction("orders", "OrderPlaced", "StockRequested")
    sketch.reaction("stock", "StockRequested", "StockChecked")
    sketch.reaction("orders", "StockChecked", "OrderAccepted")
    return sketch


def test_a_request_and_its_reply_between_two_services_are_a_call_in_disguise(call):
    assert call.found("request-reply") == {
        "StockRequested": (
            "orders emits StockRequested, which only stock hears, and stock answers with "
            "StockChecked, which only orders hears: is it a call in disguise?"
        )
    }


@pytest.mark.parametrize(
    ("service", "whenever"),
    [("analytics", "StockRequested"), ("analytics", "StockChecked"), ("stock", "OrderPlaced")],
    ids=["another hears the request", "another hears the reply", "it has another occasion too"],
)
def test_what_others_join_in_is_no_call(call, service, whenever):
    effect = "StockChecked" if service == "stock" else "ReportChanged"
    call.reaction(service, whenever, effect)
    assert call.found("request-reply") == {}


def test_a_refusal_that_is_only_undone_for_is_no_reply(sketch):
    sketch.reaction("billing", "OrderPlaced", "PaymentReceived", name="charge")
    sketch.reaction("shipping", "PaymentReceived", "ShippingFailed")
    sketch.event("PaymentRefunded")
    emit = {"PaymentRefunded": {"id": "data.id"}}
    sketch.design.service("billing").compensate("charge", when="ShippingFailed", emit=emit)
    assert sketch.found("request-reply") == {}


# --- circles ------------------------------------------------------------------------------


def test_a_circle_with_no_guard_goes_on_for_ever(sketch):
    sketch.reaction("a", "Placed", "Reserved")
    sketch.reaction("b", "Reserved", "Checked", "Noted")
    sketch.reaction("c", "Checked", "Reserved")
    assert sketch.found("endless-cycle") == {
        "Reserved": "Reserved → Checked → Reserved goes on for ever: no guard, and no end."
    }
    assert next(p.severity for p in sketch.design.lint()) == "error"


def test_an_event_that_leads_to_itself_is_a_circle_of_one(sketch):
    sketch.reaction("a", "Ticked", "Ticked")
    assert "Ticked → Ticked goes on for ever" in sketch.found("endless-cycle")["Ticked"]


@pytest.mark.parametrize(
    "settings", [{"guard": "data.id != ''"}, {"unless": "Stopped", "within": 60}]
)
def test_a_guard_or_an_absence_on_a_circle_is_its_end(sketch, settings):
    sketch.event("Stopped")
    sketch.reaction("a", "Reserved", "Checked")
    sketch.reaction("b", "Checked", "Reserved", **settings)
    assert sketch.found("endless-cycle") == {}


@pytest.mark.parametrize(
    ("effects", "silent", "ends"),
    [
        (("Reserved",), False, False),
        (("Reserved",), True, True),
        (("Reserved", "Refused"), False, True),
        (("Reserved", "Checked"), False, False),
    ],
)
def test_a_handler_on_a_circle_ends_it_if_it_may_lead_out(sketch, effects, silent, ends):
    sketch.reaction("a", "Reserved", "Checked")
    sketch.handler("b", "Checked", *effects, silent=silent)
    assert (sketch.found("endless-cycle") == {}) == ends


def test_a_handler_that_is_not_registered_yet_is_taken_to_end_a_circle(sketch, tmp_path):
    sketch.handler("a", "Placed", "Placed")
    assert sketch.found("endless-cycle")
    again = type(sketch.design).load(sketch.design.save(tmp_path))
    assert [p for p in again.lint() if p.rule == "endless-cycle"] == []


# --- services -----------------------------------------------------------------------------


def test_a_service_with_no_reaction_is_noted(sketch):
    sketch.reaction("inventory", "OrderPlaced", "StockReserved")
    sketch.design.service("billing")
    assert sketch.found("idle-service") == {"billing": "billing reacts to nothing yet."}


def test_a_handler_that_is_only_announced_is_noted(sketch, tmp_path):
    sketch.handler("inventory", "OrderPlaced", "StockReserved", name="reserve")
    assert sketch.found("unbound-handler") == {}
    sketch.design = type(sketch.design).load(sketch.design.save(tmp_path))
    assert sketch.found("unbound-handler") == {
        "inventory/reserve": (
            "inventory/reserve has no Python handler yet: register one with "
            '@wb.service("inventory").on("OrderPlaced").'
        )
    }

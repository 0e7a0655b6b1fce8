"""Rules about names: commands, and what is not in the past tense."""

import pytest

from workbench.choreography.lint.words import is_failure


@pytest.mark.parametrize(
    "name",
    [
        "OrderPlaced",
        "StockReserved",
        "PaymentReceived",
        "OrderSent",
        "EmailVerified",
        "TransactionPosted",
        "UserSignedUp",
        "LoggedIn",
        "PaymentTimedOut",
        "OrderPaid",
        "order.placed",
        "order_placed",
        "order-placed.v2",
        "ORDER_SHIPPED",
        "OrderPlacedEvent",
        "PasswordReset",
        "PriceSet",
        "GoodsSold",
        "MeetingHeld",
        "LeaseWithdrawn",
        "InvoiceUnpaid",
        "FundsHeld",
        "ChargeSucceeded",
        "ReportBuilt",
        "ShipDeparted",
        "EmailBounced",
        "OrderResent",
        "TaxOverpaid",
        "CheckFailed",
        "UpdateRejected",
        "AMLCheckPassed",
        "KYCPassed",
    ],
)
def test_a_name_in_the_past_tense_is_left_alone(sketch, name):
    sketch.event(name)
    assert sketch.found("command-name") == sketch.found("not-past-tense") == {}


@pytest.mark.parametrize(
    "name",
    [
        "ReserveStock",
        "SendEmail",
        "CreateOrder",
        "place-order",
        "SEND_EMAIL",
        "update.price",
        "SetPrice",
        "ResetPassword",
        "OrderCommand",
        "ProcessPayment",
        "VerifyEmailEvent",
    ],
)
def test_a_name_that_tells_someone_what_to_do_is_a_command(sketch, name):
    sketch.event(name)
    assert sketch.found("command-name") == {
        name: f"{name} is named like a command: name it after what has happened by then."
    }
    assert sketch.found("not-past-tense") == {}


@pytest.mark.parametrize("name", ["OutOfStock", "Order", "OrderUpdate", "NewsFeed", "LowSpeed"])
def test_a_name_that_says_nothing_of_what_happened_is_noted(sketch, name):
    sketch.event(name)
    assert sketch.found("not-past-tense") == {
        name: f"{name} does not say what happened: name it in the past tense."
    }
    assert sketch.found("command-name") == {}
    assert not [p for p in sketch.design.lint().at_least("warning") if p.subject == name]


def test_failures_are_known_by_their_names():
    failures = (
        "PaymentDeclined OutOfStock ShippingFailed RequestTimedOut card_rejected EmailBounced"
    )
    assert all(map(is_failure, failures.split()))
    assert not any(map(is_failure, ["OrderPlaced", "OrderCancelled", "TimeSpent", "StockReserved"]))

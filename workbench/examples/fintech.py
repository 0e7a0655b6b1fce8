"""Card transactions: authorised → fraud-checked → posted → settled, and reversed when they can't be.

``TransactionAuthorised`` has three versions, and terminals of every age publish them onto one
channel:

- v1 ``{transaction_id, iban, amount, merchant}``, deprecated: the amount in cents of a euro;
- v2 writes the amount as a decimal, with its currency: refused, released by force for the upcaster
  that comes with it;
- v3 adds the merchant's category, which may be missing: compatible, and read as it stands.

Every decision but one follows from the transaction alone, as :func:`some_transactions` writes them:
one above :data:`LIMIT` is declined, and Swiss francs are posted, can't be settled and are reversed.
The other looks at the account: a fourth transaction within a minute is declined.
``sample_data/fintech`` is :func:`fintech_choreography`, saved: it sums and remembers, so its
handlers are Python, and it runs from a notebook or a script.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from workbench.choreography import Choreography
from workbench.events import Event, examples
from workbench.services import Context

LIMIT = Decimal(10_000)
"""What a card pays at most, in any currency."""
QUASI_CASH = {"6051", "7995"}
"""Merchant categories (ISO 18245) of crypto exchanges and of gambling."""
QUASI_CASH_LIMIT = Decimal(1_000)
AT_MOST, WITHIN = 3, timedelta(minutes=1)
"""How many transactions of one account are usual within a time."""
RAILS: dict[str, Literal["SEPA", "ACH", "FPS"]] = {"EUR": "SEPA", "USD": "ACH", "GBP": "FPS"}
"""Currency → the clearing system that settles it; there is none for CHF yet."""

NOTHING = Decimal("0.00")
TransactionId = Annotated[
    str, Field(pattern="^t-[0-9]{1,12}$", description="The same for every attempt to publish it.")
]
Iban = Annotated[
    str,
    Field(
        pattern="^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$",
        description="The cardholder's account, ISO 13616.",
        json_schema_extra={"x-personal-data": True},
    ),
]
Amount = Annotated[
    Decimal,
    Field(
        description="In units of the currency, at most two decimals.",
        json_schema_extra={"pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$"},
    ),
]
Currency = Annotated[Literal["EUR", "USD", "GBP", "CHF"], Field(description="ISO 4217.")]
Merchant = Annotated[str, Field(min_length=1, max_length=100, description="As on the statement.")]
Reason = Annotated[str, Field(min_length=1, max_length=200, description="For a person to read.")]


class V1:
    """As it was first released, in the euro area."""

    class TransactionAuthorised(Event, version=1, key="transaction_id"):
        """The card network has let a cardholder pay."""

        transaction_id: TransactionId
        iban: Iban
        amount: int = Field(
            ge=1,
            le=999_999_999_999,
            description="In cents of a euro.",
            examples=[450, 1_290, 3_799, 8_995],
        )
        merchant: Merchant


class V2:
    """Other currencies, and amounts that say so."""

    class TransactionAuthorised(Event, version=2, key="transaction_id"):
        """The card network has let a cardholder pay."""

        transaction_id: TransactionId
        iban: Iban
        amount: Amount
        currency: Currency
        merchant: Merchant


class TransactionAuthorised(Event, version=3, key="transaction_id"):
    """The card network has let a cardholder pay."""

    transaction_id: TransactionId
    iban: Iban
    amount: Amount
    currency: Currency
    merchant: Merchant
    merchant_category: str | None = Field(
        default=None,
        description="ISO 18245.",
        examples=["4111", "5411", "5812", "5942"],  # trains, groceries, restaurants, books
        json_schema_extra={"pattern": "^[0-9]{4}$"},
    )


class FraudCheckPassed(Event, version=1, key="transaction_id"):
    """Nothing speaks against the transaction."""

    transaction_id: TransactionId
    iban: Iban
    amount: Amount
    currency: Currency


class TransactionDeclined(Event, version=1, key="transaction_id"):
    """It looks like fraud; nothing was posted."""

    transaction_id: TransactionId
    iban: Iban
    amount: Amount
    currency: Currency
    reason: Reason = Field(examples=["more than the card's limit", "much quasi-cash at once"])


class TransactionPosted(Event, version=1, key="transaction_id"):
    """It stands in the ledger; the money has yet to move."""

    transaction_id: TransactionId
    amount: Amount
    currency: Currency


class TransactionSettled(Event, version=1, key="transaction_id"):
    """The merchant's bank has the money."""

    transaction_id: TransactionId
    amount: Amount
    currency: Currency
    rail: Literal["SEPA", "ACH", "FPS"] = Field(description="The clearing system.")


class SettlementFailed(Event, version=1, key="transaction_id"):
    """The money could not be moved, and will not be."""

    transaction_id: TransactionId
    reason: Reason = Field(examples=["no clearing system takes CHF"])


class TransactionReversed(Event, version=1, key="transaction_id"):
    """The ledger has taken the posting back, with a posting of its own."""

    transaction_id: TransactionId
    iban: Iban
    amount: Amount
    currency: Currency
    reason: Reason = Field(examples=["no clearing system takes CHF"])


class CardholderNotified(Event, version=1, key="transaction_id"):
    """The cardholder's phone has shown what became of the transaction."""

    transaction_id: TransactionId
    outcome: Literal["declined", "paid", "refunded"]
    amount: Amount
    currency: Currency


def check(
    event: TransactionAuthorised, ctx: Context
) -> FraudCheckPassed | TransactionDeclined | None:
    """fraud, whenever a transaction is authorised: what speaks against it, if anything."""
    if not first_time(event.transaction_id, ctx):
        return None
    seen = {
        "more than the card's limit": event.amount > LIMIT,
        "much quasi-cash at once": event.merchant_category in QUASI_CASH
        and event.amount > QUASI_CASH_LIMIT,
        "too many transactions in a minute": too_many(event.iban, ctx),
    }
    shared: dict[str, Any] = event.model_dump(
        include={"transaction_id", "iban", "amount", "currency"}
    )
    signals = [signal for signal, is_there in seen.items() if is_there]
    for signal in signals:
        ctx.state[f"signal/{signal}"] = ctx.state.get(f"signal/{signal}", 0) + 1
    if signals:
        add(ctx.state, "declined", event.currency, event.amount)
        return TransactionDeclined(**shared, reason=", ".join(signals))
    return FraudCheckPassed(**shared)


def too_many(iban: str, ctx: Context) -> bool:
    """Whether an account has been used too often within a minute, this time included."""
    now = ctx.envelope.time
    recent: list[datetime] = [
        time for time in ctx.state.get(f"recent/{iban}", []) if abs(now - time) < WITHIN
    ]
    ctx.state[f"recent/{iban}"] = [*recent, now]
    return len(recent) >= AT_MOST


def post(event: FraudCheckPassed, ctx: Context) -> TransactionPosted:
    """ledger, whenever a fraud check is passed."""
    add(ctx.state, "posted", event.currency, event.amount)
    add(ctx.state, "pending", event.currency, event.amount)
    return TransactionPosted(
        transaction_id=event.transaction_id, amount=event.amount, currency=event.currency
    )


def reverse(event: FraudCheckPassed, ctx: Context) -> TransactionReversed:
    """ledger, to undo a posting: nothing is erased in a ledger, so it is posted the other way."""
    add(ctx.state, "reversed", event.currency, event.amount)
    add(ctx.state, "pending", event.currency, -event.amount)
    assert ctx.failure is not None  # every compensation has one
    return TransactionReversed(**event.model_dump(), reason=ctx.failure.payload()["reason"])


def clear(event: TransactionSettled, ctx: Context) -> None:
    """ledger, whenever a transaction is settled: it is no longer pending."""
    add(ctx.state, "pending", event.currency, -event.amount)


def settle(event: TransactionPosted, ctx: Context) -> TransactionSettled | SettlementFailed:
    """settlement, whenever a transaction is posted: move the money, where there is a way."""
    rail = RAILS.get(event.currency)
    if rail is None:
        reason = f"no clearing system takes {event.currency}"
        return SettlementFailed(transaction_id=event.transaction_id, reason=reason)
    add(ctx.state, "settled", event.currency, event.amount)
    return TransactionSettled(**event.model_dump(), rail=rail)


def record(event: V2.TransactionAuthorised, ctx: Context) -> None:
    """reporting, whenever a transaction is authorised: the volume, for the regulator."""
    if first_time(event.transaction_id, ctx):
        add(ctx.state, "authorised", event.currency, event.amount)


def first_time(transaction_id: str, ctx: Context) -> bool:
    """Whether a transaction is new: a terminal that has no answer publishes it as another event."""
    key = f"seen/{transaction_id}"
    if key in ctx.state:
        return False
    ctx.state[key] = True
    return True


def add(state: MutableMapping[str, Any], total: str, currency: str, amount: Decimal) -> None:
    """Add to a total that is kept for each currency."""
    sums = state.get(total, {})
    state[total] = {**sums, currency: sums.get(currency, NOTHING) + amount}


def fintech_choreography() -> Choreography:
    """The design, its history and its handlers: five services that know nothing of each other."""
    design = Choreography()
    _release(design)
    design.service("fraud").on(reads=[3])(check)
    ledger = design.service("ledger")
    ledger.on()(post)
    ledger.on()(clear)
    ledger.compensates("post", when=SettlementFailed)(reverse)
    design.service("settlement").on(after="100ms")(settle)
    design.service("reporting").on(reads=[2])(record)
    notifications = design.service("notifications")
    for event, outcome in _OUTCOMES.items():
        told = {field: f"data.{field}" for field in ("transaction_id", "amount", "currency")}
        told["outcome"] = f"'{outcome}'"
        notifications.whenever(event, emit={"CardholderNotified": told})
    for currency in ("EUR", "USD", "GBP", "CHF"):
        design.invariant(
            f"books in {currency}",
            f"state.ledger.posted.{currency} - state.ledger.reversed.{currency} == "
            f"state.settlement.settled.{currency} + state.ledger.pending.{currency}",
        )
        design.invariant(
            f"volume in {currency}",
            f"state.reporting.authorised.{currency} == "
            f"state.ledger.posted.{currency} + state.fraud.declined.{currency}",
        )
    design.silence("nobody-emits", "TransactionAuthorised", "the card network publishes it")
    design.silence("nobody-hears", "CardholderNotified", "a flow ends on the cardholder's phone")
    design.silence(
        "no-compensation",
        "fraud/check",
        "it only looked; an attempt counts as one, whether it was settled or not",
    )
    return design


def some_transactions(
    n: int, *, large: int = 0, unroutable: int = 0, version: int = 3, seed: int = 0
) -> list[Event]:
    """``n`` transactions of one version; the first ones are declined or reversed in the end."""
    authorised: dict[int, type[Event]] = {
        1: V1.TransactionAuthorised, 2: V2.TransactionAuthorised, 3: TransactionAuthorised
    }  # fmt: skip
    found = []
    for i, payload in enumerate(examples(authorised[version], n, seed)):
        if i < large:
            payload["amount"] = 1_250_000 if version == 1 else "12500.00"
        if version > 1:
            usual = "EUR" if payload["currency"] == "CHF" else payload["currency"]
            payload["currency"] = "CHF" if large <= i < large + unroutable else usual
        found.append(authorised[version].model_validate(payload))
    return found


_OUTCOMES = {
    "TransactionDeclined": "declined",
    "TransactionSettled": "paid",
    "TransactionReversed": "refunded",
}


def _release(design: Choreography) -> None:
    """All event types, each version once and for good."""
    design.event(V1.TransactionAuthorised)
    design.release("TransactionAuthorised")
    design.event(V2.TransactionAuthorised)
    design.release(
        "TransactionAuthorised",
        force=True,
        reason="old amounts are whole cents of a euro, and the upcaster from v1 says so in euros",
    )
    cents = {"amount": "data.amount / 100.0", "currency": "'EUR'"}  # exact below 10^13 euros
    design.upcaster("TransactionAuthorised", 1, cents)
    design.event(TransactionAuthorised)
    design.release("TransactionAuthorised")
    design.evolve("TransactionAuthorised", deprecated=[1])
    for event in (
        FraudCheckPassed,
        TransactionDeclined,
        TransactionPosted,
        TransactionSettled,
        SettlementFailed,
        TransactionReversed,
        CardholderNotified,
    ):
        design.event(event)
        design.release(event.__name__)

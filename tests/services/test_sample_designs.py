"""The designs that come along, at work: every path to its end, in versions old and new."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from workbench import Choreography
from workbench.events import Trail
from workbench.examples import fintech, signup
from workbench.examples.fintech import fintech_choreography, some_transactions
from workbench.examples.signup import signup_choreography, some_signups
from workbench.services import STEPS

pytestmark = pytest.mark.memory
SAMPLES = Path(__file__).parents[2] / "sample_data"


def everything(here):
    """All events of all channels."""
    return [event for channel in here.design.all_channels() for event in here.events(channel)]


def happened(here):
    """How often each type."""
    return Counter(event.type for event in everything(here))


def flow(here, key):
    """What happened to one entity: type → payload."""
    return {event.type: event.payload() for event in everything(here) if event.subject == key}


def broken(here):
    """The invariants that do not hold, and any dead letter."""
    states = {name: here.state(name) for name in here.design.services}
    verdicts = {name: found.check(states) for name, found in here.design.invariants.items()}
    letters = [letter for name in here.design.services for letter in here.letters(name)]
    return {name: verdict.seen for name, verdict in verdicts.items() if not verdict.holds}, letters


FINE = ({}, [])


# --- user sign-up ----------------------------------------------------------------------------


@pytest.fixture
def signing_up(stage):
    return stage(signup_choreography()).start()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_sign_up_of_any_version_ends_in_an_active_account_and_a_confirmed_contact(
    signing_up, version
):
    (who,) = some_signups(1, version=version, seed=version)
    signing_up.publish(who).run()
    events = flow(signing_up, who.user_id)
    address = who.contact.email if version == 3 else who.email
    assert events["VerificationEmailSent"]["email"] == address
    assert {"EmailVerified", "AccountActivated", "ContactConfirmed"} <= {*events}
    assert not {"VerificationExpired", "AccountClosed", "ContactErased"} & {*events}
    assert broken(signing_up) == FINE


def test_who_was_never_asked_has_not_consented(signing_up):
    (old,), (new,) = some_signups(1, version=1, seed=1), some_signups(1, seed=2)
    new = new.model_copy(update={"marketing_consent": True})
    signing_up.publish(old, new).run()
    assert flow(signing_up, old.user_id)["ContactAdded"]["newsletter"] is False
    assert flow(signing_up, new.user_id)["ContactAdded"]["newsletter"] is True


def test_an_address_that_is_not_verified_in_time_expires_and_its_contact_is_erased(signing_up):
    (who,) = some_signups(1, silent=1)
    signing_up.publish(who).run()
    events = {event.type: event for event in everything(signing_up)}
    sent, expired = events["VerificationEmailSent"], events["VerificationExpired"]
    assert timedelta(seconds=5) <= expired.time - sent.time < timedelta(seconds=5.1)
    assert events["AccountClosed"].payload()["reason"] == "not verified in time"
    assert events["ContactErased"].causationid == expired.id
    assert not {"EmailVerified", "ContactConfirmed", "AccountActivated"} & {*events}
    assert broken(signing_up) == FINE


def test_an_address_that_bounces_closes_the_account_and_does_not_expire_as_well(signing_up):
    (who,) = some_signups(1, bounced=1)
    signing_up.publish(who).run()
    events = flow(signing_up, who.user_id)
    assert events["AccountClosed"]["reason"] == "there is no such domain"
    assert "ContactErased" in events
    assert "VerificationExpired" not in events
    assert broken(signing_up) == FINE


def test_one_sign_up_published_twice_under_one_id_is_one(signing_up):
    (who,) = some_signups(1)
    signing_up.publish(who, who, id="web-1").run()
    counts = happened(signing_up)
    assert counts.pop("UserSignedUp") == 2
    assert counts.pop("FunnelStageReached") == 3
    assert set(counts.values()) == {1}
    assert broken(signing_up) == FINE


@pytest.mark.parametrize("step", STEPS)
def test_every_sign_up_ends_once_though_every_service_crashes(stage, step):
    here = stage(signup_choreography()).start(kill_at=(step, 1))
    people = [*some_signups(8, silent=2, bounced=2, seed=3), *some_signups(8, version=1, seed=4)]
    here.publish(*people).run()
    assert {life.crashes for life in here.runner.lives().values()} == {1}
    counts = Counter({(e.type, e.id): e.type for e in everything(here)}.values())
    assert (counts["EmailVerified"], counts["VerificationExpired"]) == (12, 2)
    assert counts["VerificationEmailBounced"] == 2
    assert counts["ContactErased"] == counts["AccountClosed"] == 4
    assert broken(here) == FINE


# --- card transactions -----------------------------------------------------------------------


@pytest.fixture
def paying(stage):
    return stage(fintech_choreography()).start()


@pytest.mark.parametrize(
    ("version", "amount", "booked"), [(1, 1290, "12.9"), (2, "12.90", "12.90"), (3, "0.07", "0.07")]
)
def test_a_transaction_of_any_version_is_settled_to_the_cent(paying, version, amount, booked):
    (paid,) = some_transactions(1, version=version, seed=version)
    changed = {"amount": amount} | ({"currency": "EUR"} if version > 1 else {})
    paid = type(paid).model_validate(paid.model_dump() | changed)
    paying.publish(paid).run()
    events = flow(paying, paid.transaction_id)
    assert events["TransactionSettled"] == {
        "transaction_id": paid.transaction_id,
        "amount": booked,
        "currency": "EUR",
        "rail": "SEPA",
    }
    assert events["CardholderNotified"]["outcome"] == "paid"
    assert paying.state("settlement")["settled"] == {"EUR": Decimal(booked)}
    assert paying.state("ledger")["pending"] == {"EUR": 0}
    assert broken(paying) == FINE


def test_a_transaction_above_the_limit_is_declined_and_nothing_is_posted(paying):
    (paid,) = some_transactions(1, large=1)
    paying.publish(paid).run()
    events = flow(paying, paid.transaction_id)
    assert events["TransactionDeclined"]["reason"] == "more than the card's limit"
    assert events["CardholderNotified"]["outcome"] == "declined"
    assert "TransactionPosted" not in events
    assert paying.state("ledger") == {}
    assert broken(paying) == FINE


@pytest.mark.parametrize(("amount", "declined"), [("1000.00", False), ("1000.01", True)])
def test_much_quasi_cash_at_once_is_declined(paying, amount, declined):
    (paid,) = some_transactions(1)
    paid = paid.model_copy(update={"amount": Decimal(amount), "merchant_category": "7995"})
    paying.publish(paid).run()
    assert ("TransactionDeclined" in flow(paying, paid.transaction_id)) is declined


def test_the_fourth_transaction_of_an_account_in_a_minute_is_declined(paying):
    paid = [p.model_copy(update={"iban": "DE41241777631706690743"}) for p in some_transactions(6)]
    paying.publish(*paid[:5]).run()
    counts = happened(paying)
    assert (counts["TransactionSettled"], counts["TransactionDeclined"]) == (3, 2)
    assert paying.state("fraud")["signal/too many transactions in a minute"] == 2
    paying.clock.sleep(60)
    paying.publish(paid[5]).run()
    assert "TransactionSettled" in flow(paying, paid[5].transaction_id)
    assert broken(paying) == FINE


def test_a_posting_that_can_not_be_settled_is_reversed(paying):
    (paid,) = some_transactions(1, unroutable=1)
    paying.publish(paid).run()
    events = {event.type: event for event in everything(paying)}
    reversal = events["TransactionReversed"]
    assert reversal.payload()["reason"] == "no clearing system takes CHF"
    assert reversal.causationid == events["SettlementFailed"].id
    assert Trail.of(reversal).undone is not None
    assert events["CardholderNotified"].payload()["outcome"] == "refunded"
    ledger = paying.state("ledger")
    assert ledger["posted"] == ledger["reversed"] == {"CHF": paid.amount}
    assert ledger["pending"] == {"CHF": 0}
    assert paying.state("settlement") == {}
    assert broken(paying) == FINE


def test_a_terminal_that_publishes_one_transaction_as_two_events_charges_once(paying):
    (paid,) = some_transactions(1)
    paying.publish(paid, id="first").publish(paid, id="again").run()
    assert happened(paying)["TransactionPosted"] == 1
    assert paying.state("ledger")["posted"] == {paid.currency: paid.amount}
    assert broken(paying) == FINE


@pytest.mark.parametrize("step", STEPS)
def test_the_books_are_right_though_every_service_crashes(stage, step):
    here = stage(fintech_choreography()).start(kill_at=(step, 1))
    mixed = some_transactions(12, large=2, unroutable=3, seed=5)
    here.publish(*mixed, *some_transactions(6, version=1, seed=6)).run()
    lives = here.runner.lives()
    assert {lives[n].crashes for n, s in here.design.services.items() if s.emits} == {1}
    counts = Counter({(e.type, e.id): e.type for e in everything(here)}.values())
    assert counts["TransactionDeclined"] == 2
    assert counts["TransactionReversed"] == counts["SettlementFailed"] == 3
    assert counts["TransactionSettled"] == 13
    assert broken(here) == FINE


# --- on a real Kafka -------------------------------------------------------------------------


def versions_on(log, channel):
    """The versions that really travelled on a channel."""
    frame = log.frame
    here = frame["channel"].astype("str").str.endswith(f".{channel}")
    return set(frame.loc[here, "dataschema"])


@pytest.mark.kafka
@pytest.mark.parametrize("counting", [False, True])
def test_on_kafka_sign_ups_of_three_versions_all_reach_their_end(on_kafka, counting):
    """The folder as ``workbench run`` takes it, and with Python handlers that count."""
    design = Choreography.load(SAMPLES / "signup")
    if counting:
        signup.count_signups(design)
    wb = on_kafka(design)
    wb.start()
    people = [
        *some_signups(6, version=1, silent=1, seed=1),
        *some_signups(6, version=2, bounced=1, seed=2),
        *some_signups(6, version=3, silent=1, bounced=1, seed=3),
    ]
    wb.publish_many(people)
    wb.wait_until_idle()
    assert wb.converged()
    log = wb.capture(progress=False)
    assert log.n_dead_letters == 0
    assert versions_on(log, "UserSignedUp") == {f"urn:event:UserSignedUp:{n}" for n in (1, 2, 3)}
    counts = log.frame["type"].value_counts()
    ends = ("AccountActivated", "ContactConfirmed", "AccountClosed", "ContactErased")
    assert [counts[name] for name in ends] == [14, 14, 4, 4]
    if counting:
        assert wb.state("analytics") == {
            "UserSignedUp": 18,
            "EmailVerified": 14,
            "VerificationExpired": 2,
            "VerificationEmailBounced": 2,
        }
    new = log.upcast(design)
    assert new.unreadable().empty
    read = new.frame[new.frame["type"] == "UserSignedUp"]
    assert set(read["dataschema"]) == {"urn:event:UserSignedUp:3"}
    addresses = {data["user_id"]: data["contact"]["email"] for data in read["data"]}
    assert addresses == {
        who.user_id: who.contact.email if isinstance(who, signup.UserSignedUp) else who.email
        for who in people
    }


@pytest.mark.kafka
def test_on_kafka_transactions_of_three_versions_are_settled_or_reversed_to_the_cent(on_kafka):
    wb = on_kafka(fintech_choreography())
    wb.start()
    paid = [
        *some_transactions(10, version=1, large=1, seed=1),
        *some_transactions(10, version=2, unroutable=2, seed=2),
        *some_transactions(10, version=3, large=1, unroutable=2, seed=3),
    ]
    wb.publish_many(paid)
    wb.wait_until_idle()
    verdict = wb.converged()
    assert verdict, repr(verdict)
    log = wb.capture(progress=False)
    assert log.n_dead_letters == 0
    assert versions_on(log, "TransactionAuthorised") == {
        f"urn:event:TransactionAuthorised:{n}" for n in (1, 2, 3)
    }
    counts = log.frame["type"].value_counts()
    assert counts["TransactionDeclined"] == 2
    assert counts["SettlementFailed"] == counts["TransactionReversed"] == 4
    assert counts["TransactionSettled"] == 24
    assert set(wb.compensations()["state"]) == {"compensated"}
    new = log.upcast(wb.choreography)
    assert new.unreadable().empty
    read = new.frame[new.frame["type"] == "TransactionAuthorised"]
    assert set(read["dataschema"]) == {"urn:event:TransactionAuthorised:3"}
    expected = {
        p.transaction_id: Decimal(p.amount) / 100
        if isinstance(p, fintech.V1.TransactionAuthorised)
        else p.amount
        for p in paid
    }
    assert {d["transaction_id"]: Decimal(d["amount"]) for d in read["data"]} == expected

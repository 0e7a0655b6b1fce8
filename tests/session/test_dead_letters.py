"""Dead letters: looked at, redriven once, edited, discarded; and every decision is on record."""

import pandas as pd
import pytest
from pydantic import Field

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.brokers import MemoryBroker, Outgoing
from workbench.errors import BrokerError, DeadLetterError, EventError

pytestmark = pytest.mark.memory


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    quantity: int = 1


class StockReserved(Event, version=1, key="order_id"):
    order_id: str
    quantity: int


ROTTEN = {"shelf": "gone"}
"""What makes the handler fail; a test mends it. (In-process services see it change.)"""


def design():
    found = Choreography()

    @found.service("inventory").on()
    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        if event.quantity < 0:
            raise ValueError("fewer than nothing")
        if ROTTEN:
            raise RuntimeError(f"no shelf for {event.order_id}")
        ctx.state["units"] = ctx.state.get("units", 0) + event.quantity
        return StockReserved(order_id=event.order_id, quantity=event.quantity)

    found.service("audit").whenever(OrderPlaced, emit={})
    return found


@pytest.fixture
def wb(tmp_path):
    ROTTEN["shelf"] = "gone"
    retry = RetryPolicy(attempts=1, later=())
    with Workbench(
        design(), broker=MemoryBroker(), folder=tmp_path, retry=retry, say=lambda text: None
    ) as wb:
        wb.start()
        yield wb


@pytest.fixture
def letters(wb):
    """Two letters of one cause, one of another."""
    for order, quantity in (("a", 1), ("b", 2), ("c", -1)):
        wb.publish(OrderPlaced(order_id=order, quantity=quantity))
        wb.wait_until_idle()
    return wb.dead_letters()


def emitted(wb):
    """Subject and quantity of every StockReserved."""
    frame = wb.capture(progress=False).frame
    found = frame[frame["type"] == "StockReserved"]
    return sorted((row["subject"], row["data"]["quantity"]) for _, row in found.iterrows())


def test_there_are_none_before_anything_failed(wb):
    assert wb.dead_letters().empty
    assert wb.dead_letters().by_fingerprint().empty
    with pytest.raises(DeadLetterError, match=r"^no dead letter is selected\.$"):
        wb.dead_letters().redrive()


def test_a_letter_says_what_failed_where_and_why(wb, letters):
    assert list(letters["key"]) == ["a", "b", "c"]
    letter = letters.iloc[0]
    assert (letter["service"], letter["reaction"], letter["type"]) == (
        "inventory", "reserve", "OrderPlaced",
    )  # fmt: skip
    assert (letter["error_type"], letter["error_message"]) == ("RuntimeError", "no shelf for a")
    assert (letter["attempts"], letter["redrives"], letter["status"]) == (1, 0, "open")
    assert letters.index[0].startswith("inventory.dead-letters[")
    assert (letter["channel"], letter["offset"]) == ("OrderPlaced", 0)
    assert letter["correlation_id"] == letter["id"]
    assert letter["traceparent"].startswith("00-")
    assert 'raise RuntimeError(f"no shelf' in letter["traceback"]
    assert letter["data"] == '{"order_id":"a","quantity":1}'


def test_letters_of_one_cause_have_one_fingerprint(letters):
    causes = letters.by_fingerprint()
    assert list(causes["n"]) == [2, 1]
    assert causes["fingerprint"][0] == (
        'RuntimeError in reserve: raise RuntimeError(f"no shelf for {event.order_id}")'
    )
    assert (causes["services"][0], causes["types"][0]) == ("inventory", "OrderPlaced")
    assert causes["example"][0] == "no shelf for b"


def test_a_redriven_event_goes_to_the_reaction_that_failed_and_to_no_one_else(wb, letters):
    before = wb.counts("audit")
    ROTTEN.clear()
    assert letters.redrive("error_type == 'RuntimeError'") == 2
    wb.wait_until_idle()
    assert emitted(wb) == [("a", 1), ("b", 2)]
    assert wb.state("inventory") == {"units": 3}
    assert wb.counts("audit") == before
    flow = wb.capture(progress=False).flow(letters["correlation_id"].iloc[0])
    assert set(flow.frame["type"]) == {"OrderPlaced", "StockReserved", "DeadLetterRedriven"}
    assert list(wb.dead_letters()["key"]) == ["c"]
    settled = wb.dead_letters(settled=True)
    assert list(settled["status"]) == ["redriven", "redriven", "open"]


def test_a_redriven_event_that_fails_again_is_a_new_letter_that_counts_its_redrives(wb, letters):
    letters[letters["key"] == "a"].redrive()
    wb.wait_until_idle()
    again = wb.dead_letters()
    mine = again[again["key"] == "a"]
    (letter,) = mine.to_dict("records")
    assert (letter["redrives"], letter["attempts"]) == (1, 2)
    assert letter["id"] == letters["id"].iloc[0]
    assert letter["first_failure"] == letters["first_failure"].iloc[0]
    ROTTEN.clear()
    again.redrive(mine.index)
    wb.wait_until_idle()
    assert emitted(wb) == [("a", 1)]


def test_an_interrupted_redrive_run_again_doubles_nothing(wb, letters, monkeypatch):
    ROTTEN.clear()
    made = wb.broker.producer

    class Torn:
        """Takes what is handed over, and is gone before the decision is noted."""

        def __init__(self):
            self.inner, self.calls = made(), 0

        def send(self, batch):
            self.calls += 1
            if self.calls > 1:
                return [BrokerError("the cable was pulled.")] * len(batch)
            return self.inner.send(batch)

        def close(self):
            pass

    monkeypatch.setattr(wb.broker, "producer", Torn)
    with pytest.raises(DeadLetterError, match=r"^0 of 2 letters are done, then: the cable was pul"):
        letters.redrive(letters.index[:2])
    monkeypatch.undo()
    assert letters.redrive(letters["key"] < "c") == 2
    assert wb.dead_letters().redrive(letters["key"] == "c") == 1
    wb.wait_until_idle()
    assert wb.state("inventory") == {"units": 3}
    assert emitted(wb) == [("a", 1), ("b", 2)]
    assert wb.counts("inventory")["duplicates"] == 2


def test_what_was_redriven_already_is_passed_over(wb, letters):
    ROTTEN.clear()
    assert letters.redrive("key == 'a'") == 1
    assert letters.redrive("key <= 'b'") == 1
    assert wb.dead_letters(settled=True).redrive() == 1
    wb.wait_until_idle()
    assert wb.state("inventory") == {"units": 3}


def test_a_discarded_letter_is_closed_and_its_reason_kept(wb, letters):
    with pytest.raises(DeadLetterError, match=r"^say why: discard\(..., reason="):
        letters.discard(reason=" ")
    assert letters.discard(letters["key"] == "c", reason="a test order") == 1
    assert list(wb.dead_letters()["key"]) == ["a", "b"]
    closed = wb.dead_letters(settled=True).query("status == 'discarded'")
    assert list(closed["reason"]) == ["a test order"]
    assert "DeadLetterDiscarded" in set(wb.capture(progress=False).frame["type"])


def test_an_edited_event_has_a_derived_id_and_names_the_one_it_replaces(wb, letters):
    ROTTEN.clear()
    bad = letters.iloc[2]
    new = letters.edit_and_redrive(bad["id"], {"order_id": "c", "quantity": 7})
    with pytest.raises(DeadLetterError, match="was edited already"):
        letters.edit_and_redrive(bad["id"], {"order_id": "c", "quantity": 7})
    wb.wait_until_idle()
    assert emitted(wb) == [("c", 7)]
    frame = wb.capture(progress=False).frame
    (effect,) = frame[frame["type"] == "StockReserved"].to_dict("records")
    assert (effect["causation_id"], effect["correlation_id"]) == (new, bad["id"])
    assert wb.dead_letters(settled=True)["status"].iloc[2] == "edited"


def test_an_edit_is_checked_against_the_schema(wb, letters):
    with pytest.raises(EventError, match=r"^OrderPlaced v1: quantity: "):
        letters.edit_and_redrive(letters["id"].iloc[2], {"order_id": "c", "quantity": "many"})
    assert len(wb.dead_letters()) == 3


def test_poison_is_named_by_its_letter_and_mended_by_saying_its_type(wb):
    ROTTEN.clear()
    wb.broker.producer().send([Outgoing("OrderPlaced", b"k", [], b"\xff<script>")])
    wb.wait_until_idle()
    letters = wb.dead_letters()
    assert sorted(letters["service"]) == ["audit", "inventory"]
    mine = letters[letters["service"] == "inventory"]
    assert (mine["id"].iloc[0], mine["reaction"].iloc[0]) == (None, "")
    assert "&lt;script&gt;" in mine._repr_html_()
    with pytest.raises(DeadLetterError, match="can't be read: say its type, type='OrderPlaced'"):
        mine.edit_and_redrive(mine.index[0], {"order_id": "k"})
    mine.edit_and_redrive(mine.index[0], {"order_id": "k"}, type="OrderPlaced")
    wb.wait_until_idle()
    assert emitted(wb) == [("k", 1)]


def test_poison_redriven_as_it_is_is_a_dead_letter_again(wb):
    wb.broker.producer().send([Outgoing("OrderPlaced", b"k", [], b"\xff")])
    wb.wait_until_idle()
    wb.dead_letters().redrive("service == 'inventory'")
    wb.wait_until_idle()
    letters = wb.dead_letters()
    assert sorted(zip(letters["service"], letters["redrives"], strict=True)) == [
        ("audit", 0),
        ("inventory", 1),
    ]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("sevice == 'billing'", r"^\"sevice == 'billing'\" selects nothing: .*write a condition"),
        (["nope"], "^there is no dead letter 'nope' here"),
        ("service == 'billing'", "^no dead letter is selected"),
        ("__import__('os').system('true')", "selects nothing: "),
    ],
)
def test_what_selects_nothing_is_said(letters, selection, message):
    with pytest.raises(DeadLetterError, match=message):
        letters.redrive(selection)


def test_what_is_personal_is_not_shown_and_can_still_be_edited(tmp_path):
    class SignedUp(Event, version=1, key="email"):
        email: str = Field(json_schema_extra={"x-personal-data": True})
        plan: str

    found = Choreography()

    @found.service("greeter").on()
    def greet(event: SignedUp) -> None:
        raise ValueError(f"{event.plan} is not for {event.email}")

    retry = RetryPolicy(attempts=1, later=())
    with Workbench(
        found, broker=MemoryBroker(), folder=tmp_path, retry=retry, say=lambda text: None
    ) as wb:
        wb.start()
        wb.publish(SignedUp(email="ann@example.org", plan="free"))
        wb.wait_until_idle()
        letters = wb.dead_letters()
        with pd.option_context("display.max_colwidth", None, "display.max_columns", None):
            for table in (letters, letters[["key", "data"]], letters.reset_index(drop=True)):
                assert "ann@example.org" not in repr(table) + table._repr_html_()
            assert '{"email":"***","plan":"free"}' in repr(letters)
        assert letters["data"].item() == '{"email":"ann@example.org","plan":"free"}'
        assert letters["key"].item() == "ann@example.org"
        assert letters.by_fingerprint()["example"].item() == "free is not for ***"

"""Handling again on request: a state rebuilt, effects held back or sent again, nothing by accident."""

import time
from datetime import UTC, datetime

import pytest

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.brokers import MemoryBroker
from workbench.errors import ServiceError

pytestmark = pytest.mark.memory

PRICE = {"of one": 2}


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    units: int = 1


class OrderBilled(Event, version=1, key="order_id"):
    order_id: str


def design():
    found = Choreography()

    @found.service("billing").on()
    def bill(event: OrderPlaced, ctx) -> OrderBilled:
        if event.order_id == "bad" and PRICE["of one"] == 2:
            raise OSError("no price")
        ctx.state["money"] = ctx.state.get("money", 0) + event.units * PRICE["of one"]
        if ctx.reprocessing:
            ctx.state["again"] = ctx.state.get("again", 0) + 1
        return OrderBilled(order_id=event.order_id)

    @found.service("audit").on()
    def note(event: OrderBilled, ctx) -> None:
        ctx.state["billed"] = ctx.state.get("billed", 0) + 1

    return found


@pytest.fixture
def wb(tmp_path):
    PRICE["of one"] = 2
    retry = RetryPolicy(attempts=1, later=("50ms",))
    with Workbench(
        design(), broker=MemoryBroker(), folder=tmp_path, retry=retry, say=lambda text: None
    ) as wb:
        wb.start()
        wb.publish_many([OrderPlaced(order_id=f"o-{n}", units=n) for n in range(1, 4)])
        wb.wait_until_idle()
        assert wb.state("billing") == {"money": 12}
        PRICE["of one"] = 3
        yield wb


def billed(wb):
    return len(wb.broker.reader(dict.fromkeys(wb.broker.end_offsets(["billing"]), 0)).poll(0))


def test_a_state_is_rebuilt_from_the_start_and_no_effect_is_sent(wb):
    assert wb.reprocess("billing") == 3
    wb.wait_until_idle()
    assert wb.state("billing") == {"money": 18, "again": 3}
    assert billed(wb) == 3
    assert wb.lives()["billing"].state == "running"


def test_effects_sent_again_are_the_same_events(wb):
    wb.reprocess("billing", effects="resend")
    wb.wait_until_idle()
    assert billed(wb) == 6
    assert wb.state("audit") == {"billed": 3}
    assert wb.counts("audit")["duplicates"] == 3


def test_what_comes_afterwards_is_handled_as_ever(wb):
    wb.reprocess("billing")
    wb.publish(OrderPlaced(order_id="new", units=10))
    wb.wait_until_idle()
    assert wb.state("billing") == {"money": 48, "again": 3}
    assert billed(wb) == 4
    assert wb.state("audit") == {"billed": 4}


def test_from_a_time_on_handlers_run_on_top_of_the_state_there_is(wb):
    time.sleep(0.01)
    since = datetime.now(UTC)
    time.sleep(0.01)
    wb.publish(OrderPlaced(order_id="late", units=1))
    wb.wait_until_idle()
    assert wb.reprocess("billing", since) == 1
    wb.wait_until_idle()
    assert wb.state("billing") == {"money": 12 + 3 + 3, "again": 1}


@pytest.mark.parametrize("form", ["naive", "text"])
def test_a_time_without_a_zone_is_utc(wb, form, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        time.sleep(0.01)
        since = datetime.now(UTC).replace(tzinfo=None)
        time.sleep(0.01)
        wb.publish(OrderPlaced(order_id="late", units=1))
        wb.wait_until_idle()
        assert wb.reprocess("billing", since if form == "naive" else str(since)) == 1
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_service_that_is_down_stays_down_and_does_it_when_it_starts(wb):
    wb.stop("billing")
    wb.reprocess("billing")
    assert wb.lives()["billing"].state == "stopped"
    wb.start("billing")
    wb.wait_until_idle()
    assert wb.state("billing") == {"money": 18, "again": 3}


def test_a_retry_or_a_letter_from_before_is_not_handled_twice(wb):
    PRICE["of one"] = 2
    wb.publish(OrderPlaced(order_id="bad"))
    wb.wait_until_idle()
    letters = wb.dead_letters()
    assert len(letters) == 1
    PRICE["of one"] = 3
    wb.reprocess("billing", effects="resend")
    wb.wait_until_idle()
    assert wb.state("billing")["money"] == 21
    letters.redrive()
    wb.wait_until_idle()
    assert wb.state("billing")["money"] == 21
    assert wb.state("audit") == {"billed": 4}


def test_what_is_asked_for_wrongly_is_said(wb):
    with pytest.raises(ServiceError, match=r"^effects are 'suppress' or 'resend', not 'maybe'\.$"):
        wb.reprocess("billing", effects="maybe")
    with pytest.raises(ServiceError, match=r"^there is no service 'nope'"):
        wb.reprocess("nope")
    time_like = r"^since='noon-ish' is not a time: write one like '2026-11-23 09:00'\.$"
    with pytest.raises(ServiceError, match=time_like):
        wb.reprocess("billing", "noon-ish")

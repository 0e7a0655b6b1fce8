"""Retries: at once, then later and out of the way, then never again; in order where asked for."""

import pytest

from workbench.choreography import Choreography
from workbench.events import Event, Retry
from workbench.services import STEPS, RetryPolicy, retry_channel

pytestmark = pytest.mark.memory

LATER = RetryPolicy(attempts=2, first_delay=0.01, later=("10s", "1min"))


class Placed(Event, version=1, key="id"):
    id: str
    n: int = 0


class Done(Event, version=1, key="id"):
    id: str
    n: int


@pytest.fixture
def design():
    found = Choreography()
    found.event(Placed)
    found.event(Done)
    return found


@pytest.fixture
def billing(design):
    return design.service("billing")


def failing(until, keys=("bad",), error=OSError):
    """A handler that fails on some keys until an attempt, and notes when it was called."""

    def charge(event: Placed, ctx) -> Done:
        ctx.state["charged"] = ctx.state.get("charged", 0) + 1
        if event.id in keys and ctx.attempt < until:
            raise error(f"no answer for {event.id}")
        return Done(id=event.id, n=event.n)

    return charge


def done(here):
    """What was emitted, as (key, n), in the order of the broker's clock."""
    records = sorted(here.records("billing"), key=lambda r: (r.time_ms, r.offset))
    return [(record.key.decode(), here.payload(record)["n"]) for record in records]


def test_a_failing_event_is_tried_at_once_then_later_and_holds_nobody_up(billing, design, stage):
    billing.on()(failing(until=4))
    here = stage(design, LATER)
    here.publish(Placed(id="bad", n=1), Placed(id="bad", n=2), Placed(id="good", n=3))
    began = here.clock.now()
    here.start().run()
    assert done(here)[0] == ("good", 3)
    first, second, *_ = here.retries("billing")
    assert (first.turn, first.round, first.attempts, first.channel) == (1, 1, 2, "Placed")
    waits = [(retry.due - began).total_seconds() for retry in (first, second)]
    assert all(7.5 <= wait <= 13 for wait in waits)
    # A third attempt fails after about 10 s, the fourth succeeds about a minute later.
    assert 45 <= (here.clock.now() - began).total_seconds() <= 90
    assert here.state("billing") == {"charged": 3}
    assert here.counts("billing") == {"consumed": 3, "handled": 3, "emitted": 3, "retries": 6}
    assert here.letters("billing") == []
    assert here.lag("billing") == 0


def test_what_fails_every_time_is_a_dead_letter_that_tells_the_whole_story(billing, design, stage):
    billing.on()(failing(until=99))
    here = stage(design, LATER).publish(Placed(id="bad")).start()
    began = here.clock.now()
    here.run()
    (letter,) = here.letters("billing")
    assert (letter.attempts, letter.turn, letter.redrives) == (4, 2, 0)
    assert (letter.channel, letter.error_message) == ("Placed", "no answer for bad")
    assert letter.first_failure == began
    assert (letter.last_failure - letter.first_failure).total_seconds() > 50
    assert letter.frame == 'charge: raise error(f"no answer for {event.id}")'
    assert letter.fingerprint == f"OSError in {letter.frame}"
    (record,) = here.records("billing.dead-letters")
    assert not [name for name, _ in record.headers if name.startswith("rt_")]
    assert here.state("billing") == {}


def test_each_reaction_has_its_own_policy_and_some_errors_are_not_worth_retrying(
    billing, design, stage
):
    none = RetryPolicy(attempts=1, later=())
    billing.on(name="once", retry=none)(failing(until=99))
    picky = RetryPolicy(attempts=5, give_up_on=(LookupError,))
    billing.on(name="picky", retry=picky)(failing(until=99, error=KeyError))
    billing.on(name="usual")(failing(until=99))
    here = stage(design, LATER).publish(Placed(id="bad")).start().run()
    attempts = {letter.reaction: letter.attempts for letter in here.letters("billing")}
    assert attempts == {"once": 1, "picky": 1, "usual": 4}


def test_an_event_delivered_again_while_it_waits_is_a_duplicate(billing, design, stage):
    billing.on()(failing(until=3))
    here = stage(design, LATER)
    event = here.envelope(Placed(id="bad"), id="1")
    here.put(event)
    here.put(event)
    here.start().run()
    assert here.counts("billing") == {
        "consumed": 1,
        "handled": 1,
        "emitted": 1,
        "retries": 2,
        "duplicates": 1,
    }


def test_a_retry_that_arrives_twice_is_a_duplicate(billing, design, stage):
    billing.on()(failing(until=3))
    here = stage(design, LATER).publish(Placed(id="bad")).start().run()
    (record,) = here.records(retry_channel("", "billing"))
    here.raw(record.channel, record.key, record.headers, record.value)
    here.run()
    assert here.state("billing") == {"charged": 1}
    assert here.counts("billing")["duplicates"] == 1


@pytest.mark.parametrize("headers", [[], [("rt_reaction", b"charge"), ("rt_due", b"soon")]])
def test_a_record_on_the_retry_channel_that_is_no_retry_is_a_dead_letter(
    billing, design, stage, headers
):
    billing.on()(failing(until=1))
    here = stage(design).start()
    here.raw(retry_channel("", "billing"), b"k", headers, b"{}")
    here.run()
    (letter,) = here.letters("billing")
    assert letter.error_message == "a record of billing.retries must say what is to be retried."


def test_a_retry_of_a_reaction_that_is_gone_is_a_dead_letter(billing, design, stage):
    billing.on()(failing(until=3))
    here = stage(design, LATER).publish(Placed(id="bad")).start()
    here.runner._round()
    here.runner.stop("billing")
    billing.remove("charge")
    billing.on(name="other")(failing(until=1))
    here.start().run()
    (letter,) = here.letters("billing")
    assert letter.error_message == "billing has no reaction 'charge' to Placed any more."


def test_the_inbox_forgets_only_what_can_not_come_again(billing, design, stage):
    billing.on()(failing(until=99))
    here = stage(design, LATER).publish(Placed(id="good"), Placed(id="bad")).start().run()
    known = here.store("billing")._db
    rows = known.execute("SELECT count(*) FROM inbox").fetchone()
    here.clock.sleep(7 * 24 * 3600)  # as long as the channels keep events
    here.publish(Placed(id="later")).run()
    assert known.execute("SELECT count(*) FROM inbox").fetchone() == (rows[0] + 1,)
    here.clock.sleep(2 * 24 * 3600)
    here.publish(Placed(id="last")).run()
    assert known.execute("SELECT count(*) FROM inbox").fetchone() == (2,)


# --- in order --------------------------------------------------------------------------------


def ordered(billing, until, **settings):
    billing.on(ordered=True, **settings)(failing(until))


def test_ordered_events_wait_behind_one_of_their_key_that_failed(billing, design, stage):
    ordered(billing, until=4)
    here = stage(design, LATER)
    here.publish(*[Placed(id=key, n=n) for n in range(5) for key in ("bad", "good")])
    here.start().run()
    events = done(here)
    assert [n for key, n in events if key == "good"] == [0, 1, 2, 3, 4]
    assert [n for key, n in events if key == "bad"] == [0, 1, 2, 3, 4]
    assert events[:5] == [("good", n) for n in range(5)]
    assert here.state("billing") == {"charged": 10}
    assert here.store("billing").left() == (0, 0, 0, 0)


def test_ordered_events_go_on_when_the_one_before_is_given_up(billing, design, stage):
    @billing.on(ordered=True)
    def charge(event: Placed, ctx) -> Done:
        if event.n in (0, 2):
            raise OSError("never")
        return Done(id=event.id, n=event.n)

    here = stage(design, LATER).publish(*[Placed(id="a", n=n) for n in range(4)]).start().run()
    assert done(here) == [("a", 1), ("a", 3)]
    assert len(here.letters("billing")) == 2
    assert here.store("billing").left() == (0, 0, 0, 0)


def test_events_without_a_key_have_no_order_to_keep(design, stage):
    class Loose(Event, version=1):
        n: int

    @design.service("billing").on(ordered=True)
    def charge(event: Loose, ctx) -> Done:
        if event.n == 0 and ctx.attempt < 4:
            raise OSError("not yet")
        return Done(id=f"{event.n}", n=event.n)

    here = stage(design, LATER).publish(Loose(n=0), Loose(n=1)).start().run()
    assert done(here) == [("1", 1), ("0", 0)]


def test_an_ordered_event_parked_twice_is_handled_once(billing, design, stage):
    ordered(billing, until=4)
    here = stage(design, LATER)
    here.publish(Placed(id="bad", n=0))
    behind = here.envelope(Placed(id="bad", n=1), id="behind")
    here.put(behind)
    here.put(behind)
    here.start().run()
    assert done(here) == [("bad", 0), ("bad", 1)]
    assert here.counts("billing")["duplicates"] == 1


# --- crashes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("in_order", [False, True])
def test_retries_and_parked_events_outlive_a_kill_at_any_step(
    billing, design, stage, step, times, in_order
):
    billing.on(ordered=in_order)(failing(until=4))
    here = stage(design, LATER).start(kill_at=(step, times))
    here.publish(*[Placed(id=key, n=n) for n in range(4) for key in ("bad", "good")]).run()
    events = done(here)
    assert len(set(events)) == 8
    if step not in ("sent", "cleared"):  # sent, and not yet known to be: sent again
        assert len(events) == 8
    for key in ("good", "bad") if in_order else ("good",):
        assert list(dict.fromkeys(n for name, n in events if name == key)) == [0, 1, 2, 3]
    assert here.state("billing") == {"charged": 8}
    assert here.counts("billing")["handled"] == 8
    assert here.letters("billing") == []
    assert (here.lag("billing"), here.store("billing").left()) == (0, (0, 0, 0, 0))


def test_a_retrys_headers_round_trip():
    from datetime import UTC, datetime

    moment = datetime(2026, 11, 25, tzinfo=UTC)
    retry = Retry("charge", "orders", 1, 7, moment, 2, 1, 4, 0, moment)
    assert Retry.from_headers([*retry.headers(), ("other", b"x")]) == retry
    assert Retry.from_headers([("other", b"x")]) is None

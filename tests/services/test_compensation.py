"""What was done is undone in reverse order when a later step fails, with nobody in charge."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from workbench.brokers import Outgoing
from workbench.choreography import Choreography
from workbench.events import Event, Retry, Trail, from_kafka
from workbench.events.trail import EXTENSION, LONGEST_TRAIL
from workbench.services import STEPS, RetryPolicy, retry_channel

pytestmark = pytest.mark.memory


class OrderPlaced(Event, version=1, key="id"):
    id: str
    units: int = 2
    total: int = 10
    fails: str = ""


class StockReserved(Event, version=1, key="id"):
    id: str
    units: int
    total: int
    fails: str = ""


class StockReleased(Event, version=1, key="id"):
    id: str
    units: int


class PaymentCharged(Event, version=1, key="id"):
    id: str
    total: int
    fails: str = ""


class PaymentDeclined(Event, version=1, key="id"):
    id: str


class PaymentRefunded(Event, version=1, key="id"):
    id: str
    total: int


class ParcelBooked(Event, version=1, key="id"):
    id: str
    fails: str = ""


class ParcelCancelled(Event, version=1, key="id"):
    id: str


class DeliveryFailed(Event, version=1, key="id"):
    id: str


class Delivered(Event, version=1, key="id"):
    id: str


FAILURES = [PaymentDeclined, DeliveryFailed]


def add(ctx, name, n):
    ctx.state[name] = ctx.state.get(name, 0) + n


@pytest.fixture
def design():
    """Reserve, charge, book and deliver: each but the last is undone if a later one fails."""
    found = Choreography()
    for event in (DeliveryFailed, PaymentDeclined):
        found.event(event)
    inventory, billing, shipping = map(found.service, ("inventory", "billing", "shipping"))

    @inventory.on()
    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        add(ctx, "reserved", event.units)
        return StockReserved(id=event.id, units=event.units, total=event.total, fails=event.fails)

    @inventory.compensates("reserve", when=FAILURES)
    def release(event: OrderPlaced, ctx) -> StockReleased:
        add(ctx, "released", event.units)
        return StockReleased(id=event.id, units=event.units)

    @billing.on()
    def charge(event: StockReserved, ctx) -> PaymentCharged | PaymentDeclined:
        if event.fails == "payment":
            return PaymentDeclined(id=event.id)
        add(ctx, "charged", event.total)
        return PaymentCharged(id=event.id, total=event.total, fails=event.fails)

    @billing.compensates("charge", when=FAILURES)
    def refund(event: StockReserved, ctx) -> PaymentRefunded:
        add(ctx, "refunded", event.total)
        return PaymentRefunded(id=event.id, total=event.total)

    @shipping.on()
    def book(event: PaymentCharged, ctx) -> ParcelBooked:
        add(ctx, "booked", 1)
        return ParcelBooked(id=event.id, fails=event.fails)

    @shipping.compensates("book", when=DeliveryFailed)
    def cancel(event: PaymentCharged, ctx) -> ParcelCancelled:
        add(ctx, "cancelled", 1)
        return ParcelCancelled(id=event.id)

    @found.service("courier").on()
    def deliver(event: ParcelBooked) -> Delivered | DeliveryFailed:
        return (DeliveryFailed if event.fails else Delivered)(id=event.id)

    return found


SERVICES = ("inventory", "billing", "shipping", "courier")


def flow_of(here, correlation_id, services=SERVICES):
    """What happened in a flow: type → its events, each event once."""
    found, seen = {}, set()
    for name in services:
        for event in here.events(name):
            if event.correlationid == correlation_id and event.id not in seen:
                seen.add(event.id)
                found.setdefault(event.type, []).append(event)
    return found


def totals(here):
    return here.state("inventory") | here.state("billing") | here.state("shipping")


def letters(here):
    return [letter for name in here.design.services for letter in here.letters(name)]


def order(here, id_, **settings):
    here.put(here.envelope(OrderPlaced(id=id_, **settings), correlationid=id_))
    return here


def change(design, service, reaction, **settings):
    service = design.service(service)
    service.put(replace(service.reactions[reaction], **settings))


def check_reverse_order(here, correlation_id):
    """Three steps undone, the last one first, each because of the one after it."""
    flow = flow_of(here, correlation_id)
    chain = ["DeliveryFailed", "ParcelCancelled", "PaymentRefunded", "StockReleased"]
    events = [flow[name] for name in chain]
    assert [len(found) for found in events] == [1, 1, 1, 1]
    events = [found[0] for found in events]
    for cause, effect in pairwise(events):
        assert effect.causationid == cause.id
        assert effect.time >= cause.time


def test_a_flow_that_goes_well_undoes_nothing(design, stage):
    here = order(stage(design).start(), "good").run()
    assert set(flow_of(here, "good")) == {
        "StockReserved", "PaymentCharged", "ParcelBooked", "Delivered",
    }  # fmt: skip
    assert totals(here) == {"reserved": 2, "charged": 10, "booked": 1}


def test_what_was_done_is_undone_in_reverse_order(design, stage):
    change(design, "shipping", "cancel", after=5.0)
    change(design, "billing", "refund", after=5.0)
    here = order(order(stage(design).start(), "good"), "bad", fails="delivery").run()
    check_reverse_order(here, "bad")
    flow = flow_of(here, "bad")
    waited = flow["StockReleased"][0].time - flow["DeliveryFailed"][0].time
    assert waited >= timedelta(seconds=10)
    assert not {"ParcelCancelled", "PaymentRefunded"} & flow_of(here, "good").keys()
    assert totals(here) == {
        "reserved": 4, "released": 2, "charged": 20, "refunded": 10, "booked": 2, "cancelled": 1,
    }  # fmt: skip
    assert letters(here) == []


def test_a_step_that_fails_itself_was_not_done_and_only_those_before_it_are_undone(design, stage):
    here = order(stage(design).start(), "bad", fails="payment").run()
    flow = flow_of(here, "bad")
    assert set(flow) == {"StockReserved", "PaymentDeclined", "StockReleased"}
    assert flow["StockReleased"][0].causationid == flow["PaymentDeclined"][0].id
    assert totals(here) == {"reserved": 2, "released": 2}


def test_what_a_failure_does_not_undo_holds_nobody_up(design, stage):
    # The parcel stays booked when a payment is declined late; what was done before is undone.
    here = stage(design).start()
    order(here, "o").run()
    booked = flow_of(here, "o")["ParcelBooked"][0]
    late = here.envelope(PaymentDeclined(id="o"), id="late", correlationid="o")
    here.put(replace(late, extensions=booked.extensions))
    here.run()
    flow = flow_of(here, "o")
    assert "ParcelCancelled" not in flow
    assert flow["PaymentRefunded"][0].causationid == "late"
    assert flow["StockReleased"][0].causationid == flow["PaymentRefunded"][0].id


def test_the_handler_is_given_what_the_step_was_given_and_sees_the_failure(design, stage):
    seen = []

    @design.service("inventory").compensates("reserve", when=FAILURES, name="release")
    def release(event: OrderPlaced, ctx) -> StockReleased:
        seen.append((type(event), event.id, ctx.envelope.type, ctx.failure.type))
        return StockReleased(id=event.id, units=1)

    order(stage(design).start(), "bad", fails="delivery").run()
    assert seen == [(OrderPlaced, "bad", "OrderPlaced", "DeliveryFailed")]


def test_a_compensation_can_be_data(design, stage):
    inventory = design.service("inventory")
    inventory.remove("release")
    made = inventory.compensate(
        "reserve",
        when=[DeliveryFailed, "PaymentDeclined"],
        emit={"StockReleased": {"id": "data.id", "units": "data.units"}},
    )
    assert (made.name, made.whenever) == ("undo_reserve", "OrderPlaced")
    here = order(stage(design).start(), "bad", fails="delivery", units=7).run()
    check_reverse_order(here, "bad")
    assert flow_of(here, "bad")["StockReleased"][0].payload()["units"] == 7


def test_a_failure_published_by_hand_undoes_all_of_its_flow(design, stage):
    here = order(order(stage(design).start(), "o"), "other").run()
    here.put(here.envelope(DeliveryFailed(id="o"), correlationid="o"))
    here.run()
    assert {"ParcelCancelled", "PaymentRefunded", "StockReleased"} <= flow_of(here, "o").keys()
    assert "StockReleased" not in flow_of(here, "other")
    here.put(here.envelope(DeliveryFailed(id="other"), correlationid="nobody's"))
    before = totals(here)
    assert totals(here.run()) == before


def test_redelivery_changes_nothing(design, stage):
    here = order(order(stage(design).start(), "good"), "bad", fails="delivery").run()
    before = {name: len(here.records(name)) for name in SERVICES}, totals(here)
    for name in SERVICES:
        here.runner.stop(name)
        here.rewind(name)
    here.start().run()
    assert ({name: len(here.records(name)) for name in SERVICES}, totals(here)) == before
    assert letters(here) == []


def test_a_second_failure_undoes_nothing_twice(design, stage):
    here = order(stage(design).start(), "bad", fails="delivery").run()
    before = totals(here)
    here.put(here.envelope(PaymentDeclined(id="bad"), correlationid="bad"))
    failure = flow_of(here, "bad")["DeliveryFailed"][0]
    here.put(replace(failure, id="again", source="other"))
    assert totals(here.run()) == before
    flow = flow_of(here, "bad")
    for name in ("ParcelCancelled", "PaymentRefunded", "StockReleased"):
        assert len(flow[name]) == 1


def test_a_step_done_twice_in_a_flow_is_undone_twice(design, stage):
    here = stage(design).start()
    for n, fails in enumerate(["", "delivery"]):
        here.put(here.envelope(OrderPlaced(id=f"line-{n}", fails=fails), correlationid="o"))
    here.run()
    flow = flow_of(here, "o")
    for name in ("ParcelCancelled", "PaymentRefunded", "StockReleased"):
        assert {event.payload()["id"] for event in flow[name]} == {"line-0", "line-1"}
        assert len(flow[name]) == 2
    assert totals(here) == {
        "reserved": 4, "released": 4, "charged": 20, "refunded": 20, "booked": 2, "cancelled": 2,
    }  # fmt: skip


# --- branches --------------------------------------------------------------------------------


class Checked(Event, version=1, key="id"):
    id: str


class PointsGiven(Event, version=1, key="id"):
    id: str


class PointsTaken(Event, version=1, key="id"):
    id: str


@pytest.fixture
def branches():
    """The check of an order fails, while points are given for it on another branch."""
    found = Choreography()
    found.event(DeliveryFailed)
    loyalty = found.service("loyalty")

    @loyalty.on()
    def give(event: OrderPlaced, ctx) -> PointsGiven:
        add(ctx, "given", event.units)
        return PointsGiven(id=event.id)

    @loyalty.compensates("give", when=DeliveryFailed)
    def take(event: OrderPlaced, ctx) -> PointsTaken:
        add(ctx, "taken", event.units)
        return PointsTaken(id=event.id)

    @found.service("checks").on()
    def check(event: OrderPlaced) -> DeliveryFailed:
        return DeliveryFailed(id=event.id)

    return found


@pytest.mark.parametrize("first", ["loyalty", "checks"])
def test_another_branch_is_undone_too_whichever_comes_first(branches, stage, first):
    here = stage(branches)
    placed = here.envelope(OrderPlaced(id="o"), id="placed", correlationid="o")
    failed = placed.effect(
        DeliveryFailed.event_type, DeliveryFailed(id="o"),
        service="checks", reaction="check", place=0, time=here.clock.now(),
    )  # fmt: skip
    here.start("loyalty")
    for event in (placed, failed) if first == "loyalty" else (failed, placed):
        here.put(event)
        here.run()
    flow = flow_of(here, "o", ["loyalty"])
    (taken,) = flow["PointsTaken"]
    assert taken.causationid == failed.id
    assert taken.id == placed.effect(
        PointsTaken.event_type, PointsTaken(id="o"),
        service="loyalty", reaction="take", place=0, time=here.clock.now(),
    ).id  # fmt: skip
    assert here.state("loyalty") == {"given": 2, "taken": 2}
    types = [event.type for event in here.events("loyalty")]
    assert types == ["PointsGiven", "PointsTaken"]


def test_a_delayed_effect_of_a_step_does_not_come_after_that_of_its_compensation(branches, stage):
    change(branches, "loyalty", "give", after=60.0)
    here = order(stage(branches).start(), "o").run()
    flow = flow_of(here, "o", ["loyalty"])
    assert flow["PointsGiven"][0].time <= flow["PointsTaken"][0].time
    assert [event.type for event in here.events("loyalty")] == ["PointsGiven", "PointsTaken"]


def test_what_is_done_because_of_a_failure_is_not_undone_for_it(branches, stage):
    loyalty = branches.service("loyalty")

    class Consoled(Event, version=1, key="id"):
        id: str

    class Regretted(Event, version=1, key="id"):
        id: str

    @loyalty.on()
    def console(event: DeliveryFailed, ctx) -> Consoled:
        add(ctx, "consoled", 1)
        return Consoled(id=event.id)

    @loyalty.compensates("console", when=DeliveryFailed)
    def regret(event: DeliveryFailed, ctx) -> Regretted:
        add(ctx, "regretted", 1)
        return Regretted(id=event.id)

    here = order(stage(branches).start(), "o").run()
    assert here.state("loyalty") == {"given": 2, "taken": 2, "consoled": 1}
    here.put(here.envelope(DeliveryFailed(id="o"), correlationid="o"))  # another one, of its own
    here.run()
    assert (here.state("loyalty")["consoled"], here.state("loyalty")["regretted"]) == (2, 2)


# --- one service, several steps --------------------------------------------------------------


def test_two_steps_of_one_service_are_undone_in_reverse_order_too(design, stage):
    shop = Choreography()
    for event in (DeliveryFailed, OrderPlaced, StockReserved, PaymentCharged):
        shop.event(event)
    for event in (StockReleased, PaymentRefunded):
        shop.event(event)
    one = shop.service("one")
    one.whenever(
        OrderPlaced,
        name="reserve",
        emit={
            "StockReserved": {"id": "data.id", "units": "data.units", "total": "data.total"},
        },
    )
    one.whenever(
        StockReserved,
        name="charge",
        emit={"PaymentCharged": {"id": "data.id", "total": "data.total"}},
    )
    one.whenever(PaymentCharged, name="ship", emit={"DeliveryFailed": {"id": "data.id"}})
    one.compensate(
        "reserve",
        when=DeliveryFailed,
        emit={"StockReleased": {"id": "data.id", "units": "data.units"}},
    )
    one.compensate(
        "charge",
        when=DeliveryFailed,
        after="3s",
        emit={"PaymentRefunded": {"id": "data.id", "total": "data.total"}},
    )
    here = order(stage(shop).start(), "o").run()
    assert letters(here) == []
    flow = flow_of(here, "o", ["one"])
    assert flow["PaymentRefunded"][0].causationid == flow["DeliveryFailed"][0].id
    assert flow["StockReleased"][0].causationid == flow["PaymentRefunded"][0].id
    assert flow["StockReleased"][0].time - flow["DeliveryFailed"][0].time >= timedelta(seconds=3)


# --- trouble ---------------------------------------------------------------------------------


def failing_refund(design, until):
    @design.service("billing").compensates("charge", when=FAILURES, name="refund")
    def refund(event: StockReserved, ctx) -> PaymentRefunded:
        if ctx.attempt < until:
            raise OSError("no answer from the bank")
        add(ctx, "refunded", event.total)
        return PaymentRefunded(id=event.id, total=event.total)


def redrive(here, service):
    """As the dead letters' table does it."""
    for record in here.records(f"{service}.dead-letters"):
        letter = here.letters(service)[0]
        headers = [h for h in record.headers if not h[0].startswith("dl_")]
        retry = Retry(
            letter.reaction, letter.channel, letter.partition, letter.offset,
            due=here.clock.now(), turn=letter.turn + 1, round=0, attempts=letter.attempts,
            redrives=1, first_failure=letter.first_failure,
        )  # fmt: skip
        here.broker.producer().send(
            [
                Outgoing(
                    retry_channel("", service),
                    record.key,
                    [*headers, *retry.headers()],
                    record.value,
                )
            ]
        )


@pytest.mark.parametrize("in_order", [False, True])
def test_a_compensation_is_tried_again_like_any_reaction(design, stage, in_order):
    failing_refund(design, until=4)
    change(design, "billing", "refund", ordered=in_order)
    retry = RetryPolicy(attempts=2, first_delay=0.01, later=("10s", "1min"))
    here = stage(design, retry).start()
    for n in range(2):
        here.put(here.envelope(OrderPlaced(id="same", fails="x"), correlationid=f"o-{n}"))
    here.run()
    for n in range(2):
        check_reverse_order(here, f"o-{n}")
    assert totals(here)["refunded"] == totals(here)["charged"] == 20
    assert letters(here) == []
    assert here.store("billing").left() == (0, 0, 0, 0)


def test_a_compensation_given_up_on_holds_up_what_was_done_before_until_it_is_redriven(
    design, stage
):
    failing_refund(design, until=4)
    here = order(stage(design).start(), "bad", fails="delivery").run()
    (letter,) = letters(here)
    assert (letter.service, letter.reaction) == ("billing", "refund")
    assert letter.error_message == "no answer from the bank"
    assert set(totals(here)) == {"reserved", "charged", "booked", "cancelled"}
    redrive(here, "billing")
    here.run()
    check_reverse_order(here, "bad")
    assert totals(here)["released"] == 2
    assert len(letters(here)) == 1


def test_a_compensation_that_emits_nothing_is_a_dead_letter_that_says_so(design, stage):
    @design.service("billing").compensates("charge", when=FAILURES, name="refund")
    def refund(event: StockReserved, ctx) -> PaymentRefunded | None:
        add(ctx, "refunded", event.total)

    here = order(stage(design).start(), "bad", fails="delivery").run()
    (letter,) = letters(here)
    assert letter.error_message == (
        "refund has emitted nothing, and what was done before charge can't be undone until it "
        "does: let it return one of PaymentRefunded."
    )
    assert "refunded" not in totals(here)


def test_a_step_that_was_given_up_on_was_not_done(design, stage):
    @design.service("billing").on(name="charge")
    def charge(event: StockReserved, ctx) -> PaymentCharged:
        raise OSError("no answer")

    here = order(stage(design).start(), "bad").run()
    here.put(here.envelope(DeliveryFailed(id="bad"), correlationid="bad"))
    here.run()
    assert totals(here) == {"reserved": 2, "released": 2}


def test_a_step_that_emits_nothing_was_not_done(design, stage):
    @design.service("inventory").on(name="reserve")
    def reserve(event: OrderPlaced, ctx) -> StockReserved | None:
        return None

    here = order(stage(design).start(), "o").run()
    here.put(here.envelope(DeliveryFailed(id="o"), correlationid="o"))
    assert totals(here.run()) == {}


def test_what_is_not_known_any_more_can_not_be_undone_and_that_is_said(design, stage):
    here = order(stage(design).start(), "o").run()
    trail = flow_of(here, "o")["Delivered"][0].extensions
    here.store("billing")._db.execute("DELETE FROM done_steps")
    failed = here.envelope(DeliveryFailed(id="o"), correlationid="o")
    here.put(replace(failed, extensions=trail))
    here.run()
    (letter,) = letters(here)
    assert (letter.service, letter.reaction) == ("billing", "refund")
    assert letter.error_message == (
        "billing has done charge in this flow, but doesn't know any more about what, so that "
        "refund can't undo it."
    )


def test_what_was_noted_is_forgotten_with_the_inbox(design, stage):
    here = order(stage(design).start(), "o", fails="delivery").run()
    tables = ("done_steps", "failures", "notices")
    known = here.store("inventory")._db

    def rows():
        return [known.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]

    assert rows() == [1, 1, 2]
    here.clock.sleep(9 * 24 * 3600)
    order(here, "later").run()
    assert rows() == [1, 0, 0]


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "[]", "{}x", '{"done": 3}', '{"done": [["a", "b"]]}', '{"done": [["a", "b", 1]]}',
        '{"failed": [["a", {}]]}', '{"undone": 1}', '{"other": 1}', "[" * 5000,
        '{"done": [' + ",".join(['["a","b","c"]'] * 2000) + "]}", "9" * 400, "\ud83d\ude00",
    ],
)  # fmt: skip
def test_a_trail_that_can_not_be_read_is_a_dead_letter_and_the_service_goes_on(design, stage, text):
    here = stage(design).start("inventory")
    placed = here.envelope(OrderPlaced(id="o"), correlationid="o")
    here.put(placed)
    (record,) = here.records("OrderPlaced")
    text = text.encode("utf-8", "surrogatepass")
    headers = [*record.headers, (f"ce_{EXTENSION}", text)]
    here.raw(
        "OrderPlaced", b"k", [(n, b"2" if n == "ce_id" else t) for n, t in headers], b'{"id": "p"}'
    )
    order(here, "next").run()
    (letter,) = here.letters("inventory")
    assert letter.error_type == "EventError"
    assert here.counts("inventory")["handled"] == 2
    assert all(life.up for life in here.runner.lives().values())


def test_a_flow_that_loops_for_ever_ends_in_a_dead_letter(stage):
    shop = Choreography()
    for event in (Checked, PointsGiven, DeliveryFailed, PointsTaken):
        shop.event(event)
    ping = shop.service("ping")
    ping.whenever(Checked, name="a", emit={"PointsGiven": {"id": "data.id"}})
    ping.whenever(PointsGiven, name="b", emit={"Checked": {"id": "data.id"}})
    ping.compensate("a", when=DeliveryFailed, emit={"PointsTaken": {"id": "data.id"}})
    here = stage(shop).start()
    here.put(here.envelope(Checked(id="x"), correlationid="x"))
    here.run()
    (letter,) = letters(here)
    assert letter.error_type == "HandlerError"
    assert letter.error_message.endswith("does it loop?")
    sizes = [len(event.extensions[EXTENSION]) for event in here.events("ping")[1:]]
    assert max(sizes) <= LONGEST_TRAIL


# --- crashes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_left_done_or_undone_twice_by_a_kill_at_any_step(design, stage, step, times):
    here = stage(design).start(kill_at=(step, times))
    for n in range(9):
        order(here, f"o-{n}", units=1 + n, total=10 + n, fails=["", "payment", "delivery"][n % 3])
        if n % 3 == 2:
            here.run()
    money = sum(10 + n for n in (0, 3, 6))
    units = sum(1 + n for n in (0, 3, 6))
    found = totals(here)
    assert found["charged"] - found["refunded"] == money
    assert found["reserved"] - found["released"] == units
    assert found["booked"] - found["cancelled"] == 3
    assert found["released"] == sum(1 + n for n in range(9) if n % 3)
    for n in (2, 5, 8):
        check_reverse_order(here, f"o-{n}")
    assert letters(here) == []
    assert [here.lag(name) for name in SERVICES] == [0, 0, 0, 0]


# --- the trail -------------------------------------------------------------------------------


def test_the_trail_says_what_was_done_before(design, stage):
    here = order(stage(design).start(), "bad", fails="delivery").run()
    flow = flow_of(here, "bad")
    steps = {name: [done[:2] for done in Trail.of(events[0]).done] for name, events in flow.items()}
    reserve, charge, book = ("inventory", "reserve"), ("billing", "charge"), ("shipping", "book")
    assert steps == {
        "StockReserved": [reserve],
        "PaymentCharged": [reserve, charge],
        "ParcelBooked": [reserve, charge, book],
        "DeliveryFailed": [reserve, charge, book],
        "ParcelCancelled": [reserve, charge],
        "PaymentRefunded": [reserve],
        "StockReleased": [],
    }
    failure = flow["DeliveryFailed"][0]
    for name, events in flow.items():
        trail = Trail.of(events[0])
        undoes = name in ("ParcelCancelled", "PaymentRefunded", "StockReleased")
        assert (trail.failed == ((failure.source, failure.id),)) is undoes
        assert (trail.undone is not None) is undoes


def test_events_of_flows_without_compensations_carry_no_trail(design, stage):
    here = order(stage(design).start(), "o").run()
    (placed,) = here.records("OrderPlaced")
    assert from_kafka(placed.headers, placed.value).extensions == {}

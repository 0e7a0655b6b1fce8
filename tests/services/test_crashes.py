"""A kill at every step: nothing lost, nothing doubled, counted from business totals."""

import random
from decimal import Decimal

import pytest

from workbench.choreography import Choreography
from workbench.events import Event
from workbench.services import DELIVERIES, STEPS, TRANSACTIONS, instance_label

pytestmark = pytest.mark.memory


class Placed(Event, version=1, key="id"):
    id: str
    units: int
    total: Decimal


class Reserved(Event, version=1, key="id"):
    id: str
    total: Decimal


class Paid(Event, version=1, key="id"):
    id: str
    receipt: str


class Shipped(Event, version=1, key="id"):
    id: str


ORDERS = [Placed(id=f"o-{n}", units=1 + n % 4, total=Decimal(100 + n) / 100) for n in range(12)]
UNITS = sum(order.units for order in ORDERS)
MONEY = sum(order.total for order in ORDERS)
SERVICES = ("inventory", "billing", "shipping")


@pytest.fixture
def design():
    found = Choreography()

    @found.service("inventory").on()
    def reserve(event: Placed, ctx) -> Reserved:
        ctx.state["units"] = ctx.state.get("units", 0) + event.units
        return Reserved(id=event.id, total=event.total)

    @found.service("billing").on(after="1s")
    def charge(event: Reserved, ctx) -> Paid:
        ctx.state["money"] = ctx.state.get("money", Decimal(0)) + event.total
        receipt = f"{random.SystemRandom().random()}"  # another one at every attempt
        ctx.state[event.id] = receipt
        return Paid(id=event.id, receipt=receipt)

    @found.service("shipping").on()
    def ship(event: Paid, ctx) -> Shipped:
        ctx.state["parcels"] = ctx.state.get("parcels", 0) + 1
        ctx.state[event.id] = event.receipt
        return Shipped(id=event.id)

    return found


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_lost_or_doubled_when_every_service_is_killed_at_a_step(
    design, stage, step, times
):
    here = stage(design).start(kill_at=(step, times))
    for first in range(0, len(ORDERS), 4):
        here.publish(*ORDERS[first : first + 4]).run()
    check(here)
    once = step in ("started", "joined", "drained")  # an armed life passes these only once
    crashes = 0 if once and times == 2 else 1
    assert {life.crashes for life in here.runner.lives().values()} == {crashes}


def check(here):
    """Every order once in the totals, the effects and the offsets."""
    assert here.state("inventory") == {"units": UNITS}
    assert here.state("billing")["money"] == MONEY
    assert here.state("shipping")["parcels"] == len(ORDERS)
    # A first outcome is kept: the receipt that was sent is the one that billing remembers.
    billing, shipping = here.state("billing"), here.state("shipping")
    assert all(billing[order.id] == shipping[order.id] for order in ORDERS)
    assert len({event.id for event in here.events("shipping")}) == len(ORDERS)
    assert [here.lag(name) for name in SERVICES] == [0, 0, 0]
    assert [here.letters(name) for name in SERVICES] == [[], [], []]
    assert all(life.up for life in here.runner.lives().values() if life.wanted)


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("step", ["flushed", *STEPS])
def test_with_transactions_no_effect_is_ever_there_twice(design, stage, step, times):
    here = stage(design, delivery=TRANSACTIONS).start(kill_at=(step, times))
    for first in range(0, len(ORDERS), 4):
        here.publish(*ORDERS[first : first + 4]).run()
    check(here)
    assert sum(life.crashes for life in here.runner.lives().values()) > 0 or times > 1
    for channel in SERVICES:
        ids = [event.id for event in here.events(channel)]
        assert len(ids) == len(set(ids)) == len(ORDERS)


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_or_doubled_by_kills_while_instances_come_and_go(
    design, stage, seed, delivery
):
    chance = random.Random(seed)
    here = stage(design, delivery=delivery).start()
    up = {(name, 1) for name in SERVICES}
    for n, order in enumerate(ORDERS * 3):
        here.publish(order, id=f"{order.id}-{n % 12}")
        for name in SERVICES:
            instance = chance.randint(1, 3)
            label = instance_label(name, instance)
            if (name, instance) not in up:
                kill_at = (chance.choice(STEPS), chance.randint(1, 2))
                here.start(name, instance=instance, kill_at=kill_at)
                up.add((name, instance))
            elif chance.random() < 0.3:
                here.runner.crash(label)  # what it held stays its own until it is back
            elif instance > 1 and chance.random() < 0.3:
                here.runner.stop(label)
                up.remove((name, instance))
        here.run_rounds(chance.randint(0, 3))
    here.run()
    check(here)
    if delivery == TRANSACTIONS:
        for channel in SERVICES:
            assert len(here.events(channel)) == len(ORDERS)


def test_an_instance_that_was_paused_and_comes_back_changes_nothing(design, stage):
    here = stage(design).start("inventory").run()
    first = here.runner._workers["inventory"]
    here.publish(*ORDERS)
    records = first._consumer.poll(0)  # and here it is paused, for longer than the group waits
    assert len(records) == len(ORDERS)
    here.broker.dismiss("inventory", "inventory-1")
    here.runner.pause("inventory")
    here.start("inventory", instance=2).run()
    assert here.state("inventory") == {"units": UNITS}
    before = here.counts("inventory")
    first._consumer.poll = lambda *_: records
    assert first.step(0) == 0
    assert here.counts("inventory") == before  # not even as duplicates
    assert len(here.events("inventory")) == len(ORDERS)


def test_what_came_from_a_channel_that_is_read_no_more_is_sent_by_whoever_is_left(design, stage):
    here = stage(design).start().publish(*ORDERS).run_rounds(3)
    here.runner.stop("billing")  # its effects are a second away
    assert here.events("billing") == []
    design.services["billing"].reactions.clear()

    @design.service("billing").on(name="bill")
    def bill(event: Placed, ctx) -> Paid:
        return Paid(id=event.id, receipt="none")

    here.start("billing").run()
    assert len(here.events("billing")) == 2 * len(ORDERS)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_or_doubled_by_many_kills_of_everyone(design, stage, seed):
    chance = random.Random(seed)
    here = stage(design).start()
    for order in ORDERS:
        here.publish(order)
        for name in SERVICES:
            if chance.random() < 0.5:
                here.runner.kill(name)
                kill_at = (chance.choice(STEPS), 1)
                here.start(name, kill_at=kill_at if chance.random() < 0.8 else None)
        here.runner._round()
    here.run()
    check(here)
    assert sum(life.crashes for life in here.runner.lives().values()) > 0


@pytest.mark.parametrize("step", STEPS)
def test_a_dead_letter_is_written_once_whatever_the_crash(design, stage, step):
    @design.service("inventory").on(name="reserve")
    def reserve(event: Placed, ctx) -> Reserved:
        raise RuntimeError("no")

    here = stage(design)
    here.publish(*ORDERS[:5])
    here.raw("Placed", b"k", [], b"poison")
    here.start(kill_at=(step, 1)).run()
    places = [(letter.partition, letter.offset) for letter in here.letters("inventory")]
    assert len(set(places)) == 6
    assert here.counts("inventory")["dead_letters"] == 6
    if step not in ("sent", "cleared"):  # sent, and not yet known to be: sent again
        assert len(places) == 6


def test_a_killed_service_stays_down_and_a_crashed_one_comes_back(design, stage):
    here = stage(design).start(kill_at=("polled", 1))
    here.publish(*ORDERS)
    here.runner.kill("billing")
    here.run()
    lives = here.runner.lives()
    assert {name: (life.state, life.crashes) for name, life in lives.items()} == {
        "inventory": ("running", 1),
        "billing": ("killed", 0),
        "shipping": ("running", 0),
    }
    assert here.lag("billing") == len(ORDERS)

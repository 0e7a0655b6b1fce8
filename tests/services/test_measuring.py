"""What a service measures is exact, and in its file with what it is about: crashes change nothing."""

from bisect import bisect_left
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.choreography import Choreography
from workbench.events import Event
from workbench.services import STEPS, TRANSACTIONS, RetryPolicy, read_counts, read_measured
from workbench.services.handling import IGNORED_TYPES
from workbench.services.processing import BOUNDS, ERROR, OK, Attempted, Histogram
from workbench.services.status import OTHER

pytestmark = pytest.mark.memory


class Placed(Event, version=1, key="id"):
    id: str
    units: int = 1


class Reserved(Event, version=1, key="id"):
    id: str


class Paid(Event, version=1, key="id"):
    id: str


class Released(Event, version=1, key="id"):
    id: str


@pytest.fixture
def design():
    found = Choreography()
    for event in (Placed, Reserved, Paid, Released):
        found.event(event)
    return found


@pytest.fixture
def inventory(design):
    return design.service("inventory")


def reserve(event: Placed) -> Reserved:
    return Reserved(id=event.id)


def consumed(here, service="inventory"):
    counts = read_counts(here.folder / f"{service}.sqlite")
    return {event_type: n for (what, event_type), n in counts.items() if what == "consumed"}


def times(here, service="inventory"):
    return read_measured(here.folder / f"{service}.sqlite").processing


# --- consumed ---------------------------------------------------------------------------------


def test_an_event_is_consumed_once_by_however_many_reactions_and_however_often_it_comes(
    inventory, design, stage
):
    inventory.on(name="first")(reserve)
    inventory.on(name="second", guard="data.units > 5")(reserve)
    here = stage(design)
    event = here.envelope(Placed(id="o-1"))
    here.put(event)
    here.put(event)
    here.start().publish(Placed(id="o-2")).run()
    assert consumed(here) == {"Placed": 2}
    counts = here.counts("inventory")
    assert (counts["handled"], counts["guarded"], counts["duplicates"]) == (2, 2, 2)


def test_an_event_that_is_only_waited_for_is_consumed_once(inventory, design, stage):
    inventory.on(unless=Paid, within="15min")(reserve)
    here = stage(design).start()
    event = here.envelope(Paid(id="p"))
    here.put(event)
    here.put(event)
    here.publish(Paid(id="q")).run()
    assert consumed(here) == {"Paid": 2}


def test_a_failure_that_is_only_heard_of_is_consumed_once(inventory, design, stage):
    inventory.on()(reserve)

    @inventory.compensates("reserve", when="Paid")
    def release(event: Placed, ctx) -> Released:
        return Released(id=event.id)

    here = stage(design).start()
    here.put(here.envelope(Placed(id="o-1"), correlationid="f"))
    here.run()
    event = here.envelope(Paid(id="p"), correlationid="f")
    here.put(event)
    here.put(event)
    here.run()
    assert consumed(here) == {"Placed": 1, "Paid": 1}
    assert len(here.events("inventory")) == 2


def test_an_unreadable_event_is_consumed_and_an_ignored_one_is_not(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design)
    here.raw("Placed", b"k", [("ce_type", b"Placed")], b"{")
    here.raw("Placed", b"k", [("ce_type", b"Elsewhere")], b"{}")
    here.start().run()
    assert consumed(here) == {"?": 1}
    here.rewind("inventory")
    here.runner.stop("inventory")
    here.start().run()
    assert here.counts("inventory")["duplicates"] == 1
    assert consumed(here) == {"?": 1}


def test_a_later_try_is_not_consumed_again(inventory, design, stage):
    @inventory.on()
    def never(event: Placed) -> Reserved:
        raise ValueError("never")

    here = stage(design, retry=RetryPolicy(attempts=1, later=(60, 60)))
    here.start().publish(Placed(id="o-1")).run()
    assert consumed(here) == {"Placed": 1}
    assert times(here)[Attempted("Placed", "never", ERROR)].n == 3


def test_ignored_types_are_counted_by_name_up_to_a_number_and_no_name_is_lost(
    inventory, design, stage
):
    def put(*types):
        for type_ in types:
            here.raw("Placed", b"k", [("ce_type", type_.encode())], b"{}")

    def ignored():
        counts = read_counts(here.folder / "inventory.sqlite")
        return {event_type: n for (what, event_type), n in counts.items() if what == "ignored"}

    inventory.on()(reserve)
    here = stage(design)
    put(*(f"M{n}" for n in range(IGNORED_TYPES - 1)), "long" * 100)
    here.start().run()
    first = ignored()
    assert len(first) == IGNORED_TYPES
    assert first[OTHER] == 1
    here.runner.stop("inventory")
    put(*(f"A{n}" for n in range(9)), "M3")
    here.start().run()
    assert ignored() == {**first, OTHER: 10, "M3": 2}


# --- processing time --------------------------------------------------------------------------


def test_attempts_are_timed_by_type_reaction_and_how_they_ended(inventory, design, stage):
    tries = []
    here = stage(design)

    @inventory.on()
    def shaky(event: Placed) -> Reserved:
        tries.append(event.id)
        here.clock.sleep(0.3 if len(tries) == 1 else 0.02)
        if len(tries) == 1:
            raise ValueError("not yet")
        return Reserved(id=event.id)

    here.start().publish(Placed(id="o-1"), Placed(id="o-2")).run()
    found = times(here)
    failed, done = found.pop(Attempted("Placed", "shaky", ERROR)), found.popitem()
    assert not found
    assert done[0] == Attempted("Placed", "shaky", OK)
    assert (failed.n, failed.seconds) == (1, pytest.approx(0.3, abs=1e-5))
    assert (done[1].n, done[1].seconds) == (2, pytest.approx(0.04, abs=1e-5))
    assert failed.counts[bisect_left(BOUNDS, 0.3)] == 1
    assert done[1].counts[bisect_left(BOUNDS, 0.02)] == 2


def test_what_a_guard_turns_away_is_no_attempt(inventory, design, stage):
    inventory.on(guard="data.units > 1")(reserve)
    here = stage(design).start().publish(Placed(id="o-1"), Placed(id="o-2", units=2)).run()
    assert {what: one.n for what, one in times(here).items()} == {
        Attempted("Placed", "reserve", OK): 1
    }


@pytest.mark.parametrize("step", STEPS[3:])
@pytest.mark.parametrize("delivery", ["at-least-once", TRANSACTIONS])
def test_a_crash_at_any_step_measures_nothing_twice(inventory, design, stage, step, delivery):
    inventory.on()(reserve)
    here = stage(design, delivery=delivery).start(kill_at=(step, 1))
    here.publish(*(Placed(id=f"o-{n}") for n in range(5))).run()
    assert consumed(here) == {"Placed": 5}
    assert times(here)[Attempted("Placed", "reserve", OK)].n == 5


def test_a_restart_goes_on_and_instances_add_up(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design).start().publish(*(Placed(id=f"o-{n}") for n in range(20))).run()
    here.runner.stop("inventory")
    here.start().start(instance=2).publish(*(Placed(id=f"p-{n}") for n in range(40))).run()
    assert consumed(here) == {"Placed": 60}
    assert times(here)[Attempted("Placed", "reserve", OK)].n == 60


# --- histograms -------------------------------------------------------------------------------


def histogram(durations):
    counts = [0] * (len(BOUNDS) + 1)
    for seconds in durations:
        counts[bisect_left(BOUNDS, seconds)] += 1
    return Histogram(tuple(counts), sum(durations))


@given(
    st.lists(st.floats(1e-6, BOUNDS[-1]), min_size=1, max_size=50),
    st.floats(0.01, 1.0),
)
def test_a_quantile_is_in_the_bucket_of_the_true_one(durations, share):
    found = histogram(durations).quantile(share)
    rank = share * len(durations)
    true = sorted(durations)[max(1, ceil(rank)) - 1]
    upper = bisect_left(BOUNDS, true)
    assert (BOUNDS[upper - 1] if upper else 0) <= found <= BOUNDS[upper]


def test_a_quantile_stands_as_far_in_its_bucket_as_its_rank_does():
    assert histogram([0.006] * 10).quantile(0.5) == pytest.approx(0.0075)
    assert histogram([0.006] * 90 + [0.2] * 10).quantile(0.95) == pytest.approx(0.175)


def test_beyond_the_last_bound_the_bound_is_given_and_of_nothing_nothing():
    assert histogram([60.0]).quantile(0.5) == BOUNDS[-1]
    assert histogram([60.0]).mean() == 60.0
    assert Histogram().quantile(0.5) is None
    assert Histogram().mean() is None


def test_the_bounds_from_5_ms_on_are_those_that_opentelemetry_advises():
    advised = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    assert [bound for bound in BOUNDS if bound >= 0.005] == advised
    assert list(BOUNDS) == sorted(set(BOUNDS))

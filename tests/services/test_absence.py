"""What happens when something does not: timers that are durable and wait for the backlog."""

from datetime import timedelta

import pytest

from workbench.choreography import Choreography
from workbench.errors import DesignError
from workbench.events import Event
from workbench.services import STEPS, RetryPolicy

pytestmark = pytest.mark.memory


class OrderPlaced(Event, version=1, key="id"):
    id: str
    total: int = 1


class PaymentReceived(Event, version=1, key="payment"):
    payment: str


class OrderExpired(Event, version=1, key="id"):
    id: str


def expire(event: OrderPlaced, ctx) -> OrderExpired:
    ctx.state[event.id] = "expired"
    return OrderExpired(id=event.id)


@pytest.fixture
def design():
    found = Choreography()
    for event in (OrderPlaced, PaymentReceived, OrderExpired):
        found.event(event)
    return found


@pytest.fixture
def orders(design):
    service = design.service("orders")
    service.on(unless=PaymentReceived, within="15min")(expire)
    return service


def place(here, *ids, **settings):
    """Orders, each in a flow of its own name."""
    for id_ in ids:
        here.put(here.envelope(OrderPlaced(id=id_), correlationid=id_, **settings))
    return here


def pay(here, flow):
    return here.put(here.envelope(PaymentReceived(payment=f"p-{flow}"), correlationid=flow))


def expired(here):
    return sorted(event.payload()["id"] for event in here.events("orders"))


def test_an_event_that_does_not_come_in_time_is_reacted_to_and_one_that_comes_is_not(
    orders, design, stage
):
    here = place(stage(design).start(), "paid", "unpaid")
    here.runner._round()
    pay(here, "paid")
    began = here.clock.now()
    here.run()
    assert expired(here) == ["unpaid"]
    assert here.clock.now() - began == pytest.approx(
        timedelta(minutes=15), abs=timedelta(seconds=1)
    )
    (event,) = here.events("orders")
    assert (event.correlationid, event.source) == ("unpaid", "orders")
    assert here.counts("orders") == {"consumed": 3, "armed": 2, "handled": 1, "emitted": 1}
    assert here.store("orders").left() == (0, 0, 0, 0)


def test_it_makes_no_difference_which_of_the_two_comes_first(orders, design, stage):
    here = stage(design).start()
    pay(here, "early")
    here.runner._round()
    place(here, "early", "never").run()
    assert expired(here) == ["never"]


def test_another_flows_event_does_not_count(orders, design, stage):
    here = place(stage(design).start(), "a", "b")
    pay(here, "b")
    here.run()
    assert expired(here) == ["a"]


def test_a_service_that_was_down_does_not_expire_what_waits_in_its_backlog(orders, design, stage):
    here = place(stage(design).start(), *[f"o-{n}" for n in range(700)])
    here.run_rounds(3)
    here.runner.kill("orders")
    here.clock.sleep(3600)  # down for four times the deadline
    for n in range(1, 700):
        pay(here, f"o-{n}")
    here.start().run()
    assert expired(here) == ["o-0"]


def test_what_was_placed_and_paid_while_the_service_was_down_is_no_absence(orders, design, stage):
    here = stage(design)
    place(here, "paid", "unpaid")
    pay(here, "paid")
    here.clock.sleep(3600)
    here.start().run()
    assert expired(here) == ["unpaid"]


def test_the_deadline_counts_from_when_the_event_happened_but_never_from_the_future(
    orders, design, stage
):
    here = stage(design).start()
    began = here.clock.now()
    place(here, "old", time=began - timedelta(minutes=14))
    place(here, "odd", time=began + timedelta(days=400))
    here.run()
    times = {event.payload()["id"]: event.time - began for event in here.events("orders")}
    assert times["old"] == pytest.approx(timedelta(minutes=1), abs=timedelta(seconds=1))
    assert times["odd"] == pytest.approx(timedelta(minutes=15), abs=timedelta(seconds=1))


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_timers_outlive_a_kill_at_any_step_and_fire_once(orders, design, stage, step, times):
    here = place(stage(design).start(kill_at=(step, times)), *"abcd")
    here.runner._round()
    pay(here, "b")
    here.run()
    events = expired(here)
    assert sorted(set(events)) == ["a", "c", "d"]
    if step not in ("sent", "cleared"):
        assert events == ["a", "c", "d"]
    assert here.counts("orders")["handled"] == 3


def test_a_reaction_to_an_absence_is_retried_and_given_up_like_any_other(design, stage):
    @design.service("orders").on(unless=PaymentReceived, within=60)
    def expire(event: OrderPlaced, ctx) -> OrderExpired:
        if event.id == "bad" or ctx.attempt < 3:
            raise OSError("not now")
        return OrderExpired(id=event.id)

    policy = RetryPolicy(attempts=1, later=("1s", "10s"))
    here = place(stage(design, policy).start(), "good", "bad").run()
    assert expired(here) == ["good"]
    (letter,) = here.letters("orders")
    assert (letter.attempts, letter.error_message) == (3, "not now")


def test_an_event_delivered_again_arms_no_second_timer(orders, design, stage):
    here = stage(design).start()
    event = here.envelope(OrderPlaced(id="a"), id="1", correlationid="a")
    here.put(event)
    here.put(event)
    here.run()
    here.put(event)
    here.run()
    assert expired(here) == ["a"]
    assert here.counts("orders")["duplicates"] == 2


def test_guards_and_mappings_work_for_absences_too(design, stage):
    design.service("orders").whenever(
        OrderPlaced,
        guard="data.total > 10.0",
        unless=[PaymentReceived],
        within="1h",
        emit={"OrderExpired": {"id": "data.id"}},
    )
    here = stage(design).start()
    here.publish(OrderPlaced(id="small", total=1), OrderPlaced(id="large", total=99)).run()
    assert expired(here) == ["large"]
    assert here.counts("orders")["guarded"] == 1


def test_the_design_knows_that_the_service_hears_what_it_waits_for(orders, design):
    assert orders.consumes == ("OrderPlaced", "PaymentReceived")
    assert design.inputs("orders") == ["OrderPlaced", "PaymentReceived"]
    assert design.expected_effects() == {}


@pytest.mark.parametrize("half", [{"unless": PaymentReceived}, {"within": "1h"}])
def test_unless_and_within_go_together(design, half):
    with pytest.raises(DesignError, match=r"^orders/expire: 'unless' and 'within' go together"):
        design.service("orders").on(**half)(expire)

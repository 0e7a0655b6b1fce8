"""Designs at work on SNS and SQS, which a moto server stands in for, with services as processes."""

import os
import signal
import time
from uuid import uuid4

import pytest

from workbench import Choreography, Event, Workbench
from workbench.brokers import Outgoing
from workbench.brokers.aws import topology
from workbench.errors import EventRefusedError, WorkbenchError
from workbench.examples.orders import OrderPlaced, order_choreography, some_orders
from workbench.examples.signup import signup_choreography, some_signups
from workbench.services import RetryPolicy

pytestmark = pytest.mark.aws
PATIENCE = 60


class Asked(Event, key="id"):
    id: str
    size: int
    text: str = ""


class Written(Event, key="id"):
    id: str
    text: str


@pytest.fixture
def on_aws(aws, tmp_path):
    """Makes workbenches on the shared stand-in, each in a namespace of its own."""
    made = []

    def make(design, **settings):
        wb = Workbench(
            design,
            broker="aws://eu-central-1",
            endpoint_url=aws,
            spool=tmp_path / "spool",
            folder=tmp_path / "services",
            namespace=f"t{uuid4().hex[:10]}",
            say=lambda text: None,
            **settings,
        )
        made.append(wb)
        return wb

    yield make
    for wb in made:
        wb.close()


def until(happened):
    deadline = time.monotonic() + PATIENCE
    while not (found := happened()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_orders_placed_end_as_orders_shipped(on_aws):
    wb = on_aws(order_choreography())
    wb.start()
    wb.publish_many(some_orders(20))
    wb.wait_until_idle(PATIENCE)
    assert wb.converged()
    log = wb.capture(progress=False)
    assert log.n_dead_letters == 0
    assert log.frame["type"].value_counts().to_dict() == {
        "OrderPlaced": 20,
        "StockReserved": 20,
        "PaymentReceived": 20,
        "OrderShipped": 20,
        "OrderCompleted": 20,
    }


def test_a_service_that_is_killed_goes_on_where_it_was(on_aws):
    wb = on_aws(order_choreography())
    wb.start()
    wb.publish_many(some_orders(10))
    os.kill(wb.lives()["billing"].pid, signal.SIGKILL)
    wb.publish_many(some_orders(10, prefix="later"))
    until(lambda: wb.lives()["billing"].crashes == 1)
    wb.wait_until_idle(PATIENCE)
    assert wb.converged()
    assert wb.state("orders")["orders_completed"] == 20


def test_what_sqs_gave_up_on_is_a_dead_letter_and_is_redriven(on_aws, monkeypatch):
    monkeypatch.setattr(topology, "RECEIVES", 2)
    wb = on_aws(order_choreography())
    wb.publish_many(some_orders(1))
    group, channel = f"{wb.namespace}.inventory", f"{wb.namespace}.OrderPlaced"
    for _ in range(2):  # lives of a service that crashes on it
        with wb.broker.consumer(group, [channel], "inventory-0") as member:
            until(lambda: member.poll(0.2))
    wb.broker.consumer(group, [channel], "inventory-0").close()
    until(lambda: len(wb.dead_letters()) == 1)
    letters = wb.dead_letters()
    shown = letters[["service", "type", "channel", "error_type"]].to_numpy().tolist()
    assert shown == [["inventory", "OrderPlaced", channel, "NeverCommitted"]]
    assert letters.redrive() == 1
    wb.start()
    wb.wait_until_idle(PATIENCE)
    assert wb.converged()
    assert wb.state("orders")["orders_completed"] == 1
    log = wb.capture(progress=False)
    assert log.frame["dead_letter"].notna().sum() == 1


def test_a_poison_event_is_a_dead_letter_and_the_service_goes_on(on_aws):
    wb = on_aws(order_choreography())
    wb.start()
    channel = f"{wb.namespace}.OrderPlaced"
    producer = wb.broker.producer()
    producer.send([Outgoing(channel, b"o-1", [("ce_type", b"OrderPlaced")], b"\xffgarbage")])
    wb.publish_many(some_orders(3))
    wb.wait_until_idle(PATIENCE)
    assert wb.state("orders")["orders_completed"] == 3
    letters = wb.dead_letters()
    assert set(letters["service"]) == {"inventory", "orders"} & {*letters["service"]}
    assert set(letters["channel"]) == {channel}
    assert letters.discard(reason="garbage") == len(letters)
    assert wb.dead_letters().empty
    assert wb.converged()


def test_an_effect_that_sns_would_never_take_makes_a_dead_letter_of_its_cause(on_aws):
    design = Choreography()

    @design.service("writer").on()
    def write(event: Asked, ctx) -> Written:
        ctx.state["n"] = ctx.state.get("n", 0) + 1
        return Written(id=event.id, text="x" * event.size)

    wb = on_aws(design)
    wb.start()
    wb.publish(Asked(id="a", size=300_000))
    wb.publish(Asked(id="b", size=100))
    wb.wait_until_idle(PATIENCE)
    letters = wb.dead_letters()
    assert letters["error_type"].tolist() == ["EventRefusedError"]
    assert letters["error_message"].iloc[0].startswith("the effect Written is too large: 300,")
    assert wb.state("writer") == {"n": 1}
    assert wb.status()["refused"].tolist() == [0]


def test_what_is_published_and_sns_would_never_take_is_refused(on_aws):
    design = Choreography()
    design.event(Written)
    wb = on_aws(design)
    with pytest.raises(
        EventRefusedError, match=r"^Written is too large: 300,\d+ bytes as a message"
    ):
        wb.publish(Written(id="a", text="x" * 300_000))


@pytest.mark.parametrize("letter", ["é", "\x01", "\U0001f30d"])
def test_the_reason_of_a_dead_letter_is_shortened_so_that_sns_takes_it(on_aws, letter):
    design = Choreography()

    @design.service("writer").on()
    def write(event: Asked, ctx) -> None:
        raise ValueError(letter * 300_000)

    wb = on_aws(design, retry=RetryPolicy(attempts=1, later=()))
    wb.start()
    wb.publish(Asked(id="a", size=1, text="x" * 227_000))
    wb.wait_until_idle(PATIENCE)
    letters = wb.dead_letters()
    assert letters["error_type"].tolist() == ["ValueError"]
    assert letters["error_message"].iloc[0].startswith(letter)
    assert wb.converged()


def test_absences_and_transactions_say_what_they_can_not(on_aws):
    wb = on_aws(order_choreography(), delivery="transactions")
    with pytest.raises(WorkbenchError, match=r"aws has no transactions: use delivery='at-least-o"):
        wb.start()
    assert wb.lives() == {}
    assert wb.broker.channels().isdisjoint(wb.connection.all_channels())


def test_an_absence_expires_when_nothing_is_left_that_could_end_it(on_aws):
    wb = on_aws(signup_choreography())
    wb.start()
    wb.publish_many([*some_signups(4, silent=1, bounced=1, seed=1)])
    wb.wait_until_idle(PATIENCE)
    assert wb.converged()
    counts = wb.capture(progress=False).frame["type"].value_counts()
    ends = ("AccountActivated", "ContactConfirmed", "VerificationExpired", "AccountClosed")
    assert [counts[name] for name in ends] == [2, 2, 1, 2]


def test_a_service_has_loaded_the_client_of_its_broker_and_no_other(on_aws):
    design = Choreography()

    @design.service("audit").on()
    def note(event: OrderPlaced, ctx) -> None:
        import sys

        ctx.state["loaded"] = sorted({"boto3", "confluent_kafka", "kafka", "pika"} & {*sys.modules})

    wb = on_aws(design)
    wb.start()
    wb.publish_many(some_orders(1))
    wb.wait_until_idle(PATIENCE)
    assert wb.state("audit") == {"loaded": ["boto3"]}

"""Designs at work on RabbitMQ, with services as processes."""

import os
import signal
import time

import pytest

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.brokers import Outgoing, Position
from workbench.errors import BrokerError, WorkbenchError
from workbench.examples.orders import (
    expected_totals,
    lost_and_doubled,
    observed_totals,
    order_choreography,
    some_orders,
)

pytestmark = pytest.mark.rabbitmq
PATIENCE = 60


@pytest.fixture
def on_rabbitmq(rabbitmq, tmp_path, request):
    """Makes workbenches on the shared node, each in a namespace of its own."""
    made = []

    def make(design, **settings):
        wb = Workbench(
            design,
            broker=rabbitmq,
            folder=tmp_path,
            namespace=f"t{len(made)}-{abs(hash(request.node.nodeid)) % 10**8}",
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


def test_nothing_is_lost_or_doubled_though_services_are_killed(on_rabbitmq):
    wb = on_rabbitmq(order_choreography())
    orders = some_orders(300, declined=10, sold_out=5)
    wb.start()
    wb.publish_many(orders[:150], batch=50)
    for name in ("billing", "inventory"):
        os.kill(wb.lives()[name].pid, signal.SIGKILL)
    wb.publish_many(orders[150:], batch=50)
    until(lambda: {wb.lives()[name].crashes for name in ("billing", "inventory")} == {1})
    wb.wait_until_idle(PATIENCE)
    assert wb.converged()
    states = [wb.state(name) for name in wb.choreography.services]
    assert lost_and_doubled(expected_totals(orders), observed_totals(states)) == (0, 0)


def test_a_poison_event_goes_to_the_dead_letters_and_the_service_goes_on(on_rabbitmq):
    wb = on_rabbitmq(order_choreography())
    wb.start()
    channel = f"{wb.namespace}.OrderPlaced"
    producer = wb.broker.producer()
    producer.send(
        [
            Outgoing(channel, b"o-1", [("ce_type", b"OrderPlaced")], b"\xffgarbage"),
            Outgoing(channel, b"o-1", [], b"no event at all"),
        ]
    )
    producer.close()
    wb.publish_many(some_orders(3))
    wb.wait_until_idle(PATIENCE)
    assert wb.state("orders")["orders_completed"] == 3
    letters = wb.dead_letters()
    assert set(letters["channel"]) == {channel}
    assert sorted(letters[letters["service"] == "inventory"]["data"]) == [
        "\\xffgarbage",
        "no event at all",
    ]
    assert letters.discard(reason="garbage") == len(letters)
    assert wb.converged()


class Asked(Event, version=1, key="id"):
    id: str


class Answered(Event, version=1, key="id"):
    id: str


def fails_at_first(mark):
    """A design whose one service can't do its work before a file is there."""
    design = Choreography()

    @design.service("oracle").on()
    def answer(event: Asked, ctx) -> Answered:
        if not mark.exists():
            raise RuntimeError("not yet")
        return Answered(id=event.id)

    return design


def test_what_failed_is_tried_again_later_and_nothing_is_at_rest_before(on_rabbitmq, tmp_path):
    mark = tmp_path / "now"
    wb = on_rabbitmq(fails_at_first(mark), retry=RetryPolicy(attempts=1, later=(2.5,)))
    wb.start()
    wb.publish(Asked(id="a"))
    retries = f"{wb.namespace}.oracle.retries"
    until(lambda: wb.broker.end_offsets([retries]) == {Position(retries, 0): 1})
    mark.touch()
    assert not wb.converged()  # it waits at RabbitMQ for its time
    wb.wait_until_idle(PATIENCE)
    assert wb.converged()
    log = wb.capture(progress=False).frame
    assert sorted(log["type"].astype(str)) == ["Answered", "Asked"]
    failed, answered = log.sort_values("broker_time")["broker_time"]
    assert (answered - failed).total_seconds() >= 1.8  # waits are a quarter shorter at most


def test_a_dead_letter_is_redriven_to_the_service_that_gave_up(on_rabbitmq, tmp_path):
    mark = tmp_path / "now"
    wb = on_rabbitmq(fails_at_first(mark), retry=RetryPolicy(attempts=1, later=()))
    wb.start()
    wb.publish(Asked(id="a"))
    until(lambda: len(wb.dead_letters()) == 1)
    mark.touch()
    assert wb.dead_letters().redrive() == 1
    wb.wait_until_idle(PATIENCE)
    assert wb.converged()
    assert wb.counts("oracle")["emitted"] == 1


def test_transactions_and_reprocessing_say_what_to_do_instead(on_rabbitmq):
    wb = on_rabbitmq(order_choreography(), delivery="transactions")
    with pytest.raises(WorkbenchError, match=r"rabbitmq has no transactions: use delivery='at-le"):
        wb.start()
    wb = on_rabbitmq(order_choreography())
    with pytest.raises(BrokerError, match=r"keeps no offsets, so .*inventory can't be rewound"):
        wb.reprocess("inventory")

"""Designs at work on SNS and SQS, which a moto server stands in for, with services as processes."""

import os
import signal
import time

import pytest

from workbench import Workbench
from workbench.examples.orders import order_choreography, some_orders

pytestmark = pytest.mark.aws
PATIENCE = 60


@pytest.fixture
def on_aws(aws, tmp_path, request):
    """Makes workbenches on the shared stand-in, each in a namespace of its own."""
    made = []

    def make(design, **settings):
        wb = Workbench(
            design,
            broker="aws://eu-central-1",
            endpoint_url=aws,
            spool=tmp_path / "spool",
            folder=tmp_path / "services",
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
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_orders_placed_end_as_orders_shipped(on_aws):
    wb = on_aws(order_choreography())
    wb.start()
    wb.publish_many(some_orders(20))
    wb.wait_until_idle(PATIENCE)
    assert wb.converged()
    log = wb.capture(progress=False)
    assert log.dead_letters == 0
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

"""The captured logs that come along hold what is said of them; the designs run."""

from pathlib import Path

import pytest

from workbench import Choreography, EventLog, Workbench
from workbench.examples.orders import order_choreography, some_orders

SAMPLES = Path(__file__).parents[2] / "sample_data"
LOG = SAMPLES / "order_log.jsonl"
DESIGN = SAMPLES / "orders"


@pytest.fixture(scope="module")
def log() -> EventLog:
    return EventLog.read(LOG)


def test_the_order_log_has_some_thousand_flows(log):
    assert len(log.flows()) == 2_000


def test_the_order_log_holds_a_duplicate_and_a_dead_letter(log):
    assert log.duplicates >= 1
    assert log.dead_letters == 1


def test_the_stuck_orders_of_the_order_log_are_found_and_nothing_else(log):
    stuck = log.stuck(order_choreography().expected_effects())
    assert set(stuck["event_type"]) == {"StockReserved", "PaymentReceived"}
    assert len(stuck) == 2
    letter = stuck.set_index("event_type")["dead_letter"]["StockReserved"]
    assert letter.startswith("billing/charge: LookupError: the account of")


@pytest.mark.memory
def test_the_order_design_runs_with_no_python_and_every_order_ends(tmp_path):
    with Workbench(DESIGN, broker="memory://", folder=tmp_path, say=lambda text: None) as wb:
        wb.start()
        orders = some_orders(40, declined=5, sold_out=5)
        wb.publish_many([("OrderPlaced", order.model_dump()) for order in orders])
        wb.wait_until_idle()
        log = wb.capture(progress=False)
        ends = {"OrderCompleted", "OrderCancelled", "StockReleased"}
        counts = log.frame["type"].value_counts().to_dict()
        assert {name: counts[name] for name in ends} == {
            "OrderCompleted": 30,
            "OrderCancelled": 10,
            "StockReleased": 5,
        }
        assert set(log.flows()["last_type"]) <= ends
        assert log.dead_letters == 0
        assert wb.choreography == Choreography.load(DESIGN)


def test_the_order_designs_pass_their_checks():
    assert not Choreography.load(DESIGN).lint().at_least("warning")
    assert not order_choreography().lint().at_least("warning")

"""The captured logs that come along hold what their README says, and the analysis finds it."""

from pathlib import Path

import pytest

from workbench import EventLog
from workbench.examples.orders import order_choreography

LOG = Path(__file__).parents[2] / "sample_data" / "order_log.jsonl"


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

"""The torture run, shortened: random faults of every kind on a real Kafka, every order accounted for."""

import pytest

from benchmarks.torture import torture
from workbench.services import DELIVERIES

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_random_faults_lose_nothing_and_double_nothing(delivery):
    report = torture(11, flows=400, faults=12, pause=0.3, delivery=delivery)
    assert report.good, str(report)
    assert report.invariants == "hold"
    assert sum(report.faults.values()) >= 9

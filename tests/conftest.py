"""One Kafka for all the tests that need one; they keep apart by the names of their channels."""

import pytest

from workbench.brokers import LocalKafka
from workbench.brokers.local.ports import free_port


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """A running :class:`LocalKafka`, its data gone with the test session."""
    with LocalKafka(tmp_path_factory.mktemp("kafka"), free_port()) as running:
        yield running

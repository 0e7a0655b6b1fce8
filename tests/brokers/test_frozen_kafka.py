"""What waits for a Kafka that is there and does not answer: it ends, and says what is not known."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager

import psutil
import pytest

from workbench.brokers import (
    Commit,
    KafkaBroker,
    Landed,
    LocalKafka,
    Outgoing,
    Position,
    kafka_clients,
    kafka_transactions,
)
from workbench.brokers.local.ports import free_port
from workbench.errors import BrokerError, BrokerUnavailableError

pytestmark = pytest.mark.kafka

FIRST = Position("orders", 0)
EVENT = Outgoing("orders", b"k", (), b"{}")
SOON = 10.0  # seconds; the waits are set to one below, and a frozen Kafka ends none of them


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with LocalKafka(tmp_path_factory.mktemp("kafka"), free_port()) as kafka:
        yield kafka


@pytest.fixture
def member(server, monkeypatch):
    monkeypatch.setattr(kafka_clients, "_POSITION_TIMEOUT_MS", 1_000)
    monkeypatch.setattr(kafka_transactions, "_UNANSWERED_MS", 1_000)
    broker = KafkaBroker(server.bootstrap_servers)
    broker.ensure_channels({"orders": 1})
    consumer = broker.consumer("readers", ["orders"], "reader-0")
    patience, settled = time.monotonic() + 30, 0
    while settled < 5 and time.monotonic() < patience:  # it may join anew, having learnt more
        consumer.poll(0.1)
        settled = settled + 1 if consumer.assigned() and consumer.joined() else 0
    yield broker, consumer
    consumer.close()
    broker.close()


@contextmanager
def frozen(server):
    freeze(server)
    try:
        yield
    finally:
        psutil.Process(server.pid).resume()


def freeze(server):
    psutil.Process(server.pid).suspend()
    time.sleep(0.2)  # until the last of its threads stands still


def test_who_asks_what_is_committed_is_told_that_kafka_does_not_say(server, member):
    _, consumer = member
    began = time.monotonic()
    said = r"^Kafka did not say what is committed: it does not answer now \(KafkaTimeoutError\)\.$"
    with frozen(server), pytest.raises(BrokerUnavailableError, match=said):
        consumer.committed()
    assert time.monotonic() - began < SOON
    assert consumer.committed() == {}


GIVEN_UP = (
    r"^what became of a transaction of t is not known: "
    r"it does not answer now \(KafkaTimeoutError: no answer for 1 s\)\.$"
)


@pytest.fixture
def next_life(member):
    """What a service does after it has given up, and must be able to."""
    broker, consumer = member
    yield
    with closing(broker.transactional_producer("t", "readers")) as anew:
        (answer,) = anew.transact([EVENT], {FIRST: Commit(1, "8")}, consumer)
    assert isinstance(answer, Landed)
    assert consumer.committed() == {FIRST: Commit(1, "8")}


@pytest.mark.usefixtures("next_life")
def test_a_transaction_whose_offsets_are_not_answered_is_given_up(server, member):
    broker, consumer = member
    producer, began = broker.transactional_producer("t", "readers"), time.monotonic()
    with frozen(server), pytest.raises(BrokerError, match=GIVEN_UP):
        producer.transact([], {FIRST: Commit(0, "7")}, consumer)
    producer.close()
    assert time.monotonic() - began < SOON


@pytest.mark.usefixtures("next_life")
def test_a_transaction_whose_commit_is_not_answered_is_given_up(server, member):
    broker, consumer = member
    producer, began = broker.transactional_producer("t", "readers"), time.monotonic()
    try:
        with pytest.raises(BrokerError, match=GIVEN_UP):
            producer.transact([EVENT], {}, consumer, before_commit=lambda: freeze(server))
    finally:
        psutil.Process(server.pid).resume()
        producer.close()
    assert time.monotonic() - began < SOON

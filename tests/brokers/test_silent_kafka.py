"""A Kafka that is there and does not answer: the wait for it ends, and says what is not known.

It stands still, or what it was asked hangs on a transaction that it has left open for ever.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import closing, contextmanager

import psutil
import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

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


def joined(broker):
    consumer = broker.consumer("readers", ["orders"], "reader-0")
    patience, settled = time.monotonic() + 60, 0
    while settled < 5:  # it may join anew, having learnt more
        assert time.monotonic() < patience
        consumer.poll(0.1)
        settled = settled + 1 if consumer.assigned() and consumer.joined() else 0
    return consumer


@pytest.fixture
def member(server, monkeypatch):
    monkeypatch.setattr(kafka_clients, "_POSITION_TIMEOUT_MS", 1_000)
    monkeypatch.setattr(kafka_transactions, "_UNANSWERED_MS", 1_000)
    broker = KafkaBroker(server.bootstrap_servers)
    broker.ensure_channels({"orders": 1})
    consumer = joined(broker)
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
        goes_on(anew, consumer)


def goes_on(producer, consumer):
    (answer,) = producer.transact([EVENT], {FIRST: Commit(1, "8")}, consumer)
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


def test_the_next_life_of_a_producer_ends_what_its_coordinator_has_forgotten(tmp_path, monkeypatch):
    """Its coordinator is given back the memory of before: so a real broker was seen to come back."""
    monkeypatch.setattr(kafka_clients, "_POSITION_TIMEOUT_MS", 2_000)
    kafka = LocalKafka(tmp_path / "kafka", free_port())
    kafka.start()
    broker = KafkaBroker(kafka.bootstrap_servers)
    try:
        broker.ensure_channels({"orders": 1})
        producer = KafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers, transactional_id="t", max_block_ms=60_000
        )
        producer.init_transactions()
        kafka.stop()
        memory = [
            shutil.copytree(part, tmp_path / part.name)
            for part in (tmp_path / "kafka" / "data").glob("__transaction_state-*")
        ]
        assert memory

        kafka.start(same_port=True)
        offsets = {TopicPartition("orders", 0): OffsetAndMetadata(0, "lost", -1)}
        producer.begin_transaction()
        producer.send_offsets_to_transaction(offsets, "readers")
        process = psutil.Process(kafka.pid)
        os.kill(kafka.pid, signal.SIGKILL)
        process.wait(30)
        producer.close(timeout=0)
        kafka.stop()
        for part in memory:
            place = tmp_path / "kafka" / "data" / part.name
            shutil.rmtree(place)
            shutil.copytree(part, place)

        kafka.start(same_port=True)
        with closing(joined(broker)) as consumer:
            with pytest.raises(BrokerUnavailableError, match="Kafka did not say what is committed"):
                consumer.committed()
            with closing(broker.transactional_producer("t", "readers")) as anew:
                assert consumer.committed() == {}
                goes_on(anew, consumer)
    finally:
        broker.close()
        kafka.stop()

"""A transaction that Kafka has left open for ever is ended by the next life of its producer."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import closing

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
)
from workbench.brokers.local.ports import free_port
from workbench.errors import BrokerUnavailableError

pytestmark = pytest.mark.kafka


def member_of(broker):
    consumer = broker.consumer("readers", ["orders"], "reader-0")
    patience = time.monotonic() + 60
    while not (consumer.assigned() and consumer.joined()) and time.monotonic() < patience:
        consumer.poll(0.1)
    return consumer


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
        with closing(member_of(broker)) as consumer:
            with pytest.raises(BrokerUnavailableError, match="Kafka did not say what is committed"):
                consumer.committed()
            with closing(broker.transactional_producer("t", "readers")) as anew:
                assert consumer.committed() == {}
                event, place = Outgoing("orders", b"k", (), b"{}"), Position("orders", 0)
                (answer,) = anew.transact([event], {place: Commit(1, "7")}, consumer)
            assert isinstance(answer, Landed)
            assert consumer.committed() == {place: Commit(1, "7")}
    finally:
        broker.close()
        kafka.stop()

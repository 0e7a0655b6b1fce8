"""The real thing: every test starts a RabbitMQ."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from functools import partial

import pika
import platformdirs
import psutil
import pytest
from pika.exceptions import ProbableAuthenticationError

from tests.processes import is_gone, wait_until_gone
from workbench.brokers.local import launch, starting
from workbench.brokers.local.ports import free_port, is_free
from workbench.brokers.local_rabbitmq import LocalRabbitMQ
from workbench.brokers.local_rabbitmq.answer import answers
from workbench.brokers.local_rabbitmq.identity import read_identity
from workbench.brokers.local_rabbitmq.settings import RABBITMQ
from workbench.errors import BrokerUnavailableError, LocalBrokerError, PortTakenError

pytestmark = [pytest.mark.rabbitmq, pytest.mark.usefixtures("installed_rabbitmq")]

QUORUM = {"x-queue-type": "quorum"}


@pytest.fixture
def said():
    return []


@pytest.fixture(autouse=True)
def _usual_port(monkeypatch):
    """A usual port that nothing on this machine has taken."""
    monkeypatch.setattr(LocalRabbitMQ, "product", replace(RABBITMQ, usual_port=free_port()))


@pytest.fixture
def started(said):
    """Starts a LocalRabbitMQ, and stops it at the end whatever became of it."""
    nodes = []

    def start(*args, owned=True, **kwargs):
        node = LocalRabbitMQ(*args, say=said.append, **kwargs)
        nodes.append(node)
        return node.start(owned=owned)

    yield start
    for node in nodes:
        node.stop()


@pytest.fixture(scope="module")
def run_once(installed_rabbitmq, tmp_path_factory):
    """The folder of a RabbitMQ that ran and was stopped; for copies to be spoiled."""
    folder = tmp_path_factory.mktemp("run-once")
    with LocalRabbitMQ(folder, free_port()):
        return folder


def connect(node):
    return pika.BlockingConnection(pika.URLParameters(node.amqp_url_with_password))


def publish(node, queue, *values):
    with connect(node) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True, arguments=QUORUM)
        channel.confirm_delivery()
        for value in values:
            channel.basic_publish("", queue, value, pika.BasicProperties(delivery_mode=2))


def take(node, queue, count):
    with connect(node) as connection:
        channel = connection.channel()
        return [channel.basic_get(queue, auto_ack=True)[2] for _ in range(count)]


def run_elsewhere(code, *args):
    """Another process; its first line of output as JSON."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)], stdout=subprocess.PIPE
    )
    line = process.stdout.readline()
    process.stdout.close()
    return process, json.loads(line)


def home_of(process):
    try:
        return process.environ().get("HOME", "")
    except psutil.Error:
        return ""


def test_events_survive_a_stop_a_sigkill_and_a_restart_at_the_same_port(started, said, tmp_path):
    node = started(tmp_path)
    assert re.fullmatch(r"127\.0\.0\.1:\d+", node.address)
    cluster, address, url = node.cluster_id, node.address, node.amqp_url_with_password
    publish(node, "orders", b"one", b"two")
    assert take(node, "orders", 1) == [b"one"]

    node.stop()
    assert node.status() == "stopped"
    assert LocalRabbitMQ.find(tmp_path) is None
    node.start(same_port=True)
    assert (node.cluster_id, node.address, node.amqp_url_with_password) == (cluster, address, url)
    publish(node, "orders", b"three")
    assert said == []

    os.kill(node.pid, signal.SIGKILL)
    wait_until_gone(node.pid)
    assert node.status() == "died"
    with pytest.raises(LocalBrokerError, match=r"has died; the last lines of its log:\n."):
        node.check()
    node.start()
    assert node.address == address
    assert said == [
        f"The RabbitMQ in {tmp_path} ended without being stopped: its data is recovered."
    ]
    assert take(node, "orders", 2) == [b"two", b"three"]
    deadline = time.monotonic() + 20  # it says so a moment after it listens
    while not any("Server startup complete" in line for line in node.tail()):
        assert time.monotonic() < deadline, node.tail()
        time.sleep(0.05)


def test_its_process_is_the_node_itself_so_that_a_pause_freezes_it(rabbitmq):
    process = psutil.Process(rabbitmq.pid)
    assert process.name().startswith("beam")
    identity = read_identity(rabbitmq.folder)
    os.kill(rabbitmq.pid, signal.SIGSTOP)
    try:
        while process.status() != psutil.STATUS_STOPPED:  # its threads stop one after the other
            time.sleep(0.01)
        assert not answers(rabbitmq.port, identity)
        assert rabbitmq.status() != "died"
    finally:
        os.kill(rabbitmq.pid, signal.SIGCONT)
    publish(rabbitmq, "paused", b"one")
    assert take(rabbitmq, "paused", 1) == [b"one"]


def test_it_is_small_and_listens_on_loopback_only_with_no_epmd(started, tmp_path):
    node = started(tmp_path / "a folder, with an ümlaut")
    process = psutil.Process(node.pid)
    all_of_it = [process, *process.children(recursive=True)]
    listening = [
        c.laddr for one in all_of_it for c in one.net_connections("inet") if c.status == "LISTEN"
    ]
    assert len(listening) == 2
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert not [
        one
        for one in psutil.process_iter()
        if one.name() == "epmd" and home_of(one).startswith(str(node.folder))
    ]
    assert process.memory_info().rss < 300 * 1024 * 1024


def test_its_password_is_in_its_url_and_nowhere_that_is_shown_or_that_others_can_read(
    rabbitmq,
):
    folder = rabbitmq.folder
    password = pika.URLParameters(rabbitmq.amqp_url_with_password).credentials.password
    assert len(password) >= 32
    assert rabbitmq.client_settings() == {
        "url": f"rabbitmq://workbench:{password}@{rabbitmq.address}/%2F",
    }
    process = psutil.Process(rabbitmq.pid)
    shown = [repr(rabbitmq), rabbitmq.address, *process.cmdline(), *process.environ().values()]
    assert not any(password in text for text in shown)
    assert repr(rabbitmq) == f"LocalRabbitMQ({rabbitmq.address}, running, folder={folder})"
    assert password not in rabbitmq.log_path.read_text()
    assert password not in (folder / "log" / "console.out").read_text()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("data/identity.json", "rabbitmq.conf", "home/.erlang.cookie"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_guest_with_the_well_known_password_is_not_let_in(rabbitmq):
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", rabbitmq.port))


def test_two_do_not_meet_and_both_say_what_is_unusual(started, said, tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name: str(tmp_path))
    first = started(owned=False)
    assert said == []
    second = started()
    assert second.port != first.port
    assert second.cluster_id != first.cluster_id
    assert said == [
        (
            f"Another workbench's RabbitMQ uses {first.folder}: this one keeps its data in "
            f"{second.folder}. (To share one, run `workbench rabbitmq start` beforehand.)"
        ),
        f"Port {first.port} is taken by another program: this RabbitMQ listens at {second.address}.",
    ]
    assert {node.pid for node in LocalRabbitMQ.find_all()} == {first.pid, second.pid}
    assert LocalRabbitMQ.find().pid == first.pid, "one that nobody owns comes first"
    assert second.owner == os.getpid()
    with pytest.raises(
        LocalBrokerError, match=rf"in use by a running RabbitMQ \(process {first.pid}\)"
    ):
        LocalRabbitMQ(first.folder).start()
    stranger = pika.URLParameters(first.amqp_url_with_password)
    stranger.port = second.port
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(stranger)


STARTED_AND_LEFT = """
    import json, sys
    from workbench.brokers.local_rabbitmq import LocalRabbitMQ

    node = LocalRabbitMQ(sys.argv[1]).start(owned=False)
    print(json.dumps([node.pid, node.amqp_url_with_password]))
"""


def test_one_that_nobody_owns_stays_and_is_found_and_stopped_from_another_process(tmp_path):
    process, (pid, url) = run_elsewhere(STARTED_AND_LEFT, tmp_path)
    assert process.wait() == 0
    node = LocalRabbitMQ.find(tmp_path)
    assert (node.pid, node.amqp_url_with_password, node.owner) == (pid, url, None)
    assert node.start() is node
    assert node.status() == "running"
    publish(node, "orders", b"one")
    node.stop()
    assert is_gone(pid)
    assert LocalRabbitMQ.find(tmp_path) is None


OWNED = """
    import json, sys, time
    from workbench.brokers.local_rabbitmq import LocalRabbitMQ

    node = LocalRabbitMQ(sys.argv[1]).start()
    print(json.dumps(node.pid), flush=True)
    time.sleep(60)
"""


def test_no_node_is_left_when_its_owner_is_killed_and_the_next_start_finds_all_well(
    started, said, tmp_path
):
    owner, pid = run_elsewhere(OWNED, tmp_path)
    assert LocalRabbitMQ.find(tmp_path).owner == owner.pid
    owner.kill()
    owner.wait()
    wait_until_gone(pid)
    node = started(tmp_path)
    assert node.pid != pid
    assert said == []


def test_several_processes_that_start_one_at_once_each_get_their_own(tmp_path):
    code = OWNED.replace("time.sleep(60)", "sys.stdin.read()")
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), tmp_path / str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(2)
    ]
    pids = [json.loads(process.stdout.readline()) for process in starting]
    nodes = [LocalRabbitMQ.find(tmp_path / str(number)) for number in range(2)]
    assert [node.pid for node in nodes] == pids
    assert len({node.port for node in nodes}) == 2
    for process in starting:
        process.communicate()
    for pid in pids:
        wait_until_gone(pid)


def test_a_port_asked_for_that_is_taken_is_said_in_a_sentence(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        node = LocalRabbitMQ(tmp_path, port)
        with pytest.raises(PortTakenError, match=rf"Port {port} on 127\.0\.0\.1 is taken"):
            node.start()
    assert node.status() == "stopped"


def test_one_that_dies_at_once_is_said_with_the_last_lines_of_its_log(run_once, tmp_path):
    shutil.copytree(run_once, tmp_path, dirs_exist_ok=True)
    node = LocalRabbitMQ(tmp_path)
    for schema in (tmp_path / "data").glob("*/cluster_nodes.config"):
        schema.write_text("nonsense")
    with pytest.raises(
        LocalBrokerError, match=r"(?s)died while starting; .*BOOT FAILED .*cannot_read_file"
    ):
        node.start()
    assert node.status() == "stopped"


def test_a_lost_password_is_said_with_what_to_do(run_once, tmp_path):
    shutil.copytree(run_once, tmp_path, dirs_exist_ok=True)
    node = LocalRabbitMQ(tmp_path)
    (tmp_path / "data" / "identity.json").write_text("{")
    with pytest.raises(
        LocalBrokerError, match=r"identity\.json, the password .* can't be read: .* delete .*data\."
    ):
        node.start()


def test_one_that_does_not_answer_in_time_is_said_and_leaves_no_node(tmp_path, monkeypatch):
    # Asked in the midst of its start, it never ends by itself: ten seconds until it is killed.
    monkeypatch.setattr(starting, "end", partial(launch.end, grace=0.5))
    port = free_port()
    node = LocalRabbitMQ(tmp_path, port, timeout=0.3)
    with pytest.raises(
        BrokerUnavailableError, match=rf"did not answer at 127\.0\.0\.1:{port} within 0\.3 s"
    ):
        node.start()
    assert LocalRabbitMQ.find(tmp_path) is None
    assert is_free(port)


def test_what_is_set_for_other_nodes_does_not_reach_it(started, tmp_path, monkeypatch):
    other = tmp_path / "other.conf"
    other.write_text("listeners.tcp.1 = 0.0.0.0:1\n")
    monkeypatch.setenv("RABBITMQ_CONFIG_FILE", str(other))
    monkeypatch.setenv("RABBITMQ_NODENAME", "rabbit@elsewhere")
    monkeypatch.setenv("ERL_FLAGS", "-nonsense")
    node = started(tmp_path / "node")
    assert "rabbit@elsewhere" not in psutil.Process(node.pid).cmdline()
    assert node.status() == "running"


def test_one_that_was_never_started_says_so():
    node = LocalRabbitMQ("/nowhere")
    assert repr(node) == "LocalRabbitMQ(stopped, folder=/nowhere)"
    with pytest.raises(LocalBrokerError, match=r"has not been started: call start"):
        node.amqp_url_with_password  # noqa: B018
    node.stop()

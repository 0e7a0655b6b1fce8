"""RabbitMQ beyond the common promises: what its own ways allow, and what can go wrong there."""

import os
import signal
import socket
import socketserver
import ssl
import threading
import time
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pika
import pytest
import trustme

from workbench.brokers import (
    Address,
    Landed,
    LocalRabbitMQ,
    Outgoing,
    Position,
    RabbitMQBroker,
    Subscription,
    open_broker,
)
from workbench.brokers.local.ports import free_port
from workbench.brokers.rabbitmq import line as line_module
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError
from workbench.events import Retry

PATIENCE = 30
on_rabbitmq = pytest.mark.rabbitmq


def unique(word):
    return f"{word}-{uuid4().hex[:10]}"


def event(channel, value=b"{}", type_=None, headers=()):
    typed = [("ce_type", type_.encode())] if type_ else []
    return Outgoing(channel, b"o-1", [*typed, *headers], value)


def take(reader, n):
    found, deadline = [], time.monotonic() + PATIENCE
    while len(found) < n and time.monotonic() < deadline:
        with suppress(BrokerUnavailableError):
            found += reader.poll(0.1)
    return [record.value for record in found]


def until(happened):
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def after(records):
    return {Position(record.channel, 0): record.offset + 1 for record in records}


@pytest.fixture
def broker(rabbitmq):
    with RabbitMQBroker(**rabbitmq.client_settings()) as broker:
        yield broker


@pytest.fixture
def channel(broker):
    name = unique("orders")
    broker.ensure_channels({name: 1})
    return name


@pytest.fixture
def send(broker):
    with closing(broker.producer()) as producer:
        yield lambda *batch: producer.send(batch)


@pytest.fixture
def join(broker):
    joined = []

    def join(group, channel, member="m-0"):
        joined.append(broker.consumer(group, [channel], member))
        return joined[-1]

    yield join
    for member in joined:
        member.close()


@pytest.fixture
def plain(rabbitmq):
    """A channel of pika's: what any other client can do."""
    parameters = pika.URLParameters(rabbitmq.amqp_url_with_password)
    connection = pika.BlockingConnection(parameters)
    yield connection.channel()
    connection.close()


# --- groups ------------------------------------------------------------------------------------


@on_rabbitmq
def test_a_group_gets_the_types_that_it_hears_and_what_has_none(broker, channel, send, join):
    group = unique("g")
    send(event(channel, b"1", "A"), event(channel, b"2", "B"), event(channel, b"3"))
    broker.subscribe([Subscription(group, {channel: {"A"}})])
    send(event(channel, b"4", "B"), event(channel, b"5", "A"), event(channel, b"6"))
    assert broker.lags({group: {channel}}) == {group: 4}
    assert take(join(group, channel), 4) == [b"1", b"3", b"5", b"6"]


@on_rabbitmq
def test_a_group_that_hears_other_types_gets_those_from_then_on(broker, channel, send, join):
    group = unique("g")
    broker.subscribe([Subscription(group, {channel: {"A"}})])
    send(event(channel, b"1", "A"), event(channel, b"2", "B"))
    broker.subscribe([Subscription(group, {channel: {"B"}})])
    send(event(channel, b"3", "A"), event(channel, b"4", "B"))
    assert take(join(group, channel), 2) == [b"1", b"4"]
    assert broker.lags({group: {channel}}) == {group: 2}


@on_rabbitmq
def test_what_is_of_a_channel_that_a_group_reads_no_more_is_let_go(broker, channel, send, join):
    group, other = unique("g"), unique("other")
    broker.ensure_channels({other: 1})
    broker.subscribe([Subscription(group, {channel: None, other: None})])
    send(event(other, b"1"), event(channel, b"2"))
    broker.subscribe([Subscription(group, {channel: None})])
    member = join(group, channel)
    assert take(member, 1) == [b"2"]
    until(lambda: member.poll(0.05) == [] and broker.lags({group: {channel}}) == {group: 1})


@on_rabbitmq
def test_another_member_takes_over_when_the_one_at_work_has_gone(channel, send, join):
    group = unique("g")
    first, second = join(group, channel, "m-0"), join(group, channel, "m-1")
    send(*[event(channel, b"%d" % n) for n in range(4)])
    records = first.poll(PATIENCE)
    while len(records) < 4:
        records += first.poll(PATIENCE)
    assert second.poll(0.3) == []
    assert second.joined()
    assert second.assigned() == set()
    first.commit({Position(channel, 0): records[1].offset})
    first.close()
    assert take(second, 3) == [b"1", b"2", b"3"]
    assert first.commit(after(records)) is False


@on_rabbitmq
def test_what_a_member_held_and_what_was_on_its_way_comes_to_the_next_in_order(channel, send, join):
    group = unique("g")
    send(*[event(channel, b"%d" % n) for n in range(600)])
    dying = join(group, channel, "m-0")
    records = []
    while len(records) < 250:
        records += dying.poll(PATIENCE)
    tags = dying._deliveries.tags()

    def die():
        dying._session.raw.basic_ack(tags[149], multiple=True)
        dying._line._connection.close()  # while RabbitMQ sends what the acknowledged made room for

    dying._line.soon(die)
    successor, values = join(group, channel, "m-1"), []
    while len(values) < 450:
        came = successor.poll(PATIENCE)
        values += [int(record.value) for record in came]
        successor.commit(after(came))
    assert values == list(range(150, 600))


@on_rabbitmq
def test_a_member_busy_for_long_keeps_its_place(monkeypatch, channel, send, join):
    monkeypatch.setattr(line_module, "HEARTBEAT", 1)
    member = join(unique("g"), channel)
    send(event(channel))
    records = member.poll(PATIENCE)
    time.sleep(3.5)  # RabbitMQ gives up whom it has not heard of for two heartbeats
    assert member.commit(after(records)) is True


@on_rabbitmq
def test_a_member_that_was_paused_until_another_took_over_commits_nothing(
    monkeypatch, channel, send, join
):
    monkeypatch.setattr(line_module, "HEARTBEAT", 1)
    group = unique("g")
    paused, resume = join(group, channel, "m-0"), threading.Event()
    send(event(channel, b"1"), event(channel, b"2"))
    records = paused.poll(PATIENCE)
    paused._line.soon(resume.wait)  # as a stopped process does not answer
    successor = join(group, channel, "m-1")
    assert take(successor, 2) == [b"1", b"2"]
    resume.set()
    assert paused.commit(after(records)) is False
    until(lambda: paused.assigned() == set())


@on_rabbitmq
def test_a_group_that_is_deleted_under_its_member_is_said(broker, channel, send, join):
    group = unique("g")
    member = join(group, channel)
    send(event(channel))
    member.poll(PATIENCE)
    broker.delete([], [group])
    until(lambda: not member.assigned())
    assert member.poll(0) == []
    with pytest.raises(BrokerError, match=f"has no queue {group}: was the group deleted meanwh"):
        until(lambda: member.poll(0.1))


@on_rabbitmq
def test_a_fence_is_passed_when_all_before_it_is_committed(channel, send, join):
    member = join(unique("g"), channel)
    send(*[event(channel) for _ in range(3)])
    until(lambda: member.poll(0.1) is not None and member.assigned())
    passed = member.fence()
    send(event(channel))
    member.give_back({Position(channel, 0): 0})
    records = []
    while len(records) < 4:
        records += member.poll(0.1)
    assert not passed()
    member.commit({Position(channel, 0): records[2].offset})
    assert not passed()
    member.commit({Position(channel, 0): records[3].offset})
    until(passed)
    assert [record.value for record in records[3:]] == [b"{}"]


# --- delays ------------------------------------------------------------------------------------


def retry(channel, value, seconds):
    now = datetime.now(UTC)
    due = now + timedelta(seconds=seconds)
    note = Retry("r", "orders", 0, 0, due, 1, 1, 1, 0, now)
    return event(channel, value, "A", note.headers())


@on_rabbitmq
def test_a_retry_comes_when_it_is_due_or_a_little_before_and_counts_meanwhile(
    broker, channel, send, join
):
    group = unique("g")
    broker.subscribe([Subscription(group, {channel: None})])
    begun = time.monotonic()
    answers = send(
        retry(channel, b"later", 1.4), retry(channel, b"now", -1), retry(channel, b"soon", 0.5)
    )
    assert answers == [Landed(channel, 0, None)] * 3
    assert broker.lags({group: {channel}}) == {group: 3}
    member = join(group, channel)
    came = []
    while len(came) < 3:
        came += member.poll(0.1)
    assert [record.value for record in came] == [b"now", b"soon", b"later"]
    assert time.monotonic() - begun >= 1
    assert broker.lags({group: {channel}}) == {group: 3}
    with broker.reader({Position(channel, 0): 0}) as reader:
        records = reader.poll(PATIENCE)
        while len(records) < 3:
            records += reader.poll(PATIENCE)
    assert [record.value for record in records] == [b"later", b"now", b"soon"]  # as published
    sent = retry(channel, b"later", 1.4).headers
    assert [name for name, _ in came[-1].headers] == [name for name, _ in sent]


# --- other clients -----------------------------------------------------------------------------


@on_rabbitmq
def test_what_another_client_publishes_is_read_by_groups_and_from_the_log(
    broker, channel, plain, join
):
    member = join(unique("g"), channel)
    properties = pika.BasicProperties(headers={"ce-id": 7, "n": [1, {"a": None}]})  # no text
    plain.basic_publish(channel, "whatever", b"hello", properties)
    plain.basic_publish(channel, "", b"")
    first = member.poll(PATIENCE)[0]
    assert first.headers == [("ce_id", b"7"), ("n", b'[1, {"a": null}]')]
    with broker.reader({Position(channel, 0): 0}) as reader:
        records = []
        while len(records) < 2:
            records += reader.poll(0.2)
    assert [record.value for record in records] == [b"hello", b""]
    assert records[0].headers == [("ce_id", b"7")]  # streams keep simple ones
    assert (records[1].headers, records[1].time_ms) == ([], -1)


@on_rabbitmq
def test_a_channel_whose_log_was_deleted_refuses_events(channel, plain, send):
    plain.queue_delete(f"{channel}/log")
    (answer,) = send(event(channel))
    assert isinstance(answer, EventRefusedError)
    assert str(answer) == f"RabbitMQ has no channel {channel}."


@on_rabbitmq
def test_a_channel_deleted_while_a_producer_knew_it_is_said_and_the_others_go_on(
    broker, channel, send
):
    other = unique("other")
    broker.ensure_channels({other: 1})
    send(event(channel), event(other))
    broker.delete([channel], [])
    landed, refused, last = send(event(other), event(channel), event(other))
    assert isinstance(refused, EventRefusedError)
    assert landed == last == Landed(other, 0, None)


@on_rabbitmq
def test_what_others_have_made_otherwise_is_said(broker, plain):
    name = unique("orders")
    plain.exchange_declare(name, "fanout")
    with pytest.raises(BrokerError, match=r"has something of this name with other settings \(PREC"):
        broker.ensure_channels({name: 1})


@on_rabbitmq
def test_all_who_ask_first_at_once_learn_the_same_cluster_id(rabbitmq, broker):
    answers = []

    def ask():
        with RabbitMQBroker(**rabbitmq.client_settings()) as other:
            answers.append(other.cluster_id)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert answers == [broker.cluster_id] * 4


# --- outages -----------------------------------------------------------------------------------


def restart(how, folder):
    """Producer and member go on, though their node was down."""
    with (
        LocalRabbitMQ(folder, free_port()) as node,
        RabbitMQBroker(**node.client_settings()) as broker,
    ):
        broker.ensure_channels({"orders": 1})
        with (
            closing(broker.producer()) as producer,
            broker.consumer("g", ["orders"], "m-0") as member,
        ):
            producer.send([event("orders", b"%d" % n) for n in range(4)])
            records = []
            while len(records) < 4:
                records += member.poll(0.2)
            assert member.commit({Position("orders", 0): records[2].offset}) is True
            before = broker.cluster_id
            time.sleep(1)  # until a local node has written down which queues there are
            if how == "stopped":
                node.stop()
            else:
                os.kill(node.pid, signal.SIGKILL)
            until(lambda: not member.assigned())
            assert member.poll(0) == []
            with pytest.raises(BrokerUnavailableError, match="no RabbitMQ answered at"):
                member.poll(0.1)
            node.start(same_port=True)
            assert producer.send([event("orders", b"4")]) == [Landed("orders", 0, None)]
            assert take(member, 3) == [b"2", b"3", b"4"]
            assert member.commit(after(records)) is True  # of an earlier life: nothing of this one
            assert broker.lags({"g": {"orders"}}) == {"g": 3}
            assert broker.end_offsets(["orders"]) == {Position("orders", 0): 5}
            with RabbitMQBroker(**node.client_settings()) as other:
                assert other.cluster_id == before


@pytest.fixture(scope="module")
def restarts(ahead, installed_rabbitmq, tmp_path_factory):
    return ahead(lambda how: restart(how, tmp_path_factory.mktemp(how)), "how", 2)


@on_rabbitmq
@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_all_go_on_after_a_restart(restarts, how):
    restarts[how].result()


@on_rabbitmq
def test_a_producer_says_of_each_event_that_the_broker_is_gone(installed_rabbitmq, tmp_path):
    with LocalRabbitMQ(tmp_path, free_port()) as node:
        broker = RabbitMQBroker(**node.client_settings(), timeout=0.5)
        broker.ensure_channels({"orders": 1})
        with closing(broker.producer()) as producer:
            node.stop()
            answers = producer.send([event("orders"), event("orders")])
        assert [type(answer) for answer in answers] == [BrokerUnavailableError] * 2
        broker.close()


# --- bad input ---------------------------------------------------------------------------------


def test_an_address_that_is_none_is_said_without_its_password():
    for url in (
        "rabbitmq://",
        "rabbitmq://u:hunter2@h:port",
        "amqp://u:hunter2@h",
        "rabbitmq://h?x=1",
        "rabbitmq://a:hun@ter2/hunter2@127.0.0.1:5997",
        "rabbitmq://a:hunter2/x@127.0.0.1:5997",
        "rabbitmq://a:hunter2#x@127.0.0.1:5997",
        "rabbitmq://a:hunter2:x@127.0.0.1:5997",
        "rabbitmq://a:hunter2%x@127.0.0.1:5997",
    ):
        with pytest.raises(
            BrokerError, match="not the address of a RabbitMQ: write it as"
        ) as found:
            RabbitMQBroker(url)
        assert "hunter2" not in str(found.value)
        assert "ter2" not in str(found.value)


def test_an_address_of_no_known_broker_is_shown_without_its_password():
    with pytest.raises(BrokerError, match=r"^'amqp://\*\*\*@host' is not a broker this") as found:
        Address.parse("amqp://a:hun@ter2/x:hunter2@host")
    assert "ter2" not in str(found.value)


def test_nobody_at_the_address_is_said():
    port = free_port()
    broker = RabbitMQBroker(f"rabbitmq://127.0.0.1:{port}", timeout=0.3)
    said = rf"^no RabbitMQ answered at 127\.0\.0\.1:{port} within 0\.3 s; is it running, and is"
    for call in (broker.channels, broker.producer, lambda: broker.consumer("g", ["c"], "m")):
        with pytest.raises(BrokerUnavailableError, match=said):
            call()


def test_something_that_accepts_and_never_answers_is_no_rabbitmq():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        said = f"something listens at {address}, but did not answer as a RabbitMQ within 0.4 s: is"
        with pytest.raises(BrokerUnavailableError, match=said):
            RabbitMQBroker(f"rabbitmq://{address}", timeout=0.4).channels()


@on_rabbitmq
def test_a_wrong_password_a_wrong_vhost_and_no_tls_are_said_and_no_secret(rabbitmq):
    url = rabbitmq.client_settings()["url"]
    user, _, password = url.removeprefix("rabbitmq://").partition("@")[0].partition(":")
    wrong = {
        f"rabbitmq://{user}:hunter2@{rabbitmq.address}": "did not let the user in: check the user",
        f"rabbitmq://{user}:{password}@{rabbitmq.address}/nowhere": "has no vhost 'nowhere' for th",
        url.replace(
            "rabbitmq://", "rabbitmqs://"
        ): "is it one, and does it want to be spoken to wit",
    }
    for address, said in wrong.items():
        broker = RabbitMQBroker(address, timeout=0.5)
        with pytest.raises(BrokerUnavailableError, match=said) as found:
            broker.channels()
        for secret in ("hunter2", password):
            assert secret not in str(found.value) + repr(found.value) + repr(broker)


@contextmanager
def behind_tls(address, folder):
    """The same RabbitMQ over TLS: what is decrypted is handed on; gives the port and the CA's file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    host, _, port = address.partition(":")

    def hand_on(source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with (
                suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as near,
                socket.create_connection((host, int(port))) as far,
            ):
                threading.Thread(target=hand_on, args=(far, near), daemon=True).start()
                hand_on(near, far)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], str(folder / "ca.pem")
        server.shutdown()


@on_rabbitmq
def test_over_tls_events_come_and_go_and_a_stranger_s_certificate_is_refused(rabbitmq, tmp_path):
    entrance = rabbitmq.client_settings()["url"].removeprefix("rabbitmq://").partition("@")[0]
    with behind_tls(rabbitmq.address, tmp_path) as (port, authority):
        url = f"rabbitmqs://{entrance}@localhost:{port}"
        name = unique("sealed")
        with open_broker({"kind": "rabbitmq", "url": url, "ssl_cafile": authority}) as broker:
            broker.ensure_channels({name: 1})
            with closing(broker.producer()) as producer:
                assert producer.send([event(name, b"{}")]) == [Landed(name, 0, None)]
            with broker.reader(broker.begin_offsets([name])) as reader:
                assert take(reader, 1) == [b"{}"]
            assert broker.client_settings()["ssl_cafile"] == authority
        with pytest.raises(
            BrokerUnavailableError, match=r"^the certificate of .* is not trusted: "
        ):
            RabbitMQBroker(url, timeout=1).channels()
    with pytest.raises(
        BrokerError, match=r"^the certificates can't be used \(ssl_cafile nowhere\)"
    ):
        RabbitMQBroker(url, ssl_cafile="nowhere").channels()


def test_an_address_is_taken_apart_and_shown_without_who_enters():
    broker = RabbitMQBroker("rabbitmqs://ada:h%40nter2@broker.example/team%2Fa", timeout=1)
    endpoint = broker.endpoint
    assert (endpoint.user, endpoint.password, endpoint.vhost) == ("ada", "h@nter2", "team/a")
    assert repr(broker) == "RabbitMQBroker('broker.example:5671/team/a')"
    assert "nter2" not in repr(endpoint)
    assert not broker.is_local
    assert RabbitMQBroker("rabbitmq://[::1]").is_local
    assert broker.client_settings()["kind"] == "rabbitmq"

"""What only SNS and SQS do: dead letters by redrive, taps, fences; and what goes wrong, in a sentence.

On a moto server, which stands in for AWS.
"""

import logging
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import boto3
import psutil
import pytest

from benchmarks.moto import aws_on_this_machine
from workbench.brokers import (
    Address,
    AWSBroker,
    Landed,
    Outgoing,
    Position,
    Subscription,
    open_broker,
)
from workbench.brokers.aws import topology
from workbench.brokers.aws.names import group_queue
from workbench.brokers.aws.spool import Spool
from workbench.brokers.local.ports import free_port
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError
from workbench.events import DeadLetter

PATIENCE = 30
EVENT = [
    ("ce_id", b"1"),
    ("ce_source", b"shop"),
    ("ce_type", b"OrderPlaced"),
    ("ce_specversion", b"1.0"),
]


def unique(word):
    return f"{word}-{uuid4().hex[:10]}"


def until(happened):
    deadline = time.monotonic() + PATIENCE
    while not (found := happened()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def send(broker, channel, *values, key=b"o-1", headers=()):
    with closing(broker.producer()) as producer:
        answers = producer.send([Outgoing(channel, key, [*headers], value) for value in values])
    assert {type(answer) for answer in answers} == {Landed}


def past(records):
    return {Position(r.channel, 0): r.offset + 1 for r in records}


@pytest.fixture
def broker(aws, tmp_path):
    with AWSBroker("eu-central-1", endpoint_url=aws, spool=tmp_path) as broker:
        yield broker


@pytest.fixture
def client(aws):
    return boto3.client("sqs", region_name="eu-central-1", endpoint_url=aws)


@pytest.fixture
def channel(broker):
    name = unique("orders")
    broker.ensure_channels({name: 1})
    return name


@pytest.mark.aws
class TestGroups:
    def test_a_group_gets_the_types_it_hears_and_whatever_can_not_be_read(self, broker, channel):
        group = unique("billing")
        broker.subscribe([Subscription(group, {channel: ["OrderPlaced", "OrderPaid"]})])
        other = [*EVENT[:2], ("ce_type", b"OrderShipped"), EVENT[3]]
        send(broker, channel, b"1", headers=EVENT)
        send(broker, channel, b"2", headers=other)
        send(broker, channel, b"3", headers=[("ce_type", b"OrderShipped")])  # poison
        with broker.consumer(group, [channel], "m-0") as member:
            values = []
            until(lambda: values.extend(r.value for r in member.poll(0.2)) or len(values) == 2)
            assert values == [b"1", b"3"]
        assert broker.end_offsets([channel]) == {Position(channel, 0): 3}

    def test_a_subscription_that_changes_is_changed_and_one_that_ends_is_ended(
        self, broker, channel
    ):
        group, other = unique("billing"), unique("other")
        broker.ensure_channels({other: 1})
        broker.subscribe([Subscription(group, {channel: ["OrderShipped"], other: None})])
        broker.subscribe([Subscription(group, {channel: ["OrderPlaced"]})])
        send(broker, channel, b"1", headers=EVENT)
        send(broker, other, b"2", headers=EVENT)
        assert broker.lags({group: {channel}}) == {group: 1}
        broker.subscribe([Subscription(group, {channel: None})])
        send(broker, channel, b"3", headers=[*EVENT[:2], ("ce_type", b"Other"), EVENT[3]])
        assert broker.lags({group: {channel}}) == {group: 2}

    def test_what_is_held_is_extended_for_as_long_as_it_takes(self, broker, channel, monkeypatch):
        monkeypatch.setattr("workbench.brokers.aws.member.VISIBILITY", 2)
        monkeypatch.setattr("workbench.brokers.aws.member._EXTEND_AT", 1.2)
        group = unique("slow")
        with broker.consumer(group, [channel], "m-0") as member:
            send(broker, channel, b"1")
            records = until(lambda: member.poll(0.2))
            (held,) = member._held.values()
            first = held.until
            until(lambda: held.until > first + 2)  # twice extended
            assert member.poll(0) == []
            until(lambda: broker._topology.queues.waiting(group_queue(group)) == (0, 1))
            member.commit(past(records))
        assert broker.lags({group: {channel}}) == {group: 0}

    def test_what_was_held_is_there_at_once_for_the_next_one(self, broker, channel):
        group = unique("calm")
        with broker.consumer(group, [channel], "m-0") as member:
            send(broker, channel, b"1", b"2")
            until(lambda: member.poll(0.2))
        assert broker._topology.queues.waiting(group_queue(group)) == (2, 0)

    def test_a_message_that_comes_again_while_it_is_held_is_not_given_twice(
        self, broker, channel, client
    ):
        group = unique("again")
        with broker.consumer(group, [channel], "m-0") as member:
            send(broker, channel, b"1")
            records = until(lambda: member.poll(0.2))
            (held,) = member._held.values()
            receipt = held.receipt
            url = client.get_queue_url(QueueName=group_queue(group))["QueueUrl"]
            client.change_message_visibility(
                QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0
            )
            until(lambda: held.receipt != receipt)
            assert member.poll(0) == []
            member.commit(past(records))
        assert broker.lags({group: {channel}}) == {group: 0}

    def test_a_fence_passes_when_all_before_it_is_committed_and_not_sooner(self, broker, channel):
        group = unique("fenced")
        with broker.consumer(group, [channel], "m-0") as member:
            send(broker, channel, *[b"%d" % n for n in range(12)])  # one key: ten, then two
            passed = member.fence()
            seen = []

            def deal():
                records = member.poll(0.1)
                seen.extend(records)
                if records:
                    assert not passed()
                member.commit(past(records))
                return passed()

            until(deal)
            assert len(seen) == 12

    def test_a_message_that_others_put_into_the_queue_is_a_record_too(
        self, broker, channel, client
    ):
        group = unique("open")
        with broker.consumer(group, [channel], "m-0") as member:
            url = client.get_queue_url(QueueName=group_queue(group))["QueueUrl"]
            client.send_message(
                QueueUrl=url,
                MessageBody='{"hello": "there"}',
                MessageGroupId="g",
                MessageDeduplicationId="d",
            )
            (record,) = until(lambda: member.poll(0.2))
            assert (record.channel, record.value) == (channel, b'{"hello": "there"}')
            assert member.commit(past([record]))

    def test_the_same_event_sent_again_at_once_is_not_swallowed(self, broker, channel):
        send(broker, channel, b"{}", b"{}", headers=EVENT)
        send(broker, channel, b"{}", headers=EVENT)
        assert broker.end_offsets([channel]) == {Position(channel, 0): 3}

    def test_a_group_whose_queue_was_deleted_says_so(self, broker, channel, client):
        group = unique("gone")
        with broker.consumer(group, [channel], "m-0") as member:
            client.delete_queue(
                QueueUrl=client.get_queue_url(QueueName=group_queue(group))["QueueUrl"]
            )
            with pytest.raises(BrokerError, match=r"^AWS would not do receive_message: .*queue"):
                until(lambda: member.poll(0.2))


@pytest.mark.aws
class TestDeadLetters:
    def test_what_is_handed_over_too_often_becomes_a_dead_letter_by_itself(
        self, broker, channel, monkeypatch
    ):
        monkeypatch.setattr(topology, "RECEIVES", 2)
        group = unique("ns.billing")
        letters = f"{group}.dead-letters"
        broker.ensure_channels({letters: 1})
        broker.subscribe([Subscription(group, {channel: None}, letters)])
        send(broker, channel, b'{"n":1}', headers=EVENT)
        for _ in range(2):
            with broker.consumer(group, [channel], "m-0") as member:
                until(lambda: member.poll(0.2))  # and it crashes, say
        with broker.consumer(group, [channel], "m-0"):
            until(lambda: broker.end_offsets([letters]) == {Position(letters, 0): 1})
        with broker.reader({Position(letters, 0): 0}) as reader:
            (record,) = reader.poll(1)
        assert record.channel == letters
        assert record.value == b'{"n":1}'
        assert record.headers[: len(EVENT)] == EVENT
        letter = DeadLetter.from_headers(record.headers)
        assert letter.service == group.removeprefix("ns.")
        assert (letter.channel, letter.reaction, letter.attempts) == (channel, "", 2)
        assert letter.error_message.startswith("SQS handed the event over 2 times")


@pytest.mark.aws
class TestTaps:
    def test_the_log_is_numbered_from_zero_and_kept_for_the_next_process(
        self, broker, channel, aws, tmp_path
    ):
        send(broker, channel, *[b"%d" % n for n in range(25)])
        assert broker.end_offsets([channel]) == {Position(channel, 0): 25}
        with AWSBroker("eu-central-1", endpoint_url=aws, spool=tmp_path) as other:
            with other.reader({Position(channel, 0): 20}) as reader:
                records = reader.poll(1)
            assert [(r.offset, r.value) for r in records] == [(n, b"%d" % n) for n in range(20, 25)]

    def test_several_may_drain_one_channel_and_nothing_is_lost_or_doubled(
        self, broker, channel, aws, tmp_path
    ):
        with AWSBroker("eu-central-1", endpoint_url=aws, spool=tmp_path) as other:
            for n in range(60):
                if n % 20 == 0:
                    send(broker, channel, *[b"%d" % (n + m) for m in range(20)], key=None)
            with ThreadPoolExecutor(4) as pool:
                for one in (broker, other) * 2:
                    pool.submit(one.end_offsets, [channel])
            until(lambda: broker.end_offsets([channel]) == {Position(channel, 0): 60})
            with other.reader({Position(channel, 0): 0}) as reader:
                records = reader.poll(1)
        assert [r.offset for r in records] == list(range(60))
        assert sorted(int(r.value) for r in records) == list(range(60))

    def test_a_server_that_was_emptied_is_another_cluster(self, aws, tmp_path):
        def generation(region):
            with AWSBroker(region, endpoint_url=aws, spool=tmp_path) as broker:
                return broker.cluster_id

        assert generation("eu-west-1") == generation("eu-west-1") != generation("eu-west-2")
        sns = boto3.client("sns", region_name="eu-west-1", endpoint_url=aws)
        before = generation("eu-west-1")
        for topic in sns.list_topics()["Topics"]:
            sns.delete_topic(TopicArn=topic["TopicArn"])
        assert generation("eu-west-1") != before

    def test_more_channels_than_a_page_of_sns_holds_are_all_found(self, aws, tmp_path):
        with AWSBroker("ap-south-1", endpoint_url=aws, spool=tmp_path) as broker:
            names = {f"c{n}" for n in range(103)}
            for name in names:
                broker._account.sns(
                    "create_topic", Name=f"{name}.fifo", Attributes={"FifoTopic": "true"}
                )
            assert broker.channels() == names


# --- what goes wrong -------------------------------------------------------------------------


@pytest.mark.aws
class TestBadInput:
    def test_a_queue_with_other_settings_is_named(self, broker, channel, client):
        group = unique("odd")
        client.create_queue(
            QueueName=group_queue(group),
            Attributes={"FifoQueue": "true", "MessageRetentionPeriod": "60"},
        )
        with pytest.raises(
            BrokerError,
            match=rf"^SQS has a queue {group_queue(group)} with other settings \(.* is .*, not .*\): "
            "delete it, or use another namespace",
        ):
            broker.subscribe([Subscription(group, {channel: None})])

    def test_a_channel_that_is_not_there_can_not_be_read(self, broker):
        missing = unique("missing")
        with pytest.raises(BrokerError, match=rf"^there is no channel '{missing}'\.$"):
            broker.subscribe([Subscription(unique("g"), {missing: None})])

    def test_no_credentials_are_said(self, aws, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with (
            AWSBroker("eu-central-1", endpoint_url=aws) as broker,
            pytest.raises(
                BrokerUnavailableError, match=r"^no AWS credentials were found: set AWS_"
            ),
        ):
            broker.channels()

    def test_no_region_is_said(self, aws):
        with (
            AWSBroker(endpoint_url=aws) as broker,
            pytest.raises(BrokerError, match=r"^which AWS region\? Say aws://eu-central-1"),
        ):
            broker.channels()

    def test_an_address_that_is_none_is_said(self, aws):
        with (
            AWSBroker("eu-central-1", endpoint_url="nonsense") as broker,
            pytest.raises(BrokerError, match=r"^AWS can't be connected to: Invalid endpoint"),
        ):
            broker.channels()

    def test_a_profile_that_is_not_there_is_said(self, aws, monkeypatch):
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with (
            AWSBroker("eu-central-1", endpoint_url=aws) as broker,
            pytest.raises(BrokerError, match=r"config profile \(nobody\) could not be found"),
        ):
            broker.channels()

    def test_where_nobody_listens_is_said_within_the_time(self, aws, caplog):
        caplog.set_level(logging.DEBUG)
        port, began = free_port(), time.monotonic()
        with AWSBroker(
            "eu-central-1", endpoint_url=f"http://127.0.0.1:{port}", timeout=1
        ) as broker:
            expected = rf"^no AWS answered at http://127\.0\.0\.1:{port} within 1 s; is the region"
            with pytest.raises(BrokerUnavailableError, match=expected):
                broker.channels()
            with closing(broker.producer()) as producer:
                (answer,) = producer.send([Outgoing("orders", None, [], b"1")])
            assert isinstance(answer, BrokerUnavailableError)
        assert time.monotonic() - began < PATIENCE
        assert [r for r in caplog.records if r.levelno > logging.DEBUG] == []

    def test_of_what_aws_does_not_acknowledge_in_time_nobody_knows(self, aws):
        """A stand-in that is frozen while it is asked: what it was given it may do later."""
        with (
            aws_on_this_machine() as address,
            AWSBroker("eu-central-1", endpoint_url=address, timeout=1) as broker,
            closing(broker.producer()) as producer,
        ):
            broker.ensure_channels({"orders": 1})
            (server,) = (
                process
                for process in psutil.Process().children()
                if address.rpartition(":")[2] in process.cmdline()
            )
            calls = []
            client = broker._connection.client("sns")
            client.meta.events.register("before-send.sns.*", lambda **_: calls.append(1))
            server.suspend()
            try:
                (answer,) = producer.send([Outgoing("orders", b"k", EVENT, b"{}")])
            finally:
                server.resume()
            assert type(answer) is BrokerUnavailableError
            assert "it may be there or not; sent again under the same id it is the" in str(answer)
            assert len(calls) == 1  # each attempt may take all the time there is

    def test_who_never_answers_is_no_aws(self, aws):
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            port = mute.getsockname()[1]
            address = f"http://127.0.0.1:{port}"
            with (
                AWSBroker("eu-central-1", endpoint_url=address, timeout=0.5) as broker,
                pytest.raises(BrokerUnavailableError, match=rf"^no AWS answered at {address} with"),
            ):
                broker.channels()

    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("InvalidClientTokenId", 403, r"^AWS does not accept the credentials \(InvalidCl"),
            ("AuthorizationError", 403, r"^AWS does not allow these credentials to do list_topics"),
            (
                "Throttling",
                400,
                r"^AWS asks to slow down \(Throttling, at attempt \d to do list_topics\)",
            ),
            ("InternalError", 500, r"^AWS does not answer now \(InternalError at list_topics\)"),
            ("Odd", 400, r"^AWS would not do list_topics: no secret-of-the-house here \(Odd\)"),
        ],
    )
    def test_what_aws_refuses_is_said_in_a_sentence(self, aws, code, status, expected):
        with (
            answering((status, refusal(code))) as address,
            AWSBroker("eu-central-1", endpoint_url=address, timeout=3) as broker,
            pytest.raises(BrokerError, match=expected) as raised,
        ):
            broker.channels()
        if code == "InvalidClientTokenId":  # what AWS says then may quote the request
            assert "secret" not in str(raised.value)

    def test_throttled_events_are_answered_in_place_and_nothing_is_lost(self, broker, channel):
        with closing(broker.producer()) as producer:
            batch = [Outgoing(channel, b"k", [], b"%d" % n) for n in range(25)]
            call, calls = broker._connection.call, []

            def sometimes(service, operation, **arguments):
                calls.append(operation)
                if len(calls) == 2:
                    raise BrokerUnavailableError("AWS asks to slow down (Throttled).")
                return call(service, operation, **arguments)

            broker._connection.call = sometimes
            answers = producer.send(batch)
            broker._connection.call = call
        kinds = [type(answer) for answer in answers]
        assert kinds == [Landed] * 10 + [BrokerUnavailableError] * 10 + [BrokerError] * 5
        assert str(answers[-1]).startswith("not sent, since one before it failed: AWS asks to slow")
        assert broker.end_offsets([channel]) == {Position(channel, 0): 10}

    def test_a_name_that_sns_can_not_have_is_refused_and_the_others_go_on(self, broker, channel):
        with closing(broker.producer()) as producer:
            refused, landed = producer.send(
                [Outgoing("x" * 300, None, [], b"1"), Outgoing(channel, None, [], b"1")]
            )
        assert isinstance(refused, EventRefusedError)
        assert landed == Landed(channel, 0, None)

    def test_a_setting_it_does_not_have_is_named_and_its_value_is_not(self):
        with pytest.raises(BrokerError) as raised:
            open_broker(
                {"kind": "aws", "region": "eu-central-1", "aws_secret_access_key": "s3cret"}
            )
        assert str(raised.value) == (
            "aws has no setting 'aws_secret_access_key': it has region, endpoint_url, timeout, spool."
        )

    def test_it_shows_and_passes_on_no_credentials(self, broker):
        shown = f"{broker!r} {broker.address} {broker.client_settings()} {vars(broker)}"
        assert "not-a-secret" not in shown
        assert broker.client_settings()["kind"] == "aws"
        assert broker.is_local
        assert not AWSBroker("eu-central-1").is_local

    def test_without_boto3_the_command_to_install_it_is_said(self):
        code = (
            "import sys; sys.modules['boto3'] = None\n"
            "from workbench.brokers import open_broker\n"
            "try: open_broker({'kind': 'aws'})\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert found.stdout == (
            "BrokerError aws:// needs boto3, which is not installed: "
            "pip install 'choreography-workbench[aws]'.\n"
        )


def test_an_address_names_the_region():
    assert Address.parse("aws://eu-central-1") == Address("aws", {"region": "eu-central-1"})
    assert Address.parse("aws://").is_complete


@pytest.mark.parametrize("rest", ["AKIA:WRONGPW77@eu-central-1", "AKIA/WRONGPW77", "http://h:1"])
def test_an_address_that_is_no_region_is_refused_and_not_shown(rest):
    with pytest.raises(BrokerError, match=r"^an aws:// address names a region and noth") as raised:
        Address.parse(f"aws://{rest}")
    assert rest not in str(raised.value)
    assert "WRONGPW77" not in str(raised.value)


def refusal(code):
    """What AWS answers that refuses something."""
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
        "<Message>no secret-of-the-house here</Message></Error></ErrorResponse>"
    ).encode()


@contextmanager
def answering(*answers):
    """The address of a server that gives each of some answers, status and page, and then the last."""
    left = list(answers)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            status, page = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_):
            """Be quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def testing(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.mark.usefixtures("testing")
def test_what_answers_and_is_not_aws_is_said():
    with (
        answering((200, b"<html>hello")) as address,
        AWSBroker("eu-central-1", endpoint_url=address, timeout=3) as broker,
        pytest.raises(BrokerError, match=rf"^what answers at {address} is not AWS, or broke"),
    ):
        broker.channels()


@pytest.mark.usefixtures("testing")
def test_a_server_that_fails_with_a_page_is_asked_again():
    no_topics = (
        b"<ListTopicsResponse><ListTopicsResult><Topics/></ListTopicsResult></ListTopicsResponse>"
    )
    page = (502, b"<!doctype html><title>502 Bad Gateway</title>")
    with (
        answering(page, page, (200, no_topics)) as address,
        AWSBroker("eu-central-1", endpoint_url=address, timeout=30) as broker,
    ):
        assert broker.channels() == set()


def test_the_spool_is_for_its_owner_alone(tmp_path):
    spool = Spool(tmp_path / "aws" / "one.sqlite")
    made = [tmp_path / "aws", *(tmp_path / "aws").iterdir()]
    assert len(made) == 4
    assert not any(path.stat().st_mode & 0o077 for path in made)
    spool.close()

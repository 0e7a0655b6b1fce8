"""A Kafka that asks for a password over TLS: the settings are passed on, and never shown."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from workbench import Workbench
from workbench.brokers import KafkaBroker, Landed, Outgoing, Position
from workbench.brokers.local import ensure_kafka_jars, find_java
from workbench.brokers.local.folder import prepare
from workbench.brokers.local.ports import free_port
from workbench.brokers.local.readiness import wait_until_ready
from workbench.brokers.local.settings import KAFKA, jvm_environment, jvm_options, server_properties
from workbench.capture import read_channels
from workbench.errors import BrokerError, BrokerUnavailableError
from workbench.examples.orders import order_choreography, some_orders

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kafka

USER, GUEST, PASSWORD = "architect", "guest", "s3cret-of-the-house"
SCRAM = "SCRAM-SHA-256"
LISTENERS = {
    "CLIENTS": "SASL_SSL",
    "EXPIRED": "SASL_SSL",  # its certificate was good until the year 2001
    "ELSEWHERE": "SASL_SSL",  # ... is another host's
    "MUTUAL": "SSL",  # ... and asks for one of the client
}


def write_pem(issued, path):
    """A key, as Java wants it, and the certificates that go with it."""
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem + b"".join(c.bytes() for c in issued.cert_chain_pems))


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Folder, and listener → address, of a Kafka with SASL/SCRAM and TLS; gone at the end."""
    folder: Path = tmp_path_factory.mktemp("secured-kafka")
    prepare(KAFKA, folder)
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    stranger.cert_pem.write_to_path(folder / "stranger.pem")
    here = ("localhost", "127.0.0.1")
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    write_pem(authority.issue_cert(*here), folder / "server.pem")
    write_pem(authority.issue_cert(*here, not_after=long_ago), folder / "expired.pem")
    write_pem(authority.issue_cert("elsewhere.example"), folder / "elsewhere.pem")
    write_pem(authority.issue_cert("ada.example"), folder / "client.pem")
    ports = {name: free_port() for name in LISTENERS}
    controller = free_port()
    own = server_properties(ports["CLIENTS"], controller).splitlines()
    mine = ("listeners=", "advertised.listeners=", "listener.security.protocol.map=")
    addresses = ",".join(f"{name}://localhost:{port}" for name, port in ports.items())
    protocols = ",".join(f"{name}:{protocol}" for name, protocol in LISTENERS.items())
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    properties = [
        *(line for line in own if not line.startswith(mine)),
        f"listeners={addresses},CONTROLLER://127.0.0.1:{controller}",
        f"advertised.listeners={addresses}",
        f"listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT",
        "ssl.keystore.type=PEM",
        "ssl.keystore.location=server.pem",
        "ssl.truststore.type=PEM",
        "ssl.truststore.location=ca.pem",
        "listener.name.expired.ssl.keystore.location=expired.pem",
        "listener.name.elsewhere.ssl.keystore.location=elsewhere.pem",
        "listener.name.mutual.ssl.client.auth=required",
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found=true",
        f"super.users=User:{USER}",
        f"sasl.enabled.mechanisms={SCRAM}",
        f"sasl.mechanism.inter.broker.protocol={SCRAM}",
        *(
            f"listener.name.{name.lower()}.{SCRAM.lower()}.sasl.jaas.config={scram}"
            for name, protocol in LISTENERS.items()
            if protocol == "SASL_SSL"
        ),
    ]
    (folder / "server.properties").write_text("\n".join(properties))
    jars = os.pathsep.join(str(jar) for jar in ensure_kafka_jars())
    java = [str(find_java().command), *jvm_options(), "-cp", jars]
    where = {"cwd": folder, "env": jvm_environment()}
    users = [f"{SCRAM}=[name={name},password={PASSWORD}]" for name in (USER, GUEST)]
    subprocess.run(
        [
            *(*java, "kafka.tools.StorageTool", "format", "-t", "c2VjdXJlZC1rYWZrYTE"),
            *("-c", "server.properties", *(f"--add-scram={user}" for user in users)),
        ],
        check=True,
        capture_output=True,
        **where,
    )
    with (folder / "out").open("wb") as out:
        broker = subprocess.Popen(
            [*java, "kafka.Kafka", "server.properties"], stdout=out, stderr=out, **where
        )
    try:
        for port in ports.values():
            listens, alive = (lambda: True), (lambda: broker.poll() is None)
            assert wait_until_ready(port, listens, alive=alive, seconds=60)
        yield folder, {name: f"localhost:{port}" for name, port in ports.items()}
    finally:
        broker.kill()
        broker.wait()


@pytest.fixture
def secured(servers):
    """Settings to connect with a user and a password."""
    folder, addresses = servers
    return {
        "bootstrap_servers": addresses["CLIENTS"],
        "security_protocol": "SASL_SSL",
        "ssl_cafile": str(folder / "ca.pem"),
        "sasl_mechanism": SCRAM,
        "sasl_plain_username": USER,
        "sasl_plain_password": PASSWORD,
    }


@pytest.fixture
def mutual(servers):
    """Settings to connect with a certificate."""
    folder, addresses = servers
    return {
        "bootstrap_servers": addresses["MUTUAL"],
        "security_protocol": "SSL",
        "ssl_cafile": str(folder / "ca.pem"),
        "ssl_certfile": str(folder / "client.pem"),
    }


def everything_shown(wb):
    """What a notebook, a log, or a look at the running processes may show."""
    yield from map(repr, (wb, wb.broker, wb.runner, wb.connection, wb.doctor(), wb.lives()))
    yield from (wb.status().to_string(), wb.instances().to_string(), repr(wb.converged()))
    yield from (wb.output(name) for name in wb.choreography.services)
    for process in psutil.Process().children(recursive=True):
        yield from process.cmdline()
        yield from process.environ().values()


def test_a_choreography_runs_with_sasl_and_tls_and_no_secret_is_shown(secured, tmp_path, capsys):
    with Workbench(order_choreography(), folder=tmp_path, timeout=30, **secured) as wb:
        wb.start()
        wb.publish_many(some_orders(20))
        wb.wait_until_idle()
        assert wb.state("orders") == {"orders_completed": 20}
        shown = "".join(everything_shown(wb))
        poison = Outgoing(wb.channels()[0], b"o-1", [], b"no event")
        with closing(wb.broker.bulk_producer()) as producer:
            assert isinstance(producer.send([poison])[0], Landed)
        wb.wait_until_idle()
        letters = wb.dead_letters()
        assert len(letters) > 0
        log = wb.capture(progress=False)
        assert log.events == 101  # what could not be decoded is passed over by a replay
        assert wb.replay(log, progress=False) == 100
        wb.wait_until_idle()
        assert wb.state("orders") == {"orders_completed": 20}
        shown += letters.to_string() + log.frame.to_string()
        wb.reset()
    shown += "".join(capsys.readouterr())
    assert "localhost:" in shown
    assert "forkserver" in shown  # the processes were looked at
    assert PASSWORD not in shown
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes()


@pytest.mark.parametrize("extra", [True, False], ids=["fast", "without"])
@pytest.mark.parametrize("way", ["secured", "mutual"])
def test_a_log_is_sent_and_read_in_bulk_with_a_password_or_a_certificate(
    way, extra, request, monkeypatch
):
    if not extra:
        monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with KafkaBroker(**request.getfixturevalue(way)) as broker:
        channel = f"bulk-{way}-{extra}"
        broker.ensure_channels({channel: 3})
        with closing(broker.bulk_producer()) as producer:
            batch = [Outgoing(channel, b"o-%d" % n, [("n", b"1")], b"%d" % n) for n in range(100)]
            assert all(isinstance(answer, Landed) for answer in producer.send(batch))
            assert type(producer).__name__.startswith("Bulk") == extra
        values = {int(found.value) for found in read_channels(broker, [channel])}
        assert values == set(range(100))


def test_whoever_may_join_no_group_reads_a_log_in_bulk(secured):
    with (
        KafkaBroker(**secured) as owner,
        KafkaBroker(**secured | {"sasl_plain_username": GUEST}) as guest,
    ):
        owner.ensure_channels({"for-guests": 1})
        with closing(owner.producer()) as producer:
            producer.send([Outgoing("for-guests", None, [], b"1")])
        groups = ResourcePattern(ResourceType.GROUP, "*")
        denied = (ACLOperation.ALL, ACLPermissionType.DENY, groups)
        owner._admin.create_acls([ACL(f"User:{GUEST}", "*", *denied)])
        with pytest.raises(BrokerError, match="GroupAuthorizationFailed"):
            guest.committed("billing")
        assert [found.value for found in read_channels(guest, ["for-guests"])] == [b"1"]


def test_a_channel_that_may_not_be_read_is_said(secured):
    with (
        KafkaBroker(**secured) as owner,
        KafkaBroker(**secured | {"sasl_plain_username": GUEST}) as guest,
    ):
        owner.ensure_channels({"closed": 1})
        closed = ResourcePattern(ResourceType.TOPIC, "closed")
        denied = (ACLOperation.ALL, ACLPermissionType.DENY, closed)
        owner._admin.create_acls([ACL(f"User:{GUEST}", "*", *denied)])
        with pytest.raises(BrokerError, match=r"did not do as asked: .*TopicAuthorizationFailed"):
            read_channels(guest, ["closed"])


WITHOUT_A_PASSWORD = dict.fromkeys(["sasl_mechanism", "sasl_plain_username", "sasl_plain_password"])
WRONG = {
    "a wrong password": {"sasl_plain_password": "not-the-word"},
    "an unknown user": {"sasl_plain_username": "nobody"},
    "another authority": {"ssl_cafile": "stranger.pem"},
    "no authority": {"ssl_cafile": None},
    "no encryption": {"security_protocol": "SASL_PLAINTEXT", "ssl_cafile": None},
    "neither password nor encryption": {
        "security_protocol": "PLAINTEXT",
        "ssl_cafile": None,
        **WITHOUT_A_PASSWORD,
    },
    "a mechanism that Kafka does not offer": {"sasl_mechanism": "PLAIN"},
    "an expired certificate": {"bootstrap_servers": "EXPIRED"},
    "a certificate of another host": {"bootstrap_servers": "ELSEWHERE"},
    "no certificate of one's own": {
        "bootstrap_servers": "MUTUAL",
        "security_protocol": "SSL",
        **WITHOUT_A_PASSWORD,
    },
}


@pytest.mark.timeout(30)  # none of them waits for ever
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_who_is_not_let_in_is_told_in_one_sentence_without_a_secret(wrong, secured, servers):
    folder, addresses = servers
    settings = {**secured, **wrong}
    if wrong.get("ssl_cafile"):
        settings["ssl_cafile"] = str(folder / wrong["ssl_cafile"])
    settings["bootstrap_servers"] = addresses.get(
        settings["bootstrap_servers"], settings["bootstrap_servers"]
    )
    expected = (
        r"^something listens at localhost:\d+, but did not let this client in within 0\.8 s: check "
        r"security_protocol, the user, the password and the certificates, and that it is a Kafka\.$"
    )
    with KafkaBroker(**settings, timeout=0.8) as broker, ThreadPoolExecutor() as all_at_once:
        nowhere = {Position("nowhere", 0): 0}
        calls = (broker.channels, broker.bulk_producer, lambda: broker.bulk_reader(nowhere))
        for called in [all_at_once.submit(call) for call in calls]:
            with pytest.raises(BrokerUnavailableError, match=expected) as caught:
                called.result()
            told = "".join(traceback.format_exception(caught.value))
            assert (settings["sasl_plain_password"] or PASSWORD) not in told


def test_a_setting_that_is_not_understood_is_named_without_its_value(secured):
    with KafkaBroker(**secured, sasl_plain_pasword=PASSWORD) as broker:
        for call in (broker.channels, broker.producer):
            with pytest.raises(
                BrokerError, match=r"^kafka-python has no setting sasl_plain_pasword: .* spelt\?$"
            ) as caught:
                call()
            assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_file_that_is_not_there_is_named(secured):
    with KafkaBroker(**{**secured, "ssl_cafile": "nowhere.pem"}) as broker:
        for call in (broker.channels, broker.bulk_producer):
            with pytest.raises(
                BrokerError, match=r"^ssl_cafile names no file that can be read: nowhere\.pem\.$"
            ):
                call()


def test_a_wrong_password_is_one_sentence_in_a_notebook_too(secured, tmp_path):
    wrong = {**secured, "sasl_plain_password": "not-the-word"}
    with Workbench(order_choreography(), folder=tmp_path, timeout=1, **wrong) as wb:
        for call in (lambda: wb.publish(some_orders(1)[0]), wb.start, wb.capture, wb.dead_letters):
            with pytest.raises(
                BrokerUnavailableError, match="check security_protocol, the user, the password"
            ) as caught:
                call()
            assert "not-the-word" not in "".join(traceback.format_exception(caught.value))
        assert "not-the-word" not in repr(wb.doctor())

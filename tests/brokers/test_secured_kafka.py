"""A Kafka that asks for a password over TLS: the settings are passed on, and never shown."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from workbench import Workbench
from workbench.brokers.local import ensure_kafka_jars, find_java
from workbench.brokers.local.folder import prepare
from workbench.brokers.local.ports import free_port
from workbench.brokers.local.settings import KAFKA, jvm_environment, jvm_options, server_properties
from workbench.errors import BrokerUnavailableError
from workbench.examples.orders import order_choreography, some_orders

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kafka

USER, PASSWORD = "architect", "s3cret-of-the-house"
SCRAM = "SCRAM-SHA-256"


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """Settings to connect to a Kafka with SASL/SCRAM and TLS; gone after the module's tests."""
    folder: Path = tmp_path_factory.mktemp("secured-kafka")
    prepare(KAFKA, folder)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # as Java wants it
    (folder / "server.pem").write_bytes(pem + b"".join(c.bytes() for c in issued.cert_chain_pems))
    port = free_port()
    own = server_properties(port, free_port())
    own = own.replace("CLIENTS:PLAINTEXT", "CLIENTS:SASL_SSL")
    (folder / "server.properties").write_text(
        own
        + "ssl.keystore.type=PEM\n"
        + "ssl.keystore.location=server.pem\n"
        + "ssl.truststore.type=PEM\n"
        + "ssl.truststore.location=ca.pem\n"
        + f"sasl.enabled.mechanisms={SCRAM}\n"
        + f"sasl.mechanism.inter.broker.protocol={SCRAM}\n"
        + f"listener.name.clients.{SCRAM.lower()}.sasl.jaas.config="
        + "org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
    )
    jars = os.pathsep.join(str(jar) for jar in ensure_kafka_jars())
    java = [str(find_java().command), *jvm_options(), "-cp", jars]
    here = {"cwd": folder, "env": jvm_environment()}
    user = f"{SCRAM}=[name={USER},password={PASSWORD}]"
    subprocess.run(
        [
            *(*java, "kafka.tools.StorageTool", "format", "-t", "c2VjdXJlZC1rYWZrYTE"),
            *("-c", "server.properties", "--add-scram", user),
        ],
        check=True,
        capture_output=True,
        **here,
    )
    with (folder / "out").open("wb") as out:
        broker = subprocess.Popen(
            [*java, "kafka.Kafka", "server.properties"], stdout=out, stderr=out, **here
        )
    try:
        yield {
            "bootstrap_servers": f"localhost:{port}",
            "security_protocol": "SASL_SSL",
            "ssl_cafile": str(folder / "ca.pem"),
            "sasl_mechanism": SCRAM,
            "sasl_plain_username": USER,
            "sasl_plain_password": PASSWORD,
        }
    finally:
        broker.kill()
        broker.wait()


def test_a_choreography_runs_with_sasl_and_tls_and_no_secret_is_shown(secured, tmp_path, capsys):
    with Workbench(order_choreography(), folder=tmp_path, timeout=30, **secured) as wb:
        wb.start()
        wb.publish_many(some_orders(20))
        wb.wait_until_idle()
        assert wb.state("orders") == {"orders_completed": 20}
        assert wb.capture(progress=False).events == 100
        shown = repr(wb) + repr(wb.broker) + repr(wb.runner) + repr(wb.doctor())
        shown += "".join(wb.output(name) for name in wb.choreography.services)
    shown += "".join(capsys.readouterr())
    assert "localhost:" in shown
    assert PASSWORD not in shown
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes()


def test_a_wrong_password_is_one_sentence_without_it(secured, tmp_path):
    wrong = {**secured, "sasl_plain_password": "not-the-word"}
    with Workbench(order_choreography(), folder=tmp_path, timeout=3, **wrong) as wb:
        with pytest.raises(
            BrokerUnavailableError, match="check security_protocol, the user, the password"
        ) as caught:
            wb.publish(some_orders(1)[0])
        assert "not-the-word" not in str(caught.value)

"""One of each broker for all the tests that need it, and how hypothesis goes about its work."""

import os
import socket
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, settings

from workbench.brokers import LocalKafka, LocalRabbitMQ
from workbench.brokers.local.ports import free_port
from workbench.brokers.local_rabbitmq import find_server
from workbench.errors import LocalBrokerError

# A slow machine is no failure, and in CI every run tries the same examples.
settings.register_profile(
    "workbench",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("workbench")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """A running :class:`LocalKafka`; tests keep apart by the names of their channels."""
    with LocalKafka(tmp_path_factory.mktemp("kafka"), free_port()) as running:
        yield running


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """The address of a moto server, which stands in for AWS; tests keep apart by names.

    Whoever runs the tests keeps their own AWS account out of it.
    """
    port, folder = free_port(), tmp_path_factory.mktemp("aws")
    own = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch, (folder / "moto.log").open("w") as log:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in own.items():
            patch.setenv(name, value)
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def _wait_for(port, server):
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None, "moto ended"
            assert time.monotonic() < deadline, "moto does not listen"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def installed_rabbitmq():
    """The RabbitMQ installed; tests that need it skip where there is none, except in CI."""
    try:
        return find_server()
    except LocalBrokerError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def rabbitmq(installed_rabbitmq, tmp_path_factory):
    """A running :class:`LocalRabbitMQ`; tests keep apart by the names of their channels."""
    with LocalRabbitMQ(tmp_path_factory.mktemp("rabbitmq"), free_port()) as running:
        yield running

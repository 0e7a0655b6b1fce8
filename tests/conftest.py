"""One of each broker for all the tests that need it, and how hypothesis goes about its work."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from benchmarks.moto import aws_on_this_machine
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


@pytest.fixture(scope="module")
def ahead(request):
    """Begins the slow runs of a parametrised test before their turn, several at a time.

    For most of their time they wait for processes and brokers. ``ahead(run, "step", n)`` calls
    ``run(step)`` for each step that is to be tested, ``n`` at once; gives the futures by step.
    """
    cases = [
        getattr(item, "callspec", None)
        for item in request.session.items
        if item.path == request.path
    ]
    with ExitStack() as pools:

        def begin(run, name, n):
            pool = pools.enter_context(ThreadPoolExecutor(n))
            asked = [case.params[name] for case in cases if case and name in case.params]
            return {each: pool.submit(run, each) for each in dict.fromkeys(asked)}

        yield begin


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """A running :class:`LocalKafka`; tests keep apart by the names of their channels."""
    with LocalKafka(tmp_path_factory.mktemp("kafka"), free_port()) as running:
        yield running


@pytest.fixture(scope="session")
def aws():
    """The address of a moto server, which stands in for AWS; tests keep apart by names."""
    with aws_on_this_machine() as address:
        yield address


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

"""A design to draw, and a workbench on the in-memory broker to watch."""

from __future__ import annotations

import time

import pytest

from workbench import Workbench
from workbench.examples.orders import order_choreography
from workbench.widgets.graph_model import graph_of

LIVELY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def lively() -> str:
    return LIVELY


@pytest.fixture
def order_graph():
    return graph_of(order_choreography())


@pytest.fixture
def wb(tmp_path):
    with Workbench(
        order_choreography(), broker="memory://", folder=tmp_path, say=lambda text: None
    ) as wb:
        yield wb


@pytest.fixture
def empty_wb(tmp_path):
    with Workbench(broker="memory://", folder=tmp_path, say=lambda text: None) as wb:
        yield wb


@pytest.fixture
def eventually():
    def wait(condition, seconds: float = 20.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.02)

    return wait

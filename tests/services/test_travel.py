"""Handlers on their way to another process: what can travel, and the name of what can't."""

import socket
import threading

import pytest

from workbench.choreography import Choreography
from workbench.errors import HandlerError
from workbench.events import Event
from workbench.services import RetryPolicy, service_spec
from workbench.services.travel import pack, unpack

NOTEBOOK = """
import threading
from workbench import Event

class Placed(Event, version=1, key="id"):
    id: str

class Reserved(Event, version=1, key="id"):
    id: str

RATE = [2]
LOCK = threading.Lock()

def helper(n):
    return n * RATE[0]

def good(event: Placed, ctx) -> Reserved:
    return Reserved(id=str(helper(3)))

def bad(event: Placed, ctx) -> Reserved:
    with LOCK:
        return Reserved(id="x")

def nested(event: Placed, ctx) -> Reserved:
    return [Reserved(id="x") for _ in range(1) if LOCK.acquire()]
"""


@pytest.fixture
def notebook():
    """What a notebook's cells define: in ``__main__``, importable by no other process."""
    cells = {"__name__": "__main__"}
    exec(compile(NOTEBOOK, "<cell>", "exec"), cells)
    return cells


@pytest.fixture
def spec(tmp_path):
    def make(handler):
        design = Choreography()
        design.service("inventory").on()(handler)
        return service_spec(
            design, "inventory", namespace="ns", folder=tmp_path, retry=RetryPolicy()
        )

    return make


def test_a_notebooks_handler_travels_with_copies_of_the_globals_it_uses(notebook, spec):
    packed = pack(spec(notebook["good"]), {"bootstrap_servers": "x"})
    notebook["RATE"][0] = 1_000
    again, settings = unpack(packed)
    (reaction,) = again.reactions
    assert reaction.handler(None, None).id == "6"
    assert settings == {"bootstrap_servers": "x"}
    assert (again.group, again.inputs, again.dead_letters) == (
        "ns.inventory", ("ns.Placed", "ns.inventory.retries"), "ns.inventory.dead-letters"
    )  # fmt: skip
    assert again.versions["Placed"].read({"id": "a"}, None).data == {"id": "a"}


@pytest.mark.parametrize("name", ["bad", "nested"])
def test_a_global_that_can_not_travel_is_named(notebook, spec, name):
    expected = (
        rf"^inventory/{name} uses 'LOCK' \(lock\), which can't travel to another process: make it"
    )
    with pytest.raises(HandlerError, match=expected):
        pack(spec(notebook[name]), {})


def test_a_closure_that_can_not_travel_is_named(notebook, spec):
    placed = notebook["Placed"]
    with socket.socket() as connection:

        def handler(event: placed, ctx) -> None:
            connection.send(b"x")

        with pytest.raises(HandlerError, match=r"inventory/handler uses 'connection' \(socket\)"):
            pack(spec(handler), {})


def test_a_method_whose_object_can_not_travel_is_said(notebook, spec):
    placed = notebook["Placed"]

    class Shop:
        def __init__(self):
            self.lock = threading.Lock()

        def react(self, event: placed) -> None: ...

    with pytest.raises(HandlerError, match="inventory can't travel to another process: "):
        pack(spec(Shop().react), {})


def test_secrets_are_in_no_repr_of_a_spec(notebook, spec):
    assert "hunter2" not in repr(spec(notebook["good"]))
    assert issubclass(notebook["Placed"], Event)

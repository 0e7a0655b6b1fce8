"""AsyncAPI's own parser, and a design that has one of everything."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tools.test_needs import PARSER, find_node, find_parser, node_remedy
from workbench.choreography import Choreography
from workbench.choreography.asyncapi import write_asyncapi
from workbench.events import Event, EventType
from workbench.events.event_type import DIALECT


@pytest.fixture(scope="session")
def parse():
    """What the official parser makes of files; tests that need it skip where there is none."""
    if not find_parser():
        assert os.environ.get("CI") != "true", f"CI must have the parser: {node_remedy()}"
        pytest.skip(f"no AsyncAPI parser here; to have it: {node_remedy()}")

    def run(*files):
        command = [str(find_node()), str(PARSER / "validate.mjs"), *map(str, files)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)

    return run


@pytest.fixture
def written(tmp_path):
    """Write a document and give its path."""

    def write(document, name="document.yaml"):
        write_asyncapi(document, tmp_path / name)
        return tmp_path / name

    return write


class Placed(Event, version=1, key="id"):
    """An order."""

    id: str
    parent: Placed | None = None


class Paid(Event, version=1, key="id"):
    id: str


class Failed(Event, version=1, key="id"):
    id: str


class Refunded(Event, version=1, key="id"):
    id: str


@pytest.fixture
def design():
    """Versions with an upcaster, two emitters, compensations, every dialect, odd channel names."""
    same = {"id": "data.id"}
    made = Choreography()
    made.event(
        EventType("Signed.Up", {"properties": {"name": {"type": "string"}}}, version=1, key="name")
    )
    made.release("Signed.Up")
    second = {
        "$schema": DIALECT,
        "properties": {"name": {"type": "string"}, "mail": {"type": ["string", "null"]}},
        "required": ["name", "mail"],
    }
    made.event(EventType("Signed.Up", second, version=2, key="mail"))
    made.upcaster("Signed.Up", 1, {"mail": None})
    for event in (Placed, Paid, Failed, Refunded):
        made.event(event)
    made.release("Placed")
    tuple_schema = {
        "$schema": DIALECT,
        "properties": {"pair": {"prefixItems": [{"$ref": "#/$defs/a~1b"}, {"$ref": "#"}]}},
        "$defs": {"a/b": {"const": 1}},
    }
    made.event(EventType("Paired", tuple_schema))
    made.event(EventType("Plain", {"$schema": "http://json-schema.org/draft-07/schema#"}))
    made.channels["Plain"] = "a channel/of {id}: ä"
    made.channels["Paired"] = "a channel-of (id)- ö"
    billing = made.service("billing")
    billing.whenever(Placed, emit={Paid: same}, guard="data.id != ''", after="90s", name="charge")
    billing.compensate("charge", when=Failed, emit={Refunded: same})
    shipping = made.service("shipping")
    shipping.whenever(Paid, emit={Failed: same}, name="ship", unless=[Refunded], within="15min")
    shipping.compensate("ship", when=Failed, emit={Refunded: same})
    crm = made.service("crm")
    crm.whenever("Signed.Up", emit={"Plain": {}}, name="old", reads=[1])
    crm.hears = ("Paired", "Refunded")
    crm.publishes = ("Signed.Up",)
    made.service("idle")
    made.invariant("stock", "state.billing.n == state.shipping.n")
    made.evolve("Signed.Up", mode="FULL", deprecated=[1])
    made.silence("no-key", "Paired", reason="order does not matter here")
    return made

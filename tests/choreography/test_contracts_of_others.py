"""A service whose reactions are not known: its contract says what it hears and publishes."""

import pytest

from workbench.choreography import Choreography
from workbench.errors import DesignError
from workbench.events import EventType


@pytest.fixture
def design():
    made = Choreography()
    for name in ("SignedUp", "Verified"):
        made.event(EventType(name, {"properties": {"id": {"type": "string"}}}, key="id"))
    crm = made.service("crm")
    crm.hears = ("SignedUp",)
    crm.publishes = ("Verified",)
    return made


def test_it_counts_as_hearing_and_emitting(design):
    assert design.consumers("SignedUp") == ["crm"]
    assert design.emitters("Verified") == ["crm"]
    assert design.channel("Verified") == "crm"
    assert design.inputs("crm") == ["SignedUp"]


def test_it_is_kept_on_disk(design, tmp_path):
    design.save(tmp_path)
    text = (tmp_path / "choreography.yaml").read_text()
    assert (
        "  crm:\n    - hears:\n        - SignedUp\n    - publishes:\n        - Verified\n" in text
    )
    assert Choreography.load(tmp_path) == design
    (tmp_path / "choreography.yaml").write_text(text.replace("- SignedUp", "- SignedOff"))
    with pytest.raises(DesignError, match=r"yaml:\d+, field services\.crm\[0\]\.hears\[0\]: there"):
        Choreography.load(tmp_path)
    (tmp_path / "choreography.yaml").write_text(text.replace("hears:", "emits: x\n      hears:"))
    with pytest.raises(DesignError, match=r"'emits' is not known here \(known: hears, publishes\)"):
        Choreography.load(tmp_path)


def test_it_is_drawn(design):
    lines = str(design.mermaid()).splitlines()
    assert "    e0 --> s0" in lines
    assert "    s0 --> e1" in lines


def test_it_is_part_of_what_a_service_is(design):
    other = Choreography()
    other.event_types = dict(design.event_types)
    other.service("crm").hears = ("SignedUp",)
    assert other != design
    other.service("crm").publishes = ("Verified",)
    assert other == design


def test_lint_does_not_call_it_idle(design):
    assert not [found for found in design.lint() if found.rule == "idle-service"]

"""Rules about versions: deprecated ones, and those that nobody emits."""

from dataclasses import replace

import pytest

from workbench.choreography import Choreography
from workbench.events import Event


class OrderPlaced(Event, version=1, key="id"):
    id: str


@pytest.fixture
def two(sketch):
    """Orders emits OrderPlaced, of which there are two released versions, and billing reads it."""
    for version in (1, 2):
        released = sketch.event("OrderPlaced", version=version)
        sketch.design.released.setdefault("OrderPlaced", {})[version] = released
    sketch.reaction("orders", "BasketOrdered", "OrderPlaced", name="place")
    sketch.reaction("billing", "OrderPlaced", "PaymentReceived", name="charge")
    return sketch


def test_who_reads_or_writes_a_deprecated_version_is_told(two):
    assert two.found("deprecated-version") == {}
    two.design.evolve("OrderPlaced", deprecated=[1])
    assert two.found("deprecated-version") == {}
    change(two.design, "billing", "charge", reads=(1,))
    change(two.design, "orders", "place", writes={"OrderPlaced": 1})
    assert two.found("deprecated-version") == {
        "orders/place": "orders/place writes OrderPlaced v1, which is deprecated.",
        "billing/charge": "billing/charge reads OrderPlaced v1, which is deprecated.",
    }


def test_what_a_handler_takes_and_returns_is_a_version_too(two):
    two.design.evolve("OrderPlaced", deprecated=[1])
    billing, orders = two.design.service("billing"), two.design.service("orders")

    def place(event) -> OrderPlaced: ...

    two.design.released["OrderPlaced"][1] = OrderPlaced.event_type  # the class has its own schema
    billing.on(OrderPlaced, name="charge", emits=["PaymentReceived"])(lambda event: None)
    orders.on("BasketOrdered", emits=["OrderPlaced"])(place)
    assert sorted(two.found("deprecated-version")) == ["billing/charge", "orders/place"]


def test_a_reader_of_a_version_that_nobody_emits_is_told(two):
    change(two.design, "billing", "charge", reads=(1,))
    assert two.found("version-nobody-emits") == {
        "billing/charge": (
            "billing/charge reads only v1 of OrderPlaced, but v2 is emitted and no upcaster leads "
            "from one to the other."
        )
    }
    change(two.design, "billing", "charge", reads=(1, 2))
    assert two.found("version-nobody-emits") == {}


def test_an_upcaster_leads_from_what_is_emitted_to_what_is_read(two):
    change(two.design, "orders", "place", writes={"OrderPlaced": 1})
    assert list(two.found("version-nobody-emits")) == ["billing/charge"]
    two.design.upcaster("OrderPlaced", 1, {"id": "data.id"})
    assert two.found("version-nobody-emits") == {}


def test_an_event_from_outside_may_have_any_version(two):
    del two.design.services["orders"]
    change(two.design, "billing", "charge", reads=(1,))
    assert two.found("version-nobody-emits") == {}


def test_a_compensation_reads_nothing_itself(two):
    two.event("PaymentRefunded")
    emit = {"PaymentRefunded": {"id": "data.id"}}
    change(two.design, "billing", "charge", reads=(1, 2))
    two.design.service("billing").compensate("charge", when="PaymentReceived", emit=emit)
    assert two.found("version-nobody-emits") == {}


def change(design, service, reaction, **settings):
    reactions = design.services[service].reactions
    reactions[reaction] = replace(reactions[reaction], **settings)


# --- released, and unchecked -----------------------------------------------------------------


@pytest.fixture
def on_disk(two, tmp_path):
    return two.design.save(tmp_path / "design")


def unchecked(folder):
    found = Choreography.load(folder).lint()
    return [p for p in found if p.rule == "unchecked-release"]


def test_a_saved_design_is_checked(on_disk):
    assert unchecked(on_disk) == []


def test_a_version_that_was_put_there_by_hand_is_told_with_its_file(on_disk):
    home = on_disk / "events" / "OrderPlaced"
    file = home / "4.json"
    file.write_text((home / "2.json").read_text())
    (problem,) = unchecked(on_disk)
    assert problem.message == (
        "OrderPlaced v4 has no line in released.lock, so nobody has checked it: make a hand-made "
        "file draft.json and `workbench release` it, or look at it and save the design."
    )
    assert (problem.severity, problem.file, problem.line) == ("warning", str(file), 1)


def test_so_are_all_where_the_lock_is_missing(on_disk):
    (on_disk / "events" / "OrderPlaced" / "released.lock").unlink()
    (problem,) = unchecked(on_disk)
    assert problem.message.startswith("OrderPlaced v1 and v2 have no line in released.lock")


def test_saving_the_design_notes_the_sums(on_disk):
    (on_disk / "events" / "OrderPlaced" / "released.lock").unlink()
    design = Choreography.load(on_disk)
    design.save(on_disk)
    assert not [p for p in design.lint() if p.rule == "unchecked-release"]
    assert unchecked(on_disk) == []


def test_a_draft_is_not_released_and_needs_no_line(on_disk):
    home = on_disk / "events" / "OrderPlaced"
    (home / "draft.json").write_text((home / "2.json").read_text())
    assert unchecked(on_disk) == []

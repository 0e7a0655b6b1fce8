"""Rules that try guards, mappings and upcasters on plausible events."""

import pytest

from tests.effort import at_most
from workbench.choreography import Choreography
from workbench.events import EventType

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def schema(required=(), **fields):
    return {"type": "object", "properties": {"id": TEXT, **fields}, "required": ["id", *required]}


@pytest.fixture
def shop(sketch):
    sketch.event(
        "OrderPlaced", schema=schema(["qty"], qty=WHOLE, note=TEXT, gift={"type": "boolean"})
    )
    sketch.event("OrderShipped", schema=schema(["label"], label=TEXT))
    return sketch


def ships(shop, label="'parcel'", **settings):
    """What is found of the only reaction: how bad, and the sentence."""
    emit = {"OrderShipped": {"id": "data.id", "label": label}}
    shop.reaction("shipping", "OrderPlaced", "OrderShipped", name="ship", emit=emit, **settings)
    found = [p for p in shop.design.lint() if p.rule == "reaction-fails"]
    assert all(p.subject == "shipping/ship" for p in found)
    return [(p.severity, p.message) for p in found]


def test_a_mapping_that_always_makes_a_refused_effect_is_an_error_with_an_example(shop):
    ((severity, message),) = ships(shop, "data.qty")
    assert severity == "error"
    assert message.startswith(
        'shipping/ship fails on 20 of 20 plausible OrderPlaced events, such as {"'
    )
    assert "}: the effect is refused: OrderShipped v1: label: " in message
    assert message.endswith(' is not of type "string".')


def test_one_that_only_sometimes_does_is_a_warning(shop):
    ((severity, message),) = ships(shop, "data.note")
    assert severity == "warning"
    assert " of 20 plausible OrderPlaced events, such as {" in message
    assert message.endswith(
        'the effect is refused: OrderShipped v1: label: null is not of type "string".'
    )
    assert "fails on 20 of 20" not in message


def test_so_does_an_expression_that_fails(shop):
    ((severity, message),) = ships(shop, "string(data.qty + data.id)")
    assert severity == "error"
    assert "}: 'string(data.qty + data.id)' fails on this event: " in message


def test_a_guard_that_fails_is_told(shop):
    ((severity, message),) = ships(shop, guard="data.id + 1 == 'x'")
    assert severity == "error"
    assert " == 'x'\" fails on this event: " in message
    ((_, message),) = ships(shop, guard="data.id")
    assert "the guard 'data.id' gives" in message


def test_a_guard_that_compares_null_is_false_and_no_failure(shop):
    assert ships(shop, guard="data.qty > 1.0 && data.note < 'x'") == []


def test_only_events_that_the_guard_lets_through_count(shop):
    assert ships(shop, "data.note", guard="data.note != null") == []
    ((severity, message),) = ships(shop, "data.note", guard="data.note == null")
    assert severity == "error"
    assert "plausible OrderPlaced events that its guard does not turn away, such as {" in message


def test_a_reaction_whose_guard_lets_nothing_through_is_not_said_to_fail(shop):
    assert ships(shop, "data.qty", guard="data.id == 'never'") == []


def test_the_example_is_shortened(shop):
    shop.event(
        "OrderPlaced", schema=schema(["qty"], qty=WHOLE, **{f"field_{n}": TEXT for n in range(90)})
    )
    ((_, message),) = ships(shop, "data.qty")
    assert "…: the effect is refused" in message
    assert len(message) < 300


def test_an_unknown_field_is_told_once(shop):
    assert ships(shop, "data.nota") == []
    assert list(shop.found("unknown-field")) == ["shipping/ship"]
    assert ships(shop, guard="data.nota.startsWith('x')") == []


def test_but_what_fails_for_another_reason_is_told_too(shop):
    shop.event("OrderShipped", schema=schema(["label", "qty"], label=TEXT, qty=TEXT))
    emit = {"OrderShipped": {"id": "data.id", "label": "data.nota", "qty": "data.qty"}}
    shop.reaction("shipping", "OrderPlaced", "OrderShipped", name="ship", emit=emit)
    assert "OrderShipped v1: qty: " in shop.found("reaction-fails")["shipping/ship"]
    assert "data.nota" in shop.found("unknown-field")["shipping/ship"]


def test_the_versions_that_are_read_and_written_are_those_that_count(shop):
    old = EventType("OrderShipped", schema(["label"], label=TEXT), 1)
    new = EventType("OrderShipped", schema(["label"], label=WHOLE), 2)
    shop.design.event(new)
    shop.design.released["OrderShipped"] = {1: old, 2: new}
    assert [severity for severity, _ in ships(shop)] == ["error"]
    assert ships(shop, writes={"OrderShipped": 1}) == []


def test_a_field_that_takes_anything_takes_what_is_computed(shop):
    shop.event("OrderShipped", schema=schema(["label"], label=True))
    assert ships(shop, "data.qty + 1.0") == []


def test_a_reaction_that_writes_a_draft_that_is_gone_is_passed_over(shop):
    shop.event("OrderShipped", version=2, schema=schema(["label"], label=WHOLE))
    assert len(ships(shop, writes={"OrderShipped": 2})) == 1
    shop.event("OrderShipped", version=3, schema=schema(["label"], label=WHOLE))
    assert shop.found("reaction-fails") == {}


def test_a_compensation_is_tried_on_what_its_step_reacted_to(shop):
    assert ships(shop) == []
    shop.event("ParcelLost")
    emit = {"ParcelLost": {"id": "data.qty"}}
    shop.design.service("shipping").compensate("ship", when="ParcelLost", emit=emit, name="undo")
    assert "plausible OrderPlaced events" in shop.found("reaction-fails")["shipping/undo"]


def test_a_python_handler_is_never_called(sketch):
    sketch.event("OrderPlaced")
    sketch.event("OrderShipped")
    called = []
    sketch.design.service("shipping").on("OrderPlaced", emits=["OrderShipped"])(called.append)
    assert sketch.found("reaction-fails") == {}
    assert called == []


@pytest.mark.parametrize(
    "hostile",
    [
        {"not": {}},
        schema(id={**TEXT, "pattern": "^(a+)+$", "minLength": 50_000}),
        schema(["many"], many={"type": "array", "minItems": 10**6, "items": TEXT}),
    ],
)
def test_where_no_event_is_found_nothing_is_said(sketch, hostile):
    sketch.event("OrderPlaced", schema=hostile, key=None)
    sketch.reaction("shipping", "OrderPlaced", "OrderShipped", emit={"OrderShipped": {"id": "1.0"}})
    assert sketch.found("reaction-fails") == {}


def test_expressions_that_would_take_for_ever_are_not_tried(shop):
    guard = "data.qty"
    for n in range(12):
        guard = f"{[1] * 40}.all(x{n}, {guard})"
    assert ships(shop, guard=guard) == []


def test_a_large_design_is_checked_without_comparing_all_with_all(sketch):
    for n in range(300):
        sketch.event(f"Step{n}Done", schema=schema(["qty"], qty=WHOLE, **{f"x{n}": TEXT}))
    for n in range(299):
        emit = {f"Step{n + 1}Done": {"id": "data.id", "qty": "data.qty + 1.0"}}
        sketch.reaction("steps", f"Step{n}Done", emit=emit, guard="data.qty >= 0.0")
    with at_most(calls=15_000_000):
        assert sketch.found("reaction-fails") == {}


# --- upcasters -------------------------------------------------------------------------------


def design_with(fields, old, new):
    design = Choreography()
    design.event(EventType("SignedUp", old, 1))
    design.release("SignedUp")
    design.event(EventType("SignedUp", new, 2))
    design.upcaster("SignedUp", 1, fields)
    return design


def fails(design):
    found = [p for p in design.lint() if p.rule == "upcaster-fails"]
    assert all(p.subject == "SignedUp" for p in found)
    return [(p.severity, p.message) for p in found]


def test_an_upcaster_that_always_fails_is_an_error():
    design = design_with({}, schema(), schema(["email"], email=TEXT))
    ((severity, message),) = fails(design)
    assert severity == "error"
    assert message.startswith(
        "SignedUp's upcaster to v2 fails on 20 of 20 plausible v1 events, such as {"
    )
    assert '"email" is a required property' in message


def test_one_that_fails_where_a_field_is_absent_is_a_warning():
    old, new = schema(email=TEXT), schema(["email"], email=TEXT)
    ((severity, message),) = fails(design_with({"email": "data.email"}, old, new))
    assert severity == "warning"
    assert "SignedUp v1 can't be read as v2" in message
    mended = "data.email == null ? 'none' : data.email"
    assert fails(design_with({"email": mended}, old, new)) == []


def test_an_upcaster_that_gives_what_the_next_version_takes_is_none():
    design = design_with(
        {"email": "data.id + '@example.com'"}, schema(), schema(["email"], email=TEXT)
    )
    assert fails(design) == []


def test_on_disk_its_file_is_told(tmp_path):
    design = design_with({"email": "1.0"}, schema(), schema(["email"], email=TEXT))
    design.save(tmp_path)
    found = [p for p in Choreography.load(tmp_path).lint() if p.rule == "upcaster-fails"]
    home = tmp_path / "events" / "SignedUp"
    assert [p.file for p in found] == [str(home / "draft.upcaster.yaml")]
    design.release("SignedUp", force=True, reason="a test")
    design.save(tmp_path)
    found = [p for p in Choreography.load(tmp_path).lint() if p.rule == "upcaster-fails"]
    assert [p.file for p in found] == [str(home / "2.upcaster.yaml")]


def test_an_older_version_of_which_no_event_is_found_is_passed_over():
    assert fails(design_with({}, {"not": {}}, schema(["email"], email=TEXT))) == []


@pytest.mark.parametrize("name", ["orders", "signup", "fintech"])
def test_the_sample_designs_are_clean(pytestconfig, name):
    found = Choreography.load(pytestconfig.rootpath / "sample_data" / name).lint()
    assert found.at_least("warning") == []

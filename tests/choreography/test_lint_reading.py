"""The rule about fields that are read and that nobody declares."""

import pytest

from workbench.choreography import Choreography
from workbench.events import EventType

TEXT = {"type": "string"}
CONTACT = {"type": "object", "properties": {"email": TEXT, "phone": TEXT}}
LINES = {"type": "array", "items": {"type": "object", "properties": {"sku": TEXT}}}


@pytest.fixture
def shop(sketch):
    sketch.event("OrderPlaced", qty={"type": "integer"}, contact=CONTACT, lines=LINES, tags={})
    sketch.event("OrderShipped", email=TEXT)
    return sketch


def ships(shop, value="data.id", **settings):
    emit = {"OrderShipped": {"id": "data.id", "email": value}}
    shop.reaction("shipping", "OrderPlaced", "OrderShipped", name="ship", emit=emit, **settings)
    return shop.found("unknown-field")


def test_a_mapping_that_reads_no_field_is_told_with_the_name_that_is_meant(shop):
    assert ships(shop, "data.contact.emial") == {
        "shipping/ship": (
            "shipping/ship reads data.contact.emial for OrderShipped.email, but OrderPlaced v1 has "
            "no such field, so that it is null: did you mean data.contact.email?"
        )
    }
    (problem,) = (p for p in shop.design.lint() if p.rule == "unknown-field")
    assert problem.severity == "warning"


def test_so_is_a_guard(shop):
    assert ships(shop, guard="data.quantity > 0.0") == {
        "shipping/ship": (
            "shipping/ship reads data.quantity in its guard, but OrderPlaced v1 has no such field, "
            "so that it is null: did you mean data.qty?"
        )
    }


def test_where_no_name_is_like_it_those_that_there_are_are_told(shop):
    (message,) = ships(shop, "data.contact.x").values()
    assert message.endswith("so that it is null: there is data.contact.email, data.contact.phone.")


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ("data.lines[0].suk", "lines[].suk"),
        ("data.lines.map(l, l.suk)[0]", "lines[].suk"),
        ("data['idd']", "idd"),
        ("data.id + data.idd", "idd"),
        ("data.contcat.email", "contcat"),
    ],
)
def test_every_way_to_read_a_field_counts(shop, expression, path):
    (message,) = ships(shop, expression).values()
    assert f"reads data.{path} for" in message


@pytest.mark.parametrize(
    "expression",
    [
        "data.contact.email",
        "data.lines[0].sku",
        "data.lines.exists(l, l.sku == data.id) ? 'a' : 'b'",
        "data.id.startsWith('x') ? 'a' : 'b'",
        "string(size(data.lines))",
        "data.tags.whatever",
        "data.id.deeper",
        "'data.emial'",
        "string(data.qty)",
    ],
)
def test_what_is_declared_or_may_be_anything_is_not_reported(shop, expression):
    assert ships(shop, expression) == {}


OPEN = [
    {"type": "object"},
    {},
    True,
    {**CONTACT, "patternProperties": {"^x": TEXT}},
    {**CONTACT, "additionalProperties": TEXT},
    {"anyOf": [CONTACT, {"type": "object"}]},
    {**CONTACT, "dependentSchemas": {"email": {"properties": {"mobile": TEXT}}}},
    {**CONTACT, "allOf": [{"$ref": "https://example.com/contact"}]},
    {"if": {"properties": {"mobile": TEXT}}, **CONTACT},
    {"oneOf": [CONTACT, {"properties": {"mobile": TEXT}}]},
]


@pytest.mark.parametrize("contact", OPEN)
def test_where_the_schema_does_not_say_what_there_is_any_name_will_do(sketch, contact):
    sketch.event("OrderPlaced", contact=contact)
    sketch.reaction("shipping", "OrderPlaced", "OrderShipped", guard="data.contact.mobile == 'x'")
    assert sketch.found("unknown-field") == {}


@pytest.mark.parametrize(
    "contact",
    [
        {"$ref": "#/$defs/Contact"},
        {"anyOf": [CONTACT, {"type": "null"}]},
        {**CONTACT, "anyOf": [{"required": ["email"]}, {"required": ["phone"]}]},
        {**CONTACT, "additionalProperties": False},
    ],
)
def test_references_and_branches_are_followed(sketch, contact):
    schema = {"properties": {"id": TEXT, "contact": contact}, "$defs": {"Contact": CONTACT}}
    sketch.event("OrderPlaced", schema=schema)
    sketch.reaction("shipping", "OrderPlaced", "OrderShipped", guard="data.contact.emial == 'x'")
    (message,) = sketch.found("unknown-field").values()
    assert message.endswith("did you mean data.contact.email?")


def test_a_schema_that_contains_itself_ends(sketch):
    schema = {"properties": {"id": TEXT, "next": {"$ref": "#"}}}
    sketch.event("OrderPlaced", schema=schema)
    sketch.reaction("a", "OrderPlaced", "X", guard="data.next.next.next.id == 'x'")
    assert sketch.found("unknown-field") == {}
    sketch.reaction("a", "OrderPlaced", "X", guard="data.next.next.nxt.id == 'x'")
    (message,) = sketch.found("unknown-field").values()
    assert message.endswith("did you mean data.next.next.next?")


def test_a_field_of_one_of_the_versions_that_are_read_is_declared(sketch):
    for version, field in ((1, "qty"), (2, "quantity")):
        released = sketch.event("OrderPlaced", version=version, **{field: TEXT})
        sketch.design.released.setdefault("OrderPlaced", {})[version] = released
    service = sketch.design.service("shipping")
    service.whenever("OrderPlaced", guard="data.qty == 'x'", emit={}, reads=[1, 2])
    assert sketch.found("unknown-field") == {}
    service.reactions.clear()
    service.whenever("OrderPlaced", guard="data.qty == 'x'", emit={})
    (message,) = sketch.found("unknown-field").values()
    assert "OrderPlaced v2 has no such field" in message


def test_a_handler_is_not_looked_into(sketch):
    sketch.handler("shipping", "OrderPlaced", "OrderShipped")
    assert sketch.found("unknown-field") == {}


def test_an_upcaster_that_reads_no_field_is_told_with_its_file(tmp_path):
    design = Choreography()
    design.event(EventType("UserSignedUp", {"properties": {"id": TEXT, "contact": CONTACT}}, 1))
    design.release("UserSignedUp")
    design.event(EventType("UserSignedUp", {"properties": {"id": TEXT, "email": TEXT}}, 2))
    design.upcaster("UserSignedUp", 1, {"email": "data.contact.emial"})
    design.save(tmp_path)
    (problem,) = (p for p in Choreography.load(tmp_path).lint() if p.rule == "unknown-field")
    assert problem.message == (
        "UserSignedUp's upcaster to v2 reads data.contact.emial for email, but UserSignedUp v1 has "
        "no such field, so that it is null: did you mean data.contact.email?"
    )
    file = tmp_path / "events" / "UserSignedUp" / "draft.upcaster.yaml"
    assert (problem.subject, problem.file) == ("UserSignedUp", str(file))

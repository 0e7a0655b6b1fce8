"""Rules about payloads: personal data, and size."""

import pytest

from tests.effort import at_most
from workbench.choreography import Choreography
from workbench.choreography.fields import MAX_FIELDS
from workbench.choreography.lint.payloads import LARGE
from workbench.events import Event, EventType

TEXT = {"type": "string"}
MARKED = {"type": "string", "x-personal-data": True}


def personal(schema):
    design = Choreography()
    design.event(EventType("UserRegistered", {"type": "object", **schema}))
    return [p.subject for p in design.lint() if p.rule == "personal-data"]


@pytest.mark.parametrize(
    "name",
    [
        "email",
        "customerEmail",
        "contact_e_mail",
        "phone",
        "phoneNumber",
        "first_name",
        "lastName",
        "full_name",
        "birthDate",
        "date_of_birth",
        "address",
        "shipping_address",
        "street",
        "zip_code",
        "iban",
        "card_number",
        "ssn",
        "ip",
        "clientIp",
        "ip_address",
        "emails",
        "addresses",
        "customer_name",
    ],
)
def test_a_field_that_looks_personal_and_is_not_marked_is_reported(name):
    assert personal({"properties": {name: TEXT}}) == [f"UserRegistered.{name}"]
    assert personal({"properties": {name: MARKED}}) == []
    assert personal({"properties": {name: {**TEXT, "x-personal-data": False}}}) == []


@pytest.mark.parametrize(
    "name",
    [
        "order_id",
        "customer",
        "product",
        "name",
        "total",
        "zone",
        "description",
        "email_id",
        "phone_model",
        "contract_address",
        "server_ip",
        "mac_address",
        "product_name",
        "ship",
        "script",
        "address_id",
        "company",
    ],
)
def test_a_field_that_does_not_look_personal_is_left_alone(name):
    assert personal({"properties": {name: TEXT}}) == []


def test_the_sentence_says_how_to_mark_it(sketch):
    sketch.event("UserRegistered", email=TEXT)
    assert sketch.found("personal-data") == {
        "UserRegistered.email": (
            "UserRegistered.email looks like personal data: mark it in its schema, "
            '"x-personal-data": true (or false, if it is none).'
        )
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"format": "email"},
        {"anyOf": [{"type": "string", "format": "idn-email"}, {"type": "null"}]},
        {"type": "array", "items": {"type": "string", "format": "ipv4"}},
        {"$ref": "#/$defs/Contact"},
    ],
)
def test_a_format_gives_it_away_too(schema):
    contact = {"Contact": {"type": "string", "format": "email"}}
    assert personal({"properties": {"to": schema}, "$defs": contact}) == ["UserRegistered.to"]


def test_a_boolean_only_says_something_about_it():
    assert personal({"properties": {"has_email": {"type": "boolean"}}}) == []
    nullable = {"anyOf": [{"type": "boolean"}, {"type": "null"}]}
    assert personal({"properties": {"email": nullable}}) == []


def test_nested_fields_are_found_through_lists_and_references_and_each_once():
    person = {"type": "object", "properties": {"last_name": TEXT, "role": TEXT}}
    schema = {
        "properties": {
            "buyer": {"$ref": "#/$defs/Person"},
            "seller": {"$ref": "#/$defs/Person"},
            "guests": {"type": "array", "items": {"properties": {"email": TEXT}}},
            "extra": {"oneOf": [{"properties": {"iban": TEXT}}, {"type": "null"}]},
        },
        "$defs": {"Person": person},
    }
    found = personal(schema)
    assert sorted(found) == [
        "UserRegistered.buyer.last_name",
        "UserRegistered.extra.iban",
        "UserRegistered.guests[].email",
    ]


def test_ten_thousand_personal_fields_are_told_and_no_more(tmp_path):
    fields = {f"email{n}": TEXT for n in range(MAX_FIELDS + 5)}
    design = Choreography()
    design.event(EventType("UserRegistered", {"type": "object", "properties": fields}))
    design = Choreography.load(design.save(tmp_path))
    with at_most(calls=1_000 * MAX_FIELDS):
        found = [p for p in design.lint() if p.rule == "personal-data"]
    assert len(found) == MAX_FIELDS
    assert found[-1].line is not None


def test_a_mark_holds_for_all_that_is_in_it():
    inner = {"type": "object", "properties": {"email": TEXT, "phone": TEXT}}
    assert len(personal({"properties": {"who": inner}})) == 2
    assert personal({"properties": {"who": {**inner, "x-personal-data": True}}}) == []
    assert personal({"properties": {"who": inner}, "x-personal-data": True}) == []


def test_of_an_object_that_looks_personal_its_fields_are_not_reported_too():
    address = {"type": "object", "properties": {"street": TEXT, "city": TEXT}}
    assert personal({"properties": {"address": address}}) == ["UserRegistered.address"]


def test_a_pydantic_field_is_marked_in_its_own_way():
    from pydantic import Field

    class UserRegistered(Event, version=1, key="user_id"):
        user_id: str
        email: str = Field(json_schema_extra={"x-personal-data": True})
        phone: str | None = None

    design = Choreography()
    design.event(UserRegistered)
    found = [p.subject for p in design.lint() if p.rule == "personal-data"]
    assert found == ["UserRegistered.phone"]


# --- size ---------------------------------------------------------------------------------


def test_an_embedded_file_is_reported_unless_it_is_small(sketch):
    sketch.event("ScanTaken", scan={"type": "string", "contentEncoding": "base64"})
    sketch.event("IconChosen", icon={"type": "string", "format": "byte", "maxLength": 2_000})
    assert sketch.found("large-payload") == {
        "ScanTaken.scan": (
            "ScanTaken.scan embeds a file of any size: let the event carry its address instead."
        )
    }


def test_bounds_that_allow_too_much_are_reported(sketch):
    line = {"type": "object", "properties": {"text": {"type": "string", "maxLength": 1_000}}}
    sketch.event("NoteTaken", lines={"type": "array", "maxItems": 50, "items": line})
    assert sketch.found("large-payload") == {}
    sketch.event("NoteTaken", lines={"type": "array", "maxItems": 500, "items": line})
    assert sketch.found("large-payload") == {
        "NoteTaken": (
            "NoteTaken may have 505 kB by the bounds of its schema: more than 100 kB are too much "
            "for an event."
        )
    }


def test_texts_and_lists_without_a_bound_are_usual(sketch):
    rows = {"type": "array", "items": {"type": "object", "properties": {"note": TEXT}}}
    sketch.event("NoteTaken", lines=rows, text=TEXT)
    assert sketch.found("large-payload") == {}


def test_sizes_add_up_through_references_that_contain_themselves(sketch):
    tree = {
        "properties": {
            "id": TEXT,
            "text": {"type": "string", "maxLength": LARGE // 2 + 1},
            "also": {"type": "string", "maxLength": LARGE // 2 + 1},
            "child": {"$ref": "#"},
        }
    }
    sketch.event("TreeGrown", schema=tree)
    assert list(sketch.found("large-payload")) == ["TreeGrown"]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "#/properties/a"}}},
        {"properties": {"a": True, "b": {"items": True}}},
        {"properties": {"a": {"type": "string", "maxLength": 10**300}}},
        {"properties": {"a": {"x-personal-data": "perhaps"}}},
        {
            "properties": {"email": {"$ref": "#/$defs/d0"}},
            "$defs": {
                **{
                    f"d{n}": {"properties": {key: {"$ref": f"#/$defs/d{n + 1}"} for key in "abcd"}}
                    for n in range(40)
                },
                "d40": {"type": "string"},
            },
        },
    ],
    ids=["itself", "itself in a field", "booleans", "huge", "no mark", "a bomb of references"],
)
def test_a_strange_schema_is_read_with_little_effort(schema):
    design = Choreography()
    design.event(EventType("Strange", schema))
    with at_most(calls=500_000):
        assert str(design.lint())

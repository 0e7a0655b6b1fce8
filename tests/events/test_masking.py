"""Personal data is hidden wherever a schema says so: in payloads, and in texts about them."""

import json

import pytest

from workbench.events import Event, EventType
from workbench.events.masking import Masking, without

PERSONAL = {"x-personal-data": True}
OPEN = {"x-personal-data": False}


def show(schema, payload):
    return Masking([EventType("Signed", schema)]).mask(payload).payload


def hidden(schema, payload):
    return Masking([EventType("Signed", schema)]).mask(payload).hidden


def obj(**properties):
    return {"type": "object", "properties": properties}


def test_a_marked_field_is_masked_and_the_others_are_not():
    schema = obj(email={"type": "string", **PERSONAL}, plan={"type": "string"})
    payload = {"email": "ann@example.com", "plan": "free"}
    assert show(schema, payload) == {"email": "***", "plan": "free"}
    assert payload["email"] == "ann@example.com"
    assert hidden(schema, payload) == {"ann@example.com"}


def test_a_schema_without_marks_gives_the_payload_as_it_is():
    payload = {"plan": "free"}
    assert show(obj(plan={}), payload) is payload


def test_a_pydantic_model_can_mark_its_fields():
    from pydantic import BaseModel, Field

    class Contact(BaseModel):
        email: str | None = Field(default=None, json_schema_extra=PERSONAL)
        kind: str = "home"

    class Joined(Event, version=1):
        contacts: list[Contact]
        best: Contact | None = None

    joined = Joined(contacts=[Contact(email="ann@example.com")])
    assert repr(joined) == "Joined(contacts=[{'email': '***', 'kind': 'home'}], best=None)"
    assert "ann" not in str(joined)
    masking = Masking([Joined.event_type])
    entry = {"email": "ann@example.com", "kind": "work"}
    shown = masking.mask({"contacts": [entry, entry], "best": entry}).payload
    assert shown == {
        "contacts": [{"email": "***", "kind": "work"}] * 2,
        "best": {"email": "***", "kind": "work"},
    }


@pytest.mark.parametrize("value", ["x", 7, 7.5, True, "", {"a": "b"}, [1, ["two"]]])
def test_whatever_stands_in_a_personal_field_is_masked_to_its_leaves(value):
    found = json.dumps(show(obj(secret=PERSONAL), {"secret": value}))
    assert not any(leaf in found for leaf in ("x", "7", "rue", '""', '"a"', "b", "1", "two"))
    assert "***" in found


def test_what_is_missing_stays_missing():
    assert show(obj(email=PERSONAL), {"email": None}) == {"email": None}
    assert show(obj(email=PERSONAL), {}) == {}


def test_a_mark_on_an_object_holds_for_all_that_is_in_it_but_what_says_otherwise():
    schema = obj(
        customer={**obj(name={}, country=OPEN, address=obj(city={}, planet=OPEN)), **PERSONAL}
    )
    payload = {
        "customer": {"name": "Ann", "country": "CH", "address": {"city": "Bern", "planet": "earth"}}
    }
    assert show(schema, payload) == {
        "customer": {"name": "***", "country": "CH", "address": {"city": "***", "planet": "earth"}}
    }


def test_a_mark_on_the_whole_schema_holds_for_everything():
    assert show({**obj(name={}, plan=OPEN), **PERSONAL}, {"name": "Ann", "plan": "free"}) == {
        "name": "***", "plan": "free",
    }  # fmt: skip
    assert show(PERSONAL, "Ann") == "***"


def test_names_that_no_schema_knows_are_masked_in_what_is_personal():
    schema = obj(phones={"additionalProperties": {"type": "string"}, **PERSONAL})
    payload = {"phones": {"ann@example.com": "+41 31 000 00 00"}}
    assert show(schema, payload) == {"phones": {"***": "***"}}
    assert hidden(schema, payload) == {"ann@example.com", "+41 31 000 00 00"}


def test_names_marked_as_personal_are_masked():
    schema = {"propertyNames": PERSONAL, "additionalProperties": {"type": "integer"}}
    assert show(schema, {"ann": 3}) == {"***": 3}


@pytest.mark.parametrize(
    "rule",
    [
        {"items": obj(email=PERSONAL)},
        {"prefixItems": [obj(email=PERSONAL)]},
        {"items": [obj(email=PERSONAL)]},
        {"prefixItems": [], "items": obj(email=PERSONAL)},
        {"contains": obj(email=PERSONAL)},
        {"unevaluatedItems": obj(email=PERSONAL)},
        {"items": {"$ref": "#/$defs/contact"}},
        {"allOf": [{"items": {"oneOf": [{}, {"$ref": "#/$defs/contact"}]}}]},
    ],
)
def test_entries_of_a_list_are_masked(rule):
    schema = {**obj(contacts={"type": "array", **rule}), "$defs": {"contact": obj(email=PERSONAL)}}
    payload = {"contacts": [{"email": "ann@example.com", "kind": "home"}]}
    assert show(schema, payload) == {"contacts": [{"email": "***", "kind": "home"}]}


@pytest.mark.parametrize(
    "rule",
    [
        {"allOf": [{}, obj(email=PERSONAL)]},
        {"anyOf": [obj(phone={}), obj(email=PERSONAL)]},
        {"oneOf": [{"required": ["phone"], **obj(email=PERSONAL)}, {}]},
        {"if": obj(email=PERSONAL)},
        {"if": {}, "then": obj(email=PERSONAL)},
        {"if": {}, "else": obj(email=PERSONAL)},
        {"not": obj(email=PERSONAL)},
        {"dependentSchemas": {"plan": obj(email=PERSONAL)}},
        {"patternProperties": {"^e.*l$": PERSONAL}},
        {"additionalProperties": PERSONAL, **obj(plan={})},
        {"unevaluatedProperties": PERSONAL, **obj(plan={})},
        {"$ref": "#/$defs/contact"},
        {"$ref": "#/$defs/contact", **obj(email={"type": "string"})},
        {"$ref": "#/$defs/step"},
        obj(email={"$ref": "#/$defs/email"}),
        obj(email={"$ref": "#/$defs/email", "title": "Mail"}),
        obj(email={"anyOf": [{"$ref": "#/$defs/email"}, {"type": "null"}]}),
    ],
)
def test_every_subschema_about_a_value_has_a_say(rule):
    defs = {"email": PERSONAL, "contact": obj(email=PERSONAL), "step": {"$ref": "#/$defs/contact"}}
    shown = show({**rule, "$defs": defs}, {"email": "ann@example.com", "plan": "free"})
    assert shown["email"] == "***"
    assert shown["plan"] == "free"


def test_one_that_says_personal_wins_over_one_that_says_it_is_not():
    schema = {"oneOf": [obj(name=PERSONAL), obj(name=OPEN)]}
    assert show(schema, {"name": "Ann"}) == {"name": "***"}


def test_a_rule_that_knows_nothing_of_a_field_does_not_hide_it():
    schema = {**obj(country=OPEN, name={}), **PERSONAL, "allOf": [{"required": ["name"]}]}
    assert show(schema, {"country": "CH", "name": "Ann"}) == {"country": "CH", "name": "***"}


def test_a_schema_that_refers_to_itself_comes_to_an_end():
    schema = {
        **obj(name=PERSONAL, boss={"$ref": "#"}),
        "allOf": [{"$ref": "#/$defs/ring"}],
        "$defs": {"ring": {"anyOf": [{"$ref": "#/$defs/ring"}, {"$ref": "#"}]}},
    }
    payload = {"name": "Ann", "boss": {"name": "Bob", "boss": {"name": "Cy", "rank": 1}}}
    assert show(schema, payload) == {
        "name": "***", "boss": {"name": "***", "boss": {"name": "***", "rank": 1}},
    }  # fmt: skip


@pytest.mark.parametrize("reference", ["#/$defs/gone", "https://example.com/a.json", "#anchor", 7])
def test_what_a_reference_names_is_hidden_if_nobody_knows_it(reference):
    schema = obj(email=PERSONAL, other={"$ref": reference})
    assert show(schema, {"email": "e", "other": "o"}) == {"email": "***", "other": "***"}


def test_a_payload_that_does_not_satisfy_its_schema_is_masked_all_the_same():
    schema = obj(email={"type": "string", **PERSONAL}, lines={"type": "array", "items": {}})
    assert show(schema, {"email": {"typed": "wrong"}, "lines": 3, "more": "x"}) == {
        "email": {"***": "***"}, "lines": 3, "more": "x",
    }  # fmt: skip
    assert show(schema, ["no object"]) == ["no object"]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": 3, **PERSONAL},
        {"allOf": "x", "items": 7, "prefixItems": {}, **PERSONAL},
        {"patternProperties": {"(": PERSONAL, "a": True}, **PERSONAL},
        {"x-personal-data": "yes", "properties": {"a": {"x-personal-data": True}}},
    ],
)
def test_a_schema_that_makes_no_sense_hides_rather_too_much(schema):
    assert show(schema, {"a": "Ann"}) in ({"***": "***"}, {"a": "***"})


def test_a_field_marked_in_any_version_is_hidden_in_all():
    old = EventType("Signed", obj(email={}, plan={}), version=1)
    new = EventType("Signed", obj(email=PERSONAL, plan={}), version=2)
    assert Masking([old, new]).mask({"email": "e", "plan": "p"}).payload == {
        "email": "***", "plan": "p",
    }  # fmt: skip


def test_a_repr_says_nothing_of_what_was_hidden():
    assert "ann" not in repr(Masking([EventType("Signed", PERSONAL)]).mask("ann"))


# --- texts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("ann@example.com", "no mail to ann@example.com!", "no mail to ***!"),
        ("ann@example.com", "no mail to ANN@example.com", "no mail to ***"),
        ("ann@example.com", "KeyError: 'ann@example.com'", "KeyError: '***'"),
        ('O\'Neil "Jr"', repr('O\'Neil "Jr"'), "'***'"),
        ("two\nlines", repr("two\nlines"), "'***'"),
        ("Zoë", "bad name Zoë", "bad name ***"),
        ("Zoë Möller", json.dumps("Zoë Möller"), '"***"'),
        ("4111111111111111", "card 4111111111111111 refused", "card *** refused"),
        ("42", "age 42 of 421 and 142", "age *** of 421 and 142"),
        ("Al", "Al called, also Al's wife", "*** called, also ***'s wife"),
        ("7", "attempt 7 of 7", "attempt 7 of 7"),
        ("", "nothing", "nothing"),
        ("a.c", "abc a.c", "abc ***"),
        ("12.5", "it is 12.5 and 1205", "it is *** and 1205"),
    ],
)
def test_a_value_is_hidden_in_a_text(value, text, shown):
    assert without([value], text) == shown


def test_longer_values_go_first():
    assert without(["Anna", "Anna Lee"], "Anna Lee and Anna") == "*** and ***"


def test_a_long_value_that_was_cut_is_hidden_too():
    from pydantic import TypeAdapter, ValidationError

    value = "Bahnhofstrasse 17, third floor on the left, 3011 Bern, Switzerland, at the back"
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(int).validate_python(value)
    told = str(caught.value)
    assert value not in told
    shown = without([value], told)
    assert "Bahnhof" not in shown
    assert "back" not in shown
    assert "input_type=str" in shown


def test_a_value_of_nothing_but_stars_comes_to_an_end():
    assert set(without(["*" * 40], "a" + "*" * 100)) == {"a", "*"}


def test_the_numbers_of_a_payload_are_hidden_in_a_text():
    masking = Masking([EventType("Signed", obj(account={"type": "integer", **PERSONAL}))])
    told = masking.mask({"account": 10025567}).text("no account 10025567")
    assert told == "no account ***"


@pytest.mark.parametrize("name", ["Zoë O'Brien", 'Zoë "Z" Brien', "Zoë\nBrien", "Zoë\udc80Brien"])
def test_a_value_is_found_however_python_and_json_quote_it(name):
    said = [
        repr(name),
        ascii(name),
        json.dumps(name),
        repr(name.encode("utf-8", "backslashreplace")),
    ]
    for text in said:
        assert without({name}, text)[-5:].strip("b\"'") == "***"

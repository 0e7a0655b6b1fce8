"""Examples: plausible payloads that keep every rule of a schema, or a sentence that says why not."""

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from tests.effort import at_most
from workbench.choreography import Choreography
from workbench.errors import DesignError, EventError
from workbench.events import Event, EventType, Examples, examples


class Speed(StrEnum):
    slow = "slow"
    fast = "fast"


class Address(BaseModel):
    street: str
    city: str = Field(min_length=3, max_length=20)


class Everything(Event, key="trip_id"):
    trip_id: UUID
    started_at: datetime
    speed: Speed
    address: Address
    tags: list[str]
    seats: int = Field(ge=2, le=3)
    price: Decimal
    score: float = Field(gt=0, lt=1)
    insured: bool
    country: str = Field(pattern="^[A-Z]{2}$")
    comment: str | None = None


class OrderPlaced(Event, key="order_id"):
    order_id: str
    customer: str
    product: str
    quantity: int
    total: Decimal


@pytest.mark.parametrize("seed", range(20))
def test_every_example_keeps_every_rule(seed):
    event_type = Everything.event_type
    for payload in examples(Everything, 5, seed):
        assert event_type.problem_with(payload) is None
        Everything.model_validate(payload)


def test_an_order_looks_like_an_order():
    (payload,) = examples(OrderPlaced)
    assert re.fullmatch(r"o-\d+", payload["order_id"])
    assert re.fullmatch(r"\w+ \w+", payload["customer"])
    assert 1 <= payload["quantity"] <= 5
    assert re.fullmatch(r"\d+\.\d\d", payload["total"])


TEXT = {"type": "string"}
EMAIL = {"type": "string", "format": "email"}


def fields(**properties):
    return {"type": "object", "properties": properties, "required": [*properties]}


def address(name):
    """An e-mail address as somebody of that name has it."""
    return f"{'.'.join(re.findall('[a-z]+', name.lower()))}@example."


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["name", "full_name", "customer"])
@pytest.mark.parametrize("email", [("email", TEXT), ("contact_mail", TEXT), ("reach", EMAIL)])
def test_an_email_address_is_that_of_the_person_named_beside_it(seed, name, email):
    (made,) = examples(fields(**{email[0]: email[1], name: TEXT, "product_name": TEXT}), 1, seed)
    assert made[email[0]].startswith(address(made[name]))


def test_a_given_and_a_family_name_make_an_email_address_too():
    (made,) = examples(fields(first_name=TEXT, surname=TEXT, email=EMAIL))
    assert made["email"].startswith(address(f"{made['first_name']} {made['surname']}"))


def test_an_email_address_may_lie_deeper_than_the_name_or_less_deep():
    (made,) = examples(fields(customer=TEXT, contact=fields(email=EMAIL)))
    assert made["contact"]["email"].startswith(address(made["customer"]))
    (made,) = examples(fields(email=EMAIL, buyer=fields(name=TEXT)))
    assert made["email"].startswith(address(made["buyer"]["name"]))


def test_each_of_several_people_has_an_email_address_of_their_own():
    person = fields(name=TEXT, email=EMAIL)
    guests = {"type": "array", "items": person, "minItems": 3, "maxItems": 3}
    (made,) = examples(fields(host=person, guests=guests, owner=TEXT, email=EMAIL))
    for one in [made["host"], *made["guests"]]:
        assert one["email"].startswith(address(one["name"]))
    assert made["email"].startswith(address(made["owner"]))


def test_nobodys_name_is_given_to_all_in_a_list():
    guests = {"type": "array", "items": fields(email=EMAIL), "minItems": 2}
    (made,) = examples(fields(name=TEXT, guests=guests))
    assert len({guest["email"] for guest in made["guests"]}) == len(made["guests"])


def test_an_email_address_that_the_schema_says_stays():
    said = {**EMAIL, "const": "office@example.org"}
    (made,) = examples(fields(name=TEXT, email=said))
    assert made["email"] == "office@example.org"


def test_an_address_that_would_break_a_rule_is_left_as_it_was():
    rule = {"if": {"properties": {"email": {"pattern": "^ada"}}}, "then": False}
    schema = fields(name={"const": "Ada"}, email=EMAIL) | rule
    (made,) = examples(schema)
    assert not made["email"].startswith("ada")


@pytest.mark.parametrize(
    ("event", "reasons"),
    [
        (
            "PaymentDeclined",
            {"insufficient funds", "card expired", "limit exceeded", "card blocked"},
        ),
        ("OrderCancelled", {"changed my mind", "found it cheaper", "ordered by mistake"}),
        ("ShipmentReturned", {"wrong address", "nobody at home", "damaged on the way"}),
        ("OutOfStock", {"out of stock", "no longer sold"}),
        ("AccountClosed", {"by request", "not possible now", "a rule was not met"}),
    ],
)
def test_a_reason_is_one_for_what_happened(event, reasons):
    made = examples(EventType(event, fields(reason=TEXT)), 12)
    assert {payload["reason"] for payload in made} <= reasons


@pytest.mark.parametrize(
    ("name", "looks_like"),
    [
        ("email", r"[a-z]+\.[a-z]+@example\.(org|com|net)"),
        ("firstName", r"[A-Z]\w+"),
        ("currency", r"[A-Z]{3}"),
        ("country", r"[A-Z]{2}"),
        ("sku", r"[A-Z]+-\d{4}"),
        ("phone", r"\+49 30 \d{7}"),
        ("customer_id", r"c-\d+"),
        ("created_at", r"2026-1\d-\d\dT\d\d:\d\d:\d\dZ"),
        ("birthDate", r"(19|20)\d\d-\d\d-\d\d"),
        ("unit_price", r"\d+\.\d\d"),
        ("postal_code", r"\d{5}"),
    ],
)
def test_a_field_s_name_says_what_it_looks_like(name, looks_like):
    for payload in examples({"properties": {name: {"type": "string"}}, "required": [name]}, 10):
        assert re.fullmatch(looks_like, payload[name])


def test_an_iban_has_the_right_check_digits():
    for payload in examples({"properties": {"iban": {"type": "string"}}, "required": ["iban"]}, 20):
        moved = payload["iban"][4:] + payload["iban"][:4]
        assert int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


def test_amounts_have_two_decimals():
    schema = {"properties": {"amount": {"type": "number"}}, "required": ["amount"]}
    for payload in examples(schema, 20):
        assert payload["amount"] == round(payload["amount"], 2)


def test_the_author_s_own_examples_come_first():
    schema = {"type": "string", "examples": ["lamp", "chair", 7]}
    assert {*examples(schema, 20)} == {"lamp", "chair"}


def test_the_first_example_is_full_and_later_ones_leave_optional_fields_out_now_and_then():
    payloads = examples(Everything, 30)
    assert "comment" in payloads[0]
    assert any("comment" not in payload for payload in payloads)
    assert all("price" in payload for payload in payloads)


def test_no_two_payloads_have_the_same_ids():
    assert len({payload["order_id"] for payload in examples(OrderPlaced, 1_000)}) == 1_000


def test_the_same_seed_gives_the_same_examples_in_every_process():
    schema = {
        **Everything.event_type.schema,
        "patternProperties": {"^x-[^a-m0-9]{3}[\\w.-]+$": {"type": ["integer", "null"]}},
        "minProperties": 14,
    }
    program = (
        "import json, sys; from workbench.events import examples;"
        "print(json.dumps(examples(json.load(sys.stdin), 5, 7)))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(schema),
            env={**os.environ, "PYTHONHASHSEED": hashing},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hashing in ("1", "2", "3")
    }
    assert seen == {json.dumps(examples(schema, 5, 7)) + "\n"}
    assert examples(schema, 5, 8) != examples(schema, 5, 7)


def test_importing_events_does_not_import_mimesis():
    program = "import sys, workbench.events; print('mimesis' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


NODE = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}},
}

SATISFIABLE = {
    "type": {"type": ["integer", "null"]},
    "const": {"const": {"a": [1, None]}},
    "enum": {"enum": [1, "a", None], "type": "string"},
    "large enum": {"enum": list(range(10_000)), "minimum": 9_990},
    "bounds": {"type": "integer", "exclusiveMinimum": 1_000, "maximum": 1_001},
    "bounds of draft 4": {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "number", "minimum": 3, "exclusiveMinimum": True, "maximum": 3.5,
    },
    "tiny bounds": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1e-9},
    "negative": {"type": "number", "maximum": -5000},
    "far bounds": {"type": "integer", "minimum": 10**30, "multipleOf": 7},
    "multipleOf": {"type": "number", "multipleOf": 0.05, "minimum": 1_000},
    "two multipleOf": {"type": "number", "allOf": [{"multipleOf": 6}, {"multipleOf": 0.4}]},
    "length": {"type": "string", "minLength": 300, "maxLength": 301},
    "email and length": {"type": "string", "format": "email", "minLength": 40},
    "short email": {"type": "string", "format": "email", "maxLength": 8},
    "pattern": {"type": "string", "pattern": r"^[A-Z]{3}-\d{200}(\.[a-z]+)?$"},
    "pattern and length": {"type": "string", "pattern": "^[a-z]*$", "minLength": 30, "maxLength": 32},
    "two patterns": {"type": "string", "pattern": "^[a-z]{4}", "allOf": [{"pattern": "[0-9]$"}]},
    "look-ahead": {"type": "string", "pattern": r"^(?=.*[A-Z])(?=.*\d)[A-Za-z\d]{8,}$"},
    "back-reference": {"type": "string", "pattern": r"^([a-c]{3})-\1$"},
    "Unicode": {"type": "string", "pattern": r"^\p{Lu}\p{Ll}+$"},
    "named group": {"type": "string", "pattern": r"^(?<year>\d{4})$"},
    "tuple": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    "tuple of draft 7": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "items": [{"type": "string"}, {"type": "integer"}], "additionalItems": False, "minItems": 2,
    },
    "uniqueItems": {
        "type": "array", "items": {"enum": list(range(200))}, "minItems": 200, "uniqueItems": True,
    },
    "contains": {
        "type": "array", "items": {"type": "integer"},
        "contains": {"const": 7}, "minContains": 2, "maxContains": 2, "minItems": 4,
    },
    "required, not described": {"required": ["a", "b"], "additionalProperties": {"type": "null"}},
    "dependentRequired": {
        "properties": {"card": {"type": "string"}},
        "required": ["card"], "dependentRequired": {"card": ["cvv"]},
    },
    "dependentSchemas": {
        "required": ["card"],
        "dependentSchemas": {"card": {"required": ["cvv"], "properties": {"cvv": {"const": 1}}}},
    },
    "minProperties by name": {
        "minProperties": 4, "propertyNames": {"pattern": "^[A-Z]{2}$"},
        "additionalProperties": {"type": "number"}, "type": "object",
    },
    "patternProperties": {
        "type": "object", "minProperties": 2, "additionalProperties": False,
        "patternProperties": {"^x-[a-z]+$": {"type": "boolean"}},
    },
    "maxProperties": {
        "type": "object", "maxProperties": 1, "required": ["b"],
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
    },
    "an optional field that nothing satisfies": {
        "type": "object", "properties": {"a": False, "b": {"type": "integer"}},
    },
    "unevaluatedProperties": {
        "type": "object", "allOf": [{"properties": {"a": {"type": "integer"}}}], "required": ["a"],
        "unevaluatedProperties": False,
    },
    "oneOf by field": {
        "type": "object", "properties": {"card": {"type": "string"}, "iban": {"type": "string"}},
        "oneOf": [{"required": ["card"]}, {"required": ["iban"]}],
    },
    "twenty choices that must agree": {
        "allOf": [
            {"anyOf": [{"type": "integer", "minimum": n}, {"type": "string", "minLength": n}]}
            for n in range(20)
        ],
    },
    "not": {"not": {"type": ["object", "string", "integer", "number", "null", "array"]}},
    "not required together": {
        "type": "object", "properties": {"a": True, "b": True}, "not": {"required": ["a", "b"]},
    },
    "if": {
        "type": "object", "required": ["country", "zip"],
        "properties": {"country": {"enum": ["US", "DE"]}, "zip": {"type": "string"}},
        "if": {"properties": {"country": {"const": "US"}}},
        "then": {"properties": {"zip": {"pattern": r"^\d{5}-\d{4}$"}}},
        "else": {"properties": {"zip": {"pattern": r"^\d{5}$"}}},
    },
    "a list of itself": {"$defs": {"n": {**NODE, "required": ["next"]}}, "$ref": "#/$defs/n"},
    "a tree": {
        "type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["kids"],
    },
    "a reference to itself": {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    "an anchor": {"$defs": {"x": {"$anchor": "m", "const": 5}}, "$ref": "#m"},
    "ids inside": {
        "$id": "https://example.org/order.json",
        "$defs": {
            "x": {
                "$id": "money.json", "$defs": {"c": {"const": "c"}}, "required": ["c"],
                "properties": {"c": {"$ref": "#/$defs/c"}},
            },
        },
        "properties": {"total": {"$ref": "money.json"}}, "required": ["total"],
    },
    "a strange name": {"required": ["a/b~ %25\n<b>"], "properties": {"a/b~ %25\n<b>": {"const": 1}}},
    "sixty levels": json.loads('{"required": ["a"], "properties": {"a": ' * 60 + "{}" + "}}" * 60),
    "true": True,
}  # fmt: skip


@pytest.mark.parametrize("rule", SATISFIABLE)
def test_each_rule_of_the_language_is_kept(rule):
    schema = SATISFIABLE[rule]
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    for seed in range(5):
        for payload in examples(schema, 3, seed):
            assert validator.is_valid(payload), payload


@pytest.mark.parametrize(
    "form",
    [
        "date-time", "date", "time", "duration", "uuid", "email", "idn-email", "hostname",
        "idn-hostname", "ipv4", "ipv6", "uri", "iri", "uri-reference", "iri-reference",
        "uri-template", "json-pointer", "relative-json-pointer", "regex", "decimal",
    ],
)  # fmt: skip
def test_each_format_is_kept(form):
    validator = jsonschema_rs.validator_for({"format": form}, validate_formats=True)
    for text in examples({"type": "string", "format": form}, 10):
        assert isinstance(text, str)
        assert validator.is_valid(text)


NO_EXAMPLE = {
    "bounds that exclude each other": (
        {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 5, "maximum": 4}}},
        "n can't be made: nothing was found that keeps its rules (type, minimum, maximum).",
    ),
    "a field deep inside": (
        {
            "type": "object", "required": ["lines"],
            "properties": {
                "lines": {
                    "type": "array", "minItems": 2,
                    "items": {
                        "type": "object", "required": ["sku"],
                        "properties": {"sku": {"type": "string", "pattern": "^a$", "minLength": 2}},
                    },
                },
            },
        },
        "lines.0.sku can't be made: nothing was found that keeps its rules (type, pattern, minLength).",
    ),
    "false": (False, "the payload can't be made: "),
    "what needs itself": (
        {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]},
        "next.next.next can't be made: it would have to contain itself without end.",
    ),
    "a thousand million items": (
        {"type": "array", "minItems": 10**9},
        "the payload can't be made: it wants more than 1,000 items.",
    ),
    "a thousand million characters": (
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 10**9}}},
        "a can't be made: it wants a text of more than 10,000 characters.",
    ),
    "a thousand million fields": (
        {"type": "object", "minProperties": 10**9},
        "the payload can't be made: it wants more than 1,000 properties.",
    ),
    "a million items": (
        {
            "type": "array", "minItems": 100,
            "items": {"type": "array", "minItems": 100, "items": {"type": "array", "minItems": 100}},
        },
        "can't be made: its schema takes too much work.",
    ),
    "a regular expression without end": (
        {"type": "string", "pattern": "^((a+)+)+(?!b)$", "not": {"pattern": "a"}},
        "the payload can't be made: nothing was found that keeps its rules (type, pattern, not).",
    ),
    "a thousand alternatives, none possible": (
        {
            "type": "object", "required": ["a"],
            "anyOf": [
                {"properties": {"a": {"type": "integer", "minimum": 9, "maximum": n % 8}}}
                for n in range(1_000)
            ],
        },
        "a can't be made: nothing was found that keeps its rules (type, minimum, maximum).",
    ),
    "three hundred levels": (
        json.loads('{"required": ["a"], "properties": {"a": ' * 300 + "{}" + "}}" * 300),
        "not a JSON Schema: Recursion limit reached.",
    ),
    "three items out of two": (
        {"type": "array", "items": {"type": "boolean"}, "minItems": 3, "uniqueItems": True},
        "2 can't be made: nothing was found that keeps its rules (type).",
    ),
    "a schema elsewhere": (
        {"$ref": "http://127.0.0.1:9/schema.json"},
        "not a JSON Schema: Resource 'http://127.0.0.1:9/schema.json'",
    ),
    "what is no schema": ({"type": "strnig"}, 'not a JSON Schema: "strnig" is not valid under any'),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_EXAMPLE)
def test_when_there_is_no_example_one_sentence_says_where_and_why_and_soon(case):
    schema, expected = NO_EXAMPLE[case]
    with at_most(calls=10_000_000), pytest.raises(EventError) as raised:
        examples(EventType("OrderPlaced", schema if isinstance(schema, dict) else {"not": {}}))
    assert str(raised.value).startswith("OrderPlaced v1: ")
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_neither_an_event_type_nor_a_schema_is_said():
    with pytest.raises(EventError, match=r"an event type or a JSON Schema is wanted, and list is"):
        examples([])


def test_a_design_gives_examples_of_its_event_types():
    design = Choreography()
    design.event(OrderPlaced)
    assert design.examples("OrderPlaced", n=3, seed=1) == examples(OrderPlaced, 3, 1)
    with pytest.raises(DesignError, match=r"there is no event type 'OrderPlacd' in this design"):
        design.examples("OrderPlacd")


def test_a_design_gives_examples_of_an_older_version_too():
    design = Choreography()
    design.event(EventType("Noted", {"required": ["old"], "properties": {"old": {}}}))
    design.release("Noted")
    design.event(EventType("Noted", {"required": ["new"], "properties": {"new": {}}}, version=2))
    assert [*design.examples("Noted")[0]] == ["new"]
    assert [*design.examples("Noted", version=1)[0]] == ["old"]
    with pytest.raises(DesignError, match=r"there is no Noted v3 \(there is: v1, v2\)"):
        design.examples("Noted", version=3)


def test_examples_go_on_without_end():
    endless = Examples(OrderPlaced, 1)
    assert [next(endless) for _ in range(3)] == examples(OrderPlaced, 3, 1)


WORDS = (
    "type", "enum", "const", "required", "properties", "patternProperties", "items", "prefixItems",
    "allOf", "anyOf", "not", "if", "dependentRequired", "dependencies", "minContains", "contains",
    "minLength", "minimum", "multipleOf", "pattern", "format", "examples", "default", "$id",
)  # fmt: skip


@pytest.mark.parametrize("value", [{"type": "string"}, True, {"enum": [1]}])
def test_a_reference_may_lead_to_what_is_no_schema(value):
    properties = dict.fromkeys(WORDS, value)
    schema = {"properties": properties, "allOf": [{"$ref": "#/properties"}], "type": "object"}
    try:
        found = examples(schema, 3)
    except EventError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    validator = jsonschema_rs.validator_for(schema)
    assert all(validator.is_valid(payload) for payload in found)


# --- any schema at all ----------------------------------------------------------------------

small = st.integers(-3, 12)
names = st.sampled_from(["id", "email", "total", "a", "b"])
scalars = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": small, "maximum": small, "exclusiveMinimum": small,
            "multipleOf": st.sampled_from([1, 3, 0.5, 0.01]),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "minLength": st.integers(0, 9), "maxLength": st.integers(0, 40),
            "pattern": st.sampled_from(["^[a-z]+$", r"^\d{2,}", "[^x]", "a|bc*", "^(ab?)+$"]),
            "format": st.sampled_from(["email", "uuid", "date-time", "uri", "decimal"]),
        },
    ),
    st.just({"type": "boolean"}) | st.just({"type": ["null", "string"]}) | st.booleans(),
    st.fixed_dictionaries({"enum": st.lists(small | names, min_size=1, max_size=4, unique=True)}),
    st.fixed_dictionaries({"const": small | names}),
    st.just({"$ref": "#/$defs/shared"}),
)  # fmt: skip


def composed(inner):
    lists = st.lists(inner, min_size=1, max_size=3)
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(names, inner, max_size=4)},
        optional={
            "required": st.lists(names, unique=True, max_size=3),
            "additionalProperties": inner, "minProperties": st.integers(0, 5),
            "maxProperties": st.integers(1, 5), "unevaluatedProperties": st.booleans(),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "l$", "x"]), inner),
            "dependentRequired": st.dictionaries(names, st.lists(names, unique=True), max_size=2),
            "dependentSchemas": st.dictionaries(names, inner, max_size=1),
        },
    )  # fmt: skip
    arrays = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": inner, "prefixItems": lists, "minItems": st.integers(0, 4),
            "maxItems": st.integers(0, 5), "uniqueItems": st.booleans(), "contains": inner,
        },
    )  # fmt: skip
    combined = st.fixed_dictionaries(
        {},
        optional={
            "allOf": lists, "anyOf": lists, "oneOf": lists, "not": inner,
            "if": inner, "then": inner, "else": inner,
        },
    )  # fmt: skip
    return objects | arrays | combined


schemas = st.recursive(scalars, composed, max_leaves=12)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schema=schemas, shared=schemas, seed=st.integers(0, 2**32))
def test_of_any_schema_an_example_keeps_every_rule_or_a_sentence_says_why_there_is_none(
    schema, shared, seed
):
    whole = {"$defs": {"shared": shared}, "allOf": [schema]}
    try:
        found = examples(whole, 3, seed)
    except EventError as error:
        assert re.fullmatch(r"Schema v1: [^\n]+\.", str(error))  # noqa: PT017
        return
    validator = jsonschema_rs.validator_for(whole, validate_formats=True)
    for payload in found:
        assert validator.is_valid(payload)
        assert json.loads(json.dumps(payload)) == payload


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schema=schemas, seed=st.integers(0, 99))
def test_what_one_seed_finds_another_finds_too(schema, seed):
    whole = {"$defs": {"shared": {"type": "integer"}}, "allOf": [schema]}
    try:
        examples(whole, 1, 0)
    except EventError:
        return
    assert examples(whole, 1, seed)

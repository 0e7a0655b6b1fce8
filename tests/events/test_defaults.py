"""The defaults of a schema, filled in where a payload has nothing."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.effort import at_most
from workbench.events import EventType, fill_defaults

CURRENCY = {"type": "string", "default": "EUR"}
MONEY = {"type": "object", "properties": {"currency": CURRENCY, "amount": {"type": "number"}}}


@pytest.mark.parametrize(
    ("schema", "data", "expected"),
    [
        ({"properties": {"c": CURRENCY}}, {}, {"c": "EUR"}),
        ({"properties": {"c": CURRENCY}}, {"c": None}, {"c": None}),
        ({"properties": {"c": {"default": None}}}, {}, {"c": None}),
        ({"properties": {"m": MONEY}}, {"m": {}}, {"m": {"currency": "EUR"}}),
        ({"properties": {"m": MONEY}}, {}, {}),
        ({"items": MONEY}, [{}, {"currency": "USD"}], [{"currency": "EUR"}, {"currency": "USD"}]),
        ({"prefixItems": [{}, MONEY]}, [{}, {}, {}], [{}, {"currency": "EUR"}, {}]),
        ({"prefixItems": [{}], "items": MONEY}, [{}, {}], [{}, {"currency": "EUR"}]),
        ({"items": [{}, MONEY]}, [{}, {}, {}], [{}, {"currency": "EUR"}, {}]),
        ({"items": [{}], "additionalItems": MONEY}, [{}, {}], [{}, {"currency": "EUR"}]),
        ({"additionalProperties": MONEY}, {"x": {}}, {"x": {"currency": "EUR"}}),
        (
            {"properties": {"a": {}}, "patternProperties": {"^b": {}}, "additionalProperties": MONEY},
            {"a": {}, "b1": {}, "c": {}},
            {"a": {}, "b1": {}, "c": {"currency": "EUR"}},
        ),
        ({"patternProperties": {"^p": MONEY}}, {"p1": {}, "q": {}}, {"p1": {"currency": "EUR"}, "q": {}}),
        (
            {"$defs": {"M": MONEY}, "properties": {"m": {"$ref": "#/$defs/M"}}},
            {"m": {}},
            {"m": {"currency": "EUR"}},
        ),
        ({"definitions": {"a/b": CURRENCY}, "properties": {"c": {"$ref": "#/definitions/a~1b"}}}, {}, {"c": "EUR"}),
        (
            {"$defs": {"C": CURRENCY}, "properties": {"c": {"$ref": "#/$defs/C", "default": "USD"}}},
            {},
            {"c": "USD"},
        ),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "$defs": {"C": CURRENCY},
             "properties": {"c": {"$ref": "#/$defs/C", "default": "USD"}}},
            {},
            {"c": "EUR"},  # before 2019-09 nothing counts beside a reference
        ),
        ({"allOf": [{"properties": {"c": CURRENCY}}, {"properties": {"d": {"default": 1}}}]}, {}, {"c": "EUR", "d": 1}),
        ({"$ref": "#/$defs/M", "$defs": {"M": MONEY}}, {}, {"currency": "EUR"}),
    ],
)  # fmt: skip
def test_what_is_missing_gets_its_default(schema, data, expected):
    assert fill_defaults(schema, data) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"properties": {"c": CURRENCY}}]},
        {"oneOf": [{"properties": {"c": CURRENCY}}]},
        {"not": {"properties": {"c": CURRENCY}}},
        {"if": {"properties": {"c": CURRENCY}}, "then": {"properties": {"c": CURRENCY}}},
        {"properties": {"c": {"anyOf": [CURRENCY]}}},
        {"default": {"c": "EUR"}},
        {"properties": {"c": {"$ref": "http://example.com/c"}}},
        {"properties": {"c": {"$ref": "#/nowhere"}}},
        {"properties": ["c"], "allOf": 3, "items": 7, "patternProperties": {"(": CURRENCY}},
        {"properties": {"c": True}, "items": False},
        True,
        {},
    ],
)
def test_what_may_not_apply_fills_nothing_in(schema):
    data = {"x": 1}
    assert fill_defaults(schema, data) is data


def test_a_payload_that_has_everything_is_given_back_as_it_is():
    schema = {"properties": {"m": MONEY, "list": {"items": MONEY}}}
    data = {"m": {"currency": "USD"}, "list": [{"currency": "USD"}]}
    assert fill_defaults(schema, data) is data


def test_the_payload_given_and_the_schema_are_never_changed():
    schema = {"properties": {"tags": {"default": ["new"]}, "m": MONEY}}
    data = {"m": {}}
    before = copy.deepcopy((schema, data))
    filled = fill_defaults(schema, data)
    filled["tags"].append("mine")
    filled["m"]["currency"] = "USD"
    assert (schema, data) == before
    assert fill_defaults(schema, data) == {"m": {"currency": "EUR"}, "tags": ["new"]}


def test_a_recursive_schema_is_followed_as_far_as_the_payload_goes():
    schema = {"$ref": "#/$defs/Node", "$defs": {"Node": {"properties": {
        "n": {"default": 0}, "next": {"$ref": "#/$defs/Node"},
    }}}}  # fmt: skip
    filled = fill_defaults(schema, {"next": {"next": {"n": 5}}})
    assert filled == {"n": 0, "next": {"n": 0, "next": {"n": 5}}}


def test_cycles_and_hostile_depth_end():
    around = {
        "$ref": "#",
        "allOf": [{"$ref": "#"}],
        "properties": {"c": {"$ref": "#/properties/c"}},
    }
    assert fill_defaults(around, {"x": 1}) == {"x": 1}
    both = {"$ref": "#/$defs/N", "$defs": {"N": {"properties": {"n": {"default": 0}}, "allOf": [
        {"properties": {"a": {"$ref": "#/$defs/N"}}}, {"properties": {"a": {"$ref": "#/$defs/N"}}},
    ]}}}  # fmt: skip
    deep = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with at_most(calls=50_000):
        filled = fill_defaults(both, deep)
    assert filled["a"]["a"]["n"] == 0
    loop = {}
    loop["a"] = [loop, loop]
    assert fill_defaults(both, loop)["n"] == 0
    while deep:  # a nest this deep is not taken apart by Python's own hand
        deep = deep.pop("a")


def test_a_pattern_that_explodes_keeps_no_reader_busy():
    schema = {"patternProperties": {"^(a+)+$": {"properties": {"c": CURRENCY}}}}
    fill_defaults(schema, {"a" * 40 + "!": {}})  # or this test's time runs out


def test_an_event_type_without_defaults_costs_no_look_at_the_payload():
    plain = EventType("Placed", {"properties": {"m": {"properties": {"x": {}}}}})
    assert plain._filler is None
    data = {"m": {}}
    assert plain.with_defaults(data) is data
    assert EventType("Placed", {"properties": {"m": MONEY}}).with_defaults(data) == {
        "m": {"currency": "EUR"}
    }


names = st.sampled_from("abc")
values = st.recursive(
    st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=10,
)
schemas = st.recursive(
    st.just({}) | st.builds(lambda value: {"default": value}, values),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(names, inner, max_size=3),
            "items": inner,
            "prefixItems": st.lists(inner, max_size=2),
            "additionalProperties": inner,
            "allOf": st.lists(inner, max_size=2),
            "$ref": st.sampled_from(["#", "#/properties/a", "#/items"]),
        },
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(schemas, values)
def test_nothing_that_was_there_is_lost_or_changed(schema, data):
    before = copy.deepcopy(data)
    filled = fill_defaults(schema, data)
    assert data == before
    _holds(filled, data)


def _holds(filled, data):
    if isinstance(data, dict):
        assert list(filled)[: len(data)] == list(data)
        for name, value in data.items():
            _holds(filled[name], value)
    elif isinstance(data, list):
        assert len(filled) == len(data)
        for new, old in zip(filled, data, strict=True):
            _holds(new, old)
    else:
        assert filled == data

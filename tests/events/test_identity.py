"""Keys in one canonical text form, ids derived from causes, and trace contexts."""

import re
from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.events import canonical_key, child_traceparent, effect_id, new_traceparent

DECIMAL = {"type": "string", "format": "decimal"}
ID = {"type": "string", "format": "uuid"}


@pytest.mark.parametrize(
    ("value", "schema", "key"),
    [
        (3, None, "3"),
        (3.0, None, "3"),
        (3.5, None, "3.5"),
        (-0.0, None, "0"),
        (0, None, "0"),
        (1e21, None, "1000000000000000000000"),
        (2**70, None, str(2**70)),
        (True, None, "true"),
        (False, None, "false"),
        ("3.00", DECIMAL, "3"),
        ("3", DECIMAL, "3"),
        ("+3", DECIMAL, "3"),
        ("0.300", DECIMAL, "0.3"),
        ("1E+3", DECIMAL, "1000"),
        ("100", DECIMAL, "100"),
        ("-0.0", DECIMAL, "0"),
        ("3.00", None, "3.00"),
        ("three", DECIMAL, "three"),
        ("6F0C2C5E-9F0B-5D7E-8A55-3F1C9D2B7A10", ID, "6f0c2c5e-9f0b-5d7e-8a55-3f1c9d2b7a10"),
        ("6f0c2c5e9f0b5d7e8a553f1c9d2b7a10", ID, "6f0c2c5e-9f0b-5d7e-8a55-3f1c9d2b7a10"),
        ("6F0C2C5E-9F0B-5D7E-8A55-3F1C9D2B7A10", None, "6F0C2C5E-9F0B-5D7E-8A55-3F1C9D2B7A10"),
        ("not a uuid", ID, "not a uuid"),
        (" o-1 ", None, " o-1 "),
        ("straße", None, "straße"),
        ({"b": 1, "a": 2}, None, '{"a":2,"b":1}'),
        (["x", 1], None, '["x",1]'),
        (None, None, None),
    ],
)
def test_one_entity_has_one_key(value, schema, key):
    assert canonical_key(value, schema) == key


@given(st.integers(min_value=-(2**53), max_value=2**53))
def test_a_whole_number_has_one_key_whatever_its_form(n):
    keys = {canonical_key(n), canonical_key(float(n)), canonical_key(f"{n}.00", DECIMAL)}
    assert keys == {str(n)}


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(0, 5))
def test_trailing_zeros_do_not_make_another_key(number, zeros):
    text = f"{number:f}"
    assert canonical_key(text + "0" * zeros, DECIMAL) == canonical_key(text, DECIMAL)
    assert Decimal(canonical_key(text, DECIMAL)) == number


@given(st.uuids())
def test_a_uuid_has_one_key_whatever_its_case(value):
    forms = {str(value), str(value).upper(), value.hex}
    assert {canonical_key(form, ID) for form in forms} == {str(value)}


@pytest.mark.parametrize("text", ["1e999999999", "-1E+999999", "1e-999999999", "12000e999990"])
def test_a_huge_exponent_does_not_make_a_huge_key(text):
    key = canonical_key(text, DECIMAL)
    assert len(key) < 20
    assert Decimal(key) == Decimal(text)


def test_huge_decimals_that_are_equal_have_one_key():
    assert canonical_key("1200e200", DECIMAL) == canonical_key("1.2e203", DECIMAL) == "12E202"


# --- effect ids ------------------------------------------------------------------------------


def test_effect_ids_never_change():
    # Written down once: another answer would make redelivered effects new events.
    assert (
        effect_id("shop", "1", "inventory", "reserve", 0) == "b4b31540-1148-5428-9a73-784e3a16ad83"
    )


def test_effect_ids_are_uuids_of_version_5():
    found = UUID(effect_id("shop", "1", "inventory", "reserve", 0))
    assert (found.version, found.variant) == (5, "specified in RFC 4122")


def test_effect_ids_differ_by_everything_they_are_derived_from():
    parts = product(["shop", "s"], ["1", "2"], ["inventory", "billing"], ["a", "b"], range(3))
    ids = [effect_id(*part) for part in parts]
    assert len(set(ids)) == len(ids) == 48


@given(st.lists(st.text('ab",[', max_size=3), min_size=8, max_size=8))
def test_parts_never_run_into_each_other(parts):
    one, two = parts[:4], parts[4:]
    assert (effect_id(*one, 0) == effect_id(*two, 0)) == (one == two)


# --- trace contexts --------------------------------------------------------------------------

TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def test_an_effect_stays_in_its_causes_trace_with_a_span_of_its_own():
    parent = new_traceparent()
    child = child_traceparent(parent, "event-1")
    assert TRACEPARENT.fullmatch(parent)
    assert TRACEPARENT.fullmatch(child)
    assert child[:36] == parent[:36]
    assert child[36:52] != parent[36:52]
    assert child[-2:] == parent[-2:]


def test_an_effect_sent_again_is_the_same_span_and_another_effect_is_not():
    parent = new_traceparent()
    assert child_traceparent(parent, "event-1") == child_traceparent(parent, "event-1")
    assert child_traceparent(parent, "event-1") != child_traceparent(parent, "event-2")


@pytest.mark.parametrize(
    "parent",
    [
        None,
        "",
        "junk",
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        f"ff-{'1' * 32}-{'1' * 16}-01",
    ],
)
def test_a_missing_or_malformed_parent_starts_a_new_trace(parent):
    child = child_traceparent(parent, "event-1")
    assert TRACEPARENT.fullmatch(child)
    assert int(child[3:35], 16)
    assert child == child_traceparent(parent, "event-1")

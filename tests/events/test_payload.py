"""Payloads: Python values to JSON bytes and back, losing no digit."""

import math
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import EventError
from workbench.events import decode_payload, encode_payload

texts = st.text('aé😀"\\\x00\n\u2028', max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)


@given(json_values)
def test_what_json_can_say_comes_back_as_it_was(value):
    assert decode_payload(encode_payload(value)) == value


@pytest.mark.parametrize("number", [2**53 + 1, -(2**63), 2**64, 10**400])
def test_whole_numbers_of_any_size_keep_every_digit(number):
    assert decode_payload(encode_payload({"n": number})) == {"n": number}


@pytest.mark.parametrize("text", ["", "naïve", "😀", "\u2028", "\x00\x1f", "مرحبا", "e\u0301"])
def test_any_text_travels_as_it_is(text):
    assert decode_payload(encode_payload({text: text})) == {text: text}


def test_decimals_and_uuids_are_written_as_strings():
    value = encode_payload({"d": Decimal("3.00"), "u": UUID(int=1)})
    assert value == b'{"d":"3.00","u":"00000000-0000-0000-0000-000000000001"}'


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_never_reads_back(number):
    with pytest.raises(EventError, match=r"^the payload is not JSON: "):
        decode_payload(encode_payload({"n": number}))


def test_an_object_that_json_does_not_know_is_said():
    with pytest.raises(EventError, match=r"the payload can't be written as JSON: .*object"):
        encode_payload({"x": object()})


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"not json",
        b"{'a': 1}",
        b'{"a": 1}}',
        b"NaN",
        b"[Infinity]",
        b"\xff\xfe",
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"n": 1' + b"0" * 10_000 + b"}",
        b"\x00\x00\x00\x00\x01binary",
    ],
)
def test_what_is_not_json_is_said(value):
    with pytest.raises(EventError, match=r"^the payload is not JSON: .+\.$"):
        decode_payload(value)


@given(st.binary(max_size=50))
def test_bytes_either_read_or_are_an_event_error(value):
    try:
        decode_payload(value)
    except EventError as error:
        assert str(error).startswith("the payload is not JSON: ")  # noqa: PT017

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.capture.reading.times import form_of, times

NOON = pd.Timestamp("2026-11-23T12:00:00.123456Z")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-11-23T12:00:00.123456Z", "ISO 8601"),
        ("2026-11-23T12:00:00.123456", "ISO 8601"),
        ("2026-11-23 13:00:00.123456+01:00", "ISO 8601"),
        ("2026-11-23T14:00:00.123456000+0200", "ISO 8601"),
        ("2026-11-23 12:00:00,123456", "ISO 8601"),
        ("2026-11-23 12:00:00.123456 UTC", "ISO 8601"),
        ("23.11.2026 12:00:00.123456", "text, day first"),
        ("23/11/2026 12:00:00.123456", "text, day first"),
        ("11/23/2026 12:00:00.123456", "text, month first"),
        ("2026/11/23 12:00:00.123456", "text"),
        ("Nov 23, 2026 @ 12:00:00.123456", "text"),
        (1795435200.123456, "s"),
        ("1795435200.123456", "s"),
        (1795435200123.456, "ms"),
        (1795435200123456, "µs"),
        ("1795435200123456", "µs"),
        (1795435200123456000, "ns"),
    ],
)
def test_a_time_is_read_however_it_is_written(text, form):
    assert form_of([text, None, ""]) == form
    assert times(pa.array([text]), form)[0].as_py() == NOON


@pytest.mark.parametrize(
    "value", ["OrderPlaced", "o-2026-1", "192.168.1.10", 12, 7.5, True, "PT5S", {"a": 1}, "42"]
)
def test_what_is_no_time_is_not_taken_for_one(value):
    assert form_of([value] * 3) is None


@given(st.integers(10**17, 9 * 10**18), st.sampled_from(["s", "ms", "µs", "ns"]))
def test_the_unit_of_a_count_is_told_by_its_size(ns, unit):
    per_unit = {"s": 10**9, "ms": 10**6, "µs": 10**3, "ns": 1}[unit]
    count = ns // per_unit
    assert form_of([count]) == unit
    assert times(pa.array([count]), unit)[0].value == count * per_unit
    assert times(pa.array([str(count)]), unit)[0].value == count * per_unit


def test_what_cannot_be_read_or_held_is_null_and_the_others_are_read():
    texts = ["9999-12-31T00:00:00Z", "x", None, "2026-11-23T12:00:00.123456Z"]
    assert times(pa.array(texts), "ISO 8601").to_pylist() == [None, None, None, NOON]
    mixed = ["1795435200123", "x", "2026-11-23T12:00:00.123456Z", "9" * 30]
    assert times(pa.array(mixed), "ms").is_null().to_pylist() == [False, True, False, True]

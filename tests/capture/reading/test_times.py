import json

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.analysis import EventLog
from workbench.capture import read
from workbench.capture.reading.ticks import ticks_of
from workbench.capture.reading.time_objects import plain_time
from workbench.capture.reading.times import form_of, times
from workbench.capture.reading.zones import names_zone

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
        ("2026-11-23-12.00.00.123456", "text"),
        ("2026-11-23-12.00.00.123456000000", "text"),
        ("23-NOV-26 12.00.00.123456000 PM", "text"),
        ("23-NOV-26 01.00.00.123456000 PM +01:00", "text"),
        ("2026-11-23 12:00:00:123456 Z", "ISO 8601"),
        ("2026-11-23 13:00:00.123456 +0100 CET", "ISO 8601"),
        ("2026-11-23 12:00:00.123456 +0000 UTC m=+0.000123", "ISO 8601"),
        ("2026-11-23 13:00:00.123456 UTC+01:00", "ISO 8601"),
        ("2026-11-23 13:00:00.123456 GMT+1", "ISO 8601"),
        ("Mon Nov 23 2026 17:30:00.123456 GMT+0530 (India Standard Time)", "text"),
        ("20261123120000123456", "YYYYMMDDhhmmss"),
        ("20261123120000.123456", "YYYYMMDDhhmmss"),
        (639310320001234560, ".NET ticks"),
        ("639310320001234560", ".NET ticks"),
        (134399088001234560, "Windows FILETIME"),
        ("134399088001234560", "Windows FILETIME"),
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
    "text",
    [
        "23-NOV-26 01.00.00.123456 PM +01:00",
        "2026-11-23 12:00:00:123456 Z",
        "2026-11-23 13:00 +0100 CET",
    ],
)
def test_a_time_that_says_its_zone_is_known_to(text):
    assert names_zone(text)
    assert not names_zone(text[: 28 if "PM" in text else 16])
    found = times(pa.array([text]), "text", "Asia/Tokyo")[0].as_py()
    assert found.floor("min") == NOON.floor("min")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"seconds": "1795435200", "nanos": 123456000}, 1795435200123456000),
        ({"seconds": "1795435200"}, 1795435200000000000),
        ({"_seconds": 1795435200, "_nanoseconds": 123456000}, 1795435200123456000),
        ({"epochSecond": 1795435200, "nano": 123456000}, 1795435200123456000),
        ({"$date": {"$numberLong": "1795435200123"}}, 1795435200123),
        ([2026, 11, 23, 12, 0, 0, 123456000], "2026-11-23T12:00:00.123456000"),
        ([2026, 11, 23, 12, 0], "2026-11-23T12:00:00.000000000"),
        ("/Date(1795435200123+0100)/", "1795435200123"),
    ],
)
def test_times_that_are_objects_and_lists_are_read_at_a_guess_and_by_their_name(
    tmp_path, value, plain
):
    assert plain_time(value) == plain
    path = tmp_path / "events.jsonl"
    kinds = ["OrderPlaced", "OrderPaid", "OrderSent"]
    rows = [
        {"eventId": f"e{n}", "eventType": kinds[n % 3], "orderId": n // 3, "meta": {"sent": value}}
        for n in range(30)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    for mapping in (None, {"time": "meta.sent"}):
        found = read(path, mapping, progress=False)
        assert found.mapping["time"] == "meta.sent"
        assert abs(found.frame["time"] - NOON).max() < pd.Timedelta("1s")


@pytest.mark.parametrize(
    "value",
    [{"seconds": 5, "nanos": 0}, {"seconds": True}, {"seconds": 1.5e9}, {"seconds": "x"}, {"a": 1795435200},
     {"seconds": 1795435200, "zone": "UTC"}, [2026, 13, 1, 0, 0], [1, 2, 3, 4, 5], [2026, 1], "/Day", {}],
)  # fmt: skip
def test_what_only_looks_like_a_time_in_parts_is_left(value):
    assert plain_time(value) == value


@pytest.mark.parametrize(
    "value", ["OrderPlaced", "o-2026-1", "192.168.1.10", 12, 7.5, True, "PT5S", {"a": 1}, "42"]
)
def test_what_is_no_time_is_not_taken_for_one(value):
    assert form_of([value] * 3) is None


@given(st.integers(10**17, 9 * 10**18), st.sampled_from(["s", "ms", "µs", "ns"]))
def test_the_unit_of_a_count_is_told_by_its_size(ns, unit):
    per_unit = {"s": 10**9, "ms": 10**6, "µs": 10**3, "ns": 1}[unit]
    count = ns // per_unit
    assume(unit != "ns" or ticks_of(count) is None)
    assert form_of([count]) == unit
    assert times(pa.array([count]), unit)[0].value == count * per_unit
    assert times(pa.array([str(count)]), unit)[0].value == count * per_unit


@pytest.mark.parametrize("as_kind", [int, float, str])
def test_digits_alone_may_be_a_date_and_a_time(as_kind):
    second = as_kind(20261123120000)
    assert form_of([second]) == "YYYYMMDDhhmmss"
    found = times(pa.array([second, None]), "YYYYMMDDhhmmss", "Europe/Berlin")
    assert found.to_pylist() == [pd.Timestamp("2026-11-23T11:00:00Z"), None]
    assert form_of([as_kind(20261323120000)]) is None  # a 13th month


def test_ticks_may_have_gaps_and_other_times_beside_them():
    ticks = 639310320001234560
    assert times(pa.array([ticks, None, 0, 1795435200123]), ".NET ticks").to_pylist() == [
        NOON, None, None, None,
    ]  # fmt: skip
    texts = [f" {ticks} ", "2026-11-23T12:00:00.123456Z", "x", ""]
    assert times(pa.array(texts), ".NET ticks").to_pylist() == [NOON, NOON, None, None]
    about = times(pa.array([float(ticks)]), ".NET ticks")[0].as_py()
    assert abs(about - NOON) < pd.Timedelta("13us")


def test_digits_may_have_milliseconds_and_other_times_beside_them():
    texts = ["20261123120000123", "2026-11-23T12:00:00.123Z", "1795435200123", "x"]
    ms = NOON.floor("ms")
    assert times(pa.array(texts), "YYYYMMDDhhmmss").to_pylist() == [ms, ms, ms, None]
    numbers = pa.array([20261123120000.125, 20261123120000.0])
    half = pd.Timestamp("2026-11-23T12:00:00Z")
    assert times(numbers, "YYYYMMDDhhmmss").to_pylist() == [half + pd.Timedelta("125ms"), half]


def test_what_cannot_be_read_or_held_is_null_and_the_others_are_read():
    texts = ["9999-12-31T00:00:00Z", "x", None, "2026-11-23T12:00:00.123456Z"]
    assert times(pa.array(texts), "ISO 8601").to_pylist() == [None, None, None, NOON]
    mixed = ["1795435200123", "x", "2026-11-23T12:00:00.123456Z", "9" * 30]
    assert times(pa.array(mixed), "ms").is_null().to_pylist() == [False, True, False, True]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23 13:00:00.123456 CET",
        "2026-11-23 07:00:00.123456 EST",
        "2026-11-23T13:00:00.123456+01:00[Europe/Berlin]",
        "23.11.2026, 12:00:00.123456 Uhr",
        "23.11.2026, 13:00:00,123456 MEZ",
        "Mon Nov 23 13:00:00.123456 CET 2026",
        "Mon, 23 Nov 2026 13:00:00.123456 +0100",
    ],
)
def test_a_zone_may_be_a_name_and_words_may_stand_around(text):
    form = form_of([text] * 3)
    assert form is not None
    assert times(pa.array([text]), form)[0].as_py() == NOON


def test_a_name_that_means_several_zones_is_not_read():
    assert form_of(["2026-11-23 12:00:00 IST"] * 3) is None


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-07-01T12:00:00", "2026-07-01T10:00Z"),
        ("2026-12-01 12:00:00,500", "2026-12-01T11:00:00.5Z"),
        ("01.07.2026 12:00:00", "2026-07-01T10:00Z"),
        ("2026-07-01T12:00:00Z", "2026-07-01T12:00Z"),
        ("01.07.2026 12:00:00 +0500", "2026-07-01T07:00Z"),
        ("2026-10-25 02:30:00", "2026-10-25T00:30Z"),  # is there twice: the first one
        ("2026-03-29 02:30:00", "2026-03-29T01:00Z"),  # is not there: what comes next
    ],
)
@pytest.mark.parametrize("more", [[], ["2026-07-01 12:00 UTC"]])
def test_a_time_without_a_zone_is_one_of_the_zone_that_is_said(text, utc, more):
    form = form_of([text])
    assert times(pa.array([text, *more]), form, "Europe/Berlin")[0].as_py() == pd.Timestamp(utc)


def test_each_count_is_read_in_its_own_unit():
    ms, s, ns = 1795435200123, 1795435200, 1795435200123456000
    moments = [NOON.floor("ms"), NOON.floor("s"), NOON]
    for counts in ([ms, s, ns], [str(ms), str(s), str(ns)], [None, ms, s, ns, 0]):
        form = form_of([*counts, ms])
        assert form == "ms"
        found = times(pa.array(counts), form).to_pylist()
        assert [each for each in found if each is not None and each.year > 1970] == moments
    assert times(pa.array([0]), "ms")[0].value == 0
    assert times(pa.array([str(ms), "0", "-1", "?"]), "ms").null_count == 3


@pytest.mark.parametrize("isos", [10, 90])
def test_a_column_may_mix_counts_and_text(isos):
    values = ["2026-11-23T12:00:00.123456Z"] * isos + ["1795435200123"] * (100 - isos)
    form = form_of(values)
    assert set(times(pa.array(values), form).to_pylist()) == {NOON, NOON.floor("ms")}


@pytest.mark.parametrize("long", ["1" + " " * 10**6 + "x", "+0000[" * 10**5, "9" * 10**6, "1:11." * 10**5])  # fmt: skip
def test_text_that_is_too_long_for_a_time_is_none_and_costs_nothing(long):
    assert form_of([long]) is None
    for form in ("ISO 8601", "text, day first", "ms"):
        assert times(pa.array([long, "2026-11-23T12:00:00.123456Z"]), form).to_pylist() == [None, NOON]  # fmt: skip


def test_a_number_beyond_all_floats_is_no_time():
    assert form_of([10**400, 1795435200]) is None


@pytest.mark.parametrize("none", [0, -1, "0"])
def test_a_count_of_zero_or_of_minus_one_is_no_time(none, tmp_path):
    rows = [{"type": "A", "id": str(n), "ts_ms": 1_790_000_000_000 + n} for n in range(5)]
    rows[3]["ts_ms"] = none
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    frame = EventLog.read(path).frame
    assert frame["undated"].tolist() == [False, False, False, True, False]
    assert frame["time"][3] == frame["time"][2]

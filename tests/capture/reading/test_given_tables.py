import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.analysis import EventLog
from workbench.errors import LogError

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
OURS = {
    "id": ["a", "b", "c"],
    "type": ["A", "B", "A"],
    "time": [NINE, NINE + timedelta(seconds=1), NINE + timedelta(seconds=2)],
    "correlation_id": ["x", "x", "y"],
    "causation_id": [None, "a", None],
}
THEIRS = {"id": "uid", "type": "kind", "time": "at", "correlation_id": "order"}


def table_of_everything():
    kinds = {
        "amount": ([Decimal("1.10"), None, Decimal("3.00")], pa.decimal128(10, 2)),
        "exact": ([Decimal("0.12345678901234567890"), None, None], pa.decimal128(38, 20)),
        "lines": ([[1, 2], None, []], pa.list_(pa.int64())),
        "address": (
            [{"city": "Porto", "paid": [Decimal("2.50")]}, None, {"city": None, "paid": None}],
            pa.struct([("city", pa.string()), ("paid", pa.list_(pa.decimal128(5, 2)))]),
        ),
        "due": ([NINE.replace(tzinfo=None), None, None], pa.timestamp("us")),
        "day": ([date(2026, 1, 1), None, None], pa.date32()),
        "hour": ([time(1, 2), None, None], pa.time64("us")),
        "took": ([timedelta(days=1), None, None], pa.duration("us")),
        "raw": ([b"\xff", None, b"ab"], pa.binary()),
        "tags": ([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "n": ([1, None, 3], pa.int64()),
        "large": ([2**63 + 1, None, 3], pa.uint64()),
        "vip": ([True, None, False], pa.bool_()),
        "data": ([{"q": 1, "r": [1]}, None, {"q": 2, "r": None}], None),
    }
    more = {name: pa.array(values, kind) for name, (values, kind) in kinds.items()}
    return pa.table({**OURS, **more})


ASKED = {"amount > 1": 2, "address.city == 'Porto'": 1, "n > 2": 1, "due > '2025-12-31'": 1,
         "day == '2026-01-01'": 1, "raw == 'ff'": 1, "vip == True": 1, "data.q == 2": 1}  # fmt: skip


def saved_and_read(log, path):
    return EventLog.read(log.save(path)).frame


@pytest.mark.parametrize("names", [{}, THEIRS], ids=["ours", "theirs"])
def test_a_frame_of_arrow_dtypes_is_as_the_file_that_it_is_from(tmp_path, names):
    table = table_of_everything().rename_columns(names)
    pq.write_table(table, tmp_path / "dump.parquet")
    read = EventLog.read(tmp_path / "dump.parquet")
    log = EventLog(pd.read_parquet(tmp_path / "dump.parquet", dtype_backend="pyarrow"))
    pd.testing.assert_frame_equal(log.frame, read.frame)
    assert {asked: log.where(asked).events for asked in ASKED} == ASKED
    for ending in ("jsonl", "parquet", "csv"):
        again = saved_and_read(log, tmp_path / f"log.{ending}")
        pd.testing.assert_frame_equal(again, log.frame)


@pytest.mark.parametrize("names", [{}, THEIRS], ids=["ours", "theirs"])
def test_a_frame_of_objects_says_what_the_file_says(tmp_path, names):
    table = table_of_everything().rename_columns(names)
    pq.write_table(table, tmp_path / "dump.parquet")
    log = EventLog(pd.read_parquet(tmp_path / "dump.parquet"))
    assert {asked: log.where(asked).events for asked in ASKED} == ASKED
    first = log.frame.iloc[0]
    assert first["address"] == {"city": "Porto", "paid": [2.5]}
    assert first["exact"] == "0.12345678901234567890"
    assert first["data"] == {"q": 1, "r": [1]}
    for ending in ("jsonl", "parquet", "csv"):
        again = saved_and_read(log, tmp_path / f"log.{ending}").iloc[0]
        assert again["address"] == first["address"]
        assert (again["amount"], again["hour"], again["raw"]) == (1.1, "01:02:00", "ff")


def test_what_a_database_gives_is_told_in_json(tmp_path):
    one, at = uuid.uuid4(), datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=1)))
    said = {
        "who": one,
        "at": at,
        "naive": NINE.replace(tzinfo=None),
        "never": pd.NaT,
        "took": timedelta(seconds=90),
        "n": np.int64(5),
        "times": np.array(["2026-01-01T00:00:00.000000001"], "datetime64[ns]"),
        "sizes": np.array([[1, 2], [3, 4]]),
        "tags": {"b", "a"},
        "large": Decimal("1E+400"),
        "none": Decimal("NaN"),
        5: (1, b"ok"),
    }
    frame = pd.DataFrame(OURS | {"id": [one, uuid.uuid4(), None], "data": [said, None, None]})
    log = EventLog(frame)
    assert log.frame["id"][0] == str(one)
    told = log.frame["data"][0]
    assert np.isnan(told.pop("none"))
    assert told == {
        "who": str(one),
        "at": "2026-01-01T08:00:00Z",
        "naive": "2026-01-01T09:00:00",
        "never": None,
        "took": "P0DT0H1M30S",
        "n": 5,
        "times": ["2026-01-01T00:00:00.000000001"],
        "sizes": [[1, 2], [3, 4]],
        "tags": ["a", "b"],
        "large": "1E+400",
        "5": [1, "ok"],
    }
    assert saved_and_read(log, tmp_path / "log.jsonl")["id"][0] == str(one)


def test_objects_that_nobody_knows_are_refused_by_name():
    with pytest.raises(LogError, match=r"^event 1, column 'data': not a JSON value: .*object"):
        EventLog(pd.DataFrame(OURS | {"data": [None, {"it": object()}, None]}))


def test_values_nested_without_end_are_refused_by_name():
    deep = []
    for _ in range(100_000):
        deep = [deep, {1}]
    with pytest.raises(LogError, match=r"^event 0, column 'data': not a JSON value: "):
        EventLog(pd.DataFrame(OURS | {"data": [deep, None, None]}))
    while deep:  # a nest this deep is not taken apart by Python's own hand
        deep = deep[0]


def test_a_frame_of_plain_columns_is_taken_as_it_is():
    frame = pd.DataFrame(OURS | {"more": [{"a": 1}, "text", 5]})
    assert EventLog(frame).frame["more"].tolist() == [{"a": 1}, "text", 5]


class Anybody:
    """A table of a library that we have never seen."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def test_a_table_of_any_library_is_as_the_file_that_it_would_write(tmp_path):
    table = table_of_everything()
    pq.write_table(table, tmp_path / "dump.parquet")
    read = EventLog.read(tmp_path / "dump.parquet").frame
    for given in (table, Anybody(table), table.to_reader()):
        pd.testing.assert_frame_equal(EventLog(given).frame, read)
    theirs = EventLog(table.rename_columns(THEIRS), mapping={"source": "address.city"})
    assert theirs.frame["source"].dropna().tolist() == ["Porto"]
    assert EventLog(table.slice(0, 0)).events == 0


def test_categories_as_polars_has_them_are_read(tmp_path):
    kinds = pa.array(["A", "B"]).cast(pa.string_view())
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.uint32()), kinds)
    counted = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.uint32()), pa.array([7, 8]))
    table = pa.table({**OURS, "type": coded, "tier": coded, "n": counted})
    with (
        pa.OSFile(str(tmp_path / "log.arrow"), "wb") as file,
        pa.ipc.new_file(file, table.schema) as to,
    ):
        to.write_table(table)
    for log in (EventLog(table), EventLog.read(tmp_path / "log.arrow")):
        assert log.frame["type"].tolist() == log.frame["tier"].tolist() == ["A", "B", "A"]
        assert log.frame["n"].tolist() == [7, 8, pd.NA]


@pytest.mark.parametrize(
    "given",
    [pa.chunked_array([[1]]), pd.Series([1]), iter([1])],
    ids=["array", "series", "iterator"],
)
def test_what_is_no_table_is_refused(given):
    with pytest.raises(
        LogError, match=r"^EventLog takes a DataFrame or .*, and event 0 is a value"
    ):
        EventLog(given)


COUNTS = {
    "s": [1790000000, 1790000001, 1790000002],
    "s, with a fraction": [1790000000.0, 1790000001.0, 1790000002.0],
    "ms": [1790000000000, 1790000001000, 1790000002000],
    "ms, with gaps": pd.array([1790000000000, 1790000001000, 1790000002000], dtype="Int64"),
    "us": [1790000000000000, 1790000001000000, 1790000002000000],
    "ns": [1790000000000000000, 1790000001000000000, 1790000002000000000],
}


@pytest.mark.parametrize("unit", COUNTS)
def test_times_that_are_counts_have_the_unit_that_fits_a_time(unit):
    frame = pd.DataFrame(OURS | {"time": COUNTS[unit], "more": ["x", None, None]})
    times = pd.date_range("2026-09-21 14:13:20", periods=3, freq="s", tz=UTC).tolist()
    assert EventLog(frame).frame["time"].tolist() == times
    rows = EventLog(frame.drop(columns=["causation_id"]).to_dict("records"))
    assert rows.frame["time"].tolist() == times
    assert rows.frame["causation_id"].isna().all()  # nothing but the unit is guessed
    assert rows.frame["more"].tolist()[0] == "x"


@pytest.mark.parametrize("index", ["time", "id", ["correlation_id", "id"]], ids=str)
def test_an_index_that_has_a_name_is_a_column(index):
    expected = EventLog(pd.DataFrame(OURS)).frame
    pd.testing.assert_frame_equal(EventLog(pd.DataFrame(OURS).set_index(index)).frame, expected)


def test_an_index_named_as_a_column_is_none():
    frame = pd.DataFrame(OURS).set_index("id", drop=False)
    pd.testing.assert_frame_equal(EventLog(frame).frame, EventLog(pd.DataFrame(OURS)).frame)


def test_a_clock_with_fractions_that_starts_at_nothing_is_no_time():
    frame = pd.DataFrame(OURS | {"time": [0.0, 1.5, 2.25]})
    said = (
        r"^no event has a time .*: pd.to_datetime\(frame\['time'\], unit='s', origin='2026-01-01'\)"
    )
    for events in (frame, frame.to_dict("records")):
        with pytest.raises(LogError, match=said):
            EventLog(events)
    with pytest.raises(LogError, match=r"nothing in its column for 'time' can be read as a time"):
        EventLog(frame, mapping={"time": "time"})
    times = pd.to_datetime(frame["time"], unit="s", origin="2026-01-01")
    assert EventLog(frame.assign(time=times)).flows()["duration_ms"].tolist() == [1_500, 0]


@pytest.mark.parametrize("name", ["time", "ts"])
def test_an_event_of_a_period_was_when_that_began(name):
    hours = pd.period_range("2026-01-01", periods=2, freq="h")
    log = EventLog(pd.DataFrame({"id": ["a", "b"], "type": "A", name: hours}))
    assert log.frame["time"].tolist() == list(hours.start_time.tz_localize("UTC"))


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (
            pd.to_timedelta([1, 2], unit="s"),
            r"lengths of time are no times: add when they begin, pd",
        ),
        ([True, False], "True and False are no times"),
    ],
)
def test_what_is_no_time_is_refused_by_name(times, why):
    with pytest.raises(LogError, match=f"column 'time' can't be read as datetime64.*: {why}"):
        EventLog(pd.DataFrame({"id": ["a", "b"], "type": "A", "time": times}))

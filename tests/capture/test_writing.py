import gzip
import string
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tqdm import tqdm

from workbench.capture import read, standard_frame, write_log
from workbench.errors import LogError

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
times = st.integers(-(2**62), 2**62).map(lambda ns: pd.Timestamp(ns, tz="UTC"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**80), 2**80) | st.floats()
    | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
rows = st.fixed_dictionaries(
    {
        "id": st.none() | text,
        "type": st.none() | text,
        "source": st.none() | text,
        "time": times,
        "broker_time": st.none() | times,
        "correlation_id": st.none() | text,
        "causation_id": st.none() | text,
        "channel": st.none() | text,
        "partition": st.none() | st.integers(0, 2**31 - 1),
        "offset": st.none() | st.integers(0, 2**63 - 1),
        "data": json_values,
    },
    optional={
        "key": st.none() | text,
        "headers": st.lists(st.lists(text, min_size=2, max_size=2), max_size=2),
        "traceparent": st.none() | text,
        "event_version": st.none() | st.integers(-(2**63), 2**63 - 1),
        "dead_letter": st.none() | text,
        "ratio": st.floats(),
        "anything": json_values,
    },
)
added = {
    "nullable": st.none() | st.integers(-(2**63), 2**63 - 1),
    "category": st.none() | text,
    "berlin": st.none() | times,
    "flag": st.booleans(),
}


ENDINGS = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv", ".csv.gz", ".parquet", ".arrow"]


def frame_of(path):
    found = read(path, progress=False)
    assert found.rejected.empty
    return found.frame


def assert_equal(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Equal to the last bit: cell by cell where a cell may hold anything."""
    objects = [name for name in left if left[name].dtype == "object"]
    pd.testing.assert_frame_equal(left.drop(columns=objects), right.drop(columns=objects))
    assert list(left.columns) == list(right.columns)
    for name in objects:
        assert right[name].dtype == "object"
        assert repr(left[name].tolist()) == repr(right[name].tolist())


@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("ending", ENDINGS)
@given(events=st.lists(rows, max_size=6), draw=st.data())
def test_reading_is_the_exact_inverse_of_writing(tmp_path, ending, events, draw):
    frame = standard_frame(events)
    if events:
        cells = {
            name: draw.draw(st.lists(values, min_size=len(events), max_size=len(events)))
            for name, values in added.items()
        }
        frame["nullable"] = pd.array(cells["nullable"], dtype="Int64")
        frame["category"] = pd.Series(["x", *cells["category"][1:]]).astype("category")
        frame["berlin"] = pd.Series(cells["berlin"], dtype="datetime64[ns, Europe/Berlin]")
        frame["flag"] = cells["flag"]
    assert_equal(frame_of(write_log(frame, tmp_path / f"log{ending}")), frame)


def test_a_compressed_log_comes_back_and_is_the_same_bytes_each_time(tmp_path):
    frame = standard_frame([{"type": "A", "time": NOON}])
    first = write_log(frame, tmp_path / "a.jsonl.gz")
    second = write_log(frame, tmp_path / "b.jsonl.gz")
    assert_equal(frame_of(first), frame)
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()).startswith(b'{"id":')


def test_a_line_reads_well_and_any_other_tool_can_read_it(tmp_path):
    event = {
        "id": "o-1",
        "type": "OrderPlaced",
        "source": "shop",
        "time": "2026-11-23T12:00:00.123456789Z",
        "correlation_id": "c-1",
        "channel": "shop",
        "partition": 0,
        "offset": 17,
        "data": {"order_id": "1", "note": "žluť"},
    }
    path = write_log(standard_frame([event]), tmp_path / "log.jsonl")
    assert path.read_text(encoding="utf-8") == (
        '{"id":"o-1","type":"OrderPlaced","source":"shop","time":"2026-11-23T12:00:00.123456789Z",'
        '"broker_time":null,"correlation_id":"c-1","causation_id":null,"channel":"shop",'
        '"partition":0,"offset":17,"data":{"order_id":"1","note":"žluť"}}\n'
    )
    assert pd.read_json(path, lines=True)["data"][0]["note"] == "žluť"


def test_a_log_of_another_tool_needs_only_a_type_and_a_time(tmp_path):
    path = tmp_path / "foreign.jsonl"
    path.write_text('{"type": "A", "time": "2026-11-23T12:00Z", "zone": "a-1", "self": 1}\n\n')
    frame = frame_of(path)
    assert frame["zone"].tolist() == ["a-1"]
    assert frame["self"].dtype == "int64"
    assert frame["time"][0] == pd.Timestamp(NOON)


@pytest.mark.parametrize("number", [2**64, 2**200, -(2**63) - 1, -(10**18)])
def test_whole_numbers_keep_every_digit(tmp_path, number):
    frame = standard_frame([{"type": "A", "time": NOON, "data": {"n": number}}])
    assert frame_of(write_log(frame, tmp_path / "log.jsonl"))["data"][0] == {"n": number}


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", {"at": NOON}, {1: "key"}, np.array([1])])
def test_what_is_not_json_is_named_and_the_old_file_stays(tmp_path, value):
    event = {"type": "A", "time": NOON}
    with pytest.raises(LogError, match="event 0, column 'data': not a JSON value"):
        standard_frame([event | {"data": value}])
    path = write_log(standard_frame([event]), tmp_path / "log.jsonl")
    before = path.read_bytes()
    frame = standard_frame([event | {"more": value}])
    with pytest.raises(LogError, match="event 0, column 'more': not a JSON value"):
        write_log(frame, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_lengths_of_time_come_back(tmp_path, ending):
    took = pd.Series([pd.Timedelta("1h 3s 5ns"), pd.NaT, pd.Timedelta("-2ms")])
    frame = standard_frame([{"id": "1", "type": "A", "source": "s", "time": NOON}] * 3)
    again = frame_of(write_log(frame.assign(took=took), tmp_path / f"log{ending}"))
    pd.testing.assert_series_equal(again["took"], took, check_names=False)


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet", ".arrow"])
def test_a_column_of_what_no_file_holds_is_named(tmp_path, ending):
    frame = standard_frame([{"id": "1", "type": "A", "source": "s", "time": NOON, "odd": 1j}])
    with pytest.raises(LogError, match=r"column 'odd'.*[:] .*(JSON|type)"):
        write_log(frame, tmp_path / f"log{ending}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said_to_be(tmp_path):
    frame = standard_frame([{"type": "A", "time": NOON}])
    with pytest.raises(LogError, match="can't be written: No such file"):
        write_log(frame, tmp_path / "absent" / "log.jsonl")
    (tmp_path / "file").touch()
    with pytest.raises(LogError, match="can't be written: Not a directory"):
        write_log(frame, tmp_path / "file" / "log.jsonl")


def test_letters_of_every_kind_survive(tmp_path):
    data = {"all": string.printable + "\u2028\x00🧾", "alone": "\ud800"}
    frame = standard_frame([{"type": "A", "time": NOON, "data": data}])
    assert frame_of(write_log(frame, tmp_path / "log.jsonl"))["data"][0] == data


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".xes", ".parquet", ".arrow"])
def test_a_bar_counts_every_event_that_is_written(tmp_path, monkeypatch, ending):
    steps = []

    class Bar(tqdm):
        def update(self, n=1):
            steps.append((n, self.total))
            return super().update(n)

    monkeypatch.setattr("workbench.capture.writing.tqdm", Bar)
    frame = standard_frame([{"id": str(n), "type": "A", "time": n} for n in range(12_000)])
    write_log(frame, tmp_path / f"log{ending}")
    assert sum(n for n, _ in steps) == 12_000
    assert {total for _, total in steps} == {12_000}


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".csv", ".parquet", ".arrow", ".xes"])
def test_payloads_that_stand_over_several_lines_come_back(tmp_path, ending):
    payload = '{\r\n "a": [1,\n  2],\r "b": "x\\ny"\n}'
    times = pd.date_range("2026-01-01", periods=4, freq="s", tz="UTC")
    rows = {"id": list("abcd"), "type": "A", "time": times, "correlation_id": "f"}
    frame = pd.DataFrame(rows | {"data": [payload, '{"a": 1}', payload, None]})
    frame.to_csv(tmp_path / "given.csv", index=False)
    given = read(tmp_path / "given.csv", progress=False)

    write_log(given.frame, tmp_path / f"log{ending}", progress=False)
    back = read(tmp_path / f"log{ending}", progress=False)

    assert back.rejected.empty
    assert given.frame["data"].tolist()[0] == {"a": [1, 2], "b": "x\ny"}
    pd.testing.assert_frame_equal(back.frame, given.frame)

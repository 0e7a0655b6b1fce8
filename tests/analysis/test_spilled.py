"""Rows and indexes that were written to disk are read back as they were."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import spilled, stored_index
from workbench.analysis.index import FlowIndex
from workbench.analysis.lazy_frame import LazyFrame
from workbench.capture.columns import standard_frame
from workbench.errors import LogError

NOON = pd.Timestamp("2026-11-23T12:00:00Z")


def events(n, **columns):
    given = {"id": [f"e{i}" for i in range(n)], "type": "Placed", "time": NOON}
    return standard_frame(pd.DataFrame(given | columns, index=range(n)))


def read_back(frames, folder):
    paths = []
    for number, frame in enumerate(frames):
        paths.append(folder / f"{number}.arrow")
        spilled.write(spilled.table_of(frame), paths[-1])
    names = dict.fromkeys(name for path in paths for name in spilled.names_in(path))
    return LazyFrame([*names], spilled.SpilledColumns(paths).read)


@pytest.mark.parametrize(
    "frames",
    [
        [events(3), events(2)],
        [events(3), events(0), events(1)],
        [events(2, type=["A", None], data=[{"a": 1}, None]), events(2, type=["B", "A"])],
        [events(2, region=["DE", "NO"]), events(1), events(2, region=["SE", None])],
        [events(2, region=["DE", None]), events(1, region=["NO"])],
        [events(1, seen=pd.array([1], "Int64")), events(1, seen=pd.array([None], "Int64"))],
    ],
    ids=["alike", "empty", "categories", "a column missing", "text", "whole numbers with gaps"],
)
def test_the_rows_of_some_files_are_those_that_were_written(frames, tmp_path):
    plain = standard_frame(pd.concat(frames, ignore_index=True))
    frame = read_back(frames, tmp_path)
    pd.testing.assert_frame_equal(frame.whole(), plain)
    assert (len(frame), list(frame), "data" in frame) == (len(plain), list(plain), True)
    chosen = np.arange(len(plain)) % 2 == 0
    pd.testing.assert_frame_equal(frame.rows(chosen), plain[chosen])
    pd.testing.assert_frame_equal(frame.iloc[1:], plain.iloc[1:])  # of the whole frame


def test_columns_that_stand_in_some_files_keep_every_digit_and_their_meaning(tmp_path):
    large = 2**53 + 1
    frames = [events(2, big=[large, 4], there=[True, False], undated=[True, False]), events(1)]
    frame = read_back(frames, tmp_path)
    expected = {
        "big": pd.array([large, 4, None], "Int64"),
        "there": pd.array([True, False, None], "boolean"),
        "undated": [True, False, False],
    }
    together = spilled.concatenated(frames)
    for name, values in expected.items():
        pd.testing.assert_series_equal(frame[name], pd.Series(values, name=name))
        pd.testing.assert_series_equal(together[name], pd.Series(values, name=name))
    assert list(together) == list(frames[0])


def test_text_in_one_file_and_json_in_another_is_a_column_of_both(tmp_path):
    frame = read_back([events(1, note=["{}"]), events(1, note=[{"a": [1]}])], tmp_path)
    assert frame["note"].tolist() == ["{}", {"a": [1]}]


def test_tables_of_many_types_are_stacked():
    tables = [
        spilled.table_of(events(100, type=[f"T{n}" for n in range(first, first + 100)]))
        for first in (0, 100)
    ]
    assert spilled.same_columns(tables[0].schema, tables[1].schema)
    stacked = spilled.stacked(tables)
    assert stacked["type"].to_pylist() == [f"T{n}" for n in range(200)]


@pytest.mark.parametrize("n", [0, 5])
def test_an_index_is_read_as_it_was_written(n, tmp_path):
    index = FlowIndex.of(events(n, correlation_id=[f"f{i // 2}" for i in range(n)]))
    stored_index.save(index, tmp_path / "index")
    stored_index.save(index, tmp_path / "index")  # as a second worker would
    found = stored_index.load(tmp_path / "index")
    for name in (field.name for field in fields(FlowIndex)):
        one, other = getattr(index, name), getattr(found, name)
        np.testing.assert_array_equal(one, other)
        assert getattr(one, "dtype", None) == getattr(other, "dtype", None)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert found.row.flags.writeable


def test_an_index_whose_files_do_not_belong_together_is_refused(tmp_path):
    stored_index.save(FlowIndex.of(events(5, correlation_id="f")), tmp_path / "index")
    np.save(tmp_path / "index" / "cause.npy", np.zeros(2, np.int64))
    with pytest.raises(LogError, match=r"index of a scanned log does not fit together"):
        stored_index.load(tmp_path / "index")

import gzip
import json
import signal
import threading

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.capture.reading import reader
from workbench.choreography import Choreography
from workbench.errors import LogError

GOOD = {
    "id": "1",
    "type": "A",
    "source": "s",
    "time": "2026-11-23T12:00:00Z",
    "correlation_id": "c",
}


def dump(tmp_path, *lines, name="dump.jsonl"):
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_bad_rows_neither_stop_a_read_nor_vanish(tmp_path):
    good = json.dumps(GOOD)
    dump(tmp_path, good, "{not json", "", "[1, 2]", good, name="a.jsonl")
    path = dump(tmp_path, '{"type": "A"', good, "<script>" + "x" * 999, name="b.jsonl")
    log = EventLog.read(tmp_path / "*.jsonl", progress=False)
    assert len(log) == 3
    assert {name: str(dtype) for name, dtype in log.rejected.dtypes.items()} == {
        "file": "str", "line": "int64", "reason": "str", "text": "str", "is_row": "bool",
    }  # fmt: skip
    assert log.rejected["line"].tolist() == [2, 4, 1, 3]
    assert log.rejected["file"].tolist()[2:] == [str(path)] * 2
    assert log.rejected["reason"].str.startswith("this line is not").all()
    assert log.rejected["text"].str.len().max() == 300
    assert "rejected 4 rows of 2 files (log.rejected)" in repr(log)
    assert "<script>" not in log._repr_html_()


def test_a_file_in_which_no_row_can_be_read_is_an_empty_log_that_says_so(tmp_path):
    log = EventLog.read(dump(tmp_path, '{"a"', '{"b"', "[1]"), progress=False)
    assert len(log) == 0
    assert len(log.rejected) == 3
    assert "rejected 3 rows of 1 file" in repr(log)
    assert "rejected 3 rows" in log._repr_html_()


def test_a_log_that_was_not_read_has_rejected_nothing():
    log = EventLog([GOOD])
    assert log.mapping is None
    assert log.rejected.empty
    assert list(log.rejected) == ["file", "line", "reason", "text", "is_row"]


def test_numbers_that_are_none_are_kept_as_they_are(tmp_path):
    line = json.dumps(GOOD | {"data": {"n": float("nan")}, "x": float("inf")})
    frame = EventLog.read(dump(tmp_path, line), progress=False).frame
    assert pd.isna(frame["data"][0]["n"])
    assert frame["x"][0] == float("inf")


def test_a_read_that_is_interrupted_ends_at_once_and_leaves_no_bar(tmp_path, monkeypatch, capsys):
    path = dump(tmp_path, *[json.dumps(GOOD)] * 10)

    def interrupt(*args, **kwargs):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(reader, "survey", interrupt)
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        EventLog.read(path)
    assert threading.active_count() <= before + 1  # tqdm's own monitor
    assert list(tmp_path.iterdir()) == [path]


def test_a_log_is_saved_as_its_path_ends(tmp_path):
    log = EventLog([GOOD | {"data": {"n": 1}}])
    for name in (
        "a.jsonl",
        "a.jsonl.gz",
        "a.jsonl.zst",
        "a.csv",
        "a.csv.zst",
        "a.parquet",
        "a.arrow",
    ):
        again = EventLog.read(log.save(tmp_path / name), progress=False)
        pd.testing.assert_frame_equal(again.frame, log.frame)
    assert (
        gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes())
        == (tmp_path / "a.jsonl").read_bytes()
    )
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert table["data"].tolist() == ['{"n":1}']
    for name in ("a.xlsx", "a", "a.parquet.gz"):
        with pytest.raises(
            LogError, match=r"can't be written: a log's file ends in \.jsonl, \.csv"
        ):
            log.save(tmp_path / name)
    assert not (tmp_path / "a.xlsx").exists()


def test_a_part_of_a_log_knows_what_could_not_be_read_and_where_columns_are_from(tmp_path):
    path = dump(tmp_path, json.dumps({**GOOD, "data": {"n": 1}}), "{torn", json.dumps(GOOD))
    log = EventLog.read(path, progress=False)
    parts = [
        log.where("type == 'A'"),
        log.between("2026-11-23"),
        log.flow("c"),
        log.with_causes(),
        log.without_skew(),
        log.upcast(Choreography()),
    ]
    for part in parts:
        assert part.rejected["line"].tolist() == [2]
        assert dict(part.mapping) == dict(log.mapping)
    assert EventLog(log.frame).mapping is None


def test_what_is_stuck_may_have_gone_on_in_a_row_that_could_not_be_read(tmp_path, event):
    rows = [event(kind, f"f{n}", 10 * n) for n in range(4) for kind in "AB"]
    rows = [
        row | {"causation_id": f"{row['correlation_id']}/A"} if row["type"] == "B" else row
        for row in rows
    ]
    lines = [json.dumps(row, default=str) for row in rows]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([*lines[:-1], lines[-1][:40]]))
    log = EventLog.read(path, progress=False)
    assert log.stuck()["correlation_id"].tolist() == ["f3"]
    assert log.stuck().sentence.endswith(
        " 1 row of the files could not be read: what is missing may be there, see log.rejected."
    )
    path.write_text("\n".join([*lines, "{"]))
    assert "could not be read" not in EventLog.read(path, progress=False).stuck().sentence

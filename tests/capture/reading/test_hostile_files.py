"""Files that hold what nobody would write: they are read as far as they go, and nothing else happens."""

import json
import struct

import pandas as pd
import pyarrow as pa
import pytest

from workbench.analysis import EventLog
from workbench.errors import LogError

PLAIN = {"type": "A", "time": "2026-01-01T00:00:00Z", "correlation_id": "f"}


def lines(tmp_path, odd, n=50):
    path = tmp_path / "log.jsonl"
    rows = [json.dumps({"id": f"{k}", **PLAIN}) for k in range(n)]
    path.write_text("\n".join([*rows, odd]) + "\n")
    return path


def read(path):
    return EventLog.read(path, progress=False)


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "\x00"])
def test_a_member_may_have_any_name(tmp_path, name):
    log = read(lines(tmp_path, json.dumps({"id": "x", **PLAIN, name: 7, "late": 1})))
    assert log.frame[name].tolist()[-1] == 7
    assert log.frame["late"].tolist()[-1] == 1
    assert "more" not in log.frame
    again = read(log.save(tmp_path / "again.jsonl"))
    assert again.frame[name].tolist()[-1] == 7


def test_a_number_of_more_digits_than_python_reads_is_text_that_keeps_them(tmp_path):
    digits = "9" * 4301
    odd = json.dumps({"id": "x", **PLAIN})[:-1] + ', "data": {"n": ' + digits + "}}"
    assert read(lines(tmp_path, odd)).frame["data"].tolist()[-1] == {"n": digits}


@pytest.mark.parametrize("depth", [980, 990, 10_000])
def test_what_nests_too_deep_is_rejected_or_at_least_not_shown(tmp_path, depth):
    nested = '{"a":' * depth + "1" + "}" * depth
    odd = json.dumps({"id": "x", **PLAIN})[:-1] + ', "data": ' + nested + "}"
    log = read(lines(tmp_path, odd))
    assert len(log) + len(log.rejected) == 51
    assert repr(log.frame)
    assert log.frame._repr_html_()


def test_half_a_letter_behind_a_time_makes_it_one_that_cannot_be_read(tmp_path):
    odd = '{"id": "x", "type": "A", "time": "2026-01-01T00:00:00\\ud800"}'
    log = read(lines(tmp_path, odd))
    assert len(log) == 51
    assert "1 value of time can't be read as a time" in repr(log)


@pytest.mark.parametrize(
    "dtype", ["timestamp[ns, tz=Mars/X][pyarrow]", "decimal128(5, 2)[pyarrow]", "no such", "S9"]
)
def test_a_note_of_dtypes_that_are_none_is_not_followed(tmp_path, dtype):
    rows = [{"id": f"{k}", **PLAIN, "more": "1"} for k in range(20)]
    rows[0]["@dtypes"] = {"more": dtype}
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert list(map(str, read(path).frame["more"])) == ["1"] * 20


@pytest.mark.parametrize("offset", [2_000, 2_000_000_000, -5])
@pytest.mark.parametrize("kind", [pa.ipc.new_file, pa.ipc.new_stream])
def test_an_arrow_file_whose_texts_lie_elsewhere_is_refused(tmp_path, offset, kind):
    n = 50
    columns = {"type": ["A"] * n, "time": ["2026-01-01"] * n, "x": ["abc"] * n}
    table = pa.table(columns)
    path = tmp_path / "log.arrow"
    with pa.OSFile(str(path), "wb") as file, kind(file, table.schema) as writer:
        writer.write_table(table)
    places = list(range(0, 3 * n + 3, 3))
    wrong = [*places[:-1], offset]
    packed = path.read_bytes().replace(*(struct.pack(f"{n + 1}i", *p) for p in (places, wrong)))
    path.write_bytes(packed)
    with pytest.raises(LogError, match=r"log\.arrow can't be read: In column 2: Invalid: "):
        read(path)


@pytest.mark.parametrize("column", ["id", "type", "time", "correlation_id", "source", "offset"])
@pytest.mark.parametrize("odd", [["x"], {"a": 1}])
def test_one_odd_value_does_not_make_a_column_of_another(tmp_path, column, odd):
    plain = {"id": "x", **PLAIN, "source": "s", "offset": 5}
    path = tmp_path / "log.jsonl"
    rows = [plain | {"id": f"e{k}", "offset": k} for k in range(50)] + [plain | {column: odd}]
    path.write_text("\n".join(map(json.dumps, rows)))
    log = read(path)
    assert log.mapping[column] == column
    assert len(log) == 51
    assert "f" in log.flows()["correlation_id"].tolist()


@pytest.mark.parametrize("nothing", [False, 0, "", " ", "NULL", "false", "{}", {}, [], None])
@pytest.mark.parametrize("as_frame", [False, True])
def test_what_says_that_nobody_gave_up_is_no_dead_letter_from_wherever_it_comes(nothing, as_frame):
    rows = [
        {"id": f"{k}", **PLAIN, "source": "s", "dead_letter": reason}
        for k, reason in enumerate([nothing, nothing, "s/r: E: x"])
    ]
    log = EventLog(pd.DataFrame(rows) if as_frame else rows)
    assert log.n_dead_letters == 1


@pytest.mark.parametrize("nothing", ["false", "0", "{}", "[]", '""', "null"])
@pytest.mark.parametrize("reason", ["true", '"s/r: E: x"', '{"a": 1}', "1"])
def test_a_dead_letter_has_a_reason_of_any_kind_and_is_never_the_payload(tmp_path, nothing, reason):
    rows = [
        f'{{"id": "{k}", "type": "A", "time": "2026-01-01T00:00:0{k}Z", "source": "s", '
        f'"correlation_id": "f{k}", "dead_letter": {reason if k == 7 else nothing}}}'
        for k in range(10)
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(rows))
    log = read(path)
    assert log.n_dead_letters == 1
    assert "data" not in log.mapping
    assert log.stuck() is not None
    assert len(log.dead_letters()) == 1


def test_offsets_that_a_table_made_floats_are_whole_again(tmp_path):
    rows = [
        {"id": f"{k}", **PLAIN, "source": "s", "channel": "c", "partition": 0, "offset": offset}
        for k, offset in enumerate([0, 2, None, 1])
    ]
    path = tmp_path / "log.csv"
    pd.DataFrame(rows).astype({"partition": float}).to_csv(path, index=False)
    frame = read(path).frame
    assert frame["offset"].tolist() == [0, 2, -1, 1]
    assert frame["partition"].tolist() == [0] * 4


@pytest.mark.parametrize("partition", [2**32 + 1, 2**31, -(2**40)])
def test_a_partition_that_no_broker_has_is_unknown(partition):
    log = EventLog([{"id": "1", **PLAIN, "source": "s", "partition": partition, "offset": 5}])
    assert log.frame["partition"].tolist() == [-1]

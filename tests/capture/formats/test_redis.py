from pathlib import Path

import pytest

from workbench.capture import read

HERE = Path(__file__).parent
BARE = "1772355600250-0\ntype\nOrderPlaced\norder_id\no-1\n"


def written(tmp_path, text):
    path = tmp_path / "dump"
    path.write_text(text)
    return read(path, progress=False)


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("redis.json", "Redis streams"),
        ("redis_numbered.txt", "Redis streams, as text"),
        ("redis_resp3.txt", "Redis streams, as text"),
        ("redis_bare.txt", "Redis streams, as text"),
    ],
)
def test_entries_of_several_streams_are_events_however_they_are_printed(name, tool):
    log = read(HERE / name, progress=False)

    events = log.frame.sort_values("time")
    assert log.mapping.format == tool
    assert log.rejected.empty
    assert events["id"].tolist() == [f"e-{n}" for n in range(1, 9)]
    assert events["type"].tolist() == ["OrderPlaced", "StockReserved"] * 4
    assert events["channel"].tolist() == ["orders", "stock"] * 4
    assert events["source"].tolist() == ["checkout", "inventory"] * 4
    assert events["correlation_id"].tolist() == [f"o-{n}" for n in (1, 1, 2, 2, 3, 3, 4, 4)]
    assert events["data"].iloc[0] == {"total": 1, "note": 'a "b" ü'}
    assert events["time"].iloc[0].isoformat() == "2026-03-01T09:00:00.250000+00:00"


def test_a_range_of_one_stream_has_no_stream():
    log = read(HERE / "redis_range.txt", progress=False)
    assert log.frame["entry_id"].tolist() == [f"17723556{n:05}-0" for n in (250, 750, 1250, 1750)]
    assert "stream" not in log.frame


@pytest.mark.parametrize("fields", ['["type", "A", "n", 1]', '{"type": "A", "n": 1}'])
def test_fields_may_stand_in_a_list_or_in_an_object(tmp_path, fields):
    log = written(tmp_path, f'[["1772355600250-0", {fields}],\n ["1772355600251-0", {fields}]]')
    assert log.frame["type"].tolist() == ["A", "A"]
    assert log.frame["n"].tolist() == [1, 1]


def test_what_is_no_entry_is_rejected_and_the_others_are_read(tmp_path):
    whole = '["1772355600250-0", ["type", "A"]]'
    log = written(tmp_path, f'[{whole}, ["x", 3], ["1772355600251-0", ["type"]], 3, {whole}]')
    assert log.frame["type"].tolist() == ["A", "A"]
    odd = "the fields of this entry are not names and values by turns; redis-cli --json tells them apart."
    no_entry = "this is no entry of a stream."
    assert log.rejected["reason"].tolist() == [no_entry, odd, no_entry]


def test_a_value_of_several_lines_is_rejected_where_it_leaves_fields_odd(tmp_path):
    several = BARE.replace("o-1", "o-1\nsecond line")
    log = written(tmp_path, BARE + several + BARE)
    assert log.frame["order_id"].tolist() == ["o-1", "o-1"]
    assert log.rejected["line"].tolist() == [6]
    assert "redis-cli --json tells them apart" in log.rejected["reason"][0]


def test_lines_between_numbered_ones_are_rejected(tmp_path):
    text = (HERE / "redis_range.txt").read_text().splitlines()
    log = written(tmp_path, "\n".join([*text[:5], "(0.52s)", *text[5:]]))
    assert len(log.frame) == 4
    assert log.rejected["line"].tolist() == [6]
    assert log.rejected["reason"].tolist() == ["this line is not as redis-cli numbers them."]


def test_streams_that_are_cut_are_rejected_as_a_whole(tmp_path):
    log = written(tmp_path, (HERE / "redis.json").read_text()[:-40])
    assert log.frame.empty
    assert log.rejected["reason"][0].startswith("the file is not JSON: ")

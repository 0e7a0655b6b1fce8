import json

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.capture import read

NOON = "2026-11-23T12:00:00Z"


def chain(cause="causation_id", kind="type"):
    """Three events with whole numbers for ids: as their causes have a gap, pandas makes them floats."""
    frame = pd.DataFrame(
        {"id": [1, 2, 3], kind: ["A", "B", "C"], "time": NOON, "correlation_id": 7, cause: [None, 1, 2]}
    )  # fmt: skip
    assert frame[cause].dtype == "float64"
    return frame


def as_parquet(frame, path):
    frame.to_parquet(path)
    return read(path, progress=False).frame


def as_csv(frame, path):
    frame.to_csv(path, index=False)
    return read(path, progress=False).frame


def as_jsonl(frame, path):
    frame.astype(object).to_json(path, orient="records", lines=True, double_precision=1)
    path.write_text(path.read_text().replace(":1}", ":1.0}").replace(":2}", ":2.0}"))
    return read(path, progress=False).frame


def as_frame(frame, path):
    return EventLog(frame).frame


def as_rows(frame, path):
    return EventLog(frame.to_dict("records")).frame


ROUTES = [as_parquet, as_csv, as_jsonl, as_frame, as_rows]


@pytest.mark.parametrize("route", ROUTES)
def test_ids_that_gaps_made_floats_are_whole_numbers_again(tmp_path, route):
    frame = route(chain(), tmp_path / "log")
    assert frame["causation_id"].isna().tolist() == [True, False, False]
    assert frame["causation_id"].tolist()[1:] == frame["id"].tolist()[:2] == ["1", "2"]


@pytest.mark.parametrize("route", ROUTES[:-1])
def test_causes_that_gaps_made_floats_are_found_under_another_name(tmp_path, route):
    log = pd.concat([chain("parent", "kind")] * 10, ignore_index=True)
    number = pd.Series(range(1, 31))
    log["id"], log["correlation_id"] = number, (number - 1) // 3 + 501
    log["parent"] = (number - 1).where(number % 3 != 1)
    frame = route(log, tmp_path / "log")
    assert frame["causation_id"].dropna().tolist() == [str(n) for n in range(1, 30) if n % 3]


@pytest.mark.parametrize("route", [as_parquet, as_frame, as_rows])
def test_ids_too_large_for_a_float_keep_every_digit(tmp_path, route):
    large = 2**53 + 1
    frame = chain().assign(
        id=[large, large + 1, large + 2], causation_id=pd.array([None, large, large + 1], "Int64")
    )
    read_back = route(frame, tmp_path / "log")
    assert read_back["id"].tolist() == [str(large + n) for n in range(3)]
    assert read_back["causation_id"].tolist()[1:] == [str(large), str(large + 1)]


def test_ids_that_are_numbers_with_a_point_stay_as_they_are(tmp_path):
    path = tmp_path / "log.jsonl"
    rows = [{"id": each, "type": "A", "time": NOON} for each in ("1.0", "1.1", "2.0", "v3")]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert read(path, progress=False).frame["id"].tolist() == ["1.0", "1.1", "2.0", "v3"]


@pytest.mark.parametrize(("first", "kept"), [(0, ["0", "1"]), (1, ["1"])])
def test_zero_is_a_cause_where_it_is_an_id(first, kept):
    causes = [None, 0, 1] if first == 0 else [0, 0, 1]
    ids = [first + n for n in range(3)]
    log = pd.DataFrame({"nr": ids, "kind": ["A", "B", "C"], "ts": NOON, "parent": causes})
    given = {"id": "nr", "causation_id": "parent"}
    assert EventLog(log, given).frame["causation_id"].dropna().tolist() == kept


ONE, OTHER = "0ed90475-9531-485d-9d9d-c9f81818e811", "aaaaaaaa-9531-485d-9d9d-c9f81818e812"


@pytest.mark.parametrize(
    ("made", "caused"),
    [(str.upper, str), (str, str.upper), ("{{{}}}".format, str), (str.title, str.title), (str.upper, "{{{}}}".format)],
)  # fmt: skip
def test_uuids_that_are_written_in_two_ways_are_the_same(tmp_path, made, caused):
    path = tmp_path / "log.jsonl"
    rows = [
        {"event_id": made(ONE), "event_type": "OrderPlaced", "ts": NOON, "correlation_id": made(OTHER)},
        {"event_id": made(OTHER), "event_type": "OrderPaid", "ts": NOON, "correlation_id": caused(OTHER), "causation_id": caused(ONE)},
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    found = read(path, progress=False)
    assert found.frame["id"].tolist() == [ONE, OTHER]
    assert found.frame["correlation_id"].tolist() == [OTHER, OTHER]
    assert found.frame["causation_id"].tolist()[1] == ONE
    assert "UUIDs are written in upper and in lower case here, and read in lower" in repr(
        found.mapping
    )


@pytest.mark.parametrize("made", [str, str.upper, "{{{}}}".format])
def test_uuids_that_are_all_written_alike_are_left_as_they_are(tmp_path, made):
    path = tmp_path / "log.jsonl"
    row = {
        "event_id": made(ONE),
        "event_type": "OrderPlaced",
        "ts": NOON,
        "correlation_id": made(OTHER),
    }
    path.write_text(json.dumps(row))
    assert read(path, progress=False).frame["id"].tolist() == [made(ONE)]

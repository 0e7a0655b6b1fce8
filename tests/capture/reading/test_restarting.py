import json
from datetime import UTC, datetime, timedelta

import pytest

from workbench.capture import read

START = datetime(2026, 9, 21, 14, tzinfo=UTC)
STEPS = ["Started", "Scheduled", "Charged", "Ended"]


def executions(tmp_path, shape, n=3, hours=1):
    """A file for each execution, in which ``shape`` makes a row of a step's number and its time."""
    for execution in range(n):
        first = START + timedelta(hours=hours * execution)
        rows = [shape(step, first + timedelta(seconds=step)) for step in range(len(STEPS))]
        (tmp_path / f"{execution}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path / "*.jsonl"


def row(step, time):
    return {"eventId": step + 1, "kind": STEPS[step], "at": time.isoformat(), "parentId": step}


def test_a_number_that_begins_anew_in_each_file_is_no_id(tmp_path):
    found = read(executions(tmp_path, row), progress=False)
    assert found.frame["id"].isna().all()
    assert found.frame["causation_id"].isna().all()
    assert found.frame["eventId"].tolist() == [1, 2, 3, 4] * 3
    (note,) = found.notes
    assert note.startswith("eventId begins anew in each file, so it names no event and isn't taken")
    assert note.endswith('mapping={"id": "eventId"}')


def test_whoever_says_that_it_is_the_id_gets_it(tmp_path):
    found = read(executions(tmp_path, row), {"id": "eventId"}, progress=False)
    assert found.frame["id"].tolist() == ["1", "2", "3", "4"] * 3
    assert found.notes == ()


@pytest.mark.parametrize("hours", [0, 1])
def test_the_same_numbers_at_the_same_times_or_in_the_same_flow_are_the_same_events(
    tmp_path, hours
):
    def of_one_flow(step, time):
        return row(step, time) | {"flow_id": "f-1"}

    found = read(executions(tmp_path, of_one_flow, hours=hours), progress=False)
    assert found.frame["id"].notna().all()


def test_numbers_that_go_on_in_the_next_file_are_ids(tmp_path):
    for file in range(3):
        rows = [row(s, START + timedelta(hours=file, seconds=s)) for s in range(len(STEPS))]
        rows = [each | {"eventId": each["eventId"] + 4 * file} for each in rows]
        (tmp_path / f"{file}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read(tmp_path / "*.jsonl", progress=False).frame["id"].is_unique


def test_a_number_is_no_cause_where_no_row_has_an_id(tmp_path):
    rows = [
        {"kind": STEPS[n % 4], "at": (START + timedelta(seconds=n)).isoformat(), "parentId": n % 4}
        for n in range(40)
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert "causation_id" not in read(tmp_path / "log.jsonl", progress=False).mapping

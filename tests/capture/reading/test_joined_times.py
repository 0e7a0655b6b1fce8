"""A date in one column and a time of day in another make a time."""

import json
from datetime import UTC, date, datetime, time

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.capture import read
from workbench.capture.reading.joined_times import joined
from workbench.errors import LogError

KINDS = ["OrderPlaced", "OrderPaid", "OrderSent"]


def rows(day="2026-11-23", clock="12:00:{:02}.5", **more):
    return [
        {"nr": f"e{n}", "what": KINDS[n % 3], "order": f"o{n // 3}", "day": day, "clock": clock.format(n)}
        | more
        for n in range(30)
    ]  # fmt: skip


def written(tmp_path, events):
    path = tmp_path / "log.csv"
    pd.DataFrame(events).to_csv(path, index=False)
    return path


def noon(second, offset=0):
    return pd.Timestamp("2026-11-23T12:00:00.5Z") + pd.Timedelta(second - 3600 * offset, "s")


@pytest.mark.parametrize("day", ["2026-11-23", "23.11.2026", "11/23/2026", "2026-11-23 00:00:00"])
def test_a_date_and_a_time_of_day_side_by_side_are_found_to_be_a_time(tmp_path, day):
    found = read(written(tmp_path, rows(day)), progress=False)
    assert found.mapping["time"] == "day + clock"
    assert found.frame["time"].tolist() == [noon(n) for n in range(30)]
    assert found.frame["clock"].tolist()[7] == "12:00:07.5"  # kept beside
    assert not [note for note in found.notes if "one time of day" in note]


def test_they_are_found_inside_an_object_and_what_was_found_can_be_given(tmp_path):
    path = tmp_path / "log.jsonl"
    events = [{k: row[k] for k in ("nr", "what", "order")} | {"at": row} for row in rows()]
    path.write_text("\n".join(map(json.dumps, events)))
    found = read(path, progress=False)
    assert found.mapping["time"] == "at.day + at.clock"
    again = read(path, {**found.mapping}, progress=False)
    pd.testing.assert_frame_equal(again.frame, found.frame)


def test_two_columns_may_be_named_with_a_zone(tmp_path):
    events = rows(created="2020-01-01T00:00:00Z", shift="08:00", until="2026-12-24")
    path = written(tmp_path, events)
    assert read(path, progress=False).mapping["time"] == "created"
    found = read(path, {"time": "day + clock @ Europe/Berlin"}, progress=False)
    assert found.frame["time"].tolist()[3] == noon(3, offset=1)
    assert found.mapping["time"] == "day + clock @ Europe/Berlin"


def test_dates_and_times_of_day_of_a_data_frame_are_joined():
    frame = pd.DataFrame(rows()).assign(
        day=date(2026, 11, 23), clock=[time(12, 0, n, 500_000) for n in range(30)]
    )
    assert EventLog(frame).frame["time"].tolist() == [noon(n) for n in range(30)]


def test_where_one_of_the_two_is_missing_there_is_no_time():
    days = [
        date(2026, 11, 23),
        None,
        "2026-11-23",
        datetime(2026, 11, 23, tzinfo=UTC),
        "2026-11-23T00:00:00",
    ]
    clocks = [time(12), "12:00", "", "12:00:01", " 12:00:02 "]
    assert joined(days, clocks) == [
        "2026-11-23 12:00:00", None, None, "2026-11-23 12:00:01", "2026-11-23 12:00:02",
    ]  # fmt: skip


def test_a_name_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LogError, match=r"time of day that it joins 'dya' names nothing"):
        read(written(tmp_path, rows()), {"time": "dya + clock"}, progress=False)


def test_a_date_alone_says_how_the_time_of_day_is_joined(tmp_path):
    events = [row | {"clock": f"{n}h"} for n, row in enumerate(rows())]
    found = read(written(tmp_path, events), progress=False)
    (said,) = found.notes
    assert said.startswith(
        "all events are at one time of day: if that stands in a column of its own"
    )
    assert said.endswith('join the two by mapping={"time": "date + time"}')

import json

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.capture import read, read_parts
from workbench.errors import LogError


def written(path, times, column="time", **more):
    rows = [{"type": "A", column: each, "correlation_id": "x", **more} for each in times]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def days(frame, column="time"):
    return frame[column].dt.strftime("%m-%d").tolist()


DAYS_IN_NOVEMBER = [f"{day}/11/2026 22:00:00" for day in range(1, 29)]


@pytest.mark.parametrize("bad", ["n/a", "(dd/mm/yyyy)", "31/11/2026 00:00:00", "0001-01-01 00:00:00", "x"])  # fmt: skip
@pytest.mark.parametrize("column", ["time", "broker_time"])
@pytest.mark.parametrize("given", [None, {"broker_time": "broker_time", "time": "time"}])
def test_one_value_that_is_no_time_leaves_the_others_as_they_are(tmp_path, bad, column, given):
    rows = [
        {"type": "A", "time": "2026-11-23T12:00:00Z", "broker_time": None} | {column: each}
        for each in [bad, *DAYS_IN_NOVEMBER]
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    log = EventLog.read(path, given, progress=False)
    assert days(log.frame, column)[1:] == [f"11-{day:02}" for day in range(1, 29)]
    assert log.frame["broker_time"].isna()[0]
    assert ("undated" in log.frame) == (column == "time")
    assert f"1 value of {column} can't be read as a time" in repr(log)
    assert "text, day first" in repr(log.mapping)


def test_of_a_column_that_is_named_one_time_that_can_be_read_is_enough(tmp_path):
    path = written(tmp_path / "log.jsonl", [*["pending"] * 9, "24.11.2026 22:00:00"], "wann")
    log = EventLog.read(path, {"time": "wann"}, progress=False)
    assert set(days(log.frame)) == {"11-24"}
    assert "9 values of time can't be read as a time" in repr(log)


def test_day_or_month_first_is_told_by_all_files_of_a_read(tmp_path):
    written(tmp_path / "a.jsonl", ["01/12/2026 09:00:00"])
    written(tmp_path / "b.jsonl", ["30/11/2026 09:00:00"])
    written(tmp_path / "c.jsonl", ["02/12/2026 09:00:00"])
    found = read(tmp_path / "*.jsonl", progress=False)
    assert days(found.frame) == ["12-01", "11-30", "12-02"]
    assert "same name, text, day first" in repr(found.mapping)


def test_a_file_that_tells_it_itself_is_read_as_it_says(tmp_path):
    written(tmp_path / "a.jsonl", ["01/12/2026 09:00:00", "30/11/2026 09:00:00"])
    written(tmp_path / "b.jsonl", ["12/02/2026 09:00:00", "11/30/2026 09:00:00"])
    frame = read(tmp_path / "*.jsonl", progress=False).frame
    assert days(frame) == ["12-01", "11-30", "12-02", "11-30"]


def test_a_date_late_in_a_file_tells_how_those_before_it_are_read(tmp_path):
    times = ["05/11/2026 22:00:00"] * 3_000 + ["13/11/2026 22:00:00"]
    frame = read(written(tmp_path / "log.jsonl", times), progress=False).frame
    assert set(days(frame)) == {"11-05", "11-13"}


def test_the_other_column_of_times_tells_it_too(tmp_path):
    path = written(
        tmp_path / "log.jsonl", ["05/11/2026 22:00:00"], broker_time="13/11/2026 01:00:00"
    )
    assert days(read(path, progress=False).frame) == ["11-05"]


def test_where_nothing_tells_the_day_from_the_month_the_mapping_says_so(tmp_path):
    path = written(tmp_path / "log.jsonl", ["05/11/2026 22:00:00"])
    found = read(path, progress=False)
    assert days(found.frame) == ["05-11"]
    assert "same name, text, month first? nothing tells" in repr(found.mapping)


def test_parts_are_read_as_they_and_those_before_them_tell(tmp_path):
    for name, time in (("a", "30/11/2026 09:00:00"), ("b", "01/12/2026 09:00:00")):
        written(tmp_path / f"{name}.jsonl", [time])
    assert [days(part) for part in read_parts(tmp_path)] == [["11-30"], ["12-01"]]


def test_a_change_of_unit_in_a_column_is_read_and_said(tmp_path):
    counts = [1790000000000 + n for n in range(150)] + [1790000000 + n for n in range(50)]
    log = EventLog.read(written(tmp_path / "log.jsonl", counts), progress=False)
    assert set(log.frame["time"].dt.date.astype(str)) == {"2026-09-21"}
    assert "counts of time, most in ms, and 50 in s: each was read in its own unit" in repr(log)


def test_counts_and_iso_8601_in_one_column_are_read(tmp_path):
    mixed = ["2026-10-03T04:00:00Z"] * 150 + [1790000000000] * 50
    frame = read(written(tmp_path / "log.jsonl", mixed, "ts"), progress=False).frame
    assert frame["time"].dt.month.value_counts().to_dict() == {10: 150, 9: 50}
    assert "undated" not in frame


def test_a_column_that_was_named_and_holds_no_times_is_shown_with_what_is_understood(tmp_path):
    path = written(tmp_path / "log.jsonl", ["gestern um vier"] * 20, "wann")
    with pytest.raises(
        LogError,
        match=r"log\.jsonl is not an event log: nothing in its column for 'time' can be read as a time: "
        r"it holds 'gestern um vier'\. Understood are ISO 8601, counts of s, ms, .* \(CEST\) behind it",
    ):
        read(path, {"time": "wann"}, progress=False)


def test_times_without_a_zone_are_taken_as_utc_and_the_mapping_says_so(tmp_path):
    path = written(tmp_path / "log.jsonl", ["24.10.2026 22:00:00"] * 9, "wann")
    found = read(path, progress=False)
    assert set(found.frame["time"].dt.hour) == {22}
    assert "guessed, text, day first, taken as UTC" in repr(found.mapping)
    assert 'if it is another: mapping={"time": "wann @ Europe/Berlin"}' in repr(found.mapping)
    assert "; times without a zone taken as UTC" in found.mapping.sentence
    told = read(path, {"time": "wann @ Europe/Berlin"}, progress=False)
    assert set(told.frame["time"].dt.hour) == {20}
    assert "given, text, day first, taken as Europe/Berlin" in repr(told.mapping)
    assert read(path, {**told.mapping}, progress=False).frame["time"].equals(told.frame["time"])
    zoned = written(tmp_path / "log.jsonl", ["2026-10-24T22:00:00Z"] * 9, "wann")
    assert "UTC" not in repr(read(zoned, progress=False).mapping)


def test_times_of_a_data_frame_without_a_zone_may_be_of_any(tmp_path):
    frame = pd.DataFrame({"kind": ["A"], "when": pd.to_datetime(["2026-07-01 12:00"])})
    log = EventLog(frame, {"type": "kind", "time": "when @ Asia/Tokyo"})
    assert log.frame["time"][0] == pd.Timestamp("2026-07-01T03:00Z")


def test_a_zone_that_is_none_is_refused_and_a_column_with_such_a_name_wins(tmp_path):
    path = written(tmp_path / "log.jsonl", ["2026-10-24T22:00:00"], "at @ noon")
    assert read(path, {"time": "at @ noon"}, progress=False).frame["time"][0].hour == 22
    with pytest.raises(LogError, match=r"mapping: 'time': 'Berlin' is no time zone: give one as Europe/Berlin"):  # fmt: skip
        read(path, {"time": "at @ Berlin"}, progress=False)


def test_each_of_several_files_says_its_own_times(tmp_path):
    dated = written(tmp_path / "a.jsonl", ["2026-10-24T22:00:00Z"])
    for column, wrong in (("n", 7), ("time", "soon"), ("time", None)):
        path = written(tmp_path / "b.jsonl", [wrong], column)
        with pytest.raises(
            LogError, match=r"b\.jsonl is not an event log: .*(when an event|'soon'|it is empty)"
        ):
            read([dated, path], progress=False)
    with pytest.raises(LogError, match=r"'time': 'time' names nothing in .*b\.jsonl"):
        read([dated, written(tmp_path / "b.jsonl", [7], "n")], {"time": "time"}, progress=False)


def test_a_number_beyond_all_floats_is_one_value_that_is_no_time(tmp_path):
    path = written(tmp_path / "log.jsonl", [1790000000] * 20 + [10**400])
    assert "1 value of time can't be read as a time, it is '1000" in str(
        read(path, progress=False).notes
    )


@pytest.mark.parametrize("hour", ["9:00:01", "09:00:01,123", "21:00:01.5 +02:00", "09:00:01 pm"])
def test_a_time_of_day_without_a_date_is_no_time(tmp_path, hour):
    path = tmp_path / "log.csv"
    rows = [f"2026-09-{n:02d};{hour};A;e{n};f" for n in range(1, 25)]
    path.write_text("\n".join(["DAY;EVT_TIME;event_type;event_id;correlation_id", *rows]))
    found = read(path, progress=False)
    assert found.mapping["time"] == ("DAY" if "pm" in hour else "DAY + EVT_TIME")
    told = [note.split(":")[0] for note in found.notes]
    assert told == ["all events are at one time of day"] * (
        len({*found.frame["time"].dt.time}) == 1
    )
    with pytest.raises(LogError, match="nothing in its column for 'time' can be read as a time"):
        read(path, {"time": "EVT_TIME"}, progress=False)


def test_times_of_which_some_say_no_zone_are_said_too(tmp_path):
    mixed = ["2026-09-21T06:00:00Z", *["2026-09-21T06:00:00Z", "2026-09-21 08:00:01,123"] * 50]
    path = written(tmp_path / "log.jsonl", mixed, "wann")
    found = read(path, progress=False)
    assert "guessed, ISO 8601, taken as UTC where no zone is said" in repr(found.mapping)
    assert (
        "time says no zone in some rows and is taken as UTC; if it is another: "
        'mapping={"time": "wann @ Europe/Berlin"}'
    ) in repr(found.mapping)
    assert "; times without a zone taken as UTC" in found.mapping.sentence
    told = read(path, {"time": "wann @ Europe/Berlin"}, progress=False)
    assert set(told.frame["time"].dt.hour) == {6}
    assert "given, ISO 8601, taken as Europe/Berlin where no zone is said" in repr(told.mapping)


def test_what_is_no_time_says_nothing_of_zones(tmp_path):
    zoned = ["n/a", *["2026-09-21T06:00:00Z"] * 20]
    assert "UTC" not in repr(read(written(tmp_path / "log.jsonl", zoned), progress=False).mapping)


@pytest.mark.parametrize(
    ("times", "example"),
    [
        ([1789970400000, *["2026-09-21T06:00:00Z"] * 3], "ISO 8601  2026-09-21T06:00:00Z"),
        (["2026-09-21T06:00:00Z", *[1789970400000] * 3], "ms  1789970400000"),
    ],
)
def test_the_example_of_a_time_is_written_as_the_mapping_says(tmp_path, times, example):
    found = read(written(tmp_path / "log.jsonl", times), progress=False)
    assert f"same name, {example}" in repr(found.mapping)


def test_the_order_of_the_day_and_the_month_can_be_said(tmp_path):
    path = written(tmp_path / "log.jsonl", ["03/04/2026 10:00:00"] * 9, "wann")
    found = read(path, progress=False)
    assert days(found.frame) == ["03-04"] * 9
    assert (
        "no date of time tells the day from the month, so the month is read first; "
        'if the day is first: mapping={"time": "wann @ day first"}'
    ) in repr(found.mapping)
    assert "dates read month first, which nothing tells" in found.mapping.sentence
    for said, day in (("day first", "04-03"), ("month first", "03-04")):
        told = read(path, {"time": f"wann @ {said}"}, progress=False)
        assert days(told.frame) == [day] * 9
        assert f"given, text, {said}, taken as UTC" in repr(told.mapping)
        assert "nothing tells" not in told.mapping.sentence
        assert days(read(path, told.mapping, progress=False).frame) == [day] * 9


@pytest.mark.parametrize("said", ["day first @ Europe/Berlin", "Europe/Berlin @ day first"])
def test_a_zone_and_the_order_of_the_day_and_the_month_can_be_said_together(tmp_path, said):
    path = written(tmp_path / "log.jsonl", ["03/07/2026 10:00:00"], "wann")
    found = read(path, {"time": f"wann @ {said}"}, progress=False)
    assert found.frame["time"][0] == pd.Timestamp("2026-07-03T08:00Z")
    assert found.mapping["time"] == "wann @ Europe/Berlin @ day first"


def test_what_is_said_of_the_day_holds_for_its_column_whatever_other_dates_tell(tmp_path):
    times = ["03/04/2026 10:00:00"] * 9
    path = written(tmp_path / "log.jsonl", times, "wann", broker_time="09/30/2026 10:00:00")
    found = read(path, {"time": "wann @ day first"}, progress=False)
    assert days(found.frame) == ["04-03"] * 9
    assert days(found.frame, "broker_time") == ["09-30"] * 9


@pytest.mark.parametrize("sign", ["@", " @", "@ "])
def test_a_zone_without_blanks_around_its_sign_is_refused_with_them(tmp_path, sign):
    path = written(tmp_path / "log.jsonl", ["2026-10-24T22:00:00"])
    with pytest.raises(
        LogError, match=r"stands behind an @ with blanks around it: 'time @ Europe/Berlin'\."
    ):
        read(path, {"time": f"time{sign}Europe/Berlin"}, progress=False)


def test_dates_that_contradict_each_other_and_times_that_are_none_are_named(tmp_path):
    whens = [
        "5/1/2026 0:13",
        "1/13/2026 0:14",
        "13/1/2026 0:15",
        "14/1/2026 0:15",
        "24:00 <b>",
        "soon",
    ]
    path = tmp_path / "events.csv"
    path.write_text(
        "id;type;time;correlation_id\n" + "".join(f"{n};A;{w};c\n" for n, w in enumerate(whens))
    )
    notes = EventLog.read(path, {"time": "time"}, progress=False)._repr_html_()
    assert (
        "2 values of time can&#x27;t be read as a time, the first is &#x27;24:00 &lt;b&gt;&#x27;"
        in notes
    )
    assert "1 date of time can&#x27;t have the day and the month in the order of most" in notes


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("260921141321", "all times lie before 2000, the last in 1978: see in log.mapping whether"),
        ("2126092114132112", "all times lie in the future, the first in 2037: see in log.mapping"),
        ("2026-09-21 14:13:21", None),
    ],
)
def test_times_that_no_event_is_likely_to_have_are_said(tmp_path, time, said):
    path = tmp_path / "events.csv"
    rows = "".join(f"{n};A;{time[:-1]}{n % 9};c\n" for n in range(12))
    path.write_text(f"id;type;when;correlation_id\n{rows}")
    log = EventLog.read(path, {"time": "when"}, progress=False)
    assert (said in repr(log)) if said else ("all times lie" not in repr(log))

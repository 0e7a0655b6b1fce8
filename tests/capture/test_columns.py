from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from workbench.capture import COLUMNS, UNKNOWN, standard_frame
from workbench.errors import LogError

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_rows_get_exactly_the_standard_columns_and_dtypes():
    frame = standard_frame([{"type": "OrderPlaced", "time": NOON, "data": {"n": 1}}])
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(COLUMNS)
    assert list(frame.columns) == list(COLUMNS)


def test_an_empty_log_has_the_standard_columns_too():
    for nothing in ([], pd.DataFrame()):
        frame = standard_frame(nothing)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(COLUMNS)
        assert len(frame) == 0


def test_giving_a_frame_the_standard_columns_twice_changes_nothing():
    rows = [{"type": t, "time": NOON, "id": t, "key": "k", "offset": 3} for t in "ba"]
    once = standard_frame(rows)
    pd.testing.assert_frame_equal(standard_frame(once), once)


def test_other_columns_are_kept_behind_the_standard_ones_untouched_and_in_order():
    given = pd.DataFrame(
        {
            "zone": pd.Categorical(["b", "a"], categories=["b", "a", "unused"]),
            "time": [NOON, NOON],
            "attempts": pd.array([1, None], dtype="Int64"),
            "type": ["B", "A"],
        },
        index=[7, 7],
    )
    frame = standard_frame(given)
    assert list(frame.columns) == [*COLUMNS, "zone", "attempts"]
    pd.testing.assert_series_equal(frame["zone"], given["zone"].reset_index(drop=True))
    assert frame["attempts"].dtype == "Int64"
    assert list(frame.index) == [0, 1]


def test_categories_are_those_in_use_and_sorted():
    types = pd.Categorical(["b", "a", "b"], categories=["c", "b", "a"])
    frame = standard_frame(pd.DataFrame({"type": types, "time": [NOON] * 3}))
    assert list(frame["type"].cat.categories) == ["a", "b"]
    assert list(frame["type"]) == ["b", "a", "b"]


def test_times_of_any_kind_become_utc_nanoseconds():
    times = [
        NOON,
        NOON.replace(tzinfo=None),
        "2026-11-23T12:00:00.000000001Z",
        "2026-11-23T13:00:00+01:00",
        pd.Timestamp("2026-11-23T13:00", tz="Europe/Berlin"),
    ]
    frame = standard_frame([{"type": "A", "time": time} for time in times])
    noon = pd.Timestamp(NOON)
    expected = [noon, noon, noon + pd.Timedelta(1, "ns"), noon, noon]
    assert frame["time"].tolist() == expected


def test_whole_numbers_are_nanoseconds():
    frame = standard_frame(pd.DataFrame({"type": ["A"], "time": [1]}))
    assert frame["time"][0] == pd.Timestamp(1, tz="UTC")


@pytest.mark.parametrize(
    "strange", [None, "yesterday", "9999-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)]
)
def test_a_strange_time_is_taken_from_the_broker(strange):
    row = {"type": "A", "time": strange, "broker_time": NOON}
    assert standard_frame([row])["time"][0] == pd.Timestamp(NOON)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_an_event_with_no_time_at_all_has_that_of_the_events_around_it(before):
    """Of those on its partition: the one before it, or else the one after it."""

    def row(offset, **times):
        return {"type": "A", "channel": "a", "partition": 0, "offset": offset, **times}

    dated = [row(2 * n + 1, time=NOON, broker_time=NOON + n * MINUTE) for n in range(2)]
    lone = row(2 * before, time="?")
    elsewhere = row(0, time=NOON - MINUTE) | {"channel": "b"}
    for rows in ([*dated, lone, elsewhere], [lone, elsewhere, *dated]):
        frame = standard_frame(rows)
        found = frame[frame["undated"]]
        assert found["offset"].tolist() == [lone["offset"]]
        assert found["time"].tolist() == [NOON + max(0, before - 1) * MINUTE]
        assert found["broker_time"].isna().all()
        again = standard_frame(frame)
        assert again["undated"].tolist() == frame["undated"].tolist()


def test_texts_and_counts_of_nanoseconds_may_stand_in_one_column_of_times():
    times = [5, "2026-11-23T09:00:00Z", 10**30, True, 1.5]
    found = standard_frame([{"type": "A", "time": time} for time in times])
    first, second = pd.Timestamp(5, tz="UTC"), pd.Timestamp("2026-11-23T09:00:00Z")
    assert found["time"].tolist() == [first, second, second, second, second]
    assert found["undated"].tolist() == [False, False, True, True, True]


def test_an_event_with_no_time_and_nothing_around_it_stands_at_the_logs_beginning():
    rows = [{"type": "A", "channel": "a", "offset": 0}, {"type": "B", "time": NOON, "channel": "b"}]
    assert standard_frame(rows)["time"].tolist() == [NOON, NOON]
    assert "undated" not in standard_frame(rows[1:])


def test_events_none_of_which_has_a_time_are_refused_unless_one_is_given():
    rows = [{"type": "A", "time": "?"}, {"type": "A"}]
    with pytest.raises(LogError, match=r"^no event has a time that can be read or a broker_time: "):
        standard_frame(rows)
    assert standard_frame(rows, otherwise=NOON)["time"].tolist() == [NOON, NOON]


def test_a_frame_without_types_is_refused_and_its_columns_are_named():
    with pytest.raises(LogError, match="no column 'type' among kind, time"):
        standard_frame(pd.DataFrame({"kind": ["A"], "time": [NOON]}))


def test_a_column_that_is_there_twice_is_refused():
    frame = pd.DataFrame([["A", NOON, NOON]], columns=["type", "time", "time"])
    with pytest.raises(LogError, match="'time' is there twice"):
        standard_frame(frame)


def test_a_column_that_holds_the_wrong_thing_is_named():
    with pytest.raises(LogError, match="column 'offset' can't be read as int64"):
        standard_frame([{"type": "A", "time": NOON, "offset": "first"}])


def test_unknown_partitions_and_offsets_are_minus_one_and_large_ones_keep_every_digit():
    large = 2**62 + 1
    frame = standard_frame(
        [{"type": "A", "time": NOON, "offset": large}, {"type": "A", "time": NOON, "partition": 3}]
    )
    assert frame["offset"].tolist() == [large, UNKNOWN]
    assert frame["partition"].tolist() == [UNKNOWN, 3]


def test_ids_become_text_and_missing_ones_stay_null():
    ids = [UUID(int=1), "a", 7, None, np.nan]
    frame = standard_frame([{"type": "A", "time": NOON, "id": given} for given in ids])
    assert frame["id"].tolist()[:3] == [str(UUID(int=1)), "a", "7"]
    assert frame["id"].isna().tolist() == [False, False, False, True, True]


def test_data_is_kept_as_it_is_and_nothing_becomes_none():
    values = [{"n": 1}, [1], "text", 1, True, None, np.nan]
    frame = standard_frame([{"type": "A", "time": NOON, "data": value} for value in values])
    assert frame["data"].tolist() == [{"n": 1}, [1], "text", 1, True, None, None]


def test_whole_numbers_with_gaps_in_other_columns_stay_whole_numbers():
    rows = [{"type": "A", "time": NOON, "version": version} for version in (1, None)]
    assert standard_frame(rows)["version"].tolist() == [1, None]


def test_categories_that_read_alike_as_text_are_one():
    types = pd.Categorical([1, "1", "A"])
    found = standard_frame(pd.DataFrame({"type": types, "time": [1, 2, 3]}))
    assert found["type"].tolist() == ["1", "1", "A"]
    assert found["type"].cat.categories.tolist() == ["1", "A"]

"""What is no event, no flow, no path: said in one sentence, and nothing of it by another library."""

import stat

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.choreography import Choreography
from workbench.errors import LogError

T = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([None], "each a dict, and event 0 is None"),
        ([{"type": "A", "time": T}, 5], "each a dict, and event 1 is a value of type int"),
        (b"x", "each a dict, and not a value of type bytes"),
        (pd.Series([1]), "each a dict, and event 0 is a value of type int"),
        (
            pd.DataFrame([["A", T, 1, 2]], columns=["kind", "when", "x", "x"]),
            "column 'x' is there twice: rename one of the two",
        ),
        (
            pd.DataFrame([["A", T, 1, 2]], columns=["type", "time", 1, "1"]),
            "column '1' is there twice: rename one of the two",
        ),
    ],
)
def test_what_is_no_events_makes_no_log(events, said):
    with pytest.raises(LogError, match=said):
        EventLog(events)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda log: log.hot_keys("x"), "top='x': of each kind 1 or more can be named"),
        (lambda log: log.hot_keys(5.5), "top=5.5: of each kind 1 or more can be named"),
        (lambda log: log.hot_keys(True), "top=True: of each kind 1 or more can be named"),
        (lambda log: log.loops(burst="x"), "burst='x': a burst is of 2 events or more"),
        (lambda log: log.throughput(by=[]), r"by=\[\]: throughput is counted by 'type' or by"),
        (lambda log: log.explain(None), "explain takes flows, and not None: a list of"),
        (lambda log: log.explain([[1]]), r"told by one correlation id, and \[1\] is none"),
        (lambda log: log.flow([]), r"told by one correlation id, and \[\] is none"),
        (lambda log: log.flow({}), "told by one correlation id, and {} is none"),
        (lambda log: log.critical_path([]), r"told by one correlation id, and \[\] is none"),
        (lambda log: log.payloads_of([]), r"payloads_of takes an event type, and \[\] is no text"),
        (lambda log: log.stuck({}), "stuck takes a Choreography or a dict .*, and this is empty"),
        (lambda log: log.stuck({"A": 5}), "{'A': 5} is no type with the types of what should"),
        (lambda log: log.stuck({5: ["A"]}), "{5: \\['A'\\]} is no type with the types of what"),
        (lambda log: log.stuck({"A": [5]}), "{'A': \\[5\\]} is no type with the types of what"),
        (lambda log: log.upcast(Choreography(), 5), "upcast takes versions as a dict"),
        (lambda log: log.save(None), "None can't be written: it is no path of a file"),
        (lambda log: log.save("a\0.jsonl"), "can't be written: it is no path of a file"),
        (lambda log: log.read("a\0"), "can't be read: it is no path of a file"),
        (lambda log: log.read(""), "'' can't be read: it is no path of a file"),
        (lambda log: log.read("x" * 5000), "can't be read: no file has so long a name"),
        (lambda log: log.read("x", expanded="1 GB"), "expanded='1 GB': give a number of bytes"),
    ],
)
def test_what_a_question_cannot_take_is_said(orders, ask, said):
    with pytest.raises(LogError, match=said):
        ask(orders)


@pytest.mark.parametrize(
    "cells",
    [
        [1j, 2j, 3j],
        [np.ones((2, 2))] * 3,
        pd.arrays.SparseArray([0, 0, 1]),
        ["\ud800", "b", "c"],
        pd.array([None, True, False], dtype="boolean"),
    ],
    ids=["complex", "arrays", "sparse", "half a letter", "booleans"],
)
def test_a_column_beside_may_hold_anything(cells):
    frame = pd.DataFrame({"kind": ["A", "A", "B"], "when": [T] * 3})
    frame["further"] = pd.Series(cells, dtype="object") if isinstance(cells, list) else cells
    log = EventLog(frame)
    assert len(log) == 3
    assert log.frame["further"].notna().sum() >= 2


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet", ".xes", ".arrow"])
def test_a_column_that_is_called_by_a_number_is_saved_by_its_name_in_text(tmp_path, ending):
    log = EventLog(pd.DataFrame({"type": ["A"], "time": [T], "source": ["s"], 5: [1]}))
    assert EventLog.read(log.save(tmp_path / f"log{ending}")).frame["5"].tolist() == [1]


def test_times_that_arrow_keeps_are_times():
    times = pd.Series(pd.to_datetime([T])).astype("timestamp[us, tz=UTC][pyarrow]")
    log = EventLog(pd.DataFrame({"type": ["A"], "time": times}))
    assert log.frame["time"].tolist() == [pd.Timestamp(T)]


def test_attempts_may_be_true():
    attempts = pd.array([None, True], dtype="boolean")
    log = EventLog(pd.DataFrame({"type": ["A", "B"], "time": [T, T], "attempts": attempts}))
    assert log.retries().empty


def test_a_file_that_nobody_else_may_read_stays_so(tmp_path, orders):
    path = tmp_path / "log.jsonl"
    path.touch(mode=0o600)
    orders.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_pairs_that_make_nothing_due_are_refused(orders):
    with pytest.raises(LogError, match=r"^stuck: \{'A': \[\]\} is no type with the types"):
        orders.stuck({"A": []})


def test_a_link_to_a_file_stays_one(orders, tmp_path):
    (tmp_path / "kept").mkdir()
    link = tmp_path / "log.jsonl"
    link.symlink_to(tmp_path / "kept" / "real.jsonl")
    for _ in range(2):
        assert orders.save(link) == link
        assert link.is_symlink()
        assert len(EventLog.read(tmp_path / "kept" / "real.jsonl")) == len(orders)


STANDARD = pd.DataFrame(
    {
        "id": list("abcdef"),
        "type": list("ABCABC"),
        "source": list("stustu"),
        "time": pd.date_range("2026-03-01", periods=6, freq="s", tz="UTC"),
        "correlation_id": ["x"] * 3 + ["y"] * 3,
        "causation_id": [None, "a", "a", None, "d", "d"],
    }
)


@pytest.mark.parametrize(
    "names",
    [
        {"causation_id": "parent_id"},
        {"id": "uid", "correlation_id": "flow_id"},
        {
            "id": "uid",
            "correlation_id": "flow_id",
            "causation_id": "parent_id",
            "source": "service",
        },
    ],
)
def test_of_a_table_in_which_some_columns_have_our_names_the_others_are_guessed(names):
    told, guessed = EventLog(STANDARD), EventLog(STANDARD.rename(columns=names))
    for asked in (EventLog.flows, EventLog.hops):
        pd.testing.assert_frame_equal(asked(guessed), asked(told))
    assert {guessed.mapping[ours]: ours for ours in names} == {n: o for o, n in names.items()}


@pytest.mark.parametrize("nothing", ["", "-", "NULL", "None", "nan", "<NA>", "NaT", "\\N"])
def test_an_id_that_says_nothing_is_none_in_a_table_of_our_names_too(nothing):
    ids = [nothing, "b", "c", "d", nothing, "f"]
    flows = ["x", "x", nothing, "y", "y", nothing]
    log = EventLog(STANDARD.assign(id=ids, correlation_id=flows, causation_id=nothing))
    assert log.flows()["correlation_id"].tolist() == ["x", "y"]
    assert log.frame["id"].isna().tolist() == [True, False, False, False, True, False]
    assert log.frame["causation_id"].isna().all()
    assert log.without_flow == 2
    assert log.duplicates().empty


def test_times_that_are_too_far_from_others_are_none():
    times = ["1700-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-01T00:00:05Z"]
    log = EventLog(STANDARD[:3].assign(time=times))
    assert log.frame["undated"].tolist() == [True, False, False]
    assert log.throughput().sentence.startswith("3 events in 5.1 s")
    near = EventLog(STANDARD[:3].assign(time=["1753-01-01T00:00:00Z", *times[1:]]))
    assert "undated" not in near.frame
    took = near.frame["time"].max() - near.frame["time"].min()
    assert near.flows()["duration_ms"].tolist() == [took / pd.Timedelta("1ms")]


LETTERS = "x" * 100_000
SHORT = "'x{30,59}…"
"""No sentence holds the whole of what was given."""


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda log: log.hot_keys(np.timedelta64(3, "s")),
            r"^top=np.timedelta64\(3,'s'\): of each",
        ),
        (
            lambda log: log.loops(burst=np.timedelta64("NaT")),
            r"^burst=np.timedelta64\('NaT'\): a b",
        ),
        (lambda log: log.stuck(usually=np.timedelta64(0, "s")), "is no share of the flows"),
        (lambda log: log.latency("A", "B", by=pd.NA), "^by=<NA>: latency is grouped by"),
        (lambda log: log.latency("A", "B", by=pd.Series([1])), "^by=0 1 dtype: int64: latency is"),
        (lambda log: log.throughput(by=LETTERS), f"^by={SHORT}: throughput"),
        (lambda log: log.throughput(LETTERS), f"^every={SHORT} is not a length"),
        (lambda log: log.latency("OrderPlaced", LETTERS), f"an event of type {SHORT}: ask"),
        (lambda log: log.between(LETTERS), f"^{SHORT} is not a time"),
        (lambda log: log.between("10s"), "^'10s' is not a time: write one like '2026"),
        (lambda log: log.between(None, "Nov"), "^'Nov' is not a time: write one like '2026"),
        (lambda log: log.where("time >= '10s'"), "^'10s' is not a time: write one like '2026"),
        (lambda log: log.where("type"), "^a condition can't say 'type': compare columns or paths"),
        (lambda log: log.where("not time"), "^a condition can't say 'time': compare columns or"),
        (lambda log: log.flow(range(3)), r"by one correlation id, and range\(0, 3\) is none"),
        (lambda log: log.flow(dict), "by one correlation id, and <class 'dict'> is none"),
        (lambda log: log.critical_path(object()), "by one correlation id, and <object object at"),
        (lambda log: log.flow("\ud800"), r"there is no flow '\\ud800' in this log"),
        (lambda log: log.explain(["\ud800"]), "none of the 1 flow asked about is in this log"),
        (lambda _: EventLog(range(3)), "each a dict, and event 0 is a value of type int"),
        (lambda _: EventLog({5}), "each a dict, and event 0 is a value of type int"),
        (lambda _: EventLog.read("\ud800"), r"^'\\ud800' can't be read: it is no path of a file"),
        (lambda _: EventLog.scan("\ud800"), r"^'\\ud800' can't be read: it is no path of a file"),
        (lambda _: EventLog.scan("x" * 5000), "can't be read: no file has so long a name"),
        (lambda _: EventLog.scan(".", client=pd.DataFrame()), "^client=.*: give a Dask client"),
        (
            lambda _: EventLog.scan(".", memory=np.timedelta64(3, "s")),
            "^memory=.*: give a number of",
        ),
    ],
)
def test_what_is_of_another_kind_is_said_in_a_sentence(orders, ask, said):
    with pytest.raises(LogError, match=said) as error:
        ask(orders)
    assert len(str(error.value)) < 400


def test_a_value_of_another_kind_is_shown_as_it_stands_in_the_log(orders):
    with pytest.warns(UserWarning, match=r"^partition is a number in every event looked at \(-1\)"):
        orders.where("partition == True")

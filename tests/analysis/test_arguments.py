"""What is given to a log and its questions by mistake is refused, and the sentence says what to give."""

from pathlib import Path

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.choreography import Choreography
from workbench.errors import LogError


@pytest.fixture
def log(event) -> EventLog:
    return EventLog(
        [event("A", "f", 0), event("B", "f", 10, "A"), event("A", "g", 20), event("A", "h", 60_000)]
    )


@pytest.mark.parametrize("path", ["ar.jsonl", Path("ar.jsonl")])
def test_a_log_of_a_path_is_told_to_be_read(path):
    said = (
        r"^EventLog\('ar.jsonl'\): EventLog takes events. EventLog.read\('ar.jsonl'\) reads files"
    )
    with pytest.raises(LogError, match=said):
        EventLog(path)


def test_a_log_of_several_paths_is_told_to_be_read():
    said = r"^EventLog takes events, each a dict, and not paths: EventLog.read\(\['a.jsonl', …\]\) reads"
    with pytest.raises(LogError, match=said):
        EventLog(["a.jsonl", "b.jsonl"])


@pytest.mark.parametrize(
    ("events", "given"),
    [(None, "None"), (5, "a value of type int"), ({"type": "A"}, "a value of type dict")],
)
def test_a_log_is_made_of_events_alone(events, given):
    said = rf"^EventLog takes a DataFrame or a list of events, each a dict, and not {given}\.$"
    with pytest.raises(LogError, match=said):
        EventLog(events)


@pytest.mark.parametrize("path", ["sample_data/orders", Path("sample_data/orders")])
@pytest.mark.parametrize(
    "question", ["stuck", "conformance", "with_causes", "upcast", "compensations"]
)
def test_where_a_design_is_wanted_a_path_is_told_to_be_loaded(log, question, path):
    said = rf"^{question} takes a Choreography.*, and not a path: give Choreography.load\('sample_d"
    with pytest.raises(LogError, match=said):
        getattr(log, question)(path)


def test_what_is_no_design_is_refused(log):
    with pytest.raises(LogError, match=r"^conformance takes a Choreography, and not None\.$"):
        log.conformance(None)
    with pytest.raises(
        LogError, match=r"^upcast takes a Choreography, and not a value of type dict"
    ):
        log.upcast({"A": ["B"]})
    with pytest.raises(
        LogError, match=r"or a dict {'OrderPlaced': \['OrderPaid'\]}, and not a val"
    ):
        log.stuck(5)
    assert log.stuck({"A": ["B"]})["correlation_id"].tolist() == ["g", "h"]
    assert log.stuck(Choreography()).empty


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            "a.jsonl",
            r"^compare takes an EventLog, and not a path: give EventLog.read\('a.jsonl'\)\.$",
        ),
        (Path("a.jsonl"), r"and not a path: give EventLog.read\('a.jsonl'\)\.$"),
        (pd.DataFrame(), r"^compare takes .* not a DataFrame: give EventLog\(frame\)\.$"),
        (None, r"^compare takes an EventLog, and not None\.$"),
        ([1], r"^compare takes an EventLog, and not a value of type list\.$"),
    ],
)
def test_a_log_is_compared_with_a_log(log, other, message):
    with pytest.raises(LogError, match=message):
        log.compare(other)


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (
            "5",
            r"^longer_than='5' has no unit: write a length of time as '10s', '5min' or '1h', or ",
        ),
        (5, r"^longer_than=5 has no unit"),
        (True, r"^longer_than=True has no unit"),
        ("-1min", r"^longer_than='-1min' is below 0: write it as '10s' or '5min'\.$"),
        ("abc", r"^longer_than='abc' is not a length of time: write it as '10s' or '5min'\.$"),
        ("3 bananas", r"^longer_than='3 bananas' is not a length of time"),
        (None, r"^longer_than=None is not a length of time"),
        ("NaT", r"^longer_than='NaT' is not a length of time"),
        ([], r"^longer_than=\[\] is not a length of time"),
    ],
)
def test_how_long_is_a_length_of_time(log, length, message):
    with pytest.raises(LogError, match=message):
        log.stuck(longer_than=length)
    with pytest.raises(LogError, match=message):
        log.conformance(Choreography(), longer_than=length)


@pytest.mark.parametrize("length", ["30s", pd.Timedelta(30, "s"), pd.Timedelta("30s").to_numpy()])
def test_how_long_leaves_out_what_waits_less(log, length):
    pairs = {"A": ["B"]}
    assert log.stuck(pairs, longer_than=length)["correlation_id"].tolist() == ["g"]
    assert len(log.stuck(pairs, longer_than="0s")) == 2


def test_a_row_is_per_what_a_question_knows(log):
    with pytest.raises(LogError, match=r"^per='flow': skew takes per='pair' or per='service'\.$"):
        log.skew(per="flow")
    with pytest.raises(
        LogError, match=r"^per='pair': conformance takes per='kind' or per='flow'\.$"
    ):
        log.conformance(Choreography(), per="pair")


@pytest.mark.parametrize("given", ["", "nan", pd.NaT])
def test_between_takes_times(orders, given):
    with pytest.raises(LogError, match=r"is not a time: write one like"):
        orders.between(given)
    with pytest.raises(LogError, match=r"is not a time: write one like"):
        orders.between(None, given)


def test_between_takes_the_start_first(orders):
    with pytest.raises(LogError, match=r"the end, 2026-01-01, is before the start, 2026-02-01: "):
        orders.between("2026-02-01", "2026-01-01")


def test_a_mapping_is_for_a_list_of_rows_too():
    row = {"type": "A", "time": "2026-01-01T00:00:00Z", "order": "f", "tries": 3}
    log = EventLog([row, row], {"correlation_id": "order", "attempts": "tries"})
    assert log.flows()["correlation_id"].tolist() == ["f"]
    assert log.retries()["attempts"].tolist() == [6]


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_a_count_in_a_column_of_our_name_is_read_by_its_size(unit):
    log = EventLog(pd.DataFrame({"type": ["A", "B"], "time": [1_767_225_600 * unit] * 2}))
    assert log.frame["time"].tolist() == [pd.Timestamp("2026-01-01", tz="UTC")] * 2


def test_nothing_in_an_answer_steers_a_terminal(event):
    log = EventLog(
        [event("\x1b]0;x\x07A", "f\x00", 0), event("\x9bB", "f\x00", 9, "\x1b]0;x\x07A")]
    )
    for ask in (log.hops, log.flows, log.variants, log.stuck, log.critical_path, log.hot_keys):
        said = f"{ask()!r}{ask().sentence}"
        assert not any(sign in said for sign in "\x1b\x07\x00\x9b")

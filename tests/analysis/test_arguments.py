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

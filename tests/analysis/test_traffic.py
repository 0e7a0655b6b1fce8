"""What holds for every question about traffic: of any log, in any order, in any parts."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis import (
    EventLog,
    dead_letters,
    disorder,
    duplicates,
    fan_out,
    hot_keys,
    latency,
    loops,
    orphans,
    retries,
    throughput,
)
from workbench.analysis.answer import Answer

QUESTIONS = {
    "disorder": lambda log: log.disorder(),
    "orphans": lambda log: log.orphans(),
    "loops": lambda log: log.loops(burst=2, within="2ms"),
    "hot_keys": lambda log: log.hot_keys(),
    "retries": lambda log: log.retries(),
    "dead_letters": lambda log: log.dead_letters(),
    "duplicates": lambda log: log.duplicates(),
    "throughput": lambda log: log.throughput(),
    "throughput by source": lambda log: log.throughput("1s", by="source"),
    "fan_out": lambda log: log.fan_out(),
    "latency": lambda log: log.latency(("A", "B")),
    "latency by variant": lambda log: log.latency(("A", "B"), by="variant"),
}
BY_FLOW = {
    "loops": (lambda log: loops.part(log.index, log.frame, 2, 2_000_000), loops.whole),
    "disorder": (
        lambda log: disorder.part(log.index, log.frame, "key"),
        lambda parts: disorder.whole(parts, "key"),
    ),
    "hot_keys": (
        lambda log: hot_keys.part(log.index, log.frame),
        lambda parts: hot_keys.whole(parts, 3),
    ),
    "retries": (lambda log: retries.part(log.index, log.frame), retries.whole),
    "dead_letters": (lambda log: dead_letters.part(log.index, log.frame), dead_letters.whole),
    "duplicates": (lambda log: duplicates.part(log.index, log.frame), duplicates.whole),
    "throughput": (
        lambda log: throughput.part(log.index, log.frame, "type", None),
        lambda parts: throughput.whole(parts, "type", None),
    ),
    "fan_out": (lambda log: fan_out.part(log.index), fan_out.whole),
    "latency": (
        lambda log: latency.part(log.index, ("A", "B"), "variant"),
        lambda parts: latency.whole(parts, ("A", "B"), "variant"),
    ),
}
"""The part and the whole of each question that adds up over a split by flow."""

few = st.integers(0, 3)
flows = st.none() | st.sampled_from("fgh")
COLUMNS = {
    "id": st.none() | st.integers(0, 9).map(str),
    "type": st.none() | st.sampled_from("ABC"),
    "source": st.none() | st.sampled_from("xy"),
    "time": few.map(lambda ms: pd.Timestamp(ms, unit="ms", tz="UTC")),
    "broker_time": st.none() | few.map(lambda ms: pd.Timestamp(ms, unit="ms", tz="UTC")),
    "correlation_id": flows,
    "causation_id": st.none() | st.integers(0, 9).map(str),
    "channel": st.none() | st.sampled_from(["x", "y", "x.retries"]),
    "partition": few,
    "offset": few,
    "data": st.none() | few,
    "key": st.none() | few.map(str),
    "dead_letter": st.none() | st.none() | st.sampled_from(["x/r: E: no", "odd"]),
}
events = st.lists(st.fixed_dictionaries(COLUMNS), max_size=24)


def in_flows(rows: list[dict]) -> list[dict]:
    """The same rows with ids and places that no two flows share, and with A and B in some flow."""
    for row in rows:
        for name in ("id", "causation_id", "key"):
            row[name] = row[name] and f"{row['correlation_id']}/{row[name]}"
        row["offset"] += 10 * "fgh".find(row["correlation_id"] or "x")
    given = ("id", "type", "correlation_id", "time")
    more = [("1", "A", "f", pd.Timestamp(0, tz="UTC")), ("2", "B", "f", pd.Timestamp(0, tz="UTC"))]
    rows = rows + [dict(zip(given, row, strict=True)) for row in more]
    return [{name: row.get(name) for name in COLUMNS} for row in rows]


def table(answer: Answer) -> pd.DataFrame:
    return pd.DataFrame(answer)


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_an_empty_log_has_an_empty_answer_with_a_sentence_and_a_picture(ask):
    answer = ask(EventLog([]))
    assert isinstance(answer, Answer)
    assert answer.empty
    assert answer.sentence.endswith(".")
    assert answer.plot().layout.height


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_a_log_that_is_null_everywhere_is_answered(ask):
    nulls = dict.fromkeys(["id", "type", "source", "correlation_id", "causation_id", "data", "key"])
    answer = ask(EventLog([{**nulls, "time": pd.Timestamp(0, tz="UTC")}] * 3))
    assert answer.sentence.endswith(".")
    assert answer.plot().layout.height


@settings(max_examples=10, deadline=None)
@given(events, st.randoms(use_true_random=False))
def test_rows_in_any_order_give_the_same_answer(rows, random):
    rows = in_flows(rows)
    logs = EventLog(rows), EventLog(random.sample(rows, len(rows)))
    for ask in QUESTIONS.values():
        one, other = map(ask, logs)
        pd.testing.assert_frame_equal(table(one), table(other))
        assert one.sentence == other.sentence


@settings(max_examples=10, deadline=None)
@given(events, st.dictionaries(flows, st.integers(0, 2)))
def test_parts_of_a_log_split_by_flow_add_up_to_the_whole(rows, share_of):
    rows = in_flows(rows)
    shares: dict[int, list[dict]] = {0: [], 1: [], 2: []}
    for row in rows:
        shares[share_of.get(row["correlation_id"], 0)].append(row)
    log, pieces = EventLog(rows), [EventLog(share) for share in shares.values()]
    for part, whole in BY_FLOW.values():
        one = whole([part(log)])
        added = whole([part(piece) for piece in pieces])
        pd.testing.assert_frame_equal(table(one), table(added))
        assert one.sentence == added.sentence


@settings(max_examples=10, deadline=None)
@given(events, st.dictionaries(flows, st.integers(0, 2)))
def test_orphans_add_up_in_two_passes(rows, share_of):
    rows = in_flows(rows)
    shares: dict[int, list[dict]] = {0: [], 1: [], 2: []}
    for row in rows:
        shares[share_of.get(row["correlation_id"], 0)].append(row)
    logs = [EventLog(share) for share in shares.values()]
    parts = [orphans.part(log.index, log.frame) for log in logs]
    ids = pd.concat([part["causation_id"] for part in parts])
    added = orphans.whole(parts, [orphans.sought(log.index, log.frame, ids) for log in logs])
    one = EventLog(rows).orphans()
    pd.testing.assert_frame_equal(table(one), table(added))
    assert one.sentence == added.sentence

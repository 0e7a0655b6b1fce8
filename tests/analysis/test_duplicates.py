import pandas as pd

from workbench.analysis import EventLog

NOON = pd.Timestamp("2026-11-23T12:00:00Z")
LATER = {"broker_time": NOON + pd.Timedelta("2s"), "partition": 1, "offset": 9}


def test_the_same_id_again_is_listed_with_where_both_stood(event):
    first = event("A", "f", 0, broker_time=NOON, partition=1, offset=3)
    found = EventLog([first, {**first, **LATER}]).duplicates()
    row = found.iloc[0]
    assert row["kind"] == "same id"
    assert (row["correlation_id"], row["type"], row["source"]) == ("f", "A", "service")
    assert (row["id"], row["again_id"], row["apart_ms"]) == ("f/A", "f/A", 2000.0)
    assert (row["channel"], row["partition"], row["offset"]) == ("service", 1, 3)
    assert (row["again_channel"], row["again_partition"], row["again_offset"]) == ("service", 1, 9)
    assert found.sentence == (
        "Beside 1 event, 1 came again: 1 with the same id. It came 2 s after the first. No event names "
        "a cause, so effects that are equal were not looked for."
    )


def test_an_event_on_a_retry_channel_is_told_from_one_sent_twice(event):
    first = event("A", "f", 0)
    names = ["service.retries", "orders-retry-0", "RETRY", "retrying", "orders"]
    again = [{**first, "channel": name, "offset": n} for n, name in enumerate(names)]
    kinds = EventLog([{**first, "channel": "a"}, *again]).duplicates()
    assert dict(zip(kinds["again_channel"], kinds["kind"], strict=True)) == {
        "service.retries": "retry channel",
        "orders-retry-0": "retry channel",
        "RETRY": "retry channel",
        "retrying": "same id",
        "orders": "same id",
    }


def test_the_same_effect_under_another_id_needs_the_same_cause_type_source_and_payload(event):
    paid = event("Paid", "f", 5, "A", data={"total": 1})
    rows = [
        event("A", "f", 0),
        paid,
        {**paid, "id": "same", "time": NOON + pd.Timedelta("8ms")},
        {**paid, "id": "other payload", "data": {"total": 2}},
        {**paid, "id": "other type", "type": "Declined"},
        {**paid, "id": "other source", "source": "elsewhere"},
        {**paid, "id": "other cause", "causation_id": "f/Paid"},
        {**paid, "id": "other flow", "correlation_id": "g"},
        {**paid, "id": "no payload", "data": None},
        {**paid, "id": "no payload either", "data": None},
    ]
    found = EventLog(rows).duplicates()
    assert found["kind"].tolist() == ["same effect"]
    assert found["again_id"].tolist() == ["same"]
    assert found["apart_ms"].tolist() == [3.0]
    assert found.sentence.endswith(
        "1 event more has the cause, type and source of another, but no payload to compare."
    )


def test_effects_of_a_cause_that_is_not_in_the_log_are_compared_too(event):
    paid = event("Paid", "f", 5, causation_id="lost", data=1)
    rows = [paid, {**paid, "id": "again"}, {**paid, "id": "x", "causation_id": "another"}]
    assert EventLog(rows).duplicates()["again_id"].tolist() == ["f/Paid"]  # of a time: by id
    assert EventLog([{**row, "causation_id": None} for row in rows]).duplicates().empty


def test_a_log_without_any_says_so(event):
    found = EventLog([event("A", "f", 0), event("B", "f", 1, "A")]).duplicates()
    assert found.sentence == "No event came twice among 2."


def test_without_ids_it_is_said_that_none_could_come_again(event):
    rows = [event("A", "f", 0) | {"id": None}, event("B", "f", 1) | {"id": None}]
    said = (
        "No event came twice among 2. No event has an id, so the same id again was not looked for."
    )
    assert EventLog(rows).duplicates().sentence.startswith(said)


def test_the_picture_counts_those_at_the_very_same_time_apart(event):
    first = event("A", "f", 0, broker_time=NOON)
    log = EventLog([first, {**first, "offset": 1}, {**first, **LATER}])
    figure = log.duplicates().plot()
    assert figure.layout.title.text == (
        "<b>How long after the first they came again, in s (n = 1 repetitions)</b>"
    )
    assert figure.layout.title.subtitle.text == "1 more have the very time of the first"


def test_an_id_that_stands_in_several_flows_is_said_to_be_missing_in_all_but_one(event):
    rows = [event("A", flow, 0, id="1", channel=flow) for flow in "gf"]
    rows[1] |= {"broker_time": NOON + pd.Timedelta("2s")}
    rows[0] |= {"broker_time": NOON}
    log = EventLog([*rows, event("B", "g", 5, id="2")])
    found = log.duplicates()
    flows = log.flows().set_index("correlation_id")
    assert flows["duplicates"].to_dict() == {"f": 1, "g": 0}
    assert (found["correlation_id"].tolist(), found["channel"].tolist()) == (["g"], ["f"])
    assert (
        "1 of them is in another flow than the event that it repeats, and missing there: is id an id?"
        in found.sentence
    )
    again = event("A", "f", 0)
    assert "another flow" not in EventLog([again, again]).duplicates().sentence

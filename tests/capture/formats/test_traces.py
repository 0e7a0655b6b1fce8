"""Traces: one of three spans, as three tools write it, and what may be wrong with one."""

import json
import re

import pytest

from workbench.capture.formats.jaeger import JaegerJson

from .conftest import Text

TRACE = "0af7651916cd43dd8448eb211c80319c"
POST, SEND, PROCESS = (f"abc000000000000{number}" for number in (1, 2, 3))
START = 1795597200123456000
FILES = ["otlp.json", "otlp.jsonl", "otlp_base64.json", "jaeger.json", "zipkin.json"]


def column(rows, *names):
    return [tuple(row.get(name) for name in names) for row in rows]


@pytest.mark.parametrize("name", FILES)
def test_a_span_is_an_event_and_its_parent_what_caused_it(read, text_of, name):
    rows, rejected = read(text_of(name))

    assert not rejected
    assert column(rows, "id", "causation_id", "correlation_id") == [
        (POST, None, TRACE),
        (SEND, POST, TRACE),
        (PROCESS, SEND, TRACE),
    ]
    assert column(rows, "source", "kind") == [
        ("shop", "SERVER"),
        ("shop", "PRODUCER"),
        ("inventory", "CONSUMER"),
    ]
    assert [row["type"].lower() for row in rows] == [
        "post /orders",
        "send orders",
        "process orders",
    ]


@pytest.mark.parametrize("name", ["otlp.json", "otlp_base64.json"])
def test_tempos_batches_are_resource_spans(read, text_of, name):
    text = text_of(name)
    assert read(text.replace(b"resourceSpans", b"batches")) == read(text)


@pytest.mark.parametrize("name", FILES)
def test_times_are_exact(read, text_of, name):
    rows, _ = read(text_of(name))

    assert column(rows, "time", "duration_ns") == [
        (START, 3_000_000),
        (START + 1_000_000, 1_000_000),
        (START + 5_000_000, 4_000_000),
    ]


@pytest.mark.parametrize("name", FILES)
def test_messaging_attributes_tell_where_the_message_stood(read, text_of, name):
    rows, _ = read(text_of(name))

    assert column(rows, "channel", "partition", "offset") == [
        (None, None, None),
        ("orders", 1, 42),
        (None, None, None),
    ]


@pytest.mark.parametrize("name", FILES)
def test_what_failed_says_so(read, text_of, name):
    rows, _ = read(text_of(name))

    assert column(rows, "status", "status_message")[1:] == [(None, None), ("ERROR", "no stock")]


@pytest.mark.parametrize("name", ["otlp.json", "otlp.jsonl", "otlp_base64.json"])
def test_otlp_tells_attributes_of_every_kind_links_and_events(read, text_of, name):
    rows, _ = read(text_of(name))

    assert rows[0]["data"] == {
        "http.response.status_code": 201,
        "big": 2**53 + 1,
        "ratio": 0.5,
        "tags": ["a", "b"],
        "ok": True,
    }
    assert rows[1]["key"] == "o-1"
    assert rows[2]["links"] == [
        {"trace_id": TRACE, "span_id": POST, "attributes": {"why": "batch"}}
    ]
    assert rows[2]["span_events"] == [
        {"name": "retry", "time_unix_nano": str(START + 6_000_000), "attributes": {"attempt": 2}}
    ]
    assert rows[2]["resource"] == {"service.name": "inventory", "host.name": "inventory-1"}
    assert rows[2]["scope"] == "workbench.services"


def test_jaegers_other_references_are_links(read, text_of):
    rows, _ = read(text_of("jaeger.json"))

    assert rows[2]["links"] == [{"trace_id": TRACE, "span_id": POST}]
    assert rows[2]["span_events"] == [
        {"time_unix_us": 1795597200129456, "attributes": {"event": "retry", "attempt": 2}}
    ]
    assert rows[2]["resource"] == {"host.name": "inventory-1"}
    assert rows[2]["warnings"] == ["clock skew adjustment disabled"]


def test_a_span_that_follows_one_of_another_trace_has_no_cause_but_a_link(read):
    span = {
        "traceID": "a",
        "spanID": "1",
        "operationName": "batch",
        "startTime": 1,
        "references": [{"refType": "FOLLOWS_FROM", "traceID": "b", "spanID": "9"}],
    }
    lone = {"traceID": "a", "spans": [span], "processes": {}}

    ((row,), rejected) = read(json.dumps(lone))

    assert not rejected
    assert row["causation_id"] is None
    assert row["links"] == [{"trace_id": "b", "span_id": "9"}]
    assert row["source"] is None


def test_zipkins_traces_may_be_lists_of_lists(read, text_of):
    spans = json.loads(text_of("zipkin.json"))

    rows, _ = read(json.dumps([spans[:2], spans[2:]]))

    assert rows == read(text_of("zipkin.json"))[0]
    assert column(rows, "remote", "shared") == [(None, None), ("kafka", None), (None, True)]


OTLP = {
    "traceId": TRACE,
    "spanId": POST,
    "name": "n",
    "startTimeUnixNano": "1",
    "endTimeUnixNano": "2",
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"spanId": ""}, "its spanId is empty"),
        ({"traceId": None}, "its traceId is missing"),
        ({"traceId": 7}, "its traceId is no text but a number"),
        ({"startTimeUnixNano": "soon"}, "its startTimeUnixNano is no whole number but a text"),
        ({"startTimeUnixNano": "9" * 19}, "its startTimeUnixNano is no time between 1970 and 2262"),
        ({"startTimeUnixNano": -1}, "its startTimeUnixNano is no time between 1970 and 2262"),
        ({"endTimeUnixNano": []}, "its endTimeUnixNano is no whole number but an array"),
    ],
)
def test_a_span_that_lacks_what_makes_it_one_is_rejected(read, change, reason):
    spans = [OTLP, {**OTLP, **change}, 7]
    text = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})

    rows, rejected = read(text)

    assert len(rows) == 1
    assert [row.reason for row in rejected] == [
        f"span 2 of this line can't be read: {reason}.",
        "span 3 of this line can't be read: it is no JSON object.",
    ]


def test_lines_of_otlp_may_be_longer_than_what_a_file_is_recognised_by(read):
    spans = [{**OTLP, "spanId": f"{number:016x}", "name": "x" * 100} for number in range(1, 401)]
    line = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    assert len(line) > 65536

    rows, rejected = read(f"{line}\n{line}\n")

    assert len(rows) == 800
    assert not rejected


def test_a_line_of_otlp_that_is_none_is_rejected_with_its_number(read, text_of):
    text = text_of("otlp.jsonl") + b"{\n[]\n" + b'{"resourceMetrics": []}\n'

    rows, rejected = read(text)

    assert len(rows) == 3
    assert [row.line for row in rejected] == [4, 5, 6]
    assert rejected[2].reason == "there are no resourceSpans in this line."


@pytest.mark.parametrize("depth", [50, 300, 330, 5_000])
def test_attributes_may_be_deep(read, depth):
    value = '{"arrayValue":{"values":[' * depth + '{"boolValue":true}' + "]}}" * depth
    span = f'{json.dumps(OTLP)[:-1]}, "attributes": [{{"key": "a", "value": {value}}}]}}'

    rows, rejected = read(f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}')

    assert bool(rows) + bool(rejected) == 1


@pytest.mark.parametrize("name", ["otlp.json", "otlp_base64.json", "jaeger.json", "zipkin.json"])
def test_a_torn_document_gives_the_spans_that_are_whole(read, text_of, name):
    text = text_of(name)
    cut = text[: text.rindex(b"process orders")]

    rows, (rejected,) = read(cut)

    assert [row["id"] for row in rows] == [POST, SEND]
    assert re.match(
        r"the file is not JSON: .*; what stands before|record 3 is not", rejected.reason
    )


def test_a_place_that_is_none_stays_an_attribute(read):
    values = {"messaging.destination.partition.id": "x", "messaging.kafka.offset": "-1"}
    attributes = [{"key": k, "value": {"stringValue": v}} for k, v in values.items()]
    span = {**OTLP, "attributes": attributes}

    ((row,), _) = read(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}))

    assert row["data"] == values
    assert "partition" not in row
    assert "offset" not in row


def test_answers_one_a_line_give_the_spans_of_each():
    span = {"traceID": "t", "operationName": "placed", "startTime": 1, "processID": "p1"}
    answers = [
        {"data": [{"spans": [{**span, "spanID": f"s{n}"}], "processes": {}}]} for n in range(3)
    ]
    text = Text("\n".join(map(json.dumps, answers)).encode())
    assert [row["id"] for row in JaegerJson().rows(text)] == ["s0", "s1", "s2"]

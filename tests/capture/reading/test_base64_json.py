import json
from base64 import b64encode, urlsafe_b64encode

import pytest

from workbench.capture import read
from workbench.capture.reading.base64_json import json_in_base64

EVENTS = [
    {
        "id": f"e-{n}",
        "type": ("OrderPlaced", "StockReserved")[n % 2],
        "source": ("shop", "inventory")[n % 2],
        "time": f"2026-03-01T09:00:{n:02}Z",
        "correlation_id": f"o-{n // 2}",
        "causation_id": f"e-{n - 1}" if n % 2 else None,
        "data": {"total": n, "note": "?ü>" * n},
    }
    for n in range(20)
]


def encoded(value):
    return b64encode(json.dumps(value, ensure_ascii=False).encode()).decode()


def kinesis(event, n):
    stream = {"partitionKey": event["correlation_id"], "sequenceNumber": str(4954 + n)}
    return {"kinesis": {**stream, "data": encoded(event), "approximateArrivalTimestamp": 1772355600.25 + n},
            "eventSource": "aws:kinesis", "eventID": f"shard-0:{n}", "eventName": "aws:kinesis:record"}  # fmt: skip


def pubsub(event, n):
    message = {"data": encoded(event), "messageId": str(n), "publishTime": event["time"]}
    return {"ackId": f"a{n}", "message": message}


def rest_proxy(event, n):
    return {"topic": "orders", "key": None, "value": encoded(event), "partition": 0, "offset": n}


def msk(event, n):
    return {**rest_proxy(event, n), "timestamp": 1772355600000 + n, "timestampType": "CREATE_TIME"}


@pytest.mark.parametrize(
    ("record", "around"),
    [
        (kinesis, lambda records: {"Records": records}),
        (pubsub, lambda records: {"receivedMessages": records}),
        (msk, lambda records: {"eventSource": "aws:kafka", "records": {"orders-0": records}}),
        (rest_proxy, lambda records: records),
    ],
)
def test_events_in_base64_are_read_as_what_they_say(tmp_path, record, around):
    path = tmp_path / "dump.json"
    path.write_text(json.dumps(around([record(event, n) for n, event in enumerate(EVENTS)])))
    log = read(path, progress=False)
    assert log.frame["data"].tolist() == [event["data"] for event in EVENTS]
    for name in ("id", "type", "source", "correlation_id"):
        assert log.frame[name].tolist() == [event[name] for event in EVENTS]
    assert log.frame["causation_id"].dropna().tolist() == [f"e-{n}" for n in range(0, 20, 2)]
    assert log.frame["time"].dt.second.tolist() == list(range(20))


def test_a_payload_in_base64_is_decoded(tmp_path):
    rows = [{**event, "data": encoded(event["data"])} for event in EVENTS]
    rows = [{f"ev_{name}": value for name, value in row.items()} for row in rows]
    path = tmp_path / "dump.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    log = read(path, {"data": "ev_data"}, progress=False)
    assert log.frame["data"].tolist() == [event["data"] for event in EVENTS]


@pytest.mark.parametrize("value", [{}, [], {"a": "?ü>~"}, [1], {"n": [{"deep": None}]}])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_known_in_either_alphabet(value, encode, indent):
    text = json.dumps(value, indent=indent, ensure_ascii=False) + "\n\n\n\n"
    found = encode(text.encode()).decode()
    assert json.loads(json_in_base64(found) or "null") == value
    assert json.loads(json_in_base64(found.rstrip("=")) or "null") == value


@pytest.mark.parametrize(
    "text",
    ["", "eyJh", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyewitness", "e30=e30=e30=",
     b64encode(b'"just text that is JSON"').decode(), b64encode(b'{"a": \xff}').decode(),
     b64encode(b"{" * 100_000).decode()],
)  # fmt: skip
def test_other_text_is_left_as_it_is(text):
    assert json_in_base64(text) is None

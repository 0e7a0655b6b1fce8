import json
from datetime import UTC, datetime, timedelta

import pytest

from workbench.capture import read

START = datetime(2026, 9, 21, 14, 13, 21, 120_000, tzinfo=UTC)
STEPS = [("OrderPlaced", "shop"), ("StockReserved", "stock"), ("OrderPaid", "billing"), ("InvoiceSent", "billing")]  # fmt: skip


def events(flows=20):
    """Flows of four events, each caused by the one before."""
    for flow in range(flows):
        for step, (kind, service) in enumerate(STEPS):
            at = START + timedelta(seconds=10 * flow + 1.5 * step)
            yield {
                "id": f"{flow * 7919 % 1000:03x}-{step:05x}",
                "kind": kind,
                "service": service,
                "at": at.isoformat(timespec="milliseconds"),
                "late": (at + timedelta(seconds=2)).isoformat(timespec="milliseconds"),
                "flow": f"f-{flow * 31:04}",
                "cause": f"{flow * 7919 % 1000:03x}-{step - 1:05x}" if step else None,
                "order": 1000 + flow,
            }


def index(e):
    return {
        "_index": "shop", "_type": "_doc", "_id": f"x{e['id']}",
        "_source": {
            "@timestamp": e["at"], "event": {"id": e["id"], "action": e["kind"], "ingested": e["late"]},
            "service": {"name": e["service"], "type": "java"}, "trace": {"id": e["flow"]},
            "labels": {"caused_by": e["cause"]}, "log": {"level": "info"},
        },
    }  # fmt: skip


def database(e):
    return {
        "_id": {"$oid": e["id"]}, "name": e["kind"], "at": {"$date": e["at"]}, "origin": e["service"],
        "txn": e["flow"], "causedBy": e["cause"] and {"$oid": e["cause"]}, "order": e["order"],
    }  # fmt: skip


def product(e):
    return {
        "event_type": e["kind"], "event_time": e["at"], "uuid": e["id"], "user_id": "u1",
        "event_properties": {"order": e["order"], "total": e["order"] / 3, "step": e["kind"]},
        "user_properties": {"country": "NO"},
    }  # fmt: skip


def record(e):
    value = {"id": e["id"], "type": e["kind"], "time": e["at"], "source": e["service"]}
    value |= {"correlationid": e["flow"], "causationid": e["cause"], "data": {"order": e["order"]}}
    return {"topic": "t", "partition": 0, "offset": e["order"], "timestamp": e["late"], "value": value}  # fmt: skip


def queue(e):
    said = {"eventId": e["id"], "eventType": e["kind"], "occurredAt": e["at"], "producer": e["service"]}  # fmt: skip
    said |= {"correlationId": e["flow"], "causationId": e["cause"], "order": e["order"]}
    return {
        "MessageId": f"m{e['id']}", "Body": json.dumps({"Type": "N", "Message": json.dumps(said)}),
        "Attributes": {"SenderId": "A", "ApproximateFirstReceiveTimestamp": e["late"]},
    }  # fmt: skip


def row_changed(e):
    payload = {"order": e["order"], "correlationId": e["flow"], "causationId": e["cause"]}
    after = {
        "id": e["id"],
        "type": e["kind"],
        "payload": json.dumps(payload),
        "created_at": e["at"],
    }
    return {"schema": {"type": "struct", "fields": []}, "payload": {"after": after, "ts_ms": e["late"]}}  # fmt: skip


SHAPES = [index, database, product, record, queue, row_changed]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_guess_that_is_given_back_changes_no_other(tmp_path, shape):
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(shape(e)) for e in events()))
    guessed = dict(read(path, progress=False).mapping)
    assert {"id", "type", "time"} <= guessed.keys()
    for column, theirs in guessed.items():
        assert dict(read(path, {column: theirs}, progress=False).mapping) == guessed, column


@pytest.mark.parametrize(
    ("shape", "time"), [(record, "value.time"), (queue, "Body.Message.occurredAt"), (row_changed, "payload.after.created_at")]
)  # fmt: skip
def test_the_time_that_stands_with_the_id_and_the_type_is_the_events(tmp_path, shape, time):
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(shape(e)) for e in events()))
    found = read(path, progress=False).mapping
    assert found["time"] == time
    assert found.get("broker_time") == ("timestamp" if shape is record else None)
    assert found.get("data") == ("value.data" if shape is record else None)


def test_a_time_that_is_one_in_each_flow_is_not_the_events(tmp_path):
    begun = {e["flow"]: e["at"] for e in reversed([*events()])}
    rows = [
        {"id": e["id"], "kind": e["kind"], "start_time": begun[e["flow"]], "logged_at": e["at"], "run_id": e["flow"]}
        for e in events()
    ]  # fmt: skip
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert read(path, progress=False).mapping["time"] == "logged_at"
    alone = [{name: value for name, value in row.items() if name != "logged_at"} for row in rows]
    path.write_text("\n".join(map(json.dumps, alone)))
    assert read(path, progress=False).mapping["time"] == "start_time"


@pytest.mark.parametrize("name", ["etl_time", "received_time", "EnqueuedTimeUtc", "expires_at"])
def test_a_time_of_somebody_elses_clock_is_not_the_events(tmp_path, name):
    rows = [
        {"id": e["id"], "kind": e["kind"], name: e["late"], "body": {"occurred_at": e["at"], "n": 1}}
        for e in events()
    ]  # fmt: skip
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert read(path, progress=False).mapping["time"] == "body.occurred_at"


def test_a_time_seconds_later_is_no_finer_one(tmp_path):
    rows = [
        {"id": e["id"], "kind": e["kind"], "time": e["at"][:19] + "Z", "handled": e["late"]}
        for e in events()
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert "finer" not in repr(read(path, progress=False).mapping)

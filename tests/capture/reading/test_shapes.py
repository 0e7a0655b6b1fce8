"""Shapes in which other systems write events, each told apart from what looks like it."""

import json

import pytest

from workbench.capture import read

EVENTS = [
    {
        "id": f"e-{n}",
        "type": ("OrderPlaced", "StockReserved", "OrderPaid")[n % 3],
        "source": ("shop", "inventory", "billing")[n % 3],
        "time": f"2026-03-01T09:00:{n:02}Z",
        "flow": f"o-{n // 3}",
        "cause": f"e-{n - 1}" if n % 3 else None,
    }
    for n in range(30)
]


def written(tmp_path, *rows):
    path = tmp_path / "dump.json"
    path.write_text("\n".join(map(json.dumps, rows)))
    return read(path, progress=False)


def as_expected(log, columns=("id", "type", "source", "correlation_id")):
    theirs = {"correlation_id": "flow"}
    for name in columns:
        assert log.frame[name].tolist() == [event[theirs.get(name, name)] for event in EVENTS]


def test_headers_in_bytes_are_text(tmp_path):
    def in_bytes(name, value):
        return [] if value is None else [{name: list(value.encode())}]

    def record(event, n):
        headers = [
            each
            for name in ("id", "type", "source", "flow", "cause")
            for each in in_bytes(name, event[name])
        ]
        return {"topic": "ab"[n % 2], "partition": 0, "offset": n, "timestamp": 1772355600000 + n,
                "headers": headers, "value": {"n": n}}  # fmt: skip

    log = written(tmp_path, *(record(event, n) for n, event in enumerate(EVENTS)))
    as_expected(log)
    assert log.frame["causation_id"].dropna().tolist() == [e["cause"] for e in EVENTS if e["cause"]]


def test_of_objects_the_payload_is_one_that_holds_more_than_our_columns(tmp_path):
    rows = [
        {"@timestamp": e["time"], "event": {"id": e["id"], "action": e["type"]}, "service": {"name": e["source"]},
         "trace": {"id": e["flow"]}, "parent": {"id": e["cause"]}, "order": {"total": n}}
        for n, e in enumerate(EVENTS)
    ]  # fmt: skip
    log = written(tmp_path, *rows)
    as_expected(log)
    assert log.mapping["data"] == "order"


def test_causes_may_be_lists_of_one_or_none(tmp_path):
    log = written(tmp_path, *({**e, "cause": [e["cause"]] if e["cause"] else []} for e in EVENTS))
    as_expected(log)
    assert log.frame["causation_id"].dropna().tolist() == [e["cause"] for e in EVENTS if e["cause"]]


def test_of_several_lists_each_event_has_its_list_s_name_as_key(tmp_path):
    flows = list(dict.fromkeys(event["flow"] for event in EVENTS))
    bare = {
        flow: [{k: v for k, v in e.items() if k != "flow"} for e in EVENTS if e["flow"] == flow]
        for flow in flows
    }
    log = written(tmp_path, bare)
    as_expected(log)
    assert log.mapping["correlation_id"] == "key"
    services = dict.fromkeys(event["source"] for event in EVENTS)
    named = {name: [e for e in EVENTS if e["source"] == name] for name in services}
    assert written(tmp_path, named).frame["key"].tolist() == [
        n for n in services for _ in range(10)
    ]
    assert "key" not in written(tmp_path, {"events": EVENTS}).frame


@pytest.mark.parametrize("again", [0, 5])
def test_ids_are_found_deep_inside_and_among_events_delivered_twice_beside_what_a_shipper_adds(
    tmp_path, again
):
    rows = [
        {
            "@log": {"shippedAt": e["time"], "host": f"node-{n % 3}", "seq": n},
            "evt": {"name": e["type"], "ref": e["id"], "dueTo": e["cause"], "at": e["time"], "by": e["source"]},
            "biz": {"orderNo": f"SO-{e['flow']}", "customer": {"land": "DE"}, "cents": 990},
            "meta": {"trace": {"flow": e["flow"]}},
            "transport": {"queue": "orders", "pos": n, "deliveries": 1},
        }
        for n, e in enumerate([*EVENTS, *EVENTS[:again]])
    ]  # fmt: skip
    log = written(tmp_path, *rows)
    assert log.mapping["id"] == "evt.ref"
    assert log.mapping["causation_id"] == "evt.dueTo"
    assert log.mapping["data"] == "biz"
    assert log.frame["id"].duplicated().sum() == again

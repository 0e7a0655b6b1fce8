import json

import pytest

from workbench.capture import read

EVENTS = [
    {"id": f"e-{n}", "kind": ("OrderPlaced", "OrderPaid")[n % 2], "service": "shop",
     "at": f"2026-11-23T09:00:{n:02}Z", "flow": f"f-{n // 2}", "cause": f"e-{n - 1}" if n % 2 else None}
    for n in range(30)
]  # fmt: skip
NOTHING = "this row says nothing of an event in any column that is mapped"


def written(tmp_path, rows):
    path = tmp_path / "dump.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return read(path, progress=False)


def bulk():
    """What Elasticsearch takes in bulk: what to do with each document goes before it."""
    for event in EVENTS:
        yield {"index": {"_index": "events", "_id": event["id"]}}
        yield event


@pytest.mark.parametrize(
    ("rows", "others"),
    [
        ([{"version": 3, "by": "exporter"}, *EVENTS], 1),
        ([*EVENTS, {"count": 30}], 1),
        ([*EVENTS[:9], {}, {"progress": {"rows": 9}}, *EVENTS[9:]], 2),
        (list(bulk()), 30),
    ],
    ids=["a header", "a trailer", "states between", "in bulk"],
)
def test_rows_that_say_nothing_of_an_event_are_rejected(tmp_path, rows, others):
    log = written(tmp_path, rows)
    assert log.frame["id"].tolist() == [event["id"] for event in EVENTS]
    assert log.frame["causation_id"].dropna().tolist() == [f"e-{n}" for n in range(0, 30, 2)]
    assert log.frame["correlation_id"].tolist() == [event["flow"] for event in EVENTS]
    assert log.rejected["reason"].tolist() == [NOTHING] * others
    assert "undated" not in log.frame


def test_a_row_of_an_id_alone_is_no_event(tmp_path):
    unnamed = [{name: value for name, value in event.items() if name != "id"} for event in EVENTS]
    actions = [{"index": {"_index": "events", "_id": event["id"]}} for event in EVENTS]
    log = written(tmp_path, [row for pair in zip(actions, unnamed, strict=True) for row in pair])
    assert log.frame["type"].tolist() == [event["kind"] for event in EVENTS]
    assert log.rejected["reason"].tolist() == [NOTHING] * len(EVENTS)


def test_a_row_that_says_something_is_kept(tmp_path):
    log = written(tmp_path, [*EVENTS, {"at": "2026-11-23T10:00:00Z", "note": "no type"}])
    assert len(log.frame) == len(EVENTS) + 1
    assert log.rejected.empty

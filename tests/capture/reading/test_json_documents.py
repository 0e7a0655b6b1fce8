import json

import pytest

from workbench.capture import read

EVENTS = [
    {"id": str(n), "type": "A", "time": "2026-11-23T12:00:00Z", "data": {"n": n}} for n in range(5)
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(EVENTS),
        json.dumps(EVENTS, indent=2),
        "[\n" + ",\n".join(map(json.dumps, EVENTS)) + "\n]\n",
        json.dumps({"exported": "2026-11-24", "events": EVENTS}),
        json.dumps({"hits": {"total": 5, "hits": EVENTS}}, indent=1),
        "\n".join(json.dumps(event, indent=2) for event in EVENTS),
        json.dumps(EVENTS[:2]) + "\n" + json.dumps(EVENTS[2:]),
    ],
    ids=[
        "one line",
        "indented",
        "a line each",
        "wrapped",
        "deep",
        "one after the other",
        "batches",
    ],
)
def test_events_in_a_document_are_found(tmp_path, text):
    path = tmp_path / "log.json"
    path.write_text(text)
    found = read(path, progress=False)
    assert found.frame["id"].tolist() == list("01234")
    assert found.frame["data"].tolist() == [{"n": n} for n in range(5)]
    assert found.rejected.empty


def test_of_a_document_that_is_cut_the_whole_events_are_read(tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(EVENTS, indent=2)[:-60])
    found = read(path, progress=False)
    assert found.frame["id"].tolist() == list("0123")
    assert found.rejected["reason"].str.startswith("from here on this is not JSON").tolist() == [
        True
    ]


def test_what_is_no_object_in_a_list_is_rejected(tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps([*EVENTS, 7, None]))
    found = read(path, progress=False)
    assert len(found.frame) == 5
    assert found.rejected["text"].tolist() == ["7", "null"]


def test_a_list_in_a_single_event_of_many_lines_is_no_list_of_events(tmp_path):
    orders = [event | {"data": {"lines": [{"sku": "x" * 99}]}} for event in EVENTS]
    path = tmp_path / "log.json"
    path.write_text("\n".join(json.dumps(order, indent=2) for order in orders))
    assert len(read(path, progress=False).frame) == 5

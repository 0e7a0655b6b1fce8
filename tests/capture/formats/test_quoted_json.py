import json

import pytest

from workbench.capture import read

EVENTS = [
    {"id": f"e{n}", "type": ["OrderPlaced", "OrderPaid"][n % 2], "time": f"2026-03-01T09:00:{n:02}Z",
     "data": {"note": 'a "quoted" text', "n": n}}
    for n in range(6)
]  # fmt: skip
TWICE = [json.dumps(json.dumps(event)) for event in EVENTS]


def found(tmp_path, text):
    path = tmp_path / "dump"
    path.write_text(text)
    return read(path, progress=False)


@pytest.mark.parametrize(
    "text",
    ["\n".join(TWICE), f"[{', '.join(TWICE)}]", json.dumps([*map(json.dumps, EVENTS)], indent=1)],
    ids=["a line each", "a list", "a list, indented"],
)
def test_events_that_were_encoded_twice_are_read(tmp_path, text):
    log = found(tmp_path, text)
    assert log.mapping.format == "JSON in JSON texts"
    assert log.rejected.empty
    assert log.frame["id"].tolist() == [event["id"] for event in EVENTS]
    assert log.frame["type"].tolist() == [event["type"] for event in EVENTS]
    assert log.frame["data"].tolist() == [event["data"] for event in EVENTS]


def test_a_text_that_holds_no_event_is_rejected_with_its_line(tmp_path):
    log = found(tmp_path, "\n".join([TWICE[0], '"started"', '"7"', *TWICE[1:]]))
    assert len(log.frame) == 6
    assert log.rejected["line"].tolist() == [2, 3]
    assert log.rejected["reason"][0].startswith("this line is not JSON: ")
    assert log.rejected["reason"][1] == "this line is not a JSON object."

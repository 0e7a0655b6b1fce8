import json
import os
from datetime import datetime

import pytest

from workbench.capture import read
from workbench.errors import LogError

EVENTS = [
    {"id": f"e-{n}", "art": "AB"[n % 2], "type": f"Kind{n % 2}", "time": f"2026-11-23T12:00:0{n}Z",
     "correlation_id": f"f-{n // 2}", "data": {"ort": "Zürich", "n": n, "text": "a } b"}}
    for n in range(6)
]  # fmt: skip


def lines(heads="2026-11-23 12:00:00,123 INFO  [bus, {x}] handled, sent: "):
    return [heads + json.dumps(event, ensure_ascii=False) for event in EVENTS]


def written(tmp_path, some, encoding="utf-8"):
    path = tmp_path / "app.log"
    path.write_bytes("\n".join(some).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("before", [[], ["Application started"], ["a, banner, with commas"]])
def test_the_object_at_the_end_of_each_line_is_its_event(tmp_path, before, encoding):
    found = read(written(tmp_path, [*before, *lines()], encoding), progress=False)
    assert found.frame["id"].tolist() == [event["id"] for event in EVENTS]
    assert found.frame["type"].tolist() == [event["type"] for event in EVENTS]
    assert found.frame["data"].tolist() == [event["data"] for event in EVENTS]
    assert set(found.frame["line_head"]) == {
        "2026-11-23 12:00:00,123 INFO  [bus, {x}] handled, sent:"
    }
    assert found.rejected["line"].tolist() == ([1] if before else [])
    assert found.mapping.format == "text with JSON at the end of its lines"


def test_events_that_say_no_time_have_that_of_their_line(tmp_path):
    untimed = [{k: v for k, v in event.items() if k != "time"} for event in EVENTS]
    some = [f"[2026-11-23 12:00:0{n},500] {json.dumps(event)}" for n, event in enumerate(untimed)]
    found = read(written(tmp_path, some), progress=False)
    assert found.frame["time"].dt.strftime("%S.%f").tolist() == [f"0{n}.500000" for n in range(6)]
    assert found.mapping["time"] == "line_stamp"
    timed = read(written(tmp_path, lines()), progress=False)
    assert timed.mapping["time"] == "time"


def test_lines_without_an_object_are_rejected_with_their_numbers(tmp_path):
    some = lines()
    some[2:2] = ["java.lang.IllegalStateException: x", "", "    at bus.Consumer.poll(C.java:7)"]
    found = read(written(tmp_path, some), progress=False)
    assert len(found.frame) == len(EVENTS)
    assert found.rejected["line"].tolist() == [3, 5]
    assert set(found.rejected["reason"]) == {"this line does not end in a JSON object"}


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_json_in_the_last_column_under_a_header_is_still_csv(tmp_path, delimiter):
    rows = [delimiter.join([e["id"], e["type"], e["time"], '{"n": 1}']) for e in EVENTS]
    path = written(tmp_path, [delimiter.join(["id", "type", "time", "data"]), *rows])
    found = read(path, progress=False)
    assert found.frame["id"].tolist() == [event["id"] for event in EVENTS]
    assert found.frame["data"].tolist() == [{"n": 1}] * len(EVENTS)
    assert "line_head" not in found.frame


def test_text_without_any_object_is_told_as_such(tmp_path):
    with pytest.raises(LogError, match=r"is a JSON object or ends in one, and it is no CSV"):
        read(written(tmp_path, ["started", "stopped {x}"]), progress=False)


@pytest.mark.parametrize("between", ["\n,", ",\n", " ,\n "])
def test_a_list_over_several_lines_is_still_one_document(tmp_path, between):
    found = read(
        written(tmp_path, ["[" + between.join(map(json.dumps, EVENTS)), "]"]), progress=False
    )
    assert found.mapping.format == "a JSON document"
    assert len(found.frame) == len(EVENTS)
    assert found.rejected.empty


def test_an_object_over_several_lines_is_still_json(tmp_path):
    some = ['{"page": {"of": 1}', *[f', "{e["id"]}": {{"n": 1}}' for e in EVENTS], "}"]
    with pytest.raises(LogError, match=r"no column says the event type"):
        read(written(tmp_path, some), progress=False)


STAMPED = {
    "syslog with a time of its own": "<14>2026-11-23T12:00:0{}.500Z bus@h1 ",
    "RFC 5424": "<14>1 2026-11-23T12:00:0{}.500Z bus app - - - ",
    "a level before": "INFO 2026-11-23T12:00:0{}.500Z bus ",
    "a thread and a level before": "[main] WARN  2026-11-23 12:00:0{},500 bus ",
    "counted": "1795435200{}.500 bus ",
    "counted, in brackets": "[179543520{}500] bus ",
    "Go": "2026/11/23 12:00:0{}.500 bus ",
    "a zone's name": "2026-11-23 13:00:0{}.500 CET bus ",
    "German": "[23.11.2026 12:00:0{},500] bus ",
}


@pytest.mark.parametrize("head", STAMPED.values(), ids=STAMPED)
def test_the_time_of_a_line_is_found_as_logging_libraries_write_it(tmp_path, head):
    untimed = [{k: v for k, v in event.items() if k != "time"} for event in EVENTS]
    form = head.replace("1795435200{}", "179543520{}")
    some = [form.format(n) + json.dumps(event) for n, event in enumerate(untimed)]
    found = read(written(tmp_path, some), progress=False)
    assert found.mapping["time"] == "line_stamp"
    assert found.frame["time"].dt.strftime("%F %T.%f").tolist() == [
        f"2026-11-23 12:00:0{n}.500000" for n in range(6)
    ]


@pytest.mark.parametrize(
    ("head", "changed", "first"),
    [
        ("<14>Nov 23 12:00:0{} host app[12]: ", "2026-11-23T13:00Z", "2026-11-23"),
        ("Nov 23 12:00:0{} host app[12]: ", "2027-01-02T13:00Z", "2026-11-23"),
        ("Nov  3 12:00:0{} host app[12]: ", "2026-11-23T13:00Z", "2026-11-03"),
        ("Feb 29 12:00:0{} host app[12]: ", "2027-01-02T13:00Z", "2024-02-29"),
        ("I1123 12:00:0{}.000123   12 bus.go:7] ", "2026-11-23T13:00Z", "2026-11-23"),
    ],
)
def test_a_year_that_a_line_does_not_say_is_the_last_one_before_the_file_was_changed(
    tmp_path, head, changed, first
):
    untimed = [{k: v for k, v in event.items() if k != "time"} for event in EVENTS]
    some = [head.format(n) + json.dumps(event) for n, event in enumerate(untimed)]
    path = written(tmp_path, some)
    moment = datetime.fromisoformat(changed).timestamp()
    os.utime(path, (moment, moment))
    found = read(path, progress=False)
    assert found.frame["time"].dt.strftime("%F %T").tolist() == [
        f"{first} 12:00:0{n}" for n in range(6)
    ]
    assert found.notes == (
        "the times in 'line_stamp' say no year: it is taken from when the file was last changed",
    )


def test_the_colours_of_a_terminal_are_no_text(tmp_path):
    some = [f"\x1b[32m{line}\x1b[0m" for line in lines("12:00 \x1b[1;36mINFO\x1b[0m sent: ")]
    found = read(written(tmp_path, some), progress=False)
    assert found.frame["id"].tolist() == [event["id"] for event in EVENTS]
    assert set(found.frame["line_head"]) == {"12:00 INFO sent:"}
    found = read(
        written(tmp_path, [f"\x1b[32m{line}\x1b[0m" for line in lines("")]), progress=False
    )
    assert found.frame["id"].tolist() == [event["id"] for event in EVENTS]


@pytest.mark.parametrize("between", ["got message", "----- got message -----"])
def test_lines_between_those_that_end_in_an_object_are_rejected(tmp_path, between):
    some = [
        line for event in lines("key:[7], properties:[], content:") for line in (between, event)
    ]
    found = read(written(tmp_path, some), progress=False)
    assert found.frame["id"].tolist() == [event["id"] for event in EVENTS]
    assert found.rejected["text"].tolist() == [between] * len(EVENTS)


def test_of_a_text_in_which_few_lines_end_in_an_object_that_is_said(tmp_path):
    some = [*["started"] * 40, *lines()[:2]]
    with pytest.raises(LogError, match="few lines of its beginning end in a JSON object, and it is no CSV"):  # fmt: skip
        read(written(tmp_path, some), progress=False)


def test_text_before_events_of_a_format_that_is_known_is_text_all_the_same(tmp_path):
    event = {"specversion": "1.0", "source": "shop", "time": "2025-01-01T00:00:00Z"}
    lines = [
        f"2026-01-01T00:00:0{n}Z\to-1\t"
        + json.dumps(event | {"id": f"e{n}", "type": "OrderPlaced"})
        for n in range(4)
    ]
    path = tmp_path / "log.txt"
    path.write_text("\n".join(lines))
    found = read(path, progress=False)
    assert found.frame["id"].tolist() == ["e0", "e1", "e2", "e3"]
    assert found.frame["time"].dt.year.unique().tolist() == [2025]
    assert found.rejected.empty

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
        json.dumps({"page": 1, "sent": EVENTS[:3], "failed": EVENTS[3:]}),
        json.dumps({"events": {f"-N{event['id']}": event for event in EVENTS}}),
        json.dumps({f"-N{event['id']}": event for event in EVENTS}, indent=1),
    ],
    ids=[
        "one line",
        "indented",
        "a line each",
        "wrapped",
        "deep",
        "one after the other",
        "batches",
        "two lists",
        "keyed",
        "keyed outermost",
    ],
)
def test_events_in_a_document_are_found(tmp_path, text):
    path = tmp_path / "log.json"
    path.write_text(text)
    found = read(path, progress=False)
    assert found.frame["id"].tolist() == list("01234")
    assert found.frame["data"].tolist() == [{"n": n} for n in range(5)]
    assert found.rejected.empty


@pytest.mark.parametrize("indent", [2, None])
@pytest.mark.parametrize("made", [EVENTS, {"hits": {"total": 5, "hits": EVENTS}}])
def test_of_a_document_that_is_cut_the_whole_events_are_read(tmp_path, made, indent):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(made, indent=indent)[:-40])
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


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps([event]) for event in EVENTS),
        "[\n" + ",\n".join(map(json.dumps, EVENTS)) + "\n]",
        json.dumps(EVENTS, indent=4),
        json.dumps({"page": 1, "events": EVENTS}, indent=4),
        json.dumps({"page": 1, "events": EVENTS[:3], "failed": EVENTS[3:]}, indent=4),
    ],
    ids=["arrays", "a line each", "indented", "wrapped", "two lists"],
)
def test_a_bad_event_costs_no_other(tmp_path, text):
    path = tmp_path / "log.json"
    path.write_text(text.replace('"2"', "tru"))
    found = read(path, progress=False)
    assert found.frame["id"].tolist() == list("0134")
    [(line, reason)] = found.rejected[["line", "reason"]].itertuples(index=False)
    bad = next(n for n, each in enumerate(path.read_text().split("\n"), 1) if "tru" in each)
    assert reason.startswith(f"this is not JSON: Expecting value: line {bad} column ")
    assert line in (bad, bad - 1)  # an indented one begins in the line before


def test_a_list_of_other_things_beside_the_events_is_said_to_be_left_out(tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"columns": [{"name": "id"}, {"name": "type"}], "rows": EVENTS}))
    found = read(path, progress=False)
    assert len(found.frame) == 5
    assert found.notes == (f"beside the events {path} holds 1 list of other objects, left out",)


def test_the_key_of_an_event_is_kept_beside_it(tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps({f"-N{event['id']}": event for event in EVENTS}))
    assert read(path, progress=False).frame["key"].tolist() == [f"-N{n}" for n in range(5)]


def test_an_event_of_alike_objects_among_others_is_one_event(tmp_path):
    stock = {name: {"held": 1, "sold": 2} for name in ("north", "south", "west", "east")}
    path = tmp_path / "log.json"
    path.write_text("\n".join(json.dumps(event | {"data": stock}, indent=1) for event in EVENTS))
    assert read(path, progress=False).frame["id"].tolist() == list("01234")


def test_a_list_in_a_bad_event_holds_no_events(tmp_path):
    orders = [event | {"data": {"lines": [{"sku": "x" * 99}]}} for event in EVENTS]
    path = tmp_path / "log.json"
    text = "\n".join(json.dumps(order, indent=2) for order in orders)
    path.write_text(text.replace('"0"', "tru"))
    found = read(path, progress=False)
    assert (found.frame["id"].tolist(), len(found.rejected)) == (list("1234"), 1)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ('{"id": "x", "n": None}', "this is not JSON: Expecting value"),
        ('{"id": "x", "n": [1, {"a": }]}', "this is not JSON: Expecting value"),
        ('{"id": "x", "text": "a\tb"}', "this line is not JSON: "),
        ("oops", "this is not JSON: it begins no object"),
    ],
)
def test_a_bad_item_of_a_list_on_one_line_costs_no_other(tmp_path, bad, why):
    whole = [
        json.dumps({"id": f"e{n}", "type": "A", "time": f"2026-11-23T09:00:{n:02}Z"})
        for n in range(20)
    ]
    path = tmp_path / "dump.json"
    path.write_text("[" + ", ".join([*whole[:5], bad, *whole[5:]]) + "]")
    found = read(path, progress=False)
    assert found.frame["id"].tolist() == [f"e{n}" for n in range(20)]
    assert len(found.rejected) == 1
    assert found.rejected["reason"][0].startswith(why)


def test_text_between_documents_is_rejected_line_by_line(tmp_path):
    event = json.dumps({"id": "e", "type": "A", "time": "2026-11-23T09:00:00Z"}, indent=2)
    path = tmp_path / "dump.json"
    path.write_text("".join(f"{event}\nreceived {n} of 2000\n" for n in range(2000)))
    found = read(path, progress=False)
    assert len(found.frame) == len(found.rejected) == 2000
    assert found.rejected["line"].tolist()[:2] == [6, 12]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"events": []}', "events"),
        ('{"took": 1, "hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}}', "hits.hits"),
        ('{\n  "status": "success",\n  "items": [\n  ]\n}', "items"),
    ],
)
def test_an_object_that_wraps_an_empty_list_is_an_empty_log_that_says_so(tmp_path, text, path):
    file = tmp_path / "dump.json"
    file.write_text(text)
    found = read(file, progress=False)
    assert found.frame.empty
    assert found.rejected.empty
    assert found.notes == (f"{file} is empty: its {path} holds no event",)


def test_an_event_with_an_empty_list_is_an_event(tmp_path):
    file = tmp_path / "dump.json"
    file.write_text('{"type": "A", "time": "2026-11-23T12:00:00Z", "items": []}')
    assert len(read(file, progress=False).frame) == 1

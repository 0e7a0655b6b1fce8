import json

import pytest

from workbench.capture import read

KINDS = ["OrderPlaced", "StockReserved", "OrderPaid", "InvoiceSent"]


def mapped(tmp_path, shape, **given):
    """The mapping of forty events, in flows of four, that ``shape`` makes of a number and a kind."""
    rows = [
        {"n": f"e{n:03}", "time": f"2026-09-21T14:{n:02}:00.5Z", "flow": f"f{n // 4}"} | shape(n, KINDS[n % 4])
        for n in range(40)
    ]  # fmt: skip
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return read(path, given or None, progress=False).mapping


def test_of_a_constant_type_it_is_said_what_else_may_tell_the_types(tmp_path):
    found = mapped(tmp_path, lambda n, kind: {"type": "container", "action": kind, "host": "h"})
    assert found["type"] == "type"
    assert (
        "type is the same in all rows looked at; if another column tells the types, as action may: "
        'mapping={"type": "action"}'
    ) in repr(found)
    assert "type is the same in all rows" in found.sentence
    alone = mapped(tmp_path, lambda n, kind: {"type": "event"})
    assert 'if another column tells the types: mapping={"type": "…"}' in repr(alone)
    said = mapped(tmp_path, lambda n, kind: {"type": "event"}, type="type")
    assert "the same in all rows" not in repr(said)


def test_of_types_that_are_levels_it_is_said_what_else_may_tell_the_types(tmp_path):
    found = mapped(
        tmp_path, lambda n, kind: {"type": "Warning" if n % 9 else "Normal", "reason": kind}
    )
    assert (
        "type says only how grave events are; if another column tells the types, as reason may: "
        'mapping={"type": "reason"}'
    ) in repr(found)


@pytest.mark.parametrize("kind", ["S", "string", "stringValue"])
def test_a_name_counts_that_stands_before_the_kind_of_its_value(tmp_path, kind):
    found = mapped(
        tmp_path,
        lambda n, name: {
            "eventName": "INSERT",
            "image": {"eventId": {kind: f"x{n}"}, "eventType": {kind: name}},
        },
    )
    assert (found["id"], found["type"]) == (f"image.eventId.{kind}", f"image.eventType.{kind}")


@pytest.mark.parametrize(
    "value",
    [
        lambda kind: f"Shop.Events.{kind}, Shop",
        lambda kind: f"EVENT#{KINDS.index(kind)}",
        lambda kind: kind.lower(),
    ],
)
def test_the_types_in_other_words_are_no_services(tmp_path, value):
    found = mapped(tmp_path, lambda n, kind: {"type": kind, "clr": value(kind)})
    assert "source" not in found
    found = mapped(tmp_path, lambda n, kind: {"type": kind, "service": value(kind)})
    assert found["source"] == "service"


def test_each_type_may_have_one_service_whatever_that_column_is_called(tmp_path):
    services = dict(zip(KINDS, ["shop", "stock", "billing", "post"], strict=True))
    found = mapped(tmp_path, lambda n, kind: {"type": kind, "quelle": services[kind]})
    assert found["source"] == "quelle"


@pytest.mark.parametrize("height", [2, 24])
@pytest.mark.parametrize("time", ["occurred_at", "createdAt"])
def test_an_item_says_type_and_time_better_than_the_stream_of_its_changes(tmp_path, height, time):
    records = [
        {
            "eventName": ["INSERT", "MODIFY"][n % 2],
            "dynamodb": {
                "ApproximateCreationDateTime": 1772355600 + n,
                "NewImage": {
                    "event_type": {"S": KINDS[n % 4]},
                    time: {"S": f"2026-03-01T08:00:{n:02}.250Z"},
                },
            },
        }
        for n in range(height)
    ]
    path = tmp_path / "stream.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    found = read(path, progress=False).mapping
    assert found["type"] == "dynamodb.NewImage.event_type.S"
    assert found["time"] == f"dynamodb.NewImage.{time}.S"

"""CloudEvents as JSON: one event, one a line, a batch."""

import json

import pytest

ONE = {
    "specversion": "1.0",
    "id": "o-1",
    "source": "shop",
    "type": "OrderPlaced",
    "subject": "o-1",
    "time": "2026-11-25T09:00:00.123456789Z",
    "datacontenttype": "application/json",
    "correlationid": "f-1",
    "data": {"total": 12345678901234567890123},
}
TWO = {
    "specversion": "1.0",
    "id": "s-1",
    "source": "inventory",
    "type": "StockReserved",
    "correlationid": "f-1",
    "causationid": "o-1",
    "sequence": 7,
    "partition": "eu",
    "data_base64": "eyJhIjogMX0=",
}
ROWS = [
    {
        "id": "o-1",
        "type": "OrderPlaced",
        "source": "shop",
        "time": "2026-11-25T09:00:00.123456789Z",
        "correlation_id": "f-1",
        "causation_id": None,
        "data": {"total": 12345678901234567890123},
        "subject": "o-1",
        "datacontenttype": "application/json",
    },
    {
        "id": "s-1",
        "type": "StockReserved",
        "source": "inventory",
        "time": None,
        "correlation_id": "f-1",
        "causation_id": "o-1",
        "data": {"a": 1},
        "sequence": "7",
        "ce_partition": "eu",
    },
]


def text(value, **options):
    return json.dumps(value, **options)


@pytest.mark.parametrize(
    "batch",
    [text([ONE, TWO]), text([ONE, TWO], indent=2), f"{text(ONE)}\n\n{text(TWO)}\n"],
    ids=["batch", "pretty", "lines"],
)
def test_a_batch_and_lines_give_the_same_rows(read, batch):
    assert read(batch) == (ROWS, [])


@pytest.mark.parametrize("indent", [None, 4])
def test_one_event_is_a_log_of_one(read, indent):
    assert read(text(ONE, indent=indent)) == (ROWS[:1], [])


def test_an_event_that_lacks_an_attribute_is_rejected_by_its_line_or_number(read):
    bad = {**ONE, "id": ""}
    worse = {**ONE, "type": 7}

    rows, rejected = read(f"{text(ONE)}\n{text(bad)}\n{text(worse)}\n[]\n{text(TWO)}")

    assert rows == ROWS
    assert [(row.line, row.reason) for row in rejected] == [
        (2, "this line is not a CloudEvent: its 'id' is empty."),
        (3, "this line is not a CloudEvent: its 'type' is a number."),
        (4, "this line is not a JSON object."),
    ]
    _, (rejected,) = read(text([ONE, {"specversion": "1.0"}]))
    assert rejected.reason == "record 2 is not a CloudEvent: its 'id' is missing."


def test_data_that_is_bytes_stays_in_base64_and_says_so(read):
    event = {**TWO, "data_base64": "AP8="}
    broken = {**TWO, "data_base64": "A"}

    rows, _ = read(f"{text(event)}\n{text(broken)}")

    assert [(row["data"], row["undecoded"]) for row in rows] == [
        ("AP8=", "the data_base64 is no text: it was kept as it is"),
        ("A", "the data_base64 is no base64"),
    ]


def test_a_cloudevent_on_a_line_is_no_record_of_kafka(known):
    assert known(text(ONE)) == ["CloudEvents"]

"""Kafka records, exported by other tools: ten of them, which each tool shows in its own way."""

import json
import re
from itertools import chain

import pandas as pd
import pytest

from workbench.capture.formats import FORMATS
from workbench.events import from_kafka

from .conftest import Text

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PLACED = {
    "id": "o-1",
    "type": "OrderPlaced",
    "source": "shop",
    "time": "2026-11-25T09:00:00.123456Z",
    "correlation_id": "o-1",
    "causation_id": None,
    "data": {"order_id": "o-1", "total": 99.5, "note": "grüße,\ttab"},
    "subject": "o-1",
    "traceparent": TRACE,
}
RESERVED = {
    "id": "s-1",
    "type": "StockReserved",
    "source": "inventory",
    "time": "2026-11-25T09:00:01.123456Z",
    "correlation_id": "o-1",
    "causation_id": "o-1",
    "data": {"order_id": "o-1", "quantity": 2},
    "subject": "o-1",
    "traceparent": None,
}
FOREIGN = {"kind": "OrderPlaced", "order": "o-7"}
HEADERS = {"x-request-id": "r-7", "x-retry": ["1", "2"], "nothing": None}
MS = [1795636071793, 1795636071827, 1795636071849]
PLAIN_MS = [71995, 72009, 72019, 72022, 72025, 72028, 72031]
ZERO = "the value is not JSON: it begins with a zero byte, as in Confluent's wire format"


def part(row, wanted):
    return {name: row.get(name) for name in wanted}


def times(rows):
    """In milliseconds; some tools write them as text, some as a number."""
    return [pd.Timestamp(row["broker_time"]).value // 1_000_000 for row in rows]


@pytest.mark.parametrize(
    "name",
    [
        "kcat_orders.jsonl",
        "console_orders.txt",
        "console_orders_delivery.txt",
        "console_orders_old_option.txt",
    ],
)
def test_headers_that_are_an_envelope_fill_the_standard_columns(read, text_of, name):
    rows, _ = read(text_of(name))

    assert part(rows[0], PLACED) == PLACED
    assert part(rows[1], RESERVED) == RESERVED
    assert "headers" not in rows[0]
    places = [(row["partition"], row["offset"], row["key"]) for row in rows]
    assert places == [(0, 0, "o-1"), (0, 1, "o-1"), (1, 0, "o-1")]
    assert [row["broker_time"] for row in rows] == [ms * 1_000_000 for ms in MS]
    assert rows[2]["data"] is None
    assert rows[2]["stamped_by"] == "broker"


@pytest.mark.parametrize("name", ["kafbat.json", "akhq.json", "redpanda.json", "redpanda_raw.json"])
def test_the_exports_of_user_interfaces_give_the_same_events(read, text_of, name):
    rows, rejected = read(text_of(name))

    assert not rejected
    assert part(rows[0], PLACED) == PLACED
    assert part(rows[1], RESERVED) == RESERVED
    assert [(row["partition"], row["offset"]) for row in rows] == [
        *[(0, 0), (0, 1), (1, 0)],
        *[(0, offset) for offset in range(7)],
    ]
    assert times(rows) == [*MS, *(1795636000000 + ms for ms in PLAIN_MS)]
    assert rows[2]["data"] is None


@pytest.mark.parametrize(
    "name", ["kcat_plain.jsonl", "console_plain.txt", "console_separators.txt"]
)
def test_a_foreign_record_gives_what_is_known_of_it(read, text_of, name):
    rows, rejected = read(text_of(name))

    assert not rejected
    assert not any("id" in row or "type" in row for row in rows)
    assert rows[0]["headers"] == HEADERS
    assert [row["data"] for row in rows] == [
        FOREIGN,
        'just text, with "quotes"',
        "\0\0\0\0\1þ€",
        None,
        {"spread": "over lines"},
        "",
        12345678901234567890123,
    ]
    assert [row["key"] for row in rows] == ["k1", None, "\0ÿ\1", "k2", "k3", "", "k4"]
    assert rows[2]["headers"] == {"bin": "ÿþ"}
    assert [row.get("undecoded") for row in rows] == [
        None,
        "the value is not JSON",
        ZERO,
        None,
        None,
        "the value is empty",
        None,
    ]


@pytest.mark.parametrize("name", ["kafbat.json", "akhq.json", "redpanda.json"])
def test_a_foreign_record_of_a_user_interface_is_as_it_shows_it(read, text_of, name):
    rows = read(text_of(name))[0][3:]

    assert rows[0]["headers"]["x-request-id"] == "r-7"
    assert rows[0]["data"] == FOREIGN
    assert rows[1]["data"] == 'just text, with "quotes"'
    assert rows[1]["key"] is None
    assert rows[2]["undecoded"] == ZERO
    assert rows[3]["data"] is None
    assert rows[4]["data"] == {"spread": "over lines"}


def test_a_cell_of_kafbat_ui_is_read_without_its_guard_against_formulas(read, text_of):
    rows, rejected = read(text_of("kafbat.csv"))

    assert not rejected
    assert part(rows[0], PLACED) == PLACED
    assert rows[7]["data"] == {"spread": "over lines"}
    assert (rows[10]["key"], rows[10]["data"]) == ("-k5", -12.5)


def test_one_message_saved_from_kafbat_ui_is_a_log_of_one(read, text_of):
    (row,), rejected = read(text_of("kafbat_one.json"))

    assert not rejected
    assert part(row, PLACED) == PLACED


def test_redpanda_consoles_semicolons_between_the_parts_of_json_are_commas_again(read, text_of):
    rows, rejected = read(text_of("redpanda.csv"))

    assert not rejected
    assert rows[0]["data"] == {"order_id": "o-1", "total": 99.5, "note": "grüße;\ttab"}
    assert rows[1]["data"] == {"order_id": "o-1", "quantity": 2}
    assert rows[4]["data"] == 'just text; with "quotes"'


def test_raw_data_of_redpanda_console_is_read_to_the_byte(read):
    text = """[{"partitionID": 0, "offset": 5, "timestamp": 1, "headers": [],
        "key": {"payload": "?", "rawPayload": "AP8B", "encoding": "binary"},
        "value": {"payload": "?", "rawPayload": "eyJhIjogMX0=", "encoding": "binary"}}]"""

    ((row,), rejected) = read(text)

    assert not rejected
    assert (row["key"], row["data"]) == ("\0\\xff\1", {"a": 1})


def test_a_json_string_is_no_text_that_is_not_json(read):
    text = """[{"partitionID": 0, "offset": 5, "timestamp": 1, "headers": [], "key": null,
        "value": {"payload": "hello", "encoding": "json"}}]"""

    ((row,), _) = read(text)

    assert row["data"] == "hello"
    assert "undecoded" not in row


def test_a_console_that_prints_only_time_and_key(read, text_of):
    rows, rejected = read(text_of("console_key_value.txt"))

    assert not rejected
    assert [row["key"] for row in rows] == ["o-1", "o-1", "o-1"]
    assert rows[0]["data"] == PLACED["data"]
    assert "offset" not in rows[0]


def test_a_key_with_a_colon_is_no_header(read):
    rows, _ = read('CreateTime:1\torder:1\t{"a":1}\nCreateTime:2\torder:2\t{"a":2}\n')

    assert [(row["key"], row["data"]) for row in rows] == [
        ("order:1", {"a": 1}),
        ("order:2", {"a": 2}),
    ]
    assert "headers" not in rows[0]


def test_headers_without_a_key_are_told_by_a_record_that_has_none(read):
    rows, _ = read("CreateTime:1\tx-id:7\t1\nCreateTime:2\tNO_HEADERS\t2\n")

    assert [(row["key"], row["data"]) for row in rows] == [(None, 1), (None, 2)]
    assert rows[0]["headers"] == {"x-id": "7"}


def test_lines_that_follow_a_value_that_is_json_by_itself_are_no_part_of_it(read):
    text = (
        "Offset:1\tk\t1\nWARN something\nOffset:2\tk\ta\nb\n\nc\nProcessed a total of 2 messages\n"
    )

    rows, rejected = read(text)

    assert [row["data"] for row in rows] == [1, "a\nb\n\nc"]
    assert [(row.line, row.reason) for row in rejected] == [(2, "this line belongs to no record.")]


def test_a_line_before_the_first_record_is_rejected(read, text_of):
    _, (rejected,) = read(text_of("console_orders_old_option.txt"))

    assert rejected.line == 1
    assert rejected.reason == "no record begins in this line."


def test_a_dead_letter_says_why(read):
    headers = (
        '"dl_service","billing","dl_reaction","charge","dl_channel","orders","dl_partition","0",'
        '"dl_offset","7","dl_error_type","ValueError","dl_error_message","no card","dl_attempts","3",'
        '"dl_first_failure","2026-11-25T09:00:00+00:00","dl_last_failure","2026-11-25T09:00:01+00:00"'
    )
    line = (
        '{"topic":"billing.dead","partition":0,"offset":1,"tstype":"create","ts":1,"broker":1,'
        f'"headers":[{headers}],"key":null,"payload":"not json"}}'
    )

    ((row,), _) = read(line)

    assert row["dead_letter"] == "billing/charge: ValueError: no card"
    assert row["data"] == "not json"


def test_extensions_that_have_no_column_stay_among_the_headers(read):
    line = (
        '{"topic":"t","partition":0,"offset":1,"ts":1,"broker":1,"headers":["ce_id","1","ce_type",'
        '"T","ce_source","s","ce_specversion","1.0","ce_region","eu","x-a",null],"key":null,'
        '"payload":"{}"}'
    )

    ((row,), _) = read(line)

    assert row["id"] == "1"
    assert row["headers"] == {"ce_region": "eu", "x-a": None}


@pytest.mark.parametrize("text", ["0", "2026-11-25T09:00:00.123456Z", "é", '{"a": [1, 2.5]}'])
@pytest.mark.parametrize("left_out", range(4, 12))
def test_a_plain_envelope_says_what_the_binding_of_events_says(read, left_out, text):
    headers = [
        ["ce_id", "1"],
        ["ce_type", "T"],
        ["ce_source", "s"],
        ["ce_specversion", "1.0"],
        ["ce_time", "2026-11-25T09:00:00+01:00"],
        ["ce_correlationid", "f"],
        ["ce_causationid", "0"],
        ["ce_subject", "k"],
        ["ce_dataschema", "urn:x"],
        ["content-type", "application/json"],
        ["traceparent", TRACE],
    ]
    headers = headers[:left_out] + headers[left_out + 1 :]
    line = {"topic": "t", "partition": 0, "offset": 1, "key": None, "payload": text}

    ((row,), _) = read(json.dumps({**line, "headers": list(chain.from_iterable(headers))}))

    event = from_kafka([(name, value.encode()) for name, value in headers], text.encode())
    found = [row[name] for name in ("id", "type", "source", "correlation_id", "causation_id")]
    assert found == [event.id, event.type, event.source, event.correlationid, event.causationid]
    found = [row[name] for name in ("subject", "dataschema", "traceparent")]
    assert found == [event.subject, event.dataschema, event.traceparent]
    time = None if row["time"] is None else pd.Timestamp(row["time"])
    assert time == event.time


def test_an_event_without_a_value_has_no_data(read):
    line = (
        '{"topic":"t","partition":0,"offset":1,"ts":1,"broker":1,"headers":["ce_id","1","ce_type",'
        '"T","ce_source","s","ce_specversion","1.0"],"key":null,"payload":null}'
    )

    ((row,), _) = read(line)

    assert row["id"] == "1"
    assert row["data"] is None
    assert "undecoded" not in row


def test_an_envelope_that_lacks_something_is_a_foreign_record_that_says_so(read):
    line = (
        '{"topic":"t","partition":0,"offset":1,"ts":1,"broker":1,"headers":["ce_id","1"],'
        '"key":null,"payload":"{\\"a\\":1}"}'
    )

    ((row,), _) = read(line)

    assert "id" not in row
    assert row["data"] == {"a": 1}
    assert row["headers"] == {"ce_id": "1"}
    assert row["undecoded"] == "the record is not a CloudEvent: its 'source' is missing."


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("partition", "true", r"its partition is no whole number but true or false"),
        ("partition", "2147483648", r"its partition is not between 0 and 2,147,483,647"),
        ("offset", "-1", r"its offset is not between 0 and 9,223,372,036,854,775,807"),
        ("offset", "1e300", r"its offset is no whole number but a number"),
        ("topic", "{}", r"its topic is no text but an object"),
        ("headers", '["a"]', r"its headers are no names and values by turns"),
        ("headers", "[1, 2]", r"its headers are not all text"),
        ("headers", '["a", {}]', r"its headers are not all text"),
    ],
)
def test_a_record_with_a_field_of_the_wrong_kind_is_rejected_with_its_line(
    read, field, value, reason
):
    good = '{"topic":"t","partition":0,"offset":1,"ts":1,"headers":[],"key":null,"payload":"1"}'
    bad = re.sub(rf'"{field}":("t"|\[\]|\d)', lambda _: f'"{field}":{value}', good)

    rows, (rejected,) = read(f"{good}\n\n{bad}\n{good}")

    assert len(rows) == 2
    assert rejected.line == 3
    assert rejected.reason == f"this is no record as kcat prints it: {reason}."
    assert rejected.text == bad


def test_json_over_several_lines_is_data_on_one(text_of):
    (kcat,) = (each for each in FORMATS if each.name == "kcat")

    rows = list(kcat.rows(Text(text_of("kcat_plain.jsonl"))))

    assert bytes(rows[4]["data"]) == b'{"spread":   "over lines"}'


def test_what_kcat_could_not_decode_says_why(read):
    line = (
        '{"topic":"t","partition":0,"offset":1,"ts":1,"headers":[],"key":null,"payload":null,'
        '"payload_error":"no schema 7"}'
    )

    ((row,), _) = read(line)

    assert row["data"] is None
    assert row["undecoded"] == "kcat could not decode the payload: no schema 7"


def test_a_time_that_is_none_is_left_out(read):
    line = '{"topic":"t","partition":0,"offset":1,"ts":%s,"key":null,"payload":"1"}\n'

    rows, rejected = read("".join(line % ts for ts in ("-1", "1e400", "null", '"x"', "9" * 30)))

    assert not any("broker_time" in row for row in rows)
    assert len(rows) + len(rejected) == 5


def test_a_torn_export_gives_the_records_that_are_whole(read, text_of):
    text = text_of("kafbat.json")
    cut = text[: text.rindex(b'"k2"')]

    rows, (rejected,) = read(cut)

    assert len(rows) == 6
    assert rejected.reason.startswith("record 7 is not JSON: ")


def test_a_bad_record_in_an_array_costs_no_other(read):
    text = """[{"Value": "1", "Offset": 0, "Partition": 0, "Timestamp": "2026-11-25T09:00:00Z"},
        {"Value": nonsense, "Offset": 1, "Partition": 0},
        7,
        {"Value": "3", "Offset": 2, "Partition": 0, "Timestamp": "2026-11-25T09:00:00Z"}]"""

    rows, rejected = read(text)

    assert [row["data"] for row in rows] == [1, 3]
    assert [row.reason for row in rejected] == [
        "record 2 is not JSON: Expecting value: line 1 column 11 (char 10).",
        "record 3 is not a JSON object.",
    ]


@pytest.mark.parametrize("indent", [None, 1])
def test_messages_one_after_the_other_are_read_as_those_of_an_array(indent):
    messages = (
        {"Partition": 0, "Offset": n, "Timestamp": "2026-11-25T09:00:00Z", "Value": {"n": n}}
        for n in range(3)
    )
    text = Text("\n".join(json.dumps(message, indent=indent) for message in messages).encode())
    found = next(each for each in FORMATS if each.recognises(text.head()))
    assert found.name == "kafbat UI (JSON)"
    assert [row["offset"] for row in found.rows(text)] == [0, 1, 2]

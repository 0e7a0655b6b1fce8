"""Decoding a column at a time gives what decoding one record after the other gives."""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.brokers import Record
from workbench.brokers.record_batch import batches_of
from workbench.capture import row, standard_frame
from workbench.capture.decoding import decode, table_of
from workbench.capture.json_text import any_json
from workbench.capture.plain_json import plain_json
from workbench.capture.scanning import scan
from workbench.events import Envelope, to_kafka

TIME = b"2026-01-31T12:30:15.123456Z"
PLAIN = {
    "ce_id": b"1",
    "ce_source": b"shop",
    "ce_type": b"OrderPlaced",
    "ce_time": TIME,
    "ce_correlationid": b"o-1",
    "ce_specversion": b"1.0",
}


def record(headers=PLAIN, value=b"{}", *, key=None, offset=0, time_ms=1_000):
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    return Record("orders", 0, offset, time_ms, key, pairs, value)


OTHERWISE = datetime(2026, 1, 1, tzinfo=UTC)


def expected(each):
    """By way of a row of objects."""
    (found,) = standard_frame([row(each)], otherwise=OTHERWISE).to_dict("records")
    found.pop("undated", None)
    headers = found.get("headers")
    return _cells(found | {"headers": headers if isinstance(headers, dict) else None})


def found(some):
    cells = []
    table = table_of(decode(batch) for batch in batches_of(some))
    for each in table.to_pylist():
        inside = {name: each[name] and any_json(each[name]) for name in ("data", "headers")}
        each = _cells(each | inside)
        cells.append(each | {"time": each["time"] or each["broker_time"] or OTHERWISE})
    return cells


def _cells(each):
    cells = {}
    for name, cell in each.items():
        if name in {"data", "headers"}:
            cells[name] = json.dumps(cell)  # which tells 1, 1.0 and True apart
        else:
            cells[name] = None if pd.isna(cell) else cell
    return cells


def plainly(*records):
    """How many of the records are taken from the bytes."""
    return sum(int(scan(batch.data, batch.index)[3].sum()) for batch in batches_of(records))


ODD = (
    rb"""
null| null |-0|-0.0|01|1.|.5|1e5|1e999|NaN|-|-Infinity|[1,]|[,1]|{"a":1,}|{"a" :1, "a": 2}|{1:2}
[1 2]|1]|[1|1,2|{}{}|"\ud800"|"\u00e9\u0000"|"\ud83d\ude00"|"\x"|truex|tru|nul|123456789012345678
1234567890123456789|12345678901234567890123|0.1234567890123456789|123456789012345678.12345678901234567
{"a":[{"b":[]}]}|[[],{}]|[{},[]]|[}|{]|"\|"\u12|"\u12g4"|{"a"}|{"a":}|{:1}|[true,false,null]|1 2|-1.5
""".strip()
    .replace(b"\n", b"|")
    .split(b"|")
)
texts = st.text(max_size=6)
blobs = st.one_of(st.binary(max_size=8), texts.map(lambda text: text.encode("utf-8", "replace")))
times = st.one_of(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(  # noqa: DTZ001
        lambda time: (time.isoformat() + "Z").encode()
    ),
    st.sampled_from(
        [
            TIME,
            b"2026-01-31T12:30:15Z",
            b"2026-01-31T12:30:15+05:30",
            b"2026-01-31T12:30:15.1-23:59",
            b"2026-01-31T12:30:15.1234567Z",
            b"2026-02-29T00:00:00Z",
            b"2024-02-29T23:59:60Z",
            b"2026-01-31 12:30:15Z",
            b"2026-01-31T24:00:00Z",
            b"2026-01-31T12:30:15+24:00",
            b"2026-01-31T12:30:15",
            b"1677-09-21T00:12:43Z",
            b"1677-09-21T00:12:44Z",
            b"2262-04-11T23:47:16Z",
            b"2262-04-11T23:47:17Z",
            b"0001-01-01T00:00:00+01:00",
            b"9999-12-31T23:59:59-01:00",
            b"\xef\xbc\x92026-01-31T12:30:15Z",
            b"",
        ]
    ),
)
names = st.sampled_from([*PLAIN, "ce_causationid", "ce_subject", "ce_dataschema", "ce_traceparent"])
others = st.sampled_from(
    ["traceparent", "content-type", "ce_compensations", "ce_extra", "CE_ID", "x", "é", "dl_service"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
payloads = st.one_of(
    st.none(),
    blobs,
    values.map(lambda value: json.dumps(value).encode()),
    values.map(
        lambda value: json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace")
    ),
    st.sampled_from([*ODD, b"", b" ", b'"\n"', b"[" * 64 + b"]" * 64, b"[" * 65 + b"]" * 65]),
    st.sampled_from([b"[" * 3_000, b"\x00\x00\x00\x00\x01{}", b'"\xed\xa0\x80"', b'"\xff"']),
)
usual = st.fixed_dictionaries(
    {name: st.just(text) for name, text in PLAIN.items() if name != "ce_time"},
    optional={
        "ce_time": times,
        "ce_causationid": blobs,
        "ce_subject": blobs,
        "traceparent": blobs,
        "ce_traceparent": blobs,
        "content-type": st.sampled_from([b"application/json", b"text/plain"]),
    },
)
unusual = st.lists(st.tuples(names | others, st.none() | blobs | times), max_size=20)
records = st.builds(
    record,
    usual | unusual | st.builds(lambda a, b: [*a.items(), *b], usual, unusual),
    payloads,
    key=st.none() | blobs,
    offset=st.integers(0, 5),
    time_ms=st.sampled_from([-1, 0, 1_000, 1_700_000_000_123, 9_223_372_036_000, 10**17, 10**30]),
)


@settings(max_examples=80)
@given(st.lists(records, min_size=1, max_size=4))
@example([record(value=b'"\\ud800"')])
def test_columns_hold_what_rows_hold(some):
    assert found(some) == [expected(each) for each in some]


def test_an_event_as_the_workbench_writes_it_is_taken_from_the_bytes():
    envelope = Envelope(
        id="1",
        source="shop",
        type="OrderPlaced",
        data=b'{"total": 12.5, "lines": [{"sku": "caf\xc3\xa9 \\u00e9"}, null, true]}',
        time=datetime(2026, 1, 31, tzinfo=UTC),
        subject="o-1",
        correlationid="o-1",
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
    )
    key, headers, value = to_kafka(envelope)
    assert plainly(record(headers, value, key=key)) == 1


@given(payloads)
def test_plain_json_is_json_and_ends_where_it_ends(value):
    data = b"x" + (value or b"") + b"x"
    begin, end = plain_json(np.frombuffer(data, np.uint8), 1, len(data) - 2)
    if begin >= 0:
        assert data[begin:end] == (value or b"").strip(b" \n\r\t")
        json.loads(data[begin:end])

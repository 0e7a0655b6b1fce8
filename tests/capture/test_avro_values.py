"""Avro values as JSON, written by fastavro and read by us."""

import contextlib
import datetime as dt
import io
import json
import math
import subprocess
import sys
import uuid
from decimal import Decimal

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.capture.avro_nested import NestedReader
from workbench.capture.avro_schema import ReadingSchema
from workbench.capture.avro_values import AvroReader
from workbench.errors import LogError, UndecodedError

NOON = dt.datetime(2026, 11, 25, 12, 0, 0, 250_000, tzinfo=dt.UTC)


def written(schema, value):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), value)
    return buffer.getvalue()


def read(schema, value, referenced=()):
    return json.loads(AvroReader(schema, referenced).json_text(written(schema, value)))


def record(**fields):
    return {
        "type": "record",
        "name": "Order",
        "namespace": "shop",
        "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
    }


def logical(kind, called, **more):
    return {"type": kind, "logicalType": called, **more}


TREE = record(name="string", children={"type": "array", "items": "Order"})
LIST = record(next=["null", "Order"])


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("null", None, None),
        ("boolean", True, True),
        ("int", -7, -7),
        ("long", 2**63 - 1, 2**63 - 1),
        ("double", 0.1, 0.1),
        ("string", "čtyři", "čtyři"),
        ("bytes", b"\x00\xff", "AP8="),
        (["null", "bytes"], b"\x00\xff", "AP8="),
        (["null", "string"], None, None),
        ({"type": "fixed", "name": "F", "size": 2}, b"\x00\xff", "AP8="),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
        ({"type": "array", "items": "int"}, [1, 2], [1, 2]),
        ({"type": "map", "values": ["null", "int"]}, {"a": 1, "b": None}, {"a": 1, "b": None}),
        (logical("bytes", "decimal", precision=9, scale=2), Decimal("-12.50"), "-12.50"),
        (logical("bytes", "decimal", precision=9, scale=2), Decimal("0.05"), "0.05"),
        (logical("bytes", "decimal", precision=9), Decimal(1250), "1250"),
        (
            logical("fixed", "decimal", name="F", size=4, precision=9, scale=3),
            Decimal("-0.001"),
            "-0.001",
        ),
        (logical("int", "date"), NOON.date(), "2026-11-25"),
        (logical("int", "time-millis"), NOON.time(), "12:00:00.250"),
        (logical("long", "time-micros"), NOON.time(), "12:00:00.250000"),
        (logical("long", "timestamp-millis"), NOON, "2026-11-25T12:00:00.250Z"),
        (logical("long", "timestamp-micros"), NOON, "2026-11-25T12:00:00.250000Z"),
        (logical("long", "timestamp-nanos"), 1, "1970-01-01T00:00:00.000000001Z"),
        (logical("long", "timestamp-millis"), -1, "1969-12-31T23:59:59.999Z"),
        (
            logical("long", "local-timestamp-millis"),
            NOON.replace(tzinfo=None),
            "2026-11-25T12:00:00.250",
        ),
        (logical("string", "uuid"), uuid.UUID(int=5), str(uuid.UUID(int=5))),
        (
            logical("fixed", "uuid", name="F", size=16),
            uuid.UUID(int=5).bytes,
            str(uuid.UUID(int=5)),
        ),
        (
            logical("fixed", "duration", name="F", size=12),
            bytes([1, 0, 0, 0, 2, 0, 0, 0, 172, 13, 0, 0]),
            "P1M2DT3.500S",
        ),
    ],
)
def test_every_type_has_its_form_in_json_alone_and_in_a_nested_value(kind, value, wanted):
    assert read(record(a=kind), {"a": value}) == {"a": wanted}
    nested = record(a=kind, next=["null", "Order"])
    if kind != "null":
        assert read(nested, {"a": value, "next": None}) == {"a": wanted, "next": None}


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (logical("int", "date"), 2**31 - 1),
        (logical("long", "timestamp-millis"), 2**62),
        (logical("long", "timestamp-micros"), -(2**62)),
        (logical("int", "time-millis"), 86_400_000),
        (logical("int", "time-millis"), -1),
    ],
)
def test_a_time_that_no_calendar_has_stays_the_number_that_it_is(kind, raw):
    plain = written(record(a=kind["type"]), {"a": raw})
    assert json.loads(AvroReader(record(a=kind)).json_text(plain)) == {"a": raw}


def test_a_decimal_with_more_digits_than_it_may_have_is_not_rounded():
    kind = logical("bytes", "decimal", precision=3, scale=1)
    raw = written(record(a="bytes"), {"a": (123_456_789).to_bytes(4, "big")})
    assert json.loads(AvroReader(record(a=kind)).json_text(raw)) == {"a": "12345678.9"}


def test_a_logical_type_that_is_unknown_or_not_proper_is_ignored():
    raw = written(record(a="bytes", b="long"), {"a": b"\x00", "b": 5})
    for kind in (logical("bytes", "decimal"), logical("bytes", "colour")):
        reader = AvroReader(record(a=kind, b=logical("long", ["odd"])))
        assert json.loads(reader.json_text(raw)) == {"a": "AA==", "b": 5}


def test_bytes_alone_are_what_a_confluent_serializer_writes_without_a_length():
    assert AvroReader("bytes").json_text(b"\x00\xff") == b'"AP8="'


def test_numbers_that_are_not_finite_are_kept_as_python_writes_them():
    found = read(record(a="double", b="double"), {"a": math.nan, "b": math.inf})
    assert math.isnan(found["a"])
    assert found["b"] == math.inf


def test_what_a_schema_refers_to_is_found_in_the_others_by_its_full_name():
    money = {
        "type": "record",
        "name": "Money",
        "namespace": "bank",
        "fields": [
            {"name": "amount", "type": logical("bytes", "decimal", precision=9, scale=2)},
            {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR"]}},
        ],
    }
    line = {
        "type": "record",
        "name": "Line",
        "namespace": "shop",
        "fields": [{"name": "price", "type": "bank.Money"}],
    }
    order = record(lines={"type": "array", "items": "Line"}, total="bank.Money", c="bank.Currency")
    value = {
        "lines": [{"price": {"amount": Decimal("1.20"), "currency": "EUR"}}],
        "total": {"amount": Decimal("1.20"), "currency": "EUR"},
        "c": "EUR",
    }
    named = {}
    for schema in (money, line):
        fastavro.parse_schema(schema, named)
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(order, named), value)
    paid = {"amount": "1.20", "currency": "EUR"}
    wanted = {"lines": [{"price": paid}], "total": paid, "c": "EUR"}
    assert json.loads(AvroReader(order, [line, money]).json_text(buffer.getvalue())) == wanted
    # several event types on one channel are a union of references
    text = AvroReader(["bank.Money", "shop.Order"], [line, order, money]).json_text(
        b"\x02" + buffer.getvalue()
    )
    assert json.loads(text) == wanted


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (record(a="Nowhere"), r"uses a type 'Nowhere' that neither it nor its references define"),
        ({"name": "A"}, r"has no type"),
        ({"type": "record", "fields": []}, r"a record in it has no name"),
        ([["int"]], r"a union stands in a union"),
        (7, r"has no type"),
        (record(a={"type": "enum", "name": "E", "symbols": 5}), r"fastavro can't use it"),
        (
            record(
                a={"type": "fixed", "name": "F", "size": 1},
                b={"type": "fixed", "name": "F", "size": 2},
            ),
            r"the type 'shop.F' is defined twice, and not alike",
        ),
    ],
)
def test_a_schema_that_is_none_is_refused_in_a_sentence(schema, why):
    with pytest.raises(LogError, match=why):
        AvroReader(schema)


def test_a_schema_nested_very_deep_is_refused():
    schema = "int"
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    with pytest.raises(LogError, match=r"nested deeper than 64 levels"):
        AvroReader(schema)


@pytest.mark.parametrize("schema", [record(a="string", b="int"), TREE], ids=["plain", "nested"])
@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", r"the bytes end before the value does"),
        (b"\x08ab", r"the bytes end before the value does"),
        (b"\x03ab", r"the bytes end before the value does"),
        (b"\x02\xff\x00", r"a text in the value is not UTF-8"),
        (b"\x02a\x00\x00", r"there are more bytes than the value takes"),
    ],
)
def test_bytes_that_are_no_such_value_are_refused_with_the_reason(schema, raw, why):
    with pytest.raises(UndecodedError, match=why):
        AvroReader(schema).json_text(raw)


@pytest.mark.parametrize("schema", [record(a=["null", "int"]), LIST], ids=["plain", "nested"])
def test_a_branch_that_the_schema_does_not_have_is_refused(schema):
    with pytest.raises(UndecodedError, match=r"the bytes are no value of it"):
        AvroReader(schema).json_text(b"\x40")


def test_a_value_nested_in_itself_without_end_does_not_end_the_process():
    # fastavro alone ends here with a segmentation fault: so in a process of its own.
    code = (
        "import sys; from workbench.capture.avro_values import AvroReader\n"
        f"reader = AvroReader({LIST!r})\n"
        "try: reader.json_text(b'\\x02' * 100_000)\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the bytes are no value of it\n"


def test_a_type_that_holds_nothing_but_itself_is_refused():
    with pytest.raises(UndecodedError, match=r"the bytes are no value of it"):
        AvroReader(record(next="Order")).json_text(b"")


def test_a_few_bytes_do_not_become_millions_of_nothings():
    nothings = {"type": "array", "items": "null"}
    assert AvroReader(nothings).json_text(b"\x04\x00") == b"[null,null]"
    with pytest.raises(UndecodedError, match=r"the bytes are no value of it"):
        AvroReader(nothings).json_text(written("long", 2**40) + b"\x00")


def test_blocks_that_say_their_size_are_read():
    numbers = record(a={"type": "array", "items": "int"}, next=["null", "Order"])
    assert AvroReader(numbers).json_text(b"\x03\x04\x02\x04\x00\x00") == b'{"a":[1,2],"next":null}'


trees = st.recursive(
    st.builds(lambda name: {"name": name, "children": []}, st.text(max_size=5)),
    lambda inner: st.builds(
        lambda name, children: {"name": name, "children": children},
        st.text(max_size=5),
        st.lists(inner, max_size=4),
    ),
)


@given(trees)
def test_nested_values_come_out_as_they_went_in(tree):
    assert read(TREE, tree) == tree


values = st.fixed_dictionaries(
    {
        "a": st.integers(-(2**63), 2**63 - 1),
        "b": st.text(),
        "c": st.none() | st.floats(allow_nan=False, width=32),
        "d": st.dictionaries(st.text(max_size=3), st.booleans(), max_size=3),
        "e": st.lists(st.binary(max_size=4), max_size=3),
    }
)
PLAIN = record(
    a="long",
    b="string",
    c=["null", "float"],
    d={"type": "map", "values": "boolean"},
    e={"type": "array", "items": "bytes"},
)


@given(values)
def test_both_readers_read_the_same(value):
    raw = written(PLAIN, value)
    slow = NestedReader(ReadingSchema(PLAIN), raw, 0)
    assert json.loads(AvroReader(PLAIN).json_text(raw)) == slow.read()
    assert slow.at == len(raw)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_reason(raw):
    for schema in (PLAIN, TREE):
        with contextlib.suppress(UndecodedError):
            json.loads(AvroReader(schema).json_text(raw))


jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["int", "string", "a.B", "record"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "name",
                    "namespace",
                    "fields",
                    "items",
                    "values",
                    "symbols",
                    "size",
                    "logicalType",
                    "scale",
                ]
            ),
            inner
            | st.sampled_from(["record", "enum", "fixed", "array", "map", "bytes", "decimal"]),
            max_size=5,
        )
    ),
)


@given(jsons, jsons, st.binary(max_size=20))
def test_any_json_is_a_schema_or_is_refused(schema, other, raw):
    with contextlib.suppress(LogError):
        json.loads(AvroReader(schema, [other]).json_text(raw))

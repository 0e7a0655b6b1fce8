"""Values in Confluent's wire format, and logs recorded of them."""

import io
import json
from base64 import b64decode
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.brokers import MemoryBroker, Outgoing
from workbench.capture import Decoder, SchemaFiles, SchemaRegistry, record
from workbench.errors import UndecodedError

ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "order_id", "type": "string"},
        {
            "name": "total",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        },
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}
PLACED = {
    "order_id": "o-1",
    "total": Decimal("12.50"),
    "at": datetime(2026, 11, 25, 12, tzinfo=UTC),
}
PLACED_JSON = {"order_id": "o-1", "total": "12.50", "at": "2026-11-25T12:00:00.000Z"}
GUID = UUID("6f1d9c9e-1c1f-4f0e-8a55-0242ac120002")
PROTOBUF = {"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF"}

NONSENSE = "it uses a type 'nonsense' that neither it nor its references define"


def body(schema=ORDER, value=PLACED):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), value)
    return buffer.getvalue()


def framed(schema_id, rest):
    return b"\0" + schema_id.to_bytes(4, "big") + rest


@pytest.fixture
def decoder(registry, avro):
    registry.ids[17] = avro(ORDER)
    registry.ids[18] = {"schema": '{"type": "object"}', "schemaType": "JSON"}
    registry.ids[19] = PROTOBUF
    registry.ids[20] = avro({"type": "record", "name": "A", "fields": []}) | {
        "schemaType": "THRIFT"
    }
    registry.ids[21] = avro({"type": "nonsense"})
    registry.guids[str(GUID)] = avro(ORDER)
    return Decoder(SchemaRegistry(registry.url))


def refused(decoder, value, headers=()):
    with pytest.raises(UndecodedError) as caught:
        decoder.decode_one(value, headers)
    return str(caught.value)


def test_avro_is_decoded_with_the_schema_that_the_value_names(decoder, registry):
    for _ in range(3):
        assert json.loads(decoder.decode_one(framed(17, body()))) == PLACED_JSON
    assert registry.asked == {"/schemas/ids/17": 1}


def test_json_behind_an_id_is_kept_as_it_is_but_for_line_breaks(decoder):
    text = b'{"a": 1.10, "b": 123456789012345678901234567890}'
    assert decoder.decode_one(framed(18, text)) == text
    assert decoder.decode_one(framed(18, b'{"a":\r\n 1.10}\n')) == b'{"a":1.10}'
    assert decoder.decode_one(framed(18, b'{"a":\n NaN}')) == b'{"a": NaN}'
    for bad in (b"{", b"", b'"\xff"'):
        assert refused(decoder, framed(18, bad)) == "schema 18 (JSON Schema): it is no JSON"


def test_json_nested_very_deep_stays_bytes_and_the_capture_goes_on(decoder):
    broker = MemoryBroker()
    broker.ensure_channels({"orders": 1})
    deep, flat = [framed(18, b"[" * n + b"]" * n) for n in (1_010, 200)]
    broker.producer().send([Outgoing("orders", None, [], value) for value in (deep, flat)])
    found = record(broker, ["orders"], schemas=decoder.schemas).sort_values("offset")
    assert found["undecoded"][0] == "it is JSON that is nested deeper than 200 levels"
    assert b64decode(found["data"][0]) == deep
    assert found["data"][1][0][0] == json.loads(b"[" * 198 + b"]" * 198)


def test_a_header_may_name_the_schema_and_the_value_stands_alone(decoder):
    header = [("other", b"x"), ("__value_schema_id", b"\1" + GUID.bytes)]
    assert json.loads(decoder.decode_one(body(), header)) == PLACED_JSON
    number = [("__value_schema_id", framed(17, b""))]
    assert json.loads(decoder.decode_one(body(), number)) == PLACED_JSON
    for bad in (b"", None, b"\1abc", b"\2" + GUID.bytes):
        wanted = "the header __value_schema_id names no schema"
        assert refused(decoder, body(), [("__value_schema_id", bad)]) == wanted


@pytest.mark.parametrize(
    ("indexes", "named"),
    [(b"\0", "0"), (b"\2\2", "1"), (b"\4\2\0", "1.0"), (b"\xff", "?"), (b"\1", "?"), (b"", "?")],
)
def test_protobuf_is_told_apart_with_its_message_and_not_decoded(decoder, registry, indexes, named):
    registry.guids[str(GUID)] = PROTOBUF
    wanted = f"is Protobuf, which is not decoded (message {named})"
    # indexes that end too early end with the value here
    value = framed(19, indexes + (b"" if named == "?" else b"\x0a\x01a"))
    assert refused(decoder, value) == f"schema 19 {wanted}"
    header = [("__value_schema_id", b"\1" + GUID.bytes + indexes)]
    assert refused(decoder, b"\x0a\x01a", header) == f"schema {GUID} {wanted}"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (framed(17, body()[:2]), r"schema 17 (Avro): the bytes end before the value does"),
        (framed(17, body() + b"!"), r"schema 17 (Avro): there are more bytes than the value takes"),
        (framed(20, b""), r"schema 20 is of a kind not known here: THRIFT"),
        (framed(21, b""), f"schema 21 can't be used: {NONSENSE}"),
        (b"hello", r"the value is neither in Confluent's wire format nor JSON"),
        (b"\0\0\0", r"the value is neither in Confluent's wire format nor JSON"),
    ],
)
def test_what_cannot_be_decoded_has_a_reason(decoder, value, why):
    for _ in range(2):
        assert refused(decoder, value) == why


def test_a_batch_has_a_text_and_a_reason_for_each_value(decoder):
    values = [framed(17, body()), None, b'{"plain": 1}', framed(99, b"\xff"), body()]
    header = [("__value_schema_id", b"\1" + GUID.bytes)]
    texts, reasons = decoder.decode(values, [(), (), (), (), header])
    assert [text and json.loads(text) for text in texts] == [
        PLACED_JSON,
        None,
        {"plain": 1},
        "AAAAAGP/",
        PLACED_JSON,
    ]
    assert reasons[3].endswith("has no schema 99")
    assert [reason is None for reason in reasons] == [True, True, True, False, True]
    assert decoder.decode(values[:4]) == (texts[:4], reasons[:4])


@given(st.binary(max_size=40))
def test_any_bytes_become_a_text_and_perhaps_a_reason(raw):
    class Two:
        def schema(self, schema_id):
            from workbench.capture import Schema

            return Schema("AVRO", json.dumps(ORDER)) if schema_id % 2 else Schema("PROTOBUF", "")

        def referenced(self, schema):
            return []

    for value in (raw, b"\0" + raw):
        (text,), (reason,) = Decoder(Two()).decode([value])
        found = json.loads(text)
        assert reason is None or b64decode(found) == value


def test_a_recorded_log_holds_what_was_decoded_and_why_the_rest_was_not(decoder, registry):
    broker = MemoryBroker()
    broker.ensure_channels({"orders": 1})
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"shop"),
        ("ce_type", b"OrderPlaced"),
        ("ce_time", b"2026-11-25T12:00:00Z"),
        ("content-type", b"application/avro"),
    ]
    sent = [
        (headers, framed(17, body())),
        (headers, framed(99, body())),
        ([], framed(17, body())),
        (headers, b'{"a": 1}'),
        (headers, b"oops"),
    ]
    broker.producer().send([Outgoing("orders", None, *one) for one in sent])
    for schemas in (registry.url, SchemaRegistry(registry.url)):
        frame = record(broker, ["orders"], schemas=schemas).sort_values("offset")
        undecoded = frame["undecoded"].tolist()
        assert frame["data"].tolist()[:1] + frame["data"].tolist()[2:4] == [
            PLACED_JSON,
            PLACED_JSON,
            {"a": 1},
        ]
        assert b64decode(frame["data"].iloc[1]) == framed(99, body())
        assert frame["data"].iloc[4] == "oops"
        assert undecoded[1] == f"the registry at {registry.url} has no schema 99"
        assert "no CloudEvents headers" in undecoded[2]
        assert "the payload is not JSON" in undecoded[4]
    without = record(broker, ["orders"]).sort_values("offset")
    assert "the payload is not JSON" in without["undecoded"].iloc[0]


def test_an_event_without_a_value_has_no_payload_and_is_decoded(decoder):
    event = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", b"T")]
    broker = MemoryBroker()
    broker.ensure_channels({"orders": 1})
    by_header = [*event, ("__value_schema_id", b"\1" + GUID.bytes)]
    broker.producer().send([Outgoing("orders", b"k", h, None) for h in (event, by_header)])
    for schemas in (None, decoder.schemas):
        found = record(broker, ["orders"], schemas=schemas)
        assert found["type"].tolist() == ["T", "T"]
        assert found["data"].tolist() == [None, None]
        assert found["undecoded"].isna().all()


def test_a_file_that_is_no_schema_is_in_nobodys_way_unless_a_name_is_missing(tmp_path):
    (tmp_path / "17.avsc").write_text(json.dumps(ORDER))
    (tmp_path / "18.avsc").write_text('{"type": "array", "items": "a.B"}')
    (tmp_path / "package.json").write_text("// no JSON")
    (tmp_path / "nameless.avsc").write_text('{"type": "record", "fields": []}')
    (tmp_path / "config.json").write_text('{"schema": "public"}')
    (tmp_path / "folder.json").mkdir()
    decoder = Decoder(SchemaFiles(tmp_path))
    assert json.loads(decoder.decode_one(framed(17, body()))) == PLACED_JSON
    reason = refused(decoder, framed(18, b"\0"))
    assert "it uses a type 'a.B' that neither it nor its references define; the schema in" in reason
    assert "can't be read (it is no JSON)" in reason


def test_the_same_as_confluents_own_serializer_writes(registry, avro):
    """With the whole of Confluent's client, whose registry is in memory."""
    pytest.importorskip("authlib")
    library = pytest.importorskip("confluent_kafka.schema_registry")
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.schema_registry.json_schema import JSONSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    client = library.SchemaRegistryClient.new_client({"url": "mock://"})
    written = AvroSerializer(client, json.dumps(ORDER))(
        PLACED, SerializationContext("orders", MessageField.VALUE)
    )
    registry.ids[int.from_bytes(written[1:5], "big")] = avro(ORDER)
    decoder = Decoder(SchemaRegistry(registry.url))
    assert json.loads(decoder.decode_one(written)) == PLACED_JSON

    schema = {"type": "object", "title": "Order"}
    written = JSONSerializer(json.dumps(schema), client)(
        {"a": [1, None]}, SerializationContext("bills", MessageField.VALUE)
    )
    answer = {"schema": json.dumps(schema), "schemaType": "JSON"}
    registry.ids[int.from_bytes(written[1:5], "big")] = answer
    assert json.loads(Decoder(SchemaRegistry(registry.url)).decode_one(written)) == {"a": [1, None]}

    headers = []
    context = SerializationContext("paid", MessageField.VALUE, headers)
    by_header = AvroSerializer(
        client,
        json.dumps(ORDER),
        conf={"schema.id.serializer": library.header_schema_id_serializer},
    )(PLACED, context)
    guid = UUID(bytes=headers[0][1][1:])
    registry.guids[str(guid)] = avro(ORDER)
    assert json.loads(decoder.decode_one(by_header, headers)) == PLACED_JSON

"""Events as messages of SNS and SQS: whole ones, broken ones, and those that others wrote."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.brokers import Outgoing
from workbench.brokers.aws.encoding import read, write
from workbench.brokers.aws.names import channel_of, group_queue, tap_queue, topic_name
from workbench.errors import BrokerError
from workbench.events import Envelope, from_kafka, to_kafka

EVENT = Envelope(
    id="7",
    source="shop",
    type="OrderPlaced",
    data=b'{"order_id":"o-1","total":"12.90","n":1.0}',
    time=datetime(2026, 11, 25, 9, 30, tzinfo=UTC),
    subject="o-1",
    correlationid="7",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    extensions={"tenant": "blue"},
)


def delivered(written, **more):
    """A message as SQS gives it, raw delivery on."""
    return {
        "MessageId": "m-1",
        "ReceiptHandle": "r-1",
        "Body": written.body,
        "Attributes": {"SentTimestamp": "1795600000123", "MessageGroupId": "o-1"},
        "MessageAttributes": written.attributes,
        **more,
    }


def through(outgoing):
    record = read(delivered(write(outgoing)), "elsewhere")
    return Outgoing(record.channel, record.key, record.headers, record.value)


def test_the_body_is_the_cloud_event_as_anybody_reads_it():
    written = write(Outgoing("orders", *to_kafka(EVENT)))
    body = json.loads(written.body)
    assert body.pop("time").startswith("2026-11-25T09:30:00")
    assert body == {
        "specversion": "1.0",
        "id": "7",
        "source": "shop",
        "type": "OrderPlaced",
        "subject": "o-1",
        "datacontenttype": "application/json",
        "correlationid": "7",
        "traceparent": EVENT.traceparent,
        "tenant": "blue",
        "data": {"order_id": "o-1", "total": "12.90", "n": 1.0},
    }
    assert written.attributes["type"]["StringValue"] == "OrderPlaced"
    assert len(written.attributes) == 2  # SNS drops a raw message that has more than ten


def test_an_event_comes_back_exactly_with_its_place_in_time():
    key, headers, value = to_kafka(EVENT)
    headers = [*headers, ("rt_turn", b"1"), ("dl_raw", b"\xff\x00"), ("dl_none", None)]
    record = read(delivered(write(Outgoing("orders", key, headers, value))), "elsewhere")
    assert (record.channel, record.key, record.headers, record.value) == (
        "orders",
        key,
        headers,
        value,
    )
    assert (record.time_ms, record.message_id) == (1795600000123, "m-1")
    assert from_kafka(record.headers, record.value) == EVENT


names = st.text(max_size=12) | st.sampled_from(
    ["ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time", "content-type", "ce_data", "ce_"]
)
texts = st.none() | st.binary(max_size=12) | st.sampled_from([b"1.0", b"x", b"application/json"])
CE = [("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", b"T"), ("ce_specversion", b"1.0")]
values = (
    st.none()
    | st.binary(max_size=40)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ).map(lambda data: json.dumps(data).encode())
)


@given(
    st.none() | st.binary(max_size=10),
    st.permutations(CE) | st.just([]),
    st.lists(st.tuples(names, texts), max_size=5),
    values,
)
def test_whatever_is_sent_comes_back_exactly(key, event, more, value):
    outgoing = Outgoing("größe.of", key, [*event, *more], value)
    assert through(outgoing) == outgoing


@pytest.mark.parametrize("value", [b"not json", b"\xff\x00", b"\x00", b"", None, b"null", b'"x"'])
def test_what_can_not_be_read_travels_too_and_passes_every_filter(value):
    poison = Outgoing("orders", b"o-1", [("ce_type", b"OrderPlaced"), ("odd", b"\xff")], value)
    assert through(poison) == poison
    assert "type" not in write(poison).attributes


def test_a_size_is_what_sns_counts():
    written = write(Outgoing("orders", b"k", [], b"x" * 1000))
    note = written.attributes["record"]["StringValue"]
    assert written.size() == 1000 + len(note) + len("record") + len("String")


# --- what others wrote -----------------------------------------------------------------------


def foreign(body, attributes=None, **more):
    message = {"MessageId": "m-1", "Body": body, "MessageAttributes": attributes or {}, **more}
    return read(message, "orders")


def test_plain_text_is_the_value_and_attributes_are_headers():
    record = foreign(
        "hello",
        {
            "shop": {"DataType": "String", "StringValue": "berlin"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\xff"},
        },
        Attributes={"MessageGroupId": "o-9", "SentTimestamp": "5"},
    )
    assert record.channel == "orders"
    assert (record.key, record.value, record.time_ms) == (b"o-9", b"hello", 5)
    assert record.headers == [("shop", b"berlin"), ("raw", b"\xff")]


def test_a_structured_cloud_event_of_others_is_one_here():
    body = {"specversion": "1.0", "id": "1", "source": "s", "type": "T", "data": {"n": 1}}
    record = foreign(json.dumps(body))
    envelope = from_kafka(record.headers, record.value)
    assert (envelope.id, envelope.type, envelope.payload()) == ("1", "T", {"n": 1})


def test_a_notification_that_sns_wrapped_is_unwrapped():
    written = write(Outgoing("orders", *to_kafka(EVENT)))
    wrapped = {
        "Type": "Notification",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:orders__eu.fifo",
        "Message": written.body,
        "MessageAttributes": {
            name: {"Type": "String", "Value": found["StringValue"]}
            for name, found in written.attributes.items()
        },
    }
    record = foreign(json.dumps(wrapped))
    assert record.channel == "orders"
    assert from_kafka(record.headers, record.value) == EVENT
    bare = {**wrapped, "Message": "hello", "MessageAttributes": None}
    record = foreign(json.dumps(bare))
    assert (record.channel, record.value) == ("orders.eu", b"hello")


NOTES = [
    "[]", "{}", "nonsense", '{"value":"data"}', '{"value":"data","channel":"c","headers":[1]}',
    '{"value":"data","channel":"c","headers":["ce_id"]}', '{"value":[],"channel":"c","headers":{}}',
    '{"value":"base64","channel":"c","headers":[]}', '{"value":"none","channel":"c","headers":[["a"]]}',
    '{"value":"text","channel":"c","headers":[],"key":{"x":1}}', "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note[:50])
@pytest.mark.parametrize(
    "body", ["-", "", "{}", "[1]", '"\\ud800"', '{"data_base64":7}', '{"Type":"Notification"}',
             '{"Type":"Notification","Message":"x","MessageAttributes":[]}', "[" * 100_000],
    ids=lambda body: body[:30],
)  # fmt: skip
def test_garbage_is_a_record_all_the_same(body, note):
    record = foreign(body, {"record": {"DataType": "String", "StringValue": note}})
    assert isinstance(record.value, bytes | None)
    assert all(isinstance(name, str) for name, _ in record.headers)


def test_a_message_with_nothing_in_it_is_a_record():
    assert read({}, "orders").value == b""
    assert read({"Body": "\ud800"}, "orders").value == b"?"


# --- names -----------------------------------------------------------------------------------


def test_a_channel_is_read_back_from_its_topic():
    assert topic_name("orders.dead-letters") == "orders__dead-letters.fifo"
    for channel in ("orders", "t1.orders_v2", "größe", "__", "a b/c", "_41", "🎈"):
        assert channel_of(topic_name(channel)) == channel


@given(st.text(min_size=1, max_size=20))
def test_every_name_is_read_back(channel):
    assert channel_of(topic_name(channel)) == channel


def test_topics_of_others_are_no_channels():
    for topic in ("orders", "my_topic.fifo", "_c3.fifo", "_C3.fifo", "_41.fifo", "_.fifo", ".fifo"):
        assert channel_of(topic) is None


def test_a_long_name_makes_a_queue_of_its_own_all_the_same():
    one, other = "x" * 200 + "1", "x" * 200 + "2"
    found = {group_queue(one), group_queue(other), tap_queue(one), tap_queue(other)}
    assert len(found) == 4
    assert {len(name) for name in found} == {80}
    with pytest.raises(BrokerError, match=r"^SNS can have no channel 'xxx.*its name must be"):
        topic_name("x" * 300)

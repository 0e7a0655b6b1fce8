"""A record as a RabbitMQ message and back, other clients' messages among them."""

from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties

from workbench.brokers import Outgoing
from workbench.brokers.rabbitmq.messages import (
    HEADER_BYTES,
    check_headers,
    routing_key,
    to_message,
    to_record,
)
from workbench.errors import EventRefusedError
from workbench.events import Envelope, from_kafka, to_kafka


def there_and_back(outgoing):
    """As a client reads it: what travels are the properties' bytes."""
    message = to_message(outgoing)
    read = BasicProperties().decode(b"".join(message.properties.encode()))
    return to_record(message.exchange, 7, read, message.body)


def read(headers=None, body=b"{}", **properties):
    return to_record("orders", 0, BasicProperties(headers=headers, **properties), body)


EVENT = Envelope(
    id="1",
    source="shop",
    type="OrderPlaced",
    data=b'{"n": 1}',
    time=datetime(2026, 11, 25, 12, tzinfo=UTC),
    subject="o-1",
    correlationid="c-1",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def test_an_event_is_what_the_cloudevents_sdk_reads():
    message = to_message(Outgoing("orders", *to_kafka(EVENT)))
    properties = message.properties
    sdk = RabbitMQMessage(properties.headers, properties.content_type, message.body)
    event = from_rabbitmq(sdk, JSONFormat())
    assert (event.get_id(), event.get_source(), event.get_type()) == ("1", "shop", "OrderPlaced")
    assert (event.get_time(), event.get_subject()) == (EVENT.time, "o-1")
    assert event.get_extension("correlationid") == "c-1"
    assert event.get_data() == {"n": 1}


def test_what_the_cloudevents_sdk_wrote_is_an_event():
    attributes = {"id": "1", "source": "shop", "type": "OrderPlaced", "datacontenttype": "text/x"}
    sdk = to_binary(CloudEvent(attributes, "żółć"), JSONFormat())
    record = read(sdk.headers, sdk.body, content_type=sdk.content_type)
    event = from_kafka(record.headers, record.value)
    assert (event.id, event.type, event.datacontenttype) == ("1", "OrderPlaced", "text/x")
    assert event.data == sdk.body


def test_an_event_is_read_as_it_was_written():
    key, headers, value = to_kafka(EVENT)
    record = there_and_back(Outgoing("orders", key, headers, value))
    assert from_kafka(record.headers, record.value) == EVENT
    assert (record.key, record.offset, record.partition) == (b"o-1", 7, 0)


names = st.text(max_size=300) | st.sampled_from(
    ["ce_id", "ce-id", "ce_", "content-type", "wb-key", "wb-null", "wb-headers", "x-death", "twice"]
)
values = st.none() | st.binary(max_size=40) | st.sampled_from([b"", b"text", b"\xff"])


@given(
    st.lists(st.tuples(names, values), max_size=6),
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=20),
)
def test_whatever_a_record_holds_comes_back(headers, key, value):
    record = there_and_back(Outgoing("orders", key, headers, value))
    assert (record.key, record.value) == (key, value)
    plain = [header for header in headers if header[0] != "content-type"]
    assert [header for header in record.headers if header[0] != "content-type"] == plain
    assert sorted(map(repr, record.headers)) == sorted(map(repr, headers))


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(names.filter(lambda name: len(name.encode()) < 256), anything, max_size=5),
    st.binary(max_size=20),
)
def test_whatever_another_client_publishes_is_a_record(headers, body):
    record = read(headers, body)
    assert record.value == (None if headers.get("wb-null") and not body else body)
    assert record.message_id
    assert all(text is None or isinstance(text, bytes) for _, text in record.headers)


def test_what_another_client_left_out_is_made_up_or_not_said():
    bare = to_record("orders", 0, BasicProperties(), b"x")
    assert (bare.headers, bare.key, bare.time_ms) == ([], None, -1)
    assert bare.message_id != to_record("orders", 0, BasicProperties(), b"x").message_id
    dated = read(timestamp=1_700_000_000, message_id="m-1")
    assert (dated.time_ms, dated.message_id) == (1_700_000_000_000, "m-1")


def test_what_another_client_says_in_headers_of_ours_changes_no_channel_and_ends_nothing():
    assert read({"wb-channel": "other"}).channel == "orders"
    assert (
        to_record("", 0, BasicProperties(headers={"wb-channel": "other"}), b"").channel == "other"
    )
    assert read({"wb-headers": "[" * 2_000, "a": "b"}).headers == [("a", b"b")]


def test_a_message_says_each_header_as_other_clients_would_expect_it():
    message = to_message(
        Outgoing("orders", b"o-1", [("ce_type", b"A"), ("rt_due", b"now"), ("raw", b"\xff")], b"")
    )
    assert {"ce-type": "A", "rt_due": "now", "raw": b"\xff"}.items() <= (
        message.properties.headers.items()
    )
    assert "wb-headers" not in message.properties.headers  # only where it is needed


@pytest.mark.parametrize(
    ("event_type", "key"),
    [
        (b"OrderPlaced", "OrderPlaced"),
        ("Größe".encode(), "Größe"),
        (b"", "?"),
        (b"\xff", "?"),
        (b"x" * 256, "?"),
    ],
)
def test_the_routing_key_is_the_event_type_or_a_question_mark(event_type, key):
    assert routing_key(event_type) == key


def test_headers_larger_than_a_frame_are_refused():
    with pytest.raises(EventRefusedError, match=r"too large for RabbitMQ: 100,004 bytes of at mo"):
        to_message(Outgoing("orders", None, [("note", b"x" * HEADER_BYTES)], b""))


def test_an_event_whose_headers_leave_no_room_for_a_reason_is_refused_before_it_is_kept():
    small, large = (Outgoing("orders", b"k" * n, [], b"v" * 900_000) for n in (20_000, 70_000))
    check_headers(small, "the effect")
    with pytest.raises(
        EventRefusedError, match=r"^the effect is too large for RabbitMQ: its key an"
    ):
        check_headers(large, "the effect")

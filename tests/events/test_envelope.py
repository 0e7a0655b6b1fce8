"""The envelope on its way through Kafka, and as others read and write it."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary, to_structured
from cloudevents.core.bindings.kafka import from_kafka as sdk_reads
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import EventError
from workbench.events import (
    DeadLetter,
    Envelope,
    EventType,
    child_traceparent,
    effect_id,
    from_kafka,
    new_traceparent,
    to_kafka,
)
from workbench.events.notes import NOTE_BYTES

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
PLACED = EventType(
    "OrderPlaced",
    {
        "type": "object",
        "properties": {"order_id": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["order_id"],
    },
    key="order_id",
)
RESERVED = EventType("StockReserved", {"properties": {"sku": {"type": "integer"}}}, 3, "sku")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER_TRACE = "00-11111111111111111111111111111111-b7ad6b7169203331-01"


def first(**settings):
    return Envelope.first(PLACED, {"order_id": "o-1", "n": 2}, source="shop", time=NOON, **settings)


def headers(**changes):
    """The headers of a good event; ``None`` leaves one out."""
    found = {
        "ce_specversion": b"1.0",
        "ce_id": b"7",
        "ce_source": b"shop",
        "ce_type": b"OrderPlaced",
        "content-type": b"application/json",
    }
    found |= changes
    return [(name, text) for name, text in found.items() if text is not None]


def test_a_first_event_names_its_flow_after_itself():
    envelope = first()
    assert envelope.correlationid == envelope.id
    assert envelope.causationid is None
    assert (envelope.subject, envelope.type, envelope.source) == ("o-1", "OrderPlaced", "shop")
    assert envelope.dataschema == "urn:event:OrderPlaced:1"
    assert envelope.payload() == {"order_id": "o-1", "n": 2}
    assert first().id != envelope.id
    assert first(correlationid="flow-9", id="x").correlationid == "flow-9"


def test_an_effect_has_a_derived_id_and_stays_in_the_flow():
    cause = first(correlationid="flow-9")
    effect = cause.effect(
        RESERVED, {"sku": 3.0}, service="inventory", reaction="reserve", place=1, time=NOON
    )
    assert effect.id == effect_id("shop", cause.id, "inventory", "reserve", 1)
    assert (effect.source, effect.subject) == ("inventory", "3")
    assert (effect.correlationid, effect.causationid) == ("flow-9", cause.id)
    assert effect.dataschema == "urn:event:StockReserved:3"
    assert effect.traceparent == child_traceparent(cause.traceparent, effect.id)


def test_an_effect_of_an_event_without_a_flow_begins_one_named_after_its_cause():
    cause = Envelope("7", "elsewhere", "OrderPlaced", b"{}")
    effect = cause.effect(RESERVED, {}, service="s", reaction="r", place=0, time=NOON)
    assert (effect.correlationid, effect.subject) == ("7", None)


def test_what_is_written_is_read_back_as_it_was():
    envelope = first(traceparent=TRACE)
    key, found, value = to_kafka(envelope)
    assert key == b"o-1"
    assert from_kafka(found, value) == envelope


def test_extensions_keyless_events_and_bytes_that_are_no_json_round_trip():
    envelope = Envelope("7", "shop", "OrderPlaced", b"\xff\x00", extensions={"tenant": "zoo"})
    key, found, value = to_kafka(envelope)
    assert key is None
    again = from_kafka(found, value)
    assert (again.data, again.extensions, again.time) == (b"\xff\x00", {"tenant": "zoo"}, None)


safe = st.text('aZ7 /:%+="é😀\u0301', min_size=1, max_size=12)


@given(safe, safe, safe, st.none() | safe, st.none() | safe, st.binary(max_size=30))
def test_any_text_in_an_attribute_round_trips(id_, source, kind, flow, subject, data):
    envelope = Envelope(
        id_, source, kind, data, time=NOON, correlationid=flow, causationid=flow, subject=subject
    )
    _, found, value = to_kafka(envelope)
    assert from_kafka(found, value) == envelope


def test_times_are_read_as_utc_whatever_their_offset():
    two = timezone(timedelta(hours=2))
    _, found, value = to_kafka(Envelope("7", "s", "T", b"{}", time=NOON.astimezone(two)))
    again = from_kafka(found, value)
    assert again.time == NOON
    assert again.time.utcoffset() == timedelta(0)


def test_a_time_without_an_offset_is_refused_when_writing():
    with pytest.raises(EventError, match=r"^event '7' is not a CloudEvent: .*time"):
        to_kafka(Envelope("7", "s", "T", b"{}", time=datetime(2026, 1, 1)))  # noqa: DTZ001


# --- with the CloudEvents SDK ----------------------------------------------------------------


def test_the_sdk_reads_what_is_produced_here():
    envelope = first(traceparent=TRACE)
    key, found, value = to_kafka(envelope)
    event = sdk_reads(KafkaMessage(dict(found), key, value), JSONFormat(), CloudEvent)
    assert event.get_data() == {"order_id": "o-1", "n": 2}
    assert event.get_time() == NOON
    attributes = event.get_attributes()
    for name in ("id", "source", "type", "subject", "dataschema", "correlationid", "traceparent"):
        assert attributes[name] == getattr(envelope, name)


def sdk_event():
    return CloudEvent(
        {
            "id": "7",
            "source": "/shop/é",
            "type": "OrderPlaced",
            "subject": "o-1",
            "time": NOON,
            "dataschema": "urn:event:OrderPlaced:1",
            "correlationid": "flow-9",
            "causationid": "6",
            "traceparent": TRACE,
            "tenant": "zoo",
        },
        {"order_id": "o-1", "price": "1.10", "é": ["😀", None, 2**60]},
    )


@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_what_the_sdk_writes_is_read_here(write):
    message = write(sdk_event(), JSONFormat())
    envelope = from_kafka(list(message.headers.items()), message.value)
    assert envelope.payload() == {"order_id": "o-1", "price": "1.10", "é": ["😀", None, 2**60]}
    assert envelope.time == NOON
    assert (envelope.id, envelope.source, envelope.subject) == ("7", "/shop/é", "o-1")
    assert (envelope.correlationid, envelope.causationid) == ("flow-9", "6")
    assert envelope.traceparent == TRACE
    assert envelope.extensions == {"tenant": "zoo"}


def test_the_plain_traceparent_wins_over_the_one_of_cloudevents():
    found = headers(ce_traceparent=OTHER_TRACE.encode(), traceparent=TRACE.encode())
    assert from_kafka(found, b"{}").traceparent == TRACE
    assert (
        from_kafka(headers(ce_traceparent=OTHER_TRACE.encode()), b"{}").traceparent == OTHER_TRACE
    )


def test_both_traceparents_are_written():
    envelope = first()
    _, found, _ = to_kafka(envelope)
    assert (
        dict(found)["traceparent"] == dict(found)["ce_traceparent"] == envelope.traceparent.encode()
    )


def test_header_names_are_read_in_any_case():
    found = [(name.upper(), text) for name, text in headers()]
    assert from_kafka(found, b"{}").id == "7"


def test_other_headers_and_null_ones_are_passed_over():
    found = [*headers(), ("x-request", b"\xff"), ("ce_subject", None), ("nothing", None)]
    envelope = from_kafka(found, b"{}")
    assert (envelope.subject, envelope.extensions) == (None, {})


# --- what is no event ------------------------------------------------------------------------


def structured(**changes):
    event = {"specversion": "1.0", "id": "7", "source": "s", "type": "T", "data": {}} | changes
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


STRUCTURED = [("content-type", b"application/cloudevents+json")]


def test_a_structured_event_is_read():
    envelope = from_kafka(STRUCTURED, structured(data={"a": 1}))
    assert (envelope.id, envelope.payload(), envelope.time) == ("7", {"a": 1}, None)


@pytest.mark.parametrize(
    ("found", "value", "expected"),
    [
        ([], b"{}", "the record has no CloudEvents headers"),
        ([("content-type", b"application/json")], b"{}", "the record has no CloudEvents headers"),
        (headers(ce_id=None), b"{}", "the record is not a CloudEvent: .*'id'"),
        (headers(ce_source=None), b"{}", "the record is not a CloudEvent: .*'source'"),
        (headers(ce_type=None), b"{}", "the record is not a CloudEvent: .*'type'"),
        (headers(ce_id=b""), b"{}", "the record is not a CloudEvent: "),
        (headers(ce_id=b"\xff\xfe"), b"{}", "the record is not a CloudEvent: .*utf-8"),
        (headers(ce_time=b"yesterday"), b"{}", "the record is not a CloudEvent: "),
        (headers(ce_time=b"2026-13-45T00:00:00Z"), b"{}", "the record is not a CloudEvent: "),
        (headers(ce_time=b"0001-01-01T00:00:00+14:00"), b"{}", "the record is not a CloudEvent: "),
        (headers(ce_specversion=b"9.9"), b"{}", "the record is not a CloudEvent: "),
        (STRUCTURED, b"", "the payload is not JSON"),
        (STRUCTURED, b"\xff", "the payload is not JSON"),
        (STRUCTURED, b"[]", "the record is not a CloudEvent: "),
        (STRUCTURED, b"7", "the record is not a CloudEvent: "),
        (STRUCTURED, b"null", "the record is not a CloudEvent: "),
        (STRUCTURED, structured(id=None), "the record is not a CloudEvent: .*'id'"),
        (STRUCTURED, structured(time="soon"), "the record is not a CloudEvent: "),
        (STRUCTURED, structured(id=7), "the record is not a CloudEvent: "),
    ],
)
def test_a_record_that_is_no_event_says_why(found, value, expected):
    with pytest.raises(EventError, match=f"^{expected}"):
        from_kafka(found, value)


def test_an_id_is_never_invented():
    # The SDK makes one up, another one at every delivery: duplicates would pass for new events.
    for found, value in ((headers(ce_id=None), b"{}"), (STRUCTURED, structured(id=None))):
        with pytest.raises(EventError, match="'id' is missing"):
            from_kafka(found, value)


NAMES = st.sampled_from(
    ["ce_id", "ce_source", "ce_type", "ce_time", "ce_specversion", "ce_subject", "ce_dataschema",
     "ce_datacontenttype", "ce_correlationid", "ce_traceparent", "ce_x", "ce_", "content-type",
     "traceparent", "dl_service", "other", ""]
)  # fmt: skip
TEXTS = st.binary(max_size=12) | st.sampled_from(
    [b"1.0", b"7", b"2026-01-01T00:00:00Z", b"0001-01-01T00:00:00+14:00", b"application/json",
     b"application/cloudevents+json", b"application/cloudevents-batch+json", b"%zz", b"text/plain"]
)  # fmt: skip
VALUES = st.none() | st.binary(max_size=30) | st.sampled_from([b"[]", b'{"id":1}', b'{"id":{}}'])
GOOD = headers()


@given(st.lists(st.tuples(NAMES, st.none() | TEXTS), max_size=8), VALUES, st.booleans())
def test_whatever_a_record_holds_it_is_an_event_or_an_event_error(some, value, good):
    try:
        envelope = from_kafka([*GOOD, *some] if good else some, value)
    except EventError:
        return
    assert all(isinstance(text, str) for text in (envelope.id, envelope.source, envelope.type))
    assert isinstance(envelope.data, bytes)


PARTS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text("7aé", max_size=5)
    | st.just({})
    | st.just([1])
)


@given(st.dictionaries(st.sampled_from(
    ["id", "source", "type", "time", "data", "data_base64", "subject", "correlationid", "specversion",
     "datacontenttype", "dataschema", "x"]), PARTS), st.booleans())  # fmt: skip
def test_whatever_a_structured_event_holds_it_is_an_event_or_an_event_error(parts, good):
    base = {"specversion": "1.0", "id": "7", "source": "s", "type": "T"} if good else {}
    try:
        envelope = from_kafka(STRUCTURED, json.dumps(base | parts).encode())
    except EventError:
        return
    try:
        _, found, value = to_kafka(envelope)
    except EventError:
        return  # an extension's name that can't be a header's, say
    assert from_kafka(found, value) == envelope


@pytest.mark.parametrize(
    ("given", "text"), [(True, "true"), (False, "false"), (7, "7"), ("x", "x")]
)
def test_attributes_that_are_no_texts_are_written_as_cloudevents_has_them(given, text):
    envelope = from_kafka(STRUCTURED, structured(correlationid=given, tenant=given))
    assert (envelope.correlationid, envelope.extensions) == (text, {"tenant": text})


# --- dead letters ----------------------------------------------------------------------------

LETTER = DeadLetter(
    service="billing",
    reaction="charge",
    channel="ns.inventory",
    partition=2,
    offset=2**40,
    error_type="ValueError",
    error_message="não é possível\nzweite Zeile",
    attempts=4,
    first_failure=NOON,
    last_failure=NOON + timedelta(seconds=3),
    traceback="Traceback …",
)


def test_a_dead_letter_round_trips_through_headers():
    assert DeadLetter.from_headers(LETTER.headers()) == LETTER
    assert DeadLetter.from_headers([*headers(), ("x", None), *LETTER.headers()]) == LETTER


def test_long_texts_of_a_dead_letter_are_shortened_in_the_middle():
    from dataclasses import replace

    long = replace(LETTER, traceback="begin" + "x" * 1_000_000 + "end")
    again = DeadLetter.from_headers(long.headers())
    assert len(again.traceback) < 8_100
    assert again.traceback.startswith("begin")
    assert again.traceback.endswith("end")


@pytest.mark.parametrize("letter", ["x", "é", "\x01", "\U0001f30d", "\ud800"])
def test_a_letter_of_long_texts_is_no_larger_than_what_is_kept_free_for_it(letter):
    from dataclasses import replace

    text = letter * 300_000
    long = replace(LETTER, error_type=text, error_message=text, frame=text, traceback=text)
    written = [[name, value.decode()] for name, value in long.headers()]
    assert len(json.dumps(written)) <= NOTE_BYTES


@pytest.mark.parametrize(
    "change",
    [
        {"dl_partition": b"two"},
        {"dl_first_failure": b"soon"},
        {"dl_first_failure": b"0001-01-01T00:00:00+14:00"},
        {"dl_offset": None},
        {"dl_attempts": b"\xff"},
    ],
)
def test_headers_that_are_no_dead_letters_are_none(change):
    assert DeadLetter.from_headers(list((dict(LETTER.headers()) | change).items())) is None
    assert DeadLetter.from_headers([]) is None
    assert DeadLetter.from_headers(headers()) is None


def test_a_new_trace_is_made_for_a_first_event():
    assert first().traceparent != first().traceparent
    assert len(new_traceparent()) == 55

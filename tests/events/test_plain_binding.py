"""The short way to and from Kafka gives what the CloudEvents SDK gives, or leaves it to the SDK."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import EventError
from workbench.events import Envelope, binding, from_kafka, to_kafka
from workbench.events.plain_binding import read_plain, write_plain
from workbench.events.trail import Trail

TEXT = st.text(max_size=12) | st.sampled_from(["é", "a b", "%41", "\ud800", "\x00", ""])
MAYBE = st.none() | TEXT
TIMES = st.none() | st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]) | st.none()
)
ENVELOPES = st.builds(
    Envelope,
    id=TEXT,
    source=TEXT,
    type=TEXT,
    data=st.binary(max_size=8),
    time=TIMES,
    subject=MAYBE,
    dataschema=MAYBE,
    correlationid=MAYBE,
    causationid=MAYBE,
    traceparent=MAYBE,
    datacontenttype=TEXT,
    extensions=st.dictionaries(st.sampled_from(["a", "compensations"]), TEXT, max_size=2),
)
NAMES = st.sampled_from(
    [
        "ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time", "ce_subject", "content-type",
        "traceparent", "ce_traceparent", "CE_ID", "ce_", "ce_data", "ce_x", "other",
        "ce_compensations",
    ]
)  # fmt: skip
VALUES = st.none() | st.binary(max_size=6) | st.sampled_from(
    [
        b"1.0", b"1", b"", b"x", b"2026-11-25T01:02:03Z", b"2026-11-25T24:00:00Z", b"2026-11-25",
        b"2026-11-25T01:02:03.123456789Z", b"2026-11-25T01:02:03+99:99", b"0001-01-01T00:00:00+14:00",
        b"2026-02-30T00:00:00Z", "\uff12\uff10\uff12\uff16-11-25T01:02:03Z".encode(), b"application/json",
    ]
)  # fmt: skip
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(
    lambda more: [("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", b"T"), *more]
)


def outcome(act, *args):
    """What comes out, or the kind of error."""
    try:
        return act(*args)
    except (EventError, UnicodeEncodeError) as error:
        return type(error)


def by_the_sdk(monkeypatch, act, *args):
    with monkeypatch.context() as patch:
        patch.setattr(binding, "write_plain", lambda envelope: None)
        patch.setattr(binding, "read_plain", lambda headers, value: None)
        return outcome(act, *args)


@given(envelope=ENVELOPES)
def test_what_is_written_is_what_the_sdk_writes(monkeypatch, envelope):
    plain, sdk = outcome(to_kafka, envelope), by_the_sdk(monkeypatch, to_kafka, envelope)
    assert plain == sdk


@given(headers=HEADERS, value=st.none() | st.binary(max_size=4))
def test_what_is_read_is_what_the_sdk_reads(monkeypatch, headers, value):
    for given_ in (headers, [*headers, ("ce_specversion", b"1.0")]):
        plain = outcome(from_kafka, given_, value)
        assert plain == by_the_sdk(monkeypatch, from_kafka, given_, value)


@given(envelope=ENVELOPES)
def test_what_was_written_is_read_alike_by_both(monkeypatch, envelope):
    written = outcome(to_kafka, envelope)
    if isinstance(written, tuple):
        _, headers, value = written
        plain = outcome(from_kafka, headers, value)
        assert plain == by_the_sdk(monkeypatch, from_kafka, headers, value)


@pytest.mark.parametrize("extensions", [{}, Trail(undone="1").written()])
def test_the_workbenchs_own_events_take_the_short_way(extensions):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    own = Envelope(
        "1", "billing", "PaymentReceived", b"{}", datetime(2026, 11, 25, tzinfo=UTC), "o-1",
        "urn:event:PaymentReceived:1", "flow", "0", trace,
        extensions=extensions,
    )  # fmt: skip
    headers = write_plain(own)
    assert headers is not None
    assert read_plain(dict(headers), b"{}") == own


@pytest.mark.parametrize("extra", [{"extensions": {"redriveof": "0"}}, {"time": None}])
def test_the_unusual_goes_to_the_sdk(extra):
    assert (
        write_plain(Envelope("1", "s", "T", b"", **({"time": datetime.now(UTC)} | extra))) is None
    )

"""The trail that an event carries: what was written is read, and nothing else is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import EventError, HandlerError
from workbench.events import Envelope, Trail, from_kafka, to_kafka
from workbench.events.trail import EXTENSION, LONGEST_TRAIL, NO_TRAIL, Done

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TRAILS = st.builds(
    Trail,
    done=st.lists(st.builds(Done, TEXT, TEXT, TEXT), max_size=5).map(tuple),
    failed=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    undone=st.none() | st.text("0123456789abcdef-", min_size=1, max_size=36),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["done", "failed", "undone", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def carrying(text):
    return Envelope("1", "billing", "PaymentCharged", b"{}", extensions={EXTENSION: text})


@given(trail=TRAILS)
def test_what_is_written_is_read(trail):
    event = Envelope("1", "billing", "PaymentCharged", b"{}", extensions=trail.written())
    _, headers, value = to_kafka(event)
    assert Trail.of(from_kafka(headers, value)) == trail


def test_an_event_without_one_has_an_empty_trail():
    assert Trail.of(Envelope("1", "s", "T", b"")) is NO_TRAIL
    assert NO_TRAIL.written() == {}


@given(text=st.text(max_size=30) | JSON.map(json.dumps))
def test_whatever_else_is_there_is_a_trail_or_an_error_that_says_so(text):
    try:
        found = Trail.of(carrying(text))
    except EventError:
        with pytest.raises(EventError, match=r"^the extension 'compensations' can't be read: "):
            Trail.of(carrying(text))
    else:
        assert all(isinstance(text, str) for done in found.done for text in done)
        assert all(isinstance(text, str) for failure in found.failed for text in failure)


def test_what_is_too_long_is_neither_read_nor_written():
    long = Trail(done=tuple(Done("s", "r", f"{n:036}") for n in range(1000)))
    with pytest.raises(
        HandlerError, match="has done 1000 steps that have a compensation, one after"
    ):
        long.written()
    with pytest.raises(EventError, match=r"it is longer than 16,000 bytes\.$"):
        Trail.of(carrying("x" * (LONGEST_TRAIL + 1)))

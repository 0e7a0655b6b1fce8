"""What a ``traceparent`` says, and the ids that are derived."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.events import TraceContext, child_traceparent, new_traceparent
from workbench.events.trace import (
    creation_span,
    derived_span,
    derived_trace,
    is_usual,
    sampled_context,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
BEGUN = f"00-{TRACE}-{SPAN}-01"


def test_a_traceparent_is_read_and_written_as_it_was():
    assert TraceContext.parse(BEGUN) == (TRACE, SPAN, "01")
    assert str(TraceContext.parse(BEGUN)) == BEGUN


@pytest.mark.parametrize(
    ("flags", "sampled", "handed_on"),
    [("00", False, "00"), ("01", True, "01"), ("03", True, "03"), ("ff", True, "03")],
)
def test_flags_that_nobody_knows_are_not_handed_on(flags, sampled, handed_on):
    context = TraceContext.parse(f"{BEGUN[:-2]}{flags}")
    assert context.is_sampled == sampled
    assert context.flags == handed_on
    assert child_traceparent(f"{BEGUN[:-2]}{flags}", "e-1")[-2:] == handed_on
    assert (sampled_context(f"{BEGUN[:-2]}{flags}") is not None) == sampled


def test_a_later_version_is_read_as_far_as_it_is_known():
    assert TraceContext.parse(f"cc{BEGUN[2:]}-what-else") == (TRACE, SPAN, "01")
    assert not is_usual(f"cc{BEGUN[2:]}-what-else")


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        "",
        BEGUN.upper(),
        f"{BEGUN}-more",
        f"ff{BEGUN[2:]}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f" {BEGUN}",
        f"{BEGUN}\n",
    ],
)
def test_what_is_malformed_says_nothing(malformed):
    assert TraceContext.parse(malformed) is None
    assert sampled_context(malformed) is None
    assert not is_usual(malformed)


@given(st.text(max_size=60))
def test_no_text_breaks_it(text):
    context = TraceContext.parse(text)
    assert context is None or TraceContext.parse(str(context)) == context


def test_the_span_of_an_effect_is_its_creation():
    assert child_traceparent(BEGUN, "e-1") == f"00-{TRACE}-{creation_span('e-1')}-01"


@given(st.lists(st.text(max_size=3), min_size=2, max_size=4), st.data())
def test_names_never_run_into_each_other(names, data):
    other = data.draw(st.lists(st.text(max_size=3), min_size=2, max_size=4))
    assert (derived_span(*names) == derived_span(*other)) == (names == other)


def test_a_derived_trace_is_whole_and_always_the_same():
    trace = derived_trace("shop", "e-1")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", str(trace))
    assert trace == derived_trace("shop", "e-1") != derived_trace("shop", "e-2")
    assert str(trace.sampled(False)) == f"{str(trace)[:-2]}00"


def test_new_traces_are_sampled_or_not():
    assert TraceContext.parse(new_traceparent()).is_sampled
    assert not TraceContext.parse(new_traceparent(sampled=False)).is_sampled

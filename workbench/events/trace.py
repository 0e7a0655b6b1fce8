"""W3C trace context (https://www.w3.org/TR/trace-context/): the ``traceparent`` text.

A trace is one flow as tracing tools see it; a span is one step in it. The span that an event's
``traceparent`` names is the event's creation. Its id is derived from the event's, so that an
effect sent again is the same span.
"""

from __future__ import annotations

import hashlib
import random
import re
from typing import NamedTuple
from uuid import UUID

from workbench.events.identity import derived_uuid

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_USUAL = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-(0[0-3])").fullmatch
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_SPANS = UUID("b7d5c0de-1a57-5c3e-9f6f-2a4e8c1d0b99").bytes
_SET = "13579bdf"
"""How flags end that say that a trace is sampled."""
_KNOWN_FLAGS = 0b11
"""Sampled, and that the trace id is random: no others are handed on."""
_random = random.SystemRandom()


class TraceContext(NamedTuple):
    """A span, by its trace and its own id (hexadecimal), and the flags handed on with it."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @property
    def is_sampled(self) -> bool:
        """Whether spans of this trace are recorded."""
        return self.flags[-1] in _SET

    def sampled(self, sampled: bool) -> TraceContext:  # noqa: FBT001 - it is all there is to say
        """The same, sampled or not."""
        return self._replace(flags="01" if sampled else "00")

    @classmethod
    def parse(cls, traceparent: str | None) -> TraceContext | None:
        """What a ``traceparent`` says; ``None`` if it is missing or malformed.

        A later version of it is read as far as this one goes, as the standard asks.
        """
        if usual := _USUAL(traceparent or ""):
            return cls(*usual.groups())
        match = _TRACEPARENT.fullmatch(traceparent or "")
        if match is None:
            return None
        version, trace_id, span_id, flags, more = match.groups()
        if version == "ff" or (version == "00" and more):
            return None
        if trace_id == _NO_TRACE or span_id == _NO_SPAN:
            return None
        return cls(trace_id, span_id, f"{int(flags, 16) & _KNOWN_FLAGS:02x}")

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def is_usual(traceparent: str | None) -> bool:
    """Whether a ``traceparent`` is as one writes it today; what is not may still be read."""
    return traceparent is not None and _USUAL(traceparent) is not None


def sampled_context(traceparent: str | None) -> TraceContext | None:
    """What a ``traceparent`` says, if it says that its trace is sampled."""
    if not traceparent or traceparent[-1] not in _SET:
        return None
    return TraceContext.parse(traceparent)


def new_trace(*, sampled: bool = True) -> TraceContext:
    """The start of a new trace."""
    return TraceContext(
        f"{_random.getrandbits(128):032x}",
        f"{_random.getrandbits(64):016x}",
        "01" if sampled else "00",
    )


def new_traceparent(*, sampled: bool = True) -> str:
    """The start of a new trace, as text."""
    return str(new_trace(sampled=sampled))


def trace_id(traceparent: str | None) -> str | None:
    """The trace that an event belongs to, 32 hexadecimal digits; ``None`` if it names none.

    A look at its form, and no more: it is asked of every event.
    """
    if traceparent is None or len(traceparent) != 55 or traceparent[35] != "-":
        return None
    return traceparent[3:35]


def child_traceparent(parent: str | None, event_id: str) -> str:
    """The trace context of an effect: its cause's trace, and a span of its own.

    A missing or malformed parent starts a new trace, derived from the event's id in the same way
    as its span.
    """
    found = TraceContext.parse(parent) or derived_trace("", event_id)
    return f"00-{found.trace_id}-{creation_span(event_id)}-{found.flags}"


def creation_span(event_id: str) -> str:
    """The id of the span in which an effect is created."""
    return derived_uuid(_SPANS, event_id).replace("-", "")[:16]


def derived_span(*names: str) -> str:
    """The id of a span that is told apart by names: the same whenever it is derived."""
    return _digest("span", names)[:16]


def derived_trace(source: str, event_id: str) -> TraceContext:
    """A trace for an event that came without one: the same for whoever derives it."""
    digest = _digest("trace", (source, event_id))
    return TraceContext(digest[:32], digest[32:48])


def _digest(what: str, names: tuple[str, ...]) -> str:
    text = "".join(f"{len(name)}:{name}" for name in (what, *names))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

"""W3C trace context (https://www.w3.org/TR/trace-context/): the ``traceparent`` text."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

from workbench.events.identity import derived_uuid

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_SPANS = UUID("b7d5c0de-1a57-5c3e-9f6f-2a4e8c1d0b99").bytes


def new_traceparent() -> str:
    """The start of a new, sampled trace."""
    return f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"


def trace_id(traceparent: str | None) -> str | None:
    """The trace that an event belongs to, 32 hexadecimal digits; ``None`` if it names none.

    A look at its form, and no more: it is asked of every event.
    """
    if traceparent is None or len(traceparent) != 55 or traceparent[35] != "-":
        return None
    return traceparent[3:35]


def child_traceparent(parent: str | None, event_id: str) -> str:
    """The trace context of an effect: its cause's trace, and a span of its own.

    The span id is derived from the effect's id, so that an effect sent again is the same
    span. A missing or malformed parent starts a new trace, derived in the same way.
    """
    span = derived_uuid(_SPANS, event_id).replace("-", "")
    match = _TRACEPARENT.fullmatch(parent or "")
    if match is None or match[1] == _NO_TRACE or match[2] == _NO_SPAN:
        return f"00-{span}-{span[16:]}-01"
    return f"00-{match[1]}-{span[:16]}-{match[3]}"

"""The header by which traces go from service to service (W3C Trace Context, section 3.2)."""

from __future__ import annotations

import re
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

_TRACEPARENT: Final = r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$"
"""Version, trace, the span that sent it, flags."""

_LONG: Final = 55


def trace_id(value: Any) -> Any:
    """The trace that a ``traceparent`` names; any other value as it is."""
    if not isinstance(value, str) or len(value) != _LONG:
        return value
    return re.sub(_TRACEPARENT, r"\1", value)


def trace_ids(texts: pa.Array) -> pa.Array:
    """The traces that ``traceparent`` headers name; other text as it is."""
    if not pc.any(pc.equal(pc.binary_length(texts), _LONG)).as_py():
        return texts
    return pc.replace_substring_regex(texts, pattern=_TRACEPARENT, replacement=r"\1")

"""UUIDs as ids: upper and lower case are the same (RFC 9562, section 4), and so are braces and none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

UUID: Final = re.compile(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_MOST: Final = 0.9
"""The share of ids that must be UUIDs."""


def is_any_case(ids: Iterable[Any]) -> bool:
    """Whether ids are UUIDs of which some are written in another way than others."""
    there = [value for value in ids if isinstance(value, str) and value]
    uuids = [value for value in there if UUID.fullmatch(value)]
    if not uuids or len(uuids) < _MOST * len(there):
        return False
    plain = [value.strip("{}") for value in uuids]
    lower = any(value != value.upper() for value in plain)
    upper = any(value != value.lower() for value in plain)
    return (lower and upper) or len({value[0] == "{" for value in uuids}) > 1


def plain_uuids(texts: pa.Array) -> pa.Array:
    """UUIDs in lower case and without braces; other text as it is."""
    is_uuid = pc.match_substring_regex(texts, f"^{UUID.pattern}$")
    return pc.if_else(is_uuid, pc.utf8_lower(pc.utf8_trim(texts, "{}")), texts)

"""Times that are written as objects, as lists or in a wrapping, as plain counts and text.

``{"seconds": 1795707245, "nanos": 773000000}`` is Protobuf's (google.protobuf.Timestamp), and under
other names Firestore's and ``java.time.Instant``'s; ``[2026, 11, 26, 15, 34, 5, 773000000]`` is what
Jackson makes of a ``java.time.LocalDateTime``; ``{"$date": {"$numberLong": "1795707245773"}}`` is
MongoDB's Extended JSON, ``/Date(1795707245773)/`` Microsoft's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_SECONDS: Final = frozenset(["seconds", "epochsecond", "epochseconds"])
_NANOS: Final = frozenset(["nanos", "nano", "nanoseconds"])
_FIRST: Final = 100_000_000
"""Seconds since 1970 from which a number of them is a time, and below which a length of it."""
_YEARS: Final = range(1970, 2100)
_LEAST: Final = (1, 1, 0, 0, 0, 0)
_MOST: Final = (12, 31, 23, 59, 60, 999_999_999)
"""What may stand behind the year: month, day, hour, minute, second, nanosecond."""
MICROSOFT: Final = r"^\\?/Date\((-?\d+)([+-]\d{4})?\)\\?/$"


def plain_time(value: Any) -> Any:
    """A time as a count of nanoseconds or milliseconds, or as text; any other value as it is."""
    if isinstance(value, dict) and len(value) <= 2:
        return _of_object(value)
    if isinstance(value, list):
        return _of_list(value)
    if isinstance(value, str) and value[:2] in ("/D", "\\/"):
        return re.sub(MICROSOFT, r"\1", value)
    return value


def _of_object(value: Mapping[str, Any]) -> Any:
    if len(value) == 1 and "$date" in value:
        inner = value["$date"]
        is_count = isinstance(inner, dict) and [*inner] == ["$numberLong"]
        return value if not is_count or (n := _whole(inner["$numberLong"])) is None else n
    parts = {name.lower().strip("_"): part for name, part in value.items()}
    seconds = next((_whole(parts[name]) for name in parts if name in _SECONDS), None)
    nanos = next((_whole(parts[name]) for name in parts if name in _NANOS), 0)
    known = parts.keys() <= _SECONDS | _NANOS
    if not known or seconds is None or nanos is None or seconds < _FIRST:
        return value
    return seconds * 10**9 + nanos


def _of_list(value: Sequence[Any]) -> Any:
    if not 5 <= len(value) <= 7 or not all(type(part) is int for part in value):
        return value
    year, *rest = value
    limits = zip(rest, _LEAST, _MOST, strict=False)
    if year not in _YEARS or not all(least <= part <= most for part, least, most in limits):
        return value
    month, day, hour, minute, second, nanos = [*rest, 0, 0][:6]
    return f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}"


def _whole(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool | float) else int(value)
    except (TypeError, ValueError):
        return None

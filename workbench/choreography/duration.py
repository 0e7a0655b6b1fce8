"""Durations as people write them: ``50ms``, ``2s``, ``1.5h``."""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite

from workbench.errors import DesignError

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)")


def parse_duration(text: str | float) -> float:
    """Seconds. A bare number is taken as seconds.

    Raises
    ------
    DesignError
        Not a duration, or a negative one.
    """
    is_number = isinstance(text, int | float) and not isinstance(text, bool)
    if is_number and float(text) >= 0 and isfinite(float(text)):
        return float(text)
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise DesignError(f"{text!r} is not a duration; write it like 50ms, 2s, 15min, 1h or 7d.")
    return float(match[1]) * _UNITS[match[2]]


def format_duration(seconds: float) -> str:
    """The shortest text that :func:`parse_duration` reads back to the same number."""
    for unit in ("d", "h", "min", "s", "ms"):
        text = f"{seconds / _UNITS[unit]:.6f}".rstrip("0").rstrip(".")
        if float(text) >= 1 and parse_duration(f"{text}{unit}") == seconds:
            return f"{text}{unit}"
    return f"{Decimal(repr(seconds)):f}s"

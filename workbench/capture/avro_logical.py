"""Avro's logical types as JSON says them: nothing is rounded, nothing is lost.

==========================================  ====================================================
Avro                                        JSON
==========================================  ====================================================
``bytes``, ``fixed``                        text: base64
``decimal``                                 text with all its digits: ``"12.50"``
``date``                                    ``"2026-11-25"``
``time-millis``, ``time-micros``            ``"09:30:00.250"``, ``"09:30:00.250000"``
``timestamp-millis``, ``-micros``,          ISO 8601 in UTC with 3, 6 or 9 digits of a second:
``-nanos``                                  ``"2026-11-25T09:30:00.250Z"``
``local-timestamp-…``                       the same without the ``Z``
``duration``                                ISO 8601: ``"P1M2DT3.500S"``
``uuid``                                    text: ``"3f2b…"``
==========================================  ====================================================

A date or time that no calendar has (beyond the year 9999, say) stays the number that it is.
https://avro.apache.org/docs/1.12.0/specification/#logical-types
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

Conversion = Callable[..., Any]
"""Of the raw value and its schema the JSON value; fastavro gives a third argument, not used here."""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - an offset is added to it
_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_DAY_SECONDS: Final = 86_400


def _base64(raw: bytes, *_: Any) -> str:
    return b64encode(raw).decode()


def _decimal(raw: bytes, schema: Mapping[str, Any], *_: Any) -> str:
    unscaled, scale = int.from_bytes(raw, "big", signed=True), schema["scale"]
    digits = str(abs(unscaled)).zfill(scale + 1)
    sign = "-" if unscaled < 0 else ""
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else f"{sign}{digits}"


def _date(days: int, *_: Any) -> str | int:
    try:
        return date.fromordinal(_FIRST_DAY + days).isoformat()
    except (ValueError, OverflowError):
        return days


def _timestamp(digits: int, zone: str) -> Conversion:
    unit = 10**digits

    def convert(raw: int, *_: Any) -> str | int:
        seconds, rest = divmod(raw, unit)
        try:
            return f"{(_EPOCH + timedelta(seconds=seconds)).isoformat()}.{rest:0{digits}d}{zone}"
        except OverflowError:
            return raw

    return convert


def _time(digits: int) -> Conversion:
    unit = 10**digits

    def convert(raw: int, *_: Any) -> str | int:
        seconds, rest = divmod(raw, unit)
        if not 0 <= seconds < _DAY_SECONDS:
            return raw
        return f"{(_EPOCH + timedelta(seconds=seconds)).time().isoformat()}.{rest:0{digits}d}"

    return convert


def _duration(raw: bytes, *_: Any) -> str:
    months, days, ms = struct.unpack("<III", raw)
    return f"P{months}M{days}DT{ms // 1000}.{ms % 1000:03d}S"


def _uuid(raw: bytes, *_: Any) -> str:
    return str(UUID(bytes=raw))


_KNOWN: Final[Mapping[tuple[str, str], Conversion]] = {
    ("bytes", ""): _base64,
    ("fixed", ""): _base64,
    ("bytes", "decimal"): _decimal,
    ("fixed", "decimal"): _decimal,
    ("fixed", "duration"): _duration,
    ("fixed", "uuid"): _uuid,
    ("int", "date"): _date,
    ("int", "time-millis"): _time(3),
    ("long", "time-micros"): _time(6),
    ("long", "timestamp-millis"): _timestamp(3, "Z"),
    ("long", "timestamp-micros"): _timestamp(6, "Z"),
    ("long", "timestamp-nanos"): _timestamp(9, "Z"),
    ("long", "local-timestamp-millis"): _timestamp(3, ""),
    ("long", "local-timestamp-micros"): _timestamp(6, ""),
    ("long", "local-timestamp-nanos"): _timestamp(9, ""),
}
_OURS: Final = "workbench-json"
"""How the logical types begin under which fastavro knows these conversions: it has others."""

CONVERSIONS: Final[Mapping[str, Conversion]] = {
    f"{kind}-{_OURS}-{name}": convert for (kind, name), convert in _KNOWN.items()
}
"""The conversions by the names that fastavro looks them up by: ``type-logicalType``."""
_MOST_DIGITS: Final = 4_000
"""Python writes no whole number that is much longer."""


def converted(kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """What is to stand in a schema so that values of this type become JSON; nothing if they are.

    A logical type that is not known, or is not as the specification wants it, is ignored, as the
    specification says.
    """
    name = schema.get("logicalType")
    if not isinstance(name, str) or (kind, name) not in _KNOWN or not _proper(name, schema):
        name = ""
    if (kind, name) not in _KNOWN:
        return {}
    scale = {"scale": schema.get("scale", 0)} if name == "decimal" else {}
    return {"logicalType": f"{_OURS}-{name}", **scale}


def _proper(name: str, schema: Mapping[str, Any]) -> bool:
    if name == "decimal":
        precision, scale = schema.get("precision"), schema.get("scale", 0)
        if type(precision) is not int or type(scale) is not int:
            return False
        return 0 <= scale <= precision and 0 < precision <= _MOST_DIGITS
    sizes = {"duration": 12, "uuid": 16}
    return "size" not in schema or name not in sizes or schema["size"] == sizes[name]

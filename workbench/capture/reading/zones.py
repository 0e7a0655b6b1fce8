"""Zones of times: an offset, a name behind the time, or what is said of those that have neither."""

from __future__ import annotations

import re
from typing import Any, Final
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_HOURS: Final = {
    # RFC 5322, section 4.3
    "UT": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7,
    # Europe, in English and in German
    "UTC": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
    "MSK": 3,
    # Asia and Australia, where only one zone has the name
    "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip
"""Names that mean one offset; BST and IST mean several, and are not read."""

_NAMES: Final = "|".join(_HOURS)
_TIME_OF_DAY: Final = r"(?:\d:\d\d(?::\d\d)?|T\d{4}(?:\d\d)?)(?:[.,:]\d+)?\s?(?:[AaPp][Mm]\s?)?"
_POINTED: Final = r"(?<=[ -])\d\d\.\d\d\.\d\d(?:[.,]\d+)?\s?(?:[AaPp][Mm]\s?)?"
"""A time of day as DB2 and Oracle write it."""
_FROM_UTC: Final = r"\b(?:UTC|GMT)([+-])(\d?\d)(?=:?\d\d\b|\b)"
"""A name before an offset, of which an hour may have one digit."""
_ZONED: Final = rf"(?:{_TIME_OF_DAY}|{_POINTED})(?:Z|[+-]\d\d|(?:{_NAMES})\b)"


def with_offset(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Text in which a zone is an offset alone: without a name, which goes by one in Java and in Go.

    ``CEST`` is one, ``+02:00[Europe/Berlin]``, ``+0200 CEST`` and ``GMT+2`` have one already.
    """
    plain = texts.str.replace(_FROM_UTC, _two_digits, regex=True)
    plain = plain.str.replace(
        r"(Z|[+-]\d\d:?\d\d)\s*(?:\[[^\]]*\]|\s[A-Z]{3,5})(?:\sm=[+-][\d.]+)?$", r"\1", regex=True
    )
    return plain.str.replace(rf"\b({_NAMES})\b", _offset, regex=True)


def _offset(name: re.Match[str]) -> str:
    return f"{_HOURS[name[0]]:+03d}:00"


def _two_digits(offset: re.Match[str]) -> str:
    return f"{offset[1]}{offset[2]:0>2}"


def names_zone(text: str) -> bool:
    """Whether a time says its zone."""
    return re.search(_ZONED, text) is not None


def is_zone(name: str) -> bool:
    """Whether a zone of that name is known."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def assumed(naive: pa.Array, zone: str) -> pa.Array:
    """Times without a zone as those of a zone; of an hour that is there twice it is the first."""
    return pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="latest")


def shifted(found: pd.Series[Any], texts: pd.Series[Any], zone: str) -> pd.Series[Any]:
    """Times that were read as UTC, of which those whose text names no zone are in the zone."""
    if zone == "UTC":
        return found
    bare = ~texts.str.contains(_ZONED, regex=True, na=True) & found.notna()
    local = pa.array(found[bare].dt.tz_localize(None).astype("datetime64[ns]"))
    there = assumed(local, zone).cast(pa.timestamp("ns", "UTC")).to_pandas()
    moved = found.astype("datetime64[ns, UTC]").copy()
    moved[bare] = there.to_numpy()
    return moved

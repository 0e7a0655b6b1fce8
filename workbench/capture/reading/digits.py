"""Times in digits alone: ``20260921141321`` is the 21st of September 2026, at 14:13:21.

Behind the seconds may stand milliseconds or microseconds, or a fraction after its sign. No count
since 1970 that means a year from 1973 to 2286 has as many digits (``workbench.capture.reading.counts``).
"""

from __future__ import annotations

import re
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.reading.arrays import TEXT, is_text

_DIGITS: Final = (
    r"^\s*((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])([0-5]\d)([0-5]\d)"
    r"(?:[.,]?(\d{3}|\d{6})|[.,](\d{1,9}))?\s*$"
)
_ISO: Final = r"\1-\2-\3 \4:\5:\6.\7\8"
_NUMBERS: Final = pa.decimal128(26, 3)


def is_digits(value: Any) -> bool:
    """Whether text or a number is a time in digits."""
    return isinstance(value, int | float | str) and bool(re.match(_DIGITS, str(value)))


def as_iso(values: pa.Array) -> pa.Array:
    """Times in digits as ISO 8601; what is none as the text that it is."""
    texts = values
    if pa.types.is_floating(values.type):
        texts = pc.round(values, 3).cast(_NUMBERS)
    if not is_text(values.type):
        texts = texts.cast(TEXT)
    iso = pc.replace_substring_regex(texts, pattern=_DIGITS, replacement=_ISO)
    return pc.utf8_rtrim(iso, characters=".")

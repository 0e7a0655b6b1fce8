"""Times as .NET counts them, ``DateTime.Ticks``: steps of 100 ns since the beginning of the year 1.

From 2000 to 2099 these are numbers that, taken as nanoseconds since 1970, all mean the year 1990.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.reading.arrays import is_text
from workbench.capture.reading.counts import UTC_NS

_FIRST: Final = 630_822_816_000_000_000
_END: Final = 662_380_416_000_000_000
_1970: Final = 621_355_968_000_000_000
_NS: Final = 100


def is_ticks(number: float) -> bool:
    """Whether a number may be ticks of this century."""
    return _FIRST <= number < _END


def counted_ticks(values: pa.Array) -> pa.Array:
    """Ticks, as numbers or as text, as UTC nanoseconds; null where a value is none."""
    if is_text(values.type):
        values = pc.utf8_trim_whitespace(values)
        is_count = pc.match_substring_regex(values, r"^\d{18}$")
        values = pc.if_else(is_count, values, pa.scalar(None, values.type))
    counts = values.cast(pa.int64(), safe=False)
    known = pc.and_(pc.greater_equal(counts, _FIRST), pc.less(counts, _END))
    there = pc.if_else(known, counts, pa.scalar(None, pa.int64()))
    return pc.multiply(pc.subtract(there, _1970), _NS).cast(UTC_NS)

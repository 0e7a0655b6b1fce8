"""Times as Windows counts them, in steps of 100 ns: ``DateTime.Ticks`` since the year 1, ``FILETIME`` since 1601.

From 2000 to 2099 ticks are numbers that, taken as nanoseconds since 1970, all mean the year 1990; from
1981 to 2076 file times then mean 1973 and 1974.
"""

from __future__ import annotations

from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.reading.arrays import is_text
from workbench.capture.reading.counts import UTC_NS

Ticks = Literal[".NET ticks", "Windows FILETIME"]

_KNOWN: Final[dict[Ticks, tuple[int, int, int]]] = {
    ".NET ticks": (630_822_816_000_000_000, 662_380_416_000_000_000, 621_355_968_000_000_000),
    "Windows FILETIME": (
        120_000_000_000_000_000, 150_000_000_000_000_000, 116_444_736_000_000_000
    ),
}  # fmt: skip
"""The first one that is read as such, the one after the last, and the beginning of 1970."""
_NS: Final = 100


def ticks_of(number: float) -> Ticks | None:
    """The kind of ticks that a number may be."""
    return next((kind for kind, (first, end, _) in _KNOWN.items() if first <= number < end), None)


def is_ticks(form: str | None) -> bool:
    """Whether a form of times is such ticks."""
    return form in _KNOWN


def counted_ticks(values: pa.Array, kind: Ticks) -> pa.Array:
    """Ticks, as numbers or as text, as UTC nanoseconds; null where a value is none."""
    if is_text(values.type):
        values = pc.utf8_trim_whitespace(values)
        is_count = pc.match_substring_regex(values, r"^\d{18}$")
        values = pc.if_else(is_count, values, pa.scalar(None, values.type))
    counts = values.cast(pa.int64(), safe=False)
    first, end, epoch = _KNOWN[kind]
    known = pc.and_(pc.greater_equal(counts, first), pc.less(counts, end))
    there = pc.if_else(known, counts, pa.scalar(None, pa.int64()))
    return pc.multiply(pc.subtract(there, epoch), _NS).cast(UTC_NS)

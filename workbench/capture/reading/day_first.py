"""Day first or month first: ``05/11`` says nothing, ``30/11`` and ``11/30`` do, and ``05.11`` too.

No single value is read by what it says itself: what one tells holds for all of its column in its
file; where that tells nothing, for it what the first other one tells.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

_DATE: Final = r"^\s*(?P<first>\d{1,2})(?P<sign>[./-])(?P<second>\d{1,2})[./-]\d{2,4}"
_LAST_MONTH: Final = 12


class Told(NamedTuple):
    """How many dates of some text say which of their numbers is the day, and how many don't."""

    day_first: int = 0
    month_first: int = 0
    neither: int = 0

    @property
    def decided(self) -> bool:
        """Whether any says it."""
        return self.day_first + self.month_first > 0

    @property
    def is_day_first(self) -> bool:
        """Whether most that say it say that the day is first."""
        return self.day_first >= self.month_first and self.decided

    def __add__(self, other: tuple[int, ...]) -> Told:  # type: ignore[override]
        """Count both."""
        return Told(*(a + b for a, b in zip(self, other, strict=True)))


def told_by(texts: pa.Array) -> Told:
    """Count what texts tell; those that begin otherwise are no dates of this kind."""
    dates = pc.extract_regex(texts, _DATE).drop_null()
    first, second = (pc.struct_field(dates, name).cast(pa.int8()) for name in ("first", "second"))
    day = pc.or_(pc.equal(pc.struct_field(dates, "sign"), "."), pc.greater(first, _LAST_MONTH))
    month = pc.and_not(pc.greater(second, _LAST_MONTH), day)
    days, months = (pc.sum(found).as_py() or 0 for found in (day, month))
    return Told(days, months, len(dates) - days - months)


@dataclass
class Orders:
    """What the columns of all files tell."""

    _told: dict[tuple[str, int], Told] = field(default_factory=dict)
    _said: dict[tuple[str, int], Told] = field(default_factory=dict)

    def see(self, column: str, file: int, texts: pa.Array) -> None:
        """Take note of what a block of a column tells, of a file by its number."""
        self._told[column, file] = self._told.get((column, file), Told()) + told_by(texts)

    def say(self, column: str, file: int, *, day_first: bool) -> None:
        """Take note of what somebody says of a column of a file, whatever it tells itself."""
        self._said[column, file] = Told(day_first=1) if day_first else Told(month_first=1)

    def contradicting(self) -> Counter[str]:
        """How many dates of each column say another order than most of their column in their file."""
        found: Counter[str] = Counter()
        for (column, file), told in self._told.items():
            if (column, file) not in self._said:
                found[column] += min(told.day_first, told.month_first)
        return +found

    def told(self, column: str, file: int) -> Told:
        """What holds for a column of a file: what it tells, its likes in other files, or others."""
        if (column, file) in self._said:
            return self._said[column, file]
        own = self._told.get((column, file), Told())
        if own.decided or not own.neither:
            return own
        likes = [told for (name, _), told in self._told.items() if name == column]
        return next((told for told in [*likes, *self._told.values()] if told.decided), own)

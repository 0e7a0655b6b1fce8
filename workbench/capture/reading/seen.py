"""What stands at a path in some rows, and what plain looking at it tells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from workbench.capture.reading.arrays import time_values
from workbench.capture.reading.paths import Path, members
from workbench.capture.reading.times import Form, form_of, times
from workbench.capture.reading.vocabulary import points
from workbench.capture.whole import WHOLE_TEXT, whole

FEW: Final = 8
"""Rows below which values say little."""


@dataclass
class Seen:
    """What stands at a path in some rows, one value a row; ``None`` where there is nothing."""

    path: Path
    values: Sequence[Any]
    fraction: float = 1.0
    """The share of the log's rows that these are, drawn by chance; 1 for rows that stand together."""

    @cached_property
    def there(self) -> list[Any]:
        """The values that are there."""
        return [v for v in self.values if v is not None and v != "" and v == v]  # noqa: PLR0124

    @cached_property
    def plain(self) -> bool:
        """Whether all of them are text or numbers."""
        return bool(self.there) and not any(isinstance(v, dict | list | bool) for v in self.there)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each is there, as text."""
        return Counter(map(as_key, self.there)) if self.plain else Counter()

    @cached_property
    def form(self) -> Form | None:
        """How they are written, if they are times."""
        return form_of(self.there) if self.plain else None

    @cached_property
    def middle(self) -> int | None:
        """The median of them as times, in nanoseconds since 1970; ``None`` if they are none."""
        if self.form is None:
            return None
        found = times(time_values(self.there), self.form).drop_null()
        return int(np.median(found.cast("int64").to_numpy())) if len(found) else None

    @cached_property
    def size(self) -> float:
        """How many rows share a value, on average.

        Of rows drawn by chance few share one: how many pairs do tells how many rows there are.
        """
        if self.fraction == 1:
            return len(self.there) / max(len(self.counts), 1)
        pairs = sum(n * (n - 1) for n in self.counts.values())
        return 1 + pairs / (max(len(self.there), 1) * self.fraction)

    @property
    def distinct(self) -> float:
        """The share of distinct values, 0 to 1."""
        return 1 / self.size if self.counts else 0.0

    def known_in(self, ids: Seen) -> float:
        """The share of its values that are among the values of another path."""
        both = len(self.counts.keys() & ids.counts.keys())
        share = both / max(len(self.counts), 1)
        if self.fraction == 1:
            return share
        return min(1.0, share / self.fraction) if both >= FEW else 0.0

    @property
    def filled(self) -> float:
        """The share of rows that have one."""
        return len(self.there) / max(len(self.values), 1)

    @cached_property
    def nested(self) -> bool:
        """Whether most are objects or lists, or text that holds an object."""
        some = self.there[:100]
        inside = sum(isinstance(v, dict | list) or members(v) is not None for v in some)
        return bool(some) and inside > len(some) / 2

    @property
    def in_json(self) -> bool:
        """Whether most are objects or lists, or text that is JSON."""
        begins = (
            value[:1] in "{[" if isinstance(value, str) else True for value in self.there[:100]
        )
        return self.nested and all(begins)


def is_key(each: Seen, column: str, *, times: bool = False) -> bool:
    """Whether values can be keys: text or whole numbers.

    Times, unless ``times`` lets them be, and numbers of which some have a fraction (``7,4`` or
    ``1.250,00``), are none unless the name says so.
    """
    if not each.plain or each.nested or any(isinstance(whole(v), float) for v in each.there):
        return False
    if points(column, each.path) > 50:
        return True
    fractions = any(map(_FRACTION.fullmatch, each.counts))
    return (each.form is None or times) and not (
        fractions and all(map(_COUNT.fullmatch, each.counts))
    )


def as_key(value: Any) -> str:
    """As text, as an id is written."""
    return _WAS_WHOLE.sub(r"\1", str(whole(value)))


_WAS_WHOLE: Final = re.compile(WHOLE_TEXT)
_GROUPED: Final = r"[+-]?(\d{1,3}([., ']\d{3})+|\d*)"
_FRACTION: Final = re.compile(rf"{_GROUPED}[.,]\d+([eE][+-]?\d+)?")
_COUNT: Final = re.compile(rf"{_GROUPED}([.,]\d+([eE][+-]?\d+)?)?")


def numbered(each: Seen) -> float:
    """The share of values with a digit in them, as keys have."""
    some = list(each.counts)[:200]
    return sum(any(map(str.isdigit, text)) for text in some) / len(some)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, or text that is one."""
    return isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdecimal())

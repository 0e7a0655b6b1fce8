"""The rows that a mapping is guessed from: the first ones, or some from all over a file.

In a log that stands in order the first rows hold whole flows, causes beside their effects. In one
that is shuffled, or sorted by something else, they hold neither: there, rows drawn by chance from
the whole file say as much, for what share of all rows they are is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from workbench.capture.reading.arrays import Values, python_values
from workbench.capture.reading.dtypes import DTYPES
from workbench.capture.reading.joined_times import joined, joins_in
from workbench.capture.reading.paths import Path, leaves

Batch = tuple[Mapping[str, Values], int]

FIRST: Final = 2_000
"""Rows of the beginning that are looked at."""

_MOST: Final = 16_000
"""Rows from all over a file that are looked at, at most; at least half as many, if there are."""


@dataclass(frozen=True)
class Sample:
    """Some rows of a file.

    Attributes
    ----------
    leaves
        Path → values, one a row.
    fraction
        The share of all rows that they are, drawn by chance; 1 for rows that stand together.
    joins
        Paths in ``leaves`` that are made of two others.
    """

    leaves: Mapping[Path, Sequence[Any]]
    fraction: float = 1.0
    joins: Mapping[Path, tuple[Path, Path]] = field(default_factory=dict)

    def with_joined_times(self, said: Iterable[str]) -> Sample:
        """The same, with the columns of times that two make, as found or as somebody said."""
        joins = joins_in(self.leaves, said)
        made = {
            path: joined(*(self.leaves[part] for part in parts)) for path, parts in joins.items()
        }
        return replace(self, leaves={**self.leaves, **made}, joins=joins)


def first_rows(batch: Batch) -> Sample:
    """The first rows of a batch."""
    columns, height = batch
    return Sample(leaves(_rows(columns, range(min(height, FIRST)))))


def rows_all_over(batches: Iterable[Batch]) -> Sample:
    """Rows drawn by chance from all batches; the same ones each time."""
    chance = np.random.default_rng(0)
    share, drawn, rows = 1.0, np.empty(0), []
    for columns, height in batches:
        lots = chance.random(height)
        taken = np.flatnonzero(lots < share)
        rows += _rows(columns, taken.tolist())
        drawn = np.concatenate([drawn, lots[taken]])
        while len(rows) > _MOST:
            share /= 2
            kept = drawn < share
            rows = [row for row, keep in zip(rows, kept, strict=True) if keep]
            drawn = drawn[kept]
    return Sample(leaves(rows), share)


def _rows(columns: Mapping[str, Values], places: Sequence[int]) -> list[dict[str, Any]]:
    values = {
        name: python_values(_taken(column, places))
        for name, column in columns.items()
        if name != DTYPES
    }
    return [{name: column[row] for name, column in values.items()} for row in range(len(places))]


def _taken(column: Values, places: Sequence[int]) -> Values:
    if isinstance(column, pa.Array):
        return column.take(pa.array(places, pa.int64()))
    return [column[place] for place in places]

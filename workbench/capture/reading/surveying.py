"""How a file is mapped: by its first rows, and where they tell too little by rows from all over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np

from workbench.capture.columns import COLUMNS, TIMES
from workbench.capture.reading.kinds import Batch, Kind
from workbench.capture.reading.log_mapping import LogMapping
from workbench.capture.reading.mapping import Given, mapping_of
from workbench.capture.reading.sampling import FIRST, Sample, first_rows, rows_all_over
from workbench.capture.reading.times import in_time

_NEEDED: Final = frozenset(["id", "type", "time", "correlation_id"])
_TOLD: Final = frozenset([*_NEEDED, "causation_id"])
_IN_ORDER: Final = 0.9
"""Rank correlation of rows and times from which a log stands in order of time, or against it."""


@dataclass(frozen=True)
class Survey:
    """How a file is mapped.

    Attributes
    ----------
    mapping, absent
        As ``mapping_of`` returns them.
    sample
        The rows that told it.
    """

    mapping: LogMapping
    absent: Mapping[str, str]
    sample: Sample


def survey(
    kind: Kind,
    batches: Iterator[Batch],
    again: Callable[[], Iterable[Batch]],
    given: Given | None,
) -> tuple[Survey, Iterator[Batch]]:
    """Map a file.

    Parameters
    ----------
    kind
        The kind of file.
    batches
        All that is in it.
    again
        Gives the same once more: for a file that has to be looked at as a whole.
    given
        What somebody says of the mapping.

    Returns
    -------
    Survey
        How it is mapped.
    Iterator
        All batches, those that were looked at too.
    """
    first: Batch = next(batches, ({}, 0))
    found = _surveyed(kind, first_rows(first), given)
    if not _tells_too_little(found, kind, given):
        return found, chain([first], batches)
    second = next(batches, None)
    if second is None and first[1] <= FIRST:
        return found, iter([first])
    wide = _surveyed(kind, rows_all_over([first] if second is None else again()), given)
    better = len(_TOLD & wide.mapping.keys()) >= len(_TOLD & found.mapping.keys())
    read = [first] if second is None else [first, second]
    return wide if better else found, chain(read, batches)


def _surveyed(kind: Kind, rows: Sample, given: Given | None) -> Survey:
    said = [given.get(column) for column in sorted(TIMES)] if isinstance(given, Mapping) else []
    sample = rows.with_joined_times(text.split(" @ ")[0] for text in said if isinstance(text, str))
    mapping, absent = mapping_of(
        sample,
        given,
        format_name=kind.name,
        ours=kind.ours,
        json_is_text=kind.json_is_text,
    )
    return Survey(mapping, absent, sample)


def _tells_too_little(found: Survey, kind: Kind, given: Given | None) -> bool:
    """Whether other rows may tell more: something is not found, or these don't stand in order."""
    leaves, mapping = found.sample.leaves, found.mapping
    own = {(column,) for column in COLUMNS} <= leaves.keys()
    if kind.ours or own or not leaves:
        return bool(found.absent)
    open_columns = _TOLD - {*(given or {})}
    if not open_columns:
        return bool(found.absent)
    types = next((leaves[e.path] for e in mapping.entries if e.column == "type"), ())
    one_type = len(Counter(map(str, types))) < 2
    lacking = open_columns - mapping.keys()
    return (
        bool(found.absent)
        or bool(lacking & _NEEDED)
        or (one_type and bool(lacking))
        or not _in_order(found)
    )


def _in_order(found: Survey) -> bool:
    entry = next((e for e in found.mapping.entries if e.column == "time"), None)
    if entry is None or entry.form is None:
        return True
    places = in_time(found.sample.leaves[entry.path], entry.form)
    if len(places) < FIRST:
        return True
    return bool(abs(np.corrcoef(places, np.arange(len(places)))[0, 1]) > _IN_ORDER)

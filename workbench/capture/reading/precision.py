"""Times in whole seconds beside finer ones: an envelope is often written so, and what it holds not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench.capture.reading.arrays import time_values
from workbench.capture.reading.paths import Path
from workbench.capture.reading.times import Form, form_of, times

_EXACT: Final = ("s", "ms", "µs", "ns", "ISO 8601")
"""Forms of times that a program writes, to be read by one."""
_ROWS: Final = 10
"""Rows from which on it is no chance that all are in whole seconds."""
_SECOND: Final = 10**9
"""Nanoseconds."""
_STORED: Final = 60 * _SECOND
"""How long after an event a platform may store it, with others at once: they have times of their own."""
_MOST: Final = 0.9
"""The share of rows in which two times are of one event."""


def finer(
    path: Path, form: Form | None, leaves: Mapping[Path, Sequence[Any]], taken: Collection[Path]
) -> Path:
    """The path of times that say finer what those at a path say in whole seconds; ``()`` if none does.

    It is none of those that are ``taken``; of several the earliest, as an event comes before all that
    is done with it.
    """
    if form not in _EXACT:
        return ()
    coarse = _nanoseconds(leaves[path], form)
    there = np.flatnonzero(coarse != _NONE)
    if len(there) < _ROWS or (coarse[there] % _SECOND).any():
        return ()
    found: dict[Path, float] = {}
    for other, values in leaves.items():
        written = None if other == path or other in taken else form_of(values)
        if written is None:
            continue
        fine = _nanoseconds(values, written)[there]
        if (fine == _NONE).any() or (fine % _SECOND == 0).mean() > 1 / 2:
            continue
        after = fine - coarse[there]
        stored = (after >= -_STORED) & (after <= _SECOND) & (2 * len(np.unique(fine)) > len(fine))
        if (stored | (np.abs(after) <= _SECOND)).mean() > _MOST:
            found[other] = float(np.median(after))
    return min(found, key=lambda other: found[other], default=())


_NONE: Final = np.iinfo(np.int64).min


def _nanoseconds(values: Sequence[Any], form: Form) -> NDArray[np.int64]:
    read = times(time_values(values), form).cast("int64")
    return np.asarray(read.fill_null(_NONE))

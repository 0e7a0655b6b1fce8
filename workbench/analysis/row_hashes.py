"""Hashes that tell which flow a row is of, and which event it is: of all rows of a log, on disk."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from workbench.analysis import spilled
from workbench.analysis.arrays import mixed
from workbench.analysis.grouping import same_before
from workbench.analysis.order import cell_hashes
from workbench.analysis.texts import Texts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from workbench.analysis.arrays import Ints

_SLICES: Final = 16
"""Parts in which all events' hashes are compared, so that this takes little memory."""
_CELLS: Final = 2**20
"""Heaps of flows whose rows are counted, to count those of each flow in few of them only."""

IDENTITY: Final = ("id", "source", "channel", "partition", "offset")
"""The columns that :func:`identity_hashes` reads."""


def group_hashes(frame: pd.DataFrame, by: str) -> NDArray[np.uint64]:
    """A hash of each row's correlation id, or whatever column groups the rows; 0 for none."""
    if by not in frame:
        return np.zeros(len(frame), np.uint64)
    return Texts.of(frame[by].astype("str")).hashes()


def identity_hashes(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """A hash of what makes each row the event that it is.

    That is its source and id; without an id, where it stood on the broker; without that, nothing: 0.
    """
    ids = Texts.of(frame["id"]).hashes()
    found = np.maximum(mixed(ids + mixed(cell_hashes(frame["source"]))), np.uint64(1))
    nameless = np.flatnonzero(ids == 0)
    if len(nameless):
        rows = frame.iloc[nameless]
        place = mixed(cell_hashes(rows["channel"]))
        for name in ("partition", "offset"):
            place = mixed(place + rows[name].to_numpy(np.int64).view(np.uint64))
        found[nameless] = np.where(rows["offset"] >= 0, np.maximum(place, np.uint64(1)), 0)
    return found


class RowHashes:
    """The hashes of all rows that were dealt, in files of a folder: in each slice by slice."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, flow: NDArray[np.uint64], identity: NDArray[np.uint64], name: str) -> None:
        """Write those of some rows, in a file of that name."""
        order = np.argsort(_slice_of(identity), kind="stable")
        with spilled.writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            np.save(self._folder / f"{name}.npy", np.stack([flow[order], identity[order]]))

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.npy"))

    @cached_property
    def _bounds(self) -> list[list[int]]:
        every = np.arange(_SLICES + 1)
        return [np.searchsorted(_slice_of(self._of(f)[1]), every).tolist() for f in self._files]

    def _of(self, file: Path) -> NDArray[np.uint64]:
        with spilled.reading(file):
            return np.asarray(np.load(file, mmap_mode="r"))

    def shared(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """The identities that occur in more than one flow, and those flows."""
        shared, flows = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
        for number in range(_SLICES):
            flow, identity = np.concatenate(
                [
                    self._of(file)[:, bounds[number] : bounds[number + 1]]
                    for file, bounds in zip(self._files, self._bounds, strict=True)
                ],
                axis=1,
            )
            first = same_before(identity)
            across = np.flatnonzero(flow != flow[first])
            shared.append(np.unique(identity[across]))
            flows += [flow[across], flow[first[across]]]
        every = np.unique(np.concatenate(flows))
        return np.concatenate(shared), every[every > 0]

    def larger_than(self, most: int) -> NDArray[np.uint64]:
        """The flows of more rows than that."""
        counts = np.zeros(_CELLS, np.int64)
        for file in self._files:
            counts += np.bincount(self._celled(file)[1], minlength=_CELLS)
        names, sizes = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        for flow, cell in map(self._celled, self._files if (counts > most).any() else ()):
            found = np.unique(flow[counts[cell] > most], return_counts=True)
            names.append(found[0])
            sizes.append(found[1])
        every, place = np.unique(np.concatenate(names), return_inverse=True)
        return every[np.bincount(place, np.concatenate(sizes), len(every)) > most]

    def _celled(self, file: Path) -> tuple[NDArray[np.uint64], Ints]:
        flow = self._of(file)[0]
        flow = flow[flow > 0]
        return flow, (flow % np.uint64(_CELLS)).astype(np.int64)


def _slice_of(identity: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The slice of each: by bits of the hash that tables made of a slice don't place it by."""
    return ((identity >> np.uint64(24)) % np.uint64(_SLICES)).astype(np.uint8)

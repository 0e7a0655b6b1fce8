"""A log larger than memory, dealt to files by flow, each small enough to be looked at alone.

Every event of a flow goes to the bucket that the hash of its correlation id names, so a question put
to each bucket sees whole flows. What would upset that is handled apart:

- events without a correlation id are spread by their own id, for they need no company;
- a flow that alone would fill a bucket gets one of its own;
- flows that share an event (the same source and id under two correlation ids) go to one bucket
  together, for only one of those two is the event and the other its duplicate.

A bucket is indexed when it is first asked, and keeps its index beside its rows.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.analysis import spilled, stored_index
from workbench.analysis.arrays import mixed
from workbench.analysis.index import FlowIndex
from workbench.analysis.lazy_frame import LazyFrame
from workbench.analysis.texts import Texts, same_before

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from workbench.analysis.arrays import Ints

_HASHES: Final = "hashes"
_SLICES: Final = 16
"""Parts in which all events' hashes are compared, so that this takes little memory."""
_AT_ONCE: Final = 10_000
"""Rows that a file of a bucket has, where memory allows: reading many small ones takes longer."""


@dataclass(frozen=True)
class Bucket:
    """One share of a log: all events of some flows, in some files."""

    folder: Path

    def frame(self) -> LazyFrame:
        """Its rows, as ``standard_frame`` has them; a column is read when it is asked for."""
        columns = spilled.SpilledColumns(self._files)
        return LazyFrame(columns.names, columns.read)

    def index(self) -> FlowIndex:
        """Its index: made once, and read from disk from then on."""
        folder = self.folder / "index"
        if not folder.exists():
            made: Any = self.frame()
            stored_index.save(FlowIndex.of(made), folder)
        return stored_index.load(folder)

    def holds(self, correlation_id: str) -> bool:
        """Whether an event of that flow is in it."""
        names = (spilled.read(file, ["correlation_id"])[0] for file in self._files)
        return any(pc.any(pc.equal(column, correlation_id)).as_py() for column in names)

    def flow(self, correlation_id: str) -> pd.DataFrame:
        """The rows of a flow: its events, their copies, and what else those may be copies of."""
        index, frame = self.index(), self.frame()
        mine = np.flatnonzero(index.correlation_id == correlation_id)
        copies = np.isin(index.copy_flow, mine)
        chosen = np.zeros(len(frame) + 1, dtype=bool)  # the last is for no row at all, -1
        chosen[index.row[np.isin(index.flow, mine)]] = True
        chosen[index.copy[copies]] = chosen[index.copy_of[copies]] = True
        return frame.rows(chosen[:-1])

    @property
    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.arrow"))


@dataclass(frozen=True)
class Dealing:
    """How rows are dealt to buckets.

    Attributes
    ----------
    folder
        Where the buckets are; several processes may write to it, each under another name.
    n_buckets
        How many there are, but for those of flows that are handled apart.
    most
        Rows that a bucket should have at most.
    by
        The column whose values are not divided: ``correlation_id``, for flows.
    """

    folder: Path
    n_buckets: int
    most: int
    by: str = "correlation_id"

    @property
    def at_once(self) -> int:
        """Rows that are held in memory until they are dealt."""
        return max(min(self.n_buckets * _AT_ONCE, self.most // 4), 1)

    def deal(self, frames: Iterable[pd.DataFrame], share: str) -> None:
        """Write the rows of some frames, as ``standard_frame`` returns them, to files by flow.

        Parameters
        ----------
        share
            Names these rows: no others have that name.
        """
        with spilled.writing(self.folder):
            (self.folder / _HASHES).mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(1) as writer:  # Arrow's work, which leaves Python to the reader
            written: Future[None] | None = None
            for number, rows in enumerate(self._gathered(frames)):
                if written is not None:
                    written.result()
                written = writer.submit(self._write, rows, f"{share}-{number:06d}")
            if written is not None:
                written.result()

    def _gathered(self, frames: Iterable[pd.DataFrame]) -> Iterator[list[_Rows]]:
        """Rows with the same columns, as many as are dealt at once."""
        held: list[_Rows] = []
        height = 0
        for frame in frames:
            table = spilled.table_of(frame)
            rows = _Rows(table, group_hashes(frame, self.by), identity_hashes(frame))
            if held and not spilled.same_columns(held[0].table.schema, table.schema):
                yield held
                held, height = [], 0
            held.append(rows)
            height += len(frame)
            if height >= self.at_once:
                yield held
                held, height = [], 0
        if held:
            yield held

    def _write(self, rows: list[_Rows], name: str) -> None:
        flow = np.concatenate([each.flow for each in rows])
        identity = np.concatenate([each.identity for each in rows])
        by_slice = np.argsort(_slice_of(identity), kind="stable")
        with spilled.writing(self.folder):
            hashes = np.stack([flow[by_slice], identity[by_slice]])
            np.save(self.folder / _HASHES / f"{name}.npy", hashes)
        bucket = self._bucket_of(flow, identity)
        order = np.argsort(bucket, kind="stable")
        bounds = np.searchsorted(bucket[order], np.arange(self.n_buckets + 1)).tolist()
        table = spilled.stacked([each.table for each in rows]).take(pa.array(order))
        for target in range(self.n_buckets):
            first, end = bounds[target], bounds[target + 1]
            if end > first:
                path = _bucket(self.folder, f"{target:05d}") / f"{name}.arrow"
                spilled.write(table.slice(first, end - first), path)

    def _bucket_of(self, flow: NDArray[np.uint64], identity: NDArray[np.uint64]) -> Ints:
        named_by = np.where(flow > 0, flow, identity)
        return np.asarray(named_by % np.uint64(self.n_buckets), dtype=np.int64)

    def settle(self) -> list[Bucket]:
        """Put what was dealt right, as the module says, and list the buckets, the largest first."""
        hashes = _Hashes(self.folder / _HASHES)
        shared, flows = hashes.shared()
        if len(shared):
            self._move(flows, shared, "shared")
        hot = hashes.larger_than(self.most, self.n_buckets)
        for number, name in enumerate(hot[~np.isin(hot, flows)]):
            self._move(np.array([name]), np.empty(0, np.uint64), f"hot-{number:05d}")
        folders = [path for path in self.folder.glob("bucket-*") if any(path.iterdir())]
        size = {path: sum(file.stat().st_size for file in path.iterdir()) for path in folders}
        return [Bucket(path) for path in sorted(folders, key=lambda path: (-size[path], path.name))]

    def _move(self, flows: NDArray[np.uint64], identities: NDArray[np.uint64], into: str) -> None:
        """Move some flows, and flowless events that are one with theirs, to a bucket of their own."""
        target = _bucket(self.folder, into)
        placed = self._bucket_of(np.append(flows, identities), np.append(flows, identities))
        concerned = [self.folder / f"bucket-{number:05d}" for number in np.unique(placed)]
        for path in (path for each in concerned for path in sorted(each.glob("*.arrow"))):
            there = spilled.names_in(path)
            told = spilled.read(path, [n for n in (self.by, *_IDENTITY) if n in there]).to_pandas()
            flow = group_hashes(told, self.by)
            moves = np.isin(flow, flows)
            if len(identities):
                moves |= (flow == 0) & np.isin(identity_hashes(told), identities)
            if moves.any():
                table = spilled.read(path)
                spilled.write(
                    table.filter(pa.array(moves)), target / f"{path.parent.name}-{path.name}"
                )
                path.unlink()
                if not moves.all():
                    spilled.write(table.filter(pa.array(~moves)), path)


class _Rows(NamedTuple):
    table: pa.Table
    flow: NDArray[np.uint64]
    identity: NDArray[np.uint64]


_IDENTITY: Final = ("id", "source", "channel", "partition", "offset")
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
    found = np.maximum(mixed(ids + mixed(_names(frame["source"]))), np.uint64(1))
    nameless = np.flatnonzero(ids == 0)
    if len(nameless):
        rows = frame.iloc[nameless]
        place = mixed(_names(rows["channel"]))
        for name in ("partition", "offset"):
            place = mixed(place + rows[name].to_numpy(np.int64).view(np.uint64))
        found[nameless] = np.where(rows["offset"] >= 0, np.maximum(place, np.uint64(1)), 0)
    return found


def _names(column: pd.Series[Any]) -> NDArray[np.uint64]:
    hashes = Texts.of(pd.Series(column.cat.categories, dtype="str")).hashes()
    return np.append(hashes, np.uint64(0))[column.cat.codes.to_numpy()]


class _Hashes:
    """The hashes of all rows that were dealt: files in which they stand slice by slice."""

    def __init__(self, folder: Path) -> None:
        self._files = sorted(folder.glob("*.npy"))

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

    def larger_than(self, most: int, n_buckets: int) -> NDArray[np.uint64]:
        """The flows of more rows than that."""
        counts = np.zeros(n_buckets, np.int64)
        for file in self._files:
            counts += np.bincount(self._placed(file, n_buckets)[1], minlength=n_buckets)
        crowded = counts > most
        rows = [np.empty(0, np.uint64)]
        if crowded.any():
            for file in self._files:
                flow, bucket = self._placed(file, n_buckets)
                rows.append(flow[crowded[bucket]])
        names, sizes = np.unique(np.concatenate(rows), return_counts=True)
        return names[sizes > most]

    def _placed(self, file: Path, n_buckets: int) -> tuple[NDArray[np.uint64], Ints]:
        flow = self._of(file)[0]
        flow = flow[flow > 0]
        return flow, (flow % np.uint64(n_buckets)).astype(np.int64)


def _slice_of(identity: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The slice of each: by bits of the hash that tables made of a slice don't place it by."""
    return ((identity >> np.uint64(24)) % np.uint64(_SLICES)).astype(np.uint8)


def _bucket(folder: Path, name: str) -> Path:
    path = folder / f"bucket-{name}"
    with spilled.writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path

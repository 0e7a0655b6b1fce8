"""A log larger than memory, dealt to files by flow, each small enough to be looked at alone.

Every event of a flow goes to the bucket that the hash of its correlation id names, so a question put
to each bucket sees whole flows. What would upset that is handled apart:

- events without a correlation id are spread by their own id, for they need no company;
- a flow that alone would fill a bucket gets one of its own;
- flows that share an event (the same source and id under two correlation ids) go to one bucket
  together, for only one of those two is the event and the other its duplicate.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from workbench.analysis import spilled
from workbench.analysis.buckets import Bucket
from workbench.analysis.row_hashes import (
    IDENTITY,
    RowHashes,
    group_hashes,
    identity_hashes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from workbench.analysis.arrays import Ints

_HASHES: Final = "hashes"
_AT_ONCE: Final = 10_000
"""Rows that a file of a bucket has, where memory allows: reading many small ones takes longer."""


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
        RowHashes(self.folder / _HASHES).add(flow, identity, name)
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
        hashes = RowHashes(self.folder / _HASHES)
        shared, flows = hashes.shared()
        if len(shared):
            self._move(flows, shared, "shared")
        hot = hashes.larger_than(self.most)
        for number, name in enumerate(hot[~np.isin(hot, flows)]):
            self._move(np.array([name]), np.empty(0, np.uint64), f"hot-{number:05d}")
        folders = [path for path in self.folder.glob("bucket-*") if any(path.iterdir())]
        size = {path: sum(file.stat().st_size for file in path.iterdir()) for path in folders}
        files = sorted(self.folder.glob("bucket-*/*.arrow"), key=lambda path: path.name)
        names = tuple(dict.fromkeys(name for file in files for name in spilled.names_in(file)))
        in_order = sorted(folders, key=lambda path: (-size[path], path.name))
        return [Bucket(path, names) for path in in_order]

    def _move(self, flows: NDArray[np.uint64], identities: NDArray[np.uint64], into: str) -> None:
        """Move some flows, and flowless events that are one with theirs, to a bucket of their own."""
        target = _bucket(self.folder, into)
        placed = self._bucket_of(np.append(flows, identities), np.append(flows, identities))
        concerned = [self.folder / f"bucket-{number:05d}" for number in np.unique(placed)]
        for path in (path for each in concerned for path in sorted(each.glob("*.arrow"))):
            there = spilled.names_in(path)
            told = spilled.read(path, [n for n in (self.by, *IDENTITY) if n in there]).to_pandas()
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


def _bucket(folder: Path, name: str) -> Path:
    path = folder / f"bucket-{name}"
    with spilled.writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path

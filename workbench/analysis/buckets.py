"""A log larger than memory, dealt to files by flow, each small enough to be looked at alone.

Every event of a flow goes to the bucket that the hash of its correlation id names, so a question put
to each bucket sees whole flows. What would upset that is handled apart:

- events without a correlation id are spread by their own id, for they need no company;
- a flow that alone would fill a bucket gets one of its own;
- flows that share an event (the same source and id under two correlation ids) go to one bucket
  together, for only one of those two is the event and the other its duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import feather

from workbench.analysis.arrays import mixed
from workbench.analysis.texts import Texts
from workbench.capture.columns import standard_frame
from workbench.capture.payload_column import PayloadArray

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_HASHES: Final = "hashes"
_SLICES: Final = 16
"""Parts in which all events' hashes are compared, so that sorting them takes little memory."""


@dataclass(frozen=True)
class Bucket:
    """One share of a log: all events of some flows, in some files."""

    folder: Path

    def frame(self) -> pd.DataFrame:
        """Read it, as ``standard_frame`` returns it."""
        return standard_frame(pd.concat(map(_read, self._files), ignore_index=True))

    def holds(self, correlation_id: str) -> bool:
        """Whether an event of that flow is in it."""
        names = (feather.read_table(file, ["correlation_id"])[0] for file in self._files)
        return any(pc.any(pc.equal(column, correlation_id)).as_py() for column in names)

    @property
    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.arrow"))


def deal(frames: Iterable[pd.DataFrame], folder: Path, n_buckets: int, share: str, by: str) -> int:
    """Write the rows of some frames to files by flow; say how many they were.

    Parameters
    ----------
    frames
        As ``standard_frame`` returns them.
    folder
        Where the buckets are; several processes may write to it, each under another ``share``.
    by
        The column whose values are not divided: ``correlation_id``, for flows.
    """
    rows = 0
    (folder / _HASHES).mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        flow, identity = group_hashes(frame, by), identity_hashes(frame)
        name = f"{share}-{number:06d}"
        np.save(folder / _HASHES / f"{name}.npy", np.stack([flow, identity]))
        bucket = (np.where(flow > 0, flow, identity) % np.uint64(n_buckets)).astype(np.int64)
        order = np.argsort(bucket, kind="stable")
        bounds = np.searchsorted(bucket[order], np.arange(n_buckets + 1))
        for target in range(n_buckets):
            chosen = order[bounds[target] : bounds[target + 1]]
            if len(chosen):
                _write(frame.iloc[chosen], _bucket(folder, f"{target:05d}") / f"{name}.arrow")
        rows += len(frame)
    return rows


def settle(folder: Path, n_buckets: int, most: int, by: str) -> list[Bucket]:
    """Put what was dealt right, as the module says, and list the buckets, the largest first.

    Parameters
    ----------
    most
        Rows of one flow for which it gets a bucket of its own.
    """
    flow, identity = _all_hashes(folder)
    shared, flows = _shared(flow, identity)
    if len(shared):
        _move(folder, by, flows, shared, "shared")
    names, counts = np.unique(
        flow[np.isin(flow % np.uint64(n_buckets), _crowded(flow, n_buckets, most))],
        return_counts=True,
    )
    hot = names[(counts > most) & (names > 0) & ~np.isin(names, flows)]
    for number, name in enumerate(hot):
        _move(folder, by, np.array([name]), np.empty(0, np.uint64), f"hot-{number:05d}")
    folders = [path for path in folder.glob("bucket-*") if any(path.iterdir())]
    size = {path: sum(file.stat().st_size for file in path.iterdir()) for path in folders}
    return [Bucket(path) for path in sorted(folders, key=lambda path: (-size[path], path.name))]


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


def _all_hashes(folder: Path) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    files = sorted((folder / _HASHES).glob("*.npy"))
    flow, identity = (
        np.concatenate([np.load(file, mmap_mode="r")[which] for file in files]) for which in (0, 1)
    )
    return flow, identity


def _shared(
    flow: NDArray[np.uint64], identity: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The identities that occur in more than one flow, and those flows."""
    shared, flows = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    which = identity % np.uint64(_SLICES)
    for number in range(_SLICES):
        chosen = np.flatnonzero((which == number) & (identity > 0))
        order = chosen[np.argsort(identity[chosen], kind="stable")]
        one, other = order[:-1], order[1:]
        same = identity[one] == identity[other]
        across = same & (flow[one] != flow[other])
        shared.append(np.unique(identity[one[across]]))
        flows += [flow[one[across]], flow[other[across]]]
    every = np.unique(np.concatenate(flows))
    return np.concatenate(shared), every[every > 0]


def _crowded(flow: NDArray[np.uint64], n_buckets: int, most: int) -> NDArray[np.uint64]:
    counts = np.bincount((flow[flow > 0] % np.uint64(n_buckets)).astype(np.int64))
    return np.flatnonzero(counts > most).astype(np.uint64)


def _move(
    folder: Path,
    by: str,
    flows: NDArray[np.uint64],
    identities: NDArray[np.uint64],
    into: str,
) -> None:
    """Move some flows, and flowless events that are one with theirs, to a bucket of their own."""
    target = _bucket(folder, into)
    for path in sorted(folder.glob("bucket-*/*.arrow")):
        if path.parent == target:
            continue
        frame = _read(path)
        flow = group_hashes(frame, by)
        moves = np.isin(flow, flows)
        if len(identities):
            moves |= (flow == 0) & np.isin(identity_hashes(frame), identities)
        if moves.any():
            _write(frame[moves], target / f"{path.parent.name}-{path.name}")
            path.unlink()
            if not moves.all():
                _write(frame[~moves], path)


def _bucket(folder: Path, name: str) -> Path:
    path = folder / f"bucket-{name}"
    path.mkdir(parents=True, exist_ok=True)
    return path


def _read(path: Path) -> pd.DataFrame:
    return standard_frame(feather.read_table(path).to_pandas())


def _write(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(_plain(frame), preserve_index=False)
    feather.write_feather(table, str(path), compression="lz4")


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns of Python objects as text or, if they are more, as JSON."""
    plain = frame.copy(deep=False)
    for name in frame:
        column = frame[name]
        if column.dtype == "object":
            only_text = column.map(lambda cell: isinstance(cell, str), na_action="ignore")
            if only_text.dropna().all():
                plain[name] = column.astype("str")
            else:
                plain[name] = pd.Series(PayloadArray.of(column), column.index)
    return plain

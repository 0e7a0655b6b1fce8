"""A log larger than memory: the questions of an ``EventLog``, answered bucket by bucket.

The log is dealt to files by flow once (``workbench.analysis.buckets``). A question is then put to
each bucket in turn, by the same passes over arrays that answer it in memory, and the parts are put
together. With a Dask client the buckets go to its workers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import pandas as pd
import psutil
import pyarrow.parquet as pq
from tqdm.auto import tqdm

from workbench.analysis.buckets import Bucket, deal, settle
from workbench.analysis.conditions import rows_between, rows_where
from workbench.analysis.index import FlowIndex
from workbench.capture.columns import standard_frame
from workbench.errors import LogError

if TYPE_CHECKING:
    from workbench.analysis.arrays import Bools
    from workbench.analysis.log import EventLog

Part = Callable[[FlowIndex, pd.DataFrame], pd.DataFrame]

_BYTES_A_ROW: Final = 1_000
"""What one event takes while its bucket is read, indexed and asked; measured with payloads of 500 bytes."""
_BATCH: Final = 250_000


def scan(
    folder: str | os.PathLike[str],
    *,
    client: Any,
    memory: int | None,
    spill: str | os.PathLike[str] | None,
) -> EventLog | ScannedLog:
    """Choose between memory and buckets; :meth:`EventLog.scan` documents it."""
    from workbench.analysis.log import EventLog

    files = sorted(Path(folder).rglob("*.parquet"))
    if not files:
        raise LogError(f"{folder} holds no Parquet file: capture into it, or name another folder.")
    free = memory or psutil.virtual_memory().available // 2
    if client is None and _rows(files) * _BYTES_A_ROW < free:
        return EventLog.read(folder)
    return ScannedLog(files, memory=free, client=client, spill=spill)


def _rows(files: Iterable[Path]) -> int:
    return sum(int(pq.read_metadata(path).num_rows) for path in files)


class ScannedLog:
    """A log in buckets on disk. It is made by :meth:`EventLog.scan`, and gone when it is closed.

    Parameters
    ----------
    files
        Parquet files with the standard columns.
    memory
        Bytes that one bucket may take.
    client
        A Dask ``distributed`` client whose workers see the same files; without one the buckets are
        worked off here, one after the other.
    spill
        Where the buckets go; the system's folder for temporary files if not given.
    """

    def __init__(
        self,
        files: Iterable[Path],
        *,
        memory: int,
        client: Any = None,
        spill: str | os.PathLike[str] | None = None,
    ) -> None:
        paths = sorted(files)
        self.rows = _rows(paths)
        """Everything captured: events, duplicates and dead letters."""
        self._client = client
        self._folder = tempfile.TemporaryDirectory(prefix="workbench-scan-", dir=spill)
        most = max(int(memory / _BYTES_A_ROW), 1)
        n_buckets = max(-(-self.rows // most), 1)
        folder = Path(self._folder.name)
        jobs = [(path, folder, n_buckets, f"share-{n:05d}") for n, path in enumerate(paths)]
        for _ in self._run(_deal_file, jobs, "dealing to buckets"):
            pass
        self._buckets = settle(folder, n_buckets, most)

    def parts(self, part: Part) -> list[pd.DataFrame]:
        """Put a question to each bucket.

        Parameters
        ----------
        part
            Makes a compact table of a bucket's index and frame; with a Dask client it must be
            something that can be pickled.
        """
        return list(self._run(_part_of, [(bucket, part) for bucket in self._buckets], "buckets"))

    def flow(self, correlation_id: str) -> EventLog:
        """Take one flow, whole, into memory; as :meth:`EventLog.flow`."""
        from workbench.analysis.log import EventLog

        for bucket in self._buckets:
            if bucket.holds(correlation_id):
                return EventLog(bucket.frame()).flow(correlation_id)
        raise LogError(
            f"there is no flow {correlation_id!r} in this log: log.flows() lists those it has."
        )

    def where(self, condition: str) -> EventLog:
        """Take the events for which a condition holds into memory; as :meth:`EventLog.where`."""
        return self._taken(lambda frame: rows_where(frame, condition))

    def between(
        self, start: pd.Timestamp | str | None = None, end: pd.Timestamp | str | None = None
    ) -> EventLog:
        """Take what happened in a range of time into memory; as :meth:`EventLog.between`."""
        return self._taken(lambda frame: rows_between(frame, start, end))

    def _taken(self, rows: Callable[[pd.DataFrame], Bools]) -> EventLog:
        from workbench.analysis.log import EventLog

        jobs = [(bucket, rows) for bucket in self._buckets]
        return EventLog(pd.concat(self._run(_rows_of, jobs, "buckets"), ignore_index=True))

    def __len__(self) -> int:
        """Count everything captured: events, duplicates and dead letters."""
        return self.rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the buckets."""
        self._folder.cleanup()

    def _run(self, work: Callable[..., Any], jobs: list[Any], what: str) -> Iterator[Any]:
        if self._client is None:
            done = (work(*job) for job in jobs)
        else:
            futures = self._client.map(lambda job: work(*job), jobs, pure=False)
            done = (future.result() for future in futures)
        yield from tqdm(done, desc=what, total=len(jobs), unit="", disable=None, leave=False)


def _deal_file(path: Path, folder: Path, n_buckets: int, share: str) -> int:
    batches = pq.ParquetFile(path).iter_batches(_BATCH)
    return deal((standard_frame(each.to_pandas()) for each in batches), folder, n_buckets, share)


def _rows_of(bucket: Bucket, rows: Callable[[pd.DataFrame], Bools]) -> pd.DataFrame:
    frame = bucket.frame()
    return frame[rows(frame)]


def _part_of(bucket: Bucket, part: Part) -> pd.DataFrame:
    frame = bucket.frame()
    return part(FlowIndex.of(frame), frame)

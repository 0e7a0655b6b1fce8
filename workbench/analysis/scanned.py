"""A log larger than memory: the questions of an ``EventLog``, answered bucket by bucket.

The log is dealt to files by flow once (``workbench.analysis.dealing``). A question is then put to
each bucket in turn, by the same passes over arrays that answer it in memory, and the parts are put
together. With a Dask client the buckets go to its workers.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm.auto import tqdm

from workbench.analysis import spilled
from workbench.analysis.arguments import check_scan
from workbench.analysis.asked import P
from workbench.analysis.conditions import Hints, of_all, rows_between, rows_where
from workbench.analysis.dealing import Dealing
from workbench.analysis.design_questions import DesignQuestions
from workbench.analysis.flow_ids import flow_id
from workbench.analysis.flow_questions import FlowQuestions
from workbench.analysis.inference import HabitCounts, untold, with_causes
from workbench.analysis.log_questions import LogQuestions
from workbench.analysis.traffic_questions import TrafficQuestions
from workbench.analysis.wording import count
from workbench.capture.reading import read_parts
from workbench.capture.reading.finding_files import files_in, path_of
from workbench.capture.reading.kinds import is_parquet
from workbench.errors import LogError

if TYPE_CHECKING:
    from workbench.analysis.arrays import Bools
    from workbench.analysis.buckets import Bucket
    from workbench.analysis.index import FlowIndex
    from workbench.analysis.log import EventLog

_BYTES_A_ROW: Final = 1_000
"""What one event takes while its bucket is read, indexed and asked; measured with payloads of 500 bytes."""


def scan(
    folder: str | os.PathLike[str],
    *,
    client: Any,
    memory: int | None,
    spill: str | os.PathLike[str] | None,
) -> EventLog | ScannedLog:
    """Choose between memory and buckets; :meth:`EventLog.scan` documents it."""
    from workbench.analysis.log import EventLog

    check_scan(folder, client, memory)
    files = _parquet_files(path_of(folder))
    free = int(memory or psutil.virtual_memory().available // 2)
    if client is None and _rows(files) * _BYTES_A_ROW < free:
        return EventLog.read(files)
    return ScannedLog(files, memory=free, client=client, spill=spill)


def _parquet_files(folder: Path) -> list[Path]:
    """All files of a folder, which must be Parquet.

    Raises
    ------
    LogError
        There is no such folder, or none of its files is Parquet, or not each.
    """
    if not folder.exists():
        raise LogError(
            f"{folder} does not exist: name a folder of Parquet files; EventLog.read takes patterns "
            "and lists of files as well."
        )
    if folder.is_file():
        raise LogError(f"{folder} is a file, which EventLog.read reads: name a folder.")
    files = files_in(folder)
    others = [path for path in files if not is_parquet(path)]
    if len(others) == len(files):
        raise LogError(
            f"{folder} holds no Parquet file: EventLog.read reads other formats, and "
            "wb.capture(to=…) or log.save('….parquet') makes one."
        )
    if others:
        raise LogError(
            f"{others[0]} is no Parquet file: EventLog.read reads such folders, and EventLog.scan "
            "those that hold nothing else."
        )
    return files


def _rows(files: Iterable[Path]) -> int:
    return sum(map(_rows_in, files))


def _rows_in(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise LogError(f"{path} can't be read: {error}") from error


class ScannedLog(LogQuestions, DesignQuestions, FlowQuestions, TrafficQuestions):
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
        self._files = sorted(files)
        self._rows = _rows(self._files)
        self._client = client
        self._folder = _temporary(spill)
        self._most = max(memory // _BYTES_A_ROW, 1)
        self._dealt: dict[str, list[Bucket]] = {}
        try:
            self._buckets()
        except BaseException:
            self.close()  # a traceback that somebody keeps would keep what was dealt
            raise

    def _buckets(self, by: str = "correlation_id") -> list[Bucket]:
        """The buckets of a column whose values are not divided; dealt when first asked for."""
        if not Path(self._folder.name).exists():
            raise LogError(
                "this log was closed, and its buckets are deleted: take EventLog.scan(folder) again."
            )
        if by not in self._dealt:
            n_buckets = max(-(-self._rows // self._most), 1)
            folder = Path(self._folder.name) / f"by-{len(self._dealt)}"
            dealing = Dealing(folder, n_buckets, self._most, by)
            shares = _shares(self._files, dealing.at_once)
            jobs = [
                (dealing, files, f"share-{n:05d}", shares[n - 1][-1] if n else None)
                for n, files in enumerate(shares)
            ]
            self._run(_deal, jobs, "dealing to buckets")
            self._dealt[by] = dealing.settle()
        return self._dealt[by]

    def parts(
        self,
        part: Callable[[FlowIndex, pd.DataFrame], P],
        *,
        causal: bool = False,
        by: str = "correlation_id",
    ) -> list[P]:
        """Put a question to each bucket; see :meth:`Asked.parts`.

        With a Dask client ``part`` must be something that cloudpickle can send.
        """
        habits = None if not causal or self.tells_causes else self.habits
        jobs = [(bucket, part, habits) for bucket in self._buckets(by)]
        return self._run(_part_of, jobs, "asking buckets")

    @cached_property
    def tells_causes(self) -> bool:
        """Whether any event of a flow names its cause."""
        return not all(self.parts(lambda index, frame: bool(untold(index, frame).all())))

    @cached_property
    def habits(self) -> HabitCounts:
        """How often which kind of event comes of which, as the log tells."""
        return HabitCounts.together(self.parts(lambda index, _: HabitCounts.of(index)))

    def flow(self, correlation_id: str | int) -> EventLog:
        """Take one flow, whole, into memory; as :meth:`EventLog.flow`."""
        from workbench.analysis.log import EventLog

        wanted = flow_id(correlation_id)
        for bucket in self._buckets() if isinstance(wanted, str) else ():
            if bucket.holds(wanted):
                return EventLog(bucket.flow(wanted)).flow(wanted)
        raise LogError(
            f"there is no flow {correlation_id!r} in this log: log.flows() lists those it has."
        )

    def where(self, condition: str) -> EventLog:
        """Take the events for which a condition holds into memory; as :meth:`EventLog.where`."""
        found, hints = self._taken(lambda frame: _where(frame, condition))
        for hint in filter(None, of_all(hints).values()):
            warnings.warn(hint, stacklevel=2)
        return found

    def between(
        self, start: pd.Timestamp | str | None = None, end: pd.Timestamp | str | None = None
    ) -> EventLog:
        """Take what happened in a range of time into memory; as :meth:`EventLog.between`."""
        return self._taken(lambda frame: (rows_between(frame, start, end), {}))[0]

    def __getattr__(self, name: str) -> Any:
        from workbench.analysis.log import EventLog

        if name.startswith("_") or not hasattr(EventLog, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise AttributeError(
            f"a scanned log has no {name}: take what is asked about into memory first, by "
            "log.between(start, end), log.where(condition) or log.flow(id), or all of it by "
            "EventLog.read(folder)."
        )

    def _taken(
        self, rows: Callable[[pd.DataFrame], tuple[Bools, Hints]]
    ) -> tuple[EventLog, list[Hints]]:
        """Some rows of all buckets, and what is to be said of each."""
        from workbench.analysis.log import EventLog

        jobs = [(bucket, rows) for bucket in self._buckets()]
        found = self._run(_rows_of, jobs, "buckets")
        frames, hints = [frame for frame, _ in found], [each for _, each in found]
        log = EventLog(spilled.concatenated(frames))
        log.is_part = True
        return log, hints

    def __len__(self) -> int:
        """Count everything captured: events, duplicates and dead letters."""
        return self._rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the buckets."""
        self._folder.cleanup()

    def __repr__(self) -> str:
        """Say in a line how much is in the log, and where."""
        n_buckets = len(self._dealt["correlation_id"])
        return f"<ScannedLog: {count(self._rows, 'row')} in {count(n_buckets, 'bucket')}>"

    def _run(self, work: Callable[..., Any], jobs: list[Any], what: str) -> list[Any]:
        if self._client is None:
            done = (work(*job) for job in jobs)
        else:
            futures = self._client.map(lambda job: work(*job), jobs, pure=False)
            done = (future.result() for future in futures)
        return list(tqdm(done, desc=what, total=len(jobs), unit="", disable=None, leave=False))


def _shares(files: Iterable[Path], rows: int) -> list[list[Path]]:
    """The files, together where they are small: those of a share hold so many rows or are one."""
    shares: list[list[Path]] = []
    left = 0
    for path in files:
        if left <= 0:
            shares.append([])
            left = rows
        shares[-1].append(path)
        left -= _rows([path])
    return shares


def _deal(dealing: Dealing, files: list[Path], share: str, previous: Path | None) -> None:
    def before() -> pd.DataFrame | None:
        parts = read_parts(previous) if previous is not None else ()
        last = deque(parts, maxlen=1)
        return last.pop() if last else None

    dealing.deal(read_parts(files, before=before), share)


def _rows_of(
    bucket: Bucket, rows: Callable[[pd.DataFrame], tuple[Bools, Hints]]
) -> tuple[pd.DataFrame, Hints]:
    frame: Any = bucket.frame()
    chosen, hints = rows(frame)
    return frame.rows(chosen), hints


def _where(frame: pd.DataFrame, condition: str) -> tuple[Bools, Hints]:
    hints: Hints = {}
    return rows_where(frame, condition, hints), hints


def _temporary(spill: str | os.PathLike[str] | None) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="workbench-scan-", dir=spill)
    except (OSError, TypeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise LogError(
            f"spill={spill!r}: buckets can't be written there: {why}; name a folder that is there and "
            "may be written to."
        ) from error


def _part_of(
    bucket: Bucket, part: Callable[[FlowIndex, pd.DataFrame], P], habits: HabitCounts | None
) -> P:
    index = bucket.index()
    frame: Any = bucket.frame()
    if habits is not None:
        index = with_causes(index, frame, habits)
    return part(index, frame)

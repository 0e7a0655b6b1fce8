"""Recording into a folder of Parquet files, which may be stopped at any moment and gone on with.

Each part is written under another name and then renamed: it is there whole, or not at all. What it
holds of which partitions stands in it, so nothing else has to be kept in step with it. A capture that
goes on looks at the parts, and reads on behind them: each record is there exactly once.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.brokers import Position
from workbench.brokers.record_batch import OFFSET, TIME, RecordBatch
from workbench.capture.columns import COLUMNS, UNDATED
from workbench.capture.cutting import Cut
from workbench.capture.decoding import SCHEMA, table_of
from workbench.capture.reading.dtypes import DTYPES
from workbench.errors import LogError

_NOTE: Final = b"workbench.capture"
_PART_BYTES: Final = 64 * 1024 * 1024
"""Of one part's columns in memory, about; as a file it is a tenth of that."""
_PREFIX: Final = "part-"
_BESIDE: Final = json.dumps(
    {name: "json" if name == "headers" else "str" for name in SCHEMA.names if name not in COLUMNS}
)
_CODES: Final = [name for name in SCHEMA.names if pa.types.is_dictionary(SCHEMA.field(name).type)]


@dataclass
class CapturedFolder:
    """A folder of Parquet files that a capture writes, and what it holds by now."""

    path: Path
    cluster: str
    events: int = 0
    """How many it holds."""
    new: int = 0
    """How many of them this capture added."""
    parts: int = 0
    next: dict[Position, int] = field(default_factory=dict)
    """Where each partition is read on from."""
    first: dict[Position, int] = field(default_factory=dict)
    """Where each partition begins here, as far as its parts tell."""
    newest: dict[Position, tuple[int, int]] = field(default_factory=dict)
    """The last record of each partition here: its offset, and ms since 1970 when it was appended."""
    lost: dict[Position, tuple[int, int]] = field(default_factory=dict)
    """What was gone from the broker before it was captured: from which offset, up to which other."""
    before: dict[Position, tuple[int, int]] = field(default_factory=dict)
    """What was asked for and stands before where this folder begins: likewise."""

    @classmethod
    def open(cls, path: str | os.PathLike[str], cluster: str) -> CapturedFolder:
        """A new folder, or one that a capture of the same cluster has begun.

        Raises
        ------
        LogError
            It holds what no capture has written, or the capture of another cluster, or is no folder
            that can be written to.
        """
        try:
            found = cls(Path(path).expanduser(), cluster)
            found.path.mkdir(parents=True, exist_ok=True)
            parts = found._whole_parts()
        except OSError as error:
            raise _unwritable(path, error.strerror) from error
        except (TypeError, ValueError, RuntimeError) as error:
            raise _unwritable(repr(path), "it is no path of a folder") from error
        for part in parts:
            note = _note(part)
            if note["cluster"] != cluster:
                raise LogError(
                    f"{found.path} holds the capture of another cluster ({note['cluster']}; this one "
                    f"is {cluster}): capture into a new folder."
                )
            found.parts = max(found.parts, note["part"] + 1)
            found.events += note["events"]
            for channel, partition, end in note["next"]:
                place = Position(channel, partition)
                found.next[place] = max(found.next.get(place, 0), end)
            for channel, partition, offset in note.get("first", ()):
                place = Position(channel, partition)
                found.first[place] = min(found.first.get(place, offset), offset)
            for channel, partition, *newest in note.get("newest", ()):
                place = Position(channel, partition)
                found.newest[place] = max(found.newest.get(place, (-1, -1)), tuple(newest))
        return found

    def _whole_parts(self) -> list[Path]:
        """The parts, and whatever else is there; what a killed capture left unfinished is deleted."""
        found = []
        for path in sorted(self.path.iterdir()):
            if path.name.startswith(f".{_PREFIX}"):
                path.unlink(missing_ok=True)
            elif not path.name.startswith("."):
                found.append(path)
        return found

    def rest(self, of: Cut, begin: Mapping[Position, int], end: Mapping[Position, int]) -> Cut:
        """What of a cut is not here yet.

        Notes what is ``lost``, and what stands ``before``.

        Parameters
        ----------
        begin, end
            The first offsets that the broker still keeps, and where it ends.

        Raises
        ------
        LogError
            A channel was made anew since, so that its offsets count from 0 again.
        """
        for position, upto in self.next.items():
            if upto > end.get(position, upto):
                raise self.made_anew(position, f"it ends at offset {end[position]}")
            if upto < begin.get(position, upto):
                self.lost[position] = (upto, begin[position])
        first = {}
        for position, offset in of.first.items():
            known = self.next.get(position)
            if offset < self.first.get(position, offset):
                self.before[position] = (offset, self.first[position])
            if known is not None and known > of.last[position]:
                raise LogError(
                    f"{position} is wanted up to offset {of.last[position]}, and {self.path} has "
                    f"it up to {known}: capture into a new folder."
                )
            place = offset if known is None else max(known, begin.get(position, 0))
            if known is None:
                self.first[position] = place
            if place < of.last[position]:
                first[position] = place
        return Cut(first, {p: of.last[p] for p in first})

    def made_anew(self, position: Position, seen: str) -> LogError:
        """Say that a channel was made anew since this was captured, so that offsets count from 0 again."""
        return LogError(
            f"{self.path} has {position} up to offset {self.next[position]}, and {seen}: the "
            "channel was made anew. Capture into a new folder."
        )

    def begin(self, first: Mapping[Position, int]) -> None:
        """Note where a capture begins, so that one that goes on with it leaves nothing out."""
        unknown = {place: offset for place, offset in first.items() if place not in self.next}
        if unknown:
            self.first |= unknown
            self._write_part([], unknown, {})

    def write(self, found: Iterable[tuple[RecordBatch, pa.RecordBatch]]) -> Self:
        """Write batches, each with its rows, as they come; returns the folder.

        Raises
        ------
        LogError
            Another capture writes to it, too.
        """
        rows: list[pa.RecordBatch] = []
        ends: dict[Position, int] = {}
        newest: dict[Position, tuple[int, int]] = {}
        size = 0
        for batch, columns in found:
            ends[batch.position] = max(batch.next, ends.get(batch.position, 0))
            if len(batch):
                rows.append(columns)
                size += columns.nbytes
                newest[batch.position] = (int(batch.index[-1, OFFSET]), int(batch.index[-1, TIME]))
            if size >= _PART_BYTES:
                self._write_part(rows, ends, newest)
                rows, ends, newest, size = [], {}, {}, 0
        if ends:
            self._write_part(rows, ends, newest)
        return self

    def what_is_lost(self) -> list[str]:
        """A sentence for each partition of which something is not here, and will not be."""
        gone = [
            f"{place}: offsets {begin:,} to {end - 1:,} are gone from the broker (retention), and "
            f"not in {self.path}."
            for place, (begin, end) in sorted(self.lost.items())
        ]
        return gone + [
            f"{place}: offsets {begin:,} to {end - 1:,} stand before where {self.path} was begun, "
            "and are not added: capture them into a folder of their own."
            for place, (begin, end) in sorted(self.before.items())
        ]

    def note_lost(self, position: Position, begin: int, end: int) -> None:
        """Note that offsets were gone from the broker before they could be read."""
        known = self.lost.get(position, (begin, end))
        self.lost[position] = (min(known[0], begin), max(known[1], end))

    def _write_part(
        self,
        rows: list[pa.RecordBatch],
        ends: Mapping[Position, int],
        newest: Mapping[Position, tuple[int, int]],
    ) -> None:
        table = _dated(table_of(rows))
        note = {
            "cluster": self.cluster,
            "part": self.parts,
            "events": len(table),
            "next": [[*position, end] for position, end in sorted(ends.items())],
            "first": [
                [*position, self.first[position]] for position in ends if position in self.first
            ],
            "newest": [[*position, *record] for position, record in newest.items()],
        }
        if table["headers"].null_count == len(table):
            table = table.drop_columns("headers")
        table = table.replace_schema_metadata({_NOTE: json.dumps(note), DTYPES: _BESIDE})
        name = f"{_PREFIX}{self.parts:06d}.parquet"
        unfinished = self.path / f".{name}.{os.getpid()}"
        try:
            with unfinished.open("wb") as file:
                pq.write_table(
                    table, file, compression="zstd", compression_level=1, use_dictionary=_CODES
                )
                file.flush()
                os.fsync(file.fileno())
            _put(unfinished, self.path / name)
        except (FileExistsError, FileNotFoundError) as error:
            raise LogError(
                f"another capture writes to {self.path} at the same time: let one of them end."
            ) from error
        except OSError as error:
            raise _unwritable(self.path, error.strerror or str(error)) from error
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()
        self.parts += 1
        self.events += len(table)
        self.new += len(table)
        self.next |= ends
        self.newest |= newest

    def __repr__(self) -> str:
        added = f", {self.new:,} of them new" if self.new != self.events else ""
        gone = sum(end - begin for begin, end in self.lost.values())
        lost = (
            f"; up to {gone:,} were gone from the broker before they were captured" if gone else ""
        )
        return f"<{self.events:,} events in {self.path}{added}{lost}>"


def _unwritable(path: object, why: str | None) -> LogError:
    return LogError(f"{path!s} can't be captured into: {why}.")


def _put(unfinished: Path, part: Path) -> None:
    """Give a part its name, but never in the place of what another capture has put there."""
    try:
        os.link(unfinished, part)  # unlike a rename
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # a file system without links, such as exFAT
        with part.open("xb"):
            pass
        unfinished.replace(part)


def _dated(table: pa.Table) -> pa.Table:
    """A part of which neither an event nor the broker says a time has that of its capture."""
    told = any(table[name].null_count < len(table) for name in ("time", "broker_time"))
    if told or not len(table):
        return table
    now = pa.scalar(datetime.now(UTC), table.schema.field("time").type)
    times = pa.chunked_array([pa.repeat(now, len(table))])
    table = table.set_column(table.schema.get_field_index("time"), "time", times)
    return table.append_column(UNDATED, pa.array([True] * len(table)))


def _note(part: Path) -> dict[str, Any]:
    try:
        metadata = pq.read_schema(part).metadata or {}
        note: dict[str, Any] = json.loads(metadata[_NOTE])
    except (OSError, KeyError, ValueError, pa.ArrowInvalid) as error:
        raise LogError(
            f"{part} was not written by a capture: capture into a folder of its own."
        ) from error
    return note

"""Recording into a folder of Parquet files, which may be stopped at any moment and gone on with.

Each part is written under another name and then renamed: it is there whole, or not at all. What it
holds of which partitions stands in it, so nothing else has to be kept in step with it. A capture that
goes on looks at the parts, and reads on behind them: each record is there exactly once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.brokers import Position
from workbench.brokers.record_batch import RecordBatch
from workbench.capture.columns import COLUMNS
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
    lost: dict[Position, tuple[int, int]] = field(default_factory=dict)
    """What was gone from the broker before it was captured: from which offset, up to which other."""

    @classmethod
    def open(cls, path: str | os.PathLike[str], cluster: str) -> CapturedFolder:
        """A new folder, or one that a capture of the same cluster has begun.

        Raises
        ------
        LogError
            It holds what no capture has written, or the capture of another cluster.
        """
        found = cls(Path(path), cluster)
        found.path.mkdir(parents=True, exist_ok=True)
        for part in sorted(found.path.iterdir()):
            if part.name.startswith(f".{_PREFIX}"):
                part.unlink(missing_ok=True)  # what a capture that was killed has left unfinished
                continue
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
        return found

    def rest(self, of: Cut, begin: Mapping[Position, int]) -> Cut:
        """What of a cut is not here yet; notes what is ``lost``, given the first offsets still kept.

        Raises
        ------
        LogError
            A channel was made anew since, so that its offsets count from 0 again.
        """
        first = {}
        for position, offset in of.first.items():
            known = self.next.get(position)
            if known is not None and known > of.last[position]:
                raise LogError(
                    f"{position.channel}[{position.partition}] ends at offset {of.last[position]}, and "
                    f"{self.path} has it up to {known}: the channel was made anew, or the range ends "
                    "before. Capture into a new folder."
                )
            if known is not None and known < begin.get(position, 0):
                self.lost[position] = (known, begin[position])
            place = offset if known is None else max(known, begin.get(position, 0))
            if place < of.last[position]:
                first[position] = place
        return Cut(first, {p: of.last[p] for p in first})

    def write(self, found: Iterable[tuple[RecordBatch, pa.RecordBatch]]) -> Self:
        """Write batches, each with its rows, as they come; returns the folder.

        Raises
        ------
        LogError
            Another capture writes to it, too.
        """
        rows: list[pa.RecordBatch] = []
        ends: dict[Position, int] = {}
        size = 0
        for batch, columns in found:
            ends[batch.position] = max(batch.next, ends.get(batch.position, 0))
            if len(batch):
                rows.append(columns)
                size += columns.nbytes
            if size >= _PART_BYTES:
                self._write_part(rows, ends)
                rows, ends, size = [], {}, 0
        if ends:
            self._write_part(rows, ends)
        return self

    def what_is_lost(self) -> list[str]:
        """A sentence for each partition of which something was gone before it was captured."""
        return [
            f"{place.channel}[{place.partition}]: offsets {begin:,} to {end - 1:,} are gone from the "
            f"broker (retention), and not in {self.path}."
            for place, (begin, end) in sorted(self.lost.items())
        ]

    def _write_part(self, rows: list[pa.RecordBatch], ends: Mapping[Position, int]) -> None:
        table = table_of(rows)
        note = {
            "cluster": self.cluster,
            "part": self.parts,
            "events": len(table),
            "next": [[*position, end] for position, end in sorted(ends.items())],
        }
        if table["headers"].null_count == len(table):
            table = table.drop_columns("headers")
        table = table.replace_schema_metadata({_NOTE: json.dumps(note), DTYPES: _BESIDE})
        name = f"{_PREFIX}{self.parts:06d}.parquet"
        unfinished = self.path / f".{name}.{os.getpid()}"
        with unfinished.open("wb") as file:
            pq.write_table(
                table, file, compression="zstd", compression_level=1, use_dictionary=_CODES
            )
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link, unlike a rename, never takes the place of what another capture has put there.
            os.link(unfinished, self.path / name)
            unfinished.unlink()
        except (FileExistsError, FileNotFoundError) as error:
            unfinished.unlink(missing_ok=True)
            raise LogError(
                f"another capture writes to {self.path} at the same time: let one of them end."
            ) from error
        self.parts += 1
        self.events += len(table)
        self.new += len(table)
        self.next |= ends

    def __repr__(self) -> str:
        added = f", {self.new:,} of them new" if self.new != self.events else ""
        gone = sum(end - begin for begin, end in self.lost.values())
        lost = (
            f"; up to {gone:,} were gone from the broker before they were captured" if gone else ""
        )
        return f"<{self.events:,} events in {self.path}{added}{lost}>"


def _note(part: Path) -> dict[str, Any]:
    try:
        metadata = pq.read_schema(part).metadata or {}
        note: dict[str, Any] = json.loads(metadata[_NOTE])
    except (OSError, KeyError, ValueError, pa.ArrowInvalid) as error:
        raise LogError(
            f"{part} was not written by a capture: capture into a folder of its own."
        ) from error
    return note

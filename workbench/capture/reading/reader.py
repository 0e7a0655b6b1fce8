"""Reading a log, from paths to a frame: kinds, mapping, columns, and what could not be read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from tqdm.auto import tqdm

from workbench.capture.columns import standard_frame
from workbench.capture.payload_column import payload_texts
from workbench.capture.reading.arrays import JSON, Values, python_values
from workbench.capture.reading.csv_rows import unique
from workbench.capture.reading.dtypes import DTYPES, note_of
from workbench.capture.reading.gathering import Columns
from workbench.capture.reading.kinds import Batch, kind_of
from workbench.capture.reading.mapping import LogMapping, mapping_of, names_nothing
from workbench.capture.reading.opening import OpenedFile, files_of
from workbench.capture.reading.paths import Path, leaves, shown
from workbench.capture.reading.time_columns import TimeColumns
from workbench.errors import LogError

_SAMPLE: Final = 2_000
"""Rows that a mapping is guessed from."""

REJECTED: Final[Mapping[str, str]] = {
    "file": "str",
    "line": "int64",
    "reason": "str",
    "text": "str",
}
"""The columns of ``log.rejected``."""


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes
    ----------
    frame
        As ``standard_frame`` returns it.
    mapping
        Of the first file.
    rejected
        ``file`` (str), ``line`` (int64, from 1; -1 unknown), ``reason`` and ``text`` (str, cut).
    notes
        What else is worth saying, each a sentence without its full stop.
    """

    frame: pd.DataFrame
    mapping: LogMapping
    rejected: pd.DataFrame
    notes: tuple[str, ...] = ()


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    mapping: Mapping[str, str] | None = None,
    *,
    expanded: int | None = None,
    progress: bool = True,
) -> Reading:
    """Read an event log from files of any known format; see ``EventLog.read``."""
    files = files_of(paths)
    columns = Columns()
    mappings: list[LogMapping] = []
    rejected: list[tuple[str, int, str, str]] = []
    absent: dict[str, set[str]] = {}
    recoded = 0
    seen: dict[Path, Any] = {}
    total = sum(path.stat().st_size for path in files if path.exists())
    with tqdm(
        total=total, desc="reading", unit="B", unit_scale=True, leave=False,
        disable=None if progress else True,
    ) as bar:  # fmt: skip
        for path in files:
            file = OpenedFile(path, expanded=expanded, advance=bar.update)
            kind = kind_of(file)
            batches = kind.batches(file)
            first = next(batches, ({}, 0))
            sample = _sample(first)
            mapped, missing = mapping_of(
                sample,
                mapping,
                format_name=kind.name,
                ours=kind.ours,
                json_is_text=kind.json_is_text,
            )
            if missing and len(files) == 1:
                raise names_nothing(missing, sample, file.name)
            for column in missing:
                absent.setdefault(column, set()).add(file.name)
            seen |= dict.fromkeys(sample)
            mappings.append(mapped)
            for batch in chain([first], batches):
                if batch[1]:
                    columns.add(batch, mapped, untyped=kind.untyped, file=len(mappings) - 1)
            rejected += [(file.name, each.line, each.reason, each.text) for each in file.rejected]
            recoded += file.recoded
    nowhere = {c: (mapping or {})[c] for c, names in absent.items() if len(names) == len(files)}
    if nowhere:
        raise names_nothing(nowhere, seen, f"any of the {len(files):,} files")
    frame = _standard(columns, str(files[0]), seen)
    return Reading(
        frame,
        _told(_first_of(mappings), columns),
        pd.DataFrame(rejected, columns=list(REJECTED)).astype(dict(REJECTED)),
        _notes(recoded, columns),
    )


def no_rejects() -> pd.DataFrame:
    """The table of what could not be read, when everything could."""
    return pd.DataFrame(columns=list(REJECTED)).astype(dict(REJECTED))


def from_frame(events: pd.DataFrame, mapping: Mapping[str, str] | None = None) -> Reading:
    """Take a DataFrame with columns of any names for a log; see ``EventLog``."""
    batch = _batch_of(events)
    sample = _sample(batch)
    mapped, absent = mapping_of(sample, mapping, format_name="a DataFrame")
    if absent:
        raise names_nothing(absent, sample, "the DataFrame")
    columns = Columns()
    columns.dtypes = note_of(events)
    columns.add(batch, mapped)
    frame = _standard(columns, "the DataFrame", sample)
    return Reading(frame, _told(mapped, columns), no_rejects(), _notes(0, columns))


def _batch_of(events: pd.DataFrame) -> Batch:
    names = unique([str(name) for name in events.columns])
    columns = {name: events.iloc[:, place] for place, name in enumerate(names)}
    return {name: _values_of(column) for name, column in columns.items()}, len(events)


def _values_of(column: pd.Series[Any]) -> Values:
    if column.dtype == "json":
        return payload_texts(column).cast(JSON)
    if column.dtype == "object":
        return column.where(column.notna(), None).tolist()
    found = pa.array(column)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def read_parts(path: str | os.PathLike[str]) -> Iterator[pd.DataFrame]:
    """Read an event log piece by piece, for one that is larger than memory.

    Each part is as ``standard_frame`` returns it; columns beside the standard ones have the dtypes
    that the part's values suggest, and whether a date has its day first is what it and those before
    it tell.

    Raises
    ------
    LogError
        As ``read``; and when it comes to a row that can't be read.
    """
    dated = TimeColumns()
    for number, each in enumerate(files_of(path)):
        file = OpenedFile(each)
        mapped: LogMapping | None = None
        sample: dict[Path, Any] = {}
        kind = kind_of(file)
        for batch in kind.batches(file):
            for bad in file.rejected:
                raise LogError(f"{file.name}:{bad.line}: {bad.reason}.")
            if mapped is None:
                sample = _sample(batch)
                mapped, _ = mapping_of(
                    sample,
                    None,
                    format_name=kind.name,
                    ours=kind.ours,
                    json_is_text=kind.json_is_text,
                )
            columns = Columns(dated)
            columns.add(batch, mapped, untyped=kind.untyped, file=number)
            columns.dtypes = None
            yield _standard(columns, file.name, sample)


def _sample(batch: Batch) -> dict[Path, list[Any]]:
    columns, height = batch
    n = min(height, _SAMPLE)
    values = {name: python_values(column[:n]) for name, column in columns.items() if name != DTYPES}
    return leaves({name: column[row] for name, column in values.items()} for row in range(n))


def _standard(columns: Columns, name: str, seen: Mapping[Path, Any]) -> pd.DataFrame:
    for column, what in (("type", "the event type"), ("time", "when an event happened")):
        if (
            columns.height
            and not {column, "broker_time" if column == "time" else column}
            & columns.standard.keys()
        ):
            names = ", ".join(map(shown, islice(seen, _LISTED)))
            more = f" and {len(seen) - _LISTED:,} more" if len(seen) > _LISTED else ""
            raise LogError(
                f"{name} is not an event log: no column says {what}; name it: "
                f'mapping={{"{column}": "…"}}. There are {names}{more}.'
            )
    try:
        return standard_frame(columns.frame())
    except (LogError, TypeError, ValueError) as error:
        raise LogError(f"{name} is not an event log: {error}") from error


_LISTED: Final = 200
"""Columns and paths into them that an error names; the widest logs have thousands."""


def _first_of(mappings: list[LogMapping]) -> LogMapping:
    first = mappings[0]
    return replace(first, others=sum(dict(each) != dict(first) for each in mappings))


def _told(mapping: LogMapping, columns: Columns) -> LogMapping:
    """The mapping of the first file with how its times were read, which all files may have told."""
    entries = tuple(
        replace(entry, form=columns.times.form(entry.column, 0))
        if entry.form is not None and entry.form.startswith("text")
        else entry
        for entry in mapping.entries
    )
    return replace(mapping, entries=entries)


def _notes(recoded: int, columns: Columns) -> tuple[str, ...]:
    notes = []
    if recoded:
        lines = "1 line is" if recoded == 1 else f"{recoded:,} lines are"
        notes.append(f"{lines} not in UTF-8, read as Windows-1252")
    for column, n in sorted(columns.times.unread.items()):
        if n:
            values = "1 value" if n == 1 else f"{n:,} values"
            notes.append(f"{values} of {column} can't be read as a time")
    return tuple(notes)

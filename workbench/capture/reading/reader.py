"""Reading a log, from paths to a frame: kinds, mapping, columns, and what could not be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from pathlib import Path as FilePath
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from tqdm.auto import tqdm

from workbench.capture.columns import TIMES, check_names, standard_frame
from workbench.capture.payload_column import payload_texts
from workbench.capture.reading.arrays import JSON, Values, python_values
from workbench.capture.reading.csv_rows import unique
from workbench.capture.reading.doubts import dates_alone, doubtful
from workbench.capture.reading.dtypes import note_of
from workbench.capture.reading.finding_files import files_of
from workbench.capture.reading.gathering import Columns
from workbench.capture.reading.given_tables import frame_as_held
from workbench.capture.reading.kinds import Batch, JsonDocument, JsonLines, Kind, kind_of
from workbench.capture.reading.log_mapping import LogMapping
from workbench.capture.reading.mapping import Given, names_nothing
from workbench.capture.reading.opening import OpenedFile
from workbench.capture.reading.paths import Path, shown
from workbench.capture.reading.refusing import no_times, not_a_time, says_no
from workbench.capture.reading.restarting import Restarting, restarting_note
from workbench.capture.reading.surveying import Survey, survey
from workbench.capture.reading.time_columns import TimeColumns
from workbench.capture.reading.unwinding import Unwound, list_in
from workbench.errors import LogError

REJECTED: Final[Mapping[str, str]] = {
    "file": "str",
    "line": "int64",
    "reason": "str",
    "text": "str",
    "is_row": "bool",
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
        ``file`` (str), ``line`` (int64, from 1; -1 unknown), ``reason`` and ``text`` (str, cut), ``is_row`` (bool).
    notes
        What else is worth saying, each a sentence without its full stop.
    """

    frame: pd.DataFrame
    mapping: LogMapping
    rejected: pd.DataFrame
    notes: tuple[str, ...] = ()


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    mapping: Given | None = None,
    *,
    expanded: int | None = None,
    progress: bool = True,
) -> Reading:
    """Read an event log from files of any known format; see ``EventLog.read``."""
    if expanded is not None and (isinstance(expanded, bool) or not isinstance(expanded, int)):
        raise LogError(f"expanded={expanded!r}: give a number of bytes: 10_000_000_000 for 10 GB.")
    files = files_of(paths)
    columns = Columns()
    mappings: list[LogMapping] = []
    rejected: list[tuple[Any, ...]] = []
    absent: dict[str, set[str]] = {}
    recoded, said = 0, list[str]()
    seen: dict[Path, Any] = {}
    restarting, untrue = Restarting(), dict[str, str]()
    total = sum(path.stat().st_size for path in files if path.exists())
    with tqdm(
        total=total, desc="reading", unit="B", unit_scale=True, leave=False,
        disable=None if progress else True,
    ) as bar:  # fmt: skip
        for path in files:
            file = OpenedFile(path, expanded=expanded, advance=bar.update)
            kind = kind_of(file)
            found, batches = survey(kind, kind.batches(file), _again(kind, path, expanded), mapping)
            if (unwound := _unwound(kind, found)) is not None:
                anew = OpenedFile(path, expanded=expanded, advance=bar.update)
                again = _again(unwound, path, expanded)
                better, rows = survey(unwound, unwound.batches(anew), again, mapping)
                if _lacks(better) < _lacks(found):
                    file, kind, found, batches = anew, unwound, better, rows
            if (nothing := _empty_list(kind, found)) is not None:
                file.notes.append(f"{file.name} is empty: its {shown(nothing)} holds no event")
                batches = iter(())
            if found.absent and len(files) == 1:
                raise names_nothing(found.absent, found.sample.leaves, file.name)
            for column in found.absent:
                absent.setdefault(column, set()).add(file.name)
            seen |= dict.fromkeys(found.sample.leaves)
            if len(files) > 1 and (untrue := restarting.columns(found)):
                break
            number, before = len(mappings), columns.height
            mappings.append(found.mapping)
            for batch in batches:
                if batch[1]:
                    columns.add(
                        batch,
                        found.mapping,
                        untyped=kind.untyped,
                        file=number,
                        reject=partial(_reject_row, file, batch),
                    )
            if columns.height > before:
                _has_time(found, file.name)
            rejected += [(file.name, *astuple(each)) for each in file.rejected]
            recoded += file.recoded
            said += file.notes
    if untrue:
        given = {**(mapping or {}), **dict.fromkeys(untrue)}
        without = read(files, given, expanded=expanded, progress=progress)
        return replace(without, notes=(restarting_note(untrue), *without.notes))
    nowhere = {
        c: str((mapping or {})[c]) for c, names in absent.items() if len(names) == len(files)
    }
    if nowhere:
        raise names_nothing(nowhere, seen, f"any of the {len(files):,} files")
    frame = _standard(columns, dict(enumerate(map(str, files))), seen)
    return Reading(
        frame,
        _told(_first_of(mappings, files), columns),
        pd.DataFrame(rejected, columns=list(REJECTED)).astype(dict(REJECTED)),
        _notes(recoded, columns, [*said, *dates_alone(frame), *doubtful(frame)]),
    )


def _reject_row(file: OpenedFile, batch: Batch, row: int) -> None:
    cells = ((name, python_values(values[row : row + 1])[0]) for name, values in batch[0].items())
    told = {name: cell for name, cell in cells if cell is not None}
    file.reject(-1, "this row says nothing of an event in any column that is mapped", str(told))


def _lacks(found: Survey) -> int:
    """How much isn't found of what every log tells; what somebody says and is not there counts twice."""
    told = {"type", "time"}
    return len(told - found.mapping.keys()) + len(told & found.absent.keys())


def _unwound(kind: Kind, found: Survey) -> Unwound | None:
    """The same file with an event for each item of a list, if it is no log as it is."""
    if not isinstance(kind, JsonLines | JsonDocument) or not _lacks(found):
        return None
    path = list_in(found.sample.leaves)
    return None if path is None else Unwound(kind, path)


def _empty_list(kind: Kind, found: Survey) -> Path | None:
    """The path of a list without items, where a file of JSON is one object that wraps no other."""
    told = found.mapping.keys() | found.absent.keys()
    leaves = found.sample.leaves
    if not isinstance(kind, JsonLines | JsonDocument) or "type" in told or list_in(leaves):
        return None
    lists = {path: values for path, values in leaves.items() if isinstance(values[0], list)}
    return None if any(values != [[]] for values in lists.values()) else next(iter(lists), None)


def no_rejects() -> pd.DataFrame:
    """The table of what could not be read, when everything could."""
    return pd.DataFrame(columns=list(REJECTED)).astype(dict(REJECTED))


def from_frame(events: pd.DataFrame, mapping: Given | None = None) -> Reading:
    """Take a DataFrame with columns of any names for a log; see ``EventLog``."""
    check_names(events)
    events = frame_as_held(events)
    kind = _Frame(events)
    found, batches = survey(kind, kind.batches(), kind.batches, mapping)
    seen = found.sample.leaves
    if found.absent:
        raise names_nothing(found.absent, seen, "the DataFrame")
    columns = Columns()
    columns.dtypes = note_of(events)
    for batch in batches:
        columns.add(batch, found.mapping)
    frame = _standard(columns, {0: "the DataFrame"}, seen)
    return Reading(
        frame,
        _told(found.mapping, columns),
        no_rejects(),
        _notes(0, columns, [*dates_alone(frame), *doubtful(frame)]),
    )


class _Frame:
    """A DataFrame is a kind of file, too."""

    name = "a DataFrame"
    ours = json_is_text = untyped = False

    def __init__(self, events: pd.DataFrame) -> None:
        self._batch = _batch_of(events)

    def batches(self, file: OpenedFile | None = None) -> Iterator[Batch]:  # noqa: ARG002 - it is none
        """Give all rows at once."""
        yield self._batch


def _batch_of(events: pd.DataFrame) -> Batch:
    names = unique([str(name) for name in events.columns])
    columns = {name: events.iloc[:, place] for place, name in enumerate(names)}
    return {name: _values_of(column) for name, column in columns.items()}, len(events)


def _values_of(column: pd.Series[Any]) -> Values:
    if column.dtype == "json":
        return payload_texts(column).cast(JSON)
    if column.dtype == "object":
        cells = column.where(column.notna(), None).tolist()
        return [cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in cells]
    try:
        found = pa.array(column)
    except (pa.ArrowException, TypeError):  # complex numbers, sparse columns
        return column.astype("object").tolist()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def read_parts(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    before: Callable[[], pd.DataFrame | None] = lambda: None,
) -> Iterator[pd.DataFrame]:
    """Read an event log piece by piece, for one that is larger than memory.

    Parameters
    ----------
    paths
        Of its files, as ``read`` takes them.
    before
        Gives the rows that stand before these, as ``standard_frame`` takes it.

    Each part is as ``standard_frame`` returns it; columns beside the standard ones have the dtypes
    that the part's values suggest, and whether a date has its day first is what it and those before
    it tell.

    Raises
    ------
    LogError
        As ``read``; and when it comes to a row that can't be read.
    """
    dated = TimeColumns()
    for number, each in enumerate(files_of(paths)):
        file = OpenedFile(each)
        kind = kind_of(file)
        found, batches = survey(kind, kind.batches(file), _again(kind, each, None), None)
        for batch in batches:
            for bad in (each for each in file.rejected if each.is_row):
                raise LogError(f"{file.name}:{bad.line}: {bad.reason}.")
            columns = Columns(dated)
            columns.add(batch, found.mapping, untyped=kind.untyped, file=number)
            columns.dtypes = None
            part = _standard(columns, {number: file.name}, found.sample.leaves, before)
            before = partial(_itself, part)
            yield part


def _itself(part: pd.DataFrame) -> pd.DataFrame:
    return part


def _again(
    kind: Kind, path: os.PathLike[str], expanded: int | None
) -> Callable[[], Iterable[Batch]]:
    return lambda: kind.batches(OpenedFile(FilePath(path), expanded=expanded))


def _standard(
    columns: Columns,
    names: Mapping[int, str],
    seen: Mapping[Path, Any],
    before: Callable[[], pd.DataFrame | None] = lambda: None,
) -> pd.DataFrame:
    name = next(iter(names.values()))
    if columns.height and "type" not in columns.standard:
        raise says_no("type", name, seen)
    if columns.height and not TIMES & columns.standard.keys():
        raise says_no("time", name, seen)
    try:
        frame = columns.frame()
        unread = {file: columns.times.unreadable(number) for number, file in names.items()}
        for file, found in unread.items():
            if found is not None:
                name = file
                raise LogError(not_a_time(*found))
        return standard_frame(frame, before=before)
    except (LogError, TypeError, ValueError) as error:
        raise LogError(f"{name} is not an event log: {error}") from error


def _has_time(found: Survey, name: str) -> None:
    """Check that a file says when its events happened: those of other files don't tell it.

    Raises
    ------
    LogError
        It doesn't.
    """
    if TIMES & found.mapping.keys():
        return
    leaves = found.sample.leaves
    absent = {column: text for column, text in found.absent.items() if column in TIMES}
    if absent:
        raise names_nothing(absent, leaves, name)
    raise says_no("time" if "type" in found.mapping else "type", name, leaves)


def _first_of(mappings: list[LogMapping], files: Sequence[FilePath]) -> LogMapping:
    first = mappings[0]
    pairs = zip(map(str, files), mappings, strict=True)
    return replace(first, others={file: each for file, each in pairs if dict(each) != dict(first)})


def _told(mapping: LogMapping, columns: Columns) -> LogMapping:
    """The mapping of the first file with how its times were read, which all files may have told."""
    entries = tuple(
        replace(entry, form=columns.times.form(entry.column, 0))
        if entry.form is not None and entry.form.startswith("text")
        else entry
        for entry in mapping.entries
    )
    return replace(mapping, entries=entries)


def _notes(recoded: int, columns: Columns, said: list[str]) -> tuple[str, ...]:
    notes = [*said]
    if recoded:
        lines = "1 line is" if recoded == 1 else f"{recoded:,} lines are"
        notes.append(f"{lines} not in UTF-8, read as Windows-1252")
    for column, n in sorted(columns.times.unread.items()):
        if n:
            notes.append(no_times(column, n, columns.times.lost[column]))
    for column, n in sorted(columns.times.contradicting().items()):
        dates = "1 date of" if n == 1 else f"{n:,} dates of"
        notes.append(f"{dates} {column} can't have the day and the month in the order of most")
    for column, units in sorted(columns.times.other_units.items()):
        counts = ", ".join(f"{n:,} in {unit}" for unit, n in units.most_common())
        notes.append(f"counts of {column}, and {counts}: each was read in its own unit")
    return tuple(notes)

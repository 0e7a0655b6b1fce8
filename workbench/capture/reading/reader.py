"""Reading a log, from paths to a frame: kinds, mapping, columns, and what could not be read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
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
                    columns.add(batch, mapped, untyped=kind.untyped)
            rejected += [(file.name, each.line, each.reason, each.text) for each in file.rejected]
            recoded += file.recoded
    nowhere = {c: (mapping or {})[c] for c, names in absent.items() if len(names) == len(files)}
    if nowhere:
        raise names_nothing(nowhere, seen, f"any of the {len(files):,} files")
    return Reading(
        _standard(columns, str(files[0]), seen),
        _first_of(mappings),
        pd.DataFrame(rejected, columns=list(REJECTED)).astype(dict(REJECTED)),
        _notes(recoded),
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
    return Reading(frame, mapped, no_rejects())


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
    that the part's values suggest.

    Raises
    ------
    LogError
        As ``read``; and when it comes to a row that can't be read.
    """
    for each in files_of(path):
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
            columns = Columns()
            columns.add(batch, mapped, untyped=kind.untyped)
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
            names = ", ".join(shown(path) for path in list(seen)[:_LISTED])
            more = " …" if len(seen) > _LISTED else ""
            raise LogError(
                f"{name} is not an event log: no column says {what}; name it: "
                f'mapping={{"{column}": "…"}}. There are {names}{more}.'
            )
    try:
        return standard_frame(columns.frame())
    except (LogError, TypeError, ValueError) as error:
        raise LogError(f"{name} is not an event log: {error}") from error


_LISTED: Final = 20


def _first_of(mappings: list[LogMapping]) -> LogMapping:
    first = mappings[0]
    return replace(first, others=sum(dict(each) != dict(first) for each in mappings))


def _notes(recoded: int) -> tuple[str, ...]:
    if not recoded:
        return ()
    return (
        f"{'1 line is' if recoded == 1 else f'{recoded:,} lines are'} not in UTF-8, read as Windows-1252",
    )

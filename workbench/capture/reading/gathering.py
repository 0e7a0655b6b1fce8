"""Batches of their columns gathered into ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.columns import ATTEMPTS, BESIDE, COLUMNS, TIMES
from workbench.capture.nothing import NO_ID, no_cause
from workbench.capture.reading.arrays import (
    TEXT,
    Values,
    beside_array,
    category,
    id_array,
    json_array,
    number_array,
    python_values,
    series,
    singles,
    text_array,
    together,
)
from workbench.capture.reading.dtypes import DTYPES, as_json, note_in, restored, suggested
from workbench.capture.reading.inside import Inside
from workbench.capture.reading.joined_times import joined
from workbench.capture.reading.kinds import Batch
from workbench.capture.reading.log_mapping import Entry, LogMapping
from workbench.capture.reading.time_columns import TimeColumns
from workbench.capture.reading.traceparent import trace_ids
from workbench.capture.reading.uuids import plain_uuids


class Columns:
    """Columns that grow by batches."""

    def __init__(self, times: TimeColumns | None = None) -> None:
        self.standard: dict[str, list[pa.Array]] = {}
        self.others: dict[str, list[pa.Array]] = {}
        self.dtypes: dict[str, str] | None = None
        self.times = times or TimeColumns()
        self._untyped = True
        self._named: set[str] = set()
        self.height = 0

    def add(
        self,
        batch: Batch,
        mapping: LogMapping,
        *,
        untyped: bool = False,
        file: int = 0,
        reject: Callable[[int], object] | None = None,
    ) -> None:
        """Take a batch of a file, by its number; a column that it doesn't have is null in it.

        Parameters
        ----------
        reject
            Called with the place of each row that says nothing of an event, which is left out then.
        """
        columns, height = dict(batch[0]), batch[1]
        self._untyped &= untyped
        if DTYPES in columns:
            note = note_in(python_values(columns.pop(DTYPES)[:1])[0])
            self.dtypes = note if self.height == 0 else self.dtypes
        inside = Inside(columns)
        saved = columns.keys() >= COLUMNS.keys()  # by us: what it says is taken as it is
        ours = {
            entry.column: self._converted(entry, _values(inside, entry), file, saved=saved)
            for entry in mapping.entries
            if all(path[0] in columns for path in entry.joins or [entry.path])
        }
        whole = {entry.path[0] for entry in mapping.entries if len(entry.path) == 1}
        beside = {name: ours.pop(name) for name in BESIDE if name in ours}
        self._named |= beside.keys()
        others: dict[str, pa.Array] = {
            f"their_{name}" if name in COLUMNS or name in self._named else name: self._beside(
                name, values
            )
            for name, values in columns.items()
            if name not in whole
        } | beside
        if reject is not None and not saved:
            there = _says_something(ours)
            if there is not None:
                ours = {name: array.filter(there) for name, array in ours.items()}
                others = {name: array.filter(there) for name, array in others.items()}
                for place in np.flatnonzero(~np.asarray(there)):
                    reject(int(place))
                height = int(pc.sum(there).as_py() or 0)
        self._extend(self.standard, ours, height)
        for name in TIMES & ours.keys():
            if ours[name].type == TEXT:
                self.times.waits(name, len(self.standard[name]) - 1, file)
        self._extend(self.others, others, height)
        self.height += height

    def _converted(self, entry: Entry, values: Values, file: int, *, saved: bool) -> pa.Array:
        if entry.column in TIMES:
            return self.times.block(entry, values, file)
        return _converted(entry, values, saved=saved)

    def _beside(self, name: str, values: Values) -> pa.Array:
        if self.dtypes is not None and as_json(self.dtypes.get(name)):
            return json_array(values, inside=isinstance(values, pa.Array))
        return beside_array(values)

    def _other(self, name: str, column: pa.ChunkedArray) -> pd.Series[Any]:
        noted = (self.dtypes or {}).get(name)
        if noted is not None:
            try:
                return restored(column, noted)
            except (TypeError, ValueError, KeyError, NotImplementedError, MemoryError):
                if self._is_suggested(name):  # a note that somebody changed
                    column = suggested({name: column})[name]
        return series(column)

    def _is_suggested(self, name: str) -> bool:
        """Whether what its text is may be told by the text alone."""
        return self._untyped and name not in self._named

    def _extend(self, to: dict[str, list[pa.Array]], new: dict[str, pa.Array], height: int) -> None:
        for name in new:
            if name not in to:
                to[name] = [pa.nulls(self.height)] if self.height else []
        for name, blocks in to.items():
            blocks.append(new[name] if name in new else pa.nulls(height))

    def frame(self) -> pd.DataFrame:
        """All of it as pandas; each column leaves here as it goes there."""
        found: dict[str, pd.Series[Any]] = {}
        for name in list(self.standard):
            blocks = self.standard.pop(name)
            self.times.read_waiting(name, blocks)
            column = together(blocks)
            found[name] = category(column) if COLUMNS[name] == "category" else series(column)
        others = {name: together(self.others.pop(name)) for name in list(self.others)}
        noted = self.dtypes or {}
        untyped = [name for name in others if self._is_suggested(name) and name not in noted]
        others |= suggested({name: others[name] for name in untyped})
        for name in list(others):
            found[name] = self._other(name, others.pop(name))
        return pd.DataFrame(found, index=pd.RangeIndex(self.height))


def _says_something(ours: Mapping[str, pa.Array]) -> pa.Array | None:
    """Of each row whether one of our columns but the id has something; ``None`` if all rows have."""
    if "type" not in ours or not ours["type"].null_count:
        return None
    told = (pc.is_valid(array) for name, array in ours.items() if name != "id")
    there = reduce(pc.or_, told)
    return None if pc.all(there).as_py() else there


def _values(inside: Inside, entry: Entry) -> Values:
    if not entry.joins:
        values = inside.at(entry.path)
        return singles(python_values(values)) if entry.single else values
    return joined(*(python_values(inside.at(path)) for path in entry.joins))


def _converted(entry: Entry, values: Values, *, saved: bool) -> pa.Array:
    kind = "int64" if entry.column == ATTEMPTS else COLUMNS.get(entry.column, "str")
    if kind == "json":
        return json_array(values, inside=entry.inside)
    if kind.startswith("int"):
        return number_array(values)
    texts = text_array(values, is_type=entry.column == "type")
    if entry.whole:
        texts = id_array(texts)
    if entry.column == "correlation_id":
        texts = trace_ids(texts)
    if entry.any_case:
        texts = plain_uuids(texts)
    nothing = _nothing(entry)
    if nothing is None or saved:
        return texts
    none = pc.match_substring_regex(texts, nothing)
    return pc.if_else(none, pa.scalar(None, texts.type), texts)


def _nothing(entry: Entry) -> str | None:
    """The pattern of what others write in a column where there is nothing."""
    if entry.column == "causation_id":
        return no_cause(zero=entry.zero)
    return NO_ID if entry.column in ("id", "correlation_id") else None

"""Rows on disk while a log larger than memory is asked: Arrow files of which single columns are read.

A frame becomes an Arrow table once; what is dealt, kept and moved from then on are tables.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import feather, ipc

from workbench.capture.columns import COLUMNS, UNDATED, standard_column
from workbench.capture.payload_column import PayloadArray
from workbench.capture.reading.arrays import JSON, series, together
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def table_of(frame: pd.DataFrame) -> pa.Table:
    """Make a table of a frame as ``standard_frame`` returns it.

    Columns of Python objects become text or, if they are more, JSON.
    """
    table = pa.Table.from_pandas(_plain(frame), preserve_index=False)
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):  # room for the categories of other tables, too
            wide = pa.dictionary(pa.int32(), field.type.value_type, field.type.ordered)
            table = table.set_column(place, field.with_type(wide), table[place].cast(wide))
    return table


def same_columns(one: pa.Schema, other: pa.Schema) -> bool:
    """Whether the tables of two schemas can be stacked, and pandas then reads them as it would each."""
    return bool(one.equals(other)) and all(_dtype(one, n) == _dtype(other, n) for n in one.names)


def stacked(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables that have the same columns into one, each column in one piece."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def write(table: pa.Table, path: Path) -> None:
    """Write a table to a file.

    Raises
    ------
    LogError
        It can't be written.
    """
    with writing(path):
        feather.write_feather(table, str(path), compression="lz4")


def read(path: Path, names: Sequence[str] | None = None) -> pa.Table:
    """Read a table, or some of its columns.

    Raises
    ------
    LogError
        The file is not what was written.
    """
    with reading(path):
        return feather.read_table(str(path), columns=names, memory_map=False)


def names_in(path: Path) -> list[str]:
    """The names of a file's columns.

    Raises
    ------
    LogError
        The file is not what was written.
    """
    return list(_schema(path).names)


class SpilledColumns:
    """The columns of some files, one under the other; each is read when it is asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._schemas = [_schema(file) for file in files]

    def read(self, name: str) -> pd.Series[Any]:
        """Read a column, as ``standard_frame`` has it; it is null in files that are without it.

        Raises
        ------
        LogError
            A file is not what was written.
        """
        having = [schema for schema in self._schemas if name in schema.names]
        dtypes = {(schema.field(name).type, _dtype(schema, name)) for schema in having}
        if len(having) == len(self._files) and len(dtypes) == 1:
            column = pa.concat_tables([read(file, [name]) for file in self._files]).to_pandas()[
                name
            ]
            return standard_column(column, name) if name in COLUMNS else column
        if name in COLUMNS:
            pieces = map(self._piece, self._files, self._schemas, repeat(name))
            return standard_column(pd.concat(pieces, ignore_index=True)[name], name)
        return _joined(
            [_block(*each, name) for each in zip(self._files, self._schemas, strict=True)], name
        )

    def _piece(self, file: Path, schema: pa.Schema, name: str) -> pd.DataFrame:
        if name not in schema.names:
            return pd.DataFrame(index=pd.RangeIndex(_height(file)))
        found: pd.DataFrame = read(file, [name]).to_pandas()
        return found


def _block(file: Path, schema: pa.Schema, name: str) -> pa.Array:
    """A column of a file as the blocks are of which a log in memory is read."""
    if name not in schema.names:
        return pa.nulls(_height(file))
    return _as_read(read(file, [name]), name)


def _as_read(table: pa.Table, name: str) -> pa.Array:
    found = table.column(name).combine_chunks()
    if found.null_count == len(found):
        return pa.nulls(len(found))
    if pa.types.is_dictionary(found.type):
        return found.cast(found.type.value_type)
    return found.cast(JSON) if _dtype(table.schema, name) == "json" else found


def _joined(blocks: Sequence[pa.Array], name: str) -> pd.Series[Any]:
    """Blocks of a column as a log in memory has it; an event that is not marked as undated is dated."""
    column = series(together(blocks)).rename(name)
    return column.eq(other=True).fillna(value=False).astype(bool) if name == UNDATED else column


def concatenated(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put frames under each other whose columns beside the standard ones may differ."""
    dtypes: dict[str, list[Any]] = {}
    for name, dtype in (item for frame in frames for item in frame.dtypes.items()):
        dtypes.setdefault(str(name), []).append(dtype)
    differ = [
        name
        for name, each in dtypes.items()
        if name not in COLUMNS and (len(each) < len(frames) or len(set(map(str, each))) > 1)
    ]
    found = pd.concat(
        [frame.drop(columns=differ, errors="ignore") for frame in frames], ignore_index=True
    )
    for name in differ:
        blocks = [
            _as_read(table_of(frame[[name]]), name) if name in frame else pa.nulls(len(frame))
            for frame in frames
        ]
        found[name] = _joined(blocks, name)
    return found[list(dtypes)]


def _height(file: Path) -> int:
    return int(read(file, ["offset"]).num_rows)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say so in a sentence when a file can't be written."""
    try:
        yield
    except OSError as error:
        raise LogError(
            f"{path}: part of a scanned log can't be written: {error}; make room there, or scan "
            "with spill= in another folder."
        ) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say so in a sentence when a file is gone, or is not what was written."""
    try:
        yield
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise LogError(
            f"{path}: part of a scanned log can't be read: {error}; it was changed or deleted, "
            "scan the folder again."
        ) from error


def _schema(file: Path) -> pa.Schema:
    with reading(file), pa.OSFile(str(file)) as source:
        return ipc.open_file(source).schema


def _dtype(schema: pa.Schema, name: str) -> str | None:
    """What pandas makes of a column, where its type alone doesn't say that: JSON is text, too."""
    columns = (schema.pandas_metadata or {}).get("columns", ())
    of_values = (each for each in columns if each["pandas_type"] != "categorical")
    return next((str(each["numpy_type"]) for each in of_values if each["name"] == name), None)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
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

"""Writing an event log to a file: JSON lines, CSV, Parquet, Arrow or XES, as the path ends.

Writing and reading are exact inverses (but for XES: see ``workbench.capture.formats.xes_writing``). A line of JSON holds the standard columns first, then the
others; the payload in it is JSON, in all other formats it is JSON text::

    {"id":"o-1","type":"OrderPlaced","source":"shop","time":"2026-11-23T09:00:00.000000000Z",...}

What the columns beside the standard ones were stands in the first row, or in the schema: see
``workbench.capture.reading.dtypes``. Values are written as ``workbench.capture.json_text`` says:
every digit is kept.
"""

from __future__ import annotations

import contextlib
import gzip
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.feather
import pyarrow.parquet as pq
import zstandard
from pandas.api.types import (
    is_bool_dtype,
    is_datetime64_any_dtype,
    is_float_dtype,
    is_numeric_dtype,
    is_timedelta64_dtype,
)
from tqdm.auto import tqdm

from workbench.capture.formats.xes_writing import Advance, write_xes
from workbench.capture.json_text import json_text
from workbench.capture.payload_column import payload_texts
from workbench.capture.reading.dtypes import DTYPES, note_of
from workbench.errors import LogError

_BATCH: Final = 10_000
"""Rows that are turned into text at a time, so that memory doesn't grow with the log."""


def write_log(frame: pd.DataFrame, path: str | os.PathLike[str], *, progress: bool = True) -> Path:
    """Write an event log, whole or not at all: a file of that name is replaced at the end.

    Parameters
    ----------
    frame
        As ``standard_frame`` returns it. Columns beside the standard ones may hold text, numbers,
        booleans, categories, datetimes or, as objects, any JSON value. (A log without events keeps
        its standard columns only.)
    path
        Where to. It ends in ``.jsonl``, ``.csv`` or ``.xes``, with ``.gz`` or ``.zst`` behind it
        if it is to be compressed, or in ``.parquet``, ``.arrow`` or ``.feather``.
    progress
        Whether a bar shows how far it is, where there is somebody to see it.

    Returns
    -------
    pathlib.Path
        Where it went.

    Raises
    ------
    LogError
        The path ends otherwise, a value is not JSON, or the file can't be written.
    """
    try:
        target = Path(path).expanduser()
        real = target.resolve()  # a link stays one
    except (TypeError, ValueError, RuntimeError) as error:
        raise LogError(f"{path!r} can't be written: it is no path of a file.") from error
    if "\0" in str(target):
        raise LogError(f"{path!r} can't be written: it is no path of a file.")
    frame = frame.rename(columns=str)
    suffixes = [suffix.lower() for suffix in target.suffixes[-2:]]
    packing = suffixes.pop() if suffixes[-1:] in ([".gz"], [".zst"]) else ""
    write = _WRITERS.get(suffixes[-1] if suffixes else "")
    if write is None or (packing and suffixes[-1] not in _PACKED):
        raise LogError(
            f"{target} can't be written: a log's file ends in .jsonl, .csv, .xes (each with .gz or .zst "
            "behind, to compress it), .parquet, .arrow or .feather."
        )
    half = real.with_name(f".{os.getpid()}.half.{real.name}")
    try:
        with (
            tqdm(
                total=len(frame), desc="writing", unit=" events", unit_scale=True, leave=False,
                disable=None if progress else True,
            ) as bar,
            _open(half, packing) as file,
        ):  # fmt: skip
            write(frame, file, bar.update)
        if real.exists():
            half.chmod(real.stat().st_mode & 0o777)  # what nobody else may read stays so
        half.replace(real)
    except OSError as error:
        raise LogError(f"{target} can't be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            half.unlink()
    return target


@contextlib.contextmanager
def _open(path: Path, packing: str) -> Iterator[BinaryIO]:
    with path.open("wb") as plain:
        if packing == ".gz":
            # Without name and time the same log gives the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=plain, mtime=0) as packed:
                yield cast("BinaryIO", packed)
        elif packing == ".zst":
            with zstandard.ZstdCompressor().stream_writer(plain, closefd=False) as packed:
                yield cast("BinaryIO", packed)
        else:
            yield plain


def _write_jsonl(frame: pd.DataFrame, file: BinaryIO, advance: Advance) -> None:
    for line in _lines(frame, advance):  # noqa: FURB122 - the writer of zstd has no writelines
        file.write(line)


def _lines(frame: pd.DataFrame, advance: Advance) -> Iterator[bytes]:
    names = list(frame.columns)
    dtypes = note_of(frame)
    note = {DTYPES: dtypes} if dtypes else {}
    for start in range(0, len(frame), _BATCH):
        batch = frame.iloc[start : start + _BATCH]
        for cells in zip(*(_cells(batch[name]) for name in names), strict=True):
            yield orjson.dumps(dict(zip(names, cells, strict=True)) | note) + b"\n"
            note = {}
        advance(len(batch))


def _cells(series: pd.Series[Any]) -> list[Any]:
    """Turn a column into values that orjson writes without loss."""
    present = series.notna().to_numpy()
    if is_datetime64_any_dtype(series.dtype):
        return cast("list[Any]", _times(series).to_pylist())
    if series.dtype == "json":
        texts = _in_one_line(payload_texts(series)).to_pylist()
        return [None if text is None else orjson.Fragment(text) for text in texts]
    if is_timedelta64_dtype(series.dtype):
        return _lengths(series)
    if series.dtype == "object" or not _is_plain(series.dtype):
        return [None if t is None else orjson.Fragment(t) for t in _json_texts(series)]
    cells = series.astype("object").where(present, None).tolist()
    if is_float_dtype(series.dtype):
        return [None if cell is None else orjson.Fragment(json_text(cell)) for cell in cells]
    return cells


def _in_one_line(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """JSON without the breaks of lines that stand between its tokens: inside of text there are none."""
    for sign in ("\n", "\r"):
        if pc.any(pc.match_substring(texts, sign)).as_py():
            texts = pc.replace_substring(texts, sign, " ")
    return texts


def _is_plain(dtype: Any) -> bool:
    """Whether values of a dtype are numbers, text, or true and false."""
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    is_number = is_numeric_dtype(dtype) and dtype.kind != "c"
    return dtype in ("str", "object") or is_number or is_bool_dtype(dtype)


def _lengths(series: pd.Series[Any]) -> list[str | None]:
    """Lengths of time, as ISO 8601 has them."""
    return [None if pd.isna(cell) else cell.isoformat() for cell in series.tolist()]


def _json_texts(series: pd.Series[Any]) -> Iterator[bytes | None]:
    for row, cell in enumerate(series.tolist()):
        try:
            yield None if cell is None or cell is pd.NA else json_text(cell)
        except (TypeError, ValueError, RecursionError) as error:
            where = f"event {series.index[row]}, column {series.name!r}"
            raise LogError(f"{where}: not a JSON value: {error}.") from error


def _times(series: pd.Series[Any]) -> pa.Array:
    zone = "Z" if isinstance(series.dtype, pd.DatetimeTZDtype) else ""
    times = (series.dt.tz_convert(None) if zone else series).to_numpy()
    texts = np.datetime_as_string(times).tolist()
    there = series.notna().tolist()
    cells = [text + zone if known else None for text, known in zip(texts, there, strict=True)]
    return pa.array(cells, pa.large_string())


def _arrow(series: pd.Series[Any]) -> pa.Array:
    """A column as Arrow has it; what is JSON as its text."""
    if series.dtype == "json":
        return payload_texts(series)
    if series.dtype == "object":
        return pa.array(list(_json_texts(series)), pa.large_binary()).cast(pa.large_string())
    try:
        found = pa.array(series)
    except (pa.ArrowException, TypeError) as error:
        raise LogError(f"column {series.name!r} can't be written: {error}.") from error
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _table(frame: pd.DataFrame, column: Callable[[pd.Series[Any]], pa.Array]) -> pa.Table:
    return pa.table(
        [column(frame[name]) for name in frame.columns], names=[*map(str, frame.columns)]
    )


def _write_csv(frame: pd.DataFrame, file: BinaryIO, advance: Advance) -> None:
    dtypes = note_of(frame)
    for start in range(0, max(len(frame), 1), _BATCH):
        batch = frame.iloc[start : start + _BATCH]
        table = _table(batch, _as_text)
        if dtypes:
            first = [orjson.dumps(dtypes).decode() if start == 0 else None]
            notes = pa.array((first + [None] * len(batch))[: len(batch)], pa.large_string())
            table = table.append_column(DTYPES, notes)
        options = pa_csv.WriteOptions(include_header=start == 0)
        pa_csv.write_csv(table, pa.PythonFile(file, mode="w"), options)
        advance(len(batch))


def _as_text(series: pd.Series[Any]) -> pa.Array:
    if is_datetime64_any_dtype(series.dtype):
        return _times(series)
    if is_timedelta64_dtype(series.dtype):
        return pa.array(_lengths(series), pa.large_string())
    if series.dtype in ("json", "object"):
        return _arrow(series)
    if not _is_plain(series.dtype):
        return _arrow(series.astype("object"))
    cells = [None if cell is None else cell if isinstance(cell, str) else json_text(cell).decode()
             for cell in _cells_plain(series)]  # fmt: skip
    return pa.array(cells, pa.large_string())


def _cells_plain(series: pd.Series[Any]) -> list[Any]:
    return series.astype("object").where(series.notna().to_numpy(), None).tolist()


def _noted(frame: pd.DataFrame) -> pa.Table:
    table = _table(frame, _arrow)
    dtypes = note_of(frame)
    return table.replace_schema_metadata({DTYPES: orjson.dumps(dtypes)}) if dtypes else table


def _write_parquet(frame: pd.DataFrame, file: BinaryIO, advance: Advance) -> None:
    pq.write_table(_noted(frame), file, compression="zstd")
    advance(len(frame))


def _write_arrow(frame: pd.DataFrame, file: BinaryIO, advance: Advance) -> None:
    pyarrow.feather.write_feather(_noted(frame), file, compression="zstd")
    advance(len(frame))


_WRITERS: Final[Mapping[str, Callable[[pd.DataFrame, BinaryIO, Advance], None]]] = {
    ".jsonl": _write_jsonl,
    ".ndjson": _write_jsonl,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".arrow": _write_arrow,
    ".feather": _write_arrow,
    ".xes": write_xes,
}
_PACKED: Final = frozenset([".jsonl", ".ndjson", ".csv", ".xes"])

"""Event logs as JSON lines: one event a line, readable by people and by any other tool.

Writing and reading are exact inverses. A line holds the standard columns first, then the others::

    {"id":"o-1","type":"OrderPlaced","source":"shop","time":"2026-11-23T09:00:00.000000000Z",...}

JSON knows no dtypes, so where a log has columns of its own, its first line says in ``"@dtypes"``
what they were. In a file without that note, made by other tools, such columns get the dtype that
their values suggest.

Values are written as ``workbench.capture.json_text`` says: every digit is kept.
A path that ends in ``.gz`` is compressed.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import numpy as np
import orjson
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_float_dtype, pandas_dtype

from workbench.capture.columns import COLUMNS, inferred, object_frame, standard_frame
from workbench.capture.json_text import any_json, json_text
from workbench.capture.payload_column import payload_texts
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DTYPES: Final = "@dtypes"
_BATCH: Final = 10_000
"""Rows that are turned into text at a time, so that memory doesn't grow with the log."""


def write_jsonl(frame: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write an event log, whole or not at all: a file of that name is replaced at the end.

    Parameters
    ----------
    frame
        As ``standard_frame`` returns it. Columns beside the standard ones may hold text, numbers,
        booleans, categories, datetimes or, as objects, any JSON value. (A log without events keeps
        its standard columns only: there is no line to note the others on.)
    path
        Where to; a path that ends in ``.gz`` is compressed.

    Returns
    -------
    pathlib.Path
        Where it went.

    Raises
    ------
    LogError
        A value is not JSON, or the file can't be written.
    """
    target = Path(path)
    half = target.with_name(f".{os.getpid()}.half.{target.name}")
    try:
        with _open(half, "wb") as file:
            file.writelines(_lines(frame))
        half.replace(target)
    except OSError as error:
        raise LogError(f"{target} can't be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            half.unlink()
    return target


def read_jsonl(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read an event log from JSON lines; the exact inverse of ``write_jsonl``.

    Returns
    -------
    pandas.DataFrame
        As ``standard_frame`` returns it.

    Raises
    ------
    LogError
        The file can't be read, or a line is no JSON object; says the file and the line.
    """
    source = Path(path)
    frame = object_frame(_rows(source))
    try:
        return standard_frame(_with_dtypes(frame))
    except (LogError, TypeError, ValueError) as error:
        raise LogError(f"{source} is not an event log: {error}") from error


def read_jsonl_parts(path: str | os.PathLike[str], size: int) -> Iterator[pd.DataFrame]:
    """Read an event log ``size`` events at a time, for one that is larger than memory.

    Each part is as ``standard_frame`` returns it; columns beside the standard ones have the dtypes
    that the part's values suggest.

    Raises
    ------
    LogError
        As ``read_jsonl``, when it comes to the line.
    """
    source = Path(path)
    rows = _rows(source)
    while part := list(islice(rows, size)):
        for row in part:
            row.pop(_DTYPES, None)
        try:
            yield standard_frame(part)
        except LogError as error:
            raise LogError(f"{source} is not an event log: {error}") from error


def _rows(source: Path) -> Iterator[dict[str, Any]]:
    try:
        with _open(source, "rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _loads(line, source, number)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LogError(f"{source} can't be read: {reason}.") from error


@contextlib.contextmanager
def _open(path: Path, mode: str) -> Iterator[BinaryIO]:
    with path.open(mode) as plain:
        file = cast("BinaryIO", plain)
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", mode=mode, fileobj=file, mtime=0) as unzipped:
                yield cast("BinaryIO", unzipped)
        else:
            yield file


def _lines(frame: pd.DataFrame) -> Iterator[bytes]:
    names = list(frame.columns)
    dtypes = {name: str(frame[name].dtype) for name in names if name not in COLUMNS}
    note = {_DTYPES: dtypes} if dtypes else {}
    for start in range(0, len(frame), _BATCH):
        batch = frame.iloc[start : start + _BATCH]
        for cells in zip(*(_cells(batch[name]) for name in names), strict=True):
            yield orjson.dumps(dict(zip(names, cells, strict=True)) | note) + b"\n"
            note = {}


def _cells(series: pd.Series[Any]) -> list[Any]:
    """Turn a column into values that orjson writes without loss."""
    present = series.notna().to_numpy()
    if is_datetime64_any_dtype(series.dtype):
        zone = "Z" if isinstance(series.dtype, pd.DatetimeTZDtype) else ""
        times = (series.dt.tz_convert(None) if zone else series).to_numpy()
        texts = np.datetime_as_string(times).tolist()
        return [text + zone if there else None for text, there in zip(texts, present, strict=True)]
    if series.dtype == "json":
        texts = payload_texts(series).to_pylist()
        return [None if text is None else orjson.Fragment(text) for text in texts]
    if series.dtype == "object":
        return [_fragment(cell, series, row) for row, cell in enumerate(series.tolist())]
    cells = series.astype("object").where(present, None).tolist()
    if is_float_dtype(series.dtype):
        return [_fragment(cell, series, row) for row, cell in enumerate(cells)]
    return cells


def _fragment(cell: Any, series: pd.Series[Any], row: int) -> orjson.Fragment | None:
    try:
        return None if cell is None else orjson.Fragment(json_text(cell))
    except (TypeError, ValueError, RecursionError) as error:
        where = f"event {series.index[row]}, column {series.name!r}"
        raise LogError(f"{where}: not a JSON value: {error}.") from error


def _loads(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        value = any_json(line)
    except (ValueError, RecursionError) as error:
        raise LogError(f"{path}:{number}: this line is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise LogError(f"{path}:{number}: this line is not a JSON object that holds an event.")
    return value


def _with_dtypes(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the columns beside the standard ones the dtypes noted, or else those they suggest."""
    if _DTYPES not in frame:
        return inferred(frame)
    dtypes = dict(frame.pop(_DTYPES)[0])
    columns = {n: _restored(frame[n], dtypes.get(n, "object")) for n in frame.columns}
    return pd.DataFrame(columns)


def _restored(values: pd.Series[Any], dtype: str) -> pd.Series[Any]:
    if dtype.startswith("datetime64"):
        return pd.to_datetime(values, utc="," in dtype, format="ISO8601").astype(
            pandas_dtype(dtype)
        )
    return values.astype(pandas_dtype(dtype))

"""The columns of Arrow and Parquet as a log holds them: what JSON has no word for is told as text.

A mapping is guessed from what stands here, so that it is the frame's.

====================================  ==========================================================
Arrow                                 a log
====================================  ==========================================================
struct, list                          JSON
map                                   a JSON object; a key that is there twice has all its values
bytes                                 text; hexadecimal digits of a value that is not UTF-8
decimal                               a number, or text with all its digits where none is exact
date, time of day                     ISO 8601
timestamp, duration                   ISO 8601 inside JSON, in UTC if it has a zone; else as it is
UUID                                  text
====================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.reading.arrays import JSON, TEXT, Values, is_text, json_array, python_values
from workbench.capture.reading.python_objects import name_of, number_of, text_of_bytes
from workbench.capture.rows import named

_DIGITS: Final[Mapping[str, int]] = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""Of a second, by the unit of a time."""


def as_held(column: pa.Array) -> Values:
    """A column of a file as the log will hold it."""
    column = _plain(column)
    if pa.types.is_nested(column.type):
        return json_array(_json_values(column))
    return _scalars(column)


def _plain(column: pa.Array) -> pa.Array:
    """A column as one of Arrow's plain types: what is only another way to store one is undone."""
    kind = column.type
    if isinstance(kind, pa.UuidType):
        return pa.array([None if v is None else str(v) for v in column.to_pylist()], TEXT)
    if isinstance(column, pa.ExtensionArray):
        return _plain(column.storage)
    if pa.types.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(column))
    if pa.types.is_dictionary(kind):
        names = _plain(column.dictionary)
        if not is_text(names.type):
            return names.take(column.indices)
        return pa.DictionaryArray.from_arrays(column.indices, names)
    if pa.types.is_string_view(kind):
        return column.cast(TEXT)
    if any(is_bytes(kind) for is_bytes in _BYTES):
        return _text_of_bytes(column.cast(JSON))
    return column


_BYTES: Final[tuple[Callable[[pa.DataType], bool], ...]] = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def _text_of_bytes(column: pa.Array) -> pa.Array:
    try:
        return column.cast(TEXT)
    except pa.ArrowInvalid:
        return pa.array([None if v is None else text_of_bytes(v) for v in column.to_pylist()], TEXT)


def _scalars(column: pa.Array) -> Values:
    kind = column.type
    if pa.types.is_decimal(kind):
        return [None if value is None else number_of(value) for value in column.to_pylist()]
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return column.cast(TEXT)
    return column


def _json_values(column: pa.Array) -> list[Any]:
    """The values as JSON has them."""
    column = _plain(column)
    kind = column.type
    if pa.types.is_struct(kind):
        return _objects(column)
    if pa.types.is_map(kind):
        pairs = pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)])
        return [
            None
            if found is None
            else named((name_of(each["key"]), each["value"]) for each in found)
            for found in _lists(column.cast(pa.list_(pairs)))
        ]
    if pa.types.is_nested(kind) and not pa.types.is_union(kind):
        return _lists(column)
    if pa.types.is_timestamp(kind):
        return list(_moments(column).to_pylist())
    if pa.types.is_duration(kind):
        digits = _DIGITS[kind.unit]
        counts = column.cast(pa.int64()).to_pylist()
        return [None if count is None else _duration(count, digits) for count in counts]
    return python_values(_scalars(column))


def _objects(column: pa.Array) -> list[Any]:
    rows: list[Any] = [{} if there else None for there in column.is_valid().to_pylist()]
    for field, values in zip(column.type, column.flatten(), strict=True):
        for row, value in zip(rows, _json_values(values), strict=True):
            if row is not None:
                row.setdefault(field.name, value)
    return rows


def _lists(column: pa.Array) -> list[Any]:
    values = _json_values(column.flatten())
    sizes = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    ends = np.cumsum(sizes)
    places = zip((ends - sizes).tolist(), ends.tolist(), column.is_valid().to_pylist(), strict=True)
    return [values[begin:end] if there else None for begin, end, there in places]


def _moments(column: pa.Array) -> pa.Array:
    if column.type.tz is not None:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    return pc.replace_substring(column.cast(TEXT), " ", "T", max_replacements=1)


def _duration(count: int, digits: int) -> str:
    seconds, rest = divmod(abs(count), 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{'-' if count < 0 else ''}PT{seconds}{fraction}S"

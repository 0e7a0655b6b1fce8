"""From values to Arrow: text, numbers, times and JSON, block by block.

JSON text travels as Arrow's ``large_binary``, which nothing else is; text as ``large_string``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.json_text import any_json, json_text
from workbench.capture.payload_column import PayloadArray
from workbench.capture.reading.base64_json import json_in_base64
from workbench.capture.reading.time_objects import MICROSOFT, plain_time
from workbench.capture.whole import WHOLE_TEXT, whole

Values: TypeAlias = Sequence[Any] | pa.Array
"""A block of a column: Python values (``msgspec.Raw`` for JSON that was not decoded), or Arrow."""

TEXT: Final = pa.large_string()
JSON: Final = pa.large_binary()

_UNDECODED: Final = {msgspec.Raw, type(None)}
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def decoded(value: Any) -> Any:
    """The value itself, of whatever form it travels in."""
    return any_json(bytes(value)) if isinstance(value, msgspec.Raw) else value


def python_values(values: Values) -> list[Any]:
    """As Python values, decoded."""
    if isinstance(values, pa.Array):
        if values.type == JSON:
            return [None if text is None else any_json(text) for text in values.to_pylist()]
        if pa.types.is_timestamp(values.type):
            return list(values.to_pandas().astype(object).where(lambda found: found.notna(), None))
        return list(values.to_pylist())
    return [decoded(value) for value in values]


def first_text(value: Any) -> Any:
    """The first of a list of texts; anything else as it is."""
    is_list = isinstance(value, list) and value and all(isinstance(each, str) for each in value)
    return value[0] if is_list else value


def are_single(values: Iterable[Any]) -> bool:
    """Whether all values that are there are lists of one, as Elasticsearch writes fields, or empty."""
    there = [value for value in values if value is not None and value != []]
    return bool(there) and all(map(_is_single, there))


def singles(values: Iterable[Any]) -> list[Any]:
    """Values, of each list of one what is in it, and of an empty one nothing."""
    return [value[0] if _is_single(value) else None if value == [] else value for value in values]


def _is_single(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and not isinstance(value[0], dict | list)


def text_array(values: Values, *, is_type: bool = False) -> pa.Array:
    """As text: what is text already, and the JSON text of all else; ``1.0`` was the number 1.

    Of types that are a list of names, as an event has several in MassTransit, it is the first.
    """
    if isinstance(values, pa.Array):
        kind = values.type
        if pa.types.is_dictionary(kind):
            return values.dictionary_decode().cast(TEXT)
        plain = pa.types.is_string(kind) or pa.types.is_integer(kind)
        if kind == TEXT or plain:
            return values.cast(TEXT)
        values = python_values(values)
    try:
        return pa.array(values, TEXT)
    except (pa.ArrowException, TypeError, ValueError):
        if is_type:
            values = [first_text(decoded(value)) for value in values]
        return pa.array([_text(value) for value in values], TEXT)


def id_array(texts: pa.Array) -> pa.Array:
    """Ids as text, in which ``1.0`` was the number 1."""
    return pc.replace_substring_regex(texts, pattern=WHOLE_TEXT, replacement=r"\1")


def _text(value: Any) -> str | None:
    value = whole(decoded(value))
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    try:
        return json_text(value).decode()
    except (TypeError, ValueError):
        return str(value)


def number_array(values: Values) -> pa.Array:
    """As whole numbers; null where there is none."""
    if isinstance(values, pa.Array) and pa.types.is_integer(values.type):
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            values = values.to_pylist()
    elif not isinstance(values, pa.Array):
        try:
            return pa.array(values, pa.int64())
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            pass
    if isinstance(values, pa.Array) and values.type == TEXT:
        values = id_array(values)
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            pass
    return pa.array([_whole(value) for value in python_values(values)], pa.int64())


def _whole(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number == float(value) and -(2**63) <= number < 2**63 else None


def time_values(values: Values) -> pa.Array:
    """As what times may be written in: text, numbers or Arrow times."""
    found = _arrow_or_none(values)
    if found is None or _is_object(found.type):
        plain = [plain_time(value) for value in python_values(values)]
        found = _arrow_or_none(plain)
        if found is None or _is_object(found.type):
            return text_array(plain)
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    if is_text(found.type) and pc.any(pc.match_substring(found[:_LOOKED_AT], "/Date(")).as_py():
        return pc.replace_substring_regex(found, pattern=MICROSOFT, replacement=r"\1")
    return found


_LOOKED_AT: Final = 100
"""Values that tell whether a column has Microsoft's times."""


def _arrow_or_none(values: Values) -> pa.Array | None:
    if isinstance(values, pa.Array):
        return values
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None


def _is_object(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind) or pa.types.is_binary(kind) or kind == JSON)


def json_array(values: Values, *, inside: bool = False) -> pa.Array:
    """As JSON text.

    Parameters
    ----------
    values
        Text is a JSON string.
    inside
        Text that is itself JSON, as it is or in base64, is taken for what it says, not as a string.
    """
    if isinstance(values, pa.Array):
        if values.type == JSON:
            return values
        values = python_values(values)
    if not inside and {*map(type, values)} <= _UNDECODED:
        return pa.array([value if value is None else bytes(value) for value in values], JSON)
    return pa.array([_json(value, inside=inside) for value in values], JSON)


def _json(value: Any, *, inside: bool) -> bytes | None:
    if inside and isinstance(value, msgspec.Raw):
        text = bytes(value)
        if text[:1] != b'"':
            return text
        value = any_json(text)
    if isinstance(value, msgspec.Raw):
        return bytes(value)
    if value is None:
        return None
    if inside and isinstance(value, str):
        return _own_json(value)
    try:
        return json_text(value)
    except (TypeError, ValueError, RecursionError):
        return json_text(str(value))


def _own_json(text: str) -> bytes:
    try:
        return bytes(_RAW.decode(text))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        pass
    if (decoded := json_in_base64(text)) is not None:
        return _own_json(decoded)
    try:
        return json_text(any_json(text))
    except (ValueError, RecursionError):
        return json_text(text)


def beside_array(values: Values) -> pa.Array:
    """As whatever the values suggest; what is nested or mixed as JSON."""
    if isinstance(values, pa.Array):
        return _beside_arrow(values)
    if any(isinstance(value, msgspec.Raw) for value in values):
        return json_array(values)
    try:
        found = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return json_array(values)
    if pa.types.is_string(found.type):
        return found.cast(TEXT)
    return json_array(values) if pa.types.is_nested(found.type) else found


def _beside_arrow(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_string(kind):
        return values.cast(TEXT)
    if pa.types.is_nested(kind) or pa.types.is_map(kind):
        return json_array(values.to_pylist())
    return values


# --- blocks put together -------------------------------------------------------------------


def together(blocks: Sequence[pa.Array]) -> pa.ChunkedArray:
    """One column of blocks whose types may differ: numbers widen, all else becomes JSON."""
    kinds = {block.type for block in blocks if not pa.types.is_null(block.type)}
    if not kinds:
        return pa.chunked_array(blocks, pa.null())
    if len(kinds) == 1:
        kind = kinds.pop()
        return pa.chunked_array([_nulls_as(block, kind) for block in blocks], kind)
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        try:
            return pa.chunked_array([block.cast(pa.float64()) for block in blocks], pa.float64())
        except pa.ArrowInvalid:  # a number would lose digits
            pass
    return pa.chunked_array([json_array(block) for block in blocks], JSON)


def _nulls_as(block: pa.Array, kind: pa.DataType) -> pa.Array:
    return pa.nulls(len(block), kind) if pa.types.is_null(block.type) else block


def series(column: pa.ChunkedArray) -> pd.Series[Any]:
    """A pandas column, which shares Arrow's memory where it can."""
    kind = column.type
    if kind == JSON:
        return pd.Series(PayloadArray(_as_text(column)))
    if pa.types.is_null(kind):
        return pd.Series([None] * len(column), dtype="object")
    if column.null_count and pa.types.is_boolean(kind):
        return pd.Series(pd.array(column.to_pylist(), dtype="boolean"))
    if column.null_count and pa.types.is_integer(kind):
        held = kind if kind == pa.uint64() else pa.int64()
        whole = pc.fill_null(column, 0).cast(held).to_numpy()
        return pd.Series(pd.arrays.IntegerArray(whole.copy(), pc.is_null(column).to_numpy().copy()))
    found: pd.Series[Any] = column.to_pandas()
    return found


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """JSON text was checked to be UTF-8 when it was read: no need to look again."""
    return pa.chunked_array([chunk.view(TEXT) for chunk in column.chunks], TEXT)


def category(column: pa.ChunkedArray) -> pd.Series[Any]:
    """Text as a category, its names sorted."""
    coded = column.dictionary_encode().unify_dictionaries()
    if not coded.num_chunks:
        return pd.Series([], dtype="str").astype("category")
    names = coded.chunk(0).dictionary
    order = pc.array_sort_indices(names).to_numpy()
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    codes = pc.fill_null(pa.chunked_array([c.indices for c in coded.chunks]), -1).to_numpy()
    names = names.take(pa.array(order)).to_pandas()
    return pd.Series(pd.Categorical.from_codes(rank[codes], pd.Index(names, dtype="str")))

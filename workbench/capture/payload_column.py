"""The payloads of an event log: JSON text in one block of memory, decoded when it is looked at.

A column of five million Python dicts takes ten times the memory of their text and most of the time
of reading it. So a log keeps the text as it came, and pandas sees a column of dtype ``json`` whose
cells are what the text says::

    frame["data"].iloc[0]  # {'order_id': 'o-1', 'total': 12.5}
    frame["data"].map(lambda data: data["total"])
    payload_texts(frame["data"])  # the text itself, as an Arrow array

A payload never changes; what is taken out of the column is a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype
from pandas.api.indexers import check_array_indexer

from workbench.capture.json_text import any_json, json_text
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

_TEXT: Final = pa.large_string()
_SHOWN: Final = 100
"""Letters of a payload that a table shows at most."""


@register_extension_dtype
class PayloadDtype(ExtensionDtype):
    """The dtype ``json``: JSON values, kept as their text; null where there is no payload."""

    name = "json"
    type: ClassVar[Any] = object
    kind = "O"
    na_value = None

    @classmethod
    def construct_array_type(cls) -> Any:
        return PayloadArray

    def __from_arrow__(self, array: pa.Array | pa.ChunkedArray) -> PayloadArray:
        return PayloadArray(array)


class PayloadArray(ExtensionArray):
    """A pandas array of JSON values that holds their text.

    Parameters
    ----------
    texts
        An Arrow array of strings, each valid JSON or null. JSON's own ``null`` is no payload.
    """

    def __init__(self, texts: pa.Array | pa.ChunkedArray) -> None:
        texts = texts.cast(_TEXT)
        if isinstance(texts, pa.ChunkedArray):
            texts = texts.combine_chunks()
        if isinstance(texts, pa.ChunkedArray):  # of no chunks
            texts = pa.array([], _TEXT)
        is_null = pc.equal(texts, "null")
        if pc.any(is_null).as_py():
            texts = pc.if_else(is_null, pa.scalar(None, _TEXT), texts)
        self._texts: pa.LargeStringArray = texts

    @classmethod
    def of(cls, values: Iterable[Any]) -> PayloadArray:
        """From decoded values; ``None`` (and pandas' nulls) are no payload.

        Raises
        ------
        LogError
            A value is not JSON; says which.
        """
        texts: list[bytes | None] = []
        for place, value in enumerate(values):
            is_nan = isinstance(value, float) and value != value  # noqa: PLR0124
            if value is None or is_nan or value is pd.NA or value is pd.NaT:
                texts.append(None)
                continue
            try:
                texts.append(json_text(value))
            except (TypeError, ValueError, RecursionError) as error:
                raise LogError(
                    f"event {place}, column 'data': not a JSON value: {error}."
                ) from error
        return cls(pa.array(texts, pa.large_binary()))

    @classmethod
    def _part(cls, texts: pa.LargeStringArray) -> PayloadArray:
        """From texts that were looked at already."""
        array = cls.__new__(cls)
        array._texts = texts  # noqa: SLF001 - its own
        return array

    @property
    def texts(self) -> pa.LargeStringArray:
        """The text of each payload; null where there is none."""
        return self._texts

    # --- what pandas asks of an array ------------------------------------------------------

    @classmethod
    def _from_sequence(
        cls, scalars: Iterable[Any], *, dtype: object = None, copy: bool = False
    ) -> PayloadArray:
        return scalars if isinstance(scalars, cls) else cls.of(scalars)

    @classmethod
    def _from_scalars(cls, scalars: Iterable[Any], *, dtype: object) -> PayloadArray:
        """What a function made of payloads (``Series.map``): payloads if all are objects or lists."""
        values = list(scalars)
        if not all(isinstance(value, dict | list) or value is None for value in values):
            raise TypeError("not all of it is objects and lists")
        return cls.of(values)

    @classmethod
    def _concat_same_type(cls, to_concat: Iterable[PayloadArray]) -> PayloadArray:
        return cls(pa.chunked_array([each.texts for each in to_concat], _TEXT))

    @property
    def dtype(self) -> PayloadDtype:
        return PayloadDtype()

    @property
    def nbytes(self) -> int:
        return int(self._texts.nbytes)

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, item: Any) -> Any:
        item = check_array_indexer(self, item)
        if isinstance(item, int | np.integer):
            return _decoded(self._texts[int(item) + (len(self) if item < 0 else 0)].as_py())
        if isinstance(item, slice):
            start, stop, step = item.indices(len(self))
            if step == 1:
                return self._part(self._texts.slice(start, max(stop - start, 0)))
            item = np.arange(start, stop, step)
        elif item.dtype == bool:
            item = np.flatnonzero(item)
        return self.take(item)

    def __setitem__(self, key: object, value: object) -> None:
        raise LogError(
            "the payloads of a log don't change: work on a copy, frame['data'].astype(object)."
        )

    def __iter__(self) -> Iterator[Any]:
        return (_decoded(text) for text in self._texts.to_pylist())

    def __eq__(self, other: object) -> NDArray[np.bool_]:  # type: ignore[override]
        if isinstance(other, pd.Series | pd.Index | pd.DataFrame):
            return NotImplemented
        others = (
            other if isinstance(other, PayloadArray | list | np.ndarray) else [other] * len(self)
        )
        return np.array([mine == theirs for mine, theirs in zip(self, others, strict=True)], bool)

    def isna(self) -> NDArray[np.bool_]:
        return cast("NDArray[np.bool_]", self._texts.is_null().to_numpy(zero_copy_only=False))

    def take(
        self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None
    ) -> PayloadArray:
        places = np.asarray(indices, dtype=np.int64)
        if not allow_fill:
            places = np.where(places < 0, places + len(self), places)
            return self._part(self._texts.take(pa.array(places)))
        if (places < -1).any():
            raise ValueError("a place below -1")
        return self._part(self._texts.take(pa.array(places, mask=places == -1)))

    def copy(self) -> PayloadArray:
        return self._part(self._texts)

    def _formatter(self, boxed: bool = False) -> Any:
        return _short

    def _values_for_factorize(self) -> tuple[NDArray[np.object_], None]:
        return self._texts.to_numpy(zero_copy_only=False), None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found = np.empty(len(self), dtype=object)  # numpy makes a table of lists of one length
        for at, value in enumerate(self):
            found[at] = value
        return found if dtype is None else found.astype(dtype, copy=False)

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:  # noqa: A002
        return self._texts if type is None else self._texts.cast(type)


def payload_texts(data: pd.Series[Any]) -> pa.LargeStringArray:
    """The text of each payload in a log's column ``data``; null where there is none."""
    return cast("PayloadArray", data.array).texts


def _decoded(text: str | None) -> Any:
    return None if text is None else any_json(text)


def _short(value: Any) -> str:
    try:
        text = str(value)
    except RecursionError:
        return "(nested too deep to be shown)"
    return text[:_SHOWN] + "…" * (len(text) > _SHOWN)

"""From batches of records to the columns of an event log, as Arrow has them.

Plain events, which nearly all are, are taken from the bytes a column at a time (see
``workbench.capture.scanning``); every other record goes through :func:`workbench.capture.rows.row`.
Tests hold the two equal.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.brokers.record_batch import OFFSET, TIME, RecordBatch
from workbench.capture import scanning
from workbench.capture.json_text import json_text
from workbench.capture.plain_time import NO_TIME
from workbench.capture.rows import row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from workbench.capture.wire_format import Decoder

_THREADS: Final = 2
_AHEAD: Final = 8
"""Batches that are read and not yet decoded, at most."""
_TEXT: Final = pa.large_string()
_TIME: Final = pa.timestamp("ns", "UTC")
_CODES: Final = pa.dictionary(pa.int32(), _TEXT)
SCHEMA: Final = pa.schema(
    [
        pa.field("id", _TEXT),
        pa.field("type", _CODES),
        pa.field("source", _CODES),
        pa.field("time", _TIME),
        pa.field("broker_time", _TIME),
        pa.field("correlation_id", _TEXT),
        pa.field("causation_id", _TEXT),
        pa.field("channel", _CODES),
        pa.field("partition", pa.int32()),
        pa.field("offset", pa.int64()),
        pa.field("data", _TEXT),
        pa.field("subject", _TEXT),
        pa.field("dataschema", _TEXT),
        pa.field("traceparent", _TEXT),
        pa.field("dead_letter", _TEXT),
        pa.field("undecoded", _TEXT),
        pa.field("key", _TEXT),
        pa.field("headers", _TEXT),
    ]
)
"""The columns that records become; ``data`` and ``headers`` are JSON text."""

_SPANS: Final = {
    "id": scanning.ID,
    "type": scanning.TYPE,
    "source": scanning.SOURCE,
    "correlation_id": scanning.CORRELATION,
    "causation_id": scanning.CAUSATION,
    "data": scanning.DATA,
    "subject": scanning.SUBJECT,
    "dataschema": scanning.SCHEMA,
    "traceparent": scanning.TRACE,
    "key": scanning.ROW_KEY,
}
_WANTED: Final = np.array(list(_SPANS.values()))
_LATEST_MS: Final = np.iinfo(np.int64).max // 1_000_000_000 * 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST_US: Final = _LATEST_MS * 1_000


def decode(batch: RecordBatch, decoder: Decoder | None = None) -> pa.RecordBatch:
    """The rows of an event log that a batch of records holds, in ``SCHEMA``, in order of offset."""
    begins, sizes, times, plain = scanning.scan(batch.data, batch.index)
    others = np.flatnonzero(~plain)
    rows = [row(record, decoder) for record in batch.records(others)] if len(others) else []
    mask = pa.array(~plain)
    columns: dict[str, pa.Array] = {
        "time": _moments(times),
        "broker_time": _moments(_broker_times(batch.index[:, TIME])),
        "channel": _repeated(batch.channel, len(batch)),
        "partition": pa.array(np.full(len(batch), batch.partition, np.int32)),
        "offset": pa.array(np.ascontiguousarray(batch.index[:, OFFSET])),
        "dead_letter": pa.nulls(len(batch), _TEXT),
        "undecoded": pa.nulls(len(batch), _TEXT),
        "headers": pa.nulls(len(batch), _TEXT),
    }
    columns |= _texts(batch.data, begins, sizes)
    if rows:
        for name in (*_SPANS, "dead_letter", "undecoded", "headers"):
            read = _json if name in {"data", "headers"} else _text
            found = pa.array([read(each.get(name)) for each in rows], _TEXT)
            columns[name] = pc.replace_with_mask(columns[name], mask, found)
        moments = _moments(np.array([_nanoseconds(each["time"]) for each in rows], np.int64))
        columns["time"] = pc.replace_with_mask(columns["time"], mask, moments)
    if columns["time"].null_count:
        columns["time"] = pc.coalesce(columns["time"], columns["broker_time"])
    for name in ("type", "source"):
        columns[name] = pc.dictionary_encode(columns[name])
    return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def decoded(
    batches: Iterable[RecordBatch], decoder: Decoder | None = None
) -> Iterator[tuple[RecordBatch, pa.RecordBatch]]:
    """Each batch with its rows, in their order; decoded in threads while the next ones are read."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="decode") as pool:
        coming: deque[tuple[RecordBatch, Future[pa.RecordBatch]]] = deque()
        try:
            for batch in batches:
                coming.append((batch, pool.submit(decode, batch, decoder)))
                while coming and (coming[0][1].done() or len(coming) > _AHEAD):
                    first, rows = coming.popleft()
                    yield first, rows.result()
            while coming:
                first, rows = coming.popleft()
                yield first, rows.result()
        finally:
            for _, rows in coming:
                rows.cancel()


def table_of(decoded: Iterable[pa.RecordBatch]) -> pa.Table:
    """Rows of many batches, one below the other, with one dictionary a column."""
    return pa.Table.from_batches(list(decoded), SCHEMA).unify_dictionaries()


def _texts(data: NDArray[np.uint8], begins: Any, sizes: Any) -> dict[str, pa.Array]:
    ends, bits, nulls, text, bases = scanning.gathered(data, begins, sizes, _WANTED)
    texts = pa.py_buffer(text)
    found = {}
    for place, name in enumerate(_SPANS):
        base, size = int(bases[place]), int(bases[place + 1] - bases[place])
        buffers = (pa.py_buffer(ends[place]), texts.slice(base, size), pa.py_buffer(bits[place]))
        found[name] = pa.LargeStringArray.from_buffers(len(sizes), *buffers, int(nulls[place]))
    return found


def _moments(nanoseconds: NDArray[np.int64]) -> pa.Array:
    return pa.array(nanoseconds, pa.int64(), mask=nanoseconds == NO_TIME).cast(_TIME)


def _broker_times(milliseconds: NDArray[np.int64]) -> NDArray[np.int64]:
    # On a cluster of others a producer may have set the time, and to anything; -1 is none.
    known = (milliseconds >= 0) & (milliseconds <= _LATEST_MS)
    return np.where(known, np.where(known, milliseconds, 0) * 1_000_000, NO_TIME)


def _repeated(text: str, count: int) -> pa.Array:
    codes = pa.array(np.zeros(count, np.int32))
    return pa.DictionaryArray.from_arrays(codes, pa.array([text], _TEXT))


def _nanoseconds(moment: datetime | None) -> int:
    since = (moment - _EPOCH) // _MICROSECOND if moment is not None else _LATEST_US + 1
    return since * 1_000 if abs(since) <= _LATEST_US else int(NO_TIME)


def _text(value: str | None) -> str | None:
    """Half a character, which JSON can say and UTF-8 can't, is shown as it was written."""
    return value and value.encode("utf-8", "backslashreplace").decode()


def _json(value: Any) -> str | None:
    return None if value is None else json_text(value).decode()

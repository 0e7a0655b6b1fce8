"""Reading Kafka in bulk: what a fetch brought is handed over as it is, in batches.

kafka-python fetches, keeps positions, finds leaders and handles errors as ever. One thing is put in
another's place: the class by which its fetcher makes a Python object of each record. What stands
there makes an index of them, at many times the pace of any client that makes objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from kafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.record import MemoryRecords
from kafka.record.util import calc_crc32c

from workbench.brokers import kafka_format as form
from workbench.brokers.broker import Position, Record
from workbench.brokers.kafka_clients import KafkaReader, in_words
from workbench.brokers.kafka_fetching import receive_in_large_pieces
from workbench.brokers.record_batch import KEY, KEY_SIZE, RecordBatch, packed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNKS: Final = 1_000
"""Answers of partitions that are taken at once; what a fetch may bring bounds them before."""
_DECODERS: Final[dict[int, Callable[[Any], bytes]]] = {
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}
_ABORT: Final = b"\x00\x00"


class KafkaBatchReader(KafkaReader):
    """Reads partitions that it was assigned, whole answers at a time."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        client._fetcher.PartitionRecords = _Answer  # noqa: SLF001 - see above

    def poll_batches(self, timeout: float, limit: int = 5_000) -> list[RecordBatch]:  # noqa: ARG002
        receive_in_large_pieces(self._client)
        with in_words("Kafka could not be read"):
            found = self._client.poll(timeout_ms=int(timeout * 1000), max_records=_CHUNKS)
            return [batch for answers in found.values() for batch in answers]

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        found = self.poll_batches(timeout, limit)
        return [record for batch in found for record in batch.records()]


def fits(client: Any) -> bool:
    """Whether a consumer is of a kafka-python that makes records as this one knows it."""
    fetcher = getattr(client, "_fetcher", None)
    made = getattr(fetcher, "PartitionRecords", None)
    return hasattr(made, "take") and hasattr(made, "drain") and hasattr(fetcher, "fetched_records")


class _Answer:
    """What one fetch brought of a partition; it is taken whole."""

    leader_epoch = -1

    def __init__(
        self,
        fetch_offset: int,
        tp: Any,
        records: MemoryRecords,
        *,
        aborted_transactions: Iterable[Any] | None = None,
        on_drain: Callable[[Any], None] = lambda _: None,
        **_: Any,
    ) -> None:
        self.topic_partition = tp
        self.fetch_offset = self.next_fetch_offset = fetch_offset
        self.bytes_read = records.size_in_bytes()
        self._aborted = list(aborted_transactions or ())
        self._on_drain = on_drain
        self._slices: list[Any] = []
        self._left = True
        self._data = _all(records)

    def __bool__(self) -> bool:
        return self._left

    def drain(self) -> None:
        if self._left:
            self._left = False
            self._on_drain(self)

    def take(self, n: int | None = None) -> list[RecordBatch]:  # noqa: ARG002 - it is taken whole
        heads = form.batch_heads(self._data)
        if len(heads):
            self.next_fetch_offset = int(heads[-1, form.LAST_OFFSET]) + 1
        place = Position(self.topic_partition.topic, self.topic_partition.partition)
        found = batch_of(place, self._data, heads, self._aborted, self.fetch_offset)
        self.drain()
        return [found] if len(found) or found.next > self.fetch_offset else []


def _all(records: MemoryRecords) -> NDArray[np.uint8]:
    return np.frombuffer(records._buffer, np.uint8)  # noqa: SLF001


def batch_of(
    place: Position,
    data: NDArray[np.uint8],
    heads: NDArray[np.int64],
    aborted: Iterable[Any],
    first: int,
) -> RecordBatch:
    """The records from an offset on that a reader of what is committed is to see.

    Parameters
    ----------
    data, heads
        Batches as Kafka stores them, and what ``batch_heads`` says of them.
    aborted
        Transactions that were undone: ``producer_id`` and ``first_offset`` of each.

    Raises
    ------
    CorruptRecordError
        A batch is not what its checksum says, or can't be read; says which.
    UnsupportedCodecError
        It was compressed in a way that is not known.
    """
    for head in heads[heads[:, form.MAGIC] == 2]:
        checked = data[head[form.START] + form.CHECKED_FROM : head[form.END]]
        if calc_crc32c(checked) != head[form.CHECKSUM]:
            raise CorruptRecordError(f"{_at(place, head[form.BASE_OFFSET])} fails its checksum")
    end = int(heads[-1, form.LAST_OFFSET]) + 1 if len(heads) else first
    heads = _committed(data, heads, aborted)
    if (heads[:, form.MAGIC] != 2).any():
        return packed(*place, _one_by_one(data, heads, first, place), end)
    if (heads[:, form.ATTRIBUTES] & form.COMPRESSION).any():
        data, heads = _decompressed(place, data, heads)
    index, bad = form.index_records(data, heads, first)
    if bad >= 0:
        raise CorruptRecordError(f"{_at(place, bad)} can't be read")
    return RecordBatch(*place, data, index, end)


def _at(place: Position, offset: int) -> str:
    return f"the batch of {place} at offset {offset}"


def _committed(
    data: NDArray[np.uint8], heads: NDArray[np.int64], aborted: Iterable[Any]
) -> NDArray[np.int64]:
    """Without the marks of transactions, and what was sent in those that were undone.

    https://kafka.apache.org/documentation/#controlbatch
    """
    marked = heads[:, form.ATTRIBUTES] & (form.CONTROL | form.TRANSACTIONAL) != 0
    if not marked.any():
        return heads
    coming = sorted(aborted, key=lambda transaction: transaction.first_offset)
    undone: set[int] = set()
    kept = np.ones(len(heads), bool)
    for which in np.flatnonzero(marked):
        head = heads[which]
        producer = int(head[form.PRODUCER])
        while coming and coming[0].first_offset <= head[form.LAST_OFFSET]:
            undone.add(coming.pop(0).producer_id)
        if head[form.ATTRIBUTES] & form.CONTROL:
            kept[which] = False
            if _is_abort(data, heads[which : which + 1]):
                undone.discard(producer)
        else:
            kept[which] = producer not in undone
    return heads[kept]


def _is_abort(data: NDArray[np.uint8], heads: NDArray[np.int64]) -> bool:
    index, _ = form.index_records(data, heads, -1)
    if not len(index) or index[0, KEY_SIZE] < 4:
        return False
    return data[index[0, KEY] + 2 : index[0, KEY] + 4].tobytes() == _ABORT


def _decompressed(
    place: Position, data: NDArray[np.uint8], heads: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    heads, parts, at = heads.copy(), [], 0
    for head in heads:
        part: Any = data[head[form.BEGIN] : head[form.END]]
        kind = int(head[form.ATTRIBUTES]) & form.COMPRESSION
        if kind:
            if kind not in _DECODERS:
                raise UnsupportedCodecError(f"{_at(place, head[form.BASE_OFFSET])}: codec {kind}")
            part = np.frombuffer(_DECODERS[kind](part.tobytes()), np.uint8)
        parts.append(part)
        head[form.BEGIN], head[form.END] = at, at + len(part)
        at += len(part)
    return np.concatenate(parts), heads


def _one_by_one(
    data: NDArray[np.uint8], heads: NDArray[np.int64], first: int, place: Position
) -> list[Record]:
    """By kafka-python: batches of a format that no Kafka writes any more."""
    records = []
    for head in heads:
        part = MemoryRecords(data[head[form.START] : head[form.END]].tobytes())
        while (batch := part.next_batch()) is not None:
            records += [
                Record(*place, r.offset, _known(r.timestamp), r.key, r.headers, r.value)
                for r in batch
                if r.offset >= first
            ]
    return records


def _known(time_ms: int | None) -> int:
    return -1 if time_ms is None else time_ms  # the first format had no times

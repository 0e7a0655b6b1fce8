"""Kafka's record batches (magic 2), read into an index without an object for each record.

https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from workbench.brokers.record_batch import (
    HEADER_COUNT,
    HEADERS,
    KEY,
    KEY_SIZE,
    OFFSET,
    TIME,
    VALUE,
    VALUE_SIZE,
    WIDTH,
)

BEGIN: Final = 0
END: Final = 1
ATTRIBUTES: Final = 2
BASE_OFFSET: Final = 3
LAST_OFFSET: Final = 4
BASE_TIME: Final = 5
MAX_TIME: Final = 6
PRODUCER: Final = 7
COUNT: Final = 8
MAGIC: Final = 9
START: Final = 10
CHECKSUM: Final = 11
_HEAD_WIDTH: Final = 12
"""The columns of what :func:`batch_heads` finds: where a batch's records begin and end, what its head
says, where it starts itself, and its CRC."""

COMPRESSION: Final = 0x07
APPEND_TIME: Final = 0x08
TRANSACTIONAL: Final = 0x10
CONTROL: Final = 0x20
"""Bits of a batch's attributes."""

CHECKED_FROM: Final = 21
"""Where in a batch the bytes begin that its CRC is of."""
_OVERHEAD: Final = 12
_HEAD: Final = 61
_MAGIC_AT: Final = 16


@njit(cache=True, nogil=True)
def _number(data: Any, at: int, size: int) -> Any:  # pragma: no cover - compiled
    """A signed number, the most significant byte first."""
    found = np.int64(0)
    for place in range(size):
        found = (found << 8) | np.int64(data[at + place])
    shift = 64 - 8 * size
    return (found << shift) >> shift


@njit(cache=True, nogil=True)
def batch_heads(data: Any) -> Any:  # pragma: no cover - compiled
    """One row for each whole batch; the last may have been cut off, and is left out."""
    size, at, count = len(data), 0, 0
    while at + _MAGIC_AT < size:
        end = at + _OVERHEAD + _number(data, at + 8, 4)
        if end > size or end <= at + _MAGIC_AT:
            break
        count += 1
        at = end
    heads = np.zeros((count, _HEAD_WIDTH), np.int64)
    at = 0
    for place in range(count):
        end = at + _OVERHEAD + _number(data, at + 8, 4)
        head = heads[place]
        head[START], head[BEGIN], head[END] = at, min(at + _HEAD, end), end
        head[BASE_OFFSET] = head[LAST_OFFSET] = _number(data, at, 8)
        head[MAGIC] = _number(data, at + _MAGIC_AT, 1)
        if head[MAGIC] == 2 and end - at >= _HEAD:
            head[CHECKSUM] = _number(data, at + 17, 4) & 0xFFFFFFFF
            head[ATTRIBUTES] = _number(data, at + 21, 2)
            head[LAST_OFFSET] += _number(data, at + 23, 4)
            head[BASE_TIME] = _number(data, at + 27, 8)
            head[MAX_TIME] = _number(data, at + 35, 8)
            head[PRODUCER] = _number(data, at + 43, 8)
            head[COUNT] = min(max(_number(data, at + 57, 4), 0), end - at)
        at = end
    return heads


@njit(cache=True, nogil=True)
def _varint(data: Any, at: int, end: int) -> Any:  # pragma: no cover - compiled
    """A zigzag varint, and where it ends; -1 if it goes beyond."""
    found, shift = np.uint64(0), np.uint64(0)
    while at < end and shift < 64:
        byte = np.uint64(data[at])
        at += 1
        found |= (byte & np.uint64(0x7F)) << shift
        if byte < 128:
            return np.int64(found >> np.uint64(1)) ^ -np.int64(found & np.uint64(1)), at
        shift += np.uint64(7)
    return 0, -1


@njit(cache=True, nogil=True)
def _sized(data: Any, at: int, end: int) -> Any:  # pragma: no cover - compiled
    """Where bytes begin that stand behind their length, how many they are, where they end."""
    size, begin = _varint(data, at, end)
    if begin < 0 or size < -1 or size > end - begin:
        return -1, -1, -1
    return begin, size, begin + max(size, 0)


@njit(cache=True, nogil=True)
def index_records(data: Any, heads: Any, first: int) -> Any:  # pragma: no cover
    """The index of the records of batches from an offset on, as ``RecordBatch`` has it.

    The second is the offset of a batch that can't be read; -1 if all can.
    """
    total = 0
    for place in range(len(heads)):
        total += min(heads[place, COUNT], (heads[place, END] - heads[place, BEGIN]) // 7 + 1)
    index = np.empty((total, WIDTH), np.int64)
    filled = 0
    for place in range(len(heads)):
        head = heads[place]
        at, end = head[BEGIN], head[END]
        stamped = head[ATTRIBUTES] & APPEND_TIME != 0
        for _ in range(head[COUNT]):
            size, at = _varint(data, at, end)
            if at < 0 or size < 1 or size > end - at or filled >= total:
                return index[:0], head[BASE_OFFSET]
            stop = at + size
            after, at = _varint(data, at + 1, stop)
            if at < 0:
                return index[:0], head[BASE_OFFSET]
            offset, at = _varint(data, at, stop)
            if at < 0:
                return index[:0], head[BASE_OFFSET]
            key, key_size, at = _sized(data, at, stop)
            if at < 0:
                return index[:0], head[BASE_OFFSET]
            value, value_size, at = _sized(data, at, stop)
            if at < 0:
                return index[:0], head[BASE_OFFSET]
            count, at = _varint(data, at, stop)
            if at < 0 or count < 0:
                return index[:0], head[BASE_OFFSET]
            headers = at
            for _ in range(count):
                _, name_size, at = _sized(data, at, stop)
                if at < 0 or name_size < 0:
                    return index[:0], head[BASE_OFFSET]
                _, _, at = _sized(data, at, stop)
                if at < 0:
                    return index[:0], head[BASE_OFFSET]
            at = stop
            if head[BASE_OFFSET] + offset < first:
                continue
            found = index[filled]
            found[OFFSET] = head[BASE_OFFSET] + offset
            found[TIME] = head[MAX_TIME] if stamped else head[BASE_TIME] + after
            found[KEY], found[KEY_SIZE] = key, key_size
            found[VALUE], found[VALUE_SIZE] = value, value_size
            found[HEADERS], found[HEADER_COUNT] = headers, count
            filled += 1
    return index[:filled], -1

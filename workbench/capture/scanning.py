"""Of each record of a batch: whether it is a plain event, and where in the bytes its parts stand.

Plain is what ``workbench.events.plain_binding`` reads, with a payload of ordinary JSON: nearly every
event of a log. Those are taken from the bytes, without an object for each; of all others it is only
said that they are not plain. In doubt, an event is not.
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
    VALUE,
    VALUE_SIZE,
)
from workbench.capture.plain_json import plain_json
from workbench.capture.plain_text import is_ascii, is_text
from workbench.capture.plain_time import NO_TIME, moment
from workbench.events.trail import EXTENSION

PARTS: Final = (
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_correlationid",
    "ce_causationid",
    "ce_subject",
    "ce_dataschema",
    "traceparent",
    "ce_traceparent",
    "ce_time",
    "ce_specversion",
    "content-type",
    f"ce_{EXTENSION}",
)
"""The headers of a plain event."""
ID, SOURCE, TYPE, CORRELATION, CAUSATION, SUBJECT, SCHEMA, TRACE, CE_TRACE, TIME, VERSION = range(
    11
)
HEADERS_KNOWN: Final = len(PARTS)
DATA: Final = HEADERS_KNOWN
ROW_KEY: Final = HEADERS_KNOWN + 1
SPANS: Final = HEADERS_KNOWN + 2

_NAMES: Final = np.frombuffer("".join(PARTS).encode(), np.uint8)
_NAME_ENDS: Final = np.cumsum([len(name) for name in PARTS]).astype(np.int64)


@njit(cache=True, nogil=True)
def _length(data: Any, at: int) -> Any:  # pragma: no cover - compiled
    found, shift = np.uint64(0), np.uint64(0)
    while True:
        byte = np.uint64(data[at])
        at += 1
        found |= (byte & np.uint64(0x7F)) << shift
        if byte < 128:
            return np.int64(found >> np.uint64(1)) ^ -np.int64(found & np.uint64(1)), at
        shift += np.uint64(7)


@njit(cache=True, nogil=True)
def _is(
    data: Any, at: int, size: int, names: Any, ends: Any, which: int
) -> Any:  # pragma: no cover
    begin = ends[which - 1] if which else 0
    if ends[which] - begin != size:
        return False
    for place in range(size):  # noqa: SIM110 - numba has no all()
        if data[at + place] != names[begin + place]:
            return False
    return True


@njit(cache=True, nogil=True)
def _scan(data: Any, index: Any, names: Any, ends: Any) -> Any:  # pragma: no cover - compiled
    count = len(index)
    begins = np.zeros((count, SPANS), np.int64)
    sizes = np.full((count, SPANS), -1, np.int64)
    times = np.full(count, NO_TIME, np.int64)
    plain = np.zeros(count, np.bool_)
    likely = np.zeros(HEADERS_KNOWN + 1, np.int64)
    for row in range(count):
        entry, begin, size = index[row], begins[row], sizes[row]
        good = _scan_headers(data, entry, begin, size, names, ends, likely)
        if good and size[TRACE] < 0:
            begin[TRACE], size[TRACE] = begin[CE_TRACE], size[CE_TRACE]
        if good and size[TIME] > 0:
            times[row] = moment(data, begin[TIME], size[TIME])
            good = times[row] != NO_TIME
        if good and entry[KEY_SIZE] >= 0:
            begin[ROW_KEY], size[ROW_KEY] = entry[KEY], entry[KEY_SIZE]
            good = is_text(data, entry[KEY], entry[KEY_SIZE])
        if good and entry[VALUE_SIZE] > 0:
            first, last = plain_json(data, entry[VALUE], entry[VALUE_SIZE])
            good = first >= 0
            # JSON's null is no payload.
            if good and not (last - first == 4 and data[first] == 110):
                begin[DATA], size[DATA] = first, last - first
        else:
            good = False
        plain[row] = good
        if not good:
            size[:] = -1
            times[row] = NO_TIME
    return begins, sizes, times, plain


@njit(cache=True, nogil=True)
def _scan_headers(
    data: Any, entry: Any, begin: Any, size: Any, names: Any, ends: Any, likely: Any
) -> Any:  # pragma: no cover - compiled
    """Note where the headers of a record stand; whether they are those of a plain event.

    ``likely`` is which header stood where in the record before: most have the same in one order.
    """
    if entry[HEADER_COUNT] > HEADERS_KNOWN:
        return False
    at = entry[HEADERS]
    for place in range(entry[HEADER_COUNT]):
        length, at = _length(data, at)
        which = likely[place]
        if not _is(data, at, length, names, ends, which):
            which = -1
            for other in range(HEADERS_KNOWN):
                if _is(data, at, length, names, ends, other):
                    which = other
                    break
            if which < 0:
                return False
            likely[place] = which
        length, at = _length(data, at + length)
        # One that is empty, or there twice, is for others to judge.
        if length <= 0 or size[which] >= 0 or not is_text(data, at, length):
            return False
        begin[which], size[which] = at, length
        at += length
    if size[ID] < 0 or size[SOURCE] < 0 or size[TYPE] < 0 or size[VERSION] != 3:
        return False
    at = begin[VERSION]
    if data[at] != 49 or data[at + 1] != 46 or data[at + 2] != 48:
        return False
    return size[TRACE] < 0 or is_ascii(data, begin[TRACE], size[TRACE])


def scan(data: Any, index: Any) -> Any:
    """What stands where in the records of a batch.

    Parameters
    ----------
    data, index
        As ``RecordBatch`` has them.

    Returns
    -------
    begins, sizes
        A row a record; a column for each of ``PARTS``, one for the payload and one for the key. Where in
        ``data`` it begins, and its bytes; -1 bytes: it is null.
    times
        ``ce_time`` in ns since 1970; ``NO_TIME`` if it says none.
    plain
        Whether it is a plain event; of others everything is null.
    """
    return _scan(data, index, _NAMES, _NAME_ENDS)


@njit(cache=True, nogil=True)
def gathered(data: Any, begins: Any, sizes: Any, wanted: Any) -> Any:  # pragma: no cover - compiled
    """Texts that stand here and there, one behind the other: what Arrow makes arrays of.

    For each of the columns that are wanted: where each of its texts ends in its own bytes, a bit for
    each that is not null, how many are null. Then the bytes of all, and where each column's begin.
    """
    count, width = len(sizes), len(wanted)
    ends = np.zeros((width, count + 1), np.int64)
    nulls = np.zeros(width, np.int64)
    bits = np.zeros((width, (count + 7) // 8), np.uint8)
    bases = np.zeros(width + 1, np.int64)
    for row in range(count):
        for column in range(width):
            size = sizes[row, wanted[column]]
            if size < 0:
                nulls[column] += 1
                size = 0
            else:
                bits[column, row >> 3] |= np.uint8(1 << (row & 7))
            ends[column, row + 1] = ends[column, row] + size
    for column in range(width):
        bases[column + 1] = bases[column] + ends[column, count]
    found = np.empty(bases[width], np.uint8)
    for row in range(count):
        for column in range(width):
            begin = begins[row, wanted[column]]
            target = bases[column] + ends[column, row]
            for step in range(ends[column, row + 1] - ends[column, row]):
                found[target + step] = data[begin + step]
    return ends, bits, nulls, found, bases

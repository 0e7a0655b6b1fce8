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
ID, SOURCE, TYPE, CORRELATION, CAUSATION, SUBJECT, SCHEMA, TRACE, CE_TRACE, TIME, VERSION = range(11)
HEADERS_KNOWN: Final = len(PARTS)
DATA: Final = HEADERS_KNOWN
ROW_KEY: Final = HEADERS_KNOWN + 1
SPANS: Final = HEADERS_KNOWN + 2

_NAMES: Final = np.frombuffer("".join(PARTS).encode(), np.uint8)
_NAME_ENDS: Final = np.cumsum([len(name) for name in PARTS]).astype(np.int64)
_DEEPEST: Final = 64
_LONGEST_WHOLE: Final = 18
_LONGEST_NUMBER: Final = 40
"""Digits of a whole number, and letters of one with a fraction, that whoever reads them reads alike."""

_DAY: Final = 86_400
_LONG_BEFORE: Final = -9_223_372_036
_LONG_AFTER: Final = 9_223_372_036
"""Seconds from 1970: what nanoseconds can hold."""


@njit(cache=True, nogil=True)
def _digits(data: Any, at: int, count: int) -> int:  # pragma: no cover - compiled
    """A number of so many digits; -1 if one of them is none."""
    found = 0
    for place in range(at, at + count):
        digit = np.int64(data[place]) - 48
        if digit < 0 or digit > 9:
            return -1
        found = found * 10 + digit
    return found


@njit(cache=True, nogil=True)
def _moment(data: Any, at: int, size: int) -> int:  # pragma: no cover - compiled
    """ns since 1970 of a time in RFC 3339; the least number there is if it is not a plain one."""
    none = np.int64(-9223372036854775808)
    if size < 20:
        return none
    if data[at + 4] != 45 or data[at + 7] != 45 or data[at + 10] != 84:
        return none
    if data[at + 13] != 58 or data[at + 16] != 58:
        return none
    year, month, day = _digits(data, at, 4), _digits(data, at + 5, 2), _digits(data, at + 8, 2)
    hour, minute = _digits(data, at + 11, 2), _digits(data, at + 14, 2)
    second = _digits(data, at + 17, 2)
    if year < 1 or month < 1 or month > 12 or day < 1:
        return none
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return none
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    days = 31
    if month in (4, 6, 9, 11):
        days = 30
    elif month == 2:
        days = 29 if leap else 28
    if day > days:
        return none
    stop, place = at + size, at + 19
    micros = 0
    if data[place] == 46:
        place += 1
        count = 0
        while place < stop and 48 <= data[place] <= 57:
            micros = micros * 10 + np.int64(data[place]) - 48
            place += 1
            count += 1
            if count > 6:
                return none
        if count == 0:
            return none
        for _ in range(6 - count):
            micros *= 10
    if place >= stop:
        return none
    zone = 0
    if data[place] == 90:
        place += 1
    elif (data[place] == 43 or data[place] == 45) and stop - place == 6 and data[place + 3] == 58:
        hours, minutes = _digits(data, place + 1, 2), _digits(data, place + 4, 2)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return none
        zone = hours * 3600 + minutes * 60
        if data[place] == 45:
            zone = -zone
        place += 6
    if place != stop:
        return none
    # Days since 1970 in the proleptic Gregorian calendar, from a year that begins in March.
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    since = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    seconds = since * _DAY + hour * 3600 + minute * 60 + second - zone
    if seconds <= _LONG_BEFORE or seconds >= _LONG_AFTER:
        return none
    return seconds * 1_000_000_000 + micros * 1_000


@njit(cache=True, nogil=True)
def _letter(data: Any, at: int, stop: int) -> int:  # pragma: no cover - compiled
    """Bytes of the UTF-8 character that begins with a byte above 127; 0 if it is none."""
    first = data[at]
    if first < 0xC2 or first > 0xF4:
        return 0
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if at + size > stop:
        return 0
    second = data[at + 1]
    if second < 0x80 or second > 0xBF:
        return 0
    if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F):
        return 0
    if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F):
        return 0
    for place in range(at + 2, at + size):
        if data[place] < 0x80 or data[place] > 0xBF:
            return 0
    return size


@njit(cache=True, nogil=True)
def _is_text(data: Any, at: int, size: int) -> bool:  # pragma: no cover - compiled
    stop = at + size
    while at < stop:
        if data[at] < 128:
            at += 1
            continue
        step = _letter(data, at, stop)
        if step == 0:
            return False
        at += step
    return True


@njit(cache=True, nogil=True)
def _is_ascii(data: Any, at: int, size: int) -> bool:  # pragma: no cover - compiled
    for place in range(at, at + size):
        if data[place] > 127:
            return False
    return True


@njit(cache=True, nogil=True)
def _unit(data: Any, at: int, stop: int) -> int:  # pragma: no cover - compiled
    """Where the four digits of an escape end; -1 if they are no character: half of one, say."""
    if at + 4 > stop:
        return -1
    found = 0
    for place in range(at, at + 4):
        byte = np.int64(data[place])
        if 48 <= byte <= 57:
            digit = byte - 48
        elif 97 <= (byte | 32) <= 102:
            digit = (byte | 32) - 87
        else:
            return -1
        found = found * 16 + digit
    return -1 if 0xD800 <= found <= 0xDFFF else at + 4


@njit(cache=True, nogil=True)
def _string(data: Any, at: int, stop: int) -> int:  # pragma: no cover - compiled
    """Where a string ends whose opening quote stands before; -1 if it is not a plain one."""
    while at < stop:
        byte = data[at]
        if byte == 34:
            return at + 1
        if byte < 32:
            return -1
        if byte == 92:
            at += 1
            if at >= stop:
                return -1
            byte = data[at]
            if byte == 117:
                at = _unit(data, at + 1, stop)
                if at < 0:
                    return -1
                continue
            if byte not in (34, 92, 47, 98, 102, 110, 114, 116):
                return -1
            at += 1
        elif byte < 128:
            at += 1
        else:
            step = _letter(data, at, stop)
            if step == 0:
                return -1
            at += step
    return -1


@njit(cache=True, nogil=True)
def _numeral(data: Any, at: int, stop: int) -> int:  # pragma: no cover - compiled
    """Where a number ends; -1 if it is not a plain one: too long, or with an exponent."""
    begin = at
    if data[at] == 45:
        at += 1
    if at >= stop:
        return -1
    if data[at] == 48:
        at += 1
    else:
        before = at
        while at < stop and 48 <= data[at] <= 57:
            at += 1
        if at == before or at - before > _LONGEST_WHOLE:
            return -1
    if at < stop and data[at] == 46:
        at += 1
        before = at
        while at < stop and 48 <= data[at] <= 57:
            at += 1
        if at == before:
            return -1
    if at < stop and (data[at] == 101 or data[at] == 69 or 48 <= data[at] <= 57):
        return -1
    if data[begin] == 45 and data[begin + 1] == 48 and at == begin + 2:
        return -1  # -0, which is a whole number to some, and not to others
    return at if at - begin <= _LONGEST_NUMBER else -1


@njit(cache=True, nogil=True)
def _word(data: Any, at: int, stop: int) -> int:  # pragma: no cover - compiled
    """Where true, false or null ends; -1 if it is none of them."""
    first = data[at]
    if first == 116 and stop - at >= 4:
        if data[at + 1] == 114 and data[at + 2] == 117 and data[at + 3] == 101:
            return at + 4
    elif first == 110 and stop - at >= 4:
        if data[at + 1] == 117 and data[at + 2] == 108 and data[at + 3] == 108:
            return at + 4
    elif first == 102 and stop - at >= 5:
        if (
            data[at + 1] == 97
            and data[at + 2] == 108
            and data[at + 3] == 115
            and data[at + 4] == 101
        ):
            return at + 5
    return -1


@njit(cache=True, nogil=True)
def _blank(data: Any, at: int, stop: int) -> int:  # pragma: no cover - compiled
    while at < stop and (data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9):
        at += 1
    return at


@njit(cache=True, nogil=True)
def plain_json(data: Any, at: int, size: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """Where a JSON text begins and ends, blanks around it left out; -1, -1 if it is not plain.

    RFC 8259, without what its readers understand otherwise: long numbers, exponents, ``\\u``.
    """
    stop = at + size
    at = _blank(data, at, stop)
    begin = at
    kinds = np.uint64(0)  # of what is open, one bit each, the innermost last: 1 is an object
    depth = 0
    while True:
        # Here a value is due.
        at = _blank(data, at, stop)
        if at >= stop:
            return -1, -1
        byte = data[at]
        if byte == 123 or byte == 91:
            depth += 1
            if depth > _DEEPEST:
                return -1, -1
            kinds = (kinds << np.uint64(1)) | np.uint64(1 if byte == 123 else 0)
            at = _blank(data, at + 1, stop)
            if at >= stop:
                return -1, -1
            if data[at] == (125 if byte == 123 else 93):
                at += 1
                depth -= 1
                kinds >>= np.uint64(1)
            elif byte == 123:
                if data[at] != 34:
                    return -1, -1
                at = _string(data, at + 1, stop)
                if at < 0:
                    return -1, -1
                at = _blank(data, at, stop)
                if at >= stop or data[at] != 58:
                    return -1, -1
                at += 1
                continue
            else:
                continue
        elif byte == 34:
            at = _string(data, at + 1, stop)
        elif byte == 45 or 48 <= byte <= 57:
            at = _numeral(data, at, stop)
        else:
            at = _word(data, at, stop)
        if at < 0:
            return -1, -1
        # Here a value has ended: close what ends with it, and go on to the next.
        while True:
            if depth == 0:
                return (begin, at) if _blank(data, at, stop) == stop else (-1, -1)
            at = _blank(data, at, stop)
            if at >= stop:
                return -1, -1
            byte = data[at]
            in_object = kinds & np.uint64(1) == np.uint64(1)
            at += 1
            if byte == 44:
                if in_object:
                    at = _blank(data, at, stop)
                    if at >= stop or data[at] != 34:
                        return -1, -1
                    at = _string(data, at + 1, stop)
                    if at < 0:
                        return -1, -1
                    at = _blank(data, at, stop)
                    if at >= stop or data[at] != 58:
                        return -1, -1
                    at += 1
                break
            if byte != (125 if in_object else 93):
                return -1, -1
            depth -= 1
            kinds >>= np.uint64(1)


@njit(cache=True, nogil=True)
def _length(data: Any, at: int) -> tuple[int, int]:  # pragma: no cover - compiled
    found, shift = np.uint64(0), np.uint64(0)
    while True:
        byte = np.uint64(data[at])
        at += 1
        found |= (byte & np.uint64(0x7F)) << shift
        if byte < 128:
            return np.int64(found >> np.uint64(1)) ^ -np.int64(found & np.uint64(1)), at
        shift += np.uint64(7)


@njit(cache=True, nogil=True)
def _known(data: Any, at: int, size: int, names: Any, ends: Any, likely: int) -> int:  # pragma: no cover
    """Which header a name is, asked for a likely one first; -1 for none that is known."""
    for step in range(len(ends)):
        which = (likely + step) % len(ends)
        begin = ends[which - 1] if which else 0
        if ends[which] - begin != size:
            continue
        same = True
        for place in range(size):
            if data[at + place] != names[begin + place]:
                same = False
                break
        if same:
            return which
    return -1


@njit(cache=True, nogil=True)
def _scan(data: Any, index: Any, names: Any, ends: Any) -> Any:  # pragma: no cover - compiled
    count = len(index)
    begins = np.zeros((SPANS, count), np.int64)
    sizes = np.full((SPANS, count), -1, np.int32)
    times = np.full(count, -9223372036854775808, np.int64)
    plain = np.zeros(count, np.bool_)
    likely = np.zeros(HEADERS_KNOWN + 1, np.int64)
    for row in range(count):
        entry = index[row]
        at = entry[HEADERS]
        good = entry[HEADER_COUNT] <= HEADERS_KNOWN
        if good:
            for place in range(entry[HEADER_COUNT]):
                size, at = _length(data, at)
                which = _known(data, at, size, names, ends, likely[place])
                text_size, text = _length(data, at + size)
                at = text + max(text_size, 0)
                if which < 0 or text_size <= 0 or sizes[which, row] >= 0:
                    good = False
                    break
                likely[place] = which
                begins[which, row], sizes[which, row] = text, text_size
                if not (_is_text(data, text, text_size)):
                    good = False
                    break
        if good:
            good = sizes[ID, row] > 0 and sizes[SOURCE, row] > 0 and sizes[TYPE, row] > 0
        if good:
            at = begins[VERSION, row]
            good = sizes[VERSION, row] == 3 and (
                data[at] == 49 and data[at + 1] == 46 and data[at + 2] == 48
            )
        if good and sizes[TRACE, row] > 0:
            good = _is_ascii(data, begins[TRACE, row], sizes[TRACE, row])
        if good and sizes[TRACE, row] < 0:
            begins[TRACE, row], sizes[TRACE, row] = begins[CE_TRACE, row], sizes[CE_TRACE, row]
        if good and sizes[TIME, row] > 0:
            times[row] = _moment(data, begins[TIME, row], sizes[TIME, row])
            good = times[row] != -9223372036854775808
        if good and entry[KEY_SIZE] >= 0:
            begins[ROW_KEY, row], sizes[ROW_KEY, row] = entry[KEY], entry[KEY_SIZE]
            good = _is_text(data, entry[KEY], entry[KEY_SIZE])
        if good:
            good = entry[VALUE_SIZE] > 0
        if good:
            begin, end = plain_json(data, entry[VALUE], entry[VALUE_SIZE])
            good = begin >= 0
            begins[DATA, row], sizes[DATA, row] = begin, end - begin
        plain[row] = good
        if not good:
            for which in range(SPANS):
                sizes[which, row] = -1
            times[row] = -9223372036854775808
    return begins, sizes, times, plain


def scan(data: Any, index: Any) -> tuple[Any, Any, Any, Any]:
    """What stands where in the records of a batch.

    Parameters
    ----------
    data, index
        As ``RecordBatch`` has them.

    Returns
    -------
    begins, sizes
        One row for each of ``PARTS``, one for the payload and one for the key; a column a record. Where
        in ``data`` it begins and its bytes; -1 bytes: it is null.
    times
        ``ce_time`` in ns since 1970; the least int64 if it says none.
    plain
        Whether it is a plain event; of others everything is null.
    """
    return _scan(data, index, _NAMES, _NAME_ENDS)


@njit(cache=True, nogil=True)
def _ends(sizes: Any) -> Any:  # pragma: no cover - compiled
    ends = np.zeros(len(sizes) + 1, np.int64)
    for place in range(len(sizes)):
        ends[place + 1] = ends[place] + max(sizes[place], 0)
    return ends


@njit(cache=True, nogil=True)
def gathered(data: Any, begins: Any, sizes: Any) -> tuple[Any, Any, Any]:  # pragma: no cover
    """Texts that stand here and there, one behind the other: where each ends, their bytes, and a bit
    for each that is not null; what Arrow makes an array of."""
    count = len(sizes)
    ends = _ends(sizes)
    found = np.empty(ends[count], np.uint8)
    bits = np.zeros((count + 7) // 8, np.uint8)
    for place in range(count):
        size = sizes[place]
        if size < 0:
            continue
        bits[place >> 3] |= np.uint8(1 << (place & 7))
        begin, target = begins[place], ends[place]
        for step in range(size):
            found[target + step] = data[begin + step]
    return ends, found, bits

"""JSON, checked in the bytes of many records.

RFC 8259, without what its readers understand otherwise: long numbers, exponents, half characters.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from workbench.capture.plain_text import letter

_QUOTE, _BACKSLASH, _OBJECT, _OBJECT_END, _ARRAY, _ARRAY_END = b'"\\{}[]'
_COLON, _COMMA, _MINUS, _POINT, _U = b":,-.u"
_ESCAPED: Final = (34, 92, 47, 98, 102, 110, 114, 116)
"""What may stand behind a backslash, beside u: quote, backslash, slash, b, f, n, r, t."""
_DEEPEST: Final = 64
_LONGEST_WHOLE: Final = 18
_LONGEST_NUMBER: Final = 40
"""Digits of a whole number, and letters of one with a fraction, that whoever reads them reads alike."""


@njit(cache=True, nogil=True)
def _unit(data: Any, at: int, stop: int) -> Any:  # pragma: no cover - compiled
    """Where the four digits of an escape end; -1 if they are no character: half of one, say."""
    if at + 4 > stop:
        return -1
    found = np.int64(0)
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
def _string(data: Any, at: int, stop: int) -> Any:  # pragma: no cover - compiled
    """Where a string ends whose opening quote stands before; -1 if it is not a plain one."""
    while at < stop:
        byte = data[at]
        if byte == _QUOTE:
            return at + 1
        if byte < 32:
            return -1
        if byte == _BACKSLASH:
            at += 1
            if at >= stop:
                return -1
            byte = data[at]
            if byte == _U:
                at = _unit(data, at + 1, stop)
                if at < 0:
                    return -1
                continue
            if byte not in _ESCAPED:
                return -1
            at += 1
        elif byte < 128:
            at += 1
        else:
            step = letter(data, at, stop)
            if step == 0:
                return -1
            at += step
    return -1


@njit(cache=True, nogil=True)
def _numeral(data: Any, at: int, stop: int) -> Any:  # pragma: no cover - compiled
    """Where a number ends; -1 if it is not a plain one: too long, or with an exponent."""
    begin = at
    if data[at] == _MINUS:
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
    if at < stop and data[at] == _POINT:
        at += 1
        before = at
        while at < stop and 48 <= data[at] <= 57:
            at += 1
        if at == before:
            return -1
    if at < stop and (data[at] == 101 or data[at] == 69 or 48 <= data[at] <= 57):
        return -1
    if data[begin] == _MINUS and data[begin + 1] == 48 and at == begin + 2:
        return -1  # -0, which is a whole number to some, and not to others
    return at if at - begin <= _LONGEST_NUMBER else -1


@njit(cache=True, nogil=True)
def _word(data: Any, at: int, stop: int) -> Any:  # pragma: no cover - compiled
    """Where true, false or null ends; -1 if it is none of them."""
    first = data[at]
    if first == 116 and stop - at >= 4:
        if data[at + 1] == 114 and data[at + 2] == _U and data[at + 3] == 101:
            return at + 4
    elif first == 110 and stop - at >= 4:
        if data[at + 1] == _U and data[at + 2] == 108 and data[at + 3] == 108:
            return at + 4
    elif (
        first == 102
        and stop - at >= 5
        and data[at + 1] == 97
        and data[at + 2] == 108
        and data[at + 3] == 115
        and data[at + 4] == 101
    ):
        return at + 5
    return -1


@njit(cache=True, nogil=True)
def _blank(data: Any, at: int, stop: int) -> Any:  # pragma: no cover - compiled
    while at < stop and (data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9):
        at += 1
    return at


@njit(cache=True, nogil=True)
def plain_json(data: Any, at: int, size: int) -> Any:  # pragma: no cover - compiled
    """Where a JSON text begins and ends, blanks around it left out; -1, -1 if it is not plain."""
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
        if byte in (_OBJECT, _ARRAY):
            depth += 1
            if depth > _DEEPEST:
                return -1, -1
            kinds = (kinds << np.uint64(1)) | np.uint64(1 if byte == _OBJECT else 0)
            at = _blank(data, at + 1, stop)
            if at >= stop:
                return -1, -1
            if data[at] == (_OBJECT_END if byte == _OBJECT else _ARRAY_END):
                at += 1
                depth -= 1
                kinds >>= np.uint64(1)
            elif byte == _OBJECT:
                if data[at] != _QUOTE:
                    return -1, -1
                at = _string(data, at + 1, stop)
                if at < 0:
                    return -1, -1
                at = _blank(data, at, stop)
                if at >= stop or data[at] != _COLON:
                    return -1, -1
                at += 1
                continue
            else:
                continue
        elif byte == _QUOTE:
            at = _string(data, at + 1, stop)
        elif byte == _MINUS or 48 <= byte <= 57:
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
            if byte == _COMMA:
                if in_object:
                    at = _blank(data, at, stop)
                    if at >= stop or data[at] != _QUOTE:
                        return -1, -1
                    at = _string(data, at + 1, stop)
                    if at < 0:
                        return -1, -1
                    at = _blank(data, at, stop)
                    if at >= stop or data[at] != _COLON:
                        return -1, -1
                    at += 1
                break
            if byte != (_OBJECT_END if in_object else _ARRAY_END):
                return -1, -1
            depth -= 1
            kinds >>= np.uint64(1)

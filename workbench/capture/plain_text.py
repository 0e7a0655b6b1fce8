"""UTF-8, checked in the bytes of many records."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def letter(data: Any, at: int, stop: int) -> Any:  # pragma: no cover - compiled
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
def is_ascii(data: Any, at: int, size: int) -> Any:  # pragma: no cover - compiled
    """Whether no byte is above 127."""
    together = np.uint8(0)
    for place in range(at, at + size):
        together |= data[place]
    return together < 128


@njit(cache=True, nogil=True)
def is_text(data: Any, at: int, size: int) -> Any:  # pragma: no cover - compiled
    """Whether bytes are UTF-8."""
    if is_ascii(data, at, size):
        return True
    stop = at + size
    while at < stop:
        if data[at] < 128:
            at += 1
            continue
        step = letter(data, at, stop)
        if step == 0:
            return False
        at += step
    return True

"""Columns of text as the arrays that Arrow keeps them in, for loops that never make a Python string.

Texts are told apart by a 64-bit hash and, where hashes agree, letter by letter: no chance is taken
that two flows, or two events, are held for one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from workbench.analysis.arrays import Bools, Ints

_U: Final = np.uint64
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = np.uint64(0xBF58476D1CE4E5B9)
_LAST: Final = np.uint64(0x94D049BB133111EB)


class Texts(NamedTuple):
    """A column of text: text ``i`` is ``letters[start[i]:start[i + 1]]`` in UTF-8."""

    start: NDArray[np.int64]
    letters: NDArray[np.uint8]
    missing: NDArray[np.bool_]

    @classmethod
    def of(cls, column: pd.Series[Any] | pa.Array) -> Texts:
        """From a column of strings; without a copy where they are kept in one piece."""
        texts = column if isinstance(column, pa.Array) else pa.array(column, from_pandas=True)
        if isinstance(texts, pa.ChunkedArray):
            texts = texts.combine_chunks()
        texts = texts.cast(pa.large_string())
        _, places, letters = texts.buffers()
        start = np.zeros(len(texts) + 1, np.int64)
        if places is not None:
            start = np.frombuffer(places, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        missing = np.zeros(len(texts), dtype=bool)
        if texts.null_count:
            missing = np.asarray(texts.is_null().to_numpy(zero_copy_only=False))
        return cls(start, np.frombuffer(letters or b"", np.uint8), missing)

    def codes(self) -> tuple[Ints, Ints]:
        """Number the distinct texts as they come; -1 is a missing one.

        Returns
        -------
        tuple of numpy.ndarray of int64
            Each text's number, and each number's first text.
        """
        codes, first = _codes(self.hashes)
        if not _verified(self.start, self.letters, first, codes):  # two texts share a hash
            codes, texts = pd.factorize(self._strings())
            first = np.full(len(texts), -1)
            backwards = np.flatnonzero(codes >= 0)[::-1]
            first[codes[backwards]] = backwards
        return codes, first

    def _strings(self) -> NDArray[np.object_]:
        letters, start = self.letters.tobytes(), self.start.tolist()
        texts = np.array([letters[a:b] for a, b in pairwise(start)], dtype=object)
        texts[self.missing] = None
        return texts

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """A 64-bit hash of each text; 0 for a missing one."""
        return _hashes(self.start, self.letters, self.missing)


# Places among the letters are unsigned: for a signed one numba asks each time whether it counts from
# the end, and the compiler then makes eight loads of what could be one.


@njit(inline="always")
def _eight(letters: NDArray[np.uint8], at: np.uint64) -> np.uint64:
    """Eight letters as one number."""
    return (
        _U(letters[at])
        | _U(letters[at + _U(1)]) << _U(8)
        | _U(letters[at + _U(2)]) << _U(16)
        | _U(letters[at + _U(3)]) << _U(24)
        | _U(letters[at + _U(4)]) << _U(32)
        | _U(letters[at + _U(5)]) << _U(40)
        | _U(letters[at + _U(6)]) << _U(48)
        | _U(letters[at + _U(7)]) << _U(56)
    )


@njit(cache=True, nogil=True)
def hash_of(start: Ints, letters: NDArray[np.uint8], row: int) -> np.uint64:
    """A 64-bit hash of a text of a column, never 0: multiply and shift, eight letters at a time."""
    at, end = _U(start[row]), _U(start[row + 1])
    mixed = (end - at + _U(1)) * _ODD
    while at + _U(8) <= end:
        mixed = (mixed ^ _eight(letters, at)) * _MIX
        mixed ^= mixed >> _U(32)
        at += _U(8)
    word = _U(0)
    while at < end:
        word = word << _U(8) | _U(letters[at])
        at += _U(1)
    mixed = (mixed ^ word) * _LAST
    mixed ^= mixed >> _U(29)
    mixed *= _MIX
    mixed ^= mixed >> _U(32)
    return mixed or _U(1)


@njit(cache=True, nogil=True)
def alike(start: Ints, letters: NDArray[np.uint8], one: int, other: int) -> bool:
    """Whether two texts of a column are the same, letter by letter."""
    a, b = _U(start[one]), _U(start[other])
    size = _U(start[one + 1]) - a
    if _U(start[other + 1]) - b != size:
        return False
    k = _U(0)
    while k + _U(8) <= size:
        if _eight(letters, a + k) != _eight(letters, b + k):
            return False
        k += _U(8)
    while k < size:
        if letters[a + k] != letters[b + k]:
            return False
        k += _U(1)
    return True


@njit(cache=True, nogil=True)
def _hashes(start: Ints, letters: NDArray[np.uint8], missing: Bools) -> NDArray[np.uint64]:
    found = np.zeros(len(missing), np.uint64)
    for row in range(len(missing)):
        if not missing[row]:
            found[row] = hash_of(start, letters, row)
    return found


@njit(cache=True, nogil=True)
def _codes(hashes: NDArray[np.uint64]) -> tuple[Ints, Ints]:
    size = 1024
    keys = np.zeros(size, np.uint64)  # open addressing, at most half full; 0 is a free slot
    numbers = np.empty(size, np.int64)
    first = np.empty(size // 2, np.int64)
    codes = np.empty(len(hashes), np.int64)
    count = 0
    for row in range(len(hashes)):
        key = hashes[row]
        if not key:
            codes[row] = -1
            continue
        slot = np.int64(key & _U(size - 1))
        while keys[slot] and keys[slot] != key:
            slot = (slot + 1) & (size - 1)
        if not keys[slot]:
            if count == size // 2:
                size *= 4
                old_keys, old_numbers = keys, numbers
                keys, numbers = np.zeros(size, np.uint64), np.empty(size, np.int64)
                for old in range(len(old_keys)):
                    if old_keys[old]:
                        slot = np.int64(old_keys[old] & _U(size - 1))
                        while keys[slot]:
                            slot = (slot + 1) & (size - 1)
                        keys[slot], numbers[slot] = old_keys[old], old_numbers[old]
                longer = np.empty(size // 2, np.int64)
                longer[:count] = first
                first = longer
                slot = np.int64(key & _U(size - 1))
                while keys[slot]:
                    slot = (slot + 1) & (size - 1)
            keys[slot], numbers[slot], first[count] = key, count, row
            count += 1
        codes[row] = numbers[slot]
    return codes, first[:count].copy()


@njit(cache=True, nogil=True)
def _verified(start: Ints, letters: NDArray[np.uint8], first: Ints, codes: Ints) -> bool:
    """Whether every text is the same as the first one of its number, letter by letter."""
    for row in range(len(codes)):
        if codes[row] >= 0 and not alike(start, letters, first[codes[row]], row):
            return False
    return True

"""Columns of text as the arrays that Arrow keeps them in, for loops that never make a Python string.

Texts are told apart by a 64-bit hash and, where hashes agree, letter by letter: no chance is taken
that two flows, or two events, are held for one.
"""

from __future__ import annotations

from collections.abc import Callable
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
        first = self.first_alike(lambda hashes: hashes)
        is_first = (first == np.arange(len(first))) & ~self.missing
        codes = (np.cumsum(is_first) - 1)[first]
        codes[self.missing] = -1
        return codes, np.flatnonzero(is_first)

    def hashes(self, seed: int = 0) -> NDArray[np.uint64]:
        """A 64-bit hash of each text; 0 for a missing one."""
        return _hashes(self.start, self.letters, self.missing, np.uint64(seed))

    def first_alike(
        self,
        key_of: Callable[[NDArray[np.uint64]], NDArray[np.uint64]],
        also: Ints | None = None,
    ) -> Ints:
        """Find, for each row, the first row that has the same text, and the same further number.

        Parameters
        ----------
        key_of
            Makes a hash of each row from those of the texts; 0 for a row that is alike to none.
        also
            The further number of each row. Rows without a text are alike if theirs are.

        Notes
        -----
        What has one hash is compared letter by letter. Should two texts share a hash, all are hashed
        anew with another seed.
        """
        seed = 0
        first = same_before(key_of(self.hashes()))
        while not _agree(first, self.start, self.letters, self.missing, also):
            seed += 1
            first = same_before(key_of(self.hashes(seed)))
        return first


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
def _hash(start: Ints, letters: NDArray[np.uint8], row: int, seed: np.uint64) -> np.uint64:
    """A 64-bit hash of a text of a column, never 0: multiply and shift, eight letters at a time."""
    at, end = _U(start[row]), _U(start[row + 1])
    mixed = (end - at + _U(1) + seed * _LAST) * _ODD
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
def _hashes(
    start: Ints, letters: NDArray[np.uint8], missing: Bools, seed: np.uint64
) -> NDArray[np.uint64]:
    found = np.zeros(len(missing), np.uint64)
    for row in range(len(missing)):
        if not missing[row]:
            found[row] = _hash(start, letters, row, seed)
    return found


@njit(cache=True, nogil=True)
def _agree(
    first: Ints, start: Ints, letters: NDArray[np.uint8], missing: Bools, also: Ints | None
) -> bool:
    """Whether every row is what the first of its key is, letter by letter."""
    for row in range(len(first)):
        other = first[row]
        if other != row:
            if missing[row] != missing[other] or (also is not None and also[row] != also[other]):
                return False
            if not missing[row] and not alike(start, letters, other, row):
                return False
    return True


@njit(cache=True, nogil=True)
def same_before(key: NDArray[np.uint64]) -> Ints:
    """Find, for each row, the first row that has the same key; 0 is the same as none.

    Returns
    -------
    numpy.ndarray of int64
        The first row of each row's key: itself for most.

    Notes
    -----
    The rows are dealt into heaps by the highest bits of their keys, so that each heap's table stays
    in the processor's cache.
    """
    n = len(key)
    first = np.arange(n)
    bits = 1
    while (n >> bits) > 4096 and bits < 16:
        bits += 1
    shift = _U(64 - bits)
    heaps = 1 << bits
    start = np.zeros(heaps + 1, np.int64)
    for row in range(n):
        if key[row]:
            start[np.int64(key[row] >> shift) + 1] += 1
    for heap in range(heaps):
        start[heap + 1] += start[heap]
    place = start[:-1].copy()
    rows, keys = np.empty(start[-1], np.int64), np.empty(start[-1], np.uint64)
    for row in range(n):
        if key[row]:
            onto = np.int64(key[row] >> shift)
            rows[place[onto]], keys[place[onto]] = row, key[row]
            place[onto] += 1
    size = 16
    while size < 2 * np.diff(start).max():
        size *= 2
    table = np.empty(size, np.int64)
    for heap in range(heaps):
        used = 16
        while used < 2 * (start[heap + 1] - start[heap]):
            used *= 2
        table[:used] = -1
        for at in range(start[heap], start[heap + 1]):
            slot = np.int64(keys[at] & _U(used - 1))
            while table[slot] >= 0 and keys[table[slot]] != keys[at]:
                slot = (slot + 1) & (used - 1)
            if table[slot] < 0:
                table[slot] = at
            else:
                first[rows[at]] = rows[table[slot]]
    return first

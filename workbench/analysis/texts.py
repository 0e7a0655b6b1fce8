"""Columns of text as the arrays that Arrow keeps them in, for loops that never make a Python string.

Texts are told apart by a 64-bit hash and, where hashes agree, letter by letter: no chance is taken
that two flows, or two events, are held for one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from workbench.analysis.arrays import Bools, Ints
from workbench.analysis.grouping import Small, same_before
from workbench.analysis.threads import cuts, in_ranges

Hashes: TypeAlias = NDArray[np.uint64]

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

    def codes(self) -> tuple[Small, Ints]:
        """Number the distinct texts as they come; -1 is a missing one.

        Returns
        -------
        tuple of numpy.ndarray
            Each text's number (int32), and each number's first text (int64).
        """
        return _numbered(self.first_alike(self.hashes), self.missing)

    def hashes(self, seed: int = 0) -> Hashes:
        """A 64-bit hash of each text; 0 for a missing one."""
        found = np.empty(len(self.missing), np.uint64)
        in_ranges(
            lambda first, end: _hashes(*self, np.uint64(seed), found, first, end), cuts(len(found))
        )
        return found

    def first_alike(self, keys: Callable[[int], Hashes], also: Ints | None = None) -> Small:
        """Find, for each row, the first row that has the same text, and the same further number.

        Parameters
        ----------
        keys
            Makes a hash of each row, given a seed; 0 for a row that is alike to none.
        also
            The further number of each row. Rows without a text are alike if theirs are.

        Notes
        -----
        What has one hash is compared letter by letter. Should two texts share a hash, all are hashed
        anew with another seed.
        """
        seed = 0
        first = same_before(keys(seed))
        while not self._agree(first, also):
            seed += 1
            first = same_before(keys(seed))
        return first

    def _agree(self, first: Small, also: Ints | None) -> bool:
        """Whether every row is what the first of its key is, letter by letter."""
        return all(in_ranges(lambda a, b: _agree(*self, first, also, a, b), cuts(len(first))))


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
    start: Ints,
    letters: NDArray[np.uint8],
    missing: Bools,
    seed: np.uint64,
    found: Hashes,
    first: int,
    end: int,
) -> None:
    for row in range(first, end):
        found[row] = _U(0) if missing[row] else _hash(start, letters, row, seed)


@njit(cache=True, nogil=True)
def _agree(
    start: Ints,
    letters: NDArray[np.uint8],
    missing: Bools,
    first: Small,
    also: Ints | None,
    begin: int,
    end: int,
) -> bool:
    for row in range(begin, end):
        other = first[row]
        if other != row:
            if missing[row] != missing[other] or (also is not None and also[row] != also[other]):
                return False
            if not missing[row] and not alike(start, letters, other, row):
                return False
    return True


@njit(cache=True, nogil=True)
def _numbered(first: Small, missing: Bools) -> tuple[Small, Ints]:
    """Number what comes first; whatever else has the number of its first."""
    number = np.empty(len(first), np.int32)
    example = np.empty(len(first), np.int64)
    n = 0
    for row in range(len(first)):
        if missing[row]:
            number[row] = -1
        elif first[row] != row:
            number[row] = number[first[row]]
        else:
            number[row], example[n] = n, row
            n += 1
    return number, example[:n].copy()

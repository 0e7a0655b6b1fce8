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

from workbench.analysis.arrays import ODD, Bools, Ints, Small
from workbench.analysis.grouping import Hashes, same_before
from workbench.analysis.threads import cuts, cuts_between, in_ranges

_SAMPLE: Final = 4096
"""Rows that are looked at to see whether a text is often that of the row before."""
_U: Final = np.uint64
_MIX: Final = np.uint64(0xBF58476D1CE4E5B9)
_LAST: Final = np.uint64(0x94D049BB133111EB)


class Texts(NamedTuple):
    """A column of text: text ``i`` is ``letters[start[i]:end[i]]`` in UTF-8."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    letters: NDArray[np.uint8]
    missing: NDArray[np.bool_]

    @classmethod
    def of(cls, column: pd.Series[Any] | pa.Array) -> Texts:
        """From a column of strings; without a copy where they are kept in one piece."""
        texts = column if isinstance(column, pa.Array) else pa.array(column, from_pandas=True)
        if isinstance(texts, pa.ChunkedArray):
            texts = texts.combine_chunks()
        texts = texts.cast(pa.large_string())
        there, places, letters = texts.buffers()
        end = texts.offset + len(texts)
        start = np.zeros(1, np.int64)
        if places is not None:
            start = np.frombuffer(places, np.int64)[texts.offset : end + 1]
        missing = (
            ~_bits(there)[texts.offset : end] if texts.null_count else np.zeros(len(texts), bool)
        )
        return cls(start[:-1], start[1:], np.frombuffer(letters or b"", np.uint8), missing)

    def take(self, rows: Ints) -> Texts:
        """The texts of some rows. Their letters stay where they are."""
        return Texts(self.start[rows], self.end[rows], self.letters, self.missing[rows])

    def codes(self) -> tuple[Small, Ints]:
        """Number the distinct texts as they come; -1 is a missing one.

        Returns
        -------
        tuple of numpy.ndarray
            Each text's number (int32), and each number's first text (int64).
        """
        again = np.zeros(len(self.missing), dtype=bool)
        middle = len(again) // 2
        sample = slice(middle, middle + _SAMPLE)
        _again(*self, again, *sample.indices(len(again))[:2])
        if 2 * again[sample].sum() <= len(again[sample]):
            return _numbered(self.first_alike(self.hashes), self.missing)
        again = self._again()
        others = np.flatnonzero(~again)
        number, example = self.take(others).codes()
        found = np.empty(len(again), np.int32)
        cut = cuts(len(again))
        before = dict(zip(cut, np.searchsorted(others, cut).tolist(), strict=True))
        in_ranges(lambda a, b: _spread(number, again, before[a], found, a, b), cut)
        return found, others[example]

    def as_before(self) -> Bools:
        """Whether each text is that of the row before it, or both are missing."""
        missing = self.missing.copy()
        missing[1:] &= self.missing[:-1]
        missing[:1] = False
        return self._again() | missing

    def _again(self) -> Bools:
        """Whether each text is that of the row before it."""
        found = np.zeros(len(self.missing), dtype=bool)
        in_ranges(lambda first, end: _again(*self, found, first, end), cuts(len(found)))
        return found

    def hashes(self, seed: int = 0) -> Hashes:
        """A 64-bit hash of each text; 0 for a missing one."""
        found = np.empty(len(self.missing), np.uint64)
        in_ranges(
            lambda first, end: _hashes(*self, np.uint64(seed), found, first, end), cuts(len(found))
        )
        return found

    def heads(self, group: Ints) -> Ints:
        """Numbers by which the texts of a group sort as by their letters; equal ones by what follows.

        They are of the first eight letters behind those with which all texts of the group begin. A
        missing text goes first.

        Parameters
        ----------
        group
            Where each group of texts starts, with the end of the last behind.
        """
        found = np.empty(len(self.start), np.int64)
        in_ranges(lambda a, b: _heads(*self, group, found, a, b), cuts_between(group))
        return found

    def first_alike(self, hashes: Callable[[int], Hashes], also: Small | None = None) -> Small:
        """Find, for each row, the first row that has the same text, and the same further number.

        Parameters
        ----------
        hashes
            Makes a hash of each row, given a seed; 0 for a row that is alike to none.
        also
            The further number of each row. Rows without a text are alike if theirs are.

        Notes
        -----
        What has one hash is compared letter by letter. Should two texts share a hash, all are hashed
        anew with another seed.
        """
        seed = 0
        first = same_before(hashes(seed), also)
        while not self._agree(first, also):
            seed += 1
            first = same_before(hashes(seed), also)
        return first

    def _agree(self, first: Small, also: Small | None) -> bool:
        """Whether every row is what the first of its key is, letter by letter."""
        return all(in_ranges(lambda a, b: _agree(*self, first, also, a, b), cuts(len(first))))


def _bits(bitmap: pa.Buffer) -> Bools:
    """Bits as Arrow keeps them, the least significant first."""
    return np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little").view(bool)


# Places among the letters are unsigned: for a signed one numba asks each time whether it counts from
# the end, and the compiler then makes eight loads of what could be one. For the same reason the hash is
# written out in its loop: of a function that it calls the compiler makes eight loads again.


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
def _alike(start: Ints, end: Ints, letters: NDArray[np.uint8], one: int, other: int) -> bool:
    """Whether two texts of a column are the same, letter by letter."""
    a, b = _U(start[one]), _U(start[other])
    size = _U(end[one]) - a
    if _U(end[other]) - b != size:
        return False
    k = _U(0)
    if size >= _U(8):
        last = size - _U(8)  # from there on eight letters, some of which may be compared by then
        while k < last:
            if _eight(letters, a + k) != _eight(letters, b + k):
                return False
            k += _U(8)
        return bool(_eight(letters, a + last) == _eight(letters, b + last))
    while k < size:
        if letters[a + k] != letters[b + k]:
            return False
        k += _U(1)
    return True


@njit(cache=True, nogil=True)
def _hashes(
    start: Ints,
    end: Ints,
    letters: NDArray[np.uint8],
    missing: Bools,
    seed: np.uint64,
    found: Hashes,
    begin: int,
    stop: int,
) -> None:
    """A 64-bit hash of each text, 0 of a missing one: multiply and shift, eight letters at a time."""
    for row in range(begin, stop):
        if missing[row]:
            found[row] = _U(0)
            continue
        at, last = _U(start[row]), _U(end[row])
        mixed = (last - at + _U(1) + seed * _LAST) * ODD
        if last - at >= _U(8):
            last -= _U(8)  # from there on eight letters, some of which may be known by then
            while at < last:
                mixed = (mixed ^ _eight(letters, at)) * _MIX
                mixed ^= mixed >> _U(32)
                at += _U(8)
            word = _eight(letters, last)
        else:
            word = _U(0)
            while at < last:
                word = word << _U(8) | _U(letters[at])
                at += _U(1)
        mixed = (mixed ^ word) * _LAST
        mixed ^= mixed >> _U(29)
        mixed *= _MIX
        mixed ^= mixed >> _U(32)
        found[row] = mixed or _U(1)


@njit(cache=True, nogil=True)
def _agree(
    start: Ints,
    end: Ints,
    letters: NDArray[np.uint8],
    missing: Bools,
    first: Small,
    also: Small | None,
    begin: int,
    stop: int,
) -> bool:
    for row in range(begin, stop):
        other = first[row]
        if other != row:
            if missing[row] != missing[other] or (also is not None and also[row] != also[other]):
                return False
            if not missing[row] and not _alike(start, end, letters, other, row):
                return False
    return True


@njit(cache=True, nogil=True)
def _again(
    start: Ints,
    end: Ints,
    letters: NDArray[np.uint8],
    missing: Bools,
    again: Bools,
    begin: int,
    stop: int,
) -> None:
    """Whether each text is that of the row before, as in a log of one flow after the other."""
    for row in range(begin, stop):
        again[row] = False
        if row and not missing[row] and not missing[row - 1]:
            again[row] = _alike(start, end, letters, row - 1, row)


@njit(cache=True, nogil=True)
def _spread(number: Small, again: Bools, before: int, found: Small, begin: int, stop: int) -> None:
    """The number of each row, where those of rows that are as the one before are left out."""
    n = before - 1
    for row in range(begin, stop):
        if not again[row]:
            n += 1
        found[row] = number[n]


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


@njit(cache=True, nogil=True)
def _common(
    start: Ints, end: Ints, letters: NDArray[np.uint8], missing: Bools, begin: int, stop: int
) -> int:
    """How many letters all texts of a range have in common at their beginning."""
    one, common = -1, 0
    for row in range(begin, stop):
        if missing[row]:
            continue
        if one < 0:
            one, common = row, end[row] - start[row]
        k, size = 0, min(common, end[row] - start[row])
        while k < size and letters[start[row] + k] == letters[start[one] + k]:
            k += 1
        common = k
    return common


@njit(cache=True, nogil=True)
def _heads(
    start: Ints,
    end: Ints,
    letters: NDArray[np.uint8],
    missing: Bools,
    group: Ints,
    found: Ints,
    begin: int,
    stop: int,
) -> None:
    for each in range(begin, stop):
        skipped = _common(start, end, letters, missing, group[each], group[each + 1])
        for row in range(group[each], group[each + 1]):
            at, last = start[row] + skipped, start[row] if missing[row] else end[row]
            head = _U(0)
            for k in range(8):
                head = head << _U(8) | (_U(letters[at + k]) if at + k < last else _U(0))
            found[row] = np.int64(head ^ _U(1 << 63))

"""The types of arrays, and hashes of numbers in them."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Small: TypeAlias = NDArray[np.int32]
"""Rows, types and services, which are counted by millions at most: half the memory that has to be filled."""
Bools: TypeAlias = NDArray[np.bool_]

ODD: Final = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: multiplied by it, numbers that follow each other lie far apart."""


@njit(cache=True, nogil=True)
def scrambled(number: np.uint64) -> np.uint64:
    """Scramble a 64-bit number (splitmix64)."""
    number *= ODD
    number ^= number >> np.uint64(30)
    number *= np.uint64(0xBF58476D1CE4E5B9)
    number ^= number >> np.uint64(27)
    number *= np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@njit(cache=True, nogil=True)
def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers, so that sums of them tell sets of numbers apart."""
    found = np.empty(len(numbers), np.uint64)
    for at in range(len(numbers)):
        found[at] = scrambled(numbers[at])
    return found

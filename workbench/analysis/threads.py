"""Compiled loops over ranges, a thread for each processor: they leave Python to one another."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np

from workbench.analysis.arrays import Ints

T = TypeVar("T")

_PROCESSORS: Final = (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
)
_LEAST: Final = 1 << 15
"""Rows that are worth a thread."""


def cuts(n: int) -> list[int]:
    """Where to cut ``n`` rows into ranges, one for each processor; with 0 in front and n behind."""
    pieces = max(min(_PROCESSORS, n // _LEAST), 1)
    return [n * piece // pieces for piece in range(pieces + 1)]


def cuts_between(start: Ints) -> list[int]:
    """Where to cut groups into ranges of about as many rows each.

    Parameters
    ----------
    start
        The row where each group starts, with the end of the last behind.
    """
    inner = np.searchsorted(start, cuts(int(start[-1]))[1:-1])
    return [0, *inner.tolist(), len(start) - 1]


def in_ranges(do: Callable[[int, int], T], cut: Sequence[int]) -> list[T]:
    """Call ``do(first, end)`` for all ranges between cuts, at once; what each returns, in order.

    ``do`` itself must not divide its range again: it would wait for the threads that wait for it.
    """
    *others, mine = pairwise(cut)
    if not others:
        return [do(*mine)]
    found = [_threads().submit(do, *each) for each in others]
    last = do(*mine)
    return [*(each.result() for each in found), last]


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that stay: to start one takes as long as to count a hundred thousand rows."""
    return ThreadPoolExecutor(max(_PROCESSORS - 1, 1), thread_name_prefix="ranges")


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a child has none of them

"""Compiled loops over ranges, a thread for each processor: they leave Python to one another."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise
from queue import SimpleQueue
from threading import Thread
from typing import Final, NoReturn, TypeVar

import numpy as np

from workbench.analysis.arrays import Ints

T = TypeVar("T")

_PROCESSORS: Final = (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
)
_EACH: Final = 2
"""Ranges for each processor."""
_LEAST: Final = 1 << 15
"""Rows that are worth a thread."""


def cuts(n: int) -> list[int]:
    """Where to cut ``n`` rows into ranges, some for each processor; with 0 in front and n behind."""
    pieces = max(min(_EACH * _PROCESSORS, n // _LEAST), 1)
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

    Each thread takes the next range when it is done with one: so one that is held up holds up little.
    """
    ranges = list(pairwise(cut))
    left, done = iter(enumerate(ranges)), SimpleQueue[tuple[int, Callable[[], T]]]()

    def take() -> None:
        for at, each in left:
            done.put((at, _told(partial(do, *each))))

    for _ in range(min(_PROCESSORS, len(ranges)) - 1):
        _tasks().put(take)
    take()
    told = dict(done.get() for _ in ranges)
    return [told[at]() for at in range(len(ranges))]


def _told(do: Callable[[], T]) -> Callable[[], T]:
    """Do it; what then tells what it gave, or raises what it raised."""
    try:
        given = do()
    except BaseException as error:  # noqa: BLE001 - raised by who asked
        return partial(_raise, error)
    return lambda: given


def _raise(error: BaseException) -> NoReturn:
    raise error


@cache
def _tasks() -> SimpleQueue[Callable[[], None]]:
    """What threads wait for.

    They stay: to start one takes as long as to count a hundred thousand rows. A
    ``ThreadPoolExecutor`` would do, but its futures add some 0.1 ms to each of the thirty loops of an
    index, a fifteenth of the time in which half a million events are indexed.
    """
    tasks = SimpleQueue[Callable[[], None]]()

    def work() -> None:
        while True:
            task = tasks.get()
            task()
            del task  # or what it holds would stay until there is something to do again

    for n in range(1, max(_PROCESSORS, 2)):
        Thread(target=work, name=f"ranges_{n}", daemon=True).start()
    return tasks


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_tasks.cache_clear)  # a child has none of them

"""Several sources read at once, each in a thread of its own, as one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Final, TypeVar

Item = TypeVar("Item")

_AHEAD: Final = 4
"""Items that wait to be taken, for each source."""
_LOOK_AGAIN: Final = 0.1  # seconds


def side_by_side(sources: Sequence[Callable[[], Iterator[Item]]]) -> Iterator[Item]:
    """What the sources give, as it comes; each source's in its order.

    A source is made, read and closed in its thread. If one fails, or nobody takes any more, all end;
    the error is raised here.
    """
    if len(sources) == 1:
        yield from sources[0]()
        return
    taken: Queue[tuple[Item] | BaseException | None] = Queue(_AHEAD * len(sources))
    over = threading.Event()

    def put(found: tuple[Item] | BaseException | None) -> None:
        while not over.is_set():
            with suppress(Full):
                taken.put(found, timeout=_LOOK_AGAIN)
                return

    def run(source: Callable[[], Iterator[Item]]) -> None:
        try:
            for item in source():
                put((item,))
                if over.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are taken
            put(error)

    threads = [threading.Thread(target=run, args=(source,), daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    try:
        left = len(threads)
        while left:
            try:
                found = taken.get(timeout=_LOOK_AGAIN)  # so that Ctrl-C is heard, on Windows too
            except Empty:
                continue
            if found is None:
                left -= 1
            elif isinstance(found, BaseException):
                raise found
            else:
                yield found[0]
    finally:
        over.set()
        for thread in threads:
            thread.join()

"""Progress bars: for what is fetched once, and for reading what stands on channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def download_bar() -> Callable[[int, int, str], None]:
    """A progress bar that appears only if there is something to fetch."""
    bar: Any = None

    def advance(done: int, total: int, sentence: str) -> None:
        nonlocal bar
        if bar is None:
            from tqdm.auto import tqdm

            bar = tqdm(total=total, unit="B", unit_scale=True)
        bar.total = total
        bar.set_description_str(sentence)
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return advance


@contextmanager
def reading_bar(what: str, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar that is told how many events were read, and how many there are.

    It shows where there is somebody to see it, unless it is not to be ``shown`` at all.
    """
    from tqdm.auto import tqdm

    with tqdm(desc=what, unit=" events", disable=None if shown else True, leave=False) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance

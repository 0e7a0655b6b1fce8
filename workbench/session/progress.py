"""Progress bars: for what is fetched once, and for what is counted."""

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
def counted(what: str, unit: str, *, shown: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar that is told (done, in all), and is gone at the end."""
    from tqdm.auto import tqdm

    with tqdm(desc=what, unit=f" {unit}", disable=None if shown else True, leave=False) as bar:

        def advance(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance


def ticking(what: str, unit: str, *, shown: bool) -> Callable[[int], None]:
    """A line that is told how many there are by now, from another thread; it stays."""
    from tqdm.auto import tqdm

    bar = tqdm(desc=what, unit=f" {unit}", disable=None if shown else True)

    def advance(done: int) -> None:
        bar.update(done - bar.n)

    return advance

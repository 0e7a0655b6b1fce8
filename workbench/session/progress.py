"""A progress bar for what is fetched once."""

from __future__ import annotations

from collections.abc import Callable
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

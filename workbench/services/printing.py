"""What one thread prints goes to a file; what the others print goes where it always does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_own = threading.local()
"""Its ``file``: where a thread prints just now, if it has a place of its own."""
_divided: list[_Divided] = []
"""All that ever stood in for a stream. None is taken away or dropped: ``print`` in another thread
may be using it, and Python crashes if it goes meanwhile."""


@contextmanager
def printing_to(file: TextIO) -> Iterator[None]:
    """Send what this thread prints, to stdout or stderr, to a file.

    ``contextlib.redirect_stdout`` would send there what any thread prints: a notebook's own
    output, while a service is at work behind it.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _Divided):
            _divided.append(_Divided(stream))
            setattr(sys, name, _divided[-1])
    _own.file = file
    try:
        yield
    finally:
        _own.file = None


class _Divided:
    """A stream that is another for threads with a place of their own."""

    _usual: Any

    def __init__(self, usual: Any) -> None:
        super().__setattr__("_usual", usual)

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(_own, "file", None) or self._usual, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._usual, name, value)  # IPython puts a ``write`` of its own in for each cell

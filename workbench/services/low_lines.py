"""Lines below the level of ``logging``, made for the logs of services and shown to nobody else.

``logging`` asks for levels before it makes a record, and asks in no context: to get a handler's
lines the root's level is lowered for the whole process, and records that are only made because of
that get a level below that of any handler but ours.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

UNSHOWN: Final = logging.NOTSET - 1
"""The level of such a record; a handler that is to have it has this level."""
LEVEL: Final = "service_level"
"""The attribute of such a record that has its own level."""
_USUAL: Final = logging.WARNING
"""The root's level as Python sets it."""

_lock = threading.Lock()
_wanted: list[int] = []
_lowered: int | None = None
"""The root's level, while it is ours."""


@contextmanager
def lowered(least: int, to: logging.Handler) -> Iterator[None]:
    """Let a handler of the root's have records of a level and above that are made meanwhile.

    Only those of the root's own level and above where that was set by others. For any thread.
    """
    root = logging.getLogger()
    with _lock:
        root.addHandler(to)
        _wanted.append(least)
        _adjust()
    try:
        yield
    finally:
        with _lock:
            _wanted.remove(least)
            _adjust()
            if not _wanted:
                root.removeHandler(to)


def level_of(record: logging.LogRecord) -> int:
    """The level that a record was made with."""
    level: int = getattr(record, LEVEL, record.levelno)
    return level


def _adjust() -> None:
    global _lowered  # noqa: PLW0603 - the root's level is one for all
    root, level = logging.getLogger(), min([*_wanted, _USUAL])
    if root.level != (_USUAL if _lowered is None else _lowered):
        _lowered = None  # a notebook that sets it means it
    elif level < _USUAL:
        if not isinstance(logging.getLogRecordFactory(), _Making):
            logging.setLogRecordFactory(_Making(logging.getLogRecordFactory()))
        _lowered = level
        root.setLevel(level)
    elif _lowered is not None:
        root.setLevel(_USUAL)
        _lowered = None


class _Making:
    """Makes records as they were made before, and marks those that are there for us alone."""

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._make(*args, **kwargs)
        level: Any = record.levelno  # none, of one made by hand
        if _lowered is not None and isinstance(level, int) and UNSHOWN < level < _USUAL:
            logger: logging.Logger | None = logging.getLogger(record.name)
            while logger is not None and not logger.level:
                logger = logger.parent
            if logger is logging.getLogger():
                setattr(record, LEVEL, level)
                record.levelno = UNSHOWN
        return record

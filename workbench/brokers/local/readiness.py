"""Ready means ready for clients: the broker answers one, and is the one we started."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .ports import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STEP = 0.03  # seconds between two knocks


def wait_until_ready(
    port: int, answers: Callable[[], bool], *, alive: Callable[[], bool], seconds: float
) -> bool:
    """Wait until someone listens at `port` and `answers` is true.

    Returns ``False`` when `alive` says that the broker has died, or after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive():
        if listens(port) and answers():
            return True
        time.sleep(_STEP)
    return False


def listens(port: int) -> bool:
    """Whether anyone listens at `port` of the loopback address."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


@contextmanager
def quiet(library: str) -> Iterator[None]:
    """No log lines of a client library about a broker that isn't up yet: that is what we ask."""
    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)

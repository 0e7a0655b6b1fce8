"""What must not live on in a forked child: a broker's pipe, its claim, the duty to end it.

Python's descriptors aren't inherited over an ``exec``, so children that are *started* (subprocess,
spawn, a fork server) never see them. A bare ``os.fork``, which ``multiprocessing``'s fork method
uses, copies every one: a child forked by a notebook would hold the broker's pipe open after the
notebook is gone, and its broker would never end. So each descriptor kept here is closed in every
child right after the fork.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_kept: set[int] = set()


def keep_from_forks(descriptor: int) -> int:
    """Have `descriptor` closed in children forked from now on; returns it."""
    _kept.add(descriptor)
    return descriptor


def close(descriptor: int) -> None:
    """Close a kept descriptor in this process."""
    _kept.discard(descriptor)
    os.close(descriptor)


def in_forked_child(do: Callable[[], None]) -> None:
    """Have `do` called in every child right after a fork."""
    if hasattr(os, "register_at_fork"):  # not on Windows
        os.register_at_fork(after_in_child=do)


@in_forked_child
def _close_all() -> None:
    for descriptor in _kept:
        with suppress(OSError):
            os.close(descriptor)
    _kept.clear()

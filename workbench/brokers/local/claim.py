"""A claim on a folder: held by a process's life, not by a file's contents.

The claim is an ``flock`` on a file in the folder. The kernel ties it to the *open file*, so it can
be handed on: the starter takes it, the broker's process inherits the descriptor, and the claim stands
exactly as long as one of them lives. Nothing is stale after a crash, a SIGKILL or a power cut, and
no process id has to be believed. (A descriptor is copied by a bare ``os.fork``, too: `fork_safe`
sees to that.)
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from workbench.errors import LocalBrokerError

from .fork_safe import close, keep_from_forks

if TYPE_CHECKING:
    from pathlib import Path

CLAIM_FILE = "claim"

_STEP = 0.02  # seconds between two looks
_PATIENCE = 0.1  # seconds: longer than anyone's look at a claim takes


def claim(folder: Path, *, wait: float = _PATIENCE) -> int | None:
    """Claim `folder`, which exists, for as long as the descriptor returned stays open.

    Returns ``None`` when after `wait` seconds someone else still holds it.
    """
    descriptor = keep_from_forks(os.open(folder / CLAIM_FILE, os.O_RDWR | os.O_CREAT, 0o600))
    deadline = time.monotonic() + wait
    while not _try_lock(descriptor, shared=False):
        if time.monotonic() > deadline:
            release(descriptor)
            return None
        time.sleep(_STEP)
    return descriptor


def release(descriptor: int) -> None:
    """Let go of this process's share of a claim; one handed on to a child stands."""
    close(descriptor)


def is_claimed(folder: Path) -> bool:
    """Whether a living process holds `folder`."""
    try:
        descriptor = os.open(folder / CLAIM_FILE, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


def wait_until_free(folder: Path, *, seconds: float) -> bool:
    """Wait at most `seconds` for whoever holds `folder` to end; whether it did."""
    deadline = time.monotonic() + seconds
    while is_claimed(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP)
    return True


def _try_lock(descriptor: int, *, shared: bool) -> bool:
    if sys.platform == "win32":
        raise LocalBrokerError(
            "A broker of one's own runs on Linux, macOS and WSL2: on Windows itself, use the "
            "in-memory broker or an existing cluster."
        )
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

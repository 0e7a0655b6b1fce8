"""Starting and ending a broker's process, with or without an owner.

A broker gets a session of its own, so that Ctrl-C in a terminal or an interrupted notebook cell
never reaches it. `guardian` says how an owned one ends with its owner; leaving Python in the usual
way stops it sooner, and waits, so that the next start finds the folder free.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from workbench.errors import LocalBrokerError

from . import guardian
from .fork_safe import close, in_forked_child, keep_from_forks
from .log_tail import OUTPUT
from .record import RECORD_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GRACE = 10.0  # seconds that a broker gets to end by itself

_STEP = 0.02  # seconds between two looks


@dataclass
class _Owned:
    """An owned broker's guardian, and the write end of the pipe that keeps both alive."""

    folder: Path
    guardian: subprocess.Popen[bytes]
    pipe: int


# Kept here and not in a LocalKafka: one that is garbage-collected must not take its broker along.
_owned: dict[int, _Owned] = {}


def launch(
    command: Sequence[str],
    folder: Path,
    *,
    claimed: int,
    owned: bool,
    environment: Mapping[str, str] | None = None,
) -> psutil.Process:
    """Start a process in `folder` that holds the claim; owned, it ends when this process does.

    Its environment is ours unless one is given.
    """
    read_end, write_end = os.pipe()
    keep_from_forks(write_end)
    try:
        with (folder / OUTPUT).open("wb") as output:
            started = subprocess.Popen(
                [
                    *(sys.executable, "-IS", guardian.__file__),
                    *("owned" if owned else "detached", RECORD_FILE),
                    *command,
                ],
                cwd=folder,
                env=environment,
                stdin=read_end,
                stdout=subprocess.PIPE,
                stderr=output,
                pass_fds=(claimed,),
                start_new_session=True,
            )
    finally:
        os.close(read_end)
    assert started.stdout is not None
    with started.stdout as first_line:
        said = first_line.readline()
    if not said:
        close(write_end)
        started.wait()
        raise LocalBrokerError(f"{command[0]} could not be started; {folder / OUTPUT} says why.")
    pid = int(said)
    if owned:
        _owned[pid] = _Owned(folder, started, write_end)
    else:
        started.wait()
        close(write_end)
    return psutil.Process(pid)


def is_alive(process: psutil.Process) -> bool:
    """Whether `process` still runs; a zombie that nobody has reaped doesn't."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def end(process: psutil.Process, folder: Path, *, grace: float = GRACE) -> bool:
    """End a broker: ask it, and after `grace` seconds kill it; whether asking was enough."""
    (folder / RECORD_FILE).unlink(missing_ok=True)
    asked = True
    for ask, seconds in ((process.terminate, grace), (process.kill, grace)):
        with suppress(psutil.NoSuchProcess):
            ask()
        deadline = time.monotonic() + seconds
        while is_alive(process) and time.monotonic() < deadline:
            time.sleep(_STEP)
        if not is_alive(process):
            break
        asked = False
    forget(process.pid)
    return asked


def forget(pid: int) -> None:
    """Let go of what this process keeps for an owned broker that has ended."""
    owned = _owned.pop(pid, None)
    if owned:
        with suppress(subprocess.TimeoutExpired):
            owned.guardian.wait(GRACE)
        close(
            owned.pipe
        )  # after that: a guardian that sees it closed takes the end for a wanted one


@atexit.register
def _end_all() -> None:
    for pid, owned in list(_owned.items()):
        with suppress(psutil.NoSuchProcess):
            end(psutil.Process(pid), owned.folder)


in_forked_child(_owned.clear)  # what the parent owns is none of the child's to end

"""Processes of a peer: each says when it listens, and ends when its standard input does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psutil


@contextmanager
def listening(module: str, arguments: Sequence[Sequence[str]]) -> Iterator[list[psutil.Process]]:
    """A process ``python -m module`` for each row of arguments, all of them listening."""
    with ExitStack() as stack:
        processes = []
        for row in arguments:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *row],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us, who then end it
            )
            stack.callback(process.communicate)  # its standard input ends, and so does it
            processes.append(process)
        for process in processes:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                raise RuntimeError(f"a process of {module} does not come up")
        yield [psutil.Process(process.pid) for process in processes]


def say_ready() -> None:
    """Said by such a process, once it listens."""
    print("ready", flush=True)


def end_with_input() -> None:
    """Called by such a process as it starts: whoever holds its input has ended, and so does it."""
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    sys.stdin.read()
    os._exit(0)

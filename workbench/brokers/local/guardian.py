"""The process between an owner and its broker: when the owner is gone, however it went, so is it.

The owner holds the write end of a pipe, this process reads the other end as its standard input.
Nothing is ever written: the kernel closes the owner's end when the owner ends, by SIGKILL too, and
end of file is the signal. `atexit` would not run then, and a process id can belong to another.

Started as a file, ``python -IS guardian.py owned|detached RECORD COMMAND…``, so that it imports
nothing but the standard library: it weighs 10 MB and starts in 20 ms. Its first and only line of
output is the process id of the command. Being told ``detached`` it leaves right after that, and
the command, in a session of its own, has no parent to be reaped by or to die with.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

_GRACE = 10.0  # seconds that a broker gets to end by itself


def main(life: str, record: str, *command: str) -> int:
    """Start `command`; if `life` is ``owned``, end it when the standard input does."""
    for unwanted in (signal.SIGINT, signal.SIGHUP):
        signal.signal(unwanted, signal.SIG_IGN)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, close_fds=False)
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.close()
    if life == "detached":
        return 0
    threading.Thread(target=_end_with_owner, args=(child, record), daemon=True).start()
    return child.wait()


def _end_with_owner(child: subprocess.Popen[bytes], record: str) -> None:
    while os.read(0, 1):
        pass
    Path(record).unlink(missing_ok=True)  # tells others that this broker is about to end
    child.terminate()
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))

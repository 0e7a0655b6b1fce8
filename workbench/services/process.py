"""The life of one service process, from its fork to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import traceback
from typing import Any

from workbench.brokers import open_broker
from workbench.errors import WorkbenchError
from workbench.services.clock import Clock
from workbench.services.handling import Stopped
from workbench.services.status import Status
from workbench.services.telemetry import observers_of
from workbench.services.travel import unpack
from workbench.services.worker import Worker

_STEP_SECONDS = 0.2
ENDED = "service ended: "
"""What the line of a service's output begins with that says in a sentence why it ended."""


def run_service(packed: bytes, report_to: socket.socket, alive: int) -> int:
    """Run a service until it is asked to stop (SIGTERM). Returns the exit code.

    ``report_to`` takes status datagrams; one that doesn't fit is dropped, the next one heals.
    ``alive`` is a pipe whose other end the fork server holds: when it closes, this process
    has no one left to work for and ends.
    """
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
    stopping, started = threading.Event(), threading.Event()

    def asked_to_stop(*_: object) -> None:
        stopping.set()
        if not started.is_set():
            os._exit(0)  # it holds nothing yet that a crash could lose; joining may take long

    signal.signal(signal.SIGTERM, asked_to_stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the notebook is not for services

    def report(status: Status) -> None:
        with contextlib.suppress(OSError):
            report_to.send(status.to_bytes(), socket.MSG_DONTWAIT)

    try:
        spec, settings = unpack(packed)
        kill_at = settings.pop("kill_at", None)
        clock = Clock()
        worker = Worker(
            spec,
            open_broker(settings),
            at=_killer(*kill_at) if kill_at else lambda step: None,
            report=report,
            stopping=stopping.is_set,
            clock=clock,
            observers=observers_of(spec, clock, alone=True),
        )
        try:
            worker.start()
            started.set()
            with contextlib.suppress(Stopped):
                while not stopping.is_set():
                    worker.step(_STEP_SECONDS)
            worker.finish()
        except Exception as error:
            worker.crashed(error)
            raise
    except WorkbenchError as error:
        print(f"{ENDED}{error}", file=sys.stderr, flush=True)
        return 1
    except Exception:  # noqa: BLE001 - the last stop: it goes to the output
        traceback.print_exc()
        return 1
    return 0


def _killer(step: str, times: int) -> Any:
    """For tests of crashes: a real SIGKILL as a step is passed for the given time."""
    passed = 0

    def at(name: str) -> None:
        nonlocal passed
        passed += name == step
        if name == step and passed == times:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


def _end_with(alive: int) -> None:
    while os.read(alive, 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)  # as any crash would: what is committed is committed

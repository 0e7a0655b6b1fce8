"""The fork server: a small process that has imported the heavy libraries once.

It holds no clients and no threads, so that a fork of it is sound; each service is such a fork,
up in milliseconds and sharing its memory. Requests come on standard input as frames (length,
then pickle); what happens goes out on standard output as JSON lines. When standard input ends,
because the notebook's kernel ended, however it ended, every service is killed and it ends too.
Should it be killed itself, its services see the end of a pipe that only it holds open.

Its arguments are the file descriptor of the socket that services report to, and the kind of their
broker.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import select
import signal
import socket
import struct
import sys
from typing import Any

FRAME = struct.Struct("!Q")
TELEMETRY = "OTEL_"
"""How the names of settings begin that a service takes from the notebook as they are by then."""


def main() -> int:
    """Serve until standard input ends."""
    _preload(sys.argv[2])
    reports = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    alive_read, alive_write = os.pipe()
    parent = os.getppid()
    children: dict[int, str] = {}
    pending = b""
    _tell({"ready": os.getpid()})
    while True:
        readable, _, _ = select.select([0, wake_read], [], [], 1.0)
        if os.getppid() != parent:
            return _kill_all(children)
        if wake_read in readable:
            os.read(wake_read, 4096)
        _reap(children)
        if 0 not in readable:
            continue
        chunk = os.read(0, 1 << 20)
        if not chunk:
            return _kill_all(children)
        pending += chunk
        while len(pending) >= FRAME.size:
            (length,) = FRAME.unpack_from(pending)
            if len(pending) < FRAME.size + length:
                break
            request = pickle.loads(pending[FRAME.size : FRAME.size + length])  # noqa: S301 - from the parent alone
            pending = pending[FRAME.size + length :]
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (alive_write, wake_read, wake_write):
                    os.close(descriptor)
                _become(request, reports, alive_read)
            children[pid] = request["service"]
            _tell({"started": request["service"], "pid": pid})


def _become(request: dict[str, Any], reports: socket.socket, alive: int) -> None:
    """Be the service; never returns."""
    code = 1
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        log = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        sys.path[:] = request["path"]
        for name in [name for name in os.environ if name.startswith(TELEMETRY)]:
            del os.environ[name]
        os.environ.update(request["environ"])
        os.chdir(request["cwd"])
        from workbench.services.process import run_service

        code = run_service(request["packed"], reports, alive)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _reap(children: dict[int, str]) -> None:
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        service = children.pop(pid, "")
        _tell({"ended": service, "pid": pid, "exit": os.waitstatus_to_exitcode(status)})


def _kill_all(children: dict[int, str]) -> int:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    return 0


def _tell(message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the kernel is gone; standard input's end says so
        os.write(1, json.dumps(message).encode() + b"\n")


def _preload(kind: str) -> None:
    """Import once what every service needs, the client of one kind of broker included."""
    import cel
    import cloudevents.core.bindings.kafka
    import cloudpickle
    import jsonschema_rs
    import opentelemetry.sdk.trace.export
    import pydantic
    import structlog

    import workbench.services.process
    import workbench.services.tracing.observing
    from workbench.brokers import load_broker

    load_broker(kind)
    _ = (cel, cloudevents, cloudpickle, jsonschema_rs, opentelemetry, pydantic, structlog)
    _ = workbench
    # What is here now stays: the collector of a service neither walks through it again and again
    # nor, by touching it, makes a copy of the memory that services share.
    gc.collect()
    gc.freeze()

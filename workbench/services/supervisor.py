"""Services as processes: started from the fork server, watched, restarted when they crash."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.errors import ServiceError
from workbench.services.forkserver import FRAME, TELEMETRY
from workbench.services.process import ENDED
from workbench.services.runner import Life, Runner
from workbench.services.spec import ServiceSpec
from workbench.services.status import Status
from workbench.services.travel import pack

_SERVE = "import sys; from workbench.services.forkserver import main; sys.exit(main())"
_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first, second, … restart after a crash."""
_CALM_AFTER = 20.0
"""Seconds of running after which crashes before are forgiven."""
_ANSWERS_WITHIN = 30.0
"""Seconds that the fork server may take to start a service."""
_WORDS = 200
"""Letters at most of what a service said last before it crashed."""
_READ_BYTES = 4_000


class Supervisor(Runner):
    """Runs each service in a process of its own.

    Parameters
    ----------
    folder
        Where the services' output files go.
    settings
        How services connect to the broker; may hold secrets, and travels by pipe only.
    say
        Told, in a sentence, of crashes and restarts.
    """

    def __init__(
        self,
        folder: Path,
        settings: Callable[[], dict[str, Any]],
        say: Callable[[str], None],
    ) -> None:
        super().__init__(folder)
        self._settings = settings
        self._say = say
        self._changed = threading.Condition(self._lock)
        self._packed: dict[str, bytes] = {}
        self._recent_crashes: dict[str, int] = {}
        self._started_at: dict[str, float] = {}
        self._printed: dict[str, int] = {}
        """How long each output file was when its service was last started, in bytes."""
        self._timers: dict[str, threading.Timer] = {}
        self._server: subprocess.Popen[bytes] | None = None
        self._reports: socket.socket | None = None
        self._closed = False

    def start(self, spec: ServiceSpec, *, kill_at: tuple[str, int] | None = None) -> None:
        """Start a service. ``kill_at=(step, n)``: it kills itself at the n-th such step."""
        settings = self._settings()
        packed = pack(spec, settings)
        armed = pack(spec, {**settings, "kill_at": kill_at}) if kill_at else packed
        with self._lock:
            self._new_life(spec)
            self._packed[spec.label] = packed
            self._recent_crashes[spec.label] = 0
            self._spawn(spec.label, armed)

    def stop(self, service: str, timeout: float = 10.0) -> None:
        with self._lock:
            life = self._life(service)
            life.wanted = False
            self._cancel_restart(service)
            self._signal(life, signal.SIGTERM)
            if self._wait_down(life, timeout):
                return
            self._say(f"{service} did not stop within {timeout:g} s and was killed.")
            self._signal(life, signal.SIGKILL)
            self._wait_down(life, 5.0)

    def kill(self, service: str) -> None:
        with self._lock:
            life = self._life(service)
            life.wanted = False
            self._cancel_restart(service)
            self._signal(life, signal.SIGKILL)
            self._wait_down(life, 5.0)

    def crash(self, service: str) -> None:
        with self._lock:
            self._signal(self._life(service), signal.SIGKILL)

    def pause(self, service: str) -> None:
        with self._lock:
            life = self._life(service)
            life.paused = life.up
            self._signal(life, signal.SIGSTOP)

    def resume(self, service: str) -> None:
        with self._lock:
            life = self._life(service)
            life.paused = False
            self._signal(life, signal.SIGCONT)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            running = [name for name, life in self._lives.items() if life.up or life.wanted]
            for name in running:
                self._lives[name].wanted = False
                self._cancel_restart(name)
                self._signal(self._lives[name], signal.SIGTERM)
            for name in running:
                if not self._wait_down(self._lives[name], 10.0):
                    self._signal(self._lives[name], signal.SIGKILL)
            server, self._server = self._server, None
        if server is not None and server.stdin is not None:
            server.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(5)
        self._end_reports()

    # --- the fork server ------------------------------------------------------------------

    def _spawn(self, service: str, packed: bytes) -> None:
        server = self._running_server()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        request = pickle.dumps(
            {
                "service": service,
                "packed": packed,
                "output": str(self.output_path(service)),
                "path": sys.path,
                "cwd": str(Path.cwd()),
                "environ": {k: v for k, v in os.environ.items() if k.startswith(TELEMETRY)},
            }
        )
        life = self._lives[service]
        life.pid, life.status, life.paused = None, None, False
        life.up = True
        self._started_at[service] = time.monotonic()
        output = self.output_path(service)
        self._printed[service] = output.stat().st_size if output.exists() else 0
        assert server.stdin is not None
        with contextlib.suppress(OSError):  # it ended just now: nobody answers
            server.stdin.write(FRAME.pack(len(request)) + request)
            server.stdin.flush()
        self._changed.wait_for(lambda: life.pid is not None or not life.up, timeout=_ANSWERS_WITHIN)
        if life.pid is None:
            life.up = False
            raise ServiceError(f"{service} could not be started: the fork server does not answer.")

    def _running_server(self) -> subprocess.Popen[bytes]:
        if self._server is not None and self._server.poll() is None:
            return self._server
        self._forget_server()
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._reports = here
        with contextlib.suppress(OSError):
            here.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        # One heap for all threads of a service: each with its own, as glibc likes it, cost 2 MB more.
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "1"}
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(there.fileno()), self._settings()["kind"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[there.fileno()],
            start_new_session=True,
            env={**environment, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        there.close()
        for target, source in ((self._read_news, self._server), (self._read_reports, here)):
            threading.Thread(target=target, args=(source,), daemon=True).start()
        return self._server

    def _forget_server(self) -> None:
        """Let go of a fork server that was killed: what it ran has ended with it."""
        server, self._server = self._server, None
        if server is None:
            return
        if server.stdin is not None:
            with contextlib.suppress(OSError):
                server.stdin.close()
        self._end_reports()
        for life in self._lives.values():
            if life.up and life.pid is not None:
                self._ended(life.service, life.pid, -int(signal.SIGKILL))
            life.up = False  # also of one that was about to be started
        self._changed.notify_all()

    def _read_news(self, server: subprocess.Popen[bytes]) -> None:
        assert server.stdout is not None
        with server.stdout as lines:
            for line in lines:
                news = json.loads(line)
                with self._lock:
                    if "started" in news:
                        self._lives[news["started"]].pid = news["pid"]
                    elif "ended" in news:
                        self._ended(news["ended"], news["pid"], news["exit"])
                    self._changed.notify_all()
        with self._lock:
            if not self._closed and self._server is server:
                self._forget_server()

    def _read_reports(self, reports: socket.socket) -> None:
        with reports:
            while datagram := reports.recv(1 << 16):
                status = Status.from_bytes(datagram)
                with self._lock:
                    life = self._lives.get(status.service)
                    if life is not None and life.pid in (None, status.pid):
                        life.status = status

    def _end_reports(self) -> None:
        """Let the thread that reads reports go: nobody hangs up on it by himself."""
        if self._reports is not None:
            with contextlib.suppress(OSError):
                self._reports.shutdown(socket.SHUT_RDWR)
            self._reports = None

    # --- endings --------------------------------------------------------------------------

    def _ended(self, service: str, pid: int, code: int) -> None:
        life = self._lives[service]
        if life.pid != pid:
            return
        life.up, life.exit = False, code
        if not life.wanted or self._closed:
            return
        life.crashes += 1
        wait = self._restart_later(service)
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        why = self._last_words(service) if code > 0 else ""
        because = f": {why};" if why else ";"
        self._say(f"{service} crashed ({how}){because} it is restarted in {wait:g} s.")

    def _restart_later(self, service: str) -> float:
        """Restart a service after some seconds, which are returned: more after each crash."""
        calm = time.monotonic() - self._started_at[service] > _CALM_AFTER
        crashes = 0 if calm else self._recent_crashes.get(service, 0)
        self._recent_crashes[service] = crashes + 1
        wait = _BACKOFF[min(crashes, len(_BACKOFF) - 1)]
        timer = threading.Timer(wait, self._restart, args=(service,))
        timer.daemon = True
        self._timers[service] = timer
        timer.start()
        return wait

    def _last_words(self, service: str) -> str:
        """The last line of what this life of a service has put out, shortened; empty: none."""
        try:
            with self.output_path(service).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._printed[service], size - _READ_BYTES))
                lines = file.read().decode("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        last = "".join(letter if letter.isprintable() else " " for letter in "".join(lines[-1:]))
        said = " ".join(last.removeprefix(ENDED).split()).rstrip(".")
        return said if len(said) <= _WORDS else f"{said[: _WORDS - 1]}…"

    def _restart(self, service: str) -> None:
        with self._lock:
            life = self._lives[service]
            if not life.wanted or life.up or self._closed:
                return
            try:
                self._spawn(service, self._packed[service])
            except (ServiceError, OSError) as error:
                wait = self._restart_later(service)
                self._say(f"{str(error).rstrip('.')}; it is tried again in {wait:g} s.")

    def _cancel_restart(self, service: str) -> None:
        timer = self._timers.pop(service, None)
        if timer is not None:
            timer.cancel()

    def _signal(self, life: Life, which: signal.Signals) -> None:
        if life.up and life.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(life.pid, which)

    def _wait_down(self, life: Life, timeout: float) -> bool:
        return self._changed.wait_for(lambda: not life.up, timeout=timeout)

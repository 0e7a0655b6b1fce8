"""Services in this process, one step at a time: for the in-memory broker.

Deterministic: services take turns in the order they were started, each a whole round of poll,
handle, record, send and commit. A kill abandons a service at a named step, as SIGKILL would:
nothing it had not committed is kept.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from workbench.brokers import MemoryBroker
from workbench.errors import ServiceError
from workbench.services.clock import Clock
from workbench.services.handling import Stopped
from workbench.services.happening import Observer
from workbench.services.log_lines import LEVELS
from workbench.services.own_lines import taking_lines
from workbench.services.printing import printing_to
from workbench.services.runner import Life, Runner
from workbench.services.spec import ServiceSpec
from workbench.services.status import Status
from workbench.services.telemetry import observers_of
from workbench.services.worker import Worker

_IDLE_SECONDS = 0.005
_LAST_TURN_SECONDS = 2.0
"""How long the end of this process waits for the turn that a service has."""


class InlineRunner(Runner):
    """Runs services on an in-memory broker.

    With ``threaded`` a background thread gives them their turns in real time; without it
    nothing happens until :meth:`run_until_idle`. ``observers`` makes those of an instance.
    """

    def __init__(
        self,
        folder: Path,
        broker: MemoryBroker,
        say: Callable[[str], None],
        *,
        clock: Clock | None = None,
        threaded: bool = True,
        observers: Callable[[ServiceSpec, Clock], Sequence[Observer]] = observers_of,
    ) -> None:
        super().__init__(folder)
        self._broker, self._say = broker, say
        self._clock = clock or Clock()
        self._threaded = threaded
        self._observers = observers
        self._specs: dict[str, ServiceSpec] = {}
        self._workers: dict[str, Worker] = {}
        self._thread: threading.Thread | None = None

    def start(self, spec: ServiceSpec, *, kill_at: tuple[str, int] | None = None) -> None:
        """Start a service. ``kill_at=(step, n)``: it is abandoned at the n-th such step."""
        with self._lock:
            self._new_life(spec)
            self._specs[spec.label] = spec
            self._begin(spec.label, kill_at)
        if self._threaded and self._thread is None:
            self._thread = threading.Thread(target=self._drive, name="turns", daemon=True)
            self._thread.start()
            atexit.register(self._rest)

    def stop(self, service: str, timeout: float = 10.0) -> None:  # noqa: ARG002 - never slow
        with self._lock:
            life = self._life(service)
            life.wanted = False
            worker = self._workers.pop(service, None)
            if worker is not None:
                worker.finish()
            life.up, life.exit = False, 0

    def kill(self, service: str) -> None:
        with self._lock:
            life = self._life(service)
            life.wanted = False
            self._abandon(life)

    def crash(self, service: str) -> None:
        with self._lock:
            life = self._life(service)
            life.crashes += life.up
            self._abandon(life)

    def pause(self, service: str) -> None:
        self._life(service).paused = True

    def resume(self, service: str) -> None:
        self._life(service).paused = False

    def close(self) -> None:
        with self._lock:
            for name in list(self._workers):
                self.stop(name)
            self._thread = None
        atexit.unregister(self._rest)

    def _rest(self) -> None:
        """Give no more turns: each writes into a folder that may be deleted at this process's end."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_LAST_TURN_SECONDS)

    def run_until_idle(self, rounds: int = 10_000) -> None:
        """Give everyone turns until a whole round finds nothing to do, delays included."""
        for _ in range(rounds):
            if not self._round() and not self._skip_ahead() and not self._round():
                return  # the second round: the first may have sent what had waited for its time
        raise ServiceError(f"the services are not at rest after {rounds} rounds: is there a cycle?")

    def _round(self) -> int:
        done = 0
        with self._lock:
            for name in list(self._specs):
                if self._lives[name].paused:
                    continue
                if name in self._workers:
                    done += self._turn(name)
                elif self._lives[name].wanted:
                    self._begin(name, None)
                    done += 1
        return done

    def _skip_ahead(self) -> bool:
        with self._lock:
            dues = [worker.store.next_due() for worker in self._workers.values()]
        waits = [due - self._clock.now().timestamp() for due in dues if due is not None]
        if not waits:
            return False
        self._clock.sleep(max(0.0, min(waits)) + 0.001)
        return True

    def _drive(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            if not self._round():
                time.sleep(_IDLE_SECONDS)

    def _begin(self, name: str, kill_at: tuple[str, int] | None) -> None:
        life = self._lives[name]

        def report(status: Status) -> None:
            life.status = replace(status, counts=dict(status.counts))

        self._workers[name] = Worker(
            self._specs[name],
            self._broker,
            clock=self._clock,
            at=_killer(*kill_at) if kill_at else lambda step: None,
            report=report,
            observers=self._observers(self._specs[name], self._clock),
        )
        life.up = True
        self._guarded(name, self._workers[name].start)

    def _turn(self, name: str) -> int:
        worker = self._workers[name]
        read = 0

        def step() -> None:
            nonlocal read
            read = worker.step(0)

        self._guarded(name, step)
        return read or (name not in self._workers)

    def _guarded(self, name: str, action: Callable[[], None]) -> None:
        life = self._lives[name]
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.output_path(name).touch(mode=0o600)
        with self.output_path(name).open("a", encoding="utf-8") as output:
            try:
                with printing_to(output), taking_lines(self._least(name)):
                    action()
            except _KilledError:
                life.crashes += 1
                self._abandon(life)
            except Stopped:
                self.stop(name)
            except Exception as error:  # noqa: BLE001 - as a process: whatever ends it is in its output
                traceback.print_exc(file=output)
                self._workers[name].crashed(error)
                life.crashes += 1
                self._abandon(life)
                self._say(f"{name} crashed and is restarted.")

    def _least(self, name: str) -> int:
        return LEVELS.get(self._specs[name].log_level, logging.WARNING)

    def _abandon(self, life: Life) -> None:
        worker = self._workers.pop(life.service, None)
        if worker is not None:
            worker.abandon()
        life.up, life.exit = False, -9


class _KilledError(BaseException):
    """Not an Exception: no handler and no worker may catch it."""


def _killer(step: str, times: int) -> Callable[[str], None]:
    passed = 0

    def at(name: str) -> None:
        nonlocal passed
        passed += name == step
        if name == step and passed == times:
            raise _KilledError

    return at

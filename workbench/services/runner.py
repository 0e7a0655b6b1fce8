"""Who keeps services running: in processes of their own, or in this one."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import ServiceError
from workbench.services.spec import ServiceSpec
from workbench.services.status import Status


@dataclass(slots=True)
class Life:
    """How an instance of a service is doing, or a service of several taken together.

    ``wanted``: it was started and not stopped. ``up``: it is running now. ``crashes`` counts
    the times it ended unasked, ``instances`` how many are up (or would be), ``exit`` is how it last ended (a negative number: by that
    signal). ``paused``: it was frozen from here, and not resumed.
    """

    service: str
    wanted: bool = False
    up: bool = False
    pid: int | None = None
    crashes: int = 0
    exit: int | None = None
    instances: int = 1
    status: Status | None = None
    paused: bool = False

    @property
    def state(self) -> str:
        """One word: ``running``, ``starting``, ``crashed``, ``killed`` or ``stopped``."""
        if self.up:
            running = self.status is not None and self.status.phase == "running"
            return "running" if running else "starting"
        if self.wanted:
            return "crashed"
        return "killed" if self.exit == -9 else "stopped"


def together(service: str, lives: Sequence[Life]) -> Life:
    """The lives of a service's instances as one."""
    if len(lives) == 1:
        return replace(lives[0], service=service)
    up = [life for life in lives if life.up]
    reports = [life.status for life in up if life.status is not None]
    status = None
    if reports:
        slowest = min(reports, key=lambda report: report.phase == "running")
        status = replace(slowest, in_flight=sum(report.in_flight for report in reports))
    return Life(
        service,
        wanted=any(life.wanted for life in lives),
        up=bool(up),
        pid=up[0].pid if up else None,
        crashes=sum(life.crashes for life in lives),
        exit=next((life.exit for life in reversed(lives) if life.exit is not None), None),
        instances=len(up),
        status=status,
        paused=bool(up) and all(life.paused for life in up),
    )


class Runner(ABC):
    """Starts and stops instances of services, by their labels. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._lives: dict[str, Life] = {}

    @abstractmethod
    def start(self, spec: ServiceSpec) -> None:
        """Start an instance, or start it anew with another spec once it is down."""

    @abstractmethod
    def stop(self, service: str, timeout: float = 10.0) -> None:
        """End a service in good order; kills it if that takes longer than ``timeout`` s."""

    @abstractmethod
    def kill(self, service: str) -> None:
        """End a service at once, whatever it is doing. It stays down."""

    @abstractmethod
    def crash(self, service: str) -> None:
        """End a service at once, unasked as it were: it is restarted."""

    @abstractmethod
    def pause(self, service: str) -> None:
        """Freeze a service where it is (SIGSTOP), until :meth:`resume`."""

    @abstractmethod
    def resume(self, service: str) -> None:
        """Let a paused service go on."""

    def lives(self) -> dict[str, Life]:
        """How each service that was ever started is doing."""
        with self._lock:
            return {name: replace(life) for name, life in self._lives.items()}

    def _life(self, service: str) -> Life:
        if service not in self._lives:
            known = ", ".join(self._lives) or "none"
            raise ServiceError(f"{service!r} was never started (started so far: {known}).")
        return self._lives[service]

    def _new_life(self, spec: ServiceSpec) -> Life:
        life = self._lives.setdefault(spec.label, Life(spec.label))
        if life.up:
            raise ServiceError(f"{spec.label} is running already; wb.restart({spec.name!r})?")
        life.wanted, life.exit = True, None
        return life

    def output_path(self, service: str) -> Path:
        """The file with what an instance's handlers printed and what went wrong in them."""
        return self._folder / f"{service.replace('/', '.')}.log"

    @abstractmethod
    def close(self) -> None:
        """Stop everything."""

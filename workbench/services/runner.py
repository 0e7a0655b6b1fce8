"""Who keeps services running: in processes of their own, or in this one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from workbench.services.spec import ServiceSpec
from workbench.services.status import Status


@dataclass(slots=True)
class Life:
    """How a service is doing.

    ``wanted``: it was started and not stopped. ``up``: it is running now. ``crashes`` counts
    the times it ended unasked, ``exit`` is how it last ended (a negative number: by that
    signal).
    """

    service: str
    wanted: bool = False
    up: bool = False
    pid: int | None = None
    crashes: int = 0
    exit: int | None = None
    status: Status | None = None

    @property
    def state(self) -> str:
        """One word: ``running``, ``starting``, ``crashed``, ``killed`` or ``stopped``."""
        if self.up:
            running = self.status is not None and self.status.phase == "running"
            return "running" if running else "starting"
        if self.wanted:
            return "crashed"
        return "killed" if self.exit == -9 else "stopped"


class Runner(ABC):
    """Starts and stops services. Safe to use from several threads."""

    @abstractmethod
    def start(self, spec: ServiceSpec) -> None:
        """Start a service, or start it anew with another spec once it is down."""

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

    @abstractmethod
    def lives(self) -> dict[str, Life]:
        """How each service that was ever started is doing."""

    @abstractmethod
    def output_path(self, service: str) -> Path:
        """The file with what a service's handlers printed and what went wrong in them."""

    @abstractmethod
    def close(self) -> None:
        """Stop everything."""

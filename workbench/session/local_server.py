"""The broker on this machine that the workbench finds, or starts, when it is given no address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from workbench.session.progress import download_bar


class LocalServer(Protocol):
    """A broker of a kind as a process on this machine: a :class:`~workbench.LocalKafka`, say."""

    kind: str

    @property
    def pid(self) -> int | None:
        """Its process, if it runs."""

    def client_settings(self) -> dict[str, Any]:
        """What a :class:`~workbench.brokers.Broker` of its kind needs to connect to it."""

    def start(self, *, owned: bool = ..., same_port: bool = ...) -> Any:
        """Start it; ``owned``: it ends with this process, ``same_port``: where it was before."""

    def stop(self) -> None:
        """Stop it; its data stay."""


def running_server(
    kind: str, *, say: Callable[[str], None]
) -> tuple[LocalServer, LocalServer | None]:
    """A broker of a kind on this machine, and the same again if it was started just now.

    The one that ``workbench kafka start`` (or ``rabbitmq start``) left running, else a new one that
    ends with this process.

    Raises
    ------
    BrokerError
        It is not installed or can't be started.
    """
    server: Any
    if kind == "rabbitmq":
        from workbench.brokers.local_rabbitmq import LocalRabbitMQ

        server = LocalRabbitMQ
        new = server(say=say)
    else:
        from workbench.brokers.local import LocalKafka

        server = LocalKafka
        new = server(say=say, progress=download_bar())
    running = server.find(say=say)
    if running is not None and running.owner is None:
        return running, None
    started = new.start(owned=True)
    return started, started

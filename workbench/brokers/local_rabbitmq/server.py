"""The RabbitMQ that is installed: where its own start script is, and which version it is.

Not every ``rabbitmq-server`` on the path will do: Debian's is a wrapper for the system's one node,
which drops the environment. The script that every package keeps beside its plugins takes it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import LocalBrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST_RABBITMQ = (3, 10)
HOME_VARIABLE = "RABBITMQ_HOME"

_HOMES = (
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*",  # Debian, Ubuntu, Fedora
    "/opt/homebrew/opt/rabbitmq",
    "/usr/local/opt/rabbitmq",
    "/home/linuxbrew/.linuxbrew/opt/rabbitmq",
    "/opt/rabbitmq*",  # where the tarball usually goes
)
_SCRIPT = "sbin/rabbitmq-server"


@dataclass(frozen=True)
class Server:
    """A RabbitMQ that is installed: its start script and its version, major and minor."""

    command: Path
    version: tuple[int, int]


def find_server() -> Server:
    """The RabbitMQ to run.

    Looks at the folder that the variable ``RABBITMQ_HOME`` names, if it is set; else on the path,
    and where packages of Linux, Homebrew and the tarball put it. The newest is taken.

    Raises
    ------
    LocalBrokerError
        When none is found, or only one that is too old.
    """
    home = os.environ.get(HOME_VARIABLE)
    homes = [Path(home).expanduser()] if home else list(_usual_homes())
    found = max((server for home in homes if (server := _look(home))), key=_age, default=None)
    if found is None:
        where = f" in {home}, which {HOME_VARIABLE} names" if home else ""
        raise LocalBrokerError(
            f"No RabbitMQ is installed{where}: {how_to_install()}; or set {HOME_VARIABLE} to the "
            f"folder that holds its {_SCRIPT}."
        )
    if found.version < OLDEST_RABBITMQ:
        raise LocalBrokerError(
            f"{found.command} is RabbitMQ {_said(found.version)}, and {_said(OLDEST_RABBITMQ)} or "
            f"newer is needed: {how_to_install()}."
        )
    return found


def how_to_install() -> str:
    """The one command that installs RabbitMQ on this system.

    Debian's package starts a node of the system's own, for everybody in the network: that one is
    not needed, so the command ends it.
    """
    if sys.platform == "darwin":
        return "brew install rabbitmq"
    if shutil.which("apt-get"):
        return (
            "sudo apt-get install -y rabbitmq-server && "
            "sudo systemctl disable --now rabbitmq-server"
        )
    if shutil.which("dnf"):
        return "sudo dnf install -y rabbitmq-server"
    return "see https://www.rabbitmq.com/docs/download"


def _usual_homes() -> Iterator[Path]:
    on_path = shutil.which("rabbitmq-server")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    for pattern in _HOMES:
        yield from Path("/").glob(pattern[1:])


def _look(home: Path) -> Server | None:
    """The RabbitMQ in `home`; a wrapper has no plugins beside it."""
    command = home / _SCRIPT
    if not os.access(command, os.X_OK):
        return None
    versions = [
        (int(found[1]), int(found[2]))
        for plugin in (home / "plugins").glob("rabbit-*")
        if (found := re.match(r"rabbit-(\d+)\.(\d+)\.", plugin.name))
    ]
    return Server(command, max(versions)) if versions else None


def _age(server: Server) -> tuple[int, int]:
    return server.version


def _said(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))

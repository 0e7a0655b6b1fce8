"""What a start of RabbitMQ needs: the server installed, an identity, and its settings."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

from workbench.brokers.local.folder import writing
from workbench.brokers.local.ports import free_port
from workbench.brokers.local.record import mark
from workbench.brokers.local.starting import Ready, start_broker

from .answer import answers
from .identity import Identity, ensure_identity, write_secret
from .server import find_server
from .settings import ADVANCED, CONFIG, HOME, PLUGINS, RABBITMQ, arguments, config, environment

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.brokers.local.record import Running
    from workbench.brokers.local.saying import Say

_COOKIE = ".erlang.cookie"  # whoever knows it may run code in the node


def start_rabbitmq(
    folder: Path | None,
    port: int | None,
    *,
    usual_port: int,
    timeout: float,
    owned: bool,
    say: Say,
) -> Running:
    """Start a RabbitMQ and wait until it answers; the parameters are those of `LocalRabbitMQ`."""
    server = find_server()

    def make_ready(folder: Path, port: int) -> Ready:
        node_port = free_port()
        identity = _configure(folder, port)
        return Ready(
            [str(server.command), mark(folder), *arguments(identity, node_port)],
            environment(folder, identity, node_port),
            identity.node,
            partial(answers, port, identity),
        )

    return start_broker(
        RABBITMQ,
        folder,
        port,
        usual_port=usual_port,
        timeout=timeout,
        owned=owned,
        say=say,
        make_ready=make_ready,
    )


def _configure(folder: Path, port: int) -> Identity:
    """Write all that the node reads at its start, none of it readable by others."""
    with writing(RABBITMQ, folder):
        folder.chmod(0o700)
        identity = ensure_identity(folder)
        (folder / HOME).mkdir(exist_ok=True)
        for name, text in (
            (CONFIG, config(port, identity)),
            (ADVANCED, "[].\n"),
            (PLUGINS, "[].\n"),
            (f"{HOME}/{_COOKIE}", secrets.token_hex(20)),
        ):
            write_secret(folder / name, text)
    return identity

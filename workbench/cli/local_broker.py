"""The commands for a broker of this machine, the same for each kind: start, stop, status, logs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.brokers.local.local_broker import LocalBroker

Folder = Annotated[
    Path | None, typer.Option(help="Its data folder; default: a folder of this user's.")
]


def local_broker(
    name: str,
    usual_port: int,
    load: Callable[[], type[LocalBroker]],
    settings: Callable[[], dict[str, Any]] = dict,
) -> typer.Typer:
    """The group of commands for the broker called `name`.

    `load` imports its class, and `settings` gives what that takes beyond the usual, when a command
    runs and not before.
    """
    app = typer.Typer(help=f"The {name} on this machine.", no_args_is_help=True)

    @app.command("start")
    def start(
        folder: Folder = None,
        port: int | None = typer.Option(None, help=f"Default: {usual_port}, or a free one."),
    ) -> None:
        """Start it; it stays until it is stopped."""
        broker = load().find(folder)
        if broker is None or broker.owner is not None:
            broker = load()(folder, port, say=typer.echo, **settings()).start(owned=False)
        typer.echo(f"{name} is running at {broker.address}; its data is in {broker.folder}")

    @app.command("stop")
    def stop(folder: Folder = None) -> None:
        """Stop it; its data stay."""
        broker = load().find(folder)
        if broker is None:
            typer.echo(f"{name} is not running.")
            return
        address = broker.address
        broker.stop()
        typer.echo(f"{name} at {address} is stopped; its data stay in {broker.folder}")

    @app.command("status")
    def status(folder: Folder = None) -> None:
        """Say whether it runs (exit code 0) or not (1)."""
        found = [load().find(folder)] if folder is not None else load().find_all()
        running = [broker for broker in found if broker is not None]
        for broker in running:
            owner = f"ends with process {broker.owner}" if broker.owner else "stays until stopped"
            typer.echo(
                f"{broker.status()} at {broker.address} (pid {broker.pid}, {owner}), "
                f"data in {broker.folder}"
            )
        if not running:
            typer.echo(f"{name} is not running; workbench {name.lower()} start starts it.")
            raise typer.Exit(1)

    @app.command("logs")
    def logs(
        folder: Folder = None,
        lines: Annotated[int, typer.Option("--lines", "-n", help="How many.")] = 50,
    ) -> None:
        """Print the last lines of its log."""
        broker = load().find(folder) or load()(folder)
        for line in broker.tail(lines):
            typer.echo(line)

    return app

"""``workbench kafka``: the Kafka on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The Kafka on this machine.", no_args_is_help=True)
Folder = Annotated[
    Path | None, typer.Option(help="Kafka's data folder; default: a folder of this user's.")
]


@app.command("start")
def start(
    folder: Folder = None,
    port: Annotated[int | None, typer.Option(help="Default: 9092, or a free one.")] = None,
) -> None:
    """Start it; it stays until it is stopped."""
    from workbench.brokers.local import LocalKafka

    kafka = LocalKafka.find(folder)
    if kafka is None or kafka.owner is not None:
        kafka = LocalKafka(folder, port, say=typer.echo, progress=_bar()).start(owned=False)
    typer.echo(f"Kafka is running at {kafka.bootstrap_servers}; its data is in {kafka.folder}")


@app.command("stop")
def stop(folder: Folder = None) -> None:
    """Stop it; its data stay."""
    from workbench.brokers.local import LocalKafka

    kafka = LocalKafka.find(folder)
    if kafka is None:
        typer.echo("Kafka is not running.")
        return
    address = kafka.bootstrap_servers
    kafka.stop()
    typer.echo(f"Kafka at {address} is stopped; its data stay in {kafka.folder}")


@app.command("status")
def status(folder: Folder = None) -> None:
    """Say whether it runs (exit code 0) or not (1)."""
    from workbench.brokers.local import LocalKafka

    found = [LocalKafka.find(folder)] if folder is not None else LocalKafka.find_all()
    running = [kafka for kafka in found if kafka is not None]
    for kafka in running:
        owner = f"ends with process {kafka.owner}" if kafka.owner else "stays until stopped"
        typer.echo(
            f"{kafka.status()} at {kafka.bootstrap_servers} (pid {kafka.pid}, {owner}), "
            f"data in {kafka.folder}"
        )
    if not running:
        typer.echo("Kafka is not running; workbench kafka start starts it.")
        raise typer.Exit(1)


@app.command("logs")
def logs(
    folder: Folder = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many.")] = 50,
) -> None:
    """Print the last lines of its log."""
    from workbench.brokers.local import LocalKafka

    kafka = LocalKafka.find(folder) or LocalKafka(folder)
    for line in kafka.tail(lines):
        typer.echo(line)


def _bar() -> Callable[[int, int, str], None]:
    from workbench.session import download_bar

    return download_bar()

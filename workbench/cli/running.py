"""Commands that run a design, or look at what runs."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import (
    Design,
    Folder,
    Namespace,
    OnBroker,
    Timeout,
    must_exist,
)


def demo(
    orders: Annotated[int, typer.Option(help="How many orders to publish.", min=2)] = 1000,
    out: Annotated[Path, typer.Option(help="Where the captured log goes.")] = Path(
        "order-log.jsonl"
    ),
    broker: OnBroker = None,
) -> None:
    """Run the order choreography with a crash in it, and account for every order."""
    from workbench.demo import run_demo

    raise typer.Exit(0 if run_demo(orders=orders, out=out, broker=broker) else 1)


def run(
    design: Design,
    broker: OnBroker = None,
    namespace: Namespace = "",
    folder: Folder = None,
    timeout: Timeout = 10.0,
    instances: Annotated[int, typer.Option(help="How many processes share a service.")] = 1,
    delivery: Annotated[str, typer.Option(help="at-least-once or transactions.")] = "at-least-once",
    metrics_port: Annotated[
        int | None,
        typer.Option(help="Serve metrics to Prometheus at this port of 127.0.0.1; 0: a free one."),
    ] = None,
) -> None:
    """Run the services of a design until Ctrl-C. Python handlers need a notebook or a script."""
    from workbench.session import Workbench

    must_exist(design)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Workbench(
        design,
        broker=broker,
        namespace=namespace,
        folder=folder,
        delivery=delivery,
        timeout=timeout,
    ) as wb:
        if metrics_port is not None:
            typer.echo(f"metrics at {wb.serve_metrics(metrics_port).url}")
        wb.start(instances=instances)
        names = ", ".join(wb.choreography.services)
        typer.echo(f"running {names} on {wb.broker!r}; Ctrl-C stops them.")
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            typer.echo("stopping.")


def doctor() -> None:
    """Say what works on this machine, what doesn't, and what to do."""
    from workbench.doctor import checkup

    found = checkup()
    typer.echo(repr(found))
    raise typer.Exit(0 if found.healthy else 1)

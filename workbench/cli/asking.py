"""Commands that ask about one flow or one event of what runs."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench import look
from workbench.cli.options import Design, Folder, Namespace, OnBroker, Timeout, looking


def flow(
    design: Design,
    correlation_id: Annotated[str, typer.Argument(help="The flow's id, or that of an event.")],
    broker: OnBroker = None,
    namespace: Namespace = "",
    folder: Folder = None,
    timeout: Timeout = 10.0,
) -> None:
    """Print one flow as a tree: each event, who made what of it, and what is still to come."""
    with looking(design, broker, namespace, timeout, folder) as wb:
        _tell(repr(wb.flow(correlation_id)))


def why(
    design: Design,
    event_id: Annotated[str, typer.Argument(help="The event's id, or channel[partition]@offset.")],
    service: Annotated[str, typer.Argument(help="The service that did not react, or did.")],
    broker: OnBroker = None,
    namespace: Namespace = "",
    folder: Folder = None,
    timeout: Timeout = 10.0,
) -> None:
    """Say why a service did not react to an event, or did."""
    with looking(design, broker, namespace, timeout, folder) as wb:
        _tell(repr(wb.why(event_id, service)))


def _tell(text: str) -> None:
    """Print lines, those in trouble in red where there is colour."""
    for line in text.splitlines():
        trouble = look.TROUBLE_SIGN in line
        typer.secho(line, fg=typer.colors.RED if trouble else None)

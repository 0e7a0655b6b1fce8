"""``workbench capture``: what stands on a design's channels, or on others, written down."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.options import Design, Namespace, OnBroker, Timeout, looking, must_end
from workbench.errors import LogError, WorkbenchError

if TYPE_CHECKING:
    from workbench.capture import LiveCapture

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
_PAUSE = 0.2


def capture(
    design: Design,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, .jsonl or .jsonl.gz.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="A folder of Parquet files to write instead, or to go on with."),
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="A channel instead of the design's; repeatable.")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option(help="The channels that fit, 'orders.*', instead of the design's.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=_TIMES, help="From a time on; UTC unless it says.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_TIMES, help="Up to a time; UTC unless it says.")
    ] = None,
    last: Annotated[int | None, typer.Option(help="Only the newest so many.", min=1)] = None,
    live: Annotated[
        bool, typer.Option("--live", help="What comes from now on, or since a time, until Ctrl-C.")
    ] = False,
    broker: OnBroker = None,
    namespace: Namespace = "",
    timeout: Timeout = 10.0,
) -> None:
    """Write what stands on a design's channels, or on others, to a file or a folder."""
    if (out is None) == (to is None):
        raise WorkbenchError("say where to write: a file, --out, or a folder, --to.")
    if out is not None:
        must_end(out, ".jsonl", ".jsonl.gz")
    if live and (last is not None or until is not None):
        raise WorkbenchError("--live has no end but Ctrl-C: leave out --last and --until.")
    span: dict[str, Any] = {"channels": channel or None, "pattern": pattern, "since": since}
    trouble = None
    with looking(design, broker, namespace, timeout) as wb:
        if live:
            found, trouble = _until_interrupted(wb.capture_live(**span, to=to))
        else:
            found = wb.capture(**span | {"until": until, "last": last, "to": to})
        if out is not None:
            found.save(out)
            typer.echo(f"{len(found):,} events of {wb.broker!r} in {out}")
        else:
            typer.echo(
                f"{found.events:,} events of {wb.broker!r} in {to}, {found.new:,} of them new"
            )
    if trouble is not None:
        raise trouble


def _until_interrupted(live: LiveCapture[Any]) -> tuple[Any, LogError | None]:
    """What has come, and what ended it early, if anything did.

    Raises
    ------
    LogError
        It ended early, and nothing can be made of what has come.
    """
    try:
        while live.running:
            time.sleep(_PAUSE)
    except KeyboardInterrupt:
        typer.echo("stopping.", err=True)
    try:
        return live.stop(), None
    except LogError as error:
        why = error.__cause__ or error
        return live.result, LogError(f"the live capture ended early; what came is kept: {why}")

"""``workbench logs``: what happened in a design's services."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from workbench.cli.options import Design, Folder, Namespace, OnBroker, Timeout, looking

if TYPE_CHECKING:
    import pandas as pd

    from workbench.session import Workbench

_COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}
_HEAD = ("time", "level", "service", "event", "event_type", "event_id")
_LEFT_OUT = ("instance", "source", "correlation_id", "causation_id", "trace_id", "traceback")
"""What only ``--json`` shows."""
_PAUSE = 0.5
_LATE = timedelta(seconds=5)
"""How long a line may be on its way to its file: a round is written when it stands."""


def logs(
    design: Design,
    broker: OnBroker = None,
    namespace: Namespace = "",
    folder: Folder = None,
    timeout: Timeout = 10.0,
    correlation_id: Annotated[str | None, typer.Option(help="Of one flow.")] = None,
    event_id: Annotated[str | None, typer.Option(help="Of one event.")] = None,
    service: Annotated[str | None, typer.Option(help="Of one service or instance.")] = None,
    level: Annotated[str | None, typer.Option(help="Of this level and above.")] = None,
    since: Annotated[str | None, typer.Option(help="A time; UTC unless it says otherwise.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON lines, with every field.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Print what happened in a design's services, in causal order."""
    asked = {
        "correlation_id": correlation_id,
        "event_id": event_id,
        "service": service,
        "level": level,
    }
    with looking(design, broker, namespace, timeout, folder) as wb:
        frame = wb.logs(**asked, since=since)
        for line in _lines(frame):
            _print(line, json=json)
        if rejected := frame.attrs["rejected"]:
            typer.echo(f"{rejected:,} lines could not be read.", err=True)
        if follow:
            try:
                for line in _following(wb, asked, frame):
                    _print(line, json=json)
            except KeyboardInterrupt:
                return


def _lines(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows, without what they lack."""
    import pandas as pd

    for row in frame.to_dict("records"):
        fields = row.pop("fields")
        there = {
            str(name): value
            for name, value in row.items()
            if not (pd.api.types.is_scalar(value) and pd.isna(value))
        }
        yield there | fields


def _following(
    wb: Workbench, asked: dict[str, Any], frame: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """What comes after a frame, until the program is interrupted."""
    seen = {_json(line) for line in _lines(frame)}
    while True:
        time.sleep(_PAUSE)
        since = frame["time"].max() - _LATE if len(frame) else None
        frame = wb.logs(**asked, since=since)
        newest = {_json(line): line for line in _lines(frame)}
        yield from (line for text, line in newest.items() if text not in seen)
        seen = set(newest)


def _json(line: dict[str, Any]) -> bytes:
    return orjson.dumps(line, option=orjson.OPT_UTC_Z, default=_as_json)


def _as_json(value: Any) -> Any:
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else str(value)


def _print(line: dict[str, Any], *, json: bool) -> None:
    if json:
        typer.echo(_json(line).decode())
        return
    level, at = line["level"], line["time"].strftime("%H:%M:%S.%f")[:-3]
    head = f"{at} {typer.style(f'{level:<8}', fg=_COLOURS.get(level))}{_plain(line['service'])}"
    about = [line[name] for name in _HEAD[3:] if name in line]
    rest = [f"{name}={v}" for name, v in line.items() if name not in {*_HEAD, *_LEFT_OUT}]
    typer.echo(" ".join((head, *(_plain(text) for text in (*about, *rest)))))


def _plain(text: object) -> str:
    """A text that can do nothing to a terminal: events may hold anything."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))

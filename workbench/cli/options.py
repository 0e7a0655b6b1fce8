"""Options and checks that several commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import DesignError, WorkbenchError
from workbench.problems import Format, Problem, Severity, render

if TYPE_CHECKING:
    from workbench.session import Workbench


def _address(given: str | None) -> str | None:
    return f"kafka://{given}" if given and "://" not in given else given


OnBroker = Annotated[
    str | None,
    typer.Option(
        "--broker",
        "--bootstrap-servers",
        envvar="WORKBENCH_BROKER",
        show_envvar=True,
        callback=_address,
        help="kafka://host:port, rabbitmq://, rabbitmq://user:password@host, aws://region; "
        "host:port alone is a Kafka's; default: a local Kafka.",
    ),
]
Timeout = Annotated[
    float, typer.Option(help="Seconds within which an existing broker must answer.", min=0.1)
]
Namespace = Annotated[str, typer.Option(help="Prefix of channels and groups.")]
Folder = Annotated[
    Path | None, typer.Option(help="Where the services' files live, if not in the usual place.")
]
Design = Annotated[Path, typer.Argument(help="A design folder.")]
Form = Annotated[Format, typer.Option("--format", help="How it is told.")]
FailOn = Annotated[
    Severity, typer.Option(help="Exit code 1 if anything is as bad as this or worse.")
]


@contextmanager
def annotated(form: Format) -> Iterator[None]:
    """A design that can't be read is a problem too, where problems are told to a program."""
    try:
        yield
    except DesignError as error:
        if form != "text":
            subject = error.field or "design"
            bad = Problem("bad-design", subject, str(error), "error", error.file, error.line)
            typer.echo(render([bad], form))
        raise


def must_end(out: Path, *endings: str) -> None:
    """Raise an error if a file to write is called otherwise than what would stand in it."""
    if not out.name.lower().endswith(endings):
        *others, last = endings
        listed = f"{', '.join(others)} or {last}" if others else last
        raise WorkbenchError(f"the file to write must end in {listed}, and {out} does not.")


def must_exist(design: Path) -> None:
    """Raise an error if there is no design folder."""
    if not design.is_dir():
        raise WorkbenchError(f"there is no design folder {design}.")


def looking(
    design: Path, broker: str | None, namespace: str, timeout: float, folder: Path | None = None
) -> Workbench:
    """A design as it runs somewhere, to be looked at and no more."""
    from workbench.session import Workbench

    must_exist(design)
    return Workbench(
        design, broker=broker, namespace=namespace, folder=folder, timeout=timeout, readonly=True
    )

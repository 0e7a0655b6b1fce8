"""``workbench ...``: the verbs of the notebook from a shell.

Exit codes: 0 it worked; 1 it ran and the answer is bad (events lost, a check failed, a broker
is not running); 2 it could not be done, and one sentence says why.
"""

from __future__ import annotations

import typer

from workbench.cli import (
    asking,
    capturing,
    changing,
    contracts,
    kafka,
    lab,
    logs,
    rabbitmq,
    running,
)
from workbench.errors import WorkbenchError

app = typer.Typer(
    help="Design, run, watch, capture and analyse event choreographies.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    lab.lab,
    running.demo,
    running.run,
    capturing.capture,
    asking.flow,
    asking.why,
    logs.logs,
    changing.lint,
    changing.check,
    changing.compat,
    changing.impact,
    changing.release,
    contracts.mermaid,
    contracts.asyncapi,
    contracts.schemas,
    contracts.models,
    running.doctor,
):
    app.command()(command)
app.add_typer(kafka.app, name="kafka")
app.add_typer(rabbitmq.app, name="rabbitmq")


def main() -> None:
    """The command; what goes wrong is one sentence on standard error."""
    try:
        app()
    except WorkbenchError as error:
        typer.echo(f"workbench: {error}", err=True)
        raise SystemExit(2) from error

"""Commands for whoever changes a design: what a reviewer would ask, and what a change breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import Design, FailOn, Form, annotated, must_exist
from workbench.errors import DesignError, EventError, IncompatibleError, WorkbenchError
from workbench.problems import Problems, render


def lint(
    design: Annotated[Path | None, typer.Argument(help="A design folder.")] = None,
    form: Form = "text",
    fail_on: FailOn = "warning",
    silenced: Annotated[
        bool, typer.Option("--silenced", help="List what is silenced too, and why.")
    ] = False,
    explain: Annotated[
        str | None, typer.Option(help="Print what a rule is about, or all; needs no design.")
    ] = None,
) -> None:
    """Check a design: exit code 0 clean, 1 there is something to mend, 2 it can't be read."""
    from workbench.choreography import Choreography
    from workbench.choreography.lint import explained

    if explain is not None:
        typer.echo(explained(explain), nl=False)
        return
    if design is None:
        raise WorkbenchError("name a design folder: workbench lint DESIGN.")
    must_exist(design)
    with annotated(form):
        found = Choreography.load(design).lint(silenced=silenced)
    typer.echo(render(found, form))
    raise typer.Exit(1 if found.at_least(fail_on) else 0)


def check(
    design: Design,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="GIT_REF",
            help="A commit, branch or tag that runs; default: the versions released so far.",
        ),
    ] = None,
    form: Form = "text",
    fail_on: FailOn = "error",
) -> None:
    """Say what a changed design breaks: exit code 0 nothing, 1 something, 2 it can't be read."""
    from workbench.choreography import Choreography
    from workbench.choreography.differences import differences, drafts
    from workbench.design_history import design_at

    must_exist(design)
    with annotated(form):
        new = Choreography.load(design)
        found = drafts(new) if against is None else differences(design_at(design, against), new)
    typer.echo(render(found, form))
    raise typer.Exit(1 if found.at_least(fail_on) else 0)


def compat(
    schemas: Annotated[
        list[Path], typer.Argument(metavar="OLD... NEW", help="Schema files, the oldest first.")
    ],
    mode: Annotated[
        str, typer.Option(help="BACKWARD, FORWARD, FULL, each with _TRANSITIVE; or NONE.")
    ] = "BACKWARD",
    policy: Annotated[str, typer.Option(help="strict or lenient.")] = "strict",
    schema_format: Annotated[
        str | None, typer.Option(help="json-schema or avro; default: by the file's name (.avsc).")
    ] = None,
    form: Form = "text",
) -> None:
    """Say whether a schema is compatible: exit code 0 it is, 1 it is not, 2 bad input."""
    from workbench.cli.compat_report import compat_report

    compatible, report = compat_report(schemas, mode, policy, schema_format, form)
    typer.echo(report)
    raise typer.Exit(0 if compatible else 1)


def impact(
    design: Design,
    event_type: Annotated[str, typer.Argument(help="The event type that is to change.")],
    new_schema: Annotated[Path, typer.Argument(help="Its new JSON Schema, a .json file.")],
    log: Annotated[
        Path | None, typer.Option(help="A captured log, .jsonl: what would be refused of it.")
    ] = None,
    form: Form = "text",
) -> None:
    """Say who breaks if an event changes: exit code 0 nobody, 1 somebody, 2 it can't be told."""
    from workbench.choreography import Choreography
    from workbench.choreography.loading import read_schema

    must_exist(design)
    captured = None
    if log is not None:
        from workbench.analysis import EventLog

        captured = EventLog.read(log)
    with annotated(form):
        schema = read_schema(new_schema)
        loaded = Choreography.load(design)
        try:
            found = loaded.impact(event_type, schema, captured)
        except EventError as error:
            raise DesignError(str(error), file=str(new_schema)) from error
    typer.echo(
        str(found)
        if form == "text"
        else found.to_json()
        if form == "json"
        else render(found.problems(), form)
    )
    raise typer.Exit(1 if found.breaks else 0)


def release(
    design: Design,
    event_type: Annotated[str, typer.Argument(help="The event type whose draft is released.")],
    force: Annotated[bool, typer.Option(help="Release it although it is refused.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why, with --force; it is kept.")] = None,
) -> None:
    """Make the draft of an event type its next version, for good; exit code 1 if it is refused."""
    from workbench.choreography import Choreography
    from workbench.choreography.differences import breaking_draft

    must_exist(design)
    loaded = Choreography.load(design)
    own = Problems(breaking_draft(loaded, event_type))
    try:
        version = loaded.release(event_type, force=force, reason=reason).version
    except IncompatibleError as error:
        typer.echo(
            f"{event_type} is not released: {error.result}\n"
            "Mend the draft; or give new readers an upcaster (events/"
            f'{event_type}/draft.upcaster.yaml) and release it with --force --reason "...".'
        )
        raise typer.Exit(1) from error
    loaded.save(design)
    file = design / "events" / event_type / f"{version}.json"
    typer.echo(f"{event_type} v{version} is released: {file}")
    if own:
        typer.echo(
            f"Before any service or publisher writes v{version}, mend what would break here (let "
            f"it read that version: `reads: [{version}]`):\n{render(own)}"
        )

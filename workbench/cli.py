"""``workbench ...``: the verbs of the notebook from a shell.

Exit codes: 0 it worked; 1 it ran and the answer is bad (events lost, a check failed, Kafka is
not running); 2 it could not be done, and one sentence says why.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from workbench.errors import DesignError, EventError, IncompatibleError, WorkbenchError
from workbench.problems import Format, Problem, Severity, render

app = typer.Typer(
    help="Design, run, watch, capture and analyse event choreographies.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
kafka_app = typer.Typer(help="The Kafka on this machine.", no_args_is_help=True)
app.add_typer(kafka_app, name="kafka")

_JUPYTER = Path(__file__).parent / "jupyter"
"""Settings of JupyterLab: it asks the network for no news, nor the reader whether it may."""

Servers = Annotated[
    str | None,
    typer.Option("--bootstrap-servers", help="An existing Kafka, host:port; default: a local one."),
]
Timeout = Annotated[
    float, typer.Option(help="Seconds within which an existing Kafka must answer.", min=0.1)
]
Namespace = Annotated[str, typer.Option(help="Prefix of channels and groups.")]
Folder = Annotated[
    Path | None, typer.Option(help="Kafka's data folder; default: a folder of this user's.")
]


@app.command()
def lab(
    notebook: Annotated[
        Path | None, typer.Argument(help="Default: the first notebook of the workbench.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser, where there is one.")] = True,
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8888,
) -> None:
    """Open JupyterLab on the first notebook, on this machine only, with Jupyter's token."""
    target = notebook or _first_notebook()
    if not target.exists():
        raise WorkbenchError(f"there is no notebook {target}.")
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={target.absolute().parent}",
        f"--LabApp.default_url=/lab/tree/{quote(target.name)}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if not browser or not _can_open_browser():
        command.append("--no-browser")
        typer.echo("Open the address below in your browser.")
    paths = [str(_JUPYTER), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}
    raise typer.Exit(subprocess.call(command, env=environment))


@app.command()
def demo(
    orders: Annotated[int, typer.Option(help="How many orders to publish.", min=2)] = 1000,
    out: Annotated[Path, typer.Option(help="Where the captured log goes.")] = Path(
        "order-log.jsonl"
    ),
    broker: Annotated[
        str | None, typer.Option(help="memory:// or kafka://host:port; default: a local Kafka.")
    ] = None,
) -> None:
    """Run the order choreography with a crash in it, and account for every order."""
    from workbench.demo import run_demo

    raise typer.Exit(0 if run_demo(orders=orders, out=out, broker=broker) else 1)


@app.command()
def release(
    design: Annotated[Path, typer.Argument(help="A design folder.")],
    event_type: Annotated[str, typer.Argument(help="The event type whose draft is released.")],
    force: Annotated[bool, typer.Option(help="Release it although it is refused.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why, with --force; it is kept.")] = None,
) -> None:
    """Make the draft of an event type its next version, for good; exit code 1 if it is refused."""
    from workbench.choreography import Choreography

    _must_exist(design)
    loaded = Choreography.load(design)
    try:
        version = loaded.release(event_type, force=force, reason=reason).version
    except IncompatibleError as error:
        typer.echo(f"{error}\n\n{error.result}")
        raise typer.Exit(1) from error
    loaded.save(design)
    typer.echo(
        f"{event_type} v{version} is released: {design / 'events' / event_type / f'{version}.json'}"
    )


@app.command()
def run(
    design: Annotated[Path, typer.Argument(help="A design folder.")],
    bootstrap_servers: Servers = None,
    namespace: Namespace = "",
    timeout: Timeout = 10.0,
    instances: Annotated[int, typer.Option(help="How many processes share a service.")] = 1,
    delivery: Annotated[str, typer.Option(help="at-least-once or transactions.")] = "at-least-once",
) -> None:
    """Run the services of a design until Ctrl-C. Python handlers need a notebook or a script."""
    from workbench.session import Workbench

    _must_exist(design)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Workbench(
        design,
        bootstrap_servers=bootstrap_servers,
        namespace=namespace,
        delivery=delivery,
        timeout=timeout,
    ) as wb:
        wb.start(instances=instances)
        names = ", ".join(wb.choreography.services)
        typer.echo(f"running {names} on {wb.broker!r}; Ctrl-C stops them.")
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            typer.echo("stopping.")


@app.command()
def capture(
    design: Annotated[Path, typer.Argument(help="A design folder.")],
    out: Annotated[Path, typer.Option(help="The file to write, .jsonl.")],
    bootstrap_servers: Servers = None,
    namespace: Namespace = "",
    timeout: Timeout = 10.0,
) -> None:
    """Write everything on a design's channels to a file."""
    from workbench.session import Workbench

    _must_exist(design)
    with Workbench(
        design,
        bootstrap_servers=bootstrap_servers,
        namespace=namespace,
        timeout=timeout,
        readonly=True,
    ) as wb:
        log = wb.capture()
        log.save(out)
        typer.echo(f"{len(log):,} events of {wb.broker!r} in {out}")


@app.command()
def mermaid(design: Annotated[Path, typer.Argument(help="A design folder.")]) -> None:
    """Print a design as Mermaid text, which GitHub draws between ```mermaid and ```."""
    from workbench.choreography import Choreography

    _must_exist(design)
    typer.echo(Choreography.load(design).mermaid(), nl=False)


@app.command()
def asyncapi(
    design: Annotated[Path, typer.Argument(help="A design folder.")],
    service: Annotated[
        str | None, typer.Option(help="This service's side alone; default: the whole design.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, .yaml or .json; default: print YAML.")
    ] = None,
) -> None:
    """Write a design, or one service's side of it, as an AsyncAPI 3.1 document."""
    from workbench.choreography import Choreography
    from workbench.choreography.asyncapi import asyncapi_text, write_asyncapi

    _must_exist(design)
    document = Choreography.load(design).asyncapi(service)
    if out is None:
        typer.echo(asyncapi_text(document), nl=False)
    else:
        write_asyncapi(document, out)
        typer.echo(f"{len(document['components']['messages'])} messages in {out}")


@app.command()
def schemas(
    design: Annotated[Path, typer.Argument(help="A design folder.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    schema_format: Annotated[
        str, typer.Option("--format", help="json-schema or avro.")
    ] = "json-schema",
) -> None:
    """Write each version of each event type as a JSON Schema or an Avro schema of its own."""
    from workbench.choreography import Choreography

    _must_exist(design)
    written = Choreography.load(design).save_schemas(out, schema_format)
    typer.echo(f"{len(written)} schemas in {out}")


@app.command()
def models(
    design: Annotated[Path, typer.Argument(help="A design folder.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write, .py; default: print it.")
    ] = None,
) -> None:
    """Write a design's event types as Python source: pydantic models to import."""
    from workbench.choreography import Choreography
    from workbench.events.files import write_text

    _must_exist(design)
    choreography = Choreography.load(design)
    source = choreography.python_source()
    if out is None:
        typer.echo(source, nl=False)
    else:
        write_text(out, source)
        typer.echo(f"{len(choreography.event_types)} event types in {out}")


@app.command()
def lint(
    design: Annotated[Path | None, typer.Argument(help="A design folder.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is told.")] = "text",
    fail_on: Annotated[
        Severity, typer.Option(help="Exit code 1 if anything is as bad as this or worse.")
    ] = "warning",
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
    _must_exist(design)
    with _annotated(form):
        found = Choreography.load(design).lint(silenced=silenced)
    typer.echo(render(found, form))
    raise typer.Exit(1 if found.at_least(fail_on) else 0)


@app.command()
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
    form: Annotated[Format, typer.Option("--format", help="How it is told.")] = "text",
) -> None:
    """Say whether a schema is compatible: exit code 0 it is, 1 it is not, 2 bad input."""
    from workbench.gates import compat_report

    compatible, report = compat_report(schemas, mode, policy, schema_format, form)
    typer.echo(report)
    raise typer.Exit(0 if compatible else 1)


@app.command()
def check(
    design: Annotated[Path, typer.Argument(help="A design folder.")],
    against: Annotated[
        str | None,
        typer.Option(
            metavar="GIT_REF",
            help="A commit, branch or tag that runs; default: the versions released so far.",
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is told.")] = "text",
    fail_on: Annotated[
        Severity, typer.Option(help="Exit code 1 if anything is as bad as this or worse.")
    ] = "error",
) -> None:
    """Say what a changed design breaks: exit code 0 nothing, 1 something, 2 it can't be read."""
    from workbench.choreography import Choreography
    from workbench.choreography.differences import differences, drafts
    from workbench.design_history import design_at

    _must_exist(design)
    with _annotated(form):
        new = Choreography.load(design)
        found = drafts(new) if against is None else differences(design_at(design, against), new)
    typer.echo(render(found, form))
    raise typer.Exit(1 if found.at_least(fail_on) else 0)


@app.command()
def impact(
    design: Annotated[Path, typer.Argument(help="A design folder.")],
    event_type: Annotated[str, typer.Argument(help="The event type that is to change.")],
    new_schema: Annotated[Path, typer.Argument(help="Its new JSON Schema, a .json file.")],
    log: Annotated[
        Path | None, typer.Option(help="A captured log, .jsonl: what would be refused of it.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is told.")] = "text",
) -> None:
    """Say who breaks if an event changes: exit code 0 nobody, 1 somebody, 2 it can't be told."""
    from workbench.choreography import Choreography
    from workbench.choreography.loading import read_schema

    _must_exist(design)
    captured = None
    if log is not None:
        from workbench.analysis import EventLog

        captured = EventLog.read(log)
    with _annotated(form):
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


@app.command()
def doctor() -> None:
    """Say what works on this machine, what doesn't, and what to do."""
    from workbench.doctor import checkup

    found = checkup()
    typer.echo(repr(found))
    raise typer.Exit(0 if found.healthy else 1)


@kafka_app.command("start")
def kafka_start(
    folder: Folder = None,
    port: Annotated[int | None, typer.Option(help="Default: 9092, or a free one.")] = None,
) -> None:
    """Start it; it stays until it is stopped."""
    from workbench.brokers.local import LocalKafka

    kafka = LocalKafka.find(folder)
    if kafka is None or kafka.owner is not None:
        kafka = LocalKafka(folder, port, say=typer.echo, progress=_bar()).start(owned=False)
    typer.echo(f"Kafka is running at {kafka.bootstrap_servers}; its data is in {kafka.folder}")


@kafka_app.command("stop")
def kafka_stop(folder: Folder = None) -> None:
    """Stop it; its data stay."""
    from workbench.brokers.local import LocalKafka

    kafka = LocalKafka.find(folder)
    if kafka is None:
        typer.echo("Kafka is not running.")
        return
    address = kafka.bootstrap_servers
    kafka.stop()
    typer.echo(f"Kafka at {address} is stopped; its data stay in {kafka.folder}")


@kafka_app.command("status")
def kafka_status(folder: Folder = None) -> None:
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


@kafka_app.command("logs")
def kafka_logs(
    folder: Folder = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many.")] = 50,
) -> None:
    """Print the last lines of its log."""
    from workbench.brokers.local import LocalKafka

    kafka = LocalKafka.find(folder) or LocalKafka(folder)
    for line in kafka.tail(lines):
        typer.echo(line)


def main() -> None:
    """The command; what goes wrong is one sentence on standard error."""
    try:
        app()
    except WorkbenchError as error:
        typer.echo(f"workbench: {error}", err=True)
        raise SystemExit(2) from error


@contextmanager
def _annotated(form: Format) -> Iterator[None]:
    """A design that can't be read is an annotation too, where annotations are asked for."""
    try:
        yield
    except DesignError as error:
        if form == "github":
            subject = error.field or "design"
            bad = Problem("bad-design", subject, str(error), "error", error.file, error.line)
            typer.echo(render([bad], form))
        raise


def _must_exist(design: Path) -> None:
    if not design.is_dir():
        raise WorkbenchError(f"there is no design folder {design}.")


def _first_notebook() -> Path:
    name = Path("notebooks") / "01_order_choreography.ipynb"
    here = Path.cwd() / name
    return here if here.exists() else Path(__file__).parent.parent / name


def _can_open_browser() -> bool:
    import webbrowser

    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or _is_wsl()
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _is_wsl() -> bool:
    return "microsoft" in os.uname().release.lower()


def _bar() -> Callable[[int, int, str], None]:
    from workbench.session import download_bar

    return download_bar()

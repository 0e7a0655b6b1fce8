"""Commands that write down a design for others to read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import Design, must_end, must_exist


def mermaid(design: Design) -> None:
    """Print a design as Mermaid text, which GitHub draws between ```mermaid and ```."""
    from workbench.choreography import Choreography

    must_exist(design)
    typer.echo(Choreography.load(design).mermaid(), nl=False)


def asyncapi(
    design: Design,
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

    if out is not None:
        must_end(out, ".yaml", ".yml", ".json")
    must_exist(design)
    document = Choreography.load(design).asyncapi(service)
    if out is None:
        typer.echo(asyncapi_text(document), nl=False)
    else:
        write_asyncapi(document, out)
        typer.echo(f"{len(document['components']['messages'])} messages in {out}")


def schemas(
    design: Design,
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    schema_format: Annotated[
        str, typer.Option("--format", help="json-schema or avro.")
    ] = "json-schema",
) -> None:
    """Write each version of each event type as a JSON Schema or an Avro schema of its own."""
    from workbench.choreography import Choreography

    must_exist(design)
    written = Choreography.load(design).save_schemas(out, schema_format)
    typer.echo(f"{len(written)} schemas in {out}")


def models(
    design: Design,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, .py; default: print it.")
    ] = None,
) -> None:
    """Write a design's event types as Python source: pydantic models to import.

    Needs an extra: pip install 'choreography-workbench[models]'.
    """
    from workbench.choreography import Choreography
    from workbench.events.files import write_text

    if out is not None:
        must_end(out, ".py")
    must_exist(design)
    choreography = Choreography.load(design)
    source = choreography.python_source()
    if out is None:
        typer.echo(source, nl=False)
    else:
        write_text(out, source)
        typer.echo(f"{len(choreography.event_types)} event types in {out}")

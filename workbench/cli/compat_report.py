"""Schemas on disk compared for a shell or a CI run: the verdict, told in one of three forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.errors import EventError, WorkbenchError
from workbench.events import Compatibility, check_compatibility
from workbench.events.avro.schema import read_schema
from workbench.events.compatibility import Change
from workbench.events.files import read_json, read_text
from workbench.events.json_lines import lines_of
from workbench.problems import Format, Problem, printable, render


def compat_report(
    paths: list[Path], mode: str, policy: str, schema_format: str | None, form: Format
) -> tuple[bool, str]:
    """Whether the last of some schema files is compatible with those before it, and the report.

    Raises
    ------
    WorkbenchError
        There are fewer than two files, one can't be read, or isn't a schema.
    """
    if len(paths) < 2:
        raise WorkbenchError("name at least two schema files: workbench compat OLD NEW.")
    if schema_format is None:
        avro = {path.suffix == ".avsc" for path in paths}
        if len(avro) > 1:
            raise WorkbenchError(
                "some of the files are Avro and some are not; say --schema-format."
            )
        schema_format = "avro" if avro.pop() else "json-schema"
    read = [read_json(path) for path in paths]
    if schema_format == "avro":
        for path, schema in zip(paths, read, strict=True):
            read_schema(schema, str(path))  # which names the file that holds none
    *old, new = read
    try:
        verdict = check_compatibility(old, new, mode, policy, schema_format)
    except EventError as error:
        raise EventError(_named(str(error), paths)) from error
    return verdict.compatible, _told(verdict, paths, form)


def _named(message: str, paths: list[Path]) -> str:
    """With the files in the place of "the old schema" and the like."""
    names = {"the new schema": paths[-1], "the old schema": paths[0]}
    names |= {f"old schema {n}": path for n, path in enumerate(paths[:-1], 1)}
    for what, path in names.items():
        if message.startswith(what):
            return f"{path}{message.removeprefix(what)}"
    return message


def _told(verdict: Compatibility, paths: list[Path], form: Format) -> str:
    if form == "json":
        return json.dumps(_plain(verdict), indent=2, ensure_ascii=False, default=repr)
    if form == "text":
        return "\n".join(map(printable, str(verdict).splitlines()))
    lines: dict[Path, dict[str, int]] = {}
    problems = []
    for change in verdict.changes:
        path = paths[-1] if change.whom != "old readers" else paths[change.version - 1]
        if path not in lines:
            pointers = [c.pointer for c in verdict.changes]
            lines[path] = lines_of(read_text(path), pointers)
        problems.append(
            Problem(
                change.kind,
                change.pointer or "/",
                change.told,
                "error" if change.breaks else "note",
                str(path),
                lines[path].get(change.pointer, 1),
            )
        )
    return render(problems, form)


def _plain(verdict: Compatibility) -> dict[str, Any]:
    return {
        "compatible": verdict.compatible,
        "mode": verdict.mode,
        "policy": verdict.policy,
        "undecided": verdict.undecided or None,
        "changes": [_change(change) for change in verdict.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "pointer": change.pointer,
        "kind": change.kind,
        "breaks": change.breaks,
        "whom": change.whom or None,
        "sentence": change.sentence,
        "proved": change.proved,
        "witness": change.witness,
        "version": change.version,
    }

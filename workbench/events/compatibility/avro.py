"""Avro schemas compared: its own rules of resolution, told as changes."""

from __future__ import annotations

from typing import Any

from workbench.events.avro import read_errors
from workbench.events.compatibility.result import Change
from workbench.events.compatibility.sides import Side


def avro_changes(sides: list[Side[Any]]) -> list[Change]:
    """What either side can't read of the other; see :func:`workbench.events.avro.read_errors`."""
    return [
        Change(
            found.pointer,
            found.kind,
            side.counts,
            side.whom,
            found.sentence,
            found.witness,
            found.proved,
            side.version,
        )
        for side in sides
        for found in read_errors(side.writer, side.reader)
    ]

"""Avro schemas compared: its own rules of resolution, told as changes."""

from __future__ import annotations

from typing import Any

from workbench.events.avro import read_errors
from workbench.events.compatibility.result import Change, Compatibility
from workbench.events.compatibility.sides import Side, sides_of


def check_avro(olds: list[Any], new: Any, mode: str, policy: str) -> Compatibility:
    """See :func:`workbench.events.check_compatibility`."""
    changes = avro_changes(list(sides_of(olds, new, mode)))
    broken = any(change.breaks for change in changes)
    return Compatibility(not broken, mode, policy, "avro", "", lambda: changes)


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

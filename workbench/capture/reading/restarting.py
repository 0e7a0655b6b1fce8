"""Ids that begin anew in each file, as where each holds one execution: they name no event of the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.capture.reading.log_mapping import Entry
from workbench.capture.reading.paths import shown
from workbench.capture.reading.surveying import Survey

_KEPT: Final = 200
"""Rows of a file that others are compared with, those of the lowest numbers."""
_ROWS: Final = 3
"""Rows with an id that another file has as well, from which on it is no chance."""


@dataclass
class Restarting:
    """Files that were looked at one after the other, and the ids that count up in them."""

    _known: dict[tuple[Any, int], tuple[Any, Any]] = field(default_factory=dict)
    """Source and id → time and flow, of the first file that had them."""

    def columns(self, found: Survey) -> dict[str, str]:
        """The columns of ours that say nothing, as a file counts its events as others did → theirs.

        Small numbers that count up in several files are no ids if they stand at events of other
        times, and of other flows if any are known. What somebody gave is never one of them.
        """
        entries = {entry.column: entry for entry in found.mapping.entries}
        ids = entries.get("id")
        if ids is None or ids.given or not ids.whole or "time" not in entries:
            return {}
        rows = sorted(_rows(found, entries), key=_number)
        numbers = {*map(_number, rows)}
        if not numbers or max(numbers) - min(numbers) > 2 * len(numbers):
            return {}
        rows = rows[:_KEPT]
        others = [self._known[key] for key, _ in rows if key in self._known]
        apart = sum(key in self._known and _differ(self._known[key], told) for key, told in rows)
        for key, told in rows:
            self._known.setdefault(key, told)
        if apart < _ROWS or apart <= len(others) / 2:
            return {}
        named = (entries[c] for c in ("id", "causation_id") if c in entries)
        return {e.column: shown(e.path) for e in named if e.whole and not e.given}


def _number(row: tuple[tuple[Any, int], Any]) -> int:
    return row[0][1]


def _rows(
    found: Survey, entries: dict[str, Entry]
) -> Iterator[tuple[tuple[Any, int], tuple[Any, Any]]]:
    """Source and number of each event that was looked at, with its time and its flow."""
    leaves = found.sample.leaves
    ids = leaves[entries["id"].path]
    nothing: Sequence[Any] = [None] * len(ids)
    sources, times, flows = (
        leaves[entries[column].path] if column in entries else nothing
        for column in ("source", "time", "correlation_id")
    )
    for value, source, time, flow in zip(ids, sources, times, flows, strict=True):
        if value is not None and value != "" and value == value:  # noqa: PLR0124
            yield (str(source), int(float(value))), (str(time), flow)


def _differ(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Whether two rows are of two events: at two times, and not in one flow."""
    return one[0] != other[0] and (one[1] is None or one[1] != other[1])


def restarting_note(columns: dict[str, str]) -> str:
    """Say which column was not taken for the id, and how to take it all the same."""
    theirs = columns["id"]
    return (
        f"{theirs} begins anew in each file, so it names no event and isn't taken as id; "
        f'if it does: mapping={{"id": "{theirs}"}}'
    )

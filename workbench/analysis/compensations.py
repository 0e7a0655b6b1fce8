"""Which steps of failed flows are undone, and which undoing is still owed?

What was done and what undid it are recognised by their ids, which are derived from the event that
the step reacted to, the service and the reaction; nothing is guessed from names or times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.analysis.order import utc
from workbench.choreography.compensating import undone_by
from workbench.events import effect_id

if TYPE_CHECKING:
    from workbench.analysis.index import FlowIndex
    from workbench.choreography import Choreography, Reaction

COMPENSATED, OWED = "compensated", "owed"

_PLACES = 8
"""How many effects of a reaction may be missing from a log before one that is there."""


@dataclass(slots=True)
class _Row:
    """A step as it was done in one flow. Events are given by their positions."""

    service: str
    step: str
    compensation: str
    cause: int
    done: int
    failure: int
    undone: int | None
    why: str | None = None


def compensations(
    index: FlowIndex,
    ids: np.ndarray[Any, Any],
    design: Choreography,
    edited: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """List them; ``EventLog.compensations`` documents the columns.

    ``ids`` are those of the events, by position; ``edited``: the id of an event that was given up
    on → the ids under which it was handed over again, edited.
    """
    rows: list[_Row] = []
    order: list[int | None] = []
    reasons = _reasons(index)
    for start, end in _failed(index, design):
        flow = _Flow(index, ids, start, end, edited)
        found = flow.rows(design)
        undone = sorted(row.undone for row in found if row.undone is not None)
        for row in found:
            if row.undone is None:
                row.why = flow.why(row, found, reasons)
        # What is undone, in that order, and then what is owed, in the order in which it is due.
        found.sort(key=lambda row: (1, -row.done) if row.undone is None else (0, row.undone))
        rows += found
        order += [None if row.undone is None else undone.index(row.undone) + 1 for row in found]

    def event(positions: list[int | None]) -> dict[str, Any]:
        known = [position is not None for position in positions]
        at = np.array([position or 0 for position in positions], dtype=np.int64)
        return {
            "type": pd.array(
                [
                    index.type_names[index.type[p]] if k else None
                    for p, k in zip(at, known, strict=True)
                ],
                dtype="str",
            ),
            "id": pd.array(
                [ids[p] if k else None for p, k in zip(at, known, strict=True)], dtype="str"
            ),
            "at": utc(
                np.array(
                    [index.time[p] if k else pd.NaT.value for p, k in zip(at, known, strict=True)],
                    dtype=np.int64,
                )
            ),
        }

    done, undone_by_ = event([row.done for row in rows]), event([row.undone for row in rows])
    flows = [index.correlation_id[index.flow[row.done]] for row in rows]
    state = [OWED if row.undone is None else COMPENSATED for row in rows]
    return pd.DataFrame(
        {
            "correlation_id": pd.array(flows, dtype="str"),
            "state": pd.Categorical(state, categories=[COMPENSATED, OWED]),
            "order": pd.array(order, dtype="Int64"),
            "service": pd.array([row.service for row in rows], dtype="str"),
            "step": pd.array([row.step for row in rows], dtype="str"),
            **{f"done_{name}": values for name, values in done.items()},
            "failure": event([row.failure for row in rows])["type"],
            "compensation": pd.array([row.compensation for row in rows], dtype="str"),
            **{f"undone_{name}": values for name, values in undone_by_.items()},
            "why": pd.array([row.why for row in rows], dtype="str"),
        }
    )


def _failed(index: FlowIndex, design: Choreography) -> Iterator[tuple[int, int]]:
    """Where the flows stand that hold a failure."""
    failures = undone_by(design)
    types = [n for n, name in enumerate(index.type_names) if name in failures]
    for flow in np.unique(index.flow[np.isin(index.type, types)]):
        yield int(index.start[flow]), int(index.start[flow + 1])


def _reasons(index: FlowIndex) -> dict[int, list[str]]:
    """Event → why services gave up on it."""
    found: dict[int, list[str]] = {}
    for event, reason in zip(index.copy_event[index.dead], index.reason, strict=True):
        found.setdefault(int(event), []).append(reason)
    return found


class _Flow:
    """One flow: who caused whom, and which event has an id."""

    def __init__(
        self,
        index: FlowIndex,
        ids: np.ndarray[Any, Any],
        start: int,
        end: int,
        edited: Mapping[str, Sequence[str]],
    ) -> None:
        self._index, self._ids, self._events = index, ids, range(start, end)
        self._edited = edited
        self._at: dict[tuple[str, str], int] = {}
        self._children: dict[int, int] = {}
        for event in self._events:
            self._at.setdefault((self._source(event), ids[event]), event)
            cause = int(index.cause[event])
            self._children[cause] = self._children.get(cause, 0) + 1

    def rows(self, design: Choreography) -> list[_Row]:
        """The steps of the flow that a failure in it undoes."""
        failures = undone_by(design)
        failed = [event for event in self._events if self._type(event) in failures]
        found = []
        for name, service in design.services.items():
            for compensation in service.reactions.values():
                if not compensation.compensates:
                    continue
                for cause in self._events:
                    if self._type(cause) != compensation.whenever:
                        continue
                    row = self._row(name, compensation, cause, failed, set(failures))
                    if row is not None:
                        found.append(row)
        return found

    def _row(
        self, service: str, undo: Reaction, cause: int, failed: list[int], failures: set[str]
    ) -> _Row | None:
        effects = self._effects(service, undo.compensates, cause)
        done = [effect for effect in effects if self._type(effect) not in failures]
        before = {cause, *self._before(cause)}
        called = [f for f in failed if self._type(f) in undo.failures and f not in before]
        if not done or not called:
            return None
        undone = next(iter(self._effects(service, undo.name, cause)), None)
        failure = called[0]
        if undone is not None:
            failure = next((e for e in self._before(undone) if e in called), failure)
        return _Row(service, undo.compensates, undo.name, cause, done[0], failure, undone)

    def why(self, row: _Row, rows: list[_Row], reasons: dict[int, list[str]]) -> str | None:
        """Why a step is not undone, as far as the log tells."""
        given_up = (f"{row.service}/{row.compensation}: ", f"{row.service}: ")
        for event in (row.cause, row.failure):
            for reason in reasons.get(event, []):
                if reason.startswith(given_up):
                    return reason
        later = [
            other for other in rows if other.undone is None and row.done in self._before(other.done)
        ]
        if not later:
            return None
        nearest = min(later, key=lambda other: other.done)
        return f"waits for {nearest.service}/{nearest.step} to be undone"

    def _effects(self, service: str, reaction: str, cause: int) -> list[int]:
        """The effects of a reaction to an event, in order."""
        source, id_ = self._source(cause), self._ids[cause]
        if not isinstance(id_, str):
            return []
        derived = (
            (service, effect_id(source, name, service, reaction, n))
            for name in (id_, *self._edited.get(id_, ()))
            for n in range(self._children.get(cause, 0) + _PLACES)
        )
        return [self._at[key] for key in derived if key in self._at]

    def _before(self, event: int) -> list[int]:
        """What led to an event: its cause, the cause of that, and so on."""
        found = []
        cause = int(self._index.cause[event])
        while cause >= 0:
            found.append(cause)
            cause = int(self._index.cause[cause])
        return found

    def _type(self, event: int) -> str:
        return str(self._index.type_names[self._index.type[event]])

    def _source(self, event: int) -> str:
        return str(self._index.source_names[self._index.source[event]])

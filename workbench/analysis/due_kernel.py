"""What came of what was due, and which events a design explains: linear passes over the events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from workbench.analysis.arrays import Bools, Ints, Small
from workbench.analysis.due_codes import Codes, DesignArrays
from workbench.analysis.inference import infer_by_design
from workbench.analysis.reasons import read_reason

if TYPE_CHECKING:
    from workbench.analysis.index import FlowIndex

Marks: TypeAlias = NDArray[np.int8]

EXPLAINED, NOTED, UNJUDGED, UNEXPECTED, WRONG_EMITTER, UNKNOWN_SERVICE, UNKNOWN_TYPE = range(7)
"""What a design says of an event: ``NOTED``, that the workbench wrote it; ``UNJUDGED``, that its
cause is not in the log."""
CAME, MISSING, NEEDLESS, GIVEN_UP = range(4)
"""What became of what was due: ``NEEDLESS``, that another event came in time; ``GIVEN_UP``, that the
service noted a dead letter instead."""
_NONE, _NOT_IN_LOG = -1, -2
"""In place of the type of a cause."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A log held against a design."""

    design: DesignArrays
    cause: Ints
    """Of each event, the position of its cause, inferred where the log doesn't tell; -1 for none."""
    inferred: Bools
    state: Marks
    """... what the design says of it."""
    slot: Ints
    """... where what is due to it starts in ``became``, in the order of ``design.dues``."""
    became: Marks
    """Of each thing due: what became of it."""

    @classmethod
    def of(cls, index: FlowIndex, untold: Bools, design: DesignArrays) -> Judged:
        """Judge a log; ``untold``: of each event, whether it has no causation id."""
        codes = design.codes
        told = np.where(index.inferred, -1, index.cause) if index.causes_from else index.cause
        cause, inferred = infer_by_design(
            index.start, index.type, index.source, told, untold & (told < 0), codes
        )
        slot = _slots(index.type, codes.due_start)
        became = np.full(slot[-1], MISSING, dtype=np.int8)
        if len(codes.unless_type):
            _mark_needless(index.start, index.type, index.time, slot, codes, became)
        state = _judge(index.type, index.source, cause, untold, slot, codes, became)
        _mark_given_up(index, slot, design, became)
        return cls(design, cause, inferred, state, slot, became)

    def missing(self, index: FlowIndex) -> tuple[Ints, Ints]:
        """What is missing: the events that it is due to, and the places in ``design.dues``."""
        at = np.flatnonzero(self.became == MISSING)
        event = np.searchsorted(self.slot, at, side="right") - 1
        return event, at - self.slot[event] + self.design.codes.due_start[index.type[event]]

    def right_per_flow(self, index: FlowIndex) -> Ints:
        """Of each flow, a column each: how many are explained, unjudged, come and given up."""
        return _right(index.start, self.slot, self.state, self.became)


@njit(cache=True, nogil=True)
def _slots(type_: Small, due_start: Ints) -> Ints:
    slot = np.zeros(len(type_) + 1, np.int64)
    for event in range(len(type_)):
        kind = type_[event]
        slot[event + 1] = slot[event] + due_start[kind + 1] - due_start[kind]
    return slot


@njit(cache=True, nogil=True)
def _right(start: Ints, slot: Ints, state: Marks, became: Marks) -> Ints:
    n = np.zeros((4, len(start) - 1), np.int64)
    for flow in range(len(start) - 1):
        for event in range(start[flow], start[flow + 1]):
            n[0, flow] += state[event] == EXPLAINED
            n[1, flow] += state[event] == UNJUDGED
        for at in range(slot[start[flow]], slot[start[flow + 1]]):
            n[2, flow] += became[at] == CAME
            n[3, flow] += became[at] == GIVEN_UP
    return n


@njit(cache=True, nogil=True)
def _mark_needless(
    start: Ints, type_: Small, time: Ints, slot: Ints, design: Codes, became: Marks
) -> None:
    earliest = np.zeros(len(design.due_start), np.int64)
    of_flow = np.full(len(design.due_start), -1, np.int64)
    for flow in range(len(start) - 1):
        for event in range(start[flow], start[flow + 1]):
            kind = type_[event]
            if of_flow[kind] != flow or time[event] < earliest[kind]:
                of_flow[kind], earliest[kind] = flow, time[event]
        for event in range(start[flow], start[flow + 1]):
            first = design.due_start[type_[event]]
            for due in range(first, design.due_start[type_[event] + 1]):
                in_time = time[event] + design.due_within[due]
                for other in range(design.unless_start[due], design.unless_start[due + 1]):
                    kind = design.unless_type[other]
                    if of_flow[kind] == flow and earliest[kind] <= in_time:
                        became[slot[event] + due - first] = NEEDLESS


@njit(cache=True, nogil=True)
def _judge(
    type_: Small,
    source: Small,
    cause: Ints,
    untold: Bools,
    slot: Ints,
    design: Codes,
    became: Marks,
) -> Marks:
    """Return what the design says of each event, and mark in ``became`` what came."""
    state = np.empty(len(type_), np.int8)
    for event in range(len(type_)):
        kind, who, why = type_[event], source[event], cause[event]
        why_kind = type_[why] if why >= 0 else _NONE if untold[event] else _NOT_IN_LOG
        state[event], emitter = _explain(kind, who, why_kind, design)
        if why < 0:
            continue
        first = design.due_start[why_kind]
        for due in range(first, design.due_start[why_kind + 1]):
            # From a service that has no way to emit it, it came, if wrongly: it isn't missing too.
            if emitter and design.due_source[due] != who:
                continue
            for effect in range(design.effect_start[due], design.effect_start[due + 1]):
                if design.effect_type[effect] == kind:
                    became[slot[why] + due - first] = CAME
    return state


@njit(cache=True, nogil=True)
def _explain(kind: int, who: int, why_kind: int, design: Codes) -> tuple[int, bool]:
    """What an event is, and whether its service has a way to emit it."""
    if design.note[kind]:
        return NOTED, False
    if not design.known_type[kind]:
        return UNKNOWN_TYPE, False
    if not design.has_emitter[kind]:
        if why_kind == _NONE:
            return EXPLAINED, False
        if why_kind == _NOT_IN_LOG:
            return UNJUDGED, False
        return (UNEXPECTED if design.known_source[who] else UNKNOWN_SERVICE), False
    emitter = False
    for way in range(design.by_effect[kind], design.by_effect[kind + 1]):
        if design.by_source[way] == who:
            emitter = True
            if design.by_cause[way] < 0 or design.by_cause[way] == why_kind:
                return EXPLAINED, True
    if not emitter:
        return WRONG_EMITTER, False
    return (UNJUDGED if why_kind == _NOT_IN_LOG else UNEXPECTED), True


def _mark_given_up(index: FlowIndex, slot: Ints, design: DesignArrays, became: Marks) -> None:
    """Mark what never came and services gave up on, by the reasons of dead letters."""
    event = index.copy_event[index.dead]
    known = event >= 0
    if not known.any() or not len(design.dues):
        return
    told = [read_reason(str(reason)) for reason in index.reason[known]]
    letters = pd.DataFrame(
        {
            "event": event[known],
            "who": [f"{by.service}/{by.reaction}" if by.reaction else by.service for by in told],
            "type": index.type[event[known]],
        }
    )
    type_of = np.repeat(np.arange(len(design.types)), np.diff(design.codes.due_start))
    named = [
        (name, place, type_of[place])
        for place, due in enumerate(design.dues)
        for name in (due.service, *(f"{due.service}/{reaction}" for reaction in due.reactions))
    ]
    given_up = letters.merge(
        pd.DataFrame(named, columns=["who", "due", "type"]), on=["who", "type"]
    )
    at = given_up["event"].to_numpy(np.int64)
    place = given_up["due"].to_numpy(np.int64)
    where = slot[at] + place - design.codes.due_start[index.type[at]]
    became[where[became[where] != CAME]] = GIVEN_UP

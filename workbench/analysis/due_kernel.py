"""What came of what was due, and which events a design explains: linear passes over the events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from workbench.analysis.arrays import Bools, Ints
from workbench.analysis.due import Codes, DesignArrays
from workbench.analysis.inference import infer_by_design

if TYPE_CHECKING:
    from workbench.analysis.index import FlowIndex

Marks: TypeAlias = NDArray[np.int8]

EXPLAINED, NOTED, UNJUDGED, UNEXPECTED, WRONG_EMITTER, UNKNOWN_SERVICE, UNKNOWN_TYPE = range(7)
"""What a design says of an event: ``NOTED``, that the workbench wrote it; ``UNJUDGED``, that its
cause is not in the log."""
CAME, MISSING, NEEDLESS, GIVEN_UP = range(4)
"""What became of what was due: ``NEEDLESS``, that another event came in time; ``GIVEN_UP``, that the
service noted a dead letter instead."""


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
        told = np.where(index.inferred, -1, index.cause)
        cause, inferred = infer_by_design(
            index.start, index.type, index.source, told, untold & (told < 0), codes
        )
        state = _explain(index.type, index.source, cause, untold, codes)
        slot, became = _became(index, cause, design)
        return cls(design, cause, inferred, state, slot, became)

    def missing(self, index: FlowIndex) -> tuple[Ints, Ints]:
        """What is missing: the events that it is due to, and the places in ``design.dues``."""
        at = np.flatnonzero(self.became == MISSING)
        event = np.searchsorted(self.slot, at, side="right") - 1
        return event, at - self.slot[event] + self.design.codes.due_start[index.type[event]]

    def events_per_flow(self, index: FlowIndex, state: int) -> Ints:
        """How many events of each flow are in a state."""
        return _counted(index.start, self.state, state)

    def dues_per_flow(self, index: FlowIndex, became: int) -> Ints:
        """How much of what is due in each flow became that."""
        return _counted(self.slot[index.start], self.became, became)


@njit(cache=True, nogil=True)
def _counted(start: Ints, marks: Marks, wanted: int) -> Ints:
    n = np.zeros(len(start) - 1, np.int64)
    for group in range(len(n)):
        for mark in marks[start[group] : start[group + 1]]:
            n[group] += mark == wanted
    return n


@njit(cache=True, nogil=True)
def _explain(type_: Ints, source: Ints, cause: Ints, untold: Bools, design: Codes) -> Marks:
    state = np.empty(len(type_), np.int8)
    for event in range(len(type_)):
        kind, who, why = type_[event], source[event], cause[event]
        if design.note[kind]:
            state[event] = NOTED
        elif not design.known_type[kind]:
            state[event] = UNKNOWN_TYPE
        elif not design.has_emitter[kind]:
            if why < 0 and untold[event]:
                state[event] = EXPLAINED
            else:
                state[event] = UNEXPECTED if design.known_source[who] else UNKNOWN_SERVICE
        else:
            state[event] = WRONG_EMITTER
            for way in range(design.by_effect[kind], design.by_effect[kind + 1]):
                if design.by_source[way] != who:
                    continue
                if design.by_cause[way] < 0 or (why >= 0 and type_[why] == design.by_cause[way]):
                    state[event] = EXPLAINED
                    break
                state[event] = UNJUDGED if why < 0 and not untold[event] else UNEXPECTED
    return state


def _became(index: FlowIndex, cause: Ints, design: DesignArrays) -> tuple[Ints, Marks]:
    """Where what is due to each event starts, and what became of it."""
    codes = design.codes
    per_type = np.diff(codes.due_start)
    slot = np.zeros(len(index.type) + 1, dtype=np.int64)
    np.cumsum(per_type[index.type], out=slot[1:])
    became = np.full(slot[-1], MISSING, dtype=np.int8)
    if len(codes.unless_type):
        _mark_needless(index.start, index.type, index.time, slot, codes, became)
    _mark_given_up(index, slot, design, became)
    _mark_come(index.type, index.source, cause, slot, codes, became)
    return slot, became


@njit(cache=True, nogil=True)
def _mark_needless(
    start: Ints, type_: Ints, time: Ints, slot: Ints, design: Codes, became: Marks
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
def _mark_come(
    type_: Ints, source: Ints, cause: Ints, slot: Ints, design: Codes, became: Marks
) -> None:
    for event in range(len(type_)):
        answered, kind = cause[event], type_[event]
        if answered < 0:
            continue
        emitter = False
        for way in range(design.by_effect[kind], design.by_effect[kind + 1]):
            emitter |= design.by_source[way] == source[event]
        first = design.due_start[type_[answered]]
        for due in range(first, design.due_start[type_[answered] + 1]):
            # From a service that has no way to emit it, it came, if wrongly: it isn't missing too.
            if emitter and design.due_source[due] != source[event]:
                continue
            for effect in range(design.effect_start[due], design.effect_start[due + 1]):
                if design.effect_type[effect] == kind:
                    became[slot[answered] + due - first] = CAME


def _mark_given_up(index: FlowIndex, slot: Ints, design: DesignArrays, became: Marks) -> None:
    """Mark what services gave up on, by the reasons of dead letters, "service/reaction: …"."""
    event = index.copy_event[index.dead]
    known = event >= 0
    if not known.any() or not len(design.dues):
        return
    who = pd.Series(index.reason[known], dtype="object").astype("str").str.split(":", n=1).str[0]
    letters = pd.DataFrame(
        {"event": event[known], "who": who.to_numpy(), "type": index.type[event[known]]}
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
    became[slot[at] + place - design.codes.due_start[index.type[at]]] = GIVEN_UP

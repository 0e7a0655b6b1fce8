"""Causes that a log does not tell, inferred.

Only an event without a causation id is given one, and never a flow's first. Its cause is the
nearest earlier event of its flow that may be it, and what may be it says

- a design: an event of a type to which the service that emitted this one reacts by emitting this;
  of the latest of each such type one that is nobody's cause of such an effect yet goes first; or
- the log's own statistics (:class:`Habits`): an event of the kind that is this kind's usual cause
  and occurred earlier in the flow; if none did, the event right before it.

Positions are those of a flow index: flow by flow, and in each flow in order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numba import njit

from workbench.analysis.arrays import Bools, Ints, Small
from workbench.analysis.due import Rules
from workbench.analysis.due_codes import Codes, DesignArrays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.index import FlowIndex
    from workbench.choreography import Choreography

STATISTICS = "the log's own statistics"
"""What inferred causes are from, where no design says it."""
_RANKED = 64
"""How many causes of a kind are known by their rank; what is rarer than these is no habit."""


def untold(index: FlowIndex, frame: pd.DataFrame) -> Bools:
    """Of each event of a flow, whether it has no causation id."""
    found = np.zeros(len(index.row), dtype=bool)
    at = np.flatnonzero((index.cause < 0) | index.inferred)  # whose cause is told has its id
    found[at] = frame["causation_id"].isna().to_numpy()[index.row[at]]
    return found


def told(index: FlowIndex) -> FlowIndex:
    """Leave out all causes that are inferred."""
    if not index.causes_from:
        return index
    cause = np.where(index.inferred, -1, index.cause)
    return replace(index, cause=cause, inferred=np.zeros(len(cause), dtype=bool), causes_from="")


def with_causes(index: FlowIndex, frame: pd.DataFrame, by: Choreography | HabitCounts) -> FlowIndex:
    """Infer the causes that a log doesn't tell; those inferred before are inferred anew.

    Parameters
    ----------
    frame
        The log's.
    by
        What says which cause an event may have: a design, or what is usual in a log.
    """
    index = told(index)
    cause = index.cause
    wanting = untold(index, frame) & (cause < 0)
    if isinstance(by, HabitCounts):
        told_by = STATISTICS
        found, inferred = infer_by_habit(index.start, by.codes(index), cause, wanting, by.habits())
    else:
        told_by = "the design"
        codes = DesignArrays.of(Rules.of(by), index.type_names, index.source_names).codes
        found, inferred = infer_by_design(
            index.start, index.type, index.source, cause, wanting, codes
        )
    causes_from = told_by if inferred.any() else ""
    return replace(index, cause=found, inferred=inferred, causes_from=causes_from)


def infer_by_design(
    start: Ints, type_: Small, source: Small, cause: Ints, wanting: Bools, design: Codes
) -> tuple[Ints, Bools]:
    """Infer causes that a design allows.

    Parameters
    ----------
    start
        Where each flow starts, and after the last the number of events.
    type_, source, cause
        Of each event; ``cause`` is a position or -1.
    wanting
        Whether its cause is to be inferred.

    Returns
    -------
    cause, inferred
        The causes, with the inferred ones put in; and which those are.
    """
    found = cause.copy()
    return found, _nearest_allowed(start, type_, source, found, wanting, design)


@njit(cache=True, nogil=True)
def _nearest_allowed(
    start: Ints, type_: Small, source: Small, cause: Ints, wanting: Bools, design: Codes
) -> Bools:
    """Put the causes of what is ``wanting`` into ``cause``, and return which events have one now."""
    found = np.zeros(len(type_), np.bool_)
    last = np.full(len(design.by_effect), -1, np.int64)
    taken = np.full(len(design.by_cause), -1, np.int64)
    for flow in range(len(start) - 1):
        first = start[flow]
        for event in range(first, start[flow + 1]):
            kind = type_[event]
            if wanting[event]:
                chosen, free = -1, False
                for way in range(design.by_effect[kind], design.by_effect[kind + 1]):
                    why = design.by_cause[way]
                    if design.by_source[way] != source[event] or why < 0 or last[why] < first:
                        continue
                    is_free = taken[way] != last[why]
                    nearer = chosen < 0 or last[why] > last[design.by_cause[chosen]]
                    if (is_free and not free) or (is_free == free and nearer):
                        chosen, free = way, is_free
                if chosen >= 0:
                    cause[event] = taken[chosen] = last[design.by_cause[chosen]]
                    found[event] = True
            last[kind] = event
    return found


@dataclass(frozen=True, eq=False)
class Habits:
    """What usually causes a kind of event, a kind being a type and a service, learned from a log.

    Where the log tells causes of a kind of event, those are counted. Else, of the events right
    before: how often a kind stands right before this one, less how often right after it. What runs
    side by side stands as often before as after, and so is nobody's cause; this is the difference on
    which the heuristics miner (Weijters and van der Aalst, 2003) builds.
    """

    kinds: int
    start: Ints
    """Of each kind: where its causes start in ``cause``, the most usual first."""
    cause: Ints


@dataclass(frozen=True, eq=False)
class HabitCounts:
    """How often which kind of event comes of which, in a log or a share of one; they add up."""

    kinds: list[tuple[str, str]]
    """Type and service, sorted."""
    told: pd.Series[int]
    """How often the first kind is the cause of the second, as the log tells; by both as one code."""
    right_before: pd.Series[int]
    """How often the first kind stands right before the second in a flow."""

    @classmethod
    def of(cls, index: FlowIndex) -> HabitCounts:
        """Count in a log, or a share of one."""
        kind, kinds = _kinds(index)
        effect = np.flatnonzero(index.cause >= 0)
        follows = np.ones(len(kind), dtype=bool)
        follows[index.start[:-1]] = False
        at = np.flatnonzero(follows)
        return cls(
            kinds,
            _counted(kind[index.cause[effect]] * len(kinds) + kind[effect]),
            _counted(kind[at - 1] * len(kinds) + kind[at]),
        )

    @classmethod
    def together(cls, parts: Sequence[HabitCounts]) -> HabitCounts:
        """Add up what was counted in the shares of a log."""
        kinds = sorted({kind for part in parts for kind in part.kinds})
        code = {kind: number for number, kind in enumerate(kinds)}

        def summed(name: str) -> pd.Series[int]:
            counts = []
            for part in parts:
                counted: pd.Series[int] = getattr(part, name)
                codes = np.array([code[kind] for kind in part.kinds], dtype=np.int64)
                before, after = np.divmod(counted.index.to_numpy(), max(len(part.kinds), 1))
                counts.append(counted.set_axis(codes[before] * len(kinds) + codes[after]))
            return pd.concat(counts).groupby(level=0).sum()

        return cls(kinds, summed("told"), summed("right_before"))

    def codes(self, index: FlowIndex) -> Ints:
        """The kind of each event of a log, as an index into ``kinds``; all of them are known."""
        kind, kinds = _kinds(index)
        known = {name: number for number, name in enumerate(self.kinds)}
        return np.array([known[name] for name in kinds], dtype=np.int64)[kind]

    def habits(self) -> Habits:
        """Rank what usually causes each kind."""
        kinds = len(self.kinds)
        told, pair = (counts.index.to_numpy() for counts in (self.told, self.right_before))
        times = self.right_before.to_numpy()
        back = pd.Index(pair).get_indexer(pd.Index((pair % kinds) * kinds + pair // kinds))
        net = times - np.where(back >= 0, times[back], 0)
        untold = ~np.isin(pair % kinds, told % kinds) & (net > 0)
        pairs = np.concatenate([told, pair[untold]])
        weight = np.concatenate([self.told.to_numpy(), net[untold]])
        before, after = np.divmod(pairs, max(kinds, 1))
        ranked = np.lexsort((before, -weight, after))
        before, after = before[ranked], after[ranked]
        starts = np.searchsorted(after, np.arange(kinds + 1)).astype(np.int64)
        kept = np.arange(len(after)) - starts[after] < _RANKED
        starts = np.searchsorted(after[kept], np.arange(kinds + 1)).astype(np.int64)
        return Habits(kinds, starts, before[kept])


def _kinds(index: FlowIndex) -> tuple[Ints, list[tuple[str, str]]]:
    """The kind of each event, and the kinds: type and service, sorted."""
    n_sources = len(index.source_names)
    local, present = pd.factorize(index.kind)
    names = [
        (str(index.type_names[kind // n_sources]), str(index.source_names[kind % n_sources]))
        for kind in present.tolist()
    ]
    kinds = sorted(set(names))
    code = {kind: number for number, kind in enumerate(kinds)}
    return np.array([code[name] for name in names], dtype=np.int64)[local], kinds


def _counted(codes: Ints) -> pd.Series[int]:
    """How often there is each code, by code."""
    code, distinct = pd.factorize(codes, sort=True)
    return pd.Series(np.bincount(code, minlength=len(distinct)), index=distinct)


def infer_by_habit(
    start: Ints, kind: Ints, cause: Ints, wanting: Bools, habits: Habits
) -> tuple[Ints, Bools]:
    """Infer causes as a log's own statistics have them; see :func:`infer_by_design`."""
    found = _usual(start, kind, wanting, habits.start, habits.cause)
    inferred = found >= 0
    return np.where(inferred, found, cause), inferred


@njit(cache=True, nogil=True)
def _usual(start: Ints, kind: Ints, wanting: Bools, causes_start: Ints, causes: Ints) -> Ints:
    found = np.full(len(kind), -1, np.int64)
    last = np.full(len(causes_start), -1, np.int64)
    for flow in range(len(start) - 1):
        first = start[flow]
        for event in range(first, start[flow + 1]):
            own = kind[event]
            if wanting[event] and event > first:
                found[event] = event - 1
                for ranked in range(causes_start[own], causes_start[own + 1]):
                    if last[causes[ranked]] >= first:
                        found[event] = last[causes[ranked]]
                        break
            last[own] = event
    return found

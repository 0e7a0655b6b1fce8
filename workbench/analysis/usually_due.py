"""What is usually due after an event, learned from the log itself.

Events are alike if they are of one type and were caused by one type. After such an event

- that effect is due which follows it most often, or an alternative to it. Two effects of one event
  are alternatives unless the rarer mostly comes together with the other: a failed try that success
  follows is no answer.
- it is due if it, or an alternative, came in more than ``usually`` of the flows that hold such an
  event. A loop has to end: an effect that leads to an event of the type that it came of answers
  it, and makes nothing due.
- effects that come beside that one are due too if (nearly) all flows have them: more than nine in
  ten, and more than ``usually``. Those that more than half and ``usually`` have are named beside.

In a log that tells no cause, each event is taken to follow the one before it, and due is that the
flow goes on.

Counts add up over a split by flow: count in each part, put that together, then judge.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numba import njit

from workbench.analysis.arrays import Bools, Ints, Small, mixed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.analysis.index import FlowIndex

_BESIDE: Final = 0.9
"""Share of flows that have an effect beside the most frequent one for it to be due too."""
_OFTEN: Final = 0.5
"""... for it to be named."""
_LOST: Final = 0.1
"""Flows with an event without a known cause, over those with one of its type with one, below which
it is taken to be lost: nothing of its own is usual after that.
"""
_LATER: Final = 64
"""Types that may tell that an effect is lost."""
_LONGEST: Final = 64
"""Steps of a loop, at most: how far up an event's own type is looked for."""

Way = tuple[str, str | None]
"""A type, and the type of its cause; ``None`` if that is not known."""


class Often(NamedTuple):
    """Effects that come beside what is due, in too few of the flows to be due themselves."""

    kind: str
    """What they come after."""
    effects: tuple[str, ...]
    came: int
    """How many flows have them."""
    flows: int
    """... of how many that hold such an event."""


class Owed(NamedTuple):
    """What is due after an event of a type: one of some effects, the most usual first."""

    kind: str
    cause: str | None
    """The type of its cause; ``None`` if that is not known."""
    effects: tuple[str, ...]
    later: tuple[str, ...] = ()
    """What usually comes of these, or of what comes of them, and so on: the nearest types."""


@dataclass
class WayCounts:
    """How often events have which effects, in a log or a share of one."""

    by_order: bool = True
    """No event names its cause: each is taken to follow the one before it."""
    flows: Counter[Way] = field(default_factory=Counter)
    """How many flows hold such an event."""
    of_event: Counter[tuple[Way, frozenset[str]]] = field(default_factory=Counter)
    """How many events have just these effects."""
    of_flow: Counter[tuple[Way, frozenset[str]]] = field(default_factory=Counter)
    """In how many flows such events have, together, just these effects that don't lead back."""

    @classmethod
    def of(cls, index: FlowIndex) -> WayCounts:
        """Count in a log, or a share of one."""
        by_order = not (index.cause >= 0).any()
        before = index.after if by_order else index.cause
        way, ways = ways_of(index)
        pair, pairs = pd.factorize(index.flow * max(len(ways), 1) + way)
        of_pair = pairs % max(len(ways), 1)
        held = np.bincount(of_pair, minlength=len(ways)).tolist()
        effect = np.flatnonzero(before >= 0)
        ends = effect[~_leads_back(before, index.type)[effect]]
        types, cause = index.type_names, before[effect]
        return cls(
            by_order,
            Counter(dict(zip(ways, held, strict=True))),
            Counter(dict(_sets(cause, way[cause], index.type[effect], ways, types))),
            Counter(
                dict(_sets(pair[before[ends]], way[before[ends]], index.type[ends], ways, types))
            ),
        )

    @classmethod
    def together(cls, parts: Sequence[WayCounts]) -> WayCounts:
        """Add up what was counted in the shares of a log.

        If any of them tells causes, the order of events says nothing in the others.
        """
        total = cls(all(part.by_order for part in parts))
        for part in parts:
            total.flows.update(part.flows)
            if part.by_order == total.by_order:
                total.of_event.update(part.of_event)
                total.of_flow.update(part.of_flow)
        return total

    def owed(self, usually: float) -> tuple[list[Owed], list[Often]]:
        """What is due, as the module says it, and what is nearly; ``usually``: in which share of the flows."""
        events: dict[Way, list[tuple[frozenset[str], int]]] = {}
        flows: dict[Way, list[tuple[frozenset[str], int]]] = {}
        for counts, by_way in ((self.of_event, events), (self.of_flow, flows)):
            for (way, effects), n in counts.items():
                by_way.setdefault(way, []).append((effects, n))
        known = Counter[str]()
        for (kind, cause), n in self.flows.items():
            if cause is not None:
                known[kind] += n
        usual = {} if self.by_order else self._usual_effects()
        found, often = [], []
        for way in sorted(events, key=lambda way: (way[0], way[1] or "")):
            if way[1] is None and self.flows[way] < _LOST * known[way[0]]:
                continue
            for number, group in enumerate(_groups(events[way], together=self.by_order)):
                came = sum(n for effects, n in flows.get(way, ()) if effects.intersection(group))
                share = usually if number == 0 else max(usually, _BESIDE)
                if came > share * self.flows[way]:
                    found.append(Owed(*way, group, _later(group, usual)))
                elif number and came > max(usually, _OFTEN) * self.flows[way]:
                    often.append(Often(way[0], group, came, self.flows[way]))
        return found, often

    def _usual_effects(self) -> dict[str, list[str]]:
        """Each type, and the types of which most came of it."""
        times: dict[str, Counter[str]] = {}
        for ((cause, _), effects), n in self.of_event.items():
            for effect in effects:
                times.setdefault(effect, Counter())[cause] += n
        found: dict[str, list[str]] = {}
        for effect in sorted(times):
            cause, n = times[effect].most_common(1)[0]
            if 2 * n > times[effect].total():
                found.setdefault(cause, []).append(effect)
        return found


def _later(effects: tuple[str, ...], usual: dict[str, list[str]]) -> tuple[str, ...]:
    """What usually comes of some types, or of what comes of them; ``usual``: of each what comes of it."""
    found = list(effects)
    for kind in found:  # which grows
        found += [effect for effect in usual.get(kind, ()) if effect not in found]
        if len(found) > _LATER:
            break
    return tuple(found[len(effects) :])


def ways_of(index: FlowIndex, *, by_cause: bool = True) -> tuple[Ints, list[Way]]:
    """Number the ways of events: of each event its number, and the ways."""
    n_causes = len(index.type_names) + 1
    known = (index.cause >= 0) & by_cause
    cause = np.where(known, index.type[index.cause] + 1, 0)
    way, keys = pd.factorize(index.type * np.int64(n_causes) + cause)
    kinds, causes = np.divmod(keys, n_causes)
    names = index.type_names
    return way, [
        (str(names[kind]), str(names[cause - 1]) if cause else None)
        for kind, cause in zip(kinds.tolist(), causes.tolist(), strict=True)
    ]


def _groups(
    events: list[tuple[frozenset[str], int]], *, together: bool
) -> Iterator[tuple[str, ...]]:
    """Each effect that most often comes, with its alternatives, and then those that come beside it.

    ``together``: all are alternatives.
    """
    times: Counter[str] = Counter()
    for effects, n in events:
        for effect in effects:
            times[effect] += n
    in_order = sorted(times, key=lambda name: (-times[name], name))
    if together:
        yield tuple(in_order)
        return
    left, done = in_order, set[str]()
    while left:
        first = left[0]
        beside: Counter[str] = Counter()
        for effects, n in events:
            if first in effects:
                beside.update(dict.fromkeys(effects, n))
        apart = {name for name in times if 2 * beside[name] <= times[name]}
        # What comes beside an effect without which that seldom comes is rare: no rule of its own.
        if not (done & apart):
            yield tuple(name for name in in_order if name == first or name in apart)
        done.add(first)
        left = [name for name in left[1:] if name not in apart]


def _sets(
    group: Ints, way: Ints, effect: Small, ways: list[Way], types: Any
) -> Iterator[tuple[tuple[Way, frozenset[str]], int]]:
    """How many groups of effects, all of causes of one way, have just which types of effects."""
    n = max(len(types), 1)
    key = pd.unique(pd.Series(group * n + effect)) if len(group) else np.empty(0, np.int64)
    member, kind = np.divmod(np.asarray(key, dtype=np.int64), n)
    order = np.argsort(member, kind="stable")
    member, kind = member[order], kind[order]
    start = np.flatnonzero(np.diff(member, prepend=-1))
    if not len(start):
        return
    hashes = mixed(kind.astype(np.uint64) + np.uint64(1))
    way_of = np.zeros(int(group.max()) + 1, dtype=np.int64)
    way_of[group] = way
    own = way_of[member[start]]
    code, _ = pd.factorize(mixed(np.add.reduceat(hashes, start) + own.astype(np.uint64)))
    ends = np.append(start[1:], len(kind))
    example = np.unique(code, return_index=True)[1]
    for times, at in zip(np.bincount(code).tolist(), example.tolist(), strict=True):
        names = frozenset(str(types[number]) for number in kind[start[at] : ends[at]])
        yield (ways[own[at]], names), times


@njit(cache=True, nogil=True)
def _leads_back(before: Ints, kind: Small) -> Bools:
    """Whether an event leads to, or is, one of the type that it came of."""
    back = np.zeros(len(before), np.bool_)
    for event in range(len(before)):
        below, at = event, before[event]
        for _ in range(_LONGEST):
            if at < 0:
                break
            if kind[at] == kind[event]:
                back[below] = True
                break
            below, at = at, before[at]
    return back

"""What a choreography makes due after an event, and which events it explains: as arrays.

Due is only what the design makes certain:

- of a reaction that is data, each of its effects; of a Python handler, one of them, unless its
  annotation lets it be silent;
- of a reaction to an absence, its effects, unless one of the events it waits for came in the flow
  before its time was up;
- of two reactions of one service to one event type, of which one guard is the other's negation,
  the effects of one.

What other guards decide depends on payloads, and what a compensation does on what was done before:
such effects may come and are never due. An effect is due when the time of its reaction (``within``,
``after``) is over, and not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.arrays import Bools, Ints
from workbench.analysis.opposite_guards import one_holds
from workbench.choreography.compensating import notices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workbench.choreography import Choreography, Reaction

NOTES = frozenset({"DeadLetterRedriven", "DeadLetterEdited", "DeadLetterDiscarded"})
"""Types of what the workbench itself notes in a flow: part of no design, and no deviation."""


@dataclass(frozen=True)
class Due:
    """What one service owes to each event of a type: one of some effects, after some time."""

    service: str
    reactions: tuple[str, ...]
    """Those of which one must answer."""
    cause: str
    effects: tuple[str, ...]
    """Event types of which one must come."""
    unless: tuple[str, ...] = ()
    """Event types that, if one comes in time, make it needless."""
    within: int = 0
    """Until when one of ``unless`` is in time, in nanoseconds from the event."""
    after: int = 0
    """How long after the event it is due, in nanoseconds; not less than ``within``."""

    @property
    def words(self) -> str:
        """``"PaymentReceived or PaymentDeclined"``."""
        return " or ".join(self.effects)


@dataclass(frozen=True)
class Explained:
    """A service's way to emit an event type: in answer to ``cause``; ``None``: of its own accord."""

    service: str
    cause: str | None
    effect: str


def dues(design: Choreography) -> list[Due]:
    """What the design makes certain, service by service."""
    found: list[Due] = []
    for name, service in design.services.items():
        guarded: list[Reaction] = []
        for reaction in service.reactions.values():
            if reaction.compensates or reaction.may_be_silent or not reaction.emits:
                continue
            if reaction.guard is None:
                found += _dues(name, reaction)
            elif not reaction.unless:
                other = next((r for r in guarded if one_holds(design, r, reaction)), None)
                if other is None:
                    guarded.append(reaction)
                else:
                    guarded.remove(other)
                    found.append(_either(name, other, reaction))
    return found


def explanations(design: Choreography) -> list[Explained]:
    """Every way in which the design's services emit something."""
    found: list[Explained] = []
    for name, service in design.services.items():
        found += [Explained(name, None, effect) for effect in service.publishes]
        told = notices(design, service.reactions)
        for reaction in service.reactions.values():
            causes = (*reaction.failures, *told) if reaction.compensates else (reaction.whenever,)
            found += [Explained(name, cause, e) for cause in causes for e in reaction.emits]
    return list(dict.fromkeys(found))


def undecided(design: Choreography) -> list[str]:
    """The reactions, as ``service/reaction``, of which the design alone doesn't make effects due."""
    sure = {(due.service, name) for due in dues(design) for name in due.reactions}
    return [
        f"{name}/{reaction.name}"
        for name, service in design.services.items()
        for reaction in service.reactions.values()
        if reaction.emits and (name, reaction.name) not in sure
    ]


def _dues(service: str, reaction: Reaction) -> Iterator[Due]:
    within = round(reaction.within * 1e9)
    after = within + round(reaction.after * 1e9)
    each = [reaction.emits] if reaction.is_python else [(effect,) for effect in reaction.emits]
    for effects in each:
        yield Due(
            service, (reaction.name,), reaction.whenever, effects, reaction.unless, within, after
        )


def _either(service: str, one: Reaction, other: Reaction) -> Due:
    effects = tuple(dict.fromkeys((*one.emits, *other.emits)))
    after = round(max(one.after, other.after) * 1e9)
    return Due(service, (one.name, other.name), one.whenever, effects, after=after)


class Codes(NamedTuple):
    """A design in the codes of a log's types and services, as compiled loops take it.

    What belongs to a type, or to a thing due, stands in a list from its start to the next one's.
    """

    known_type: Bools
    """Of each type: whether the design has it."""
    known_source: Bools
    note: Bools
    """Of each type: whether it is one of the workbench's own notes."""
    has_emitter: Bools
    """... whether a service of the design emits it."""
    by_effect: Ints
    """... where the ways to emit it start."""
    by_cause: Ints
    """Of each way: the cause's type; -1: of its service's own accord."""
    by_source: Ints
    """... the service."""
    due_start: Ints
    """Of each type: where what is due after it starts."""
    due_source: Ints
    """Of each thing due: the service."""
    due_within: Ints
    due_after: Ints
    effect_start: Ints
    """... where its effects start."""
    effect_type: Ints
    unless_start: Ints
    unless_type: Ints


@dataclass(frozen=True, eq=False)
class DesignArrays:
    """A design in a log's terms: the names are those of the log, then those only the design has."""

    types: NDArray[np.object_]
    sources: NDArray[np.object_]
    dues: tuple[Due, ...]
    """Sorted by the cause's type, as in ``codes``."""
    codes: Codes

    @classmethod
    def of(
        cls,
        design: Choreography,
        type_names: NDArray[np.object_],
        source_names: NDArray[np.object_],
    ) -> DesignArrays:
        """Number a design's names as an index does."""
        ways, owed = explanations(design), dues(design)
        services = design.services.values()
        heard = [name for service in services for name in (*service.consumes, *service.emits)]
        known = {*design.event_types, *heard}
        types = _joined(type_names, [*design.event_types, *heard])
        sources = _joined(source_names, list(design.services))
        at_type = {name: code for code, name in enumerate(types)}
        at_source = {name: code for code, name in enumerate(sources)}
        ways.sort(key=lambda way: (at_type[way.effect], at_source[way.service]))
        owed.sort(key=lambda due: at_type[due.cause])
        emitted = {way.effect for way in ways}
        effect_start, effect_type = _lists([due.effects for due in owed], at_type)
        unless_start, unless_type = _lists([due.unless for due in owed], at_type)
        codes = Codes(
            known_type=np.array([name in known for name in types], dtype=bool),
            known_source=np.array([name in design.services for name in sources], dtype=bool),
            note=np.array([name in NOTES for name in types], dtype=bool),
            has_emitter=np.array([name in emitted for name in types], dtype=bool),
            by_effect=_starts([at_type[way.effect] for way in ways], len(types)),
            by_cause=_ints([-1 if way.cause is None else at_type[way.cause] for way in ways]),
            by_source=_ints([at_source[way.service] for way in ways]),
            due_start=_starts([at_type[due.cause] for due in owed], len(types)),
            due_source=_ints([at_source[due.service] for due in owed]),
            due_within=_ints([due.within for due in owed]),
            due_after=_ints([due.after for due in owed]),
            effect_start=effect_start,
            effect_type=effect_type,
            unless_start=unless_start,
            unless_type=unless_type,
        )
        return cls(types, sources, tuple(owed), codes)


def _joined(names: NDArray[np.object_], more: Sequence[str]) -> NDArray[np.object_]:
    known = set(names.tolist())
    new = [name for name in dict.fromkeys(more) if name not in known]
    return np.append(names, np.array(new, dtype=object))


def _ints(numbers: Sequence[int]) -> Ints:
    return np.array(numbers, dtype=np.int64)


def _starts(sorted_codes: Sequence[int], n: int) -> Ints:
    return np.searchsorted(_ints(sorted_codes), np.arange(n + 1)).astype(np.int64)


def _lists(lists: Sequence[Sequence[str]], number: Mapping[str, int]) -> tuple[Ints, Ints]:
    ends = np.cumsum([0, *(len(names) for names in lists)]).astype(np.int64)
    return ends, _ints([number[name] for names in lists for name in names])

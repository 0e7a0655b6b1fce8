"""What a choreography makes due after an event, and which events it explains.

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
from typing import TYPE_CHECKING

from workbench.analysis.opposite_guards import one_holds
from workbench.choreography.compensating import notices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


@dataclass(frozen=True)
class Rules:
    """What a design says of a log, and all that it says: equal ones find the same in it.

    A design may be changed; its rules are those it had when they were taken.
    """

    types: frozenset[str]
    """Every event type that the design names."""
    services: frozenset[str]
    ways: tuple[Explained, ...]
    dues: tuple[Due, ...]
    undecided: tuple[str, ...]
    """The reactions, as ``service/reaction``, of which the design alone doesn't make effects due."""

    @classmethod
    def of(cls, design: Choreography) -> Rules:
        """Take the rules of a design as it is now."""
        services = design.services.values()
        heard = (name for service in services for name in (*service.consumes, *service.emits))
        owed = tuple(dues(design))
        return cls(
            frozenset((*design.event_types, *heard)),
            frozenset(design.services),
            tuple(explanations(design)),
            owed,
            tuple(_undecided(design, owed)),
        )


def dues(design: Choreography) -> list[Due]:
    """What the design makes certain, service by service."""
    found: list[Due] = []
    for name, service in design.services.items():
        guarded: dict[str, list[Reaction]] = {}
        for reaction in service.reactions.values():
            if reaction.compensates or reaction.may_be_silent or not reaction.emits:
                continue
            if reaction.guard is None:
                found += _dues(name, reaction)
            elif not reaction.unless:
                unpaired = guarded.setdefault(reaction.whenever, [])
                other = next((r for r in unpaired if one_holds(design, r, reaction)), None)
                if other is None:
                    unpaired.append(reaction)
                else:
                    unpaired.remove(other)
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


def _undecided(design: Choreography, owed: Sequence[Due]) -> list[str]:
    sure = {(due.service, name) for due in owed for name in due.reactions}
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

"""Which compensations a design has, and what follows from them for who hears what.

A step is undone after all that was done later, and there is nobody in the middle to say when: the
effect of each compensation says it. So a service listens to the effects of those compensations
that can come before its own; which these are can be read from the design.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.choreography.reaction import Reaction
from workbench.errors import DesignError

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography


def undone_by(choreography: Choreography) -> dict[str, frozenset[tuple[str, str]]]:
    """Failure → the steps, as (service, reaction), that are undone when it happens."""
    found: dict[str, set[tuple[str, str]]] = {}
    for service, reaction in _compensations(choreography):
        for failure in reaction.failures:
            found.setdefault(failure, set()).add((service, reaction.compensates))
    return {failure: frozenset(steps) for failure, steps in found.items()}


def notices(choreography: Choreography, reactions: Mapping[str, Reaction]) -> tuple[str, ...]:
    """The event types that may tell a service, by its reactions, that a later step is undone.

    They are the effects of the compensations, for a failure that they share, of the steps that
    events of its own steps can lead to.
    """
    own = [reaction for reaction in list(reactions.values()) if reaction.compensates]
    if not own:
        return ()
    reach = choreography.reach()
    found: dict[str, None] = {}
    for mine in own:
        led_to = reach.led_to(reactions[mine.compensates].emits)
        for other in reach.compensations:
            if other.whenever in led_to and not {*mine.failures}.isdisjoint(other.failures):
                found.update(dict.fromkeys(other.emits))
    return tuple(found)


def checked_compensation(
    service: str, reactions: Mapping[str, Reaction], reaction: Reaction
) -> Reaction:
    """A compensation as it may be added to a service's reactions, with what it is given.

    Raises
    ------
    DesignError
        There is no such step, or nothing to undo it for or to emit.
    """
    where, step = f"{service}/{reaction.name}", reactions.get(reaction.compensates)
    if step is None or reaction.compensates == reaction.name:
        known = ", ".join(n for n, r in reactions.items() if not r.compensates) or "none"
        raise DesignError(
            f"{where} compensates {reaction.compensates!r}, which is no other reaction of "
            f"{service} (it has: {known})."
        )
    if step.compensates:
        raise DesignError(
            f"{where} compensates {step.name}, which is a compensation itself: only a step is undone."
        )
    for other in reactions.values():
        if other.compensates == reaction.compensates and other.name != reaction.name:
            raise DesignError(
                f"{service}/{step.name} is compensated by {other.name} already: a step has one "
                "compensation."
            )
        if other.compensates == reaction.name:
            raise DesignError(
                f"{where} is a step that {other.name} compensates, and can't become a compensation."
            )
    if not step.emits:
        raise DesignError(
            f"{where} compensates {step.name}, which emits nothing: no later step can fail."
        )
    if not reaction.failures:
        raise DesignError(
            f"{where} needs the failures that it undoes {step.name} for, such as ShippingFailed."
        )
    if not reaction.emits:
        raise DesignError(
            f"{where} must emit an event that says what it has undone: the services before it wait "
            "for that."
        )
    if reaction.guard is not None or reaction.unless:
        raise DesignError(f"{where} is a compensation: it has neither a guard nor 'unless'.")
    takes = getattr(reaction.takes, "event_type", None)
    if takes is not None and takes.name != step.whenever:
        raise DesignError(
            f"{where} takes {takes.name}, but is given the event that {step.name} reacted to: "
            f"annotate it with {step.whenever}."
        )
    return replace(reaction, whenever=step.whenever, reads=step.reads)


def following(
    service: str, reactions: Mapping[str, Reaction], put: Reaction
) -> dict[str, Reaction]:
    """A reaction that is put among others, and its compensation, if it has one, as it is then.

    Raises
    ------
    DesignError
        The compensation could not undo it any more.
    """
    together = {**reactions, put.name: put}
    found = {put.name: put}
    for other in reactions.values():
        if other.compensates == put.name:
            found[other.name] = checked_compensation(service, together, other)
    return found


def _compensations(choreography: Choreography) -> Iterable[tuple[str, Reaction]]:
    for name, service in list(choreography.services.items()):
        for reaction in list(service.reactions.values()):
            if reaction.compensates:
                yield name, reaction


class Reach:
    """What the events of a design can lead to, as long as its reactions stay these."""

    def __init__(self, reactions: tuple[Reaction, ...]) -> None:
        self.reactions = reactions
        self.compensations = [reaction for reaction in reactions if reaction.compensates]
        self._found: dict[tuple[str, ...], set[str]] = {}
        self._leads: dict[str, set[str]] = {}
        for reaction in reactions:
            for cause in reaction.failures or (reaction.whenever,):
                self._leads.setdefault(cause, set()).update(reaction.emits)

    def led_to(self, effects: tuple[str, ...]) -> set[str]:
        """The event types that effects can lead to, themselves included."""
        if effects not in self._found:
            found: set[str] = set()
            ahead = set(effects)
            while ahead:
                found |= ahead
                ahead = {e for cause in ahead for e in self._leads.get(cause, ())} - found
            self._found[effects] = found
        return self._found[effects]

"""The rule about flows that never end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from workbench.choreography.lint.graph import reactions_of
from workbench.choreography.lint.rule import Found, rule

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.reaction import Reaction


@rule("endless-cycle", "error")
def endless_cycle(design: Choreography) -> Iterator[Found]:
    """Events lead to each other in a circle, and nothing can stop them.

    The first such event sets the services going for ever: a loop without a programmer to press
    Ctrl-C, filling channels and states until somebody notices.

    A circle is reported if it surely goes on: each of its reactions has neither a guard nor
    `unless`, and emits whatever happens. A guard on any one of them, or a handler that may emit
    nothing or another event that leads out, is an end. A handler that isn't registered yet is
    taken to have one.

    Put a guard on one of the reactions (`if: data.attempt < 3.0`), or let another event end it.
    """
    sure = [reaction for _, _, reaction in reactions_of(design) if _surely_emits(reaction)]
    endless = set(design.event_types)  # less those that may end, until all that are left go on
    while True:
        go_on = {r.whenever for r in sure if _goes_on(r, endless)} & endless
        if go_on == endless:
            break
        endless = go_on
    leads: dict[str, dict[str, None]] = {}
    for reaction in sure:
        if reaction.whenever in endless and _goes_on(reaction, endless):
            effects = [effect for effect in reaction.emits if effect in endless]
            leads.setdefault(reaction.whenever, {}).update(dict.fromkeys(effects))
    told: set[str] = set()
    for name in design.event_types:
        circle = [] if name in told else _circle(name, leads)
        if circle:
            told.update(circle)
            yield Found(
                name, f"{' → '.join([*circle, name])} goes on for ever: no guard, and no end."
            )


def _surely_emits(reaction: Reaction) -> bool:
    if reaction.guard is not None or reaction.unless or reaction.compensates or not reaction.emits:
        return False
    return not reaction.is_python or (reaction.handler is not None and not reaction.may_be_silent)


def _goes_on(reaction: Reaction, endless: set[str]) -> bool:
    """A mapping emits all its effects, a handler one of them: which one is not known."""
    every = all if reaction.is_python else any
    return every(effect in endless for effect in reaction.emits)


def _circle(start: str, leads: Mapping[str, Mapping[str, None]]) -> list[str]:
    """The shortest way from an event type back to itself; empty if there is none."""
    came_from: dict[str, str] = {}
    ahead = deque([start])
    while ahead:
        name = ahead.popleft()
        for effect in leads.get(name, ()):
            if effect == start:
                way = [name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if effect not in came_from:
                came_from[effect] = name
                ahead.append(effect)
    return []

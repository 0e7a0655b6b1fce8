"""Rules about what can fail: whether it is said, and whether what was done before is undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.choreography.compensating import undone_by
from workbench.choreography.lint.graph import hearers, reactions_of
from workbench.choreography.lint.rule import Found, rule
from workbench.choreography.lint.words import is_failure

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.reaction import Reaction
    from workbench.choreography.service import Service


@rule("no-failure-event", "warning")
def no_failure_event(design: Choreography) -> Iterator[Found]:
    """A step can fail, others wait for what it emits, and no event says that it failed.

    The flow then stops without a word: the customer waits, and the shelf stays reserved.

    A step is a reaction whose effects another service hears. It can fail

    - if it has a guard, and it is the only reaction of the whole design to its event: an event for
      which the guard is false leads to nothing;
    - if it is a Python handler that may emit nothing, its service has no other reaction to that
      event, and it does not wait for another event to join with;
    - if it has a `failure_rate`: it is given up after its retries.

    It is said if the step may emit another event too (of a `failure_rate`: one that is named like
    a failure), or if a reaction somewhere waits for it with `unless` … `within`.

    Emit the contrary as well (`StockReserved` or `OutOfStock`; a second reaction with the contrary
    guard), or let someone watch the clock.
    """
    heard_by, reach = hearers(design), design.reach()
    watched = {name for _, _, reaction in reactions_of(design) for name in reaction.unless}
    for subject, service, reaction in reactions_of(design):
        how = _can_fail(design, service, reaction)
        if how is None or reaction.compensates or reaction.unless:
            continue
        others = {name for effect in reaction.emits for name in heard_by[effect]}
        if others - {service.name} and watched.isdisjoint(reach.led_to(reaction.emits)):
            effects = " and ".join(reaction.emits)
            yield Found(
                subject,
                f"{subject} {how}, and no event says so to those who wait for {effects}.",
            )


def _can_fail(design: Choreography, service: Service, reaction: Reaction) -> str | None:
    """How a step can fail without an event that says so; ``None`` if it can't."""
    if reaction.failure_rate and not any(map(is_failure, reaction.emits)):
        return f"fails in {reaction.failure_rate:.0%} of its attempts"
    same = [other for _, _, other in reactions_of(design) if other.whenever == reaction.whenever]
    if reaction.guard is not None:
        return f"does nothing unless {reaction.guard.source}" if len(same) == 1 else None
    others = [r for r in service.reactions.values() if r is not reaction]
    branches = any(r.whenever == reaction.whenever for r in others)
    joins = any(not {*r.emits}.isdisjoint(reaction.emits) for r in others)
    if reaction.may_be_silent and len(reaction.emits) == 1 and not branches and not joins:
        return "may emit nothing"
    return None


@rule("no-compensation", "warning")
def no_compensation(design: Choreography) -> Iterator[Found]:
    """A later step can fail, and the service that did an earlier one hears nothing of it.

    Stock is reserved, then the payment is declined, and the stock stays reserved for ever.

    A failure is an event that a compensation names as one, or that is named like one
    (`PaymentDeclined`, `SettlementFailed`, `OutOfStock`). A step is reported if its effects can
    lead to another service's failure and its own service hears neither that failure nor anything
    that follows from it.

    Undo the step: `compensates: reserve`, `whenever: PaymentDeclined`; or let a reaction to the
    failure, or to what follows from it, put things right. Where there is nothing to undo (it only
    looked something up), silence this and say so.
    """
    failures = {name for name in design.event_types if is_failure(name)} | {*undone_by(design)}
    reach = design.reach()
    for service in design.services.values():
        heard = {*service.consumes}
        for reaction in service.reactions.values():
            done = tuple(effect for effect in reaction.emits if effect not in failures)
            if reaction.compensates or not done:
                continue
            unheard = [
                name
                for name in design.event_types
                if name in failures
                and name in reach.led_to(done)
                and service.name not in design.emitters(name)
                and heard.isdisjoint(reach.led_to((name,)))
            ]
            if unheard:
                subject = f"{service.name}/{reaction.name}"
                yield Found(
                    subject,
                    f"{subject} is not undone when {' or '.join(unheard)} follows: {service.name} "
                    "hears nothing of it.",
                )


@rule("never-undoes", "error")
def never_undoes(design: Choreography) -> Iterator[Found]:
    """A compensation undoes a step that emits nothing but failures.

    What has failed was not done, so there is never anything to undo.

    Let the step emit what it did when it succeeds, or take the compensation away.
    """
    failures = set(undone_by(design))
    for subject, service, reaction in reactions_of(design):
        step = service.reactions.get(reaction.compensates)
        if step is not None and failures.issuperset(step.emits):
            yield Found(
                subject,
                f"{subject} never undoes anything: {step.name} emits nothing but failures, and "
                "what has failed was not done.",
            )

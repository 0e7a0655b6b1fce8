"""Rules about who emits and who hears an event, and who has nothing to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.choreography.lint.graph import hearers, reactions_of
from workbench.choreography.lint.rule import Found, rule

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography


@rule("nobody-emits", "note")
def nobody_emits(design: Choreography) -> Iterator[Found]:
    """No service emits an event type.

    Every flow begins with such an event: a person or another system publishes it. In the middle
    of a flow it is a name mistyped, or a reaction forgotten, and what waits for it waits for ever.

    Let a service emit it, or take it away; where it comes from outside, silence this and say from
    where.
    """
    for name in design.event_types:
        if not design.emitters(name):
            hint = "publish it by hand, or let a service emit it"
            yield Found(name, f"no service emits {name}: {hint}.")


@rule("nobody-hears", "note")
def nobody_hears(design: Choreography) -> Iterator[Found]:
    """No service reacts to an event type.

    A flow may end with it. If it should go on, a reaction is missing, and nothing will ever say
    so: an event that nobody hears is no failure to any broker.

    Add the reaction, or silence this and say who reads it elsewhere.
    """
    for name, services in hearers(design).items():
        if not services:
            hint = "a flow may end here; if it should not, add a reaction to it"
            yield Found(name, f"nobody reacts to {name}: {hint}.")


@rule("two-emitters", "warning")
def two_emitters(design: Choreography) -> Iterator[Found]:
    """Two services emit one event type.

    Then nobody owns it. Each may change what it means or when it comes, its consumers can't tell
    whose word it is, and as each service has a channel of its own the events of one entity come in
    no order.

    Let one service own the fact, or make it two facts: `OrderCancelledByCustomer`,
    `OrderExpired`.
    """
    for name in design.event_types:
        emitters = design.emitters(name)
        if len(emitters) > 1:
            yield Found(name, f"{name} is emitted by {' and '.join(emitters)}: which one owns it?")


@rule("request-reply", "warning")
def request_reply(design: Choreography) -> Iterator[Found]:
    """Two events are a call in disguise: a request and its reply.

    A service emits an event that only one other service hears; whatever that one emits in answer,
    and only in answer to it, is heard by the first alone. Nobody else can join in, neither side
    can be replaced without the other, and the caller waits: it is a remote call, with the trouble
    of both worlds.

    Name the events after facts that others care about, and let others hear them; let the second
    service react to what the first one reacted to; or make it a call. A refusal that the first
    service only undoes its step for is no reply.
    """
    reactions = [reaction for _, _, reaction in reactions_of(design)]
    heard_by = hearers(design)
    for name in design.event_types:
        asking, asked = design.emitters(name), heard_by[name]
        if len(asking) != 1 or len(asked) != 1 or asking == asked:
            continue
        asker = design.services[asking[0]]
        answers = [r for r in design.services[asked[0]].reactions.values() if r.whenever == name]
        replies = list(dict.fromkeys(effect for answer in answers for effect in answer.emits))
        if any(answer.compensates or answer.unless for answer in answers):
            continue
        if any(r not in answers and not {*replies}.isdisjoint(r.emits) for r in reactions):
            continue
        goes_on = any(r.whenever in replies and not r.compensates for r in asker.reactions.values())
        if goes_on and all(heard_by[reply] == asking for reply in replies):
            yield Found(
                name,
                f"{asker.name} emits {name}, which only {asked[0]} hears, and {asked[0]} answers "
                f"with {' or '.join(replies)}, which only {asker.name} hears: "
                "is it a call in disguise?",
            )


@rule("idle-service", "note")
def idle_service(design: Choreography) -> Iterator[Found]:
    """A service has no reactions.

    It neither hears nor emits anything, so it is not part of the choreography yet.

    Give it a reaction, or take it away.
    """
    for service in design.services.values():
        if not (service.reactions or service.hears or service.publishes):
            yield Found(service.name, f"{service.name} reacts to nothing yet.")


@rule("unbound-handler", "note")
def unbound_handler(design: Choreography) -> Iterator[Found]:
    """A reaction is to be a Python handler, and there is none yet.

    A design on disk only announces a handler (`handler: python`), for loading a design never runs
    code. To run the service, the function has to be registered first. So every such reaction is
    noted when a folder is checked; in a notebook it tells which ones are still missing.

    Register it: `@wb.service("inventory").on("OrderPlaced")`.
    """
    for subject, service, reaction in reactions_of(design):
        if reaction.is_python and reaction.handler is None:
            yield Found(
                subject,
                f"{subject} has no Python handler yet: register one with "
                f'@wb.service("{service.name}").{reaction.registration}.',
            )

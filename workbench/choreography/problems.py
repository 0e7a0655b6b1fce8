"""What a design check finds: events nobody emits or hears, and reactions that can't run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.choreography.compensating import undone_by

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography


@dataclass(frozen=True)
class Problem:
    """One finding: the rule's name, where it applies, and a sentence."""

    rule: str
    subject: str
    message: str


def problems(choreography: Choreography) -> list[Problem]:
    """What deserves a second look in a design; none of it stops the design from being saved."""
    found: list[Problem] = []
    failures = set(undone_by(choreography))
    for name, event_type in choreography.event_types.items():
        emitters, consumers = choreography.emitters(name), choreography.consumers(name)
        if not consumers:
            hint = "a flow may end here; if it should not, add a reaction to it"
            found.append(Problem("nobody-hears", name, f"nobody reacts to {name}: {hint}."))
        if not emitters:
            hint = "publish it by hand, or let a service emit it"
            found.append(Problem("nobody-emits", name, f"no service emits {name}: {hint}."))
        if len(emitters) > 1:
            who = " and ".join(emitters)
            found.append(
                Problem("two-emitters", name, f"{name} is emitted by {who}: which one owns it?")
            )
        if event_type.key is None:
            found.append(
                Problem("no-key", name, f"{name} has no key field: its events keep no order.")
            )
    for service in choreography.services.values():
        if not service.reactions:
            found.append(
                Problem("idle-service", service.name, f"{service.name} reacts to nothing yet.")
            )
        for reaction in service.reactions.values():
            subject = f"{service.name}/{reaction.name}"
            step = service.reactions.get(reaction.compensates)
            if step is not None and failures.issuperset(step.emits):
                message = (
                    f"{subject} never undoes anything: {step.name} emits nothing but failures, and "
                    "what has failed was not done."
                )
                found.append(Problem("never-undoes", subject, message))
            if reaction.is_python and reaction.handler is None:
                message = (
                    f"{subject} has no Python handler yet: register one with "
                    f'@wb.service("{service.name}").{reaction.registration}.'
                )
                found.append(Problem("unbound-handler", subject, message))
    return found

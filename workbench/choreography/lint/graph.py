"""The design as its rules walk it: every reaction, and who hears what, asked for once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.reaction import Reaction
    from workbench.choreography.service import Service


def reactions_of(design: Choreography) -> Iterator[tuple[str, Service, Reaction]]:
    """Every reaction: what it is called in a finding (``billing/charge``), its service, itself."""
    for service in design.services.values():
        for reaction in service.reactions.values():
            yield f"{service.name}/{reaction.name}", service, reaction


def hearers(design: Choreography) -> dict[str, list[str]]:
    """Event type → the services that hear it; the same as :meth:`Choreography.consumers`."""
    found: dict[str, list[str]] = {name: [] for name in design.event_types}
    for service in design.services.values():
        for name in service.consumes:
            found[name].append(service.name)
    return found

"""Who is told what happens in a service, as its spec asks."""

from __future__ import annotations

from workbench.services.happening import Observer
from workbench.services.spec import ServiceSpec


def observers_of(spec: ServiceSpec) -> list[Observer]:  # noqa: ARG001
    """The observers of one instance; a new one of each, to be closed with it."""
    return []

"""Who is told what happens in a service, as its spec asks."""

from __future__ import annotations

from workbench.services.clock import Clock
from workbench.services.happening import Observer
from workbench.services.log_lines import OFF
from workbench.services.logs import Logs
from workbench.services.own_lines import take_all
from workbench.services.spec import ServiceSpec


def observers_of(spec: ServiceSpec, clock: Clock, *, alone: bool = False) -> list[Observer]:
    """The observers of one instance: new ones, to be closed with it.

    ``alone``: it has this process to itself.
    """
    if spec.log_level == OFF:
        return []
    logs = Logs(spec, clock)
    if alone:
        take_all(logs)
    return [logs]

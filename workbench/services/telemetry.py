"""Who is told what happens in a service, as its spec asks."""

from __future__ import annotations

import os

from workbench.services.clock import Clock
from workbench.services.happening import Observer
from workbench.services.log_lines import OFF
from workbench.services.logs import Logs
from workbench.services.own_lines import take_all
from workbench.services.spec import ServiceSpec
from workbench.services.tracing import spans_path


def observers_of(spec: ServiceSpec, clock: Clock, *, alone: bool = False) -> list[Observer]:
    """The observers of one instance: new ones, to be closed with it.

    ``alone``: it has this process to itself.
    """
    found: list[Observer] = []
    if spec.log_level != OFF:
        logs = Logs(spec, clock)
        if alone:
            take_all(logs)
        found.append(logs)
    if spec.tracing is not None:
        from workbench.services.tracing.observing import TracingObserver
        from workbench.services.tracing.outlet import outlet
        from workbench.services.tracing.own_spans import take_own_spans

        spans = outlet(spec.name, spec.label, spans_path(spec.store.parent, spec.label), os.environ)
        if alone:
            take_own_spans(spec, spec.tracing.sampling, spans)
        found.append(TracingObserver(spec, spec.tracing, spans))
    return found

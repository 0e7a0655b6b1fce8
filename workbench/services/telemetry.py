"""Who is told what happens in a service, as its spec asks."""

from __future__ import annotations

import os

from workbench.services.happening import Observer
from workbench.services.spec import ServiceSpec
from workbench.services.tracing import spans_path


def observers_of(spec: ServiceSpec) -> list[Observer]:
    """The observers of one instance; a new one of each, to be closed with it."""
    if spec.tracing is None:
        return []
    from workbench.services.tracing.observing import TracingObserver
    from workbench.services.tracing.outlet import outlet

    path = spans_path(spec.store.parent, spec.label)
    return [TracingObserver(spec, spec.tracing, outlet(spec.name, spec.label, path, os.environ))]

"""A workbench for microservices choreography: design, run, watch, capture and analyse events."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from workbench.analysis import EventLog
    from workbench.brokers import LocalKafka, LocalRabbitMQ
    from workbench.choreography import Choreography, Service
    from workbench.errors import WorkbenchError
    from workbench.events import Envelope, Event, EventType
    from workbench.services import Context, RetryPolicy
    from workbench.session import Workbench

_HOMES = {
    "Choreography": "workbench.choreography",
    "Context": "workbench.services",
    "Envelope": "workbench.events",
    "Event": "workbench.events",
    "EventLog": "workbench.analysis",
    "EventType": "workbench.events",
    "LocalKafka": "workbench.brokers",
    "LocalRabbitMQ": "workbench.brokers",
    "RetryPolicy": "workbench.services",
    "Service": "workbench.choreography",
    "Workbench": "workbench.session",
    "WorkbenchError": "workbench.errors",
}

__all__ = [
    "Choreography",
    "Context",
    "Envelope",
    "Event",
    "EventLog",
    "EventType",
    "LocalKafka",
    "LocalRabbitMQ",
    "RetryPolicy",
    "Service",
    "Workbench",
    "WorkbenchError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # Each name is imported when it is first used: a service process and the command line need
    # only some of the rooms, and pandas alone takes longer than all of them.
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

"""Who reacts to what: services, reactions, guards and mappings, and the design on disk.

Pure Python: no broker, no widget, no thread; no I/O but the design's own files.
"""

from workbench.choreography.choreography import Choreography
from workbench.choreography.duration import format_duration, parse_duration
from workbench.choreography.evolution import Evolution
from workbench.choreography.expression import Expression, cel_view, fit
from workbench.choreography.handlers import takes_context
from workbench.choreography.invariant import Invariant, Verdict
from workbench.choreography.mapping import mapped
from workbench.choreography.reaction import Reaction
from workbench.choreography.retry_policy import RetryPolicy
from workbench.choreography.service import Service
from workbench.choreography.upcaster import Upcaster
from workbench.choreography.versions import Reading, Versions
from workbench.problems import Problem, Problems

__all__ = [
    "Choreography",
    "Evolution",
    "Expression",
    "Invariant",
    "Problem",
    "Problems",
    "Reaction",
    "Reading",
    "RetryPolicy",
    "Service",
    "Upcaster",
    "Verdict",
    "Versions",
    "cel_view",
    "fit",
    "format_duration",
    "mapped",
    "parse_duration",
    "takes_context",
]

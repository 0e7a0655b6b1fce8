"""What a change of an event would do: who reads it, who breaks and why, what is refused."""

from workbench.choreography.impact.asking import Log, impact
from workbench.choreography.impact.readers import Touched
from workbench.choreography.impact.refusals import Captured, RefusalGroup, Refusals, Refused
from workbench.choreography.impact.result import Emitter, FieldRead, Impact, Reader, Reason

__all__ = [
    "Captured",
    "Emitter",
    "FieldRead",
    "Impact",
    "Log",
    "Reader",
    "Reason",
    "RefusalGroup",
    "Refusals",
    "Refused",
    "Touched",
    "impact",
]

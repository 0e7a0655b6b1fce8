"""What happened: event types, their schemas, and the envelope events travel in.

Pure Python: no broker, no widget, no thread.
"""

from workbench.events.binding import from_kafka, to_kafka
from workbench.events.compatibility import Change, Compatibility, check_compatibility
from workbench.events.dead_letter import DeadLetter
from workbench.events.defaults import fill_defaults
from workbench.events.envelope import Envelope
from workbench.events.event_type import EventType
from workbench.events.examples import Examples, examples
from workbench.events.identity import canonical_key, effect_id
from workbench.events.model import Event
from workbench.events.payload import decode_payload, encode_payload
from workbench.events.retry import Retry
from workbench.events.trace import TraceContext, child_traceparent, new_traceparent
from workbench.events.trail import Trail

__all__ = [
    "Change",
    "Compatibility",
    "DeadLetter",
    "Envelope",
    "Event",
    "EventType",
    "Examples",
    "Retry",
    "TraceContext",
    "Trail",
    "canonical_key",
    "check_compatibility",
    "child_traceparent",
    "decode_payload",
    "effect_id",
    "encode_payload",
    "examples",
    "fill_defaults",
    "from_kafka",
    "new_traceparent",
    "to_kafka",
]

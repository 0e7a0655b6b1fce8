"""The envelope in AsyncAPI: CloudEvents 1.0 in Kafka's binary mode, attributes as ``ce_`` headers.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

from typing import Any

from workbench.events import EventType
from workbench.events.trail import EXTENSION as TRAIL

TRAIT = "cloudEvent"
"""The message trait that every message has."""

_TEXT = {"type": "string", "minLength": 1}


def cloudevent_trait() -> dict[str, Any]:
    """What all messages have in common: the headers, and which of them names the flow."""
    described = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {**_TEXT, "description": "With ce_source, identifies the event."},
        "ce_source": {**_TEXT, "description": "The service that emitted it."},
        "ce_type": {**_TEXT, "description": "The event type."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened."},
        "ce_subject": {**_TEXT, "description": "The key: the entity that it is about."},
        "ce_dataschema": {**_TEXT, "description": "The event type and its version, as a URN."},
        "ce_correlationid": {**_TEXT, "description": "The flow that it belongs to."},
        "ce_causationid": {
            **_TEXT,
            "description": "The ce_id of the event that caused it; a flow's first has none.",
        },
        f"ce_{TRAIL}": {
            **_TEXT,
            "description": "What the flow has done that may have to be undone, as JSON.",
        },
        "ce_traceparent": {**_TEXT, "description": "W3C Trace Context."},
        "traceparent": {
            **_TEXT,
            "description": "The same, for tracers that know nothing of CloudEvents.",
        },
    }
    required = ["ce_specversion", "ce_id", "ce_source", "ce_type"]
    return {
        "contentType": "application/json",
        "headers": {"type": "object", "properties": described, "required": required},
        "correlationId": {
            "description": "The flow: set by its first event, copied to every effect.",
            "location": "$message.header#/ce_correlationid",
        },
    }


def own_headers(event_type: EventType) -> dict[str, Any]:
    """What the headers say in every event of one type and version."""
    return {
        "type": "object",
        "properties": {
            "ce_type": {"const": event_type.name},
            "ce_dataschema": {"const": event_type.dataschema},
        },
    }

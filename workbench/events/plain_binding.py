"""The Kafka binding for plain events, without the CloudEvents SDK's detours.

Most events carry nothing but what the workbench itself writes: the attributes, and the trail, its
one extension. For those, and for no others, headers are written and read here: the SDK builds,
validates and parses each one anew, and that was a third of what a service spends on an event
(``python -m benchmarks flows``). Whatever is unusual, wrong or another extension gives ``None``,
and goes to the SDK; tests hold the two equal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from workbench.events.envelope import Envelope
from workbench.events.trail import EXTENSION

_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)",  # RFC 3339
    re.ASCII,
)
_REQUIRED = ("ce_id", "ce_source", "ce_type")
_OPTIONAL = {
    "ce_subject": "subject",
    "ce_dataschema": "dataschema",
    "ce_correlationid": "correlationid",
    "ce_causationid": "causationid",
    "ce_traceparent": "traceparent",
    "content-type": "datacontenttype",
}
_TRAIL = f"ce_{EXTENSION}"
_KNOWN = {*_REQUIRED, *_OPTIONAL, _TRAIL, "ce_time", "ce_specversion", "traceparent"}


def write_plain(envelope: Envelope) -> list[tuple[str, bytes]] | None:
    """The headers of a plain event; ``None`` if the SDK is to write them."""
    if envelope.time is None or envelope.time.tzinfo is None:
        return None
    if envelope.extensions and envelope.extensions.keys() != {EXTENSION}:
        return None
    texts = [
        (_TRAIL, envelope.extensions.get(EXTENSION)),
        ("ce_id", envelope.id),
        ("ce_source", envelope.source),
        ("ce_type", envelope.type),
        ("ce_subject", envelope.subject),
        ("ce_time", _time_text(envelope.time)),
        ("ce_dataschema", envelope.dataschema),
        ("content-type", envelope.datacontenttype),
        ("ce_correlationid", envelope.correlationid),
        ("ce_causationid", envelope.causationid),
        ("ce_traceparent", envelope.traceparent),
        ("ce_specversion", "1.0"),
        ("traceparent", envelope.traceparent),
    ]
    if not all(text for _, text in texts if text is not None):
        return None
    try:
        return [(name, text.encode()) for name, text in texts if text is not None]
    except UnicodeEncodeError:
        return None


def read_plain(headers: Mapping[str, bytes], value: bytes) -> Envelope | None:
    """The event that headers (by their names in lower case) carry; ``None``: ask the SDK."""
    if headers.get("ce_specversion") != b"1.0" or not headers.keys() <= _KNOWN:
        return None
    try:
        id_, source, type_ = (headers[name].decode() for name in _REQUIRED)
        found: dict[str, Any] = {
            attribute: headers[name].decode()
            for name, attribute in _OPTIONAL.items()
            if name in headers
        }
        time = None
        if "ce_time" in headers:
            text = headers["ce_time"].decode()
            if not _TIME.fullmatch(text):
                return None
            time = datetime.fromisoformat(text).astimezone(UTC)
        plain_trace = headers.get("traceparent", b"").decode("ascii")
        if _TRAIL in headers:
            found["extensions"] = {EXTENSION: headers[_TRAIL].decode()}
    except (KeyError, ValueError, OverflowError):
        return None
    if not (id_ and source and type_ and all(found.values())) or headers.get(_TRAIL) == b"":
        return None
    if plain_trace:
        found["traceparent"] = plain_trace
    return Envelope(id_, source, type_, value, time, **found)


def _time_text(time: datetime) -> str:
    text = time.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text

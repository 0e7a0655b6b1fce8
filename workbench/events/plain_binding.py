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

from workbench.events.envelope import Envelope
from workbench.events.trail import EXTENSION

_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)",  # RFC 3339
    re.ASCII,
)
_TRAIL = f"ce_{EXTENSION}"
_KNOWN = {
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_subject",
    "ce_time",
    "ce_dataschema",
    "content-type",
    "ce_correlationid",
    "ce_causationid",
    "ce_traceparent",
    "ce_specversion",
    "traceparent",
    _TRAIL,
}


def write_plain(envelope: Envelope) -> list[tuple[str, bytes]] | None:
    """The headers of a plain event; ``None`` if the SDK is to write them."""
    time, trace, extensions = envelope.time, envelope.traceparent, envelope.extensions
    if time is None or time.tzinfo is None:
        return None
    if extensions and extensions.keys() != {EXTENSION}:
        return None
    optional = (
        ("ce_subject", envelope.subject),
        ("ce_time", _time_text(time)),
        ("ce_dataschema", envelope.dataschema),
        ("content-type", envelope.datacontenttype),
        ("ce_correlationid", envelope.correlationid),
        ("ce_causationid", envelope.causationid),
        ("ce_traceparent", trace),
    )
    try:
        headers = [
            ("ce_id", envelope.id.encode()),
            ("ce_source", envelope.source.encode()),
            ("ce_type", envelope.type.encode()),
            *[(name, text.encode()) for name, text in optional if text is not None],
            ("ce_specversion", b"1.0"),
        ]
        if trace is not None:
            headers.append(("traceparent", trace.encode()))
        if extensions:
            headers.insert(0, (_TRAIL, extensions[EXTENSION].encode()))
    except UnicodeEncodeError:
        return None
    for _, text in headers:
        if not text:
            return None
    return headers


def read_plain(headers: Mapping[str, bytes | None], value: bytes) -> Envelope | None:
    """The event that headers carry; ``None``: ask the SDK."""
    if headers.get("ce_specversion") != b"1.0" or not headers.keys() <= _KNOWN:
        return None
    try:
        texts = {name: text.decode() for name, text in headers.items()}  # type: ignore[union-attr]
        time = None
        if "ce_time" in texts:
            if not _TIME.fullmatch(texts["ce_time"]):
                return None
            time = datetime.fromisoformat(texts["ce_time"]).astimezone(UTC)
        get = texts.get
        trace = get("traceparent")
        if not all(texts.values()) or not (trace is None or trace.isascii()):
            return None
        return Envelope(
            texts["ce_id"],
            texts["ce_source"],
            texts["ce_type"],
            value,
            time,
            get("ce_subject"),
            get("ce_dataschema"),
            get("ce_correlationid"),
            get("ce_causationid"),
            trace or get("ce_traceparent"),
            get("content-type", "application/json"),
            {EXTENSION: texts[_TRAIL]} if _TRAIL in texts else {},
        )
    except (AttributeError, KeyError, ValueError, OverflowError):
        return None  # a header without a value, one that is missing, or no text or time in it


def _time_text(time: datetime) -> str:
    text = time.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text

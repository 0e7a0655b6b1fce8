"""Spans in a local file, in OpenTelemetry's own format: OTLP as JSON, one batch a line.

https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/: a collector reads it too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue

from workbench.services.log_file import LogFile, rotated

_KINDS = {
    SpanKind.INTERNAL: 1,
    SpanKind.SERVER: 2,
    SpanKind.CLIENT: 3,
    SpanKind.PRODUCER: 4,
    SpanKind.CONSUMER: 5,
}
_STATUS = {StatusCode.UNSET: 0, StatusCode.OK: 1, StatusCode.ERROR: 2}
_KIND_NAMES = {number: kind.name for kind, number in _KINDS.items()}
_STATUS_NAMES = {number: code.name for code, number in _STATUS.items()}


class SpanFile(SpanProcessor):
    """Writes ended spans to a file, a batch at a time; for any thread."""

    def __init__(self, path: Path, resource: Resource) -> None:
        self._file = LogFile(path)
        self._resource = {"attributes": _attributes(resource.attributes)}
        self._spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, to be written with the next ones."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._spans.append(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - it takes no time
        """Write what was given."""
        if self._spans:
            spans, self._spans = self._spans, []
            self._file.write(_line(self._resource, spans))
        return True

    def shutdown(self) -> None:
        """Write what is left, and give the file back."""
        self.force_flush()
        self._file.close()


def _line(resource: Mapping[str, Any], spans: Sequence[ReadableSpan]) -> bytes:
    scopes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for span in spans:
        scope = span.instrumentation_scope
        named = (scope.name, scope.version or "") if scope else ("", "")
        scopes.setdefault(named, []).append(_span(span))
    found = [
        {"scope": {"name": name, "version": version}, "spans": written}
        for (name, version), written in scopes.items()
    ]
    batch = {"resourceSpans": [{"resource": resource, "scopeSpans": found}]}
    try:
        return orjson.dumps(batch, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a handler's own text that is no Unicode
        return json.dumps(batch).encode() + b"\n"


def _span(span: ReadableSpan) -> dict[str, Any]:
    written: dict[str, Any] = {
        **_ids(span.context),
        "name": span.name,
        "kind": _KINDS[span.kind],
        "startTimeUnixNano": str(span.start_time or 0),
        "endTimeUnixNano": str(span.end_time or 0),
        "attributes": _attributes(span.attributes),
    }
    if span.parent is not None:
        written["parentSpanId"] = f"{span.parent.span_id:016x}"
    if span.events:
        written["events"] = [_event(event) for event in span.events]
    if span.links:
        written["links"] = [_link(link) for link in span.links]
    if span.status.status_code is not StatusCode.UNSET:
        written["status"] = {"code": _STATUS[span.status.status_code]}
        if span.status.description:
            written["status"]["message"] = span.status.description
    return written


def _ids(context: SpanContext | None) -> dict[str, str]:
    if context is None:
        return {"traceId": "", "spanId": ""}
    return {"traceId": f"{context.trace_id:032x}", "spanId": f"{context.span_id:016x}"}


def _event(event: Event) -> dict[str, Any]:
    return {
        "name": event.name,
        "timeUnixNano": str(event.timestamp),
        "attributes": _attributes(event.attributes),
    }


def _link(link: Link) -> dict[str, Any]:
    return {**_ids(link.context), "attributes": _attributes(link.attributes)}


def _attributes(attributes: Mapping[str, AttributeValue] | None) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in (attributes or {}).items()]


def _value(value: object) -> dict[str, Any]:
    kind = type(value)
    if kind is str:
        return {"stringValue": value}
    if kind is int:
        return {"intValue": str(value)}
    if kind is bool:
        return {"boolValue": value}
    if kind is float:
        return {"doubleValue": value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"stringValue": str(value)}


# --- reading ----------------------------------------------------------------------------------


def read_spans(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The spans in files, as they were written, oldest file first.

    ``trace_id``, ``span_id``, ``parent_span_id`` (``None``: it has none), ``name``, ``kind``,
    ``service``, ``start`` and ``end`` (nanoseconds since 1970 UTC), ``status``, ``message``,
    ``attributes``, ``events`` and ``links``. A line that was cut off by a crash is left out.
    """
    for path in paths:
        for one in (rotated(path), path):
            if one.exists():
                yield from _read(one)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            try:
                batch = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            for resource in batch["resourceSpans"]:
                service = _read_attributes(resource["resource"]).get("service.name")
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        yield _read_span(span, service)


def _read_span(span: Mapping[str, Any], service: object) -> dict[str, Any]:
    status = span.get("status", {})
    return {
        "trace_id": span["traceId"],
        "span_id": span["spanId"],
        "parent_span_id": span.get("parentSpanId"),
        "name": span["name"],
        "kind": _KIND_NAMES[span["kind"]],
        "service": service,
        "start": int(span["startTimeUnixNano"]),
        "end": int(span["endTimeUnixNano"]),
        "status": _STATUS_NAMES[status.get("code", 0)],
        "message": status.get("message", ""),
        "attributes": _read_attributes(span),
        "events": [
            {
                "name": event["name"],
                "time": int(event["timeUnixNano"]),
                "attributes": _read_attributes(event),
            }
            for event in span.get("events", ())
        ],
        "links": [
            {
                "trace_id": link["traceId"],
                "span_id": link["spanId"],
                "attributes": _read_attributes(link),
            }
            for link in span.get("links", ())
        ],
    }


def _read_attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {one["key"]: _read_value(one["value"]) for one in holder.get("attributes", ())}


def _read_value(value: Mapping[str, Any]) -> Any:
    ((kind, found),) = value.items()
    if kind == "intValue":
        return int(found)
    if kind == "arrayValue":
        return [_read_value(one) for one in found["values"]]
    return found

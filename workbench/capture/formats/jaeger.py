"""Traces in Jaeger's JSON: what its UI downloads and its query API answers.

https://www.jaegertracing.io/docs/latest/apis/ (``/api/traces``), and
https://github.com/jaegertracing/jaeger (``model/json/model.go``)::

    {"data": [{"traceID": …, "spans": [{…, "processID": "p1"}], "processes": {"p1": {…}}}]}

Times are microseconds. A span's parent is the first reference into its own trace that says
CHILD_OF, or else FOLLOWS_FROM; all others are links.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.documents import short_json, shown, whole
from workbench.capture.formats.outline import outline
from workbench.capture.formats.spans import (
    NotASpanError,
    Span,
    identity,
    moment,
    objects,
    text,
)
from workbench.capture.reading.foreign import Rejected, Source

_FIELDS: Final = ("spanID", "operationName", "startTime")
_INSIDE: Final = {"data.[].spans": 4, "[].spans": 3, "spans": 2}
"""How many brackets and braces stand around a span, by the path of the spans."""
_MICROSECOND: Final = 1_000


class JaegerJson:
    """Jaeger's JSON of traces."""

    name = "Jaeger"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds Jaeger's traces."""
        fields = outline(head)
        return any(fields.issuperset(f"{spans}.[].{name}" for name in _FIELDS) for spans in _INSIDE)

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each span."""
        number = 0
        fields = outline(source.head())
        depth = next((_INSIDE[spans] for spans in _INSIDE if spans in fields), 4)
        for found in whole(source.document(), depth, short_json):
            if isinstance(found, Rejected):
                yield found
                continue
            for trace in _traces(found):
                processes = trace.get("processes")
                processes = processes if isinstance(processes, dict) else {}
                spans = trace.get("spans")
                for span in spans if isinstance(spans, list) else []:
                    number += 1
                    try:
                        yield _span(span, processes).row()
                    except NotASpanError as error:
                        reason = f"span {number} can't be read: {error}."
                        yield Rejected(-1, reason, shown(span))


def _traces(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, dict):
        return objects(found["data"]) if "data" in found else [found]
    return objects(found)


def _span(span: Any, processes: dict[str, Any]) -> Span:
    if not isinstance(span, dict):
        raise NotASpanError("it is no JSON object")
    get = span.get
    trace_id = identity(get("traceID"), "traceID")
    parent, links = _references(span, trace_id)
    start = moment(get("startTime"), "startTime", _MICROSECOND)
    duration = get("duration")
    tags = _tags(get("tags"))
    process = get("process", processes.get(text(get("processID")) or ""))
    process = process if isinstance(process, dict) else {}
    return Span(
        id=identity(get("spanID"), "spanID"),
        trace_id=trace_id,
        name=text(get("operationName")),
        start=start,
        end=None if duration is None else start + moment(duration, "duration", _MICROSECOND),
        parent_id=parent,
        service=text(process.get("serviceName")),
        kind=(text(tags.get("span.kind")) or "").upper() or None,
        status=_status(tags),
        status_message=text(tags.get("otel.status_description")),
        attributes=tags,
        links=links,
        events=[
            {"time_unix_us": log.get("timestamp"), "attributes": _tags(log.get("fields"))}
            for log in objects(get("logs"))
        ],
        beside={"resource": _tags(process.get("tags")), "warnings": get("warnings")},
    )


def _references(span: dict[str, Any], trace_id: str) -> tuple[str | None, list[dict[str, Any]]]:
    references = objects(span.get("references"))
    own = [r for r in references if text(r.get("spanID")) and r.get("traceID") == trace_id]
    parents = sorted(own, key=lambda reference: reference.get("refType") != "CHILD_OF")
    links = [
        {"trace_id": text(r.get("traceID")), "span_id": text(r.get("spanID"))}
        for r in references
        if not parents or r is not parents[0]
    ]
    if parents:
        return parents[0]["spanID"], links
    return text(span.get("parentSpanID")), links


def _tags(tags: Any) -> dict[str, Any]:
    return {
        tag["key"]: tag.get("value") for tag in objects(tags) if isinstance(tag.get("key"), str)
    }


def _status(tags: dict[str, Any]) -> str | None:
    if tags.get("error") in (True, "true"):
        return "ERROR"
    status = tags.get("otel.status_code")
    return status if status in ("OK", "ERROR") else None

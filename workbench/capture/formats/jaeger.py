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

from workbench.capture.formats.documents import (
    Numbered,
    objects_of_array,
    objects_of_member,
    short_json,
    shown,
)
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
_WHERE: Final = ("data.[].", "[].", "")
"""What stands before ``spans`` in an answer, an array of traces, and a trace."""
_MICROSECOND: Final = 1_000


class JaegerJson:
    """Jaeger's JSON of traces."""

    name = "Jaeger"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds Jaeger's traces."""
        fields = outline(head)
        return any(
            fields.issuperset(f"{where}spans.[].{name}" for name in _FIELDS) for where in _WHERE
        )

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each span."""
        number = 0
        for trace in _traces(source):
            if isinstance(trace, Rejected):
                yield trace
                continue
            processes = trace[1].get("processes")
            processes = processes if isinstance(processes, dict) else {}
            spans = trace[1].get("spans")
            for span in spans if isinstance(spans, list) else []:
                number += 1
                try:
                    yield _span(span, processes).row()
                except NotASpanError as error:
                    yield Rejected(-1, f"span {number} can't be read: {error}.", shown(span))


def _traces(source: Source) -> Iterator[Numbered | Rejected]:
    document = source.document()
    if document.lstrip()[:1] == b"[":
        return objects_of_array(document, short_json)
    # Around a span stand {"data":[{"spans":[ or, of a trace alone, {"spans":[
    depth = 4 if "data.[].spans" in outline(source.head()) else 2
    return objects_of_member(document, "data", depth, short_json)


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

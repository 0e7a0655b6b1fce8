"""Traces in Zipkin's JSON, version 2: an array of spans, or of traces that are arrays of spans.

https://zipkin.io/zipkin-api/ (``ListOfSpans``). Times are microseconds. In Zipkin a client's span
and the server's may share one id (``shared``): they differ by their services.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.documents import objects_of_array, rows_of_objects, short_json
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

_MICROSECOND: Final = 1_000
_ITS_OWN: Final = ("localEndpoint", "timestamp", "duration", "kind", "parentId", "tags")


class ZipkinJson:
    """Zipkin's JSON of spans."""

    name = "Zipkin"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds Zipkin's spans."""
        fields = outline(head)
        return any(
            fields.issuperset((f"{where}traceId", f"{where}id"))
            and any(f"{where}{name}" in fields for name in _ITS_OWN)
            for where in ("[].", "[].[].")
        )

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each span."""
        return rows_of_objects(
            objects_of_array(source.document(), short_json),
            lambda span: _span(span).row(),
            NotASpanError,
            "span {} can't be read",
        )


def _span(span: dict[str, Any]) -> Span:
    get = span.get
    start = moment(get("timestamp"), "timestamp", _MICROSECOND)
    duration = get("duration")
    tags = get("tags")
    tags = tags if isinstance(tags, dict) else {}
    kind = get("kind")
    remote = _service(get("remoteEndpoint"))
    return Span(
        id=identity(get("id"), "id"),
        trace_id=identity(get("traceId"), "traceId"),
        name=text(get("name")),
        start=start,
        end=None if duration is None else start + moment(duration, "duration", _MICROSECOND),
        parent_id=text(get("parentId")),
        service=_service(get("localEndpoint")),
        kind=kind if isinstance(kind, str) else None,
        status="ERROR" if "error" in tags else None,
        status_message=text(tags.get("error")),
        attributes=tags,
        events=[
            {"name": text(note.get("value")), "time_unix_us": note.get("timestamp")}
            for note in objects(get("annotations"))
        ],
        beside={"remote": remote, "shared": get("shared") is True},
    )


def _service(endpoint: Any) -> str | None:
    return text(endpoint.get("serviceName")) if isinstance(endpoint, dict) else None

"""Log records in OTLP's JSON: one document, or one a line as the collector's file exporter writes.

https://opentelemetry.io/docs/specs/otel/logs/data-model/: an event is a record that has a name; who
wrote it before there were such names has put it among the attributes, or into the body.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.documents import (
    is_lines,
    objects_by_line,
    objects_of_member,
    short_json,
    shown,
)
from workbench.capture.formats.otlp import attributes, value
from workbench.capture.formats.outline import a_line_has, outline
from workbench.capture.formats.spans import objects
from workbench.capture.reading.foreign import Rejected, Source

_INSIDE: Final = 6
"""Brackets and braces around a record: ``{"resourceLogs":[{"scopeLogs":[{"logRecords":[``."""


class OtlpLogs:
    """OTLP's JSON of log records."""

    name = "OTLP logs"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds OTLP log records."""
        return "resourceLogs" in outline(head) or a_line_has(head, "resourceLogs")

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each record."""
        if not is_lines(source):
            document = source.document()
            for found in objects_of_member(document, "resourceLogs", _INSIDE, short_json):
                yield from [found] if isinstance(found, Rejected) else _records(found[1])
            return
        for of_line in objects_by_line(source, short_json):
            if isinstance(of_line, Rejected):
                yield of_line
                continue
            number, line, request = of_line
            if isinstance(request.get("resourceLogs"), list):
                for of_resource in objects(request["resourceLogs"]):
                    yield from _records(of_resource)
            else:
                yield Rejected(number, "there are no resourceLogs in this line.", shown(line))


def _records(of_resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The records of one resource."""
    resource = of_resource.get("resource")
    about = attributes(resource.get("attributes")) if isinstance(resource, dict) else {}
    for of_scope in objects(of_resource.get("scopeLogs")):
        scope = of_scope.get("scope")
        name = scope.get("name") if isinstance(scope, dict) else None
        for record in objects(of_scope.get("logRecords")):
            get = record.get
            yield {
                "time": _moment(get("timeUnixNano")) or _moment(get("observedTimeUnixNano")),
                "event_name": get("eventName") or None,
                "severity": get("severityText"),
                "body": value(get("body")),
                "attributes": attributes(get("attributes")),
                "resource": about,
                "scope": name,
                "trace_id": get("traceId") or None,
                "span_id": get("spanId") or None,
            }


def _moment(nanoseconds: Any) -> Any:
    """A time; 0 is none."""
    return None if nanoseconds in (None, "", "0", 0) else nanoseconds

"""Log records in OTLP's JSON: one document, or one a line as the collector's file exporter writes.

https://opentelemetry.io/docs/specs/otel/logs/data-model/: an event is a record that has a name; who
wrote it before there were such names has put it among the attributes, or into the body.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.capture.formats.otlp import about, attributes, holds, resources, value
from workbench.capture.formats.spans import objects
from workbench.capture.reading.foreign import Rejected, Source


class OtlpLogs:
    """OTLP's JSON of log records."""

    name = "OTLP logs"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds OTLP log records."""
        return holds(head, "resourceLogs")

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each record."""
        for found in resources(source, "resourceLogs"):
            yield from [found] if isinstance(found, Rejected) else _records(found[0])


def _records(of_resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The records of one resource."""
    resource = about(of_resource)
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
                "resource": resource,
                "scope": name,
                "trace_id": get("traceId") or None,
                "span_id": get("spanId") or None,
            }


def _moment(nanoseconds: Any) -> Any:
    """A time; 0 is none."""
    return None if nanoseconds in (None, "", "0", 0) else nanoseconds

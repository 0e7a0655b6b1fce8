"""Traces in OTLP's JSON: one document, or one a line as the collector's file exporter writes.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids are hexadecimal, 64-bit
integers are text, enumerations are numbers. Ids in base64 and names of enumerations, as protobuf's
own JSON has them, are read too; and ``instrumentationLibrarySpans``, as ``scopeSpans`` were called
until 2022. In what Grafana Tempo answers, ``resourceSpans`` are ``batches``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.documents import (
    is_lines,
    objects_by_line,
    objects_of_member,
    short_json,
    shown,
)
from workbench.capture.formats.outline import a_line_has, outline
from workbench.capture.formats.spans import (
    NotASpanError,
    Span,
    identity,
    moment,
    objects,
    text,
)
from workbench.capture.reading.foreign import Rejected, Source

_KINDS: Final = (None, "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES: Final = (None, "OK", "ERROR")
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_ID_BYTES: Final = (8, 16)
_SCOPES: Final = ("scopeSpans", "instrumentationLibrarySpans")
_INSIDE: Final = 6
"""Brackets and braces around a span or a record: ``{"resourceSpans":[{"scopeSpans":[{"spans":[``."""


class OtlpJson:
    """OTLP's JSON of traces."""

    name = "OTLP"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds OTLP traces."""
        return _member(head) is not None

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each span."""
        for found in resources(source, _member(source.head()) or "resourceSpans"):
            yield from [found] if isinstance(found, Rejected) else _rows(*found)


def _member(head: bytes) -> str | None:
    """The member that holds the resources, if there is one."""
    if holds(head, "resourceSpans"):
        return "resourceSpans"
    return "batches" if any(holds(head, f"batches.[].{scopes}") for scopes in _SCOPES) else None


def holds(head: bytes, member: str) -> bool:
    """Say whether a file that begins so holds requests, or is one, with that member."""
    return member in outline(head) or a_line_has(head, member)


def resources(source: Source, member: str) -> Iterator[tuple[dict[str, Any], str, int] | Rejected]:
    """What requests say of each resource in a member, where that stands, and its line; -1 if unknown."""
    if not is_lines(source):
        for found in objects_of_member(source.document(), member, _INSIDE, short_json):
            yield found if isinstance(found, Rejected) else (found[1], f"{member} {found[0]}", -1)
        return
    for of_line in objects_by_line(source, short_json):
        if isinstance(of_line, Rejected):
            yield of_line
            continue
        number, line, request = of_line
        if isinstance(request.get(member), list):
            for of_resource in objects(request[member]):
                yield of_resource, "this line", number
        else:
            yield Rejected(number, f"there are no {member} in this line.", shown(line))


def about(of_resource: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a resource."""
    resource = of_resource.get("resource")
    return attributes(resource.get("attributes")) if isinstance(resource, dict) else {}


def _rows(
    of_resource: dict[str, Any], where: str, line: int
) -> Iterator[dict[str, Any] | Rejected]:
    """The spans of one resource."""
    number = 0
    resource = about(of_resource)
    scopes = next((of_resource[name] for name in _SCOPES if name in of_resource), None)
    for of_scope in objects(scopes):
        scope = of_scope.get("scope", of_scope.get("instrumentationLibrary"))
        scope = text(scope.get("name")) if isinstance(scope, dict) else None
        beside = {"resource": resource, "scope": scope}
        spans = of_scope.get("spans")
        for span in spans if isinstance(spans, list) else []:
            number += 1
            try:
                yield _span(span, resource, beside).row()
            except (NotASpanError, RecursionError) as error:
                reason = f"span {number} of {where} can't be read: {error}."
                yield Rejected(line, reason, shown(span))


def _span(span: Any, resource: dict[str, Any], beside: dict[str, Any]) -> Span:
    if not isinstance(span, dict):
        raise NotASpanError("it is no JSON object")
    get = span.get
    start = moment(get("startTimeUnixNano"), "startTimeUnixNano")
    end = get("endTimeUnixNano")
    status = get("status")
    status = status if isinstance(status, dict) else {}
    parent = text(get("parentSpanId"))
    return Span(
        id=_hex(identity(get("spanId"), "spanId")),
        trace_id=_hex(identity(get("traceId"), "traceId")),
        name=text(get("name")),
        start=start,
        end=None if end in (None, 0, "", "0") else moment(end, "endTimeUnixNano"),
        parent_id=_hex(parent) if parent else None,
        service=text(resource.get("service.name")),
        kind=_named(get("kind"), "SPAN_KIND_", _KINDS),
        status=_named(status.get("code"), "STATUS_CODE_", _STATUSES),
        status_message=text(status.get("message")),
        attributes=attributes(get("attributes")),
        links=[_link(link) for link in objects(get("links"))],
        events=[_event(event) for event in objects(get("events"))],
        beside=beside,
    )


def _link(link: dict[str, Any]) -> dict[str, Any]:
    ids = {"trace_id": text(link.get("traceId")), "span_id": text(link.get("spanId"))}
    found: dict[str, Any] = {name: _hex(value) if value else None for name, value in ids.items()}
    if named := attributes(link.get("attributes")):
        found["attributes"] = named
    return found


def _event(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": text(event.get("name")),
        "time_unix_nano": event.get("timeUnixNano"),
        "attributes": attributes(event.get("attributes")),
    }


def attributes(pairs: Any) -> dict[str, Any]:
    """Attributes by their names."""
    return {
        pair["key"]: value(pair.get("value"))
        for pair in objects(pairs)
        if isinstance(pair.get("key"), str)
    }


def value(of: Any) -> Any:
    """A value: one field of an object tells it and its kind."""
    if not isinstance(of, dict):
        return None
    for kind, found in of.items():
        if kind == "intValue":
            return _whole(found)
        if kind == "arrayValue":
            values = found.get("values") if isinstance(found, dict) else None
            return [value(item) for item in values] if isinstance(values, list) else []
        if kind == "kvlistValue":
            return attributes(found.get("values")) if isinstance(found, dict) else {}
        if kind in {"stringValue", "boolValue", "doubleValue", "bytesValue"}:
            return found
    return None


def _whole(value: Any) -> Any:
    """64-bit integers are text in JSON."""
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    return int(value) if digits.isascii() and digits.isdigit() and len(digits) < 20 else value


def _named(value: Any, prefix: str, names: tuple[str | None, ...]) -> str | None:
    if isinstance(value, str):
        found = value.removeprefix(prefix)
        return found if found in names else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(names):
        return None
    return names[value]


def _hex(value: str) -> str:
    """An id as its hexadecimal digits, in small letters."""
    if _HEX.fullmatch(value):
        return value.lower()
    try:
        found = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return value
    return found.hex() if len(found) in _ID_BYTES else value

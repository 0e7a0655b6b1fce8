"""XES, the standard of process mining: a log of traces of events, IEEE 1849.

https://www.xes-standard.org/ and its extensions Concept, Time, Organizational and Identity:

=======================================  ===========================================================
in XES                                   in an event log
=======================================  ===========================================================
``concept:name`` of a trace              ``correlation_id``
``concept:name`` of an event             ``type``
``time:timestamp``                       ``time``
``org:resource``                         ``source``
``id``, or else ``identity:id``          ``id``
what has a standard column's name        that column, as we write it ourselves
all else of an event                     ``data``; beside it, if there is a ``data`` of its own
all else of a trace                      ``trace``, an object
=======================================  ===========================================================

An attribute inside another is named by both: ``cost:drivers.amount``. An attribute of the log that
we write, ``workbench:json``, tells which texts are JSON. The file is read as it comes, however large;
entities are refused, so that a small file can't stand for a large one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final
from xml.etree.ElementTree import ParseError

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from workbench.capture.columns import COLUMNS
from workbench.capture.formats.documents import shown
from workbench.capture.formats.kafka_records import payload
from workbench.capture.formats.record_fields import NotARecordError, offset_of, partition_of
from workbench.capture.formats.xes_writing import JSON_KEYS
from workbench.capture.reading.foreign import Rejected, Source

_LOG: Final = re.compile(rb"<log[\s>]")
_ATTRIBUTES: Final = frozenset(
    {"string", "date", "int", "float", "boolean", "id", "list", "container"}
)
_NAMES: Final = {"concept:name": "type", "time:timestamp": "time", "org:resource": "source"}
_PLACES: Final = {"partition": partition_of, "offset": offset_of}
_DEEPEST: Final = 20
"""Attributes inside attributes that are read."""
_CHUNK: Final = 1 << 16
"""Bytes that are parsed at a time: a file may be one line."""


class Xes:
    """XES, the XML of process mining."""

    name = "XES"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so is XES."""
        return head.lstrip()[:1] == b"<" and _LOG.search(head) is not None

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each event; nothing is read beyond what is not XML."""
        log = _Log()
        # The source is UTF-8 now, whatever the file says of itself.
        parser = DefusedXMLParser(target=log, encoding="utf-8")
        number, line = 1, b""
        try:
            for number, line in source.lines():
                for start in range(0, len(line), _CHUNK):
                    parser.feed(line[start : start + _CHUNK])
                    yield from log.taken(number)
                parser.feed(b"\n")
            parser.close()
        except (ParseError, DefusedXmlException, ValueError) as error:
            yield from log.taken(number)
            said = str(error).partition("(")[0] if isinstance(error, DefusedXmlException) else error
            reason = f"from here on this can't be read as XML: {said or type(error).__name__}."
            yield Rejected(number, reason, shown(line))


class _Log:
    """What the parser tells its events to; ``taken`` gives those that are whole."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._keys: list[str] = []
        self._trace: dict[str, Any] = {}
        self._event: dict[str, Any] | None = None
        self._skipped = 0
        self._json: frozenset[str] = frozenset()
        self._done: list[dict[str, Any]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Meet the beginning of an element."""
        name = tag.rpartition("}")[2]
        if self._skipped or name == "global":
            self._skipped += 1
        elif name == "trace":
            self._trace = {}
        elif name == "event":
            self._event = {}
        elif name in _ATTRIBUTES:
            self._meet(name, attributes)
        self._path.append(name)

    def _meet(self, kind: str, attributes: dict[str, str]) -> None:
        self._keys.append(attributes.get("key", ""))
        text = attributes.get("value")
        if text is None or len(self._keys) > _DEEPEST:
            return
        if self._path[-1:] == ["log"]:
            if self._keys == [JSON_KEYS]:
                self._json = _names(text)
            return
        found = self._trace if self._event is None else self._event
        key = ".".join(self._keys)
        is_json = kind == "string" and key in self._json and key != "data"
        _add(found, key, payload(text)[0] if is_json else _value(kind, text))

    def end(self, tag: str) -> None:  # noqa: ARG002 - the parser says which
        """Meet the end of an element."""
        name = self._path.pop()
        if self._skipped:
            self._skipped -= 1
        elif name == "trace":
            self._trace = {}
        elif name == "event" and self._event is not None:
            self._done.append(_row(self._event, self._trace))
            self._event = None
        elif name in _ATTRIBUTES and self._keys:
            self._keys.pop()

    def close(self) -> None:
        """Meet the end of the file."""

    def taken(self, number: int) -> Iterator[dict[str, Any] | Rejected]:
        """The rows of the events that have ended since."""
        for row in self._done:
            try:
                yield row | {name: read(row[name]) for name, read in _PLACES.items() if name in row}
            except NotARecordError as error:
                yield Rejected(number, f"this event can't be read: {error}.", shown(row))
        self._done = []


def _row(event: dict[str, Any], trace: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"correlation_id": _text(trace.get("concept:name"))}
    rest: dict[str, Any] = {}
    for key, value in event.items():
        if key in _NAMES:
            row[_NAMES[key]] = _text(value)
        elif key in _PLACES:
            row[key] = value
        elif key in COLUMNS and key not in _NAMES.values():
            row[key] = _text(value)
        else:
            rest[key] = value
    if "identity:id" in rest and "id" not in row:
        row["id"] = _text(rest.pop("identity:id"))
    if "data" in row:
        row["data"], undecoded = payload(row["data"])
        if undecoded is not None:
            row["undecoded"] = undecoded
        row = {**rest, **row}
    else:
        row["data"] = rest
    about = {key: value for key, value in trace.items() if key != "concept:name"}
    if about:
        row["trace"] = about
    return row


def _add(found: dict[str, Any], key: str, value: Any) -> None:
    """A key that is there twice has a list of values: a list's items have one key."""
    if key not in found:
        found[key] = value
    elif isinstance(found[key], list):
        found[key].append(value)
    else:
        found[key] = [found[key], value]


def _value(kind: str, text: str) -> Any:
    """An attribute's value; its text, where that is not of its kind."""
    try:
        if kind == "int":
            return int(text) if len(text) < 20 else text
        if kind == "float":
            number = float(text)
            return number if math.isfinite(number) else text
    except ValueError:
        return text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    return text


def _names(text: str) -> frozenset[str]:
    """Names from a JSON array of them; none from anything else."""
    try:
        return frozenset(msgspec.json.decode(text, type=list[str]))
    except (ValueError, RecursionError):
        return frozenset()


def _text(value: Any) -> str | None:
    """Text; of several values the first."""
    value = value[0] if isinstance(value, list) else value
    return value if value is None or isinstance(value, str) else str(value)

r"""What Kafka's console consumer prints when it is asked for more than the value.

``kafka-console-consumer --formatter-property print.timestamp=true`` and so on (``--property`` until
Kafka 4) prints what it is asked for in this order, with ``key.separator`` (a tab) between::

    CreateTime:1795636071793	Partition:0	Offset:1	Delivery:1	name:value,name:value	key	value

https://github.com/apache/kafka (``tools/.../consumer/DefaultMessageFormatter.java``).

The separator is found out from the first lines, where two of the first four fields stand side by
side; else it is a tab. The text form is ambiguous, and read so:

- A field before key and value is the headers' if it is ``NO_HEADERS`` or begins with ``name:``, and
  either there are three fields or one of the first lines tells that headers are printed.
- A comma in a header begins another header only where ``name:`` follows it.
- ``null`` is no value, no key, no header's value.
- Lines that begin no record belong to the value before them, except where that is JSON by itself.
- The tool's own last line ("Processed a total of 7 messages") is no record and not reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from workbench.capture.formats.documents import shown
from workbench.capture.formats.kafka_records import KafkaRecord, payload
from workbench.capture.formats.outline import first_lines
from workbench.capture.formats.record_fields import (
    NotARecordError,
    nanoseconds,
    offset_of,
    partition_of,
)
from workbench.capture.reading.foreign import Rejected, Source

_BEGINNING: Final = re.compile(
    rb"(?:CreateTime|LogAppendTime):-?\d|NO_TIMESTAMP|Partition:\d|Offset:\d"
)
_FIELDS: Final = (
    ("timestamp", re.compile(r"(CreateTime|LogAppendTime):(-?\d{1,19})|NO_TIMESTAMP")),
    ("partition", re.compile(r"Partition:(\d{1,19})")),
    ("offset", re.compile(r"Offset:(\d{1,19})")),
    ("delivery", re.compile(r"Delivery:(\d{1,19}|NONE|NOT_PRESENT)")),
)
_SEPARATED: Final = re.compile(
    r"(?:(?:CreateTime|LogAppendTime):-?\d+|NO_TIMESTAMP|Partition:\d+|Offset:\d+)"
    r"(\D{1,10}?)(?:Partition:\d|Offset:\d|Delivery:[\dN])"
)
_HEADER: Final = re.compile(r"[\w.$/-]+:")
_TOLD: Final = re.compile(r"(?:ce_\w+|traceparent|content-type):")
_STAMPED_BY: Final = {"CreateTime": "producer", "LogAppendTime": "broker"}
_SUMMARY: Final = re.compile(rb"Processed a total of \d+ messages$")
_NO_HEADERS: Final = "NO_HEADERS"
_NULL: Final = "null"
_MILLISECOND: Final = 1_000_000


class ConsoleConsumer:
    """The console consumer's lines, if at least a timestamp, a partition or an offset is in them."""

    name = "kafka-console-consumer"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so was printed by the console consumer."""
        return any(_BEGINNING.match(line) for line in first_lines(head))

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each record."""
        look = _Look.at(source.head())
        for number, line, more in _records(source):
            if number < 0:
                yield Rejected(-number, "no record begins in this line.", shown(line))
                continue
            try:
                record, rest = look.record(number, line, more)
            except NotARecordError as error:
                reason = f"this is no record as the console consumer prints it: {error}."
                yield Rejected(number, reason, shown(line))
                continue
            yield record.row()
            for strange, text in rest:
                yield Rejected(strange, "this line belongs to no record.", shown(text))


@dataclass(frozen=True, slots=True)
class _Look:
    """How the records of a file are printed."""

    separator: str
    headers: bool

    @classmethod
    def at(cls, head: bytes) -> _Look:
        lines = [line.decode("utf-8", "replace") for line in first_lines(head)]
        separators = [match[1] for line in lines if (match := _SEPARATED.match(line))]
        separator = separators[0] if separators else "\t"
        rests = [_labelled(line, separator)[1].split(separator) for line in lines]
        told = any(r[0] == _NO_HEADERS or _TOLD.match(r[0]) for r in rests if len(r) > 1)
        return cls(separator, told)

    def record(
        self, number: int, line: bytes, more: list[tuple[int, bytes]]
    ) -> tuple[KafkaRecord, list[tuple[int, bytes]]]:
        """The record of a line and of those that follow it; and which of these it leaves over."""
        text = line.decode()
        fields, rest = _labelled(text, self.separator)
        parts = rest.split(self.separator, 2)
        headers: list[tuple[str, str | None]] = []
        if len(parts) > 1 and (self.headers or len(parts) > 2):
            found = parts[0]
            if found == _NO_HEADERS:
                parts = parts[1:]
            elif _HEADER.match(found):
                headers = _headers(found)
                parts = parts[1:]
            else:
                parts = rest.split(self.separator, 1)
        key = parts[0] if len(parts) > 1 else _NULL
        value = self.separator.join(parts[1:]) if len(parts) > 1 else parts[0]
        if more and payload(value)[1] is not None:
            value, more = _continued(value, number, more), []
        kind, time = fields.get("timestamp", (None, None))
        delivery = fields.get("delivery", ("",))[0]
        beside: dict[str, Any] = {"stamped_by": _STAMPED_BY[kind]} if kind else {}
        if delivery.isdigit():
            beside["delivery"] = int(delivery)
        record = KafkaRecord(
            value=None if value == _NULL else value,
            headers=headers,
            key=None if key == _NULL else key,
            partition=partition_of(fields.get("partition", (None,))[0]),
            offset=offset_of(fields.get("offset", (None,))[0]),
            broker_time=nanoseconds(time, _MILLISECOND),
            beside=beside,
        )
        return record, more


def _records(source: Source) -> Iterator[tuple[int, bytes, list[tuple[int, bytes]]]]:
    """Each line that begins a record, with those that don't and follow it.

    Lines before the first record have their numbers below 0.
    """
    number, line = 0, b""
    more: list[tuple[int, bytes]] = []
    for found, text in source.lines():
        if _BEGINNING.match(text):
            if number:
                yield number, line, more
            number, line, more = found, text, []
        elif _SUMMARY.match(text):
            continue
        elif number:
            more.append((found, text))
        else:
            yield -found, text, []
    if number:
        yield number, line, more


def _labelled(text: str, separator: str) -> tuple[dict[str, tuple[str, ...]], str]:
    """The fields that say what they are, and what stands after them."""
    fields = {}
    for name, pattern in _FIELDS:
        match = pattern.match(text)
        if match is None:
            continue
        after = text[match.end() :]
        if after and not after.startswith(separator):
            break
        fields[name] = match.groups()
        text = after.removeprefix(separator)
    return fields, text


def _headers(text: str) -> list[tuple[str, str | None]]:
    found: list[list[str]] = []
    for piece in text.split(","):
        if _HEADER.match(piece) or not found:
            found.append([piece])
        else:
            found[-1].append(piece)
    pairs = (",".join(pieces).partition(":") for pieces in found)
    return [(name, None if value == _NULL else value) for name, _, value in pairs]


def _continued(value: str, number: int, more: list[tuple[int, bytes]]) -> str:
    """A value over several lines, the empty ones between them too."""
    parts = [value]
    for line, text in more:
        parts += "\n" * (line - number), text.decode()
        number = line
    return "".join(parts)

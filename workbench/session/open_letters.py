"""How many dead letters wait for a decision, asked again and again: only what is new is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from workbench.brokers import Broker, Position, Record
from workbench.capture import read_range
from workbench.errors import EventError
from workbench.events import DeadLetter, from_kafka
from workbench.session.desk import DECISIONS, letter_name


class OpenLetters:
    """For one thread at a time."""

    def __init__(self) -> None:
        self._read: dict[Position, int] = {}
        self._open: dict[str, str] = {}
        self._settled: set[str] = set()

    def count(self, broker: Broker, channels: Collection[str]) -> dict[str, int]:
        """Dead-letter channel → how many letters on it wait.

        Raises
        ------
        BrokerError, LogError
            The broker does not answer, or stops before the end.
        """
        begins, ends = broker.begin_offsets(channels), broker.end_offsets(channels)
        if any(ends.get(position, 0) < offset for position, offset in self._read.items()):
            self._read, self._open, self._settled = {}, {}, set()  # they were made anew
        starts = {p: max(begins.get(p, 0), self._read.get(p, 0)) for p in ends}
        for record in read_range(broker, starts, ends):
            self._take(record)
        self._read = ends
        return {channel: Counter(self._open.values())[channel] for channel in channels}

    def _take(self, record: Record) -> None:
        if DeadLetter.from_headers(record.headers) is not None:
            name = letter_name(record)
            if name not in self._settled:
                self._open[name] = record.channel
            return
        try:
            envelope = from_kafka(record.headers, record.value)
            data = envelope.payload() if envelope.type in DECISIONS else None
        except EventError:
            return
        if isinstance(data, dict):
            name = str(data.get("letter"))
            self._settled.add(name)
            self._open.pop(name, None)

"""Taps: a queue for each channel that hears everything, drained by whoever reads the channel."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from workbench.brokers.aws import topology
from workbench.brokers.aws.connecting import MISSING, Connection, code_of
from workbench.brokers.aws.encoding import read
from workbench.brokers.aws.names import tap_queue
from workbench.brokers.aws.queues import VISIBILITY, Queues
from workbench.brokers.aws.spool import Spool
from workbench.brokers.broker import Position, Reader, Record
from workbench.errors import BrokerError
from workbench.events import DeadLetter

_RECEIVED = 10
_EVERY = 0.3
"""Seconds between looks at a tap by those who wait for its next event: each is a request that AWS
charges for."""
_PAUSE = 0.02


class Taps:
    """Drains the taps of channels into the spool. For any thread."""

    def __init__(self, connection: Connection, queues: Queues, spool: Spool) -> None:
        self._connection, self._queues, self.spool = connection, queues, spool
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._looked: dict[str, float] = {}

    def drain(self, channels: Iterable[str]) -> list[str]:
        """Take what the taps have now; returns those of the channels that have one."""
        names = sorted(set(channels))
        there = self._connection.together(self._drain, names)
        return [name for name, is_there in zip(names, there, strict=True) if is_there]

    def look(self, channels: Iterable[str]) -> None:
        """Drain those that nobody has looked at just now."""
        now = time.monotonic()
        self.drain(name for name in channels if now - self._looked.get(name, 0) > _EVERY)

    def _drain(self, channel: str) -> bool:
        with self._locks[channel]:
            began = time.time() * 1000
            try:
                url = self._queues.url(tap_queue(channel))
                while messages := self._receive(url):
                    records = [_record(message, channel) for message in messages]
                    self.spool.add(channel, records)
                    self._delete(url, messages)
                    if all(record.time_ms > began for record in records):
                        break  # who publishes on and on does not keep us here
            except BrokerError as error:
                if code_of(error) not in MISSING:
                    raise
                self._queues.forget(tap_queue(channel))
                return False
            self._looked[channel] = time.monotonic()
            return True

    def _receive(self, url: str) -> list[Any]:
        found = self._connection.call(
            "sqs",
            "receive_message",
            QueueUrl=url,
            MaxNumberOfMessages=_RECEIVED,
            VisibilityTimeout=VISIBILITY,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(found.get("Messages", ()))

    def _delete(self, url: str, messages: Iterable[Mapping[str, Any]]) -> None:
        # What is not deleted comes again, and the spool knows it.
        entries = [
            {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
            for n, message in enumerate(messages)
        ]
        self._connection.call("sqs", "delete_message_batch", QueueUrl=url, Entries=entries)


class TapReader(Reader):
    """Reads channels from the spool, and drains their taps meanwhile."""

    def __init__(self, taps: Taps, start: Mapping[Position, int]) -> None:
        self._taps = taps
        self._offsets = dict(start)

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        deadline = time.monotonic() + timeout
        while True:
            if records := self._read(limit):
                return records
            self._taps.look(position.channel for position in self._offsets)
            records = self._read(limit)
            left = deadline - time.monotonic()
            if records or left <= 0:
                return records
            time.sleep(min(_PAUSE, left))

    def _read(self, limit: int) -> list[Record]:
        found: list[Record] = []
        for position, offset in sorted(self._offsets.items()):
            if position.partition == 0 and len(found) < limit:
                new = self._taps.spool.read(position.channel, offset, limit - len(found))
                if new:
                    self._offsets[position] = new[-1].offset + 1
                    found += new
        return found

    def positions(self) -> dict[Position, int]:
        return dict(self._offsets)

    def close(self) -> None:
        """Nothing to give back."""


def _record(message: Mapping[str, Any], channel: str) -> Record:
    """What a tap of a channel gave."""
    record = read(message, channel)
    if record.channel == channel:
        return record
    # SQS itself put it there: a service could not deal with what came to it from that channel.
    attempts = topology.RECEIVES
    sent = datetime.fromtimestamp(max(0, record.time_ms) / 1000, UTC)
    letter = DeadLetter(
        channel.removesuffix(".dead-letters").rpartition(".")[2],
        "",
        record.channel,
        0,
        record.time_ms * 1000,
        error_type="NeverCommitted",
        error_message=(
            f"SQS handed the event over {attempts} times, and the service came to no end with it: "
            "it crashed, or was killed, each time."
        ),
        attempts=attempts,
        first_failure=sent,
        last_failure=sent,
    )
    return record._replace(channel=channel, headers=[*record.headers, *letter.headers()])

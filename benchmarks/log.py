"""A look into the log of a broker, with kafka-python alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from benchmarks.harness import CLIENT

Offsets = dict[TopicPartition, int]


class Log:
    """What stands in topics, asked of the broker itself: neither side's code is trusted to count.

    The broker stamps every record as it appends it, so that waiting here adds nothing to a time.
    """

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._asker = self._consumer()

    def ends(self, topic: str) -> Offsets:
        partitions = [
            TopicPartition(topic, p) for p in self._asker.partitions_for_topic(topic) or ()
        ]
        return self._asker.end_offsets(partitions)

    def count(self, topic: str, *, since: Offsets) -> int:
        return sum(self.ends(topic).values()) - sum(since.values())

    def wait_for(self, count: int, topic: str, *, since: Offsets, seconds: float = 120) -> None:
        """Wait until `count` records stand in `topic` after the offsets `since`."""
        deadline = time.monotonic() + seconds
        while (there := self.count(topic, since=since)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{there} of {count} events at the end after {seconds:g} s")
            time.sleep(0.05)
        if there > count:
            raise RuntimeError(f"{there} events at the end, and only {count} were expected")

    def times(
        self, topic: str, *, since: Offsets, until: Offsets | None = None
    ) -> dict[bytes, float]:
        """Key → when the broker appended its first record, in milliseconds."""
        found: dict[bytes, float] = {}
        with closing(self._consumer()) as reader:
            for record in read(reader, since, until or self.ends(topic)):
                found.setdefault(record.key, float(record.timestamp))
        return found

    def _consumer(self) -> KafkaConsumer:
        return KafkaConsumer(
            bootstrap_servers=self._servers, group_id=None, enable_auto_commit=False, **CLIENT
        )

    def close(self) -> None:
        self._asker.close(autocommit=False)


def read(consumer: KafkaConsumer, since: Offsets, until: Offsets) -> Iterator[Any]:
    """Every record from one place to another, as kafka-python gives them."""
    left = {p for p in until if since[p] < until[p]}
    consumer.assign(list(left))
    for partition in left:
        consumer.seek(partition, since[partition])
    while left:
        for partition, records in consumer.poll(timeout_ms=1000, max_records=5_000).items():
            yield from records
            if records[-1].offset + 1 >= until[partition]:
                left.discard(partition)

"""What the measures share: a row of the table, a Kafka to throw away, and a look into its log."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from workbench.brokers import LocalKafka
from workbench.brokers.local.ports import free_port

CLIENT = {"metrics_enabled": False}
"""Settings of every bare kafka-python client; the workbench's own clients have them too."""


@dataclass(frozen=True)
class Load:
    """How much to measure, and whom to tell of it."""

    quick: bool
    say: Callable[[str], None]

    def of(self, usual: int, quick: int) -> int:
        return quick if self.quick else usual


@dataclass(frozen=True)
class Row:
    """One figure. `met` is whether it is within its limit; `aside` marks what only explains it."""

    measure: str
    figure: str
    limit: str = ""
    met: bool | None = None
    runs: int = 0
    aside: bool = False


def row(
    measure: str,
    values: Sequence[float],
    unit: str,
    *,
    digits: int = 0,
    at_most: float | None = None,
    judge: Callable[[Sequence[float]], float] = median,
    aside: bool = False,
) -> Row:
    """A row for the values of several runs, held against a limit by its median or what `judge` is."""
    return Row(
        measure,
        spread(values, unit, digits),
        f"≤ {at_most:,g} {unit}" if at_most is not None else "",
        judge(values) <= at_most if at_most is not None else None,
        len(values),
        aside,
    )


def ratio(measure: str, ours: Sequence[float], bare: Sequence[float]) -> Row:
    """A row for ours over the peer's, run by run."""
    return row(measure, [a / b for a, b in zip(ours, bare, strict=True)], "×", digits=2)


def spread(values: Sequence[float], unit: str, digits: int) -> str:
    text = f"{median(values):,.{digits}f} {unit}"
    if len(values) > 1:
        text += f" ({min(values):,.{digits}f} – {max(values):,.{digits}f})"
    return text


@contextmanager
def temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="workbench-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def temporary_kafka() -> Iterator[LocalKafka]:
    """A Kafka in a folder and at a port of its own; both are gone afterwards."""
    with temporary_folder() as folder, LocalKafka(folder / "kafka", free_port()) as kafka:
        yield kafka


def make_topics(servers: str, names: Sequence[str], partitions: int) -> None:
    """Make topics as the workbench makes its channels."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    spec = {
        "num_partitions": partitions,
        "replication_factor": 1,
        "configs": {"message.timestamp.type": "LogAppendTime"},
    }
    admin.create_topics(dict.fromkeys(names, spec), wait_for_metadata=True)
    admin.close()


class Log:
    """What stands in topics, asked of the broker itself: neither side's code is trusted to count.

    The broker stamps every record as it appends it, so that waiting here adds nothing to a time.
    """

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._asker = self._consumer()

    def ends(self, topic: str) -> dict[TopicPartition, int]:
        partitions = [
            TopicPartition(topic, p) for p in self._asker.partitions_for_topic(topic) or ()
        ]
        return self._asker.end_offsets(partitions)

    def wait_for(
        self, count: int, topic: str, *, since: dict[TopicPartition, int], seconds: float = 120
    ) -> None:
        """Wait until `count` records stand in `topic` after the offsets `since`."""
        deadline = time.monotonic() + seconds
        while (there := sum(self.ends(topic).values()) - sum(since.values())) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{there} of {count} events at the end after {seconds:g} s")
            time.sleep(0.05)
        if there > count:
            raise RuntimeError(f"{there} events at the end, and only {count} were expected")

    def times(self, topic: str, *, since: dict[TopicPartition, int]) -> dict[bytes, float]:
        """Key → when the broker appended its record, in milliseconds."""
        reader = self._consumer()
        found = {r.key: float(r.timestamp) for r in read(reader, since, self.ends(topic))}
        reader.close(autocommit=False)
        return found

    def _consumer(self) -> KafkaConsumer:
        return KafkaConsumer(
            bootstrap_servers=self._servers, group_id=None, enable_auto_commit=False, **CLIENT
        )

    def close(self) -> None:
        self._asker.close(autocommit=False)


def read(
    consumer: KafkaConsumer, since: dict[TopicPartition, int], until: dict[TopicPartition, int]
) -> Iterator[object]:
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

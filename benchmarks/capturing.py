"""How quickly a log is captured, beside bare consumers that read the same topics to raw bytes.

A bare consumer gives values as they are, a capture decoded events in typed columns: as a DataFrame, or
in a folder of Parquet files. It reads in its own way, with the extra ``fast`` (confluent-kafka) or without.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import confluent_kafka
from kafka import KafkaConsumer, TopicPartition

from benchmarks.harness import (
    CLIENT,
    Load,
    Row,
    heading,
    ratio,
    row,
    temporary_folder,
    temporary_kafka,
)
from benchmarks.log import read
from workbench.brokers import Outgoing
from workbench.brokers.kafka import KafkaBroker
from workbench.capture import read_channels, record, record_to
from workbench.choreography import Choreography
from workbench.events import Envelope, Event, to_kafka
from workbench.examples import orders as example

RUNS = 3
PARTITIONS = 3
MORE = 3
"""Times that as many events are written again before memory is measured: a quarter fills a part too."""
FETCHED = 4 * 1024 * 1024
"""Bytes of a partition in one answer."""


def measure(load: Load) -> list[Row]:
    flows = load.of(60_000, 1_000)
    with temporary_kafka() as kafka:
        servers = kafka.bootstrap_servers
        with KafkaBroker(servers) as broker, temporary_folder() as folder:
            load.say(f"writing {flows:,} flows")
            design = example.order_choreography()
            channels = design.all_channels()
            broker.ensure_channels(dict.fromkeys(channels, PARTITIONS))
            events = read_each_time = _fill(broker, design, flows)
            names = iter(range(100))
            readers: dict[str, Callable[[], int]] = {
                "confluent": lambda: len(_bare_confluent(servers, channels)),
                "kafka-python": lambda: len(_bare_kafka_python(servers, channels)),
                "records": lambda: len([found.value for found in read_channels(broker, channels)]),
                "frame": lambda: len(record(broker, channels)),
                "folder": lambda: record_to(broker, channels, folder / f"{next(names)}").new,
            }
            rates: dict[str, list[float]] = {name: [] for name in readers}
            for run in range(RUNS + 1):
                for name, read_all in readers.items():
                    load.say(f"run {run} of {RUNS}, {name}" if run else f"warming up, {name}")
                    began = time.perf_counter()
                    count = read_all()
                    if run:  # in the first, loops are compiled
                        rates[name].append(count / (time.perf_counter() - began))
                    if count != events:
                        raise RuntimeError(f"{name}: {count} of {events} events were read")
            load.say("memory: writing more")
            for _ in range(MORE):
                events += _fill(broker, design, flows)
        load.say("memory")
        all_of_it, quarter = (_memory(servers, channels, share) for share in (1, 4))
    confluent, python = rates["confluent"], rates["kafka-python"]
    return [
        row(f"{read_each_time:,} events to a DataFrame", rates["frame"], "/s"),
        row("  to a folder of Parquet files", rates["folder"], "/s"),
        row("  to whole records, as objects", rates["records"], "/s", aside=True),
        row("  bare confluent-kafka, to raw values", confluent, "/s", aside=True),
        row("  bare kafka-python, to raw values", python, "/s", aside=True),
        ratio("  ratio: DataFrame / bare confluent", rates["frame"], confluent, at_least=0.8),
        ratio("  ratio: folder / bare confluent", rates["folder"], confluent, at_least=0.8),
        ratio("  ratio: DataFrame / bare kafka-python", rates["frame"], python, at_least=0.8),
        ratio("  ratio: folder / bare kafka-python", rates["folder"], python, at_least=0.8),
        ratio("  ratio: records / bare confluent", rates["records"], confluent, aside=True),
        heading(f"Memory of a process that captures {events:,} events to a folder, at most"),
        row("all", [all_of_it], "MB", aside=True),
        row("a quarter of them", [quarter], "MB", aside=True),
        ratio("  ratio: all / a quarter of them", [all_of_it], [quarter], at_most=1.25),
    ]


CAPTURE = """
import re, sys, tempfile
from pathlib import Path
from workbench.brokers import KafkaBroker
from workbench.capture import record_to
from workbench.capture.cutting import cut

servers, share, *channels = sys.argv[1:]
with KafkaBroker(servers) as broker, tempfile.TemporaryDirectory() as folder:
    whole = cut(broker, channels)
    some = {place: (end + int(share) - 1) // int(share) for place, end in whole.last.items()}
    record_to(broker, channels, folder, stop=some)
most = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(int(most[1]) * 1024 / 1e6)
"""


def _memory(servers: str, channels: list[str], share: int) -> float:
    """The most that a process of its own takes, in MB: what it imports is in it."""
    command = [sys.executable, "-c", CAPTURE, servers, str(share), *channels]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(ended.stdout)


def _bare_confluent(servers: str, topics: list[str]) -> list[bytes]:
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "bench",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "max.partition.fetch.bytes": FETCHED,
        }
    )
    partitions = {
        (topic, partition)
        for topic in topics
        for partition in consumer.list_topics(topic).topics[topic].partitions
    }
    consumer.assign([confluent_kafka.TopicPartition(*place, 0) for place in partitions])
    values = []
    while partitions:
        for message in consumer.consume(5_000, 0.1):
            if message.error():  # the end of its partition
                partitions.discard((message.topic(), message.partition()))
            else:
                values.append(message.value())
    consumer.close()
    return values


def _bare_kafka_python(servers: str, topics: list[str]) -> list[bytes]:
    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        group_id=None,
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCHED,
        **CLIENT,
    )
    try:
        partitions = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in consumer.partitions_for_topic(topic) or ()
        ]
        begin, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        return [record.value for record in read(consumer, begin, end)]
    finally:
        consumer.close(autocommit=False)


def _fill(broker: KafkaBroker, design: Choreography, flows: int) -> int:
    """Write the events of whole flows, as the services would have written them."""
    producer = broker.bulk_producer()
    batch: list[Outgoing] = []
    written = 0
    for order in example.some_orders(flows):
        batch += [
            Outgoing(design.channel(envelope.type), *to_kafka(envelope))
            for envelope in _flow(design, order)
        ]
        if len(batch) >= 2_000:
            written += len(producer.send(batch))
            batch.clear()
    written += len(producer.send(batch))
    producer.close()
    return written


def _flow(design: Choreography, order: example.OrderPlaced) -> list[Envelope]:
    now = datetime.now(UTC)
    known = {"order_id": order.order_id}
    effects: dict[str, Event] = {
        "inventory": example.StockReserved(
            **known, customer=order.customer, quantity=order.quantity, total=order.total
        ),
        "billing": example.PaymentReceived(**known, amount=order.total),
        "shipping": example.OrderShipped(**known, parcel="parcel-1"),
        "orders": example.OrderCompleted(**known),
    }
    first = design.event_types["OrderPlaced"]
    flow = [Envelope.first(first, order, source="workbench", time=now)]
    for hop, (service, effect) in enumerate(effects.items(), start=1):
        event_type = design.event_types[type(effect).__name__]
        at = now + timedelta(milliseconds=5 * hop)
        flow.append(
            flow[-1].effect(event_type, effect, service=service, reaction="bench", place=0, time=at)
        )
    return flow

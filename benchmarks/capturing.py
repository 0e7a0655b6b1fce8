"""How quickly a log is captured, beside bare consumers that read the same topics to raw bytes.

Once with confluent-kafka (the extra ``fast``) and once with kafka-python, each beside its own peer:
a bare consumer gives values as they are, a capture decoded events in typed columns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sized
from datetime import UTC, datetime, timedelta

import confluent_kafka
from kafka import KafkaConsumer, TopicPartition

from benchmarks.harness import CLIENT, Load, Row, ratio, row, temporary_kafka
from benchmarks.log import read
from workbench.brokers import Outgoing
from workbench.brokers.kafka import KafkaBroker
from workbench.capture import read_channels, record
from workbench.choreography import Choreography
from workbench.events import Envelope, Event, to_kafka
from workbench.examples import orders as example

RUNS = 3
PARTITIONS = 3
FETCHED = 4 * 1024 * 1024
"""Bytes of a partition in one answer, as the workbench's own readers ask for."""


class WithoutTheExtra(KafkaBroker):
    """As where confluent-kafka is not installed."""

    bulk_reader = KafkaBroker.reader


def measure(load: Load) -> list[Row]:
    flows = load.of(20_000, 1_000)
    with temporary_kafka() as kafka:
        servers = kafka.bootstrap_servers
        with KafkaBroker(servers) as fast, WithoutTheExtra(servers) as slow:
            load.say(f"writing {flows:,} flows")
            design = example.order_choreography()
            channels = design.all_channels()
            fast.ensure_channels(dict.fromkeys(channels, PARTITIONS))
            events = _fill(fast, design, flows)
            readers: dict[str, Callable[[], Sized]] = {
                "bare confluent": lambda: _bare_confluent(servers, channels),
                "records, fast": lambda: list(_values(fast, channels)),
                "capture, fast": lambda: record(fast, channels),
                "bare kafka-python": lambda: _bare_kafka_python(servers, channels),
                "records": lambda: list(_values(slow, channels)),
                "capture": lambda: record(slow, channels),
            }
            rates: dict[str, list[float]] = {name: [] for name in readers}
            for run in range(RUNS):
                for name, read_all in readers.items():
                    load.say(f"run {run + 1} of {RUNS}, {name}")
                    began = time.perf_counter()
                    count = len(read_all())
                    rates[name].append(count / (time.perf_counter() - began))
                    if count != events:
                        raise RuntimeError(f"{name}: {count} of {events} events were read")
    bare_confluent, bare_python = rates["bare confluent"], rates["bare kafka-python"]
    return [
        row(f"{events:,} events to a DataFrame, extra 'fast'", rates["capture, fast"], "/s"),
        row("  our reader alone, to whole records", rates["records, fast"], "/s", aside=True),
        row("  bare confluent-kafka, to raw values", bare_confluent, "/s", aside=True),
        ratio("  ratio: reader / bare", rates["records, fast"], bare_confluent, at_least=0.8),
        ratio("  ratio: DataFrame / bare", rates["capture, fast"], bare_confluent, at_least=0.8),
        row("the same without the extra", rates["capture"], "/s"),
        row("  our reader alone, to whole records", rates["records"], "/s", aside=True),
        row("  bare kafka-python, to raw values", bare_python, "/s", aside=True),
        ratio("  ratio: reader / bare", rates["records"], bare_python, at_least=0.8),
        ratio("  ratio: DataFrame / bare", rates["capture"], bare_python, at_least=0.8),
        ratio("DataFrame, fast / bare kafka-python", rates["capture, fast"], bare_python),
    ]


def _values(broker: KafkaBroker, channels: list[str]) -> Iterator[bytes | None]:
    return (found.value for found in read_channels(broker, channels))


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

"""How quickly a log is captured, beside a bare consumer that reads the same topics to raw bytes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from kafka import KafkaConsumer, TopicPartition

from benchmarks.harness import CLIENT, Load, Row, ratio, row, temporary_kafka
from benchmarks.log import read
from workbench.brokers import Outgoing
from workbench.brokers.kafka import KafkaBroker
from workbench.capture import record
from workbench.choreography import Choreography
from workbench.events import Envelope, Event, to_kafka
from workbench.examples import orders as example

RUNS = 3
PARTITIONS = 3


def measure(load: Load) -> list[Row]:
    flows = load.of(6_000, 1_000)
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    with temporary_kafka() as kafka:
        servers = kafka.bootstrap_servers
        broker = KafkaBroker(servers)
        try:
            load.say(f"writing {flows:,} flows")
            design = example.order_choreography()
            channels = design.all_channels()
            broker.ensure_channels(dict.fromkeys(channels, PARTITIONS))
            events = _fill(broker, design, flows)
            for run in range(RUNS):
                for name, measured in rates.items():
                    load.say(f"run {run + 1} of {RUNS}, {name}")
                    began = time.perf_counter()
                    if name == "ours":
                        count = len(record(broker, channels))
                    else:
                        count = len(_read_bytes(servers, channels))
                    measured.append(count / (time.perf_counter() - began))
                    if count != events:
                        raise RuntimeError(f"{name}: {count} of {events} events were read")
        finally:
            broker.close()
    return [
        row(f"{events:,} events to a DataFrame", rates["ours"], "/s"),
        row("  bare kafka-python to raw bytes", rates["bare"], "/s", aside=True),
        ratio("  ratio", rates["ours"], rates["bare"]),
    ]


def _read_bytes(servers: str, topics: list[str]) -> list[bytes]:
    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        group_id=None,
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 1024 * 1024,  # as the workbench's reader
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
    producer = broker.producer()
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

"""The peer of the order chain: four processes with kafka-python and nothing else.

Each polls a batch, sends one record for each, flushes and commits, with the client settings of the
workbench's services. No envelope, no schema, no inbox, no outbox, no state: a crash between two
steps doubles events. What the workbench takes beyond this is what its guarantees cost.

``python -m benchmarks.bare_chain SERVERS GROUP SOURCE TARGET`` is one such process. It prints
``ready`` when it listens, and ends when its standard input does.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import pairwise

import orjson
import psutil
from kafka import KafkaConsumer, KafkaProducer

from benchmarks.harness import CLIENT
from benchmarks.processes import end_with_input, listening, say_ready

BATCH = 500
PRODUCER = {"acks": "all", "linger_ms": 0, **CLIENT}


def running(servers: str, topics: Sequence[str]) -> AbstractContextManager[list[psutil.Process]]:
    """A process between each two of the topics, all of them listening."""
    steps = [[servers, f"{target}-group", source, target] for source, target in pairwise(topics)]
    return listening("benchmarks.bare_chain", steps)


def serve(servers: str, group: str, source: str, target: str) -> None:
    consumer = KafkaConsumer(
        bootstrap_servers=servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=10_000,
        heartbeat_interval_ms=1_000,
        **CLIENT,
    )
    consumer.subscribe([source])
    while not consumer.partitions_for_topic(source):
        time.sleep(0.02)
    producer = KafkaProducer(bootstrap_servers=servers, **PRODUCER)
    ready = False
    while True:
        found = consumer.poll(timeout_ms=200, max_records=BATCH)
        if not ready and consumer.assignment():
            ready = True
            say_ready()
        if not found:
            continue
        for records in found.values():
            for record in records:
                order = orjson.loads(record.value)
                order["steps"] += 1
                producer.send(target, key=record.key, value=orjson.dumps(order))
        producer.flush()
        consumer.commit()


if __name__ == "__main__":
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    end_with_input()
    serve(*sys.argv[1:])

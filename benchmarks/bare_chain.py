"""The peer of the order chain: four processes with kafka-python and nothing else.

Each polls a batch, sends one record for each, flushes and commits, with the client settings of the
workbench's services. No envelope, no schema, no inbox, no outbox, no state: a crash between two
steps doubles events. What the workbench takes beyond this is what its guarantees cost.

``python -m benchmarks.bare_chain SERVERS GROUP SOURCE TARGET`` is one such process. It prints
``ready`` when it listens, and ends when its standard input does.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import orjson
import psutil
from kafka import KafkaConsumer, KafkaProducer

from benchmarks.harness import CLIENT

BATCH = 500
PRODUCER = {"acks": "all", "linger_ms": 0, **CLIENT}


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
            print("ready", flush=True)
        if not found:
            continue
        for records in found.values():
            for record in records:
                order = orjson.loads(record.value)
                order["steps"] += 1
                producer.send(target, key=record.key, value=orjson.dumps(order))
        producer.flush()
        consumer.commit()


@contextmanager
def running(servers: str, topics: Sequence[str]) -> Iterator[list[psutil.Process]]:
    """A process between each two of the topics, all of them listening."""
    with ExitStack() as stack:
        processes = []
        for source, target in pairwise(topics):
            command = [sys.executable, "-m", "benchmarks.bare_chain"]
            process = subprocess.Popen(
                [*command, servers, f"{target}-group", source, target],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us, who then end it
            )
            stack.callback(process.communicate)  # its standard input ends, and so does it
            processes.append(process)
        for process in processes:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                raise RuntimeError("a process of the bare chain does not come up")
        yield [psutil.Process(process.pid) for process in processes]


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with_input, daemon=True).start()
    serve(*sys.argv[1:])

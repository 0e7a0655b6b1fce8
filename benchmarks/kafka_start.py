"""How quickly the local Kafka is up, and what it weighs when nobody uses it."""

from __future__ import annotations

import time

import psutil

from benchmarks.harness import Load, Row, row, temporary_folder
from workbench.brokers import LocalKafka
from workbench.brokers.local.ports import free_port

STARTS = 5
SETTLE = 2.0  # seconds from the answer to the first client until its memory is read


def measure(load: Load) -> list[Row]:
    first: list[float] = []
    warm: list[float] = []
    megabytes: list[float] = []
    with temporary_folder() as folder:
        kafka = LocalKafka(folder / "kafka", free_port())
        for run in range(1 + load.of(STARTS, 3)):
            load.say(f"start {run}")
            began = time.perf_counter()
            with kafka:
                (warm if run else first).append(time.perf_counter() - began)
                if run:
                    time.sleep(SETTLE)
                    megabytes.append(psutil.Process(kafka.pid).memory_info().rss / 1e6)
    return [
        row("warm start (the slowest counts)", warm, "s", digits=2, at_most=3, judge=max),
        row("  the first, with a new folder", first, "s", digits=2, aside=True),
        row("resident when idle (the most counts)", megabytes, "MB", at_most=350, judge=max),
    ]

"""What one service weighs, and how soon thirty are up, a process each."""

from __future__ import annotations

import time
from contextlib import closing
from itertools import pairwise
from typing import Any

import psutil

from benchmarks.chains import order_chain, started
from benchmarks.driving import full_load
from benchmarks.harness import Load, Row, row, temporary_kafka
from benchmarks.log import Log
from benchmarks.weight import weigh
from workbench import Workbench
from workbench.choreography import Choreography
from workbench.events import EventType
from workbench.examples.orders import some_orders

HEAVIEST = 25.0  # MB a service
SERVICES = 30
ALL_UP = 5.0  # seconds
SCHEMA = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}


def measure(load: Load) -> list[Row]:
    flows, runs, events = load.of(5_000, 500), load.of(5, 2), load.of(1_000, 100)
    first: list[float] = []
    again: list[float] = []
    through: list[float] = []
    resting: list[float] = []
    loaded: list[float] = []
    with temporary_kafka() as kafka, closing(Log(kafka.bootstrap_servers)) as log:
        servers = kafka.bootstrap_servers
        load.say("four services at work")
        with order_chain(servers) as chain:
            full_load(chain, log, some_orders(flows))
            working = [weigh([service])[0] for service in chain.services]
        for run in range(runs):
            load.say(f"{SERVICES} services, run {run + 1} of {runs}")
            began = time.perf_counter()
            with started(line(SERVICES), f"kafka://{servers}", namespace=f"run-{run}") as workbench:
                first.append(time.perf_counter() - began)
                through.append(_send_through(workbench, log, 1))
                resting += _weights(workbench)
                _send_through(workbench, log, events)
                loaded += _weights(workbench)
                workbench.stop()
                began = time.perf_counter()
                workbench.start()
                again.append(time.perf_counter() - began)
    heavy: dict[str, Any] = {"digits": 1, "at_most": HEAVIEST, "judge": max}
    return [
        row(
            f"PSS, each of four services, {flows:,} flows (the most counts)", working, "MB", **heavy
        ),
        row(f"  each of {SERVICES} services, at rest", resting, "MB", **heavy),
        row(f"  each of {SERVICES} services, after {events:,} events", loaded, "MB", **heavy),
        row(f"start() of {SERVICES} services", first, "s", digits=2, at_most=ALL_UP),
        row("  once more, after stop()", again, "s", digits=2, aside=True),
        row("  an event through all of them", through, "s", digits=2, aside=True),
    ]


def line(services: int) -> Choreography:
    """Services in a line, all of them data: each passes on what the one before it sent."""
    design = Choreography()
    steps = [f"Step{place}" for place in range(services + 1)]
    for step in steps:
        design.event(EventType(step, SCHEMA, key="item"))
    for place, (cause, effect) in enumerate(pairwise(steps), start=1):
        design.service(f"service-{place}").whenever(cause, emit={effect: {"item": "data.item"}})
    return design


def _send_through(workbench: Workbench, log: Log, events: int) -> float:
    """Seconds from the first event of the line to the last, as the broker appended them."""
    first, last = f"{workbench.namespace}.Step0", f"{workbench.namespace}.service-{SERVICES}"
    before = {topic: log.ends(topic) for topic in (first, last)}
    workbench.publish_many([("Step0", {"item": f"item-{n}"}) for n in range(events)])
    log.wait_for(events, last, since=before[last])
    began = min(log.times(first, since=before[first]).values())
    return (max(log.times(last, since=before[last]).values()) - began) / 1000


def _weights(workbench: Workbench) -> list[float]:
    return [weigh([psutil.Process(life.pid)])[0] for life in workbench.lives().values()]

"""How soon a service is at work again after a crash, while events go on coming.

Each of the order chain's services in turn is ended with SIGKILL behind the workbench's back. The
time goes from the kill to the append of the first effect of an event that was itself appended
after it: no life before can have sent that one. A service that crashes again soon waits longer on
purpose, so each has run long enough to be forgiven before it is its turn again.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.chains import OrderChain, order_chain
from benchmarks.harness import Load, Row, row, temporary_kafka
from benchmarks.log import Log
from workbench.examples.orders import some_orders
from workbench.services import Life

LIMIT = 2.0  # seconds
RATE = 50  # flows a second meanwhile
CALM = 21.0  # seconds of running after which a crash before is forgiven, and one more
PATIENCE = 60.0  # seconds


@dataclass(frozen=True)
class Recovery:
    """Seconds since the kill."""

    process: float  # until there is a new one
    running: float  # until it says that it has partitions
    event: float  # until its first effect is appended


def measure(load: Load) -> list[Row]:
    kills = load.of(8, 4)
    found: list[Recovery] = []
    with (
        temporary_kafka() as kafka,
        closing(Log(kafka.bootstrap_servers)) as log,
        order_chain(kafka.bootstrap_servers) as chain,
    ):
        hops = list(pairwise(chain.topics))  # a service's channel has its name
        before = {topic: log.ends(topic) for topic in chain.topics}
        since = dict.fromkeys(chain.topics, -CALM)  # nobody has crashed yet
        with trickle(chain) as published:
            time.sleep(1.0)
            for kill in range(kills):
                source, service = hops[kill % len(hops)]
                load.say(f"kill {kill + 1} of {kills}: {service}")
                time.sleep(max(0.0, since[service] + CALM - time.monotonic()))
                found.append(_kill(chain, log, source, service))
                since[service] = time.monotonic()
                time.sleep(1.0)
        load.say("waiting for every flow")
        chain.settle()
        reached = [log.times(topic, since=before[topic]) for topic in chain.topics]
        appended = sum(log.count(topic, since=before[topic]) for topic in chain.topics)
    events = [recovery.event for recovery in found]
    lost = len(published) - len(reached[-1])
    doubled = appended - sum(map(len, reached))
    return [
        row("SIGKILL to the first event after", events, "s", digits=2, at_most=LIMIT),
        _aside("  until its new process is there", [recovery.process for recovery in found]),
        _aside("  until that is running", [recovery.running for recovery in found]),
        Row(f"flows lost, of {len(published):,} meanwhile", str(lost), "0", lost == 0),
        Row("  events sent twice, with the same id", str(doubled), aside=True),
    ]


def _aside(measure: str, seconds: list[float]) -> Row:
    return row(measure, seconds, "s", digits=2, aside=True)


@contextmanager
def trickle(chain: OrderChain) -> Iterator[list[str]]:
    """Orders are published meanwhile, at a steady rate; their ids."""
    published: list[str] = []
    failures: list[Exception] = []
    over = threading.Event()

    def publish() -> None:
        began = time.monotonic()
        while not over.wait(1 / RATE):
            due = int((time.monotonic() - began) * RATE) - len(published)
            orders = some_orders(due, prefix=f"trickle-{len(published)}")
            try:
                chain.publish(orders)
            except Exception as error:
                failures.append(error)
                return
            published.extend(order.order_id for order in orders)

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield published
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]


def _kill(chain: OrderChain, log: Log, source: str, service: str) -> Recovery:
    before = {topic: log.ends(topic) for topic in (source, service)}
    old = chain.workbench.lives()[service].pid
    assert old is not None
    moment = time.time()
    os.kill(old, signal.SIGKILL)
    process = _wait(chain, service, lambda life: life.pid not in (None, old)) - moment
    running = _wait(chain, service, lambda life: life.state == "running") - moment
    deadline = time.monotonic() + PATIENCE
    while True:
        causes, effects = (log.times(topic, since=before[topic]) for topic in (source, service))
        after = [
            at for key, at in effects.items() if key in causes and causes[key] >= moment * 1000
        ]
        if after:
            return Recovery(process, running, min(after) / 1000 - moment)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{service} has sent nothing for {PATIENCE:g} s after its crash")
        time.sleep(0.2)


def _wait(chain: OrderChain, service: str, done: Callable[[Life], bool]) -> float:
    """When a service's life is so, to a few milliseconds."""
    deadline = time.monotonic() + PATIENCE
    while not done(chain.workbench.lives()[service]):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{service} is not back {PATIENCE:g} s after its crash")
        time.sleep(0.005)
    return time.time()

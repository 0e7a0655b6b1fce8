"""How many flows a second the order chain takes, and how long one hop lasts, beside a bare chain.

Both chains are up all the time and take turns. A run at full load goes from the first call that
publishes to the last event of the last flow; a hop goes from one event of a flow to the next.
Both are read from the times at which the broker appended the records, to the millisecond.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np
import orjson
import psutil
from kafka import KafkaProducer

from benchmarks import bare_chain
from benchmarks.harness import (
    Load,
    Log,
    Row,
    make_topics,
    ratio,
    row,
    temporary_folder,
    temporary_kafka,
)
from workbench import Workbench
from workbench.examples.orders import OrderPlaced, order_choreography, some_orders

RUNS = 3
RATE = 50  # flows a second for latency
PARTITIONS = 3
BATCH = 500  # how many events are published before their acknowledgements are awaited
QUANTILES = (50, 95, 99)
ONE_BY_ONE = 40  # events published, each awaited, to see what one call takes


class Chain(Protocol):
    """A chain of four services. `topics` are its five, from the first event to the last."""

    topics: Sequence[str]
    services: Sequence[psutil.Process]

    def publish(self, orders: Sequence[OrderPlaced]) -> None: ...

    def settle(self) -> None: ...


class OrderChain:
    """The workbench's own. (Two of its services also read, and skip, what others react to.)"""

    topics = ("OrderPlaced", "inventory", "billing", "shipping", "orders")

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self.services = [psutil.Process(life.pid) for life in workbench.lives().values()]

    def publish(self, orders: Sequence[OrderPlaced]) -> None:
        refused = [p for p in self._workbench.publish_many(orders, batch=BATCH) if p.error]
        if refused:
            raise RuntimeError(f"refused: {refused[0].error}")

    def settle(self) -> None:
        self._workbench.wait_until_idle()


class BareChain:
    """The peer."""

    topics = ("bare-0", "bare-1", "bare-2", "bare-3", "bare-4")

    def __init__(self, producer: KafkaProducer, services: Sequence[psutil.Process]) -> None:
        self._producer = producer
        self.services = services

    def publish(self, orders: Sequence[OrderPlaced]) -> None:
        for first in range(0, len(orders), BATCH):
            for order in orders[first : first + BATCH]:
                value = orjson.dumps({**order.model_dump(mode="json"), "steps": 0})
                self._producer.send(self.topics[0], key=order.order_id.encode(), value=value)
            self._producer.flush()

    def settle(self) -> None:
        time.sleep(0.5)  # the last commit


def measure(load: Load) -> list[Row]:
    flows, seconds = load.of(2_000, 600), load.of(4, 2)
    load.say("starting Kafka and both chains")
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    hops: dict[str, list[Sequence[float]]] = {"ours": [], "bare": []}
    cpus: dict[str, list[float]] = {"ours": [], "bare": []}
    calls: dict[str, list[float]] = {"ours": [], "bare": []}
    reached: list[float] = []
    with both_chains() as (chains, log):
        for name, chain in chains.items():
            _full_load(chain, log, some_orders(100, prefix=f"{name}-warm"))
        for run in range(RUNS):
            for name, chain in chains.items():
                load.say(f"full load, run {run + 1} of {RUNS}, {name}")
                orders = some_orders(flows, prefix=f"{name}-full-{run}")
                cpu = _cpu_seconds(chain)
                rates[name].append(flows / _full_load(chain, log, orders))
                cpus[name].append((_cpu_seconds(chain) - cpu) / flows * 1000)
        for run in range(RUNS):
            for name, chain in chains.items():
                load.say(f"publishing one by one, run {run + 1} of {RUNS}, {name}")
                orders = some_orders(ONE_BY_ONE, prefix=f"{name}-one-{run}")
                calls[name].append(_one_by_one(chain, orders))
        for run in range(RUNS):
            for name, chain in chains.items():
                load.say(f"{RATE} flows a second, run {run + 1} of {RUNS}, {name}")
                orders = some_orders(seconds * RATE, prefix=f"{name}-steady-{run}")
                rate, latencies = _steady(chain, log, orders)
                hops[name].append(latencies)
                reached.append(rate)
    rows = [
        row(f"flows a second, full load of {flows:,}", rates["ours"], "/s"),
        row("  bare kafka-python, no guarantees", rates["bare"], "/s", aside=True),
        ratio("  ratio", rates["ours"], rates["bare"]),
        row("processor time a flow, four services", cpus["ours"], "ms", digits=2),
        row("  bare kafka-python", cpus["bare"], "ms", digits=2, aside=True),
        ratio("  ratio", cpus["ours"], cpus["bare"]),
    ]
    at = f"{RATE} flows a second"
    if min(reached) < 0.9 * RATE:
        at = f"{min(reached):.0f} flows a second ({RATE} were wanted)"
    for quantile in QUANTILES:
        ours, bare = (
            [float(np.percentile(one, quantile)) for one in hops[name]] for name in ("ours", "bare")
        )
        rows += [
            row(f"hop at {at}, p{quantile}", ours, "ms", digits=1),
            row("  bare kafka-python", bare, "ms", digits=1, aside=True),
            ratio("  ratio", ours, bare),
        ]
    rows += [
        row("publish() of one event", calls["ours"], "ms", digits=1),
        row("  bare kafka-python", calls["bare"], "ms", digits=1, aside=True),
        ratio("  ratio", calls["ours"], calls["bare"]),
    ]
    return rows


@contextmanager
def both_chains() -> Iterator[tuple[dict[str, Chain], Log]]:
    """Both chains, listening on one Kafka."""
    with ExitStack() as stack:
        servers = stack.enter_context(temporary_kafka()).bootstrap_servers
        folder: Path = stack.enter_context(temporary_folder())
        workbench = stack.enter_context(
            Workbench(
                order_choreography(),
                bootstrap_servers=servers,
                folder=folder,
                partitions=PARTITIONS,
                say=lambda sentence: None,
            )
        )
        workbench.start()
        make_topics(servers, BareChain.topics, PARTITIONS)
        services = stack.enter_context(bare_chain.running(servers, BareChain.topics))
        producer = KafkaProducer(bootstrap_servers=servers, **bare_chain.PRODUCER)
        stack.callback(producer.close, timeout=5)
        log = Log(servers)
        stack.callback(log.close)
        yield {"ours": OrderChain(workbench), "bare": BareChain(producer, services)}, log


def _full_load(chain: Chain, log: Log, orders: Sequence[OrderPlaced]) -> float:
    """Seconds from the first call to the last flow's last event."""
    last = chain.topics[-1]
    before = log.ends(last)
    began = time.time()
    chain.publish(orders)
    log.wait_for(len(orders), last, since=before)
    ended = max(log.times(last, since=before).values()) / 1000
    chain.settle()
    return ended - began


def _cpu_seconds(chain: Chain) -> float:
    """What the four have used so far. On a busy machine it says more than the time on the wall."""
    times = [service.cpu_times() for service in chain.services]
    return sum(used.user + used.system for used in times)


def _one_by_one(chain: Chain, orders: Sequence[OrderPlaced]) -> float:
    """The median milliseconds of a call that publishes one event."""
    taken = []
    for order in orders:
        began = time.perf_counter()
        chain.publish([order])
        taken.append(time.perf_counter() - began)
        time.sleep(0.01)
    chain.settle()
    return median(taken) * 1000


def _steady(chain: Chain, log: Log, orders: Sequence[OrderPlaced]) -> tuple[float, list[float]]:
    """The rate of flows that was kept up, and the milliseconds of every hop.

    What is due is published together: a call that takes longer than the time between two flows
    must not slow them down.
    """
    before = {topic: log.ends(topic) for topic in chain.topics}
    began = time.monotonic()
    done = 0
    while done < len(orders):
        due = min(len(orders), 1 + int((time.monotonic() - began) * RATE))
        chain.publish(orders[done:due])
        done = due
        time.sleep(max(0.0, began + done / RATE - time.monotonic()))
    rate = len(orders) / (time.monotonic() - began)
    log.wait_for(len(orders), chain.topics[-1], since=before[chain.topics[-1]])
    chain.settle()
    times = [log.times(topic, since=before[topic]) for topic in chain.topics]
    hops = [effects[key] - at for causes, effects in pairwise(times) for key, at in causes.items()]
    return rate, hops

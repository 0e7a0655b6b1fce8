"""How many flows a second the order chain takes, and how long one hop lasts, beside its peers.

The chains are alike: four services, each of which reads one topic and writes to the next. (Beside
them, without a limit: the whole example, two of whose services also read what they skip.) All are
up at the same time and take turns, run by run. A run at full load goes from the first call that
publishes to the last event of the last flow; a hop goes from one event of a flow to the next. Both
are read from the times at which the broker appended the records. FastStream's chains are gone
before hops are measured, so that idle as they are they can't disturb them.

The limits are against FastStream's usual way, a handler for each message; its other way, lists of
them, is shown without a limit (see faststream_chain.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import numpy as np

from benchmarks.chains import Chain, four_steps, order_chain, peer_chain
from benchmarks.driving import cpu_seconds, full_load, one_by_one, steady_load
from benchmarks.harness import Load, Row, heading, ratio, row, temporary_kafka
from benchmarks.log import Log
from workbench.examples.orders import some_orders

RUNS = 3
PARTITIONS = {"one partition": 1, "three partitions": 3}
RATE = 50  # flows a second for latency
QUANTILES = (50, 95, 99)
ONE_BY_ONE = 40  # events published, each awaited, to see what one call takes

OURS, WHOLE, BARE = "ours", "whole", "bare"
PEERS = {
    BARE: "bare kafka-python, no guarantees",
    "aiokafka-each": "FastStream on aiokafka",
    "confluent-each": "FastStream on confluent",
    "aiokafka-batch": "FastStream on aiokafka, in batches",
    "confluent-batch": "FastStream on confluent, in batches",
}
AT_LEAST = {BARE: 0.5, "aiokafka-each": 4.0, "confluent-each": 4.0}  # times the peer's flows
MEDIAN_HOP = 3.0  # times the bare chain's, at most
SLOW_HOP = 50.0  # ms, the 99th percentile at most

Runs = dict[str, list[float]]


@dataclass
class Found:
    """What was measured: chain → a value a run."""

    rates: Runs = field(default_factory=dict)
    cpus: Runs = field(default_factory=dict)
    calls: Runs = field(default_factory=dict)
    hops: dict[str, list[Sequence[float]]] = field(default_factory=dict)
    reached: list[float] = field(default_factory=list)


def measure(load: Load) -> list[Row]:
    rows = []
    for title, partitions in PARTITIONS.items():
        flows, seconds = load.of(3_000, 600), load.of(6, 2)
        found = Found()
        load.say(f"{title}: starting Kafka and the chains")
        with everyone(partitions) as (chains, peers, log):
            with peers:
                _measure_full_load(load, title, flows, chains, log, found)
            chains = {name: chains[name] for name in (OURS, BARE)}
            _measure_calls(load, title, chains, found)
            _measure_hops(load, title, seconds, chains, log, found)
        rows += [heading(title), *_throughput(flows, found), *_latency(found), *_calls(found)]
    return rows


@contextmanager
def everyone(partitions: int) -> Iterator[tuple[dict[str, Chain], ExitStack, Log]]:
    """Every chain, listening on one Kafka, and what ends FastStream's before the others."""
    with ExitStack() as stack:
        servers = stack.enter_context(temporary_kafka()).bootstrap_servers
        log = stack.enter_context(closing(Log(servers)))
        ours = order_chain(servers, partitions, design=four_steps())
        whole = order_chain(servers, partitions, namespace=WHOLE)
        chains: dict[str, Chain] = {OURS: stack.enter_context(ours)}
        chains[WHOLE] = stack.enter_context(whole)
        chains[BARE] = stack.enter_context(peer_chain(BARE, servers, partitions))
        peers = stack.enter_context(ExitStack())
        for name in PEERS:
            if name != BARE:
                chains[name] = peers.enter_context(peer_chain(name, servers, partitions))
        yield chains, peers, log


def _measure_full_load(
    load: Load, title: str, flows: int, chains: Mapping[str, Chain], log: Log, found: Found
) -> None:
    for name, chain in chains.items():
        load.say(f"{title}: warming up, {name}")
        full_load(chain, log, some_orders(100, prefix=f"{name}-warm"))
    for run in range(RUNS):
        for name, chain in chains.items():
            load.say(f"{title}: full load, run {run + 1} of {RUNS}, {name}")
            orders = some_orders(flows, prefix=f"{name}-full-{run}")
            cpu = cpu_seconds(chain)
            rate = flows / full_load(chain, log, orders)
            found.rates.setdefault(name, []).append(rate)
            found.cpus.setdefault(name, []).append((cpu_seconds(chain) - cpu) / flows * 1000)


def _measure_calls(load: Load, title: str, chains: Mapping[str, Chain], found: Found) -> None:
    for run in range(RUNS):
        for name, chain in chains.items():
            load.say(f"{title}: publishing one by one, run {run + 1} of {RUNS}, {name}")
            orders = some_orders(ONE_BY_ONE, prefix=f"{name}-one-{run}")
            found.calls.setdefault(name, []).append(one_by_one(chain, orders))


def _measure_hops(
    load: Load, title: str, seconds: int, chains: Mapping[str, Chain], log: Log, found: Found
) -> None:
    for run in range(RUNS):
        for name, chain in chains.items():
            load.say(f"{title}: {RATE} flows a second, run {run + 1} of {RUNS}, {name}")
            orders = some_orders(seconds * RATE, prefix=f"{name}-steady-{run}")
            reached, hops = steady_load(chain, log, orders, RATE)
            found.hops.setdefault(name, []).append(hops)
            found.reached.append(reached)


def _throughput(flows: int, found: Found) -> list[Row]:
    rates, cpus = found.rates, found.cpus
    return [
        row(f"flows a second, full load of {flows:,}", rates[OURS], "/s"),
        row("  the whole example, with its cancellations", rates[WHOLE], "/s", aside=True),
        *(row(f"  {label}", rates[peer], "/s", aside=True) for peer, label in PEERS.items()),
        *(
            ratio(
                f"  ratio to {label}",
                rates[OURS],
                rates[peer],
                at_least=AT_LEAST.get(peer),
                aside=peer not in AT_LEAST,
            )
            for peer, label in PEERS.items()
        ),
        row("processor time a flow, four services", cpus[OURS], "ms", digits=2),
        row("  the whole example", cpus[WHOLE], "ms", digits=2, aside=True),
        *(
            row(f"  {label}", cpus[peer], "ms", digits=2, aside=True)
            for peer, label in PEERS.items()
        ),
        ratio(f"  ratio to {PEERS[BARE]}", cpus[OURS], cpus[BARE]),
    ]


def _latency(found: Found) -> list[Row]:
    at = f"{RATE} flows a second"
    if min(found.reached) < 0.9 * RATE:
        at = f"{min(found.reached):.0f} flows a second ({RATE} were wanted)"
    rows = []
    for quantile in QUANTILES:
        ours, bare = (
            [float(np.percentile(hops, quantile)) for hops in found.hops[name]]
            for name in (OURS, BARE)
        )
        slowest = SLOW_HOP if quantile == 99 else None
        times = MEDIAN_HOP if quantile == 50 else None
        rows += [
            row(f"hop at {at}, p{quantile}", ours, "ms", digits=1, at_most=slowest),
            row(f"  {PEERS[BARE]}", bare, "ms", digits=1, aside=True),
            ratio("  ratio", ours, bare, at_most=times),
        ]
    return rows


def _calls(found: Found) -> list[Row]:
    ours, bare = found.calls[OURS], found.calls[BARE]
    return [
        row("publish() of one event", ours, "ms", digits=1),
        row(f"  {PEERS[BARE]}", bare, "ms", digits=1, aside=True),
        ratio("  ratio", ours, bare),
    ]

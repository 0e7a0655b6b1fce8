"""What logs and traces cost: flows a second of the order chain with and without them.

Every chain is the same design in services of its own, on one Kafka with one partition; all are up
at the same time and take turns, run by run, in an order that is turned round each time. A loss is
that against the bare chain in the same turn. What a flow costs of the processor is told beside it:
on a busy machine it says more than the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from benchmarks.chains import OrderChain, four_steps, order_chain
from benchmarks.driving import cpu_seconds, full_load
from benchmarks.harness import Load, Row, ratio, row, temporary_kafka
from benchmarks.log import Log
from workbench.examples.orders import some_orders

RUNS = 5
BARE, USUAL, ALL = "bare", "usual", "all"
OFF = {"log_level": "off", "trace_sampling": 0.0}
CHAINS: dict[str, tuple[str, dict[str, Any]]] = {
    BARE: ("neither logs nor traces", OFF),
    "logs": ("logs", OFF | {"log_level": "info"}),
    "traces": ("traces, as sampled by default", OFF | {"trace_sampling": None}),
    USUAL: ("both, as they are by default", {}),
    ALL: ("traces of every flow", OFF | {"trace_sampling": 1.0}),
    "everything": ("logs, and traces of every flow", {"trace_sampling": 1.0}),
}
AT_LEAST = 0.85
"""Of the bare chain's flows a second, with the defaults."""


def measure(load: Load) -> list[Row]:
    flows = load.of(3_000, 600)
    rates: dict[str, list[float]] = {name: [] for name in CHAINS}
    cpus: dict[str, list[float]] = {name: [] for name in CHAINS}
    load.say("starting Kafka and the chains")
    with everyone() as (chains, log):
        for name, chain in chains.items():
            load.say(f"warming up, {name}")
            full_load(chain, log, some_orders(200, prefix=f"{name}-warm"))
        for run in range(RUNS):
            for name in list(CHAINS) if run % 2 else reversed(CHAINS):
                load.say(f"run {run + 1} of {RUNS}, {name}")
                orders = some_orders(flows, prefix=f"{name}-{run}")
                cpu = cpu_seconds(chains[name])
                rates[name].append(flows / full_load(chains[name], log, orders))
                cpus[name].append((cpu_seconds(chains[name]) - cpu) / flows * 1000)
    return _rows(flows, rates, cpus)


@contextmanager
def everyone() -> Iterator[tuple[dict[str, OrderChain], Log]]:
    """Every chain, listening on one Kafka."""
    with ExitStack() as stack:
        servers = stack.enter_context(temporary_kafka()).bootstrap_servers
        log = stack.enter_context(closing(Log(servers)))
        chains = {
            name: stack.enter_context(
                order_chain(servers, 1, namespace=name, design=four_steps(), **settings)
            )
            for name, (_, settings) in CHAINS.items()
        }
        yield chains, log


def _rows(flows: int, rates: dict[str, list[float]], cpus: dict[str, list[float]]) -> list[Row]:
    rows = [row(f"flows a second, {CHAINS[BARE][0]}, load of {flows:,}", rates[BARE], "/s")]
    for name, (title, _) in CHAINS.items():
        if name != BARE:
            rows += [
                row(f"  {title}", rates[name], "/s", aside=True),
                ratio(
                    "    ratio",
                    rates[name],
                    rates[BARE],
                    at_least=AT_LEAST if name == USUAL else None,
                ),
            ]
    rows.append(row("processor time a flow, four services", cpus[BARE], "ms", digits=2))
    for name, (title, _) in CHAINS.items():
        if name != BARE:
            rows += [
                row(f"  {title}", cpus[name], "ms", digits=2, aside=True),
                ratio("    ratio", cpus[name], cpus[BARE]),
            ]
    return rows

"""The same order chain on every broker: flows a second, and how long one hop lasts.

All of them are up at the same time and take turns, run by run. The cloud bus is moto's server on
this machine, a stand-in that says nothing of how fast the real one is. What is timed is asked of
the workbench itself, for no other program reads all four brokers: a flow's last event from the
services' states, a hop from the times at which the events happened. (`flows` holds the Kafka chain
against others, by the broker's own times.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np

from benchmarks.chains import BATCH, four_steps, started
from benchmarks.harness import Load, Row, heading, ratio, row, temporary_folder, temporary_kafka
from benchmarks.moto import aws_on_this_machine
from workbench import Workbench
from workbench.brokers import LocalRabbitMQ
from workbench.brokers.local.ports import free_port
from workbench.examples.orders import some_orders

RUNS = 3
RATE = 20  # flows a second for latency
QUANTILES = (50, 95, 99)
KAFKA = "Kafka"


def measure(load: Load) -> list[Row]:
    flows = {KAFKA: load.of(2_000, 400), "RabbitMQ": load.of(2_000, 400), "memory": 400}
    rates: dict[str, list[float]] = {}
    hops: dict[str, list[np.ndarray]] = {}
    load.say("starting the brokers and the services on them")
    with everyone() as chains:
        for name, chain in chains.items():
            load.say(f"warming up, {name}")
            full_load(chain, 50, f"{name}-warm")
        for run in range(RUNS):
            for name, chain in chains.items():
                load.say(f"full load, run {run + 1} of {RUNS}, {name}")
                n = flows.get(name, 100)
                rates.setdefault(name, []).append(n / full_load(chain, n, f"{name}-full-{run}"))
        for run in range(RUNS):
            for name, chain in chains.items():
                load.say(f"{RATE} flows a second, run {run + 1} of {RUNS}, {name}")
                n = load.of(4, 2) * RATE
                hops.setdefault(name, []).append(steady_load(chain, n, f"{name}-calm-{run}"))
    rows = [heading("full load, three partitions where there are any")]
    for name, values in rates.items():
        rows.append(row(f"flows a second, {name}", values, "flows/s"))
        if name != KAFKA:
            rows.append(ratio(f"{name} over {KAFKA}", values, rates[KAFKA], aside=True))
    rows.append(heading(f"one hop, at {RATE} flows a second"))
    for name, found in hops.items():
        for q in QUANTILES:
            values = [float(np.percentile(times, q)) for times in found]
            rows.append(row(f"hop p{q}, {name}", values, "ms", digits=1))
    return rows


@contextmanager
def everyone() -> Iterator[dict[str, Workbench]]:
    """Broker → the order chain at work on it."""
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        kafka = stack.enter_context(temporary_kafka())
        rabbitmq = stack.enter_context(LocalRabbitMQ(folder / "rabbitmq", free_port()))
        endpoint = stack.enter_context(aws_on_this_machine())
        aws = ("aws://eu-central-1", {"endpoint_url": endpoint})
        yield {
            name: stack.enter_context(started(four_steps(), broker, **settings))
            for name, (broker, settings) in {
                KAFKA: (kafka, {}),
                "RabbitMQ": (rabbitmq, {}),
                "SNS and SQS (moto)": aws,
                "memory": ("memory://", {}),
            }.items()
        }


def full_load(chain: Workbench, flows: int, prefix: str) -> float:
    """Seconds from the first call that publishes to the last flow's last reaction."""
    orders = some_orders(flows, prefix=prefix)
    before = _completed(chain)
    began = time.monotonic()
    for first in range(0, flows, BATCH):
        chain.publish_many(orders[first : first + BATCH])
    while _completed(chain) < before + flows:
        if time.monotonic() > began + 120:
            raise TimeoutError(f"{_completed(chain) - before} of {flows} flows after 120 s")
        time.sleep(0.01)
    taken = time.monotonic() - began
    chain.wait_until_idle()
    return taken


def steady_load(chain: Workbench, flows: int, prefix: str) -> np.ndarray:
    """The milliseconds of every hop."""
    began = time.monotonic()
    for n, order in enumerate(some_orders(flows, prefix=prefix)):
        time.sleep(max(0.0, began + n / RATE - time.monotonic()))
        chain.publish(order)
    chain.wait_until_idle()
    frame = chain.capture(progress=False).frame
    frame = frame[frame["subject"].str.startswith(prefix, na=False)]
    happened = frame.drop_duplicates("id").set_index("id")["time"]
    caused = frame[frame["causation_id"].isin(happened.index)]
    taken = caused["time"].to_numpy() - happened.loc[caused["causation_id"]].to_numpy()
    return taken / np.timedelta64(1, "ms")


def _completed(chain: Workbench) -> int:
    return chain.counts("orders").get("handled", 0)

"""The torture run: random faults of every kind under the order choreography, every order accounted for.

``python -m benchmarks.torture [--seeds 1 2 3] [--flows 20000] [--faults 200] [--broker rabbitmq]
[--delivery transactions] [--broker-share 0.6]``.
Exit code 1 if an order is lost, doubled or ends wrongly. The services have from one to three
instances, which come and go meanwhile. Orders are published all the while; what the broker did not
acknowledge is published again under the same id. Poison is extra. When the faults are over, dead
letters are redriven, and then it is counted: business totals in the services' states, the end of
every flow in the log, the invariants of the design, and the reactions that were committed.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from workbench import RetryPolicy, Workbench
from workbench.brokers import LocalKafka, LocalRabbitMQ
from workbench.brokers.local.ports import free_port
from workbench.errors import WorkbenchError
from workbench.examples.orders import (
    OrderPlaced,
    expected_totals,
    lost_and_doubled,
    observed_totals,
    order_choreography,
    some_orders,
)
from workbench.services import AT_LEAST_ONCE, DELIVERIES
from workbench.session.faults import BROKER_SHARE

SERVERS: dict[str, Callable[..., Any]] = {"kafka": LocalKafka, "rabbitmq": LocalRabbitMQ}
PATIENCE = 300.0
_RESCALED_EVERY = 7
"""Faults between two changes of a service's number of instances."""


@dataclass
class Report:
    """What came of one run."""

    seed: int
    flows: int
    seconds: float
    faults: Counter[str]
    lost: int
    doubled: int
    wrong_ends: int
    reactions: str
    invariants: str
    crashes: int
    duplicates: int
    retries: int
    redriven: int

    @property
    def good(self) -> bool:
        """Whether every order is accounted for."""
        return not (self.lost or self.doubled or self.wrong_ends) and self.reactions == "exact"

    def __str__(self) -> str:
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(self.faults.items()))
        return (
            f"seed {self.seed}: {self.flows:,} flows, {sum(self.faults.values())} faults ({kinds}) "
            f"in {self.seconds:.0f} s; {self.crashes} crashes, {self.duplicates:,} duplicates "
            f"skipped, {self.retries:,} retries, {self.redriven:,} dead letters redriven; wrong "
            f"ends: {self.wrong_ends}, committed reactions: {self.reactions}, invariants: "
            f"{self.invariants}\nlost: {self.lost}  doubled: {self.doubled}"
        )


def torture(
    seed: int,
    *,
    flows: int,
    faults: int,
    say: Callable[[str], None] = lambda sentence: None,
    pause: float = 1.0,
    delivery: str = AT_LEAST_ONCE,
    broker: str = "kafka",
    broker_share: float = BROKER_SHARE,
) -> Report:
    """Run it once.

    Parameters
    ----------
    pause
        The mean time between two faults, in seconds.
    broker_share
        The share of faults that strike the broker.
    """
    chance = random.Random(seed)
    orders = some_orders(flows, declined=flows // 50, sold_out=flows // 100, prefix=f"t{seed}")
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        server = stack.enter_context(SERVERS[broker](folder / broker, free_port()))
        wb = stack.enter_context(
            Workbench(
                order_choreography(),
                broker=server,
                folder=folder / "services",
                retry=RetryPolicy(attempts=2, first_delay=0.02, later=("100ms",)),
                delivery=delivery,
                say=lambda sentence: None,
            )
        )
        wb.faults.seed = seed
        wb.start()
        _break_things(wb, orders, chance, faults, pause, broker_share, say)
        say("the faults are over; waiting for rest")
        wb.faults.wait(PATIENCE)
        redriven = _settle(wb)
        return _account(wb, orders, seed, time.monotonic() - began, redriven)


def _break_things(
    wb: Workbench,
    orders: list[OrderPlaced],
    chance: random.Random,
    faults: int,
    pause: float,
    broker_share: float,
    say: Callable[[str], None],
) -> None:
    """Publish all orders, spread over the time that the faults take."""
    left = [(f"{order.order_id}-event", order) for order in orders]
    each = -(-len(orders) // faults)
    for n in count(1):
        if n > faults and not left:
            return
        left = _publish(wb, left[:each]) + left[each:]
        if n <= faults:
            try:
                fault = wb.faults.random(chance, broker_share=broker_share)
                say(f"{n}/{faults} {fault.kind} of {fault.target}; {len(left):,} orders to go")
            except WorkbenchError as error:
                say(f"{n}/{faults} not inflicted: {error}")
        if n % _RESCALED_EVERY == 0:
            with suppress(WorkbenchError):  # the broker may be down: then it stays as it is
                name = chance.choice(list(wb.choreography.services))
                wb.scale(name, chance.randint(1, 3), timeout=5.0)
        time.sleep(chance.uniform(0, 2 * pause))


def _publish(wb: Workbench, due: list[tuple[str, OrderPlaced]]) -> list[tuple[str, OrderPlaced]]:
    """Publish orders under ids of their own; gives back those that nobody acknowledged."""
    if not due:
        return []
    try:
        published = wb.publish_many([order for _, order in due], ids=[id_ for id_, _ in due])
    except WorkbenchError:
        return due
    return [pair for pair, answer in zip(due, published, strict=True) if answer.error]


def _settle(wb: Workbench) -> int:
    """Wait for rest, and redrive what is dead (poison left out) until nothing is."""
    redriven = 0
    while True:
        for name in _patiently(wb, wb.lives):
            if not wb.lives()[name].wanted:
                wb.start(name)
        _patiently(wb, lambda: wb.wait_until_idle(PATIENCE))
        letters = _patiently(wb, wb.dead_letters)
        letters = letters[letters["reaction"] != ""]
        if letters.empty:
            return redriven
        redriven += letters.redrive()


def _patiently(wb: Workbench, act: Callable[[], object]) -> object:
    """Ask again while the broker is still coming up."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except WorkbenchError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _account(
    wb: Workbench, orders: list[OrderPlaced], seed: int, seconds: float, redriven: int
) -> Report:
    expected = expected_totals(orders)
    observed = observed_totals(wb.state(name) for name in wb.choreography.services)
    lost, doubled = lost_and_doubled(expected, observed)
    counts = {name: wb.counts(name) for name in wb.choreography.services}
    paid, cancelled = expected["parcels"], expected["orders_cancelled"]
    in_stock = len(orders) - sum(order.product == "sold-out" for order in orders)
    reactions = {
        "inventory": len(orders) + cancelled,
        "billing": in_stock,
        "shipping": paid,
        "orders": paid + cancelled,
    }
    handled = {name: counts[name].get("handled", 0) for name in reactions}
    converged = wb.converged()
    history = wb.faults.history()
    return Report(
        seed=seed,
        flows=len(orders),
        seconds=seconds,
        faults=Counter(history["kind"]),
        lost=lost,
        doubled=doubled,
        wrong_ends=sum(_wrong_ends(wb, orders)),
        reactions="exact" if handled == reactions else f"{handled} instead of {reactions}",
        invariants="hold" if converged else f"BROKEN: {converged!r}",
        crashes=sum(life.crashes for life in wb.lives().values()),
        duplicates=sum(found.get("duplicates", 0) for found in counts.values()),
        retries=sum(found.get("retries", 0) for found in counts.values()),
        redriven=redriven,
    )


def _wrong_ends(wb: Workbench, orders: list[OrderPlaced]) -> Iterator[bool]:
    """For every order, whether it ended otherwise than once and rightly."""
    frame = wb.capture(progress=False).frame
    ends = frame[frame["type"].isin(["OrderCompleted", "OrderCancelled"])]
    ends = ends.drop_duplicates(["source", "id"])
    found: dict[str, list[str]] = {}
    for order_id, type_ in zip(ends["subject"], ends["type"].astype(str), strict=True):
        found.setdefault(order_id, []).append(type_)
    for order in orders:
        fails = order.product == "sold-out" or order.customer.startswith("declined-")
        yield found.get(order.order_id) != ["OrderCancelled" if fails else "OrderCompleted"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--flows", type=int, default=20_000)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--broker", choices=SERVERS, default="kafka")
    parser.add_argument("--delivery", choices=DELIVERIES, default=AT_LEAST_ONCE)
    parser.add_argument("--broker-share", type=float, default=BROKER_SHARE)
    asked = parser.parse_args()
    good = True
    for seed in asked.seeds:
        report = torture(
            seed,
            flows=asked.flows,
            faults=asked.faults,
            delivery=asked.delivery,
            broker=asked.broker,
            broker_share=asked.broker_share,
            say=print,
        )
        print(report, flush=True)
        good &= report.good
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())

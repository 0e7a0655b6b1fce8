"""What is done to a chain: a full load, a steady one, and single events.

Times are those at which the broker appended the records, to the millisecond.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from benchmarks.chains import Chain
from benchmarks.log import Log
from workbench.examples.orders import OrderPlaced


def full_load(chain: Chain, log: Log, orders: Sequence[OrderPlaced]) -> float:
    """Seconds from the first call to the last flow's last event."""
    last = chain.topics[-1]
    before = log.ends(last)
    began = time.time()
    chain.publish(orders)
    log.wait_for(len(orders), last, since=before, seconds=60 + len(orders) / 20)
    ended = max(log.times(last, since=before).values()) / 1000
    chain.settle()
    return ended - began


def cpu_seconds(chain: Chain) -> float:
    """What the four have used so far. On a busy machine it says more than the time on the wall."""
    times = [service.cpu_times() for service in chain.services]
    return sum(used.user + used.system for used in times)


def one_by_one(chain: Chain, orders: Sequence[OrderPlaced]) -> float:
    """The median milliseconds of a call that publishes one event."""
    taken = []
    for order in orders:
        began = time.perf_counter()
        chain.publish([order])
        taken.append(time.perf_counter() - began)
        time.sleep(0.01)
    chain.settle()
    return median(taken) * 1000


def steady_load(
    chain: Chain, log: Log, orders: Sequence[OrderPlaced], rate: float
) -> tuple[float, list[float]]:
    """The rate of flows that was kept up, and the milliseconds of every hop.

    What is due is published together: a call that takes longer than the time between two flows
    must not slow them down.
    """
    before = {topic: log.ends(topic) for topic in chain.topics}
    began = time.monotonic()
    done = 0
    while done < len(orders):
        due = min(len(orders), 1 + int((time.monotonic() - began) * rate))
        chain.publish(orders[done:due])
        done = due
        time.sleep(max(0.0, began + done / rate - time.monotonic()))
    reached = len(orders) / (time.monotonic() - began)
    log.wait_for(len(orders), chain.topics[-1], since=before[chain.topics[-1]])
    chain.settle()
    return reached, hops([log.times(topic, since=before[topic]) for topic in chain.topics])


def hops(times: Sequence[dict[bytes, float]]) -> list[float]:
    """The milliseconds of every hop, from the times of each topic's events, first topic first."""
    return [
        effects[key] - at
        for causes, effects in pairwise(times)
        for key, at in causes.items()
        if key in effects
    ]

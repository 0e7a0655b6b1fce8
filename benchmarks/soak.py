"""A million events through the order chain: what grows with them, and what must not.

Publishing waits for the chain, so that what lies between the first event and the last is bounded.
Everything is compared over tenths of the load: the last against the first.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.chains import OrderChain, order_chain
from benchmarks.driving import full_load, hops
from benchmarks.harness import Load, Row, ratio, row, temporary_kafka
from benchmarks.log import Log, Offsets
from benchmarks.weight import weigh
from workbench.examples.orders import OrderPlaced, some_orders

EVENTS = 4  # that a flow's services handle
AHEAD = 2_000  # flows published and not through yet, at most
CHUNK = 100  # flows published at once
LOOKS = 100  # at the memory, over the whole load
PATIENCE = 60.0  # seconds without a flow coming through


@dataclass(frozen=True)
class Mark:
    """How things stand when some tenths of the flows are through."""

    at: float
    flows: int
    handled: int
    bytes: int
    ends: dict[str, Offsets]


@dataclass
class Course:
    """What was seen on the way: how things stood at each tenth, and (flows through, MB)."""

    marks: list[Mark] = field(default_factory=list)
    weights: list[tuple[int, float]] = field(default_factory=list)


def measure(load: Load) -> list[Row]:
    flows = load.of(250_000, 5_000)
    with (
        temporary_kafka() as kafka,
        closing(Log(kafka.bootstrap_servers)) as log,
        order_chain(kafka.bootstrap_servers) as chain,
    ):
        full_load(chain, log, some_orders(100, prefix="warm"))
        course = _run(load, chain, log, flows)
        chain.settle()
        files = sum(file.stat().st_size for file in chain.workbench.folder.iterdir()) / 1e6
        load.say("reading the times")
        tenths = [(course.marks[0], course.marks[1]), (course.marks[-2], course.marks[-1])]
        latencies = [_median_hop(log, chain, *tenth) for tenth in tenths]
    weights = [_median_weight(course, *tenth) for tenth in tenths]
    sizes = [_bytes_an_event(*tenth) for tenth in tenths]
    rates = [_rate(*tenth) for tenth in tenths]
    return [
        row(
            f"events a second, {EVENTS * flows:,} of them",
            [EVENTS * _rate(course.marks[0], course.marks[-1])],
            "/s",
        ),
        *_compared("flows a second", rates, "/s"),
        *_compared("PSS of the four services", weights, "MB", digits=1),
        *_compared("files, bytes an event handled", sizes, "B"),
        row("  all of them in the end", [files], "MB", aside=True),
        *_compared("median hop", latencies, "ms", digits=1),
    ]


def _run(load: Load, chain: OrderChain, log: Log, flows: int) -> Course:
    course = Course()
    last = chain.topics[-1]
    before = log.ends(last)
    orders = _chunks(flows)
    published = done = 0
    moved = time.monotonic()
    ahead = min(AHEAD, flows // 20)
    while True:
        if done * 10 >= len(course.marks) * flows:
            course.marks.append(_mark(chain, log, done))
        if done * LOOKS >= len(course.weights) * flows:
            course.weights.append((done, weigh(chain.services)[0]))
        if done == flows:
            return course
        load.say(f"{done:,} of {flows:,} flows")
        if published < flows and published - done <= ahead - CHUNK:
            chunk = next(orders)
            chain.publish(chunk)
            published += len(chunk)
        else:
            time.sleep(0.02)
        through = log.count(last, since=before)
        if through > done:
            moved = time.monotonic()
        elif time.monotonic() - moved > PATIENCE:
            raise TimeoutError(f"{through:,} of {flows:,} flows, and none in {PATIENCE:g} s")
        done = through


def _chunks(flows: int) -> Iterator[list[OrderPlaced]]:
    for first in range(0, flows, CHUNK):
        yield some_orders(min(CHUNK, flows - first), prefix=f"soak-{first // CHUNK:05d}")


def _mark(chain: OrderChain, log: Log, done: int) -> Mark:
    ends = {topic: log.ends(topic) for topic in chain.topics}
    workbench = chain.workbench
    handled = sum(workbench.counts(name).get("handled", 0) for name in workbench.lives())
    files = workbench.folder.glob("*.sqlite")
    return Mark(time.monotonic(), done, handled, sum(map(_pages, files)), ends)


def _pages(file: Path) -> int:
    """Bytes of a database, what is still in its write-ahead log included."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        (count,) = database.execute("PRAGMA page_count").fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    return count * size


def _rate(first: Mark, last: Mark) -> float:
    return (last.flows - first.flows) / (last.at - first.at)


def _bytes_an_event(first: Mark, last: Mark) -> float:
    return (last.bytes - first.bytes) / (last.handled - first.handled)


def _median_weight(course: Course, first: Mark, last: Mark) -> float:
    return median(mb for done, mb in course.weights if first.flows <= done <= last.flows)


def _median_hop(log: Log, chain: OrderChain, first: Mark, last: Mark) -> float:
    """Of the events between two marks whose effects lie there too."""
    times = [
        log.times(topic, since=first.ends[topic], until=last.ends[topic]) for topic in chain.topics
    ]
    return median(hops(times))


def _compared(measure: str, values: list[float], unit: str, digits: int = 0) -> list[Row]:
    first, last = values
    return [
        row(f"{measure}, last tenth", [last], unit, digits=digits),
        row("  first tenth", [first], unit, digits=digits, aside=True),
        ratio("  ratio", [last], [first]),
    ]

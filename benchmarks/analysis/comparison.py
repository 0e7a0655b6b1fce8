"""Captured logs analysed: the workbench beside Polars, DuckDB, pm4py and plain pandas.

The same work for all: drop duplicates (same source and id), order, flows with durations, variants,
and hops with how many and their latencies. Each tool has the log in its own shape before the clock
starts: an EventLog, a DataFrame, a table; what making that takes is said beside it. Every run is a
process of its own, the tools take turns, and all have to find the same before a time counts.

Two things are told in different ways, and compared only where they come to the same. The workbench
tells variants by stages of causes, the peers by the sequence in time: these are held against each
other on the synthetic log alone. The hops of pm4py are from event to event in time, not from cause
to effect. Beyond what is compared, the workbench counts duplicates and services by flow, and puts
effects after their causes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.analysis.facts import Facts
from benchmarks.analysis.logs import SPANS, write_few, write_spans
from benchmarks.analysis.worker import Result
from benchmarks.harness import Load, Row, heading, in_a_process, ratio, row, temporary_folder
from benchmarks.synthetic_log import write_synthetic_log

OURS = "workbench"
FAST = ("polars", "polars hashed", "duckdb", "duckdb hashed")
EVERYONE = (*FAST, "pm4py")
PEERS = {
    "polars": "Polars",
    "polars hashed": "Polars, ids hashed to 64 bits",
    "duckdb": "DuckDB",
    "duckdb hashed": "DuckDB, ids hashed to 64 bits",
    "pm4py": "pm4py",
    "pandas": "pandas, groupby.apply",
}
TIMES_AS_LONG = {"polars": 2.0, "duckdb": 2.0, "pm4py": 30.0}
"""Peer → how many times as long it takes, at least. That with hashed ids is for the record: it takes
chances with the answer, which the workbench, that compares letter by letter, does not."""
MEMORY = {"polars": 1.0, "polars hashed": 1.0}
"""Peer → how many times its memory ours may be."""
STRAIGHT = 1.1
"""Time or memory of an event in a long log over that in a short one, at most."""
RUNS = 3
RUNS_OF_A_MOMENT = 9
"""... of a log that ours takes less than 0.1 s for: another process at work is enough to double that."""
FEW = 2_000


@dataclass(frozen=True)
class Log:
    title: str
    write: Callable[[Path], None]
    peers: Sequence[str]
    synthetic: bool = True
    runs: int = RUNS


def measure(load: Load) -> list[Row]:
    rows: list[Row] = []
    grown: list[tuple[int, list[Result]]] = []
    for log in _logs(load):
        runs = _runs(load, log)
        facts = _agreed(log, runs)
        rows += _rows(log, facts, runs)
        if log.synthetic:
            grown.append((facts.events, runs[OURS]))
    return rows + _growth(grown[1:])


def _logs(load: Load) -> Iterator[Log]:
    if SPANS.exists():
        yield Log(
            "TrainTicket spans", lambda p: write_spans(p, 1), EVERYONE, False, RUNS_OF_A_MOMENT
        )
        if not load.quick:
            yield Log("TrainTicket spans × 10", lambda p: write_spans(p, 10), EVERYONE, False)
    yield _synthetic(load.of(50_000, 20_000), ("pandas",))
    yield _synthetic(load.of(1_000_000, 100_000), EVERYONE)
    quick, whole = {500_000: (), 1_000_000: ()}, {5_000_000: EVERYONE, 10_000_000: FAST}
    for events, peers in (quick if load.quick else whole).items():
        yield _synthetic(events, peers)


def _synthetic(events: int, peers: Sequence[str]) -> Log:
    return Log("Synthetic orders", lambda path: write_synthetic_log(path, events), peers)


def _runs(load: Load, log: Log) -> dict[str, list[Result]]:
    runs: dict[str, list[Result]] = {who: [] for who in (OURS, *log.peers)}
    with temporary_folder() as folder:
        load.say(f"{log.title}: writing them")
        whole, few = folder / "log.parquet", folder / "few.parquet"
        log.write(whole)
        write_few(whole, few, FEW)
        count = load.of(log.runs, 1)
        for run in range(count):
            for who, results in runs.items():
                load.say(f"{log.title}, run {run + 1} of {count}: {who}")
                found = in_a_process("benchmarks.analysis.worker", who, whole, few)
                results.append(Result(**found))
    return runs


def _agreed(log: Log, runs: Mapping[str, Sequence[Result]]) -> Facts:
    """What the workbench found, after all others have found the same."""
    ours = Facts.read(runs[OURS][0].facts)
    for who, results in runs.items():
        for result in results:
            theirs = Facts.read(result.facts)
            if differ := ours.differences(theirs, variants=log.synthetic or who == OURS):
                raise RuntimeError(f"{log.title}: {OURS} and {who} differ: {'; '.join(differ)}")
    return ours


def _rows(log: Log, facts: Facts, runs: Mapping[str, Sequence[Result]]) -> list[Row]:
    ours = runs[OURS]
    seconds = [run.seconds for run in ours]
    memory = [run.memory for run in ours]
    rows = [
        heading(
            f"{log.title}: {facts.events:,} events and {facts.duplicates:,} duplicates in "
            f"{facts.flows:,} flows"
        ),
        row("flows(), variants(), hops()", seconds, "s", digits=2),
        row(
            "  the first in a process, on few events",
            [r.first for r in ours],
            "s",
            digits=2,
            aside=True,
        ),
        row("  beforehand: EventLog(frame)", [r.made for r in ours], "s", digits=2, aside=True),
        row("  memory at the peak, beside the input", memory, "MB"),
        row("  of the whole process", [r.whole for r in ours], "MB", aside=True),
    ]
    for who in log.peers:
        theirs = runs[who]
        taken = [run.seconds for run in theirs]
        needed = [run.memory for run in theirs]
        rows += [
            row(PEERS[who], taken, "s", digits=2, aside=True),
            row("  beforehand: its own table", [r.made for r in theirs], "s", digits=2, aside=True),
            ratio("  times as long as ours", taken, seconds, at_least=TIMES_AS_LONG.get(who)),
            row("  memory at the peak, beside the input", needed, "MB", aside=True),
            row("  of the whole process", [r.whole for r in theirs], "MB", aside=True),
        ]
        if who in MEMORY:
            rows.append(ratio("  our memory over its", memory, needed, at_most=MEMORY[who]))
    return rows


def _growth(grown: Sequence[tuple[int, Sequence[Result]]]) -> list[Row]:
    """How time and memory grow from the shortest log to each longer one, by event."""
    (fewest, least), *longer = grown
    rows = [heading(f"Growth from {fewest:,} events on: 1 × is a straight line")]
    for events, results in longer:
        times = events / fewest
        for what, name in (("time", "seconds"), ("memory", "memory")):
            rows.append(
                ratio(
                    f"{what} an event, {events:,} events",
                    [getattr(result, name) / times for result in results],
                    [getattr(result, name) for result in least],
                    at_most=STRAIGHT,
                )
            )
    return rows

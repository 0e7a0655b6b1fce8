"""A log held against its design: the workbench beside pm4py's token-based replay.

On both logs that pm4py can take: the synthetic one, whose design comes from a log in which every
order ends well, and real spans, whose design comes from the spans themselves. The design is the
same in two languages and not the same claim: a choreography says which reactions are due, a Petri
net by the inductive miner which sequences are possible. So what they find is not compared. What the
workbench finds on the synthetic log is held against the orders that are known to be stuck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmarks.analysis.conforming import Result
from benchmarks.analysis.logs import SPANS, write_spans
from benchmarks.harness import Load, Row, heading, in_a_process, ratio, row, temporary_folder
from benchmarks.synthetic_log import ENDING_WELL, STUCK, write_synthetic_log

RUNS = 3
TIMES_AS_LONG = 100.0
STRAIGHT = 1.1
"""Time of an event in the longest log over that in the shortest, at most."""
REFERENCE = 50_000


def measure(load: Load) -> list[Row]:
    short, long = load.of(1_000_000, 100_000), load.of(10_000_000, 1_000_000)
    with temporary_folder() as folder:
        log, longest, reference = (folder / name for name in ("log", "longest", "reference"))
        load.say("writing logs")
        write_synthetic_log(log, short)
        write_synthetic_log(longest, long)
        write_synthetic_log(reference, REFERENCE, ENDING_WELL)
        runs = _runs(load, {"workbench": log, "pm4py": log, "longest": longest}, reference)
        _check(log, runs["workbench"])
        rows = _beside_pm4py(f"Synthetic orders, {short:,} rows", runs)
        rows.append(
            ratio(
                f"{long:,} rows over {short:,}",
                [run.whole for run in runs["longest"]],
                [run.whole for run in runs["workbench"]],
                at_most=STRAIGHT * long / short,
            )
        )
        if SPANS.exists() and not load.quick:
            write_spans(log, 1)
            runs = _runs(load, {"workbench": log, "pm4py": log}, log)
            rows += _beside_pm4py("TrainTicket spans", runs)
    return rows


def _runs(load: Load, logs: dict[str, Path], reference: Path) -> dict[str, list[Result]]:
    runs: dict[str, list[Result]] = {name: [] for name in logs}
    count = load.of(RUNS, 1)
    for run in range(count):
        for name, log in logs.items():
            load.say(f"run {run + 1} of {count}: {name}")
            who = "pm4py" if name == "pm4py" else "workbench"
            found = in_a_process("benchmarks.analysis.conforming", who, log, reference)
            runs[name].append(Result(**found))
    return runs


def _check(log: Path, runs: Sequence[Result]) -> None:
    """A stuck order is told by how many events it has: no other order has as many."""
    size = pd.read_parquet(log).drop_duplicates("id")["correlation_id"].value_counts()
    stuck = int(size.isin([len(course.steps) for course in STUCK]).sum())
    if {(run.flows, run.stuck) for run in runs} != {(len(size), stuck)}:
        raise RuntimeError(f"{stuck} of {len(size)} orders are stuck, and found are {runs}")


def _beside_pm4py(title: str, runs: Mapping[str, Sequence[Result]]) -> list[Row]:
    ours, theirs = runs["workbench"], runs["pm4py"]
    whole, replayed = [run.whole for run in ours], [run.whole for run in theirs]
    return [
        heading(f"{title}: {ours[0].flows:,} flows, in {ours[0].stuck:,} something is missing"),
        row("conformance(design), in sum and per flow", whole, "s", digits=2),
        row("  of that the index", [run.first for run in ours], "s", digits=2, aside=True),
        row("  memory at the peak, beside the input", [run.memory for run in ours], "MB"),
        row("pm4py, format and token-based replay", replayed, "s", digits=2, aside=True),
        row("  of that the format", [run.first for run in theirs], "s", digits=2, aside=True),
        ratio("  times as long as ours", replayed, whole, at_least=TIMES_AS_LONG),
        ratio(
            "  the replay alone, over ours once indexed",
            [run.seconds for run in theirs],
            [run.seconds for run in ours],
            aside=True,
        ),
        row(
            "  memory at the peak, beside the input",
            [run.memory for run in theirs],
            "MB",
            aside=True,
        ),
    ]

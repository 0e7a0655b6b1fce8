"""Logs held against their designs: the workbench beside pm4py's token-based replay.

On three logs that both can take. The design is the same in two languages and not the same claim: a
choreography says which reactions are due, a Petri net by the inductive miner which sequences are
possible. Of both synthetic logs it is known which flows are stuck: the design comes from a log in
which every flow ends well, and both tools must find those flows and no others. The design of the real
spans comes from the spans themselves.

How many times as long as ours the replay takes differs greatly, for one reason: pm4py replays every
distinct sequence of types once, and the workbench takes every event once. Sign-ups are what a
choreography is about: one event sets off many reactions, side by side, so that hardly two flows have
the same sequence, though all but the stuck ones conform. That log has the limit. All orders share
seven sequences, which leaves to pm4py little but the log's format and a verdict per flow. The 7,000
traces of the spans have 270 sequences, of 73 spans in the mean; which pod answers is chance there, so
that nothing is due and the workbench judges events alone. These two ratios are for the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmarks.analysis.conforming import Result
from benchmarks.analysis.logs import SPANS, write_spans
from benchmarks.harness import Load, Row, heading, in_a_process, ratio, row, temporary_folder
from benchmarks.synthetic_courses import ORDERS, SIGN_UPS, Traffic
from benchmarks.synthetic_log import write_synthetic_log

RUNS = 3
TIMES_AS_LONG = 100.0
STRAIGHT = 1.1
"""Time of an event in the longest log over that in the shortest, at most."""
REFERENCE = 50_000


def measure(load: Load) -> list[Row]:
    short, long = load.of(1_000_000, 100_000), load.of(10_000_000, 1_000_000)
    rows: list[Row] = []
    with temporary_folder() as folder:
        log, longest, reference = (folder / name for name in ("log", "longest", "reference"))
        for title, events, traffic in (
            ("Synthetic sign-ups", load.of(500_000, 100_000), SIGN_UPS),
            ("Synthetic orders", short, ORDERS),
        ):
            load.say(f"{title}: writing logs")
            write_synthetic_log(log, events, traffic)
            write_synthetic_log(reference, REFERENCE, traffic.ending_well)
            logs = {"workbench": log, "pm4py": log}
            if traffic is ORDERS:
                write_synthetic_log(longest, long, traffic)
                logs["longest"] = longest
            runs = _runs(load, title, logs, reference)
            _check(log, traffic, [*runs["workbench"], *runs["pm4py"]])
            rows += _beside_pm4py(f"{title}, {events:,} rows", runs, limit=traffic is SIGN_UPS)
        rows += _growth(short, long, runs)
        if SPANS.exists() and not load.quick:
            write_spans(log, 1)
            title = "TrainTicket spans"
            runs = _runs(load, title, {"workbench": log, "pm4py": log}, log)
            rows += _beside_pm4py(title, runs, limit=False)
    return rows


def _runs(
    load: Load, title: str, logs: Mapping[str, Path], reference: Path
) -> dict[str, list[Result]]:
    runs: dict[str, list[Result]] = {name: [] for name in logs}
    count = load.of(RUNS, 1)
    for run in range(count):
        for name, log in logs.items():
            load.say(f"{title}, run {run + 1} of {count}: {name}")
            who = "pm4py" if name == "pm4py" else "workbench"
            found = in_a_process("benchmarks.analysis.conforming", who, log, reference)
            runs[name].append(Result(**found))
    return runs


def _check(log: Path, traffic: Traffic, runs: Sequence[Result]) -> None:
    """Hold what both tools found against the flows that are stuck, told by how long they are."""
    size = pd.read_parquet(log).drop_duplicates("id")["correlation_id"].value_counts()
    stuck = int(size.isin([len(course.steps) for course in traffic.stuck]).sum())
    if {(run.flows, run.stuck) for run in runs} != {(len(size), stuck)}:
        raise RuntimeError(f"{stuck} of {len(size)} flows are stuck, and found are {runs}")


def _beside_pm4py(title: str, runs: Mapping[str, Sequence[Result]], *, limit: bool) -> list[Row]:
    ours, theirs = runs["workbench"], runs["pm4py"]
    whole, replayed = [run.whole for run in ours], [run.whole for run in theirs]
    return [
        heading(
            f"{title}: {ours[0].flows:,} flows of {theirs[0].sequences:,} sequences, in "
            f"{ours[0].stuck:,} something is missing"
        ),
        row("conformance(design), in sum and per flow", whole, "s", digits=2),
        row("  of that once indexed", [run.seconds for run in ours], "s", digits=3, aside=True),
        row("  memory at the peak, beside the input", [run.memory for run in ours], "MB"),
        row("pm4py, format and token-based replay", replayed, "s", digits=2, aside=True),
        row("  of that the format", [run.first for run in theirs], "s", digits=2, aside=True),
        row(
            "  memory at the peak, beside the input",
            [run.memory for run in theirs],
            "MB",
            aside=True,
        ),
        ratio(
            "  times as long as ours",
            replayed,
            whole,
            at_least=TIMES_AS_LONG if limit else None,
            aside=not limit,
        ),
        ratio(
            "  the replay alone, over ours once indexed",
            [run.seconds for run in theirs],
            [run.seconds for run in ours],
            aside=True,
        ),
    ]


def _growth(short: int, long: int, runs: Mapping[str, Sequence[Result]]) -> list[Row]:
    """How the work grows with the log.

    What counts is the time of processors in the workbench's own code. That on the clock stands
    beside it: in a virtual machine it may be as long again until the system has handed out memory
    that nobody has touched before, which a long log needs and a short one finds used.
    """
    few, many = runs["workbench"], runs["longest"]
    return [
        heading(f"Growth: synthetic orders, {long:,} rows over {short:,}"),
        row(f"conformance(design) of {long:,} rows", [run.whole for run in many], "s", digits=2),
        row("  of that once indexed", [run.seconds for run in many], "s", digits=3, aside=True),
        row("  memory at the peak, beside the input", [run.memory for run in many], "MB"),
        row("  its processors' time", [run.user for run in many], "s", digits=2),
        ratio(
            f"  times that of {short:,} rows",
            [run.user for run in many],
            [run.user for run in few],
            at_most=STRAIGHT * long / short,
        ),
        ratio(
            "  the same on the clock",
            [run.whole for run in many],
            [run.whole for run in few],
            aside=True,
        ),
        ratio(
            "  ... once indexed",
            [run.seconds for run in many],
            [run.seconds for run in few],
            aside=True,
        ),
    ]

"""A log larger than memory: dealt to buckets on disk and asked, in at most 4 GB.

One process scans a Parquet folder of synthetic orders, and its peak is that of everything it does:
dealing, indexing, which the first question does, and questions whose answers have a row a flow or
less. Before that, both a short log in memory and the same in buckets have to give the same answers.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from benchmarks.harness import Load, Row, in_a_process, row, temporary_folder
from benchmarks.synthetic_log import write_synthetic_log
from benchmarks.weight import forget_peak, peak

T = TypeVar("T")

GIGABYTES = 4.0
_FILES = 10
_BUCKET = 1_500_000_000
"""Bytes that a bucket may take: what is left is for the answers and their parts."""


def measure(load: Load) -> list[Row]:
    events = load.of(50_000_000, 2_000_000)
    with temporary_folder() as folder:
        log = folder / "log"
        log.mkdir()
        for number in range(_FILES):
            load.say(f"writing file {number + 1} of {_FILES}")
            write_synthetic_log(log / f"part-{number}.parquet", events // _FILES + number)
        short = folder / "short"
        short.mkdir()
        write_synthetic_log(short / "part.parquet", 100_000)
        load.say("the same answers from memory and from buckets")
        if not in_a_process("benchmarks.scanning", "same", short)["same"]:
            raise RuntimeError("buckets give other answers than memory")
        load.say(f"scanning {events:,} events")
        found = in_a_process("benchmarks.scanning", "scan", log)
    return [
        row(
            f"{found['rows']:,} events: peak of the process",
            [found["peak"]],
            "GB",
            digits=2,
            at_most=GIGABYTES,
        ),
        row("  dealt to buckets", [found["deal"]], "s", aside=True),
        row("  hops(), the first question", [found["first"]], "s", aside=True),
        row("  hops() again", [found["hops"]], "s", aside=True),
        row("  variants()", [found["variants"]], "s", aside=True),
        row("  stuck()", [found["stuck"]], "s", aside=True),
        row(f"  explain({found['stuck_flows']:,} flows)", [found["explain"]], "s", aside=True),
        row(f"  flows(), {found['flow_rows']:,} rows", [found["flows"]], "s", aside=True),
    ]


def same(folder: Path) -> dict[str, Any]:
    """Whether three answers are the same from memory and from buckets."""
    from workbench.analysis import EventLog
    from workbench.analysis.scanned import ScannedLog

    log = EventLog.read(folder)
    with ScannedLog(folder.glob("*.parquet"), memory=10_000_000) as scanned:
        for question in ("hops", "variants", "flows"):
            one, other = (pd.DataFrame(getattr(each, question)()) for each in (log, scanned))
            pd.testing.assert_frame_equal(one, other, check_categorical=False)
    return {"same": True}


def scan(folder: Path) -> dict[str, Any]:
    """Scan a folder, and say what it took."""
    from workbench.analysis.scanned import ScannedLog

    took: dict[str, Any] = {}

    def timed(what: str, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        done = work()
        took[what] = time.perf_counter() - began
        return done

    forget_peak()
    files = folder.glob("*.parquet")
    with timed("deal", lambda: ScannedLog(files, memory=_BUCKET, spill=folder.parent)) as scanned:
        took["rows"] = len(scanned)
        timed("first", scanned.hops)
        timed("hops", scanned.hops)
        timed("variants", scanned.variants)
        stuck = timed("stuck", scanned.stuck)
        took["stuck_flows"] = stuck["correlation_id"].nunique()
        timed("explain", lambda: scanned.explain(stuck))
        took["flow_rows"] = len(timed("flows", scanned.flows))
    return took | {"peak": peak() / 1e3}


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"
    print(json.dumps({"same": same, "scan": scan}[sys.argv[1]](Path(sys.argv[2]))))

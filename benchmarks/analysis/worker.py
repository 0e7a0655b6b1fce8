"""``python -m benchmarks.analysis.worker WHO LOG FEW``: one way to do the work, once, alone.

Prints what it took and what it found as JSON. First a few events are analysed, off the clock: code
is compiled or loaded, thread pools start. Then the log is read and given the shape that the tool
likes best; the clock runs over the work alone. Memory is the most that the process occupied
during the work, less what it made use of just before, with its input in it.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.weight import forget_peak, free, peak, resident

WAYS = {
    "workbench": ("ours", "work"),
    "polars": ("with_polars", "exact"),
    "polars hashed": ("with_polars", "hashed"),
    "duckdb": ("with_duckdb", "exact"),
    "duckdb hashed": ("with_duckdb", "hashed"),
    "pm4py": ("with_pm4py", "work"),
    "pandas": ("with_pandas", "work"),
}
"""Name → module here and function in it."""


@dataclass(frozen=True)
class Result:
    first: float
    """Seconds of the work on a few events, the first in the process."""
    made: float
    """Seconds to give the log its shape."""
    seconds: float
    """... of the work."""
    memory: float
    """MB at the peak of the work, beside its input."""
    whole: float
    """... of the whole process, input and libraries."""
    facts: dict[str, Any]


def run(who: str, log: Path, few: Path) -> Result:
    module_name, function = WAYS[who]
    module = importlib.import_module(f"benchmarks.analysis.{module_name}")
    work = getattr(module, function)
    small = module.make(_table(few))
    began = time.perf_counter()
    work(small)
    first = time.perf_counter() - began
    del small
    table = _table(log)
    began = time.perf_counter()
    made = module.make(table)
    making = time.perf_counter() - began
    del table
    gc.collect()
    pa.default_memory_pool().release_unused()
    before = resident() - free()
    forget_peak()
    began = time.perf_counter()
    found = work(made)
    seconds = time.perf_counter() - began
    most = peak()
    return Result(
        first=first,
        made=making,
        seconds=seconds,
        memory=most - before,
        whole=most,
        facts=asdict(module.facts(found)),
    )


def _table(path: Path) -> pa.Table:
    return pq.read_table(path)


if __name__ == "__main__":
    # Libraries greet on stdout: what counts is the last line.
    print("\n" + json.dumps(asdict(run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))))

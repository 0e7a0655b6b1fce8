"""``python -m benchmarks.reading_worker WHO DUMP SHORT``: read a dump of JSON lines, once, alone.

Prints what it took as JSON. The short dump is read first, off the clock.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Sized
from dataclasses import asdict, dataclass

from benchmarks.weight import forget_peak, peak, resident


@dataclass(frozen=True)
class Result:
    seconds: float
    memory: float
    """MB at the peak, beside what the process occupied before."""
    events: int


def run(who: str, dump: str, short: str) -> Result:
    read = {"workbench": _workbench, "polars": _polars, "duckdb": _duckdb}[who]()
    read(short)
    gc.collect()
    before = resident()
    forget_peak()
    began = time.perf_counter()
    found = read(dump)
    seconds = time.perf_counter() - began
    return Result(seconds, peak() - before, len(found))


def _workbench() -> Callable[[str], Sized]:
    from workbench.analysis import EventLog

    return EventLog.read


def _polars() -> Callable[[str], Sized]:
    import polars as pl

    return pl.read_ndjson


def _duckdb() -> Callable[[str], Sized]:
    import duckdb

    columns = dict.fromkeys(
        ("id", "type", "source", "correlation_id", "causation_id", "channel"), "VARCHAR"
    )
    columns |= {"time": "TIMESTAMP_NS", "partition": "INTEGER", "offset": "BIGINT", "data": "JSON"}

    def read(path: str) -> Sized:
        database = duckdb.connect()
        database.read_json(path, format="newline_delimited", columns=columns).create("log")
        return range(database.table("log").count("*").fetchall()[0][0])

    return read


if __name__ == "__main__":
    print(json.dumps(asdict(run(*sys.argv[1:]))))

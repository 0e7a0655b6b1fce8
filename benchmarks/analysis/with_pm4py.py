"""The work by pm4py, whose hops are from each event of a flow to the next in time.

pm4py is AGPL: it is measured beside the workbench, and no part of it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from benchmarks.analysis.facts import Facts

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pm4py


@dataclass(frozen=True)
class Answers:
    rows: int
    log: pd.DataFrame
    follows: Any
    performance: Any
    variants: dict[tuple[str, ...], int]
    durations: list[float]


def make(table: pa.Table) -> pd.DataFrame:
    frame = table.to_pandas().astype({"type": "str"})
    return frame.assign(time=pd.to_datetime(frame["time"], utc=True))


def work(frame: pd.DataFrame) -> Answers:
    known = frame.dropna(subset=["correlation_id"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log = pm4py.format_dataframe(
            known.drop_duplicates(["source", "id"]),
            case_id="correlation_id",
            activity_key="type",
            timestamp_key="time",
        )
        return Answers(
            len(known),
            log,
            pm4py.discover_dfg(log),
            pm4py.discover_performance_dfg(log),
            pm4py.get_variants(log),
            pm4py.get_all_case_durations(log),
        )


def facts(found: Answers) -> Facts:
    return Facts(
        flows=len(found.durations),
        events=len(found.log),
        duplicates=found.rows - len(found.log),
        duration_ms=sum(found.durations) * 1e3,
        variants=sorted(found.variants.values(), reverse=True),
        hops=None,
    )

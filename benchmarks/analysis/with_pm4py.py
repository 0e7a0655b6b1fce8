"""The work by pm4py, whose hops are from each event of a flow to the next in time.

Its summary of a hop has the mean and no quantiles: both are taken from the values that it gives.
pm4py is AGPL: it is measured beside the workbench, and no part of it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
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
    latencies: dict[tuple[str, str], tuple[float, float]]
    """Mean and 95th percentile of each kind of hop, in seconds."""
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
            _latencies(log),
            pm4py.get_variants(log),
            pm4py.get_all_case_durations(log),
        )


def _latencies(log: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    values, _, _ = pm4py.discover_performance_dfg(log, perf_aggregation_key="raw_values")
    return {hop: (np.mean(seconds), np.quantile(seconds, 0.95)) for hop, seconds in values.items()}


def facts(found: Answers) -> Facts:
    return Facts(
        flows=len(found.durations),
        events=len(found.log),
        duplicates=found.rows - len(found.log),
        duration_ms=sum(found.durations) * 1e3,
        variants=sorted(found.variants.values(), reverse=True),
        hops=None,
    )

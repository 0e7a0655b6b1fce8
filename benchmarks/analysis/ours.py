"""The work by the workbench: three questions to an EventLog."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from benchmarks.analysis.facts import Facts
from workbench.analysis import EventLog


@dataclass(frozen=True)
class Answers:
    flows: pd.DataFrame
    variants: pd.DataFrame
    hops: pd.DataFrame


def make(table: pa.Table) -> EventLog:
    return EventLog(table.to_pandas())


def work(log: EventLog) -> Answers:
    return Answers(log.flows(), log.variants(), log.hops())


def facts(found: Answers) -> Facts:
    hops = found.hops
    mean = hops["mean_ms"] if "mean_ms" in hops else pd.Series([None] * len(hops), dtype="object")
    return Facts(
        flows=len(found.flows),
        events=int(found.flows["events"].sum()),
        duplicates=int(found.flows["duplicates"].sum()),
        duration_ms=float(found.flows["duration_ms"].sum()),
        variants=found.variants["flows"].tolist(),
        hops=list(
            zip(
                hops["cause_type"],
                hops["effect_type"],
                hops["service"],
                hops["n"].tolist(),
                mean.tolist(),
                hops["p95_ms"].tolist(),
                strict=True,
            )
        ),
    )

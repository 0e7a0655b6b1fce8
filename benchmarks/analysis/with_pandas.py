"""The work as it is written first in a notebook: pandas, and ``groupby.apply`` for each flow."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from benchmarks.analysis.facts import Facts


@dataclass(frozen=True)
class Answers:
    rows: int
    flows: pd.DataFrame
    variants: pd.DataFrame
    hops: pd.DataFrame


def make(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas()


def work(frame: pd.DataFrame) -> Answers:
    known = frame.dropna(subset=["correlation_id"])
    events = known.drop_duplicates(["source", "id"]).sort_values("time")
    flows = events.groupby("correlation_id").apply(_flow)
    variants = (
        flows.reset_index()
        .groupby("path")
        .agg(
            flows=("path", "size"),
            duration=("duration", "median"),
            example=("correlation_id", "first"),
        )
        .sort_values("flows", ascending=False)
    )
    hops = events.merge(
        events, left_on=["correlation_id", "id"], right_on=["correlation_id", "causation_id"]
    )
    hops["latency"] = hops["time_y"] - hops["time_x"]
    found = hops.groupby(["type_x", "type_y", "source_y"], observed=True)["latency"].agg(
        n="size", mean="mean", p95=lambda latency: latency.quantile(0.95)
    )
    return Answers(len(known), flows, variants, found)


def _flow(events: pd.DataFrame) -> pd.Series:
    started, ended = events["time"].min(), events["time"].max()
    return pd.Series(
        {
            "started": started,
            "ended": ended,
            "duration": ended - started,
            "events": len(events),
            "path": tuple(events["type"]),
        }
    )


def facts(found: Answers) -> Facts:
    events = int(found.flows["events"].sum())
    return Facts(
        flows=len(found.flows),
        events=events,
        duplicates=found.rows - events,
        duration_ms=int(found.flows["duration"].sum()) / 1e6,
        variants=found.variants["flows"].tolist(),
        hops=[
            (*hop.Index, hop.n, hop.mean / 1e6, hop.p95 / 1e6) for hop in found.hops.itertuples()
        ],
    )

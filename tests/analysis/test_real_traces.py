"""Half a million spans of a real system, against plain pandas."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.analysis import EventLog

SPANS = Path(__file__).parents[3] / "shared" / "data" / "trainticket_spans.parquet"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not SPANS.exists(), reason=f"{SPANS} is not on this machine"),
]


@pytest.fixture(scope="module")
def spans() -> pd.DataFrame:
    """Each span once, as plain pandas would drop the duplicates."""
    spans = pd.read_parquet(SPANS)
    return spans.assign(PodName=spans["PodName"].astype("str"))


@pytest.fixture(scope="module")
def log(spans) -> EventLog:
    return EventLog(
        pd.DataFrame(
            {
                "id": spans["SpanID"],
                "type": spans["OperationName"],
                "source": spans["PodName"],
                "time": pd.to_datetime(spans["StartTimeUnixNano"], utc=True),
                "correlation_id": spans["TraceID"],
                "causation_id": spans["ParentID"].where(spans["ParentID"] != "root"),
            }
        )
    )


@pytest.fixture(scope="module")
def distinct(spans) -> pd.DataFrame:
    return spans.drop_duplicates(["TraceID", "SpanID"])


def test_flows_agree_with_a_plain_groupby(log, spans, distinct):
    expected = distinct.groupby("TraceID")["StartTimeUnixNano"].agg(["min", "max", "size"])
    flows = log.flows().set_index("correlation_id").loc[expected.index]
    assert (flows["events"] == expected["size"]).all()
    assert (flows["duration_ms"] == (expected["max"] - expected["min"]) / 1e6).all()
    assert log.n_duplicates == len(spans) - len(distinct) == flows["duplicates"].sum()
    assert log.events == len(distinct)


def test_hops_agree_with_a_plain_merge(log, distinct):
    cause = distinct[["TraceID", "SpanID", "OperationName", "StartTimeUnixNano"]]
    pairs = distinct.merge(
        cause,
        left_on=["TraceID", "ParentID"],
        right_on=["TraceID", "SpanID"],
        suffixes=("", "Cause"),
    )
    pairs["ms"] = (pairs["StartTimeUnixNano"] - pairs["StartTimeUnixNanoCause"]) / 1e6
    groups = pairs.groupby(["OperationNameCause", "OperationName", "PodName"], observed=True)["ms"]
    expected = pd.DataFrame(
        {
            "n": groups.size(),
            "mean_ms": groups.mean(),
            "p50_ms": groups.median(),
            "p95_ms": groups.quantile(0.95),
        }
    )
    hops = log.hops().set_index(["cause_type", "effect_type", "service"])
    assert len(hops) == len(expected)
    hops = hops.loc[expected.index, expected.columns]
    assert (hops["n"] == expected["n"]).all()
    np.testing.assert_allclose(hops, expected, atol=1e-6)


def test_variants_agree_with_paths_spelled_out_by_plain_pandas(log, distinct):
    spans = distinct[distinct["TraceID"].isin(distinct["TraceID"].unique()[:800])]
    is_root = spans["ParentID"] == "root"
    is_lost = ~is_root & ~spans["ParentID"].isin(spans["SpanID"])
    per_trace = pd.DataFrame({"roots": is_root, "lost": is_lost}).groupby(spans["TraceID"]).sum()
    whole = per_trace.index[(per_trace["roots"] == 1) & (per_trace["lost"] == 0)]
    spans = spans[spans["TraceID"].isin(whole)]
    parent = dict(zip(spans["SpanID"], spans["ParentID"], strict=True))

    def stage(span: str) -> int:
        count = 0
        while (span := parent[span]) != "root":
            count += 1
        return count

    steps = pd.DataFrame(
        {
            "trace": spans["TraceID"],
            "step": list(zip(spans["SpanID"].map(stage), spans["OperationName"], strict=True)),
        }
    )
    paths = steps.groupby("trace")["step"].agg(lambda found: tuple(sorted(found)))
    variant = log.flows().set_index("correlation_id")["variant"].loc[paths.index].astype("str")
    assert len(paths) > 500
    assert paths.groupby(variant).nunique().max() == 1  # one path in each variant
    assert variant.groupby(paths).nunique().max() == 1  # one variant for each path


def test_questions_about_traffic_agree_with_plain_pandas(log, distinct):
    start = pd.to_datetime(distinct["StartTimeUnixNano"], utc=True).dt.floor("15min")
    expected = distinct.groupby([start, distinct["OperationName"].astype("str")]).size()
    assert log.throughput("15min")["events"].tolist() == expected.tolist()

    caused = distinct.merge(
        distinct[["TraceID", "SpanID"]],
        left_on=["TraceID", "ParentID"],
        right_on=["TraceID", "SpanID"],
    )
    most = caused.groupby(["TraceID", "ParentID"]).size().max()
    fan_out = log.fan_out()
    assert fan_out["max"].max() == most
    assert round((fan_out["mean"] * fan_out["events"]).sum()) == len(caused)

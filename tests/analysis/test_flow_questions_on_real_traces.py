"""The questions about flows, asked of half a million spans of a real system."""

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
def log() -> EventLog:
    spans = pd.read_parquet(SPANS)
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


def test_critical_paths_take_all_the_time_of_all_flows(log):
    answer, flows = log.critical_path(), log.flows()
    assert answer["total_ms"].sum() == pytest.approx(flows["duration_ms"].sum())
    assert answer["share"].sum() == pytest.approx(1)
    assert (answer["saves_ms"].dropna() >= 0).all()
    longest = flows.loc[flows["duration_ms"].idxmax()]
    one = log.critical_path(longest["correlation_id"])
    assert one["to_ms"].iloc[-1] == pytest.approx(longest["duration_ms"])


def test_random_halves_of_the_flows_are_alike(log):
    rng = np.random.default_rng(3)
    ids = log.flows()["correlation_id"]
    first = set(ids[rng.random(len(ids)) < 0.5])
    mine = log.frame["correlation_id"].isin(first)
    answer = EventLog(log.frame[mine]).compare(EventLog(log.frame[~mine]))
    assert set(answer["verdict"]) <= {"no change", "too few to tell"}
    assert len(answer) > 500


def test_what_makes_traces_slow_is_a_service_and_a_random_half_has_no_reason(log):
    slow = log.flows()["duration_ms"] > 1000
    answer = log.explain(slow)
    assert answer["by_chance"].iloc[0] < 1e-9
    row = answer.iloc[0]
    assert row["attribute"] == "service"
    chance = log.explain(np.random.default_rng(1).random(len(slow)) < 0.5)
    assert (chance["by_chance"] > 0.05).all()


def test_the_most_unusual_hop_really_took_so_long(log):
    hop = log.anomalies().query("what == 'hop'").iloc[0]
    frame = log.flow(hop["correlation_id"]).frame.drop_duplicates("id").astype({"type": str})
    hops = frame.merge(frame, left_on="id", right_on="causation_id", suffixes=("_cause", ""))
    names = hops["type_cause"] + " → " + hops["type"] + " (" + hops["source"].astype(str) + ")"
    took = (hops["time"] - hops["time_cause"])[names == hop["name"]]
    assert f"took {took.max().total_seconds() * 1000:.0f} ms" in hop["evidence"]

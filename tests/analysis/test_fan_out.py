from statistics import quantiles

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis import EventLog

NOON = pd.Timestamp("2026-11-23T12:00:00Z")


def test_effects_are_counted_for_events_of_each_type(orders):
    found = orders.fan_out().set_index("type")
    assert found.index.tolist() == [
        "OrderPlaced",  # each of the four has one effect
        "PaymentReceived",  # both have
        "StockReserved",  # three of four have
        "PaymentDeclined",
        "ShipmentDispatched",
    ]
    reserved = found.loc["StockReserved"]
    assert (reserved["events"], reserved["without"], reserved["mean"]) == (4, 1, 0.75)
    assert (reserved["min"], reserved["p50"], reserved["max"]) == (0, 1.0, 1)
    assert reserved["p95"] == 1.0
    assert reserved["example"] == "o-1"


def test_the_sentence_names_the_event_with_the_most(event):
    log = EventLog(
        [
            event("Placed", "f", 0),
            event("Placed", "g", 1),
            *(event("Picked", "g", 2 + n, "Placed", id=f"p{n}") for n in range(3)),
            event("Stray", None, 9),
        ]
    )
    assert log.fan_out().sentence == (
        "5 events have 3 effects, 0.6 each on average; one Placed has the most, 3 (in flow g; "
        "half of its type have at most 1.5). 1 of 2 types never have one. 1 event without a flow "
        "is left out."
    )


def test_a_log_without_causes_says_so(event):
    found = EventLog([event("A", "f", 0), event("B", "f", 1)]).fan_out()
    assert found.sentence.endswith(" 1 cause inferred from the log's own statistics.")
    alone = EventLog([event("A", "f", 0), event("B", "g", 1)]).fan_out()
    assert alone.sentence == "No event among 2 names a cause in its flow, so none has an effect."
    assert len(alone.plot().layout.annotations) == 1


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=30))
def test_quantiles_agree_with_the_standard_library(counts):
    rows = []
    for flow, n in enumerate(counts):
        rows.append({"id": f"{flow}", "type": "A", "time": NOON, "correlation_id": f"{flow}"})
        rows += [
            {**rows[-1], "id": f"{flow}/{k}", "type": "B", "causation_id": f"{flow}"}
            for k in range(n)
        ]
    cause = EventLog(rows).fan_out().set_index("type").loc["A"]
    cut = quantiles(counts, n=20, method="inclusive")
    assert cause["p50"] == pytest.approx(cut[9])
    assert cause["p95"] == pytest.approx(cut[18])
    assert (cause["min"], cause["max"]) == (min(counts), max(counts))

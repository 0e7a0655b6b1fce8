import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.errors import LogError

SHIPPED = ("OrderPlaced", "ShipmentDispatched")


def test_each_flow_is_measured_from_its_first_event_of_one_type_to_its_first_of_the_other(orders):
    found = orders.latency(SHIPPED)
    assert found.columns.tolist() == [
        *("group", "flows", "arrived", "never", "before"),
        *("p50_ms", "p95_ms", "p99_ms", "max_ms", "slowest"),
    ]
    row = found.iloc[0]
    assert (row["flows"], row["arrived"], row["never"], row["before"]) == (4, 2, 2, 0)
    assert (row["p50_ms"], row["max_ms"], row["slowest"]) == (105.0, 140.0, "o-2")  # 70 and 140
    assert found.sentence == (
        "Of 4 flows with OrderPlaced 2 came to ShipmentDispatched and 2 never did. Of those that "
        "came, half took at most 105 ms, 95 % at most 136 ms, the slowest 140 ms (flow o-2)."
    )


def test_a_second_event_of_the_same_type_does_not_count(event):
    log = EventLog(
        [event("A", "f", 0), event("A", "f", 5, id="2"), event("B", "f", 9), event("B", "f", 30)]
    )
    assert log.latency(("A", "B"))["max_ms"].tolist() == [9.0]


def test_flows_are_measured_by_variant_and_by_hour(orders, event):
    by_variant = orders.latency(SHIPPED, by="variant")
    assert by_variant["group"].tolist() == ["all flows", *orders.variants()["path"]]
    assert by_variant["never"].tolist() == [2, 0, 1, 1]
    hour = 3_600_000
    log = EventLog(
        [
            *(event("A", "f", 0), event("B", "f", 10)),
            *(event("A", "g", hour), event("B", "g", hour + 30)),
        ]
    )
    by_hour = log.latency(("A", "B"), by="hour")
    assert by_hour["group"].tolist() == ["all flows", "2026-11-23 12:00", "2026-11-23 13:00"]
    assert by_hour["p50_ms"].tolist() == [20.0, 10.0, 30.0]


def test_what_came_before_or_without_the_first_is_said(event):
    early = [event("A", "f", 10), event("B", "f", 4, "A"), event("B", "g", 0)]
    log = EventLog([*early, event("A", "h", 0), event("B", "h", 7)])
    found = log.latency(("A", "B"))
    assert (found["before"].tolist(), found["max_ms"].tolist()) == ([1], [7.0])
    assert found.sentence.endswith(
        "In 1 flow B has the earlier time: clocks differ, or it came first. 1 flow has B without A."
    )


def test_asked_backwards_it_says_so_instead_of_lengths_below_zero(event):
    log = EventLog([event("A", "f", 0), event("B", "f", 6), event("B", "g", 0)])
    assert log.latency(("B", "A")).sentence == (
        "Of 2 flows with B 1 came to A and 1 never did. Of those that came, 1 did so before B: if "
        "that is how it goes, ask latency(('A', 'B')); if not, clocks differ."
    )


def test_a_type_that_is_not_there_is_named_with_those_that_are(orders):
    with pytest.raises(LogError, match=r"no flow of this log has an event of type 'OrderShipped'"):
        orders.latency()
    with pytest.raises(LogError, match=r"ask between two of OrderPlaced, PaymentDeclined, Pay"):
        orders.latency(("Placed", "Shipped"))
    with pytest.raises(LogError, match=r"between='AB': give two event types"):
        orders.latency("AB")
    with pytest.raises(LogError, match=r"then='A': give two event types"):
        orders.latency("A", "A")
    with pytest.raises(LogError, match=r"by='day': latency is grouped by 'variant' or by 'hour'"):
        orders.latency(SHIPPED, by="day")


def test_the_two_types_may_be_given_one_after_the_other(orders):
    expected = orders.latency(SHIPPED)
    pd.testing.assert_frame_equal(orders.latency(*SHIPPED), expected)
    assert orders.latency(*SHIPPED, by="hour").sentence == expected.sentence
    for odd in ((SHIPPED, "C"), ("A", 5), (5,), (["A", "B", "C"],)):
        with pytest.raises(LogError, match=r"give two event types, latency\('OrderPlaced', 'Ord"):
            orders.latency(*odd)


def test_the_picture_says_its_unit_how_many_and_who_never_came(orders):
    figure = orders.latency(SHIPPED).plot()
    assert figure.layout.title.text == (
        "<b>From OrderPlaced to ShipmentDispatched, in ms (n = 2 flows)</b>"
    )
    assert figure.layout.title.subtitle.text == "2 more never came to ShipmentDispatched"
    assert sum(figure.data[0].y) == 2
    never = orders.latency(("ShipmentDispatched", "OrderPlaced"))
    assert sum(never.plot().data[0].y) == 2


def test_the_picture_of_grouped_latencies_has_a_row_or_a_point_for_each_group(event):
    rows = []
    for n in range(8):
        rows += [event("A", f"f{n}", 1_800_000 * n), event("B", f"f{n}", 1_800_000 * n + 100 + n)]
        rows += [event("C", f"f{n}", 1_800_000 * n + 50)] * (n % 4 == 0)
    log = EventLog(rows)
    by_variant = log.latency("A", "B", by="variant").plot()
    assert by_variant.layout.title.text == "<b>From A to B by variant, in ms (n = 8 flows)</b>"
    assert list(by_variant.layout.yaxis.ticktext) == ["A → B<br>n = 6", "A → C → B<br>n = 2"]
    by_hour = log.latency("A", "B", by="hour").plot()
    assert by_hour.layout.title.text == "<b>From A to B by hour, in ms (n = 8 flows)</b>"
    assert [list(trace.y) for trace in by_hour.data] == [
        pytest.approx([100.95, 102.95, 104.95, 106.95]),
        [100.5, 102.5, 104.5, 106.5],
    ]
    assert by_hour.data[0].x[0] == "2026-11-23 12:00"

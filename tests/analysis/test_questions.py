"""Flows, hops, variants and what is stuck, against answers worked out by hand."""

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.analysis.inference import untold
from workbench.analysis.stuck import part, ways, whole
from workbench.analysis.stuck_rule import Rule
from workbench.analysis.usually_due import WayCounts
from workbench.choreography import Choreography
from workbench.errors import LogError
from workbench.events import EventType

NOON = pd.Timestamp("2026-11-23T12:00:00Z")


# --- flows ---------------------------------------------------------------------------------


def test_flows_are_listed_in_the_order_in_which_they_started(orders):
    flows = orders.flows()
    assert flows["correlation_id"].tolist() == ["o-1", "o-2", "o-3", "o-4"]
    assert flows["started"].tolist() == [NOON + pd.Timedelta(s, "s") for s in range(4)]
    assert flows["duration_ms"].tolist() == [70.0, 140.0, 80.0, 10.0]
    assert (flows["ended"] - flows["started"]).dt.total_seconds().tolist() == [
        0.07,
        0.14,
        0.08,
        0.01,
    ]


def test_flows_count_events_once_and_duplicates_and_dead_letters_apart(orders):
    flows = orders.flows()
    assert flows["events"].tolist() == [4, 4, 3, 2]
    assert flows["duplicates"].tolist() == [1, 0, 0, 0]
    assert flows["dead_letters"].tolist() == [0, 0, 0, 1]


def test_flows_say_how_they_began_and_ended_and_who_took_part(orders):
    flows = orders.flows()
    assert set(flows["first_type"]) == {"OrderPlaced"}
    assert flows["last_type"].tolist() == [
        "ShipmentDispatched",
        "ShipmentDispatched",
        "PaymentDeclined",
        "StockReserved",
    ]
    assert flows["services"].tolist() == [
        "billing, inventory, shipping, shop",
        "billing, inventory, shipping, shop",
        "billing, inventory, shop",
        "inventory, shop",
    ]
    assert flows["variant"].tolist() == ["V1", "V1", "V2", "V3"]


def test_one_dead_letter_captured_twice_counts_once_and_another_reaction_s_counts_too(event):
    placed = event("OrderPlaced", "o", 0)
    letter = {**placed, "channel": "billing.dead-letters"}
    reasons = ["billing/charge: E: no", "billing/charge: E: no", "billing/audit: E: no"]
    log = EventLog([placed, *({**letter, "dead_letter": reason} for reason in reasons)])
    assert log.flows()["dead_letters"].tolist() == [2]
    assert log.n_duplicates == 0


def test_records_without_an_id_are_known_by_where_they_stood(event):
    nameless = event("Undecoded", None, 0, id=None, offset=5, partition=0)
    elsewhere = {**nameless, "offset": 6}
    unplaced = {**nameless, "offset": None}
    log = EventLog([nameless, nameless, elsewhere, unplaced, unplaced])
    assert (log.n_duplicates, log.without_flow) == (1, 4)


# --- hops ----------------------------------------------------------------------------------


def test_hops_measure_the_time_from_cause_to_effect_in_milliseconds(orders):
    hops = orders.hops().set_index(["cause_type", "effect_type", "service"])
    assert hops.index.tolist() == [
        ("OrderPlaced", "StockReserved", "inventory"),
        ("PaymentReceived", "ShipmentDispatched", "shipping"),
        ("StockReserved", "PaymentReceived", "billing"),
        ("StockReserved", "PaymentDeclined", "billing"),
    ]
    assert hops["n"].tolist() == [4, 2, 2, 1]
    reserved = hops.loc[("OrderPlaced", "StockReserved", "inventory")]
    assert reserved["n"] == 4
    assert (reserved["p50_ms"], reserved["mean_ms"]) == (15.0, 17.5)  # of 10, 10, 20, 30
    assert reserved["p95_ms"] == pytest.approx(28.5)
    assert reserved["max_ms"] == 30.0
    shipped = hops.loc[("PaymentReceived", "ShipmentDispatched", "shipping")]
    assert (shipped["n"], shipped["p50_ms"], shipped["max_ms"]) == (2, 60.0, 80.0)


def test_a_clock_that_is_behind_shows_as_a_time_below_zero(event):
    log = EventLog([event("A", "f", 10), event("B", "f", 4, "A")])
    assert log.hops()["p50_ms"].tolist() == [-6.0]
    assert log.flow("f").frame["type"].tolist() == ["A", "B"]


def test_a_cause_in_another_flow_makes_no_hop(event):
    log = EventLog([event("A", "f", 0), event("B", "g", 1, causation_id="f/A")])
    assert log.hops().empty


# --- variants ------------------------------------------------------------------------------


def test_variants_are_paths_with_the_most_frequent_first(orders):
    variants = orders.variants()
    assert variants["variant"].tolist() == ["V1", "V2", "V3"]
    assert variants["path"].tolist() == [
        "OrderPlaced → StockReserved → PaymentReceived → ShipmentDispatched",
        "OrderPlaced → StockReserved → PaymentDeclined",
        "OrderPlaced → StockReserved",
    ]
    assert variants["flows"].tolist() == [2, 1, 1]
    assert variants["share"].tolist() == [0.5, 0.25, 0.25]
    assert variants["events"].tolist() == [4, 3, 2]
    assert variants["median_ms"].tolist() == [105.0, 80.0, 10.0]
    assert variants["example"].tolist() == ["o-1", "o-3", "o-4"]


def test_effects_side_by_side_make_one_variant_whichever_came_first(event):
    log = EventLog(
        [
            event("A", "f", 0),
            event("B", "f", 1, "A"),
            event("C", "f", 2, "A"),
            event("D", "f", 3, "B"),
            event("A", "g", 0),
            event("C", "g", 1, "A"),
            event("B", "g", 2, "A"),
            event("D", "g", 3, "B"),
        ]
    )
    assert log.variants()["path"].tolist() == ["A → B + C → D"]


def test_events_of_one_type_side_by_side_are_counted(event):
    lines = [event("LinePicked", "f", n, "OrderPlaced", id=f"line {n}") for n in (1, 2, 3)]
    log = EventLog([event("OrderPlaced", "f", 0), *lines])
    assert log.variants()["path"].tolist() == ["OrderPlaced → LinePicked ×3"]


def test_a_log_that_knows_no_causes_is_told_as_it_happened(event):
    log = EventLog([event("B", "f", 1), event("A", "f", 0), event("C", "f", 2)])
    assert log.variants()["path"].tolist() == ["A → B → C"]


def test_an_event_whose_cause_is_unknown_follows_the_one_before_it(event):
    log = EventLog(
        [event("A", "f", 0), event("B", "f", 1, "A"), event("Cancelled", "f", 2), event("D", "f", 3, "Cancelled")]
    )  # fmt: skip
    assert log.variants()["path"].tolist() == ["A → B → Cancelled → D"]


def test_a_very_long_path_is_cut_in_the_middle_and_says_so(event):
    log = EventLog([event("Retried", "f", n, id=str(n)) for n in range(1000)])
    path = log.variants()["path"][0]
    assert path.split(" → ")[20] == "… 960 more stages …"
    assert log.variants()["events"].tolist() == [1000]


def test_events_without_a_type_or_a_service_are_named_as_such(event):
    log = EventLog([event("A", "f", 0), event("B", "f", 1, "A", type=None, source=None)])
    assert log.variants()["path"].tolist() == ["A → (no type)"]
    assert "events without a type 1" in repr(log)
    assert log.hops()["service"].tolist() == ["(no source)"]


# --- stuck ---------------------------------------------------------------------------------


def test_an_event_without_the_effect_that_others_of_its_type_have_is_stuck(orders):
    stuck = orders.stuck()
    assert stuck.to_dict("records") == [
        {
            "correlation_id": "o-4",
            "event_type": "StockReserved",
            "waiting_for": "PaymentReceived or PaymentDeclined",
            "waiting_on": "billing",
            "since": NOON + pd.Timedelta(3010, "ms"),
            "waited_s": 2.0,
            "last_type": "StockReserved",
            "dead_letter": "billing/charge: TimeoutError: no answer",
        }
    ]


def test_what_is_due_depends_on_what_an_event_came_of(event):
    def flow(name: str, reason: str, *, released: bool) -> list[dict]:
        steps = ["OrderPlaced", reason, "OrderCancelled", *["StockReleased"] * released]
        causes = [None, *steps]
        return [event(kind, name, n, causes[n]) for n, kind in enumerate(steps)]

    unpaid = [flow(f"unpaid-{n}", "PaymentDeclined", released=n < 9) for n in range(10)]
    gone = [flow(f"gone-{n}", "OutOfStock", released=False) for n in range(3)]
    stuck = EventLog([step for steps in (*unpaid, *gone) for step in steps]).stuck()
    assert stuck["correlation_id"].tolist() == ["unpaid-9"]
    assert stuck["waiting_for"].tolist() == ["StockReleased"]


def test_types_that_usually_end_a_flow_are_not_stuck(orders):
    assert set(orders.stuck()["event_type"]) == {"StockReserved"}
    assert orders.stuck(usually=1.0)["event_type"].tolist() == ["StockReserved"]  # given up on


def test_what_is_due_by_pairs_may_come_by_way_of_other_events(event):
    came = [event("A", "f", 0), event("B", "f", 1, "A"), event("C", "f", 2, "B")]
    beside = [event("A", "g", 3), event("B", "g", 4), event("C", "g", 5, "B")]
    log = EventLog(came + beside)
    assert log.stuck({"A": ["C"]})["correlation_id"].tolist() == ["g"]
    assert log.stuck({"A": ["C"], "B": ["C"]})["event_type"].tolist() == ["A"]
    assert EventLog(came).stuck({"A": ["C"]}).sentence == (
        "No flow is stuck among 1: all came that is due by what is expected."
    )


def test_what_has_not_waited_long_can_be_left_out(orders):
    assert orders.stuck(longer_than="2s")["correlation_id"].tolist() == ["o-4"]
    assert orders.stuck(longer_than="3s").empty


def test_a_design_says_what_is_due_even_if_it_never_came(orders):
    stuck = orders.stuck({"PaymentDeclined": ["StockReleased", "OrderCancelled"]})
    assert stuck["event_type"].tolist() == ["PaymentDeclined", "StockReserved"]
    assert stuck["waiting_for"].tolist() == [
        "OrderCancelled or StockReleased",
        "PaymentReceived or PaymentDeclined",
    ]


def test_a_design_is_content_with_any_of_the_types_it_expects(orders):
    stuck = orders.stuck({"StockReserved": {"PaymentReceived", "PaymentDeclined"}, "Absent": {"B"}})
    assert stuck["correlation_id"].tolist() == ["o-4"]


def test_causes_that_are_only_statistics_make_no_event_of_a_branch_wait(event):
    rows = []
    for n in range(20):
        branches = [event("Checked", f"f{n}", 1), event("Priced", f"f{n}", 2)]
        times = [1000, 2000] if n % 3 else [2000, 1000]
        for row, at in zip(branches, times, strict=True):
            row["time"] = pd.Timestamp("2026-11-23T12:00Z") + pd.Timedelta(at, "ms")
        rows += [event("Opened", f"f{n}", 0), *branches]
        if n:
            rows.append(event("Closed", f"f{n}", 9000))
    log = EventLog(rows)
    assert log.stuck()["correlation_id"].tolist() == ["f0"]
    assert log.stuck().sentence.endswith(
        "No cause is told: each event is taken to follow the one before it."
    )
    inferred = log.with_causes().stuck()
    pd.testing.assert_frame_equal(inferred, log.stuck())
    assert inferred.sentence == log.stuck().sentence


def test_without_causes_a_dead_letter_is_answered_by_what_follows(event):
    rows = [
        event(kind, f"f{n}", 10 * n + at, source=f"s{kind}")
        for n in range(50)
        for at, kind in enumerate("ABC")
    ]
    letters = [
        rows[3 * n] | {"dead_letter": f"s{who}/do: TimeoutError: x"}
        for n, who in ((7, "B"), (9, "Z"))
    ]
    log = EventLog([*rows, *letters])
    assert log.stuck()["correlation_id"].tolist() == ["f9"]


@pytest.mark.parametrize("gone", ["r1", "r2", "s1", "s2"])
def test_one_missing_cause_makes_no_finished_flow_wait(event, gone):
    def flow(name, lost=None):
        steps = [("o", "Ordered", None), ("s1", "Started", "o"), ("s2", "Started", "o"),
                 ("r1", "Result", "s1"), ("r2", "Result", "s2"), ("rep", "Report", "r2")]  # fmt: skip
        return [
            event(kind, name, at, id=f"{name}-{step}")
            | {"causation_id": cause and f"{name}-{cause}"}
            for at, (step, kind, cause) in enumerate(steps)
            if step != lost
        ]

    log = EventLog([row for n in range(60) for row in flow(f"f{n}", gone if n == 7 else None)])
    waits = log.stuck()
    assert waits["waiting_for"].tolist() == (["Result"] if gone[0] == "r" else [])


def test_of_a_flow_that_waits_for_several_things_it_is_said_for_how_many(event):
    log = EventLog(
        [event("A", "f", 0), event("C", "f", 1), event("A", "g", 2), event("B", "g", 3, "A")]
    )
    assert log.stuck({"A": ["B"], "C": ["D"]}).sentence.startswith(
        "1 of 2 flows is stuck with 2 events that wait, the longest for 3 ms, by what is expected: "
    )


def test_causes_that_are_named_and_found_nowhere_are_not_said_to_be_untold(event):
    rows = [event(kind, f"f{n}", at) for n in range(20) for at, kind in enumerate("ABC")]
    lost = [row | {"causation_id": f"gone-{at}"} for at, row in enumerate(rows)]
    assert (
        EventLog(lost)
        .stuck()
        .sentence.endswith(
            "No cause that 60 events name is in the flow (see log.orphans()): each event is taken to "
            "follow the one before it."
        )
    )


def test_types_asked_about_that_the_log_does_not_have_are_said(orders):
    assert orders.stuck({"typo": ["OrderPlaced", "other"]}).sentence.endswith(
        "by what is expected: 1 after StockReserved waits for PaymentReceived or PaymentDeclined "
        "from billing. For 1 of these there is a dead letter. "
        "1 event without a correlation id can't be an answer. "
        "No event here is of type other or typo."
    )
    assert "No event here" not in orders.stuck({"OrderPlaced": ["StockReserved"]}).sentence
    design = Choreography()
    design.event(EventType("ParcelSent", {"type": "object"}))
    assert orders.stuck(design).sentence.endswith("No event here is of a type that the design has.")


def test_without_causes_a_later_event_of_the_flow_answers(event):
    log = EventLog([event("A", "f", 0), event("B", "f", 1), event("B", "g", 0), event("A", "g", 1)])
    assert log.stuck({"A": ["B"]})["correlation_id"].tolist() == ["g"]


def test_an_event_that_one_service_gave_up_on_is_stuck_though_another_answered(event):
    def order(flow: str, *, billed: bool) -> list[dict]:
        placed = event("OrderPlaced", flow, 0)
        letter = {**placed, "dead_letter": "billing/bill: E: no"}
        bill = event("PaymentReceived", flow, 2, "OrderPlaced")
        return [placed, event("StockReserved", flow, 1, "OrderPlaced"), bill if billed else letter]

    log = EventLog([*order("f", billed=True), *order("g", billed=True), *order("h", billed=False)])
    stuck = log.stuck()
    assert stuck["correlation_id"].tolist() == ["h"]
    assert stuck["waiting_for"].tolist() == ["PaymentReceived"]


def test_a_dead_letter_that_was_answered_after_all_is_not_stuck(event):
    placed = event("OrderPlaced", "f", 0)
    log = EventLog(
        [
            placed,
            {**placed, "dead_letter": "inventory/reserve: E: no"},
            event("StockReserved", "f", 9, "OrderPlaced"),
        ]
    )
    assert log.stuck().empty
    assert log.flows()["dead_letters"].tolist() == [1]


@pytest.mark.parametrize("reaction", ["on_StockReserved", "of_old", ""])
def test_a_dead_letter_of_a_reaction_that_the_design_lacks_is_of_what_waits(event, reaction):
    design = Choreography()
    for name in ("StockReserved", "PaymentReceived"):
        design.event(EventType(name, {}))
    design.service("billing").whenever("StockReserved", emit={"PaymentReceived": {}})
    who = f"billing/{reaction}" if reaction else "billing"
    reserved = event("StockReserved", "f", 0)
    log = EventLog([reserved, {**reserved, "dead_letter": f"{who}: TimeoutError: no"}])
    stuck = log.stuck(design)
    assert stuck[["waiting_for", "waiting_on"]].to_numpy().tolist() == [
        ["PaymentReceived", "billing"]
    ]
    assert stuck["dead_letter"].notna().all()


def test_a_choreography_says_what_is_due_and_from_whom(orders):
    design = Choreography()
    for name in ("OrderPlaced", "StockReserved", "PaymentDeclined", "StockReleased"):
        design.event(EventType(name, {}))
    inventory = design.service("inventory")
    inventory.whenever("OrderPlaced", emit={"StockReserved": {}})
    inventory.whenever("PaymentDeclined", emit={"StockReleased": {}}, after="1s")
    design.service("billing").whenever("StockReserved", emit={"PaymentDeclined": {}}, guard="true")
    stuck = orders.stuck(design)
    assert stuck[["correlation_id", "waiting_for", "waiting_on"]].to_numpy().tolist() == [
        ["o-3", "StockReleased", "inventory"],
        ["o-4", "PaymentDeclined", "billing"],
    ]
    assert stuck["dead_letter"].notna().tolist() == [False, True]
    assert stuck.sentence == (
        "2 of 4 flows are stuck, the longest for 2.9 s, by what the design makes due: 1 after "
        "PaymentDeclined waits for StockReleased from inventory; 1 after StockReserved waits for "
        "PaymentDeclined from billing. For 1 of these there is a dead letter. "
        "1 event without a correlation id can't be an answer."
    )
    assert orders.stuck(design, longer_than="1940ms")["correlation_id"].tolist() == ["o-4"]
    no_word, letters, counts = stuck.plot().data
    assert (no_word.name, no_word.x[1], letters.name, letters.x[0]) == (
        "no word", 1, "⚠ dead letter", 1
    )  # fmt: skip
    assert list(counts.text) == [" 1, up to 2 s", " 1, up to 2.93 s"]


def test_that_no_flow_is_stuck_is_said(orders):
    stuck = orders.between(NOON, NOON + pd.Timedelta("2s")).stuck()
    assert stuck.sentence == (
        "No flow is stuck among 2: all came that is due by what is usual in this part of the log."
    )
    assert len(stuck.plot().layout.annotations) == 1


@pytest.mark.parametrize("expected", [None, {"StockReserved": ["PaymentReceived"]}])
def test_what_is_stuck_is_found_in_parts_of_a_log_as_in_all_of_it(orders, expected):
    flows = orders.frame["correlation_id"].isin(["o-1", "o-4"])
    logs = [EventLog(orders.frame[flows]), EventLog(orders.frame[~flows])]
    joined = stuck_in_parts(logs, expected)
    pd.testing.assert_frame_equal(pd.DataFrame(joined), pd.DataFrame(orders.stuck(expected)))
    assert joined.sentence == orders.stuck(expected).sentence
    shuffled = EventLog(orders.frame.sample(frac=1, random_state=3)).stuck(expected)
    pd.testing.assert_frame_equal(pd.DataFrame(shuffled), pd.DataFrame(joined))


def test_in_a_part_without_causes_order_says_nothing_if_another_part_tells_causes(event):
    told = [event("K", "k", 0), event("L", "k", 1, "K")]
    untold_flows = [
        event(kind, flow, n, source="s")
        for flow in "pqrs"
        for n, kind in enumerate(["Foo", "Zed", "Bar"])
        if (flow, kind) != ("s", "Bar")
    ]
    expected = {"Zed": ["Bar"]}
    at_once = EventLog(told + untold_flows).stuck(expected)
    in_parts = stuck_in_parts([EventLog(told), EventLog(untold_flows)], expected)
    pd.testing.assert_frame_equal(pd.DataFrame(in_parts), pd.DataFrame(at_once))
    assert at_once.sentence == in_parts.sentence
    assert at_once["waiting_on"].tolist() == ["s"]  # it emitted Bar, though nobody knows after what


def stuck_in_parts(logs, expected=None):
    usual = Rule.usual(WayCounts.together([ways(log.index) for log in logs]), 0.5)
    rule = usual if expected is None else Rule.of(expected)
    parts = [part(log.index, untold(log.index, log.frame), rule) for log in logs]
    return whole(parts, rule, pd.Timedelta(0))


# --- a picture -----------------------------------------------------------------------------


def test_a_flow_is_drawn_as_who_told_whom_and_who_gave_up(orders, event):
    assert str(orders.flow("o-1").mermaid()).splitlines() == [
        "sequenceDiagram",
        "    participant p0 as shop",
        "    participant p1 as inventory",
        "    participant p2 as billing",
        "    participant p3 as shipping",
        "    p0->>p1: OrderPlaced +0 ms",
        "    p1->>p2: StockReserved +10 ms",
        "    p2->>p3: PaymentReceived +30 ms",
        "    Note over p3: ShipmentDispatched +70 ms",
    ]
    reserved = event("StockReserved", "f", 0)
    letter = {**reserved, "dead_letter": "billing/charge: LookupError: no <account>"}
    assert str(EventLog([reserved, letter]).mermaid()).splitlines()[-2:] == [
        "    p0-xp1: StockReserved +0 ms",
        "    Note over p1: gave up: billing/charge: LookupError: no #60;account#62;",
    ]


def test_who_gave_up_on_an_event_that_stands_in_the_log_as_dead_letter_alone_is_drawn(event):
    lost = event("OrderPlaced", "f", 0)
    letter = {**lost, "dead_letter": "inventory/reserve: E: no"}
    log = EventLog([letter, event("StockReserved", "f", 5)])
    lines = str(log.mermaid()).splitlines()
    assert "    Note over p1: gave up: inventory/reserve: E: no" in lines


def test_what_is_too_much_for_a_picture_is_said(orders, event):
    with pytest.raises(LogError, match=r"shows one flow, and here are 4: log\.flow\(correlation"):
        orders.mermaid()
    many = EventLog([event(f"E{n}", "f", n) for n in range(201)])
    with pytest.raises(LogError, match=r"has 201 events, and a picture of more than 200 shows"):
        many.mermaid()


def test_flows_that_begin_or_end_by_another_clock_are_said_to_seem_longer(event):
    late = [
        event("A", "f", 1000),
        event("B", "f", 0, "A", source="bank"),
        event("C", "f", 1010, "B"),
    ]
    log = EventLog([*late, event("A", "g", 0), event("B", "g", 5, "A", source="bank")])
    assert log.flows().sentence == (
        "2 flows of 5 events; half take 507 ms or less, 95 % 960 ms, the longest (f) 1 s. 1 flow "
        "begins or ends by a clock that differs from the others, and seems to take longer: see "
        "log.without_skew().flows(). One flow, f, has 3 of them."
    )
    assert "clock" not in log.without_skew().flows().sentence

"""What is stuck by what is usual in a log, without a design: what is due, and what answers it."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis import EventLog
from workbench.analysis.inference import untold
from workbench.analysis.stuck import part, ways, whole
from workbench.analysis.stuck_rule import Rule
from workbench.analysis.usually_due import WayCounts
from workbench.choreography import Choreography
from workbench.errors import LogError
from workbench.events import EventType

SERVICES = {"Paid": "bank", "Shipped": "ship", "ShipFailed": "ship", "Decided": "desk"}


def flow(name: str, *steps: tuple[str, str, str | None]) -> list[dict]:
    """Events of a flow, a second apart: each its id, its type and the id of its cause."""
    began = pd.Timestamp("2026-11-23T12:00Z")
    return [
        {
            "id": f"{name}/{id_}",
            "type": kind,
            "source": SERVICES.get(kind, "shop"),
            "time": began + pd.Timedelta(n, "s"),
            "correlation_id": name,
            "causation_id": None if cause is None else f"{name}/{cause}",
        }
        for n, (id_, kind, cause) in enumerate(steps)
    ]


ORDERED, PAID, SHIPPED = ("o", "Ordered", None), ("p", "Paid", "o"), ("s", "Shipped", "p")
ASKED = ("a", "Asked", None)


def logged(*flows: list[dict]) -> EventLog:
    return EventLog([event for events in flows for event in events])


def many(n: int, *steps: tuple[str, str, str | None], name: str = "ok") -> list[dict]:
    return [event for number in range(n) for event in flow(f"{name}-{number}", *steps)]


def stuck(log: EventLog, *args, **options) -> list[str]:
    return sorted(log.stuck(*args, **options)["correlation_id"])


# --- each or one ---------------------------------------------------------------------------


@pytest.mark.parametrize("offers", [2, 3])
@pytest.mark.parametrize("usually", [0.5, 0.6, 0.999])
def test_of_several_offers_one_is_decided_on_and_no_flow_waits(offers, usually):
    asked = [(f"b{n}", "Offered", "a") for n in range(offers)]
    log = logged(many(20, ASKED, *asked, ("d", "Decided", "b1")))
    assert log.stuck(usually=usually).sentence == (
        "No flow is stuck among 20: all came that is due by what is usual in this log."
    )
    assert stuck(log, {"Offered": ["Decided"]}) == []


def test_a_flow_whose_offers_were_never_decided_on_waits_once_since_the_last():
    offers = (ASKED, ("b1", "Offered", "a"), ("b2", "Offered", "a"))
    log = logged(many(20, *offers, ("d", "Decided", "b2")), flow("open", *offers))
    found = log.stuck()
    assert found["correlation_id"].tolist() == ["open"]
    assert (found["since"][0] - log.flow("open").frame["time"].min()).total_seconds() == 2
    assert found["waiting_for"].tolist() == ["Decided"]


def test_where_the_lines_of_an_order_have_an_effect_each_every_line_waits_for_its_own():
    lines = [(f"l{n}", "LineAdded", "o") for n in range(3)]
    picked = [(f"k{n}", "LinePicked", f"l{n}") for n in range(3)]
    log = logged(many(20, ORDERED, *lines, *picked), flow("short", ORDERED, *lines, *picked[:2]))
    found = log.stuck()
    assert found["correlation_id"].tolist() == ["short"]
    assert found["waiting_for"].tolist() == ["LinePicked"]
    assert stuck(log, {"LineAdded": ["LinePicked"]}) == ["short"]


def test_lines_are_told_one_by_one_without_causes_too_if_the_pair_is_given():
    lines = [(f"l{n}", "LineAdded", None) for n in range(3)]
    picked = [(f"k{n}", "LinePicked", None) for n in range(3)]
    log = logged(many(20, *lines, *picked), flow("short", *lines, *picked[:2]))
    assert stuck(log, {"LineAdded": ["LinePicked"]}) == ["short"]


def test_an_effect_that_came_twice_does_not_wait_for_a_second_answer():
    twice = ("q", "Paid", "o")
    log = logged(many(20, ORDERED, PAID, SHIPPED), flow("twice", ORDERED, PAID, twice, SHIPPED))
    assert stuck(log) == []


def test_without_causes_a_flow_that_ends_where_others_go_on_waits_though_it_tried_twice():
    tries = [(f"t{n}", "Tried", None) for n in range(2)]
    log = logged(many(2, *tries, ("d", "Done", None)), many(1, *tries, name="open"))
    assert stuck(log) == ["open-0"]


def test_one_type_alone_may_be_expected_without_a_list():
    log = logged(flow("f", ORDERED, PAID, SHIPPED), flow("g", ORDERED, PAID))
    assert log.stuck({"Paid": "Shipped"}).sentence == log.stuck({"Paid": ["Shipped"]}).sentence
    assert stuck(log, {"Paid": "Shipped"}) == ["g"]


# --- effects of which the cause is not there -------------------------------------------------


def test_an_orphan_of_the_type_due_is_an_answer_and_is_said():
    log = logged(
        many(20, ORDERED, PAID, SHIPPED), flow("f", ORDERED, PAID, ("s", "Shipped", "gone"))
    )
    assert log.stuck().sentence == (
        "No flow is stuck among 21: all came that is due by what is usual in this log. 1 effect "
        "whose cause is not in the flow counts as an answer: see log.orphans()."
    )
    assert log.orphans()["correlation_id"].tolist() == ["f"]
    assert stuck(log, {"Paid": ["Shipped"]}) == []
    design = Choreography()
    for name in ("Ordered", "Paid", "Shipped"):
        design.event(EventType(name, {}))
    design.service("ship").whenever("Paid", emit={"Shipped": {}})
    assert log.stuck(design).sentence == (
        "No flow is stuck among 21: all came that is due by what the design makes due. 1 effect "
        "whose cause is not in the flow counts as an answer: see log.orphans()."
    )


def test_an_orphan_answers_one_event_and_none_that_came_after_it():
    lines = [(f"l{n}", "LineAdded", "o") for n in range(2)]
    picked = [(f"k{n}", "LinePicked", f"l{n}") for n in range(2)]
    whole_, orphan = many(20, ORDERED, *lines, *picked), ("x", "LinePicked", "gone")
    assert stuck(logged(whole_, flow("f", ORDERED, *lines, orphan, picked[0]))) == []
    assert stuck(logged(whole_, flow("f", ORDERED, *lines, orphan))) == ["f"]
    assert stuck(logged(whole_, flow("f", ORDERED, orphan, *lines, picked[0]))) == ["f"]


# --- what is an alternative ------------------------------------------------------------------


def test_a_failed_try_that_success_follows_elsewhere_is_no_answer():
    failed = [("x1", "ShipFailed", "p"), ("x2", "ShipFailed", "p")]
    log = logged(
        many(100, ORDERED, PAID, SHIPPED),
        many(10, ORDERED, PAID, *failed, SHIPPED, name="late"),
        flow("gave up", ORDERED, PAID, *failed),
        flow("silent", ORDERED, PAID),
    )
    found = log.stuck()
    assert sorted(found["correlation_id"]) == ["gave up", "silent"]
    assert set(found["waiting_for"]) == {"Shipped"}
    always = logged(many(100, ORDERED, PAID, *failed, SHIPPED), flow("f", ORDERED, PAID, *failed))
    assert stuck(always) == ["f"]


def test_an_effect_that_comes_instead_is_an_answer():
    log = logged(many(20, ORDERED, PAID, SHIPPED), flow("refused", ORDERED, ("d", "Declined", "o")))
    assert stuck(log) == []


def test_of_effects_side_by_side_each_is_due_if_nearly_all_flows_have_it():
    confirmed, wrapped = ("c", "Confirmed", "o"), ("w", "Wrapped", "o")
    log = logged(
        many(30, ORDERED, PAID, confirmed),
        many(20, ORDERED, PAID, confirmed, wrapped, name="gift"),
        flow("unpaid", ORDERED, confirmed),
        flow("unconfirmed", ORDERED, PAID),
    )
    found = log.stuck().set_index("correlation_id")["waiting_for"]
    assert found.to_dict() == {"unpaid": "Paid", "unconfirmed": "Confirmed"}


def test_that_a_loop_ends_leaves_nothing_waiting():
    rounds = [(f"r{n}", "Rebooked", f"p{n - 1}" if n else "p") for n in range(4)]
    again = [(f"p{n}", "Paid", f"r{n}") for n in range(4)]
    steps = [step for pair in zip(rounds, again, strict=True) for step in pair]
    log = logged(
        many(20, ORDERED, PAID, SHIPPED), many(3, ORDERED, PAID, *steps, SHIPPED, name="loop")
    )
    assert stuck(log) == []


# --- what is said ----------------------------------------------------------------------------


def test_an_answer_that_calls_most_flows_stuck_doubts_itself():
    log = logged(many(3, ORDERED, PAID, SHIPPED), many(6, ORDERED, PAID, name="open"))
    sentence = log.stuck(usually=0.3).sentence
    assert sentence.startswith("6 of 9 flows are stuck, ")
    assert sentence.endswith(
        "6 after Paid wait for Shipped from ship. That is more than half of the flows, and so most "
        "likely not what is due here: say what is, by log.stuck(design) or by pairs, "
        'log.stuck({"Offered": ["Decided"]}).'
    )
    assert "more than half" not in log.stuck({"Paid": ["Shipped"]}).sentence


def test_that_there_is_no_flow_is_said():
    log = EventLog([{**event, "correlation_id": None} for event in flow("f", ORDERED, PAID)])
    for expected in (None, {"Ordered": ["Paid"]}, Choreography()):
        assert log.stuck(expected).sentence == (
            "There is no flow here, and so none that could be stuck. 2 events without a "
            "correlation id: in no flow."
        )


@pytest.mark.parametrize("usually", [2, -1, float("nan"), "most"])
def test_what_is_usual_is_a_share(usually):
    with pytest.raises(
        LogError, match=rf"^usually={usually!r} is no share of the flows: give a nu"
    ):
        logged(flow("f", ORDERED)).stuck(usually=usually)


@pytest.mark.parametrize(
    "text",
    [
        "timeout after 5 s",
        "ValueError: no stock",
        "ValueError: KeyError: 'x'",
        '{"service": "ship", "message": "no stock"}',
        "kein Lager: Portugal",
    ],
)
def test_the_text_of_a_dead_letter_that_names_no_service_leaves_it_unknown(text):
    letter = {**flow("f", ORDERED, PAID)[1], "dead_letter": text}
    log = logged(many(20, ORDERED, PAID, SHIPPED), flow("f", ORDERED, PAID), [letter])
    found = log.stuck()
    assert found[["waiting_for", "waiting_on", "dead_letter"]].to_numpy().tolist() == [
        ["Shipped", "ship", text]  # who has shipped before
    ]
    assert log.dead_letters()["service"].isna().all()
    alone = logged(flow("f", ORDERED, PAID), [letter]).stuck()
    assert alone["waiting_for"].tolist() == ["an effect"]
    assert alone["waiting_on"].isna().all()
    assert "1 after Paid waits for an effect from an unknown service." in alone.sentence
    assert "an unknown service" in str(logged(flow("f", ORDERED, PAID), [letter]).mermaid())


# --- in parts --------------------------------------------------------------------------------


@st.composite
def logs(draw) -> list[dict]:
    rows = []
    for number in range(draw(st.integers(1, 6))):
        kinds = draw(st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, max_size=6))
        causes = [draw(st.sampled_from([*range(n), None, "gone"])) for n in range(len(kinds))]
        steps = [
            (str(n), kind, cause if cause is None else str(cause))
            for n, (kind, cause) in enumerate(zip(kinds, causes, strict=True))
        ]
        rows += flow(f"f{number}", *steps)
    return rows


@settings(max_examples=60, deadline=None)
@given(logs(), st.sampled_from([0.0, 0.5, 0.9]), st.randoms(use_true_random=False))
def test_what_is_usual_is_the_same_however_a_log_is_divided_or_shuffled(rows, usually, random):
    log = EventLog(rows)
    random.shuffle(rows)
    frame = EventLog(rows).frame
    share = frame["correlation_id"].isin(["f0", "f2", "f5"])
    pieces = [EventLog(frame[chosen]) for chosen in (share, ~share) if chosen.any()]
    counts = WayCounts.together([ways(piece.index) for piece in pieces])
    rule = Rule.usual(counts, usually)
    parts = [part(piece.index, untold(piece.index, piece.frame), rule) for piece in pieces]
    joined, asked = whole(parts, rule, pd.Timedelta(0)), log.stuck(usually=usually)
    pd.testing.assert_frame_equal(pd.DataFrame(joined), pd.DataFrame(asked))
    assert joined.sentence == asked.sentence


def test_what_came_of_an_effect_that_is_lost_is_an_answer_too():
    closed, billed = ("c", "Closed", "s"), ("b", "Billed", "c")
    log = logged(
        many(20, ORDERED, PAID, SHIPPED, closed, billed),
        flow("a row is lost", ORDERED, PAID, closed, billed),
        flow("two are", ORDERED, PAID, billed),
        flow("stuck", ORDERED, PAID),
        flow("stuck beside another", ORDERED, PAID, ("c", "Closed", None)),
    )
    found = log.stuck()
    assert found["correlation_id"].tolist() == ["stuck", "stuck beside another"]
    assert "2 effects whose cause is not in the flow count as answers" in found.sentence


def test_what_comes_often_and_not_often_enough_is_named():
    wrapped, liked = ("w", "Wrapped", "o"), ("l", "Liked", "o")
    log = logged(
        many(80, ORDERED, PAID, wrapped, liked),
        many(11, ORDERED, PAID, wrapped, name="plain"),
        many(9, ORDERED, PAID, name="bare"),
    )
    assert log.stuck().sentence == (
        "9 of 100 flows are stuck, the longest for 3 s, by what is usual in this log: 9 after "
        "Ordered wait for Wrapped from shop. Not counted as due, since too few flows have it: "
        'Liked after Ordered, which 20 of 100 flows lack; log.stuck({"Ordered": ["Liked"]}) counts it.'
    )
    assert len(log.stuck({"Ordered": ["Liked"]})) == 20


def test_what_is_usual_in_a_part_is_said_to_be_of_that():
    log = logged(many(20, ORDERED, PAID, SHIPPED), many(2, ORDERED, PAID, name="stuck"))
    assert len(log.stuck()) == 2
    part_of_it = log.where("correlation_id in ('stuck-0', 'stuck-1')")
    assert part_of_it.stuck().sentence == (
        "No flow is stuck among 2: all came that is due by what is usual in this part of the log."
    )

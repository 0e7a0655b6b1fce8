"""What departs from a design is found, and nothing else."""

from collections import Counter
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import Workbench
from workbench.analysis import EventLog
from workbench.analysis.conformance import answer as answered
from workbench.analysis.conformance_part import ConformancePart
from workbench.analysis.due import Rules, dues, explanations
from workbench.analysis.inference import untold
from workbench.choreography import Choreography
from workbench.events import EventType
from workbench.examples.fintech import fintech_choreography, some_transactions
from workbench.examples.orders import order_choreography, some_orders
from workbench.examples.signup import signup_choreography, some_signups

NOON = pd.Timestamp("2026-11-23T12:00:00Z")
WHAT = ["kind", "service", "event_type", "effect_type", "events"]


def design_of(*types: str) -> Choreography:
    design = Choreography()
    for name in types:
        design.event(EventType(name, {"required": ["total"]}))
    return design


@pytest.fixture
def design() -> Choreography:
    """The design that the small log of orders follows."""
    made = design_of(
        "OrderPlaced", "StockReserved", "PaymentReceived", "PaymentDeclined", "ShipmentDispatched"
    )
    made.service("inventory").whenever("OrderPlaced", emit={"StockReserved": {}})

    def charge(event) -> object:
        """It always answers, by its annotation."""

    made.service("billing").on(
        "StockReserved", emits=["PaymentReceived", "PaymentDeclined"], name="charge"
    )(charge)
    made.service("shipping").whenever("PaymentReceived", emit={"ShipmentDispatched": {}})
    return made


def found(log: EventLog, design: Choreography, **more) -> list[tuple]:
    return [tuple(row) for row in log.conformance(design, **more)[WHAT].itertuples(index=False)]


# --- nothing is wrong ------------------------------------------------------------------------


def test_a_log_that_does_what_the_design_says_has_no_deviation(orders, design):
    answer = orders.conformance(design)
    assert answer.empty
    assert answer.sentence == (
        "All 13 events of 4 flows are as the design has them, and so are all 9 effects that were "
        "due. For 1 effect there is a dead letter instead. 1 event without a flow was left out."
    )


def test_each_flow_has_its_fitness(orders, design):
    table = orders.conformance(design, per="flow")
    assert table["correlation_id"].tolist() == ["o-1", "o-2", "o-3", "o-4"]
    assert table["fitness"].tolist() == [1.0] * 4
    assert table["given_up"].tolist() == [0, 0, 0, 1]
    assert table["first_deviation"].isna().all()


RUNS = {
    "orders": (order_choreography, some_orders(40, declined=5, sold_out=5), 190, 150),
    "fintech": (fintech_choreography, some_transactions(40, large=5, unroutable=6), 196, 156),
    "signup": (signup_choreography, some_signups(20, bounced=4), 196, 176),
}


@pytest.mark.memory
@pytest.mark.parametrize("name", RUNS)
def test_what_a_choreography_did_conforms_to_it_and_so_it_does_without_its_causes(name, tmp_path):
    made, begun, events, caused = RUNS[name]
    with Workbench(made(), broker="memory://", folder=tmp_path, say=lambda text: None) as wb:
        wb.start()
        wb.publish_many(begun)
        wb.wait_until_idle()
        log = wb.capture(progress=False)
    answer = log.conformance(made())
    assert answer.empty, answer
    flows = len(begun)
    assert answer.sentence.startswith(f"All {events} events of {flows} flows are as the design has")
    without = EventLog(log.frame.assign(causation_id=None)).conformance(made())
    assert without.empty, without
    assert f"{caused} causes inferred from the design." in without.sentence


# --- what is wrong is found ------------------------------------------------------------------


def test_a_reaction_due_that_never_came_is_missing(orders, design):
    log = EventLog(orders.frame[orders.frame["type"] != "PaymentDeclined"])
    assert found(log, design) == [
        ("missing", "billing", "StockReserved", "PaymentReceived or PaymentDeclined", 1)
    ]
    row = log.conformance(design, per="flow").iloc[2]
    assert (row["correlation_id"], row["missing"]) == ("o-3", 1)
    assert row["fitness"] == 3 / 4  # two events and one effect came, one effect did not
    assert row["first_deviation"] == (
        "billing owes PaymentReceived or PaymentDeclined after StockReserved"
    )


def test_a_reaction_that_the_design_does_not_have_is_unexpected(orders, design, event):
    extra = event("ShipmentDispatched", "o-3", 2100, "PaymentDeclined")
    log = EventLog([*orders.frame.to_dict("records"), extra])
    assert found(log, design) == [
        ("unexpected", "shipping", "PaymentDeclined", "ShipmentDispatched", 1)
    ]


def test_an_effect_of_another_service_is_a_wrong_emitter_and_not_missing(orders, design):
    frame = orders.frame.astype({"source": "str"})
    frame.loc[frame["type"] == "PaymentDeclined", "source"] = "shipping"
    assert found(EventLog(frame), design) == [
        ("wrong emitter", "shipping", "StockReserved", "PaymentDeclined", 1)
    ]


def test_types_and_services_that_the_design_does_not_have_are_named(orders, design, event):
    log = EventLog(
        [
            *orders.frame.to_dict("records"),
            event("OrderPraised", "o-1", 100, "ShipmentDispatched"),
            event("OrderPlaced", "o-2", 1200, "ShipmentDispatched", id="again"),
            event("StockReserved", "o-2", 1210, "OrderPlaced", id="twice", causation_id="again"),
            event("PaymentReceived", "o-2", 1220, id="p", causation_id="twice"),
            event("ShipmentDispatched", "o-2", 1230, id="s", causation_id="p"),
        ]
    )
    assert found(log, design) == [
        ("unknown type", "service", "ShipmentDispatched", "OrderPraised", 1),
        ("unknown service", "shop", "ShipmentDispatched", "OrderPlaced", 1),
    ]


def test_an_event_whose_cause_is_not_in_the_log_is_taken_for_right(orders, design):
    late = orders.between(NOON + pd.Timedelta("1010ms"))
    answer = late.conformance(design)
    assert answer.empty
    assert "The causes of 1 event are not in the log" in answer.sentence
    assert late.conformance(design, per="flow")["unjudged"].tolist() == [1, 0, 0]


def test_an_effect_that_nothing_set_off_is_unexpected(design, event):
    log = EventLog([event("ShipmentDispatched", "o", 0)])
    assert found(log, design)[0][:2] == ("unexpected", "shipping")
    assert log.conformance(design)["event_type"].isna().all()


def test_a_design_s_service_may_publish_of_its_own_accord(design, event):
    design.service("shipping").publishes = ("ShipmentDispatched",)
    assert found(EventLog([event("ShipmentDispatched", "o", 0)]), design) == []


def test_reactions_side_by_side_conform_in_whatever_order_they_come(event):
    design = design_of("SignedUp", "MailSent", "ContactAdded", "Counted", "Verified")
    for service, effect in {"mail": "MailSent", "crm": "ContactAdded", "bi": "Counted"}.items():
        design.service(service).whenever("SignedUp", emit={effect: {}})
    design.service("mail").whenever("MailSent", emit={"Verified": {}}, name="verify")
    came = {"MailSent": "mail", "ContactAdded": "crm", "Counted": "bi", "Verified": "mail"}
    rows = []
    for n, order in enumerate(permutations(came)):
        if order.index("MailSent") < order.index("Verified"):
            rows.append(event("SignedUp", f"f{n}", 0))
            for ms, kind in enumerate(order, 1):
                cause = "MailSent" if kind == "Verified" else "SignedUp"
                rows.append(event(kind, f"f{n}", ms, cause, source=came[kind]))
    assert found(EventLog(rows), design) == []
    stuck = rows[1]["correlation_id"]
    left = [row for row in rows if (row["correlation_id"], row["type"]) != (stuck, "Counted")]
    assert found(EventLog(left), design) == [("missing", "bi", "SignedUp", "Counted", 1)]
    table = EventLog(left).conformance(design, per="flow")
    assert table.loc[table["missing"] > 0, "correlation_id"].tolist() == [stuck]


# --- what the log remembers ------------------------------------------------------------------


class Counting(EventLog):
    """A log that counts how often its events are gone through."""

    asked = 0

    def parts(self, *args, **more):
        self.asked += 1
        return super().parts(*args, **more)


def test_the_events_are_gone_through_once_however_the_question_is_put(orders, design):
    log = Counting(orders.frame[orders.frame["type"] != "PaymentDeclined"])
    assert len(log.conformance(design)) == 1
    assert log.conformance(design, per="flow")["missing"].sum() == 1
    assert log.conformance(design, longer_than="1h").empty
    assert len(log.conformance(design)) == 1
    assert log.asked == 1


def test_a_design_that_has_changed_since_is_held_against_the_log_anew(orders, design):
    log = Counting(orders.frame)
    assert log.conformance(design).empty
    design.service("audit").whenever("OrderPlaced", emit={"ShipmentDispatched": {}})
    assert found(log, design) == [("missing", "audit", "OrderPlaced", "ShipmentDispatched", 4)]
    assert log.asked == 2
    del design.services["audit"]
    assert log.conformance(design).empty
    assert log.asked == 3


def test_what_is_done_to_an_answer_does_not_come_back_with_the_next(orders, design):
    log = EventLog(orders.frame[orders.frame["type"] != "PaymentDeclined"])
    for per in ("kind", "flow"):
        answer = log.conformance(design, per=per)
        before = pd.DataFrame(answer).copy(deep=True)
        for name, dtype in answer.dtypes.items():
            answer.loc[:, name] = 7 if pd.api.types.is_numeric_dtype(dtype) else "missing"
        assert not pd.DataFrame(answer).equals(before)
        pd.testing.assert_frame_equal(pd.DataFrame(log.conformance(design, per=per)), before)


# --- what is due, and when -------------------------------------------------------------------


def test_every_effect_of_a_reaction_that_is_data_is_due(event):
    design = design_of("A", "B", "C")
    design.service("service").whenever("A", emit={"B": {}, "C": {}})
    log = EventLog([event("A", "f", 0), event("B", "f", 1, "A")])
    assert found(log, design) == [("missing", "service", "A", "C", 1)]


def test_an_effect_behind_a_guard_is_not_due_but_one_of_two_opposite_guards_is(event):
    design = design_of("A", "B", "C")
    service = design.service("service")
    service.whenever("A", guard="data.total > 10.0", emit={"B": {}})
    log = EventLog([event("A", "f", 0)])
    answer = log.conformance(design)
    assert answer.empty
    assert answer.sentence.endswith("payloads or state decide it: service/on_A.")
    service.whenever("A", guard="data.total <= 10.0", emit={"C": {}})
    assert found(log, design) == [("missing", "service", "A", "B or C", 1)]
    came = EventLog([event("A", "f", 0), event("C", "f", 1, "A")])
    assert found(came, design) == []


@pytest.mark.parametrize(
    ("one", "other", "opposite"),
    [
        ("data.total == 'a'", "data.total != 'a'", True),
        ("data.total.startsWith('a')", "!data.total.startsWith('a')", True),
        ("data.total > 1.0 && data.total < 3.0", "!(data.total > 1.0 && data.total < 3.0)", True),
        ("data.total > 1.0", "data.total < 1.0", False),
        ("data.total == 'a'", "data.total != 'b'", False),
        ("data.total == 'a  b'", "data.total != 'a b'", False),
        ("data.total > 1.0 && true", "data.total <= 1.0 && true", False),
        ("data.other > 1.0", "data.other <= 1.0", False),  # it may be absent: then neither holds
    ],
)
def test_guards_are_opposite_only_where_one_of_them_always_holds(one, other, opposite):
    design = design_of("A", "B", "C")
    design.service("s").whenever("A", guard=one, emit={"B": {}})
    design.service("s").whenever("A", guard=other, emit={"C": {}})
    assert bool(dues(design)) == opposite


def test_what_is_delayed_is_not_due_before_its_time(event):
    design = design_of("A", "B", "Z")
    design.service("service").whenever("A", after="10s", emit={"B": {}})
    log = EventLog([event("A", "f", 0), event("Z", "g", 9_999)])
    answer = log.conformance(design)
    assert answer.empty
    assert "1 effect may be on the way still." in answer.sentence
    log = EventLog([event("A", "f", 0), event("Z", "g", 10_000)])
    assert found(log, design) == [("missing", "service", "A", "B", 1)]
    assert found(log, design, longer_than="1s") == []


def test_a_reaction_to_an_absence_is_due_unless_the_event_came_in_time(event):
    design = design_of("A", "Paid", "Cancelled")
    design.service("service").whenever("A", unless="Paid", within="5s", emit={"Cancelled": {}})
    placed, end = event("A", "f", 0), event("A", "g", 7_000)
    assert found(EventLog([placed, end]), design) == [("missing", "service", "A", "Cancelled", 1)]
    for ms in (10, 5_000):
        assert found(EventLog([placed, event("Paid", "f", ms), end]), design) == []
    late = EventLog([placed, event("Paid", "f", 5_001), end])
    assert found(late, design) == [("missing", "service", "A", "Cancelled", 1)]
    came = EventLog([placed, event("Cancelled", "f", 5_100, "A"), end])
    assert found(came, design) == []


def test_a_compensation_may_come_and_is_never_missed(event):
    design = design_of("A", "B", "Failed", "Undone")
    service = design.service("service")
    service.whenever("A", emit={"B": {}}, name="do")
    service.compensate("do", when="Failed", emit={"Undone": {}})
    log = [event("A", "f", 0), event("B", "f", 1, "A"), event("Failed", "f", 2)]
    assert found(EventLog(log), design) == []
    assert found(EventLog([*log, event("Undone", "f", 3, "Failed")]), design) == []
    wrong = EventLog([*log, event("Undone", "f", 3, "B")])
    assert found(wrong, design) == [("unexpected", "service", "B", "Undone", 1)]


def test_a_dead_letter_of_another_reaction_explains_nothing(orders, design):
    frame = orders.frame
    frame["dead_letter"] = frame["dead_letter"].str.replace("billing/charge", "billing/audit")
    assert [row[:2] for row in found(EventLog(frame), design)] == [("missing", "billing")]
    frame["dead_letter"] = frame["dead_letter"].str.replace("billing/audit", "billing")
    assert found(EventLog(frame), design) == []


def test_what_the_workbench_notes_in_a_flow_is_no_deviation(orders, design, event):
    note = event("DeadLetterRedriven", "o-4", 4000, source="workbench")
    assert found(EventLog([*orders.frame.to_dict("records"), note]), design) == []


def test_an_empty_log_has_nothing_to_hold_against_a_design(design):
    answer = EventLog([]).conformance(design)
    assert answer.empty
    assert answer.sentence.startswith("There is no event of a flow here")
    assert EventLog([]).conformance(design, per="flow").empty
    assert len(answer.plot().layout.annotations) == 1


# --- any log ---------------------------------------------------------------------------------

TYPES = "ABCDX"


@pytest.fixture(scope="module")
def small() -> Choreography:
    design = design_of(*"ABCD")
    design.service("s").whenever("A", emit={"B": {}, "C": {}})

    def choose(event) -> object:
        """It always answers, by its annotation."""

    design.service("t").on("B", emits=["C", "D"])(choose)
    design.service("t").whenever("C", guard="data.total > 1.0", emit={"D": {}})
    design.service("u").whenever("A", unless="D", within="4s", emit={"C": {}}, name="late")
    return design


@st.composite
def logs(draw) -> pd.DataFrame:
    n = draw(st.integers(1, 25))
    rows = []
    for i in range(n):
        flow = draw(st.integers(0, 3))
        earlier = [row["id"] for row in rows if row["correlation_id"] == f"f{flow}"]
        cause = draw(st.sampled_from([None, "elsewhere", *earlier]))
        rows.append(
            {
                "id": f"e{i:02d}",
                "type": draw(st.sampled_from(TYPES)),
                "source": draw(st.sampled_from("stux")),
                "time": NOON + pd.Timedelta(i + draw(st.integers(0, 1)) / 2, "s"),
                "correlation_id": f"f{flow}",
                "causation_id": cause,
            }
        )
    return pd.DataFrame(rows)


def by_the_rules(log: EventLog, design: Choreography) -> Counter:
    """A plain reading of the rules, event by event."""
    ways, owed = explanations(design), dues(design)
    emitters = {}
    for way in ways:
        emitters.setdefault(way.effect, set()).add(way.service)
    rows = log.frame.iloc[log.index.row].to_dict("records")
    end = max(row["time"] for row in rows)
    result: Counter = Counter()
    cause_of, taken = {}, set()
    for n, row in enumerate(rows):
        before = [r for r in rows[:n] if r["correlation_id"] == row["correlation_id"]]
        allowed = {
            w.cause for w in ways if w.effect == row["type"] and w.service == row["source"]
        } - {None}
        if pd.isna(row["causation_id"]):
            latest = {r["type"]: r for r in before if r["type"] in allowed}
            nearest = sorted(latest.values(), key=before.index)
            kind_of = row["type"], row["source"]
            free = [r for r in nearest if (r["id"], *kind_of) not in taken]
            chosen = cause_of[row["id"]] = next(iter((free or nearest)[::-1]), None)
            taken.add((chosen and chosen["id"], *kind_of))
        else:
            known = [r for r in rows if r["id"] == row["causation_id"]]
            cause_of[row["id"]] = known[0] if known else None
        cause = cause_of[row["id"]]
        kind = None
        if row["type"] not in design.event_types:
            kind = "unknown type"
        elif row["type"] not in emitters:
            if cause is not None:
                kind = "unexpected" if row["source"] in design.services else "unknown service"
        elif row["source"] not in emitters[row["type"]]:
            kind = "wrong emitter"
        elif cause is None:
            kind = "unexpected" if pd.isna(row["causation_id"]) else None
        elif cause["type"] not in allowed:
            kind = "unexpected"
        if kind:
            result[kind, row["source"], cause and cause["type"], row["type"]] += 1
    for row in rows:
        flow = [r for r in rows if r["correlation_id"] == row["correlation_id"]]
        for due in owed:
            if due.cause != row["type"]:
                continue
            came = any(
                cause_of[r["id"]] is row
                and r["type"] in due.effects
                and (r["source"] == due.service or r["source"] not in emitters[r["type"]])
                for r in flow
            )
            in_time = row["time"] + pd.Timedelta(due.within, "ns")
            needless = any(r["type"] in due.unless and r["time"] <= in_time for r in flow)
            ripe = row["time"] + pd.Timedelta(due.after, "ns") <= end
            if not came and not needless and ripe:
                result["missing", due.service, due.cause, due.words] += 1
    return result


@settings(max_examples=20, deadline=None)
@given(frame=logs(), data=st.data())
def test_any_log_is_judged_by_the_rules_however_it_is_shuffled_or_divided(small, frame, data):
    log = EventLog(frame)
    answer = log.conformance(small)
    rows = answer.astype("object").where(answer.notna(), None)[WHAT].itertuples(index=False)
    assert {tuple(row[:4]): row[4] for row in rows} == by_the_rules(log, small)

    shuffled = frame.sample(frac=1, random_state=data.draw(st.integers(0, 9)))
    pd.testing.assert_frame_equal(
        pd.DataFrame(EventLog(shuffled).conformance(small)), pd.DataFrame(answer)
    )
    half = frame["correlation_id"].isin(["f0", "f2"])
    logs_ = [EventLog(piece) for piece in (frame[half], frame[~half]) if len(piece)]
    rules = Rules.of(small)
    parts = [
        ConformancePart.of(piece.index, untold(piece.index, piece.frame), rules) for piece in logs_
    ]
    for per_flow in (False, True):
        whole = ConformancePart.together(parts)
        joined = answered(whole, rules, pd.Timedelta(0), per_flow=per_flow)
        direct = log.conformance(small, per="flow" if per_flow else "kind")
        pd.testing.assert_frame_equal(pd.DataFrame(joined), pd.DataFrame(direct))
        assert joined.sentence == direct.sentence


def test_flows_that_start_at_once_stand_by_their_ids_in_whichever_share_they_are(design, event):
    rules = Rules.of(design)
    logs_ = [
        EventLog([event("StockReserved", flow, ms) for flow, ms in share])
        for share in ([("c", 0), ("z", -5), ("a", 0)], [("b", 0)])
    ]
    parts = [ConformancePart.of(log.index, untold(log.index, log.frame), rules) for log in logs_]
    whole = ConformancePart.together(parts)
    table = answered(whole, rules, pd.Timedelta(0), per_flow=True)
    assert table["correlation_id"].tolist() == ["z", "a", "b", "c"]
    total = answered(whole, rules, pd.Timedelta(0), per_flow=False)
    assert total[["flows", "events", "example"]].to_numpy().tolist() == [[4, 4, "z"], [4, 4, "z"]]


def test_the_fitness_of_flows_is_that_of_their_events_and_effects(orders, design):
    log = EventLog(orders.frame[orders.frame["type"] != "StockReserved"])
    table = log.conformance(design, per="flow")
    assert np.isclose(table["fitness"], [4 / 5, 4 / 5, 2 / 3, 1 / 2]).all()
    assert table["unjudged"].tolist() == [1, 1, 1, 0]


def test_what_comes_from_outside_may_name_a_cause_there(event, design):
    """As an HTTP request: it can't be judged, and the design says nothing against it."""
    placed = event("OrderPlaced", "f", 0, "request")
    found = EventLog([placed, event("StockReserved", "f", 1, "OrderPlaced")])
    assert found.conformance(design, per="flow")[
        ["unjudged", "unexpected"]
    ].to_numpy().tolist() == [[1, 0]]

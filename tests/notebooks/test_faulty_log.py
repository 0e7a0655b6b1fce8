"""The analysis of the log that was broken on purpose finds what its answer sheet says, and no more."""

from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from workbench import Choreography, EventLog

SAMPLES = Path(__file__).parents[2] / "sample_data"
SHEET = YAML(typ="safe").load((SAMPLES / "faulty_orders_answers.yaml").read_text("utf-8"))
FAULTS = {fault["fault"]: fault for fault in SHEET["faults"]}
DESIGN = Choreography.load(SAMPLES / SHEET["design"])
TIMES = {name: pd.Timestamp(time) for name, time in SHEET["times"].items()}


@pytest.fixture(scope="module")
def log() -> EventLog:
    return EventLog.read(SAMPLES / "faulty_orders.jsonl.gz")


def flows(*faults):
    return sorted(flow for fault in faults for flow in FAULTS[fault]["flows"])


def test_the_log_has_the_flows_of_the_sheet_and_no_others(log):
    assert len(log.flows()) == SHEET["flows"]
    assert log.rejected is None or log.rejected.empty


def test_events_without_a_flow_and_records_that_are_no_events_are_counted(log):
    flowless = log.frame.iloc[log.index.flowless]
    assert log.without_flow == FAULTS["no_flow"]["n"] + FAULTS["poison"]["n"]
    assert (flowless["type"] == FAULTS["no_flow"]["type"]).sum() == FAULTS["no_flow"]["n"]
    undecoded = log.frame["undecoded"].notna() & log.frame["dead_letter"].isna()
    assert undecoded.sum() == FAULTS["poison"]["n"]


@pytest.mark.parametrize("expected", [DESIGN, None], ids=["by design", "by what is usual"])
def test_the_stuck_flows_are_found_where_they_stuck_and_why(log, expected):
    stuck = log.stuck(expected)
    assert sorted(stuck["correlation_id"]) == flows("portugal", "killed", "closed", "cyprus")
    for fault in ("portugal", "killed", "closed", "cyprus"):
        told = FAULTS[fault]
        found = stuck[stuck["correlation_id"].isin(told["flows"])]
        assert set(found["waiting_on"]) == {told["service"]}
        assert set(found["event_type"]) == {told["after"]}
        whys = found["dead_letter"].dropna()
        assert len(whys) == (len(found) if "error" in told else 0)
        assert whys.str.contains(told.get("error", "")).all()


def test_what_the_design_does_not_have_and_what_it_misses_are_found(log):
    found = log.conformance(DESIGN)
    rows = {(row.kind, row.service, row.effect_type): row for row in found.itertuples()}
    wanted = {
        ("missing", "shipping", "OrderShipped"): FAULTS["portugal"]["n"],
        ("missing", "orders", "OrderCompleted"): FAULTS["killed"]["n"],
        ("unexpected", "orders", "OrderPlaced"): FAULTS["loop"]["rounds"] - 1,
        ("wrong emitter", "shipping", "OrderCompleted"): FAULTS["iceland"]["n"],
        ("unknown type", "web-shop", "OrderViewed"): FAULTS["viewed"]["n"],
    }
    assert {key: row.events for key, row in rows.items()} == wanted


def test_the_flows_that_depart_from_the_design_are_found(log):
    found = log.conformance(DESIGN, per="flow")
    departs = found[found["first_deviation"].notna()]["correlation_id"]
    assert sorted(departs) == flows("portugal", "killed", "loop", "iceland", "viewed")
    assert found["given_up"].sum() == FAULTS["closed"]["n"] + FAULTS["cyprus"]["n"]
    assert found["unjudged"].sum() == FAULTS["orphans"]["n"]


def test_what_came_again_is_found(log):
    again = log.duplicates()
    for kind, faults in {
        "same id": ["sent_twice", "billed_twice", "id_reused"],
        "same effect": ["twice"],
    }.items():
        found = again[again["kind"] == kind]
        assert sorted(found["correlation_id"]) == flows(*faults)
        for fault in faults:
            of = found[found["correlation_id"].isin(FAULTS[fault]["flows"])]
            assert set(of["type"]) == {FAULTS[fault]["type"]}
    tries = again[again["kind"] == "retry channel"]["correlation_id"]
    assert set(tries) == {*flows("italy", "storm", "cyprus")}
    for fault in ("italy", "storm", "cyprus"):
        assert tries.isin(FAULTS[fault]["flows"]).sum() == FAULTS[fault]["retries"]


def test_the_clock_that_is_ahead_is_found(log):
    told = FAULTS["kiosk"]
    pairs = log.skew()
    wrong = pairs[pairs["negative"] > 0]
    assert wrong["cause_service"].tolist() == [told["service"]]
    assert wrong["negative"].tolist() == [told["n"]]
    shifts = log.skew(per="service").set_index("service")["shift_ns"]
    assert shifts[shifts != 0].index.tolist() == [told["service"]]
    assert -told["ahead_ms"] <= shifts[told["service"]] / 1e6 <= -0.9 * told["ahead_ms"]


def test_what_sets_the_flows_apart_is_found(log):
    norway = FAULTS["norway"]
    slow = log.explain(flows("norway")).iloc[0]
    assert {"attribute": slow.attribute, "condition": slow.condition} == norway["explained_by"]
    assert (slow.inside, slow.outside) == (norway["n"], 0)
    portugal = FAULTS["portugal"]
    after = log.between(TIMES["deployed"], TIMES["deployment_judged_until"])
    why = after.explain(flows("portugal")).iloc[0]
    assert {"attribute": why.attribute, "condition": why.condition} == portugal["explained_by"]
    assert (why.inside, why.outside) == (portugal["n"], 0)


def test_what_the_deployment_changed_is_found_first(log):
    before = log.between(None, TIMES["deployed"])
    after = log.between(TIMES["deployed"], TIMES["deployment_judged_until"])
    changed = before.compare(after)
    cause, effect = FAULTS["slower"]["hop"]
    assert changed["name"].iloc[0] == f"{cause} → {effect} (shipping)"
    assert changed["verdict"].iloc[0] == "slower"


def test_the_hop_that_waits_for_norway_has_the_longest_tail(log):
    hops = log.hops().sort_values("p99_ms", ascending=False)
    assert [hops["cause_type"].iloc[0], hops["effect_type"].iloc[0]] == FAULTS["norway"]["hop"]


def test_the_path_that_ends_without_a_parcel_became_more_frequent(log):
    before = log.between(None, TIMES["deployed"])
    changed = before.compare(log.between(TIMES["deployed"], TIMES["deployment_judged_until"]))
    more = changed[(changed["what"] == "variant") & changed["verdict"].isin(["more", "new"])]
    assert more["name"].tolist() == ["OrderPlaced → StockReserved → PaymentReceived"]


def test_the_foreign_dump_gives_the_same_answers_but_for_two_lines_that_were_cut_off(log):
    dump = EventLog.read(SAMPLES / "foreign_dump.gz", mapping={"time": "headers.t"})
    dump = EventLog(dump.frame.rename(columns={"failure": "dead_letter"}))
    assert len(dump) == len(log) - 2
    assert dump.n_dead_letters == log.n_dead_letters
    assert set(dump.stuck()["correlation_id"]) == set(log.stuck()["correlation_id"])


def test_dead_letters_are_found_by_cause(log):
    found = log.dead_letters()
    told = [FAULTS[fault] for fault in ("closed", "cyprus", "poison", "id_reused")]
    wanted = sorted((fault["service"], fault["error"], fault["n"]) for fault in told)
    assert sorted(zip(found["service"], found["error_type"], found["n"], strict=True)) == wanted
    answered = found[found["answered"] > 0]
    assert answered["example_flow"].isin(flows("id_reused")).all()  # of which one order went on
    assert answered["n"].sum() == FAULTS["id_reused"]["n"]


def test_retries_are_counted(log):
    found = log.retries().set_index(["service", "told_by"])
    of_billing = [FAULTS["italy"], FAULTS["storm"]]
    cyprus, storm, twice = (FAULTS[fault] for fault in ("cyprus", "storm", "twice"))
    rows = {key: (row.events, row.attempts, row.gave_up) for key, row in found.iterrows()}
    assert rows == {
        ("billing", "retry channel"): (
            sum(fault["n"] for fault in of_billing),
            sum(fault["n"] + fault["retries"] for fault in of_billing),
            0,
        ),
        ("shipping", "retry channel"): (
            cyprus["n"],
            cyprus["n"] + cyprus["retries"],
            cyprus["n"],
        ),
        ("billing", "same effect"): (twice["n"], 2 * twice["n"], 0),
    }
    worst = found.loc[("billing", "retry channel")]
    assert [worst["example_flow"]] == storm["flows"]
    assert worst["most"] == storm["retries"] + 1


def test_the_loop_and_the_storm_are_found(log):
    found = log.loops().set_index("kind")
    loop, storm = FAULTS["loop"], FAULTS["storm"]
    assert sorted(found.index) == ["loop", "storm"]
    assert [found["example"]["loop"]] == loop["flows"]
    assert set(found["path"]["loop"].split(" → ")) == set(loop["types"])
    assert found["longest"]["loop"] == loop["rounds"] - 1
    assert [found["example"]["storm"]] == storm["flows"]
    assert found["n"]["storm"] == storm["retries"] + 1


def test_keys_out_of_order_and_on_two_partitions_are_found(log):
    found = log.disorder()
    kinds = {"late": FAULTS["late"]["keys"], "two partitions": FAULTS["two_partitions"]["keys"]}
    assert {
        kind: sorted(rows["key"]) for kind, rows in found.groupby("kind", observed=True)
    } == kinds
    assert set(found["channel"]) == {"shop"}


def test_events_whose_cause_was_not_captured_are_found(log):
    found = log.orphans()
    assert sorted(found["correlation_id"]) == flows("orphans")
    assert set(found["type"]) == {FAULTS["orphans"]["type"]}
    assert set(found["where"]) == {"before the log's start"}


def test_the_key_of_the_till_is_the_hottest(log):
    hottest = log.hot_keys().iloc[0]
    assert (hottest["what"], hottest["name"]) == ("key", FAULTS["hot"]["key"])
    assert hottest["events"] == 5 * FAULTS["hot"]["n"]  # each flow has five events of the key


def test_the_unusual_flows_come_first_that_were_made_unusual(log):
    found = log.anomalies()
    first = found.head(FAULTS["customs"]["n"])
    assert sorted(first["correlation_id"]) == flows("customs")
    cause, effect = FAULTS["customs"]["hop"]
    assert set(first["name"]) == {f"{cause} → {effect} (shipping)"}
    odd = found[found["what"].isin(["repeats", "variant"])]
    assert set(odd["correlation_id"]) == set(flows("loop"))
    by_chance = found.drop([*first.index, *odd.index])  # a busy machine was slow for these
    assert set(by_chance["what"]) <= {"hop", "duration"}
    assert len(by_chance) <= 3

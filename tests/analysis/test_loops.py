import pytest

from workbench.analysis import EventLog
from workbench.analysis.loops import part, whole
from workbench.errors import LogError


def chain(event, types: str, flow: str = "f", ms: float = 10) -> list[dict]:
    """Events that each cause the next, one letter a type."""
    return [
        event(kind, flow, n * ms, id=f"{flow}{n}", causation_id=f"{flow}{n - 1}" if n else None)
        for n, kind in enumerate(types)
    ]


def test_a_type_that_causes_itself_again_is_a_loop_told_from_the_name_that_sorts_first(event):
    found = EventLog(chain(event, "XBABAB") + chain(event, "AB", "g")).loops()
    assert found["kind"].tolist() == ["loop"]
    row = found.iloc[0]
    assert row["path"] == "A → B → A"
    assert row["n"] == 3  # the second A, the second B and the third B
    assert (row["flows"], row["longest"], row["took_ms"]) == (1, 2, 40.0)  # B to B to B
    assert row["example"] == "f"
    assert found.sentence == (
        "1 loop of types that cause themselves again, in up to 1 flow; the longest goes 2 times "
        "round A → B → A in 40 ms (flow f). No step comes in bursts."
    )


def test_a_type_that_causes_its_own_kind_directly_is_a_loop_of_one(event):
    found = EventLog(chain(event, "AAAA") + chain(event, "CAAB", "g")).loops()
    assert found["path"].tolist() == ["A → A"]
    assert (found["n"].tolist(), found["longest"].tolist()) == ([4], [3])
    assert found["flows"].tolist() == [2]


def test_another_way_round_is_another_loop(event):
    found = EventLog(chain(event, "ABACA")).loops()
    assert found["path"].tolist() == ["A → B → A", "A → C → A"]


def test_a_storm_is_a_burst_of_the_same_in_one_flow(event):
    def called(flow: str, n: int, ms: float, **more) -> list[dict]:
        return [
            event("Called", flow, k * ms, id=f"{flow}{k}", data={"n": 1}, **more) for k in range(n)
        ]

    apart = called("slow", 20, 1500)
    other = [{**row, "data": {"n": k}} for k, row in enumerate(called("fan-out", 20, 1))]
    found = EventLog([*called("f", 12, 100), *called("g", 9, 1), *apart, *other]).loops()
    assert found["kind"].tolist() == ["storm"]
    row = found.iloc[0]
    assert (row["path"], row["service"], row["longest"]) == ("Called", "service", 12)
    assert (row["took_ms"], row["flows"], row["example"]) == (1100.0, 1, "f")
    assert found.sentence == (
        "No type causes itself again. 1 step came in bursts of the same in one flow; the longest "
        "is 12 Called in 1.1 s (flow f). No cause is known here, so that only bursts can be seen: "
        "log.with_causes() infers causes, and log.variants() shows what comes again."
    )


def test_one_id_again_and_again_is_a_storm_too(event):
    one = event("Called", "f", 0)
    found = EventLog([{**one, "offset": n} for n in range(10)]).loops()
    assert (found["n"].tolist(), found["longest"].tolist()) == ([10], [10])


def test_how_large_a_burst_is_can_be_said(event):
    rows = [event("Called", "f", 100 * n, id=str(n)) for n in range(3)]
    assert EventLog(rows).loops(burst=3)["longest"].tolist() == [3]
    assert EventLog(rows).loops(burst=3, within="99ms").empty
    with pytest.raises(LogError, match=r"burst=1: a burst is of 2 events or more"):
        EventLog(rows).loops(burst=1)
    with pytest.raises(LogError, match=r"within='soon' is not a length of time"):
        EventLog(rows).loops(within="soon")


def test_of_two_loops_as_long_the_example_is_the_flow_that_began_first_whatever_the_clocks_say(
    event,
):
    skewed = [event("A", "a", 40, id="x1"), event("A", "a", 0, id="x2", causation_id="x1")]
    later = [event("A", "d", 10, id="y1"), event("A", "d", 30, id="y2", causation_id="y1")]
    at_once = EventLog(skewed + later).loops()
    assert "1 time round A → A, by clocks that differ (flow a)" in at_once.sentence
    parts = [part(log.index, log.frame, 10, 10**9) for log in map(EventLog, (later, skewed))]
    assert at_once["example"].tolist() == whole(parts)["example"].tolist() == ["a"]


def test_a_storm_of_events_without_a_type_or_a_source_says_so(event):
    found = EventLog(
        [event(None, "f", n, id=f"e{n}", source=None, data={}) for n in range(11)]
    ).loops()
    assert found[["path", "service"]].to_numpy().tolist() == [["(no type)", "(no source)"]]
    assert "the longest is 11 (no type) in 10 ms" in found.sentence


def test_the_same_step_by_causes_that_the_log_does_not_hold_is_no_storm(event):
    rows = [event("Paid", "f", k, None, id=f"e{k}") | {"data": None} for k in range(12)]
    apart = [row | {"causation_id": f"request-{k}"} for k, row in enumerate(rows)]
    alike = [row | {"causation_id": "request"} for row in rows]
    assert EventLog(apart).loops().empty
    assert EventLog(alike).loops()["longest"].tolist() == [12]

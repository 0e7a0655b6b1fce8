import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis import EventLog

NOON = pd.Timestamp("2026-11-23T12:00:00Z")
SECOND = pd.Timedelta("1s")


def placed(event, kind: str, ms: float, offset: int, **more) -> dict:
    return event(kind, "f", ms, **({"channel": "c", "partition": 0, "offset": offset} | more))


def test_an_event_behind_one_that_happened_later_is_late(event):
    log = EventLog(
        [
            placed(event, "A", 0, 0, key="k"),
            placed(event, "B", 50, 1, key="k"),
            placed(event, "C", 20, 2, key="k"),  # 30 ms before B
            placed(event, "D", 45, 3, key="k"),  # 5 ms before B
            placed(event, "E", 10, 4, key="other"),
        ]
    )
    found = log.disorder()
    assert found.to_dict("records") == [
        {
            "key": "k",
            "kind": "late",
            "channel": "c",
            "n": 2,
            "worst_ms": 30.0,
            "example": "f/C",
        }
    ]
    assert found.sentence == (
        "Of 2 keys (key) of 5 events, 2 events of 1 key stand behind events that happened later "
        "(by 30 ms at worst)."
    )


def test_an_effect_ahead_of_its_cause_is_found_whatever_the_clocks_say(event):
    log = EventLog([placed(event, "A", 0, 7), placed(event, "B", 9, 3, cause="A")])
    found = log.disorder()
    assert found["kind"].tolist() == ["late", "effect first"]
    assert found["example"].tolist() == ["f/A", "f/B"]
    skewed = EventLog([placed(event, "A", 9, 7), placed(event, "B", 0, 3, cause="A")]).disorder()
    assert skewed["kind"].tolist() == ["effect first"]
    assert skewed["worst_ms"].tolist() == [9.0]


def test_a_key_on_two_partitions_is_named(event):
    rows = [placed(event, "A", 0, 0), placed(event, "B", 1, 0, partition=3)]
    found = EventLog([*rows, placed(event, "C", 2, 0, channel="elsewhere")]).disorder()
    assert found[["key", "kind", "channel", "n"]].to_numpy().tolist() == [
        ["f", "two partitions", "c", 2]
    ]
    assert "1 key stands on several partitions" in found.sentence


def test_the_subject_stands_in_for_a_key_and_the_correlation_id_for_both(event):
    rows = [placed(event, "A", 5, 0, subject="s"), placed(event, "B", 0, 1, subject="s")]
    assert EventLog(rows).disorder()["key"].tolist() == ["s"]
    bare = [{**row, "subject": None} for row in rows]
    assert EventLog(bare).disorder()["key"].tolist() == ["f"]


def test_what_could_not_be_looked_at_is_said(event):
    assert EventLog([event("A", "f", 0), event("B", "f", 1)]).disorder().sentence == (
        "Nothing is known of order: none of 2 events has both a key and an offset. If other columns "
        'tell them, read the log with mapping={"key": …, "offset": …}.'
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("kl"), st.integers(0, 1))))
def test_late_events_are_those_that_a_loop_finds(found):
    rows = [
        {
            "id": str(n),
            "type": "A",
            "time": NOON + pd.Timedelta(ms, "ms"),
            "key": key,
            "channel": "c",
            "partition": partition,
            "offset": n,
        }
        for n, (ms, key, partition) in enumerate(found)
    ]
    expected: dict[str, list[int]] = {}
    latest: dict[tuple, int] = {}
    for ms, key, partition in found:
        behind = latest.setdefault((key, partition), ms) - ms
        if behind > 0:
            expected.setdefault(key, []).append(behind)
        latest[key, partition] = max(latest[key, partition], ms)
    answer = EventLog(rows).disorder()
    late = answer[answer["kind"] == "late"].set_index("key")
    assert late["n"].to_dict() == {key: len(behind) for key, behind in expected.items()}
    assert late["worst_ms"].to_dict() == {key: max(behind) for key, behind in expected.items()}


def test_where_clocks_differ_the_sentence_says_that_an_event_may_be_late_for_that_alone(event):
    rows = [
        placed(event, "A", 50, 0, key="k", source="fast"),
        placed(event, "B", 20, 1, cause="A", key="k", source="slow"),
        placed(event, "C", 60, 2, cause="B", key="k", source="fast"),
    ]
    said = EventLog(rows).disorder().sentence
    assert said.endswith(
        "By the logged times 1 effect happened before its cause, so clocks differ, and an event may "
        "be late for that alone: ask log.without_skew().disorder()."
    )
    assert EventLog(rows).without_skew().disorder().empty


def test_without_channels_the_picture_names_keys_alone(event):
    rows = [
        {"id": i, "type": "A", "source": "s", "key": "k", "offset": n, "time": NOON - n * SECOND}
        for n, i in enumerate("ab")
    ]
    assert EventLog(rows).disorder().plot().layout.yaxis.ticktext == ("k",)

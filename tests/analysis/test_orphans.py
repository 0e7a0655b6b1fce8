from workbench.analysis import EventLog


def test_a_cause_is_looked_for_in_other_flows_and_in_none(event):
    log = EventLog(
        [
            event("A", "f", 0),
            event("B", "f", 10, "A"),
            event("Stray", None, 20, id="stray"),
            event("C", "g", 30, causation_id="f/A"),
            event("D", "g", 40, causation_id="stray"),
            event("E", "g", 50, causation_id="lost"),
            event("F", None, 60, causation_id="f/A", id="F"),
        ]
    )
    found = log.orphans()
    assert found["type"].tolist() == ["C", "D", "E", "F"]
    assert found["where"].tolist() == [
        "in another flow",
        "in no flow",
        "not in the log",
        "in some flow",
    ]
    assert found["cause_flow"].fillna("-").tolist() == ["f", "-", "-", "f"]
    assert found["cause_type"].astype("str").fillna("-").tolist() == ["A", "Stray", "-", "A"]
    assert found.sentence == (
        "4 of 7 events name a cause that is not in their flow: 1 names one that is not in the log, 1 "
        "names one of another flow, 1 names one that is in no flow, 1 is in no flow itself, while "
        "its cause is in one."
    )


def test_a_lost_cause_at_the_log_s_start_was_most_likely_cut_off(event):
    log = EventLog(
        [
            event("Early", "f", 4, causation_id="lost"),
            event("A", "g", 0),
            event("B", "g", 5, "A"),  # the longest hop takes 5 ms, which is less than 2**23 ns
            event("Late", "h", 17, causation_id="lost"),
        ]
    )
    where = log.orphans().set_index("type")["where"]
    assert where.to_dict() == {"Early": "before the log's start", "Late": "not in the log"}


def test_a_ring_of_causes_has_no_orphans(event):
    log = EventLog([event("A", "f", 0, "B"), event("B", "f", 1, "A"), event("C", "f", 2, "C")])
    found = log.orphans()
    assert found.empty
    assert found.sentence == "Every cause that the 3 events name is in its flow."


def test_orphans_are_drawn_by_type_and_place(event):
    rows = [event("<b>", "f", n, id=str(n), causation_id="lost") for n in range(3)]
    figure = EventLog(rows).orphans().plot()
    assert figure.data[0].x == (1, 2) or figure.data[0].x == (2, 1) or figure.data[0].x == (3,)
    assert "&lt;b&gt;" in figure.layout.yaxis.ticktext[0]


def test_a_log_in_which_no_cause_is_named_or_none_is_found_says_so(event):
    assert EventLog([event("A", "f", 0)]).orphans().sentence == "No event names a cause."
    rows = [event("A", f"f{n}", n, causation_id=f"m{n}") for n in range(12)]
    said = EventLog(rows).orphans().sentence
    assert said.endswith(
        " No cause that is named is the id of an event here: see log.mapping, is id the right column?"
    )
    found = EventLog([*rows, event("B", "f0", 20, "A")]).orphans().sentence
    assert "log.mapping" not in found


def test_how_long_an_effect_takes_is_asked_of_its_type_and_of_nearly_all(event):
    rows = [event("Placed", f"f{n}", 100 * n) for n in range(200)]
    rows += [event("Paid", f"f{n}", 100 * n + 8, "Placed") for n in range(1, 200)]
    rows += [event("Paid", "f0", 60_000, "Placed"), event("Sent", "f3", 90_000, "Paid")]
    rows += [event("Paid", f"lost{n}", 15 * n, causation_id="lost") for n in range(1, 4)]
    found = EventLog(rows).orphans()
    lost = found[found["causation_id"] == "lost"]
    assert lost["where"].tolist() == ["before the log's start", "not in the log", "not in the log"]

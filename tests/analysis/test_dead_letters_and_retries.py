import pandas as pd
import pytest

from workbench.analysis import EventLog

NOON = pd.Timestamp("2026-11-23T12:00:00Z")


def at(seconds: float) -> dict:
    return {"broker_time": NOON + pd.Timedelta(seconds, "s")}


def given_up(event: dict, reason: str, seconds: float, **more) -> dict:
    channel = f"{reason.split('/', maxsplit=1)[0]}.dead-letters"
    return {**event, "channel": channel, "dead_letter": reason, **at(seconds), **more}


def test_dead_letters_are_told_by_cause_with_what_became_of_them(event):
    a, b, c = (event("Placed", flow, 0, **at(0)) for flow in "abc")
    slow = "billing/charge: TimeoutError: order {} not answered in 3000 ms"
    log = EventLog(
        [
            *(a, b, c),
            given_up(a, slow.format(17), 5),
            given_up(b, slow.format(18), 9),
            given_up(c, "stock: ValueError: none: left", 7),
            {**a, "channel": "team.billing.retries", **at(20)},  # redriven
            {
                **b,
                "channel": "team.billing.retries",
                **at(8),
            },  # tried again, before it was given up
            event("Paid", "a", 21_000, "Placed", source="billing", **at(21)),
        ]
    )
    found = log.dead_letters()
    first, second = found.to_dict("records")
    assert (first["service"], first["reaction"], first["error_type"], first["message"]) == (
        *("billing", "charge", "TimeoutError"),
        "order … not answered in … ms",
    )
    assert (first["n"], first["flows"], first["redriven"], first["answered"]) == (2, 2, 1, 1)
    assert (first["first"], first["last"]) == tuple(NOON + pd.Timedelta(s, "s") for s in (5, 9))
    assert (first["example"], first["example_flow"]) == ("a/Placed", "a")
    assert pd.isna(second["reaction"])
    assert (second["service"], second["message"], second["n"]) == ("stock", "none: left", 1)
    assert found.sentence == (
        "3 dead letters of 3 flows, by 2 causes; the most frequent, 2: billing/charge: "
        "TimeoutError: order … not answered in … ms. 1 of them was redriven later, 1 answered "
        "after all."
    )


def test_a_decision_noted_on_the_desk_is_a_redrive_too(event):
    placed = event("Placed", "a", 0)
    noted = event("DeadLetterRedriven", "a", -9, "Placed", data={"service": "billing"})
    log = EventLog([placed, given_up(placed, "billing/charge: E: no", 0), noted])
    assert log.dead_letters()["redriven"].tolist() == [0]  # of a letter before
    later = {**noted, **at(1)}
    log = EventLog([placed, given_up(placed, "billing/charge: E: no", 0), later])
    assert log.dead_letters()["redriven"].tolist() == [1]
    other = {**later, "data": {"service": "stock"}}
    log = EventLog([placed, given_up(placed, "billing/charge: E: no", 0), other])
    assert log.dead_letters()["redriven"].tolist() == [0]


def test_a_reason_of_another_form_is_the_message(event):
    log = EventLog([event("A", "f", 0, dead_letter="could not; be bothered")])
    found = log.dead_letters()
    assert found["message"].tolist() == ["could not; be bothered"]
    assert found[["service", "reaction", "error_type"]].isna().all(axis=None)


def test_dead_letters_are_drawn_over_time_by_cause(event):
    placed = event("<i>", "a", 0)
    reasons = [f"s{n}/r: E: <b>" for n in range(8)]
    log = EventLog([placed, *(given_up(placed, reason, n) for n, reason in enumerate(reasons))])
    figure = log.dead_letters().plot()
    assert figure.data[0].name == "s…/r: E: &lt;b&gt;" or figure.data[0].name.endswith("&lt;b&gt;")
    assert figure.data[-1].name == "3 other causes"
    assert sum(sum(bars.y) for bars in figure.data) == 8


def test_attempts_are_taken_from_their_column_where_there_is_one(event):
    placed = event("Placed", "f", 0, attempts=None)
    log = EventLog(
        [
            placed,
            {**placed, "channel": "billing.retries", "attempts": 3, **at(2)},
            given_up(placed, "billing/charge: E: no", 8, attempts=6),
            given_up(placed, "stock/reserve: E: no", 8, attempts=1),
        ]
    )
    found = log.retries()
    assert found["service"].tolist() == ["billing"]
    row = found.iloc[0]
    assert (row["type"], row["told_by"], row["events"]) == ("Placed", "attempts", 1)
    assert (row["attempts"], row["most"], row["gave_up"]) == (6, 6, 1)
    assert (row["last"] - row["first"]).total_seconds() == 6
    assert found.sentence == (
        "1 event took 6 attempts, as told by the column attempts; 1 was given up on. The "
        "most attempts, 6, were made by billing at Placed, up to 6 at one event."
    )


def test_a_column_attempts_tells_them_on_any_row_by_its_service(event):
    rows = [event("Shipped", f"f{n}", n, source="shipping", attempts=1) for n in range(50)]
    for row in rows[:5]:
        row["attempts"] = 3
    rows[7]["attempts"] = "2"
    rows[8]["attempts"] = "many"
    found = EventLog(rows).retries()
    row = found.iloc[0]
    assert (row["service"], row["type"], row["told_by"]) == ("shipping", "Shipped", "attempts")
    assert (row["events"], row["attempts"], row["most"], row["gave_up"]) == (6, 17, 3, 0)
    assert len(found) == 1
    assert found.sentence == (
        "6 events took 17 attempts, as told by the column attempts; none was given up on. The "
        "most attempts, 17, were made by shipping at Shipped, up to 3 at one event."
    )


def test_tried_once_is_not_tried_again(event):
    log = EventLog([event("A", "f", 0, attempts=1), event("B", "f", 0, attempts=0)])
    assert log.retries().sentence == "Nothing shows that an event was tried more than once."


@pytest.mark.parametrize("reason", ["timeout after 5 s", "ValueError: no stock", '{"service": 1}'])
def test_who_gave_up_is_unknown_if_the_reason_does_not_say_it(event, reason):
    placed = event("Placed", "f", 0)
    log = EventLog([placed, {**placed, "dead_letter": reason, "attempts": 4}])
    found = log.retries()
    assert found["service"].isna().tolist() == [True]
    assert (found["attempts"].iloc[0], found["gave_up"].iloc[0]) == (4, 1)
    assert "The most attempts, 4, were made by an unknown service at Placed" in found.sentence
    assert "unknown service: Placed" in str(found.plot())
    assert log.dead_letters()["service"].isna().all()


def test_without_it_they_are_counted_on_retry_channels(event):
    placed, other = event("Placed", "f", 0), event("Placed", "g", 0)
    retried = {**placed, "channel": "billing.retries"}
    log = EventLog([placed, other, *({**retried, "offset": n} for n in range(2))])
    row = log.retries().iloc[0]
    assert (row["service"], row["told_by"], row["attempts"]) == ("billing", "retry channel", 3)


def test_and_without_those_they_are_inferred_from_effects_that_came_again(event):
    paid = event("PaymentReceived", "f", 5, "Placed", data=1)
    log = EventLog([event("Placed", "f", 0), paid, {**paid, "id": "2"}, {**paid, "id": "3"}])
    found = log.retries()
    row = found.iloc[0]
    assert (row["service"], row["type"], row["told_by"]) == ("billing", "Placed", "same effect")
    assert (row["attempts"], row["gave_up"], row["example"]) == (3, 0, "f/Placed")
    assert "as told by effects that came again" in found.sentence
    assert found.plot().data[0].x == (3,)


@pytest.mark.parametrize("nanoseconds", [0, 1, 127, 255, 991_000_000, 991_000_001])
def test_dead_letters_are_drawn_whatever_the_nanosecond_they_were_given_up_at(event, nanoseconds):
    placed = event("A", "a", 0)
    placed["time"] = pd.Timestamp("2026-11-24T22:02:02", tz="UTC") + pd.Timedelta(nanoseconds)
    letter = {**placed, "dead_letter": "s/r: E: m"}
    assert EventLog([letter]).dead_letters().plot().data[0].y == (1,)
    later = {**letter, "id": "other", "time": placed["time"] + pd.Timedelta("50000 days")}
    bars = EventLog([letter, later]).dead_letters().plot().data[0]
    assert (bars.y[0], sum(bars.y), bars.y[-1]) == (1, 2, 1)


def test_a_log_that_marks_no_dead_letters_says_how_to_mark_them(event):
    said = EventLog([event("A", "f", 0)]).dead_letters().sentence
    assert said == (
        "No dead letter is marked here, for there is no column dead_letter. If a column says why "
        'rows failed, read the log with mapping={"dead_letter": "the column"}.'
    )


def test_a_letter_that_was_redriven_and_died_again_is_another(event):
    first = event("A", "f", 0)
    log = EventLog(
        [
            first | at(0),
            given_up(first, "billing/charge: TimeoutError: no answer", 10, partition=0, offset=0),
            first | at(20) | {"channel": "billing.retry", "partition": 0, "offset": 0},
            given_up(first, "billing/charge: TimeoutError: no answer", 30, partition=0, offset=1),
            given_up(first, "billing/charge: TimeoutError: no answer", 30, partition=0, offset=1),
        ]
    )
    letters = log.dead_letters()
    assert letters[["n", "redriven"]].to_numpy().tolist() == [[2, 1]]
    assert letters.sentence.endswith("1 of them was redriven later.")


def test_whether_a_letter_was_redriven_is_not_known_without_the_broker_s_times(event):
    first = event("A", "f", 0)
    reason = {"dead_letter": "billing/charge: TimeoutError: no answer"}
    log = EventLog([first, first | reason, first | {"channel": "billing.retry"}])
    letters = log.dead_letters()
    assert letters["redriven"].tolist() == [0]
    assert letters.sentence.endswith(
        "Whether any was redriven later is not known (the broker's times are missing)."
    )

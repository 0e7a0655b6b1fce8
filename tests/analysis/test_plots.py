from itertools import pairwise

import pandas as pd
import pytest

from tests.analysis.conftest import NOON
from workbench.analysis import EventLog


def test_flow_durations_say_their_unit_and_how_many(orders):
    figure = orders.flows().plot()
    assert figure.layout.title.text == "<b>How long flows take, in ms (n = 4 flows)</b>"
    assert [bars.name.split(":")[0] for bars in figure.data] == [
        "V1, 2 flows",
        "V2, 1 flow",
        "V3, 1 flow",
    ]
    assert sum(sum(bars.y) for bars in figure.data) == 4


def test_flows_of_one_event_are_left_out_and_said_to_be(event):
    log = EventLog([event("A", "f", 0), event("A", "g", 0), event("B", "g", 1)])
    assert "1 more have a single event" in log.flows().plot().layout.title.subtitle.text


def test_rare_variants_share_one_colour_and_are_counted(event):
    rows = [event(str(n), flow, n) for flow in "abcdefgh" for n in range(ord(flow) - 95)]
    figure = EventLog(rows).flows().plot()
    assert figure.data[-1].name == "3 other variants"
    assert sum(sum(bars.y) for bars in figure.data) == 8


def test_hops_are_labelled_with_their_times(orders):
    figure = orders.hops().plot()
    assert figure.layout.title.text == "<b>How long each hop takes, in ms (n = 9 hops)</b>"
    labels = [label for trace in figure.data if trace.text for label in trace.text]
    assert " 15 ms" in labels
    assert "<b>OrderPlaced → StockReserved</b><br>inventory, n = 4" in figure.layout.yaxis.ticktext


def test_names_between_dollar_signs_are_no_mathematics(event):
    log = EventLog([event("$A$", "$f$", 0), event("$B$", "$f$", 1, "$A$", source="$s$")])
    flow = log.flow("$f$")
    for answer in (log.flows(), log.hops(), log.throughput(by="source"), flow.critical_path()):
        assert "$" not in answer.plot().to_json()


def test_names_from_the_log_are_shown_as_text_and_never_as_markup(event):
    log = EventLog([event("<a href='x'>A</a>", "f", 0), event("B", "f", 1, causation_id="c")])
    assert "&lt;a href='x'&gt;A&lt;/a&gt; → B" in log.flows().plot().data[0].name


def test_times_below_zero_are_drawn_and_explained(event):
    figure = EventLog([event("A", "f", 10), event("B", "f", 4, "A")]).hops().plot()
    assert figure.layout.xaxis.type == "linear"
    assert "clocks of two services differ" in figure.layout.title.subtitle.text


NOTHING_TO_DRAW = {
    "flows": lambda log: log.flows(),
    "variants": lambda log: log.variants(),
    "hops": lambda log: log.hops(),
    "fan_out": lambda log: log.fan_out(),
    "throughput": lambda log: log.throughput(),
    "stuck": lambda log: log.stuck(),
    "dead_letters": lambda log: log.dead_letters(),
    "retries": lambda log: log.retries(),
    "duplicates": lambda log: log.duplicates(),
    "orphans": lambda log: log.orphans(),
    "disorder": lambda log: log.disorder(),
    "loops": lambda log: log.loops(),
    "skew": lambda log: log.skew(),
    "anomalies": lambda log: log.anomalies(),
    "critical_path": lambda log: log.critical_path(),
    "compare": lambda log: log.compare(log),
    "explain": lambda log: log.explain([]),
}


@pytest.mark.parametrize("question", NOTHING_TO_DRAW)
def test_a_picture_of_nothing_says_what_the_answer_says(question):
    answer = NOTHING_TO_DRAW[question](EventLog([]))
    assert said_in(answer.plot()) == answer.sentence


@pytest.mark.parametrize(
    "question", ["hops", "fan_out", "stuck", "dead_letters", "orphans", "disorder", "skew"]
)
def test_so_does_a_picture_of_one_event(event, question):
    answer = NOTHING_TO_DRAW[question](EventLog([event("A", "f", 0)]))
    assert said_in(answer.plot()) == answer.sentence


def test_that_no_flow_has_two_events_is_said_instead_of_a_picture(event):
    figure = EventLog([event("A", "f", 0)]).flows().plot()
    assert said_in(figure) == "No flow here has two events."


def said_in(figure):
    """What stands in a figure that has nothing else."""
    (note,) = figure.layout.annotations
    return note.text.replace("<br>", " ")


def test_pictures_stand_on_the_notebook_s_own_background(orders):
    for figure in (orders.flows().plot(), orders.hops().plot()):
        assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert figure.layout.plot_bgcolor == "rgba(0,0,0,0)"


def texts(figure):
    """What is written at the points and bars of a figure."""
    return [text for trace in figure.data if trace.text is not None for text in trace.text]


def test_times_below_zero_have_the_unit_of_those_above(event):
    figure = EventLog([event("A", "f", 5000), event("B", "f", 0, "A")]).hops().plot()
    assert texts(figure) == [" -5 s"] * 3
    assert figure.layout.title.text == "<b>How long each hop takes, in s (n = 1 hops)</b>"


def test_times_below_a_millisecond_are_in_smaller_units(event):
    figure = EventLog([event("A", "f", 0), event("B", "f", 0.02, "A")]).hops().plot()
    assert texts(figure) == [" 20 µs"] * 3
    assert figure.layout.xaxis.title.text == "cause to effect (µs, log scale)"


def test_a_share_is_all_only_if_it_is_all(event):
    alone = EventLog([event("A", "f", 0), event("B", "f", 5, "A")])
    assert alone.critical_path("f").plot().layout.annotations[-1].text == " 5 ms, 100 %"
    rows = [event("B", "f", n, id=str(n), key="a" if n else "b") for n in range(300)]
    assert "299 events, 99.7 %" in EventLog(rows).hot_keys().plot().data[0].text[0]
    of_two = [
        event("A", f"g{n}", n, data={"c": "PT" if n % 10 == 0 or n == 1 else "DE"})
        for n in range(3000)
    ]
    figure = EventLog(of_two).explain([f"g{n}" for n in range(0, 3000, 10)]).plot()
    assert [bars.text[0] for bars in figure.data] == [" 0 %", " 99.96 %"]


@pytest.mark.parametrize("n", [1, 3])
def test_letters_at_one_moment_stand_in_the_middle_and_can_be_seen(event, n):
    placed = [event("A", f"f{i}", 0, dead_letter="s/r: E: m") for i in range(n)]
    figure = EventLog(placed).dead_letters().plot()
    bars = figure.data[0]
    assert (bars.y, bars.width) == ((n,), (1.0,))  # milliseconds
    at = NOON.tz_localize(None)
    assert [pd.Timestamp(x) - at for x in bars.x] == [pd.Timedelta(0)]
    shown = [pd.Timestamp(x) - at for x in figure.layout.xaxis.range]
    assert shown == [pd.Timedelta(-20, "ms"), pd.Timedelta(20, "ms")]


def test_what_is_unusual_and_took_no_time_is_shown_on_a_log_axis_too(event):
    rows = [event("A", f"f{n}", 0) for n in range(300)]
    rows += [event("B", f"f{n}", 10 + n % 7, "A") for n in range(300)]
    for flow, ms in (("slow", 300), ("slower", 60_000)):
        rows += [event("A", flow, 0), event("B", flow, ms, "A")]
    rows.append(event("C", "once", 0))
    found = EventLog(rows).anomalies()
    figure = found.plot()
    assert figure.layout.showlegend
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.title.text.endswith("log scale; none at all: at the left end)")
    shown = [x for points in figure.data for x in points.x]
    assert len(shown) == len(found)
    assert min(shown) > 0
    assert "once" in found["correlation_id"].to_numpy()


def rows_of(figure, name):
    """Where the points of a name stand, and what their rows are called."""
    points = next(trace for trace in figure.data if trace.name == name)
    return list(points.y), list(figure.layout.yaxis.ticktext)


def test_paths_that_begin_alike_have_rows_of_their_own(event):
    steps = [f"Step{n}" for n in range(30)]
    rows = []
    for flow, last in (("f", "Long"), ("g", "Other")):
        rows += [event(kind, flow, n) for n, kind in enumerate(["A", *steps, last])]
        rows.append(event("B", flow, 50))
    y, names = rows_of(
        EventLog(rows).latency("A", "B", by="variant").plot(), "p50: half are quicker"
    )
    assert (y, len(set(names))) == ([0, 1], 1)


def test_types_and_hops_that_begin_alike_have_rows_of_their_own(event):
    long = "A" * 120
    rows = [event(f"{long}{n}", "f", n) for n in (1, 2)]
    log = EventLog([*rows, *(event(f"B{n}", "f", 5, f"{long}{n}") for n in (1, 2))])
    y, names = rows_of(log.fan_out().plot(), "most")
    assert (y, len(set(names))) == ([0, 1], 1)
    assert rows_of(log.hops().plot(), "slowest")[0] == [0, 1]


def test_flows_of_no_time_are_not_taken_for_single_events(event):
    at_once = [event("A", "f", 0), event("B", "f", 0)]
    said = "1 flow of two or more events takes no time as far as the clock tells."
    assert EventLog(at_once).flows().plot().layout.annotations[0].text == said
    more = [event("A", "g", 0), event("B", "g", 1), event("A", "h", 0)]
    assert EventLog([*at_once, *more]).flows().plot().layout.title.subtitle.text == (
        "1 more have a single event, and so no duration; "
        "1 more take no time as far as the clock tells"
    )


def test_the_channel_that_the_sentence_names_is_in_the_picture_of_hot_keys(event):
    rows = [
        event("A", f"f{n}", n, id=f"{channel}-{n}", channel=f"c{channel}", partition=n % 4)
        for channel in range(9)
        for n in range(8)
    ]
    rows += [
        event("A", f"f{n}", n, id=f"more-{n}", channel="c7", partition=2) for n in range(8, 20)
    ]
    answer = EventLog(rows).hot_keys()
    assert "The most uneven channel is c7" in answer.sentence
    figure = answer.plot()
    labels = figure.layout.yaxis.ticktext
    assert next(label for label in labels if "partition" in label) == "partition 2 of c7"
    assert figure.layout.title.subtitle.text == (
        "of each kind and channel the 5 with the most events; "
        "partitions of the 3 most uneven of 9 channels"
    )


def test_the_picture_of_few_keys_leaves_nothing_out_and_does_not_say_so(event):
    figure = EventLog([event("A", "f", 0, key="k"), event("B", "f", 1, key="k")]).hot_keys().plot()
    assert figure.layout.title.subtitle.text == ""


def test_what_has_no_type_is_called_so(event):
    log = EventLog([event("A", "f", 0), event("B", "f", 1, "Lost", type=None)])
    assert log.orphans().plot().layout.yaxis.ticktext == ("(no type)",)


def test_a_key_that_is_out_of_order_in_two_ways_is_one_key(event):
    placed = {"partition": 0, "channel": "c", "key": "k"}
    rows = [
        event("B", "f", 5, "A", offset=0, **placed),
        event("A", "f", 10, offset=1, **placed),
        event("C", "f", 1, offset=2, **placed),
    ]
    answer = EventLog(rows).disorder()
    assert len(answer[answer["worst_ms"] > 0]) == 2
    assert "(n = 1 key)" in answer.plot().layout.title.text


def test_attempts_at_one_event_are_counted_in_the_singular(event):
    paid = event("Paid", "f", 5, "Placed", source="billing", data=1)
    again = [paid, {**paid, "id": "2"}, {**paid, "id": "3"}]
    figure = EventLog([event("Placed", "f", 0), *again]).retries().plot()
    assert texts(figure) == [" 1 event, 3 attempts (same effect)"]


LONG = "Kind" * 50


def test_flows_of_far_apart_durations_stand_on_the_flows_of_their_own_bar(event):
    rows = []
    for n in range(12):
        more = [event("C", f"f{n}", 10.0 ** (n - 4) * 2, "B")] * (n % 2)
        rows += [event("A", f"f{n}", 0), event("B", f"f{n}", 10.0 ** (n - 4), "A"), *more]
    figure = EventLog(rows).flows().plot()
    first, second = figure.data
    assert figure.layout.barmode == "overlay"
    assert list(second.base) == list(first.y)
    assert list(second.customdata) == list(second.y)


def test_a_single_variant_is_named_and_so_is_a_single_type(event):
    log = EventLog([event("A", "f", 0), event("B", "f", 1, "A")])
    assert log.flows().plot().layout.showlegend
    assert log.throughput().plot().layout.showlegend


def test_long_names_are_broken_into_lines_that_have_room(event):
    kinds = [f"{LONG}{n}" for n in range(3)]
    rows = [event(kinds[0], LONG, 0)]
    rows += [
        event(kind, LONG, 5 * n, before, source=f"{kind}s")
        for n, (before, kind) in enumerate(pairwise(kinds), 1)
    ]
    log = EventLog(rows)
    between = log.latency(kinds[0], kinds[2])
    by_variant = log.latency(kinds[0], kinds[2], by="variant")
    for answer in (log.hops(), log.fan_out(), by_variant, log.critical_path(), log.hot_keys()):
        figure = answer.plot()
        labels = figure.layout.yaxis.ticktext
        assert max(len(line) for label in labels for line in label.split("<br>")) < 60
        plotted = figure.layout.height - figure.layout.margin.t
        assert plotted > 20 * sum(label.count("<br>") + 1 for label in labels)
    for answer in (between, by_variant, log.critical_path(LONG), log.flows()):
        figure = answer.plot()
        named = [figure.layout.title.text, *(trace.name or "" for trace in figure.data)]
        assert max(len(line) for text in named for line in text.split("<br>")) < 95
    assert between.plot().layout.margin.t > log.flows().plot().layout.margin.t


def test_labels_above_bars_name_all_they_are_about(event):
    rows = [event(f"{LONG}A", "f", 0, source="s" * 90), event("B", "g", 0, source="t" * 90)]
    label = EventLog(rows).stuck({f"{LONG}A": "B"}).plot().layout.annotations[0].text
    assert label == "t" * 27 + "… owes B after " + LONG[:27] + "…"


def test_far_smaller_times_are_told_in_their_own_unit(event):
    rows = [event("A", f"f{n}", 0) for n in range(3)]
    rows += [event("B", f"f{n}", ms, "A") for n, ms in enumerate([0.5, 0.5, 90_000_000])]
    assert texts(EventLog(rows).hops().plot())[0] == " 500 µs"


def test_hops_of_no_time_do_not_start_a_path(event):
    log = EventLog([event("A", "f", 0), event("B", "f", 0, "A"), event("C", "f", 4, "B")])
    notes = [note.text for note in log.critical_path("f").plot().layout.annotations]
    assert notes == [" starts", " 0 ms, 0 %", " 4 ms, 100 %"]


def test_shares_below_0_have_room_for_their_text(event):
    rows = [event("A", "f", 0), event("B", "f", -30, "A"), event("C", "f", 10, "B")]
    figure = EventLog(rows).critical_path().plot()
    least = min(figure.data[0].x)
    assert least < 0
    assert figure.layout.xaxis.range[0] < 1.2 * least


def test_what_all_took_at_once_stands_in_the_middle(event):
    rows = [event(kind, f"f{n}", 0) for kind in "AB" for n in range(3)]
    figure = EventLog(rows).latency("A", "B").plot()
    assert figure.data[0].x[list(figure.data[0].y).index(3)] == pytest.approx(0)
    assert (figure.layout.xaxis.exponentformat, figure.layout.yaxis.dtick) == ("none", 1)


def test_notes_behind_bars_have_room_whatever_room_the_bars_have(event):
    rows = [event("B", "f", n, "Lost", id=str(n)) for n in range(4)]
    figure = EventLog([event("A", "f", 0), *rows]).orphans().plot()
    assert figure.layout.margin.r > 7 * len(texts(figure)[0])


def test_one_is_told_in_the_singular(event):
    rows = [event(str(n), flow, n) for flow in "abcdef" for n in range(ord(flow) - 95)]
    assert EventLog(rows).flows().plot().data[-1].name == "1 other variant"
    six = EventLog([event(kind, "f", 1) for kind in "abcdef"])
    assert six.throughput().plot().data[-1].name == "1 other"
    log = EventLog([event("A", "f", 0), event("B", "f", 1, "A")])
    assert log.fan_out().plot().layout.title.subtitle.text == "1 type never has one"


@pytest.mark.filterwarnings("error")
def test_dead_letters_between_two_microseconds_are_drawn_without_a_warning(event):
    letters = [
        event("A", f, 0, dead_letter="b: E: no", time=NOON + pd.Timedelta(f))
        for f in ("1ns", "1003ns")
    ]
    figure = EventLog(letters).dead_letters().plot()
    assert figure.to_json()
    assert sum(figure.data[0].y) == 2


def test_the_kinds_of_hop_that_are_not_drawn_are_counted_in_few_words(event):
    rows = [event(f"T{n}", "f", n, f"T{n - 1}" if n else None) for n in range(40)]
    said = EventLog(rows).critical_path().plot().layout.title.subtitle.text
    assert said == "20 of 39 kinds, by what they would save"

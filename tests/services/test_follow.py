"""One flow followed: its tree of causes, what is still to come, and what is odd about it."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from workbench import Workbench
from workbench.choreography import Choreography
from workbench.errors import LogError
from workbench.events import Event
from workbench.services import RetryPolicy, dead_letter_channel
from workbench.session.evidence import Sources
from workbench.session.flow import follow

pytestmark = pytest.mark.memory

ONCE = RetryPolicy(attempts=1, later=())
LIVELY = "<img src=x onerror=alert(1)>"


class OrderPlaced(Event, version=1, key="id"):
    id: str
    quantity: int = 1
    note: str = ""


class StockReserved(Event, version=1, key="id"):
    id: str


class OrderPaid(Event, version=1, key="id"):
    id: str


@pytest.fixture
def design():
    found = Choreography()
    for event in (OrderPlaced, StockReserved, OrderPaid):
        found.event(event)

    @found.service("inventory").on()
    def reserve(event: OrderPlaced) -> StockReserved:
        return StockReserved(id=event.id)

    @found.service("billing").on()
    def charge(event: StockReserved) -> OrderPaid:
        if event.id == "bad":
            raise OSError(LIVELY)
        return OrderPaid(id=event.id)

    found.service("audit").whenever(
        "OrderPlaced", guard="data.quantity <= 10.0", emit={}, name="note"
    )
    found.service("shipping").whenever("OrderPaid", emit={}, name="ship")
    return found


@pytest.fixture
def here(design, stage):
    return stage(design, ONCE)


def followed(here, named, **settings):
    """A flow of a stage's services, from its broker and its files."""
    sources = Sources(
        here.design,
        here.broker,
        "",
        here.folder,
        lambda: here.runner.lives().values(),
        here.clock.now,
    )
    letters = [dead_letter_channel("", name) for name in here.design.services]
    return follow(sources, named, [*here.design.all_channels(), *letters], **settings)


def placed(here, **data):
    envelope = here.envelope(OrderPlaced(**({"id": "o-1"} | data)))
    here.put(envelope)
    return envelope


def without_times(text):
    """Lengths and moments taken out: they differ from run to run."""
    text = re.sub(r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{3} UTC", "TIME", text)
    return re.sub(r"\d[\d.]* (?:[mµ]?s)\b", "LONG", text)


def test_a_flow_is_a_tree_of_what_happened_why_and_what_is_still_to_come(here):
    here.start("inventory", "billing", "audit")
    event = placed(here, quantity=12)
    here.run()
    paid = here.events("billing")[0]
    reserved = here.events("inventory")[0]
    flow = followed(here, event)
    head, *tree = without_times(repr(flow)).splitlines()
    assert head == f"flow {event.id}: 3 events, in LONG, 1 still to come, from TIME"
    assert tree == [
        f"OrderPlaced · +LONG · shop · key o-1 · {event.id[:8]}…",
        "├─ ✓ inventory/reserve waited LONG, worked LONG",
        f"│  └─ StockReserved · +LONG · inventory · key o-1 · {reserved.id[:8]}…",
        "│     └─ ✓ billing/charge waited LONG, worked LONG",
        f"│        └─ OrderPaid · +LONG · billing · key o-1 · {paid.id[:8]}…",
        (
            "│           └─ … shipping/ship has not received it yet: it was not started from here and "
            f"has never read, and it is 1 event behind. wb.why('{paid.id}', 'shipping')"
        ),
        (
            "└─ ○ audit/note turned it away: data.quantity was 12, and the guard wants data.quantity <= "
            "10.0."
        ),
    ]


def test_a_dead_letter_is_trouble_with_its_reason(here):
    here.start()
    event = placed(here, id="bad")
    here.run()
    flow = followed(here, event.id)
    assert "⚠ 1 in trouble" in repr(flow).splitlines()[0]
    assert f"⚠ billing/charge gave it up at TIME: OSError: {LIVELY} wb.why(" in without_times(
        repr(flow)
    )
    assert flow.events.n_dead_letters == 1


def test_the_id_of_an_event_gives_its_flow_and_says_so(here):
    here.start()
    event = placed(here)
    here.run()
    paid = here.events("billing")[0]
    flow = followed(here, paid.id)
    assert flow.correlation_id == event.id
    assert f"⚠ {paid.id} is the id of an event; this is its flow" in repr(flow)


def test_an_unknown_flow_says_where_it_was_looked_for_and_what_looks_like_it(here):
    event = placed(here)
    with pytest.raises(
        LogError, match=r"^there is no flow 'o-9' on OrderPlaced, audit\.dead-let.*"
    ):
        followed(here, "o-9")
    with pytest.raises(LogError, match=rf"Did you mean '{event.id}'\?$"):
        followed(here, event.id[:10])


def test_what_is_odd_is_said_and_nothing_is_dropped(here):
    first = here.envelope(OrderPlaced(id="o-1"), correlationid="f")
    root = here.envelope(OrderPlaced(id="o-2"), correlationid="f")
    orphan = replace(here.envelope(OrderPaid(id="o-3"), correlationid="f"), causationid="gone")
    early = replace(
        here.envelope(OrderPaid(id="o-4"), correlationid="f"),
        causationid=first.id,
        time=first.time - timedelta(seconds=3),
    )
    for event in (first, first, root, orphan, early):
        here.put(event)
    flow = followed(here, "f")
    notes = [line for line in repr(flow).splitlines() if line.startswith("  ⚠")]
    assert notes == [
        (
            "  ⚠ 1 event here names a cause that is not in this flow: it is of another, or older than "
            "what the broker keeps"
        ),
        "  ⚠ 2 events name no cause, so that the flow has several beginnings",
        "  ⚠ 1 event is earlier than the cause: the clocks of the services differ",
        "  ⚠ 1 event came again (the same source and id)",
    ]
    assert [event.id for event in flow.tree.roots] == [first.id, root.id, orphan.id]
    assert "came 2 times" in repr(flow)
    assert set(flow.payloads) == {first.id, root.id, orphan.id, early.id}


def test_an_event_without_a_correlation_id_begins_the_flow_that_is_named_after_it(here):
    here.start()
    event = replace(here.envelope(OrderPlaced(id="o-1")), correlationid=None)
    here.put(event)
    here.run()
    flow = followed(here, event.id)
    assert [found.type for found in flow.tree] == ["OrderPlaced", "StockReserved", "OrderPaid"]


def test_events_that_name_each_other_as_their_cause_are_shown_all_the_same(here):
    one = here.envelope(OrderPlaced(id="o-1"), correlationid="f")
    two = here.envelope(OrderPlaced(id="o-2"), correlationid="f")
    here.put(replace(one, causationid=two.id))
    here.put(replace(two, causationid=one.id))
    assert {event.id for event in followed(here, "f").tree} == {one.id, two.id}


def test_a_payload_is_had_by_its_events_id(here):
    event = placed(here, note="as it was")
    flow = followed(here, event)
    assert flow.payload(event.id)["note"] == "as it was"
    with pytest.raises(LogError, match=r"^there is no event 'x' in the flow "):
        flow.payload("x")


def test_a_flow_is_drawn_as_a_sequence_diagram_too(here):
    here.start()
    event = placed(here)
    here.run()
    assert "p0->>p1: OrderPlaced" in str(followed(here, event).mermaid())


def test_a_long_flow_is_cut_where_it_is_shown_and_printed_as_a_whole(here):
    flow = "long"
    for n in range(600):
        here.put(here.envelope(OrderPaid(id=f"o-{n}"), correlationid=flow))
    found = followed(here, flow)
    shown = repr(found).splitlines()
    assert shown[-1] == "… 700 more lines: .events has all of it, print(flow.tree) too"
    assert len(str(found.tree).splitlines()) == 1200
    assert "700 more lines" in found._repr_html_()


def test_a_chain_of_many_causes_does_not_end_in_a_traceback(here):
    cause = None
    for n in range(1500):
        event = here.envelope(StockReserved(id="o"), correlationid="deep", id=f"e{n}")
        here.put(replace(event, causationid=cause))
        cause = event.id
    flow = followed(here, "deep")
    assert len(flow.tree.lines()) == 3000
    assert len(flow._repr_html_()) > 100_000
    assert len(flow.plot().data)


# --- what is hostile ---------------------------------------------------------------------------


def test_what_stands_in_a_flow_is_shown_in_html_and_never_run(here):
    here.start()
    event = here.envelope(
        OrderPlaced(id="bad", note=LIVELY),
        id=f"{LIVELY}'\"",
        source=LIVELY,
        correlationid=LIVELY,
    )
    here.put(event)
    here.run()
    page = followed(here, LIVELY)._repr_html_()
    assert "<img" not in page
    assert "<script" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 4


def test_nothing_in_a_flow_steers_a_terminal(here):
    event = here.envelope(
        OrderPlaced(id="o"), source="a\x1b[2J\nb", id="i\x1b[31m", correlationid="f\u202e"
    )
    here.put(event)
    shown = repr(followed(here, "f\u202e"))
    assert not {"\x1b", "\u202e"} & {*shown}
    assert r"a\x1b[2J\nb" in shown


def test_personal_data_are_hidden_in_payloads_and_keys_unless_they_are_asked_for(here):
    OrderPlaced.event_type.schema["properties"]["id"]["x-personal-data"] = True
    try:
        event = placed(here, id="anna@example.org")
        flow = followed(here, event)
        assert flow.payload(event.id)["id"] == "***"
        assert "anna@example.org" not in repr(flow) + flow._repr_html_() + flow.plot().to_json()
        assert "anna@example.org" in repr(followed(here, event, personal=True))
    finally:
        del OrderPlaced.event_type.schema["properties"]["id"]["x-personal-data"]


def test_a_diagram_hides_personal_data_in_why_a_service_gave_up(design, stage):
    @design.service("mail").on()
    def write(event: OrderPlaced) -> None:
        raise OSError(f"no such address: {event.id}")

    here = stage(design, ONCE).start()
    event = placed(here, id="anna@example.org")
    here.run()
    # Only marked now: the dead letter holds the address.
    OrderPlaced.event_type.schema["properties"]["id"]["x-personal-data"] = True
    try:
        drawn = str(followed(here, event).mermaid())
        assert "no such address: ***" in drawn
        assert "anna" not in drawn
        assert "anna" in str(followed(here, event, personal=True).mermaid())
    finally:
        del OrderPlaced.event_type.schema["properties"]["id"]["x-personal-data"]


# --- the waterfall -----------------------------------------------------------------------------


def test_the_waterfall_tells_waiting_from_working_trouble_and_what_is_to_come(here):
    here.start("inventory", "billing", "audit")
    good = placed(here, quantity=12)
    bad = here.envelope(OrderPlaced(id="bad"), correlationid=good.id)
    here.put(bad)
    here.clock.sleep(0.05)
    here.run()
    figure = followed(here, good).plot()
    subtitle = re.sub(r"<[^>]*>", " ", figure.layout.title.subtitle.text)
    legend = (
        "◆  event",
        "▨  waiting",
        "■  processing",
        "■  ⚠ failed",
        "▨  … still to come",
        "○  not for it",
    )
    assert all(entry in subtitle for entry in legend)
    labels = list(figure.layout.yaxis.ticktext)
    assert labels[0] == "shop: OrderPlaced"
    assert "⚠ billing/charge ← StockReserved" in labels
    assert "… shipping/ship ← OrderPaid" in labels
    assert "in ms" in figure.layout.title.text or "in s" in figure.layout.title.text


def test_hostile_names_are_no_markup_in_the_waterfall(here):
    event = here.envelope(OrderPlaced(id="o"), source="<b>x</b>", correlationid="<i>f</i>")
    here.put(event)
    figure = followed(here, "<i>f</i>").plot()
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;x&lt;/b&gt;: OrderPlaced"
    assert "&lt;i&gt;f&lt;/i&gt;" in figure.layout.title.text


def test_a_waterfall_of_very_many_rows_is_cut_and_says_so(here):
    for n in range(300):
        here.put(here.envelope(OrderPaid(id=f"o-{n}"), correlationid="many"))
    figure = followed(here, "many").plot()
    assert len(figure.layout.yaxis.ticktext) == 400
    assert "the first 400 of 600 rows" in figure.layout.title.subtitle.text


# --- in a workbench ----------------------------------------------------------------------------


def test_a_workbench_follows_what_it_has_published(tmp_path, design):
    with Workbench(design, broker="memory://", folder=tmp_path, say=lambda text: None) as wb:
        wb.start()
        published = wb.publish(OrderPlaced(id="o-1"))
        wb.wait_until_idle()
        flow = wb.flow(published, progress=False)
        assert len(flow.events) == 3
        assert re.search(
            r"✓ shipping/ship waited \S+ (m|µ)s, worked \S+ (m|µ)s, emitted nothing", repr(flow)
        )

"""Why a service did not react to an event, or did: one test for each answer, in virtual time."""

import re
from dataclasses import replace

import pytest

from workbench import Workbench
from workbench.capture import find_flow
from workbench.choreography import Choreography
from workbench.errors import LogError, ServiceError
from workbench.events import Event, to_kafka
from workbench.services import RetryPolicy, dead_letter_channel
from workbench.session.answers import PENDING, REASONS, TROUBLE
from workbench.session.evidence import Evidence, Sources
from workbench.session.why import answers_of, why

pytestmark = pytest.mark.memory

LATER = RetryPolicy(attempts=2, first_delay=0.01, later=("10s", "1min"))
ONCE = RetryPolicy(attempts=1, later=())
AT = r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{3} UTC"


class OrderPlaced(Event, version=1, key="id"):
    id: str
    quantity: int = 1
    customer: str = "anna"


class StockReserved(Event, version=1, key="id"):
    id: str


class OrderPaid(Event, version=1, key="id"):
    id: str


class OrderExpired(Event, version=1, key="id"):
    id: str


def reserving(*, fails=(), emits=True, error=OSError):
    """A handler that fails on some ids, and emits something or nothing."""

    def reserve(event: OrderPlaced, ctx) -> StockReserved | None:
        if event.id in fails:
            raise error(f"no shelf for {event.customer}")
        return StockReserved(id=event.id) if emits else None

    return reserve


@pytest.fixture
def design():
    found = Choreography()
    for event in (OrderPlaced, StockReserved, OrderPaid, OrderExpired):
        found.event(event)
    return found


@pytest.fixture
def inventory(design):
    return design.service("inventory")


def channels(here):
    letters = [dead_letter_channel("", name) for name in here.design.services]
    return [*here.design.all_channels(), *letters]


def sources(here):
    """What answers are drawn from."""
    return Sources(
        here.design,
        here.broker,
        "",
        here.folder,
        lambda: here.runner.lives().values(),
        here.clock.now,
    )


def asked(here, event, service="inventory", among=(), **settings):
    """The answer of a stage's services, from its broker and its files."""
    given = why(sources(here), event, service, among or channels(here), **settings)
    assert all(answer.reason in REASONS for answer in given.answers)
    return given


def placed(here, event_id=None, **data):
    """An order on the broker."""
    envelope = here.envelope(OrderPlaced(**({"id": "o-1"} | data)), id=event_id)
    here.put(envelope)
    return envelope


def says(given, reason, sentence):
    """Whether it is this answer in these words."""
    assert given.reason == reason
    assert re.fullmatch(sentence, given.sentence), given.sentence
    assert given.sentence in repr(given)
    return True


# --- done --------------------------------------------------------------------------------------


def test_a_reaction_that_was_done_says_when_and_what_it_emitted(design, inventory, stage):
    inventory.on()(reserving())
    here = stage(design).start()
    event = placed(here)
    here.run()
    given = asked(here, event.id)
    assert says(given, "handled", rf"inventory/reserve reacted at {AT} and emitted StockReserved\.")
    (effect,) = here.events("inventory")
    assert any(
        f"emitted StockReserved {effect.id} at inventory[" in line
        for line in given.answers[0].evidence
    )
    assert given.answers[0].effects == (("inventory", effect.id),)


def test_a_reaction_that_emits_nothing_says_what_it_may_emit(design, inventory, stage):
    inventory.on()(reserving(emits=False))
    here = stage(design).start()
    event = placed(here)
    here.run()
    assert says(
        asked(here, event.id),
        "handled",
        rf"inventory/reserve reacted at {AT} and emitted nothing \(it may emit StockReserved\)\.",
    )


def test_an_event_that_came_again_was_a_duplicate(design, inventory, stage):
    inventory.on()(reserving())
    here = stage(design).start()
    event = placed(here)
    here.put(event)
    here.put(event)
    here.run()
    assert says(
        asked(here, event.id),
        "duplicate",
        rf"inventory/reserve reacted once, at {AT}, and emitted StockReserved; the event came 3 "
        r"times, and the others were skipped as duplicates\.",
    )


def test_an_effect_with_a_delay_is_still_to_be_sent(design, inventory, stage):
    inventory.on(after="5s")(reserving())
    here = stage(design).start()
    event = placed(here)
    here.run_rounds(3)
    given = asked(here, event.id)
    assert says(
        given,
        "unsent",
        rf"inventory/reserve reacted at {AT}; its effect StockReserved is to be sent at {AT} "
        r"\(in 5 s\)\.",
    )
    here.run()
    assert asked(here, event.id).reason == "handled"


# --- turned away -------------------------------------------------------------------------------


def test_a_guard_that_is_false_says_which_values_it_saw(design, inventory, stage):
    inventory.on(guard="data.quantity <= 10.0 && data.customer != 'anna'")(reserving())
    here = stage(design).start()
    event = placed(here, quantity=12)
    here.run()
    assert says(
        asked(here, event.id),
        "guard false",
        r"inventory/reserve turned it away: data\.quantity was 12 and data\.customer was \"anna\", "
        r"and the guard wants data\.quantity <= 10\.0 && data\.customer != 'anna'\.",
    )


def test_a_guard_that_reads_a_field_that_is_absent_says_so(design, inventory, stage):
    class Rated(Event, version=1, key="id"):
        id: str
        stars: int | None = None

    def thank(event: Rated) -> None:
        pass

    inventory.on(guard="data.stars > 3.0")(thank)
    here = stage(design).start()
    event = here.envelope(Rated(id="r"))
    here.put(event)
    here.run()
    assert says(
        asked(here, event.id),
        "guard false",
        r"inventory/thank turned it away: data\.stars was absent, and comparing with nothing is "
        r"false, and the guard wants data\.stars > 3\.0\.",
    )


def test_several_reactions_to_one_event_are_answered_apart(design, inventory, stage):
    inventory.on()(reserving())
    inventory.whenever("OrderPlaced", guard="data.quantity > 5.0", emit={}, name="bulk")
    here = stage(design).start()
    event = placed(here)
    here.run()
    given = asked(here, event.id)
    assert [(a.reaction, a.reason) for a in given.answers] == [
        ("reserve", "handled"),
        ("bulk", "guard false"),
    ]


def test_who_has_no_reaction_to_a_type_says_who_has_one(design, inventory, stage):
    inventory.on()(reserving())
    design.service("audit").whenever("OrderPaid", emit={})
    here = stage(design).start()
    event = placed(here)
    here.run()
    given = asked(here, event.id, "audit")
    assert says(given, "no reaction", r"audit has no reaction to OrderPlaced; inventory has one\.")
    assert given.answers[0].evidence == ("design: audit hears OrderPaid",)


# --- not met yet -------------------------------------------------------------------------------


def test_an_event_that_a_paused_service_has_not_received_says_how_far_behind_it_is(
    design, inventory, stage
):
    inventory.on()(reserving())
    here = stage(design).start()
    here.run()
    here.runner.pause("inventory")
    events = [placed(here) for _ in range(3)]
    here.run_rounds(2)
    given = asked(here, events[2].id)
    assert says(
        given,
        "not received",
        r"inventory has not received it yet: it is paused, and it is 3 events behind\.",
    )
    assert any(line.startswith("inventory reads on at") for line in given.answers[0].evidence)


def test_of_several_instances_the_one_that_holds_it_up_is_named(design, inventory, stage):
    inventory.on()(reserving())
    here = stage(design).start("inventory").start("inventory", instance=2)
    here.run()
    here.runner.pause("inventory/2")
    while True:
        event = placed(here, id=f"o-{len(here.records('OrderPlaced'))}")
        here.run_rounds(3)
        given = asked(here, event.id)
        if given.reason != "handled":
            break
    assert re.fullmatch(
        r"inventory has not received it yet: of its instances inventory/2 reads OrderPlaced\[\d\], "
        r"and it is paused, and it is 1 event behind\.",
        given.sentence,
    )


def test_a_service_that_was_killed_and_one_that_never_ran_say_so(design, inventory, stage):
    inventory.on()(reserving())
    design.service("audit").whenever("OrderPlaced", emit={})
    here = stage(design).start("inventory")
    here.run()
    here.runner.kill("inventory")
    event = placed(here)
    assert says(
        asked(here, event.id),
        "not received",
        r"inventory has not received it yet: it was killed \(wb\.start\('inventory'\) lets it go "
        r"on\), and it is 1 event behind\.",
    )
    assert says(
        asked(here, event.id, "audit"),
        "not received",
        r"audit has not received it yet: it was not started from here and has never read, and it is "
        r"1 event behind\.",
    )


def test_what_a_service_has_read_past_before_it_had_the_reaction_is_passed_over(
    design, inventory, stage
):
    inventory.on()(reserving())
    here = stage(design).start()
    event = placed(here)
    here.run()
    inventory.whenever("OrderPlaced", emit={}, name="count")
    given = asked(here, event.id)
    assert given.reason == "passed over"
    assert given.sentence == (
        "inventory has read past it without reacting: count was not part of it yet when it read the "
        "event; its inbox has it at reserve. wb.reprocess('inventory', since=...) lets it handle it."
    )


def test_what_a_service_does_while_it_is_asked_about_is_not_missed(design, inventory, stage):
    inventory.on()(reserving())
    design.service("shipping").whenever("StockReserved", emit={}, name="ship")
    here = stage(design).start("inventory")
    event = placed(here)
    found = find_flow(here.broker, channels(here), event.id)
    early = Evidence.of(sources(here), event.id, found.records)
    here.run()
    evidence = early.followed_up(["inventory"], channels(here), found.ends)
    reserved = evidence.events[1]
    (answer,) = answers_of(evidence, evidence.events[0], "inventory")
    assert (answer.reason, answer.effects) == ("handled", (reserved.identity,))
    (answer,) = answers_of(evidence, reserved, "shipping")
    assert (answer.reason, answer.sentence) == (
        "not received",
        "shipping had not received it yet when that was looked for: it has only just come.",
    )


# --- waiting -----------------------------------------------------------------------------------


def test_a_retry_that_waits_says_when_it_is_due(design, inventory, stage):
    inventory.on()(reserving(fails=["o-1"]))
    here = stage(design, LATER).start()
    event = placed(here)
    here.run_rounds(4)
    given = asked(here, event.id)
    assert says(
        given,
        "retrying",
        rf"inventory/reserve has failed 2 times; attempt 3 is due at {AT} \(in \d[\d.]* s\): "
        r"OSError: no shelf for anna\.",
    )
    assert given.answers[0].attempts == 2


def test_an_event_parked_behind_another_says_which(design, inventory, stage):
    inventory.on(ordered=True)(reserving(fails=["o-1"]))
    here = stage(design, LATER).start()
    first, _, third = placed(here), placed(here, quantity=2), placed(here, quantity=3)
    here.run_rounds(4)
    given = asked(here, third.id)
    assert says(
        given,
        "parked",
        rf'inventory/reserve keeps the order of key "o-1": this event waits behind the event '
        rf"{first.id} and 1 other parked before it, which has failed and is neither done nor given "
        r"up\.",
    )
    assert f"what holds it up: wb.why('{first.id}', 'inventory')" in given.answers[0].evidence
    assert asked(here, first.id).reason == "retrying"


def expire(event: OrderPlaced) -> OrderExpired:
    return OrderExpired(id=event.id)


def test_a_reaction_to_an_absence_waits_then_is_spared_or_reacts(design, stage):
    design.service("orders").on(unless=OrderPaid, within="15min")(expire)
    here = stage(design).start()
    paid, unpaid = placed(here), placed(here)
    here.run_rounds(3)
    assert says(
        asked(here, paid.id, "orders"),
        "waiting for absence",
        rf"orders/expire waits for OrderPaid, and reacts at {AT} \(in 15 min\) unless that comes in "
        r"this flow before\.",
    )
    payment = here.envelope(OrderPaid(id="o-1"), correlationid=paid.id)
    here.put(payment)
    here.run()
    assert says(
        asked(here, paid.id, "orders"),
        "spared",
        rf"orders/expire need not react: OrderPaid came in this flow at {AT} "
        rf"\(OrderPaid {payment.id}\)\.",
    )
    assert says(
        asked(here, payment.id, "orders"),
        "noted",
        rf"orders/expire reacts to OrderPlaced unless this comes, and has it on record: since {AT} "
        r"there is nothing to react to in this flow\.",
    )
    assert asked(here, unpaid.id, "orders").reason == "handled"


# --- given up ----------------------------------------------------------------------------------


def test_a_dead_letter_says_why_and_how_it_is_handed_back(design, inventory, stage):
    inventory.on()(reserving(fails=["o-1"]))
    here = stage(design, RetryPolicy(attempts=3, first_delay=0.01, later=())).start()
    event = placed(here)
    here.run()
    given = asked(here, event.id)
    assert says(
        given,
        "dead",
        rf"inventory/reserve gave it up after 3 attempts at {AT}: OSError: no shelf for anna",
    )
    letter = re.search(r"redrive\(\['(.+)'\]\)", given.answers[0].evidence[-1])[1]
    assert letter.startswith("inventory.dead-letters[")
    assert given.answers[0].attempts == 3


def test_an_event_that_is_kept_no_longer_is_known_by_its_dead_letter(design, inventory, stage):
    inventory.on()(reserving(fails=["o-1"]))
    here = stage(design, ONCE).start()
    event = placed(here)
    here.run()
    given = asked(here, event.id, among=[dead_letter_channel("", "inventory")])
    assert given.reason == "dead"
    assert "OSError: no shelf for anna" in given.sentence


def test_an_event_that_its_reaction_cannot_read_is_dead_with_the_reason(design, inventory, stage):
    inventory.on()(reserving())
    here = stage(design).start()
    event = here.envelope(OrderPlaced(id="o-1"))
    here.raw("OrderPlaced", b"o-1", _headers(event), b'{"id": 7}')
    here.run()
    given = asked(here, event.id)
    assert given.reason == "dead"
    assert "EventError: OrderPlaced" in given.sentence


def test_a_record_that_is_no_event_is_asked_about_by_its_place(design, inventory, stage):
    inventory.on()(reserving())
    here = stage(design).start()
    landed = here.raw("OrderPlaced", b"o-1", [("x", b"y")], b"<script>")
    place = f"OrderPlaced[{landed.partition}]@{landed.offset}"
    assert asked(here, place).reason == "not received"
    here.run()
    given = asked(here, place)
    assert given.reason == "dead"
    assert "the record has no CloudEvents headers" in given.sentence


def test_an_id_that_was_used_again_with_other_data_is_told_from_the_first(design, inventory, stage):
    inventory.on()(reserving())
    here = stage(design).start()
    event = placed(here)
    here.run()
    here.raw("OrderPlaced", b"o-1", _headers(event), b'{"id": "o-1", "quantity": 99}')
    here.run()
    given = asked(here, event.id)
    assert [answer.reason for answer in given.answers] == ["handled", "id reused"]
    assert says(
        given,
        "id reused",
        r"inventory/reserve did not react to it at OrderPlaced\[\d\]@1: an event of this source and "
        rf"id was handled before, at {AT}, with other data; this one is a dead letter\.",
    )


def _headers(envelope):
    return to_kafka(envelope)[1]


# --- which event -------------------------------------------------------------------------------


def test_an_event_that_is_nowhere_says_where_it_was_looked_for_and_what_looks_like_it(
    design, inventory, stage
):
    inventory.on()(reserving())
    here = stage(design).start()
    event = placed(here, id="o-1")
    here.run()
    with pytest.raises(
        LogError,
        match=r"^there is no event 'nowhere' on OrderExpired, OrderPaid, OrderPlaced, inventory, "
        r"inventory\.dead-letters \(looked at 2 events\)\.$",
    ):
        asked(here, "nowhere")
    with pytest.raises(LogError, match=rf"Did you mean '{event.id}'\?$"):
        asked(here, event.id[:12])


def test_an_id_that_two_sources_have_is_answered_for_both(design, inventory, stage):
    inventory.on()(reserving())
    here = stage(design).start()
    event = here.envelope(OrderPlaced(id="o-1"))
    here.put(event)
    here.put(replace(event, source="app"))
    here.run()
    given = asked(here, event.id)
    assert [answer.reason for answer in given.answers] == ["handled", "handled"]
    assert {answer.sentence.split(":")[0] for answer in given.answers} == {
        "of source shop",
        "of source app",
    }
    assert "this id has 2 events, of the sources" in given.event


def test_an_envelope_names_its_event_too(design, inventory, stage):
    inventory.on()(reserving())
    here = stage(design).start()
    event = placed(here)
    here.run()
    (effect,) = here.events("inventory")
    assert asked(here, event).reason == "handled"
    assert asked(here, effect).reason == "no reaction"


# --- undone ------------------------------------------------------------------------------------


def test_a_failure_says_which_step_was_undone_for_it(design, inventory, stage):
    inventory.on()(reserving())

    def release(event: OrderPlaced) -> OrderExpired:
        return OrderExpired(id=event.id)

    inventory.compensates("reserve", when=OrderPaid)(release)
    here = stage(design).start()
    event = placed(here)
    here.run()
    lonely = here.envelope(OrderPaid(id="o-2"))
    here.put(lonely)
    failure = here.envelope(OrderPaid(id="o-1"), correlationid=event.id)
    here.put(failure)
    here.run()
    assert says(
        asked(here, failure.id),
        "handled",
        rf"inventory/release reacted at {AT} and emitted OrderExpired\.",
    )
    assert says(
        asked(here, lonely.id),
        "nothing to undo",
        r"inventory/release had nothing to undo: inventory has not done reserve in this flow\.",
    )


# --- personal data, and what is hostile --------------------------------------------------------


def test_personal_data_are_hidden_in_why_an_event_was_given_up(design, inventory, stage):
    class Signed(Event, version=1, key="id"):
        id: str
        email: str

    design.event(Signed.event_type)
    schema = Signed.event_type.schema
    schema["properties"]["email"]["x-personal-data"] = True

    def greet(event: Signed) -> None:
        raise OSError(f"no mail to {event.email}")

    inventory.on(guard="data.email != 'x'")(greet)
    here = stage(design, ONCE).start()
    event = here.envelope(Signed(id="s", email="anna@example.org"))
    here.put(event)
    here.run()
    given = asked(here, event.id)
    assert given.reason == "dead"
    assert "anna@example.org" not in repr(given) + given._repr_html_()
    assert "no mail to ***" in given.sentence
    # A dead letter says why without it, whoever asks.
    assert "no mail to ***" in asked(here, event.id, personal=True).sentence


def test_what_stands_in_an_event_is_shown_in_html_and_never_run(design, inventory, stage):
    lively = "<img src=x onerror=alert(1)>"
    inventory.on()(reserving(fails=["o-1"]))
    here = stage(design, ONCE).start()
    event = placed(here, customer=lively, event_id=f"<i>{lively}</i>")
    here.run()
    given = asked(here, event.id)
    page = given._repr_html_()
    assert lively in given.sentence
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_reasons_are_documented_and_have_a_tone():
    assert REASONS.keys() >= TROUBLE | PENDING
    assert not TROUBLE & PENDING


# --- in a workbench ----------------------------------------------------------------------------


def test_a_workbench_answers_in_one_line(tmp_path):
    design = Choreography()
    design.service("inventory").on()(reserving())
    with Workbench(design, broker="memory://", folder=tmp_path, say=lambda text: None) as wb:
        wb.start()
        published = wb.publish(OrderPlaced(id="o-1"))
        wb.wait_until_idle()
        assert wb.why(published, "inventory", progress=False).reason == "handled"
        with pytest.raises(ServiceError, match=r"there is no service 'billing' in this design"):
            wb.why(published.id, "billing")
        wb.stop()
        late = wb.publish(OrderPlaced(id="o-2"))
        given = wb.why(late.id, "inventory", progress=False)
        assert "it is stopped (wb.start('inventory') lets it go on)" in given.sentence

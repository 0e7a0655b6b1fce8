"""How a service treats events: handled once, retried, given up on, and never in the way."""

import json
import sys
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from workbench.choreography import Choreography
from workbench.events import Event, from_kafka
from workbench.services import RetryPolicy

pytestmark = pytest.mark.memory


class Placed(Event, version=1, key="id"):
    id: str
    units: int = 1


class Reserved(Event, version=1, key="id"):
    id: str
    units: int
    note: str = ""


class Shipped(Event, version=1, key="id"):
    id: str


class Other(Event, version=1):
    text: str = ""


@pytest.fixture
def design():
    found = Choreography()
    for event in (Placed, Reserved, Shipped, Other):
        found.event(event)
    return found


@pytest.fixture
def inventory(design):
    return design.service("inventory")


def reserve(event: Placed, ctx) -> Reserved:
    ctx.state["units"] = ctx.state.get("units", 0) + event.units
    return Reserved(id=event.id, units=event.units)


def test_an_event_is_handled_and_its_effect_is_in_its_flow(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design).start()
    here.publish(Placed(id="o-1", units=3)).run()
    (cause,), (effect,) = here.events("Placed"), here.events("inventory")
    assert (effect.correlationid, effect.causationid) == (cause.id, cause.id)
    assert (effect.source, effect.type, effect.subject) == ("inventory", "Reserved", "o-1")
    assert effect.traceparent[:36] == cause.traceparent[:36]
    assert here.state("inventory") == {"units": 3}
    assert here.counts("inventory") == {"consumed": 1, "handled": 1, "emitted": 1}
    assert here.lag("inventory") == 0


def test_an_event_delivered_again_is_skipped_and_counted(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design)
    event = here.envelope(Placed(id="o-1"), id="1")
    for _ in range(3):
        here.put(event)
    here.start().run()
    assert here.state("inventory") == {"units": 1}
    assert len(here.events("inventory")) == 1
    assert here.counts("inventory") == {"consumed": 1, "handled": 1, "emitted": 1, "duplicates": 2}


def test_after_an_offset_reset_everything_is_skipped_as_already_handled(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design).start()
    here.publish(*[Placed(id=f"o-{n}") for n in range(10)]).run()
    here.runner.stop("inventory")
    here.rewind("inventory")
    here.start().run()
    assert here.state("inventory") == {"units": 10}
    assert here.counts("inventory")["duplicates"] == 10


def test_the_same_id_from_another_source_is_another_event(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design).start()
    here.publish(Placed(id="o-1"), id="1", source="shop").publish(
        Placed(id="o-1"), id="1", source="web"
    )
    here.run()
    assert here.state("inventory") == {"units": 2}
    assert len({event.id for event in here.events("inventory")}) == 2


def test_an_id_reused_with_other_data_is_a_dead_letter(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design).start()
    here.publish(Placed(id="o-1"), id="1").publish(Placed(id="o-1", units=9), id="1").run()
    assert here.state("inventory") == {"units": 1}
    (letter,) = here.letters("inventory")
    assert letter.error_message == (
        "id reused with other data: shop/1 was handled before with another payload."
    )
    assert (letter.reaction, letter.attempts) == ("reserve", 1)


def test_types_there_is_no_reaction_to_are_ignored_and_counted(inventory, design, stage):
    inventory.on()(reserve)
    design.channels["Other"] = "Placed"
    here = stage(design).start()
    here.publish(Other(text="x"), Placed(id="o-1"), Other(text="y")).run()
    assert here.counts("inventory") == {"consumed": 1, "ignored": 2, "handled": 1, "emitted": 1}
    assert here.letters("inventory") == []
    assert here.lag("inventory") == 0


# --- guards and mappings ---------------------------------------------------------------------


def test_a_guard_turns_events_away_and_they_are_counted(inventory, design, stage):
    inventory.whenever(
        "Placed",
        guard="data.units > 2.0",
        emit={"Reserved": {"id": "data.id", "units": "data.units * 10.0"}},
    )
    here = stage(design).start()
    here.publish(Placed(id="a", units=2), Placed(id="b", units=3)).run()
    assert [event.payload() for event in here.events("inventory")] == [{"id": "b", "units": 30}]
    assert here.counts("inventory") == {"consumed": 2, "guarded": 1, "handled": 1, "emitted": 1}


def test_a_guard_that_fails_is_a_dead_letter_at_once(inventory, design, stage):
    inventory.whenever("Placed", guard="data.units * 2 > 2", emit={})
    here = stage(design).start()
    here.publish(Placed(id="a")).run()
    (letter,) = here.letters("inventory")
    assert letter.error_type == "ExpressionError"
    assert letter.error_message.endswith(
        "(numbers from a payload are doubles: write 2.0 rather than 2)."
    )
    assert letter.attempts == 1


def test_a_mapping_that_does_not_satisfy_the_schema_is_a_dead_letter_at_once(
    inventory, design, stage
):
    inventory.whenever("Placed", emit={"Reserved": {"id": "data.id"}})
    here = stage(design).start()
    here.publish(Placed(id="a")).run()
    (letter,) = here.letters("inventory")
    assert (letter.error_type, letter.attempts) == ("EventError", 1)
    assert letter.error_message == 'Reserved v1: the payload: "units" is a required property.'


def test_a_failure_rate_fails_some_attempts_and_the_same_ones_again(design, inventory, stage):
    inventory.whenever("Placed", emit={"Shipped": {"id": "data.id"}}, failure_rate=0.5)
    outcomes = []
    for _ in range(2):
        here = stage(design, RetryPolicy(attempts=2, later=())).start()
        for n in range(40):
            here.publish(Placed(id=f"o-{n}"), id=str(n))
        here.run()
        letters = here.letters("inventory")
        assert {letter.error_type for letter in letters} == {"SimulatedFailureError"}
        outcomes.append({event.payload()["id"] for event in here.events("inventory")})
        assert len(outcomes[-1]) + len(letters) == 40
    assert outcomes[0] == outcomes[1]
    assert 20 < len(outcomes[0]) < 40


# --- delays ----------------------------------------------------------------------------------


def test_a_delayed_effect_happens_later_and_holds_no_offset_back(inventory, design, stage):
    inventory.whenever("Placed", emit={"Shipped": {"id": "data.id"}}, after="1h")
    here = stage(design)
    began = here.clock.now()
    here.start().publish(Placed(id="a"))
    here.run_rounds(2)
    assert (here.lag("inventory"), here.events("inventory")) == (0, [])
    here.run()
    (effect,) = here.events("inventory")
    assert effect.time - began == timedelta(hours=1)
    (record,) = here.records("inventory")
    assert record.time_ms / 1000 - began.timestamp() == pytest.approx(3600, abs=1)


def test_a_delayed_effect_outlives_a_kill(inventory, design, stage):
    inventory.whenever("Placed", emit={"Shipped": {"id": "data.id"}}, after="7d")
    here = stage(design).start()
    here.publish(Placed(id="a"))
    here.runner._round()
    here.runner.kill("inventory")
    here.run()
    assert here.events("inventory") == []
    here.start().run()
    assert [event.type for event in here.events("inventory")] == ["Shipped"]


# --- failures --------------------------------------------------------------------------------


def test_a_handler_that_raises_is_retried_with_growing_waits_then_dead_lettered(
    inventory, design, stage
):
    moments = []

    @inventory.on()
    def fail(event: Placed, ctx) -> Reserved:
        moments.append(ctx.now())
        raise RuntimeError(f"no shelf for {event.id}")

    here = stage(
        design, RetryPolicy(attempts=4, first_delay=1, factor=4, longest_delay=10, later=())
    )
    here.publish(Placed(id="o-1")).start().run()
    waits = [(b - a).total_seconds() for a, b in pairwise(moments)]
    assert [0.75 <= wait / due <= 1.25 for wait, due in zip(waits, (1, 4, 10), strict=True)] == [
        True
    ] * 3
    (letter,), (record,) = here.letters("inventory"), here.records("inventory.dead-letters")
    assert (letter.service, letter.reaction, letter.channel) == ("inventory", "fail", "Placed")
    assert (letter.error_type, letter.error_message) == ("RuntimeError", "no shelf for o-1")
    assert (letter.attempts, letter.first_failure, letter.last_failure) == (
        4,
        moments[0],
        moments[3],
    )
    assert 'raise RuntimeError(f"no shelf for {event.id}")' in letter.traceback
    (original,) = here.records("Placed")
    assert (letter.partition, letter.offset) == (original.partition, original.offset)
    assert (record.key, record.value) == (original.key, original.value)
    assert list(record.headers)[: len(original.headers)] == original.headers
    assert here.counts("inventory") == {"consumed": 1, "retries": 3, "dead_letters": 1}
    assert "(attempt 4)" in here.output("inventory")
    assert "inventory gave up on Placed[" in here.output("inventory")


def test_a_retry_that_succeeds_leaves_no_trace_of_the_failure(inventory, design, stage):
    @inventory.on()
    def shaky(event: Placed, ctx) -> Reserved:
        ctx.state["tries"] = ctx.state.get("tries", 0) + 1
        if ctx.attempt < 3:
            raise OSError("not yet")
        return Reserved(id=event.id, units=ctx.state["tries"])

    here = stage(design).publish(Placed(id="a")).start().run()
    assert here.state("inventory") == {"tries": 1}
    assert [event.payload()["units"] for event in here.events("inventory")] == [1]
    assert here.letters("inventory") == []


def test_a_failing_reaction_is_undone_alone(inventory, design, stage):
    @inventory.on()
    def first(event: Placed, ctx) -> Reserved:
        ctx.state["first"] = ctx.state.get("first", 0) + 1
        return Reserved(id=event.id, units=1)

    @inventory.on()
    def second(event: Placed, ctx) -> Shipped:
        ctx.state["second"] = "touched"
        del ctx.state["first"]
        raise ValueError("no")

    @inventory.on()
    def third(event: Placed, ctx) -> Shipped:
        ctx.state["third"] = ctx.state["first"]
        return Shipped(id=event.id)

    here = stage(design).publish(Placed(id="a"), Placed(id="a")).start().run()
    assert here.state("inventory") == {"first": 2, "third": 2}
    assert (
        sorted(event.type for event in here.events("inventory"))
        == ["Reserved"] * 2 + ["Shipped"] * 2
    )
    assert [letter.reaction for letter in here.letters("inventory")] == ["second", "second"]


def test_what_a_generator_gave_before_it_raised_is_discarded(inventory, design, stage):
    @inventory.on(emits=[Reserved, Shipped])
    def partial(event: Placed, ctx):
        ctx.state["seen"] = True
        yield Reserved(id=event.id, units=1)
        if event.units > 1:
            raise ValueError("halfway")
        yield Shipped(id=event.id)

    here = stage(design).publish(Placed(id="a", units=2), Placed(id="b")).start().run()
    assert sorted((e.type, e.subject) for e in here.events("inventory")) == [
        ("Reserved", "b"),
        ("Shipped", "b"),
    ]
    assert [letter.error_message for letter in here.letters("inventory")] == ["halfway"]


def test_effects_of_one_reaction_keep_their_places(inventory, design, stage):
    @inventory.on(emits=[Reserved])
    def several(event: Placed, ctx):
        return [Reserved(id=event.id, units=n) for n in range(5)]

    here = stage(design).publish(Placed(id="a")).start().run()
    effects = here.events("inventory")
    assert [effect.payload()["units"] for effect in effects] == [0, 1, 2, 3, 4]
    assert len({effect.id for effect in effects}) == 5


def test_an_effect_too_large_makes_a_dead_letter_of_its_cause(inventory, design, stage):
    @inventory.on()
    def bloat(event: Placed, ctx) -> Reserved:
        ctx.state["n"] = 1
        return Reserved(id=event.id, units=1, note="x" * 1_000_000)

    here = stage(design).publish(Placed(id="a")).start().run()
    (letter,) = here.letters("inventory")
    assert (letter.error_type, letter.attempts) == ("EventRefusedError", 1)
    assert letter.error_message.startswith("the effect Reserved is too large: 1,0")
    assert here.state("inventory") == {}
    assert here.events("inventory") == []


@pytest.mark.parametrize("letter", ["é", "\x01"])
def test_an_error_of_any_length_makes_a_dead_letter(inventory, design, stage, letter):
    @inventory.on()
    def wordy(event: Placed, ctx) -> Reserved:
        raise ValueError(letter * 600_000)

    here = stage(design).publish(Placed(id="a")).start().run()
    (found,) = here.letters("inventory")
    assert found.error_type == "ValueError"
    assert found.error_message.startswith(letter)
    assert found.error_message.endswith(letter)


@pytest.mark.parametrize(
    ("gives", "expected"),
    [
        (Shipped(id="x"), "inventory/odd emitted Shipped, but says it emits Reserved: add it to"),
        ("Reserved", "inventory/odd gave str; a handler returns or yields events, or"),
        ({"id": "x"}, "inventory/odd gave dict; "),
        ([7], "inventory/odd gave int; "),
        (("Nope", {}), "inventory/odd emitted Nope, but says it emits Reserved"),
    ],
)
def test_a_handler_that_gives_something_else_is_said_at_once(
    inventory, design, stage, gives, expected
):
    inventory.on(Placed, emits=[Reserved], name="odd")(lambda event: gives)
    here = stage(design).publish(Placed(id="a")).start().run()
    (letter,) = here.letters("inventory")
    assert (letter.error_type, letter.attempts) == ("HandlerError", 1)
    assert letter.error_message.startswith(expected)


def test_pairs_of_name_and_payload_are_effects_too(inventory, design, stage):
    inventory.on("Placed", emits=["Shipped"], name="r")(
        lambda event: ("Shipped", {"id": event["id"]})
    )
    here = stage(design).publish(Placed(id="a")).start().run()
    assert [event.payload() for event in here.events("inventory")] == [{"id": "a"}]


@pytest.mark.parametrize(
    "leave", [sys.exit, lambda: sys.exit("bye"), lambda: exec("raise SystemExit")]
)
def test_a_handler_that_exits_does_not_end_the_service(inventory, design, stage, leave):
    @inventory.on()
    def quitter(event: Placed, ctx) -> Shipped:
        if event.id == "bad":
            leave()
        return Shipped(id=event.id)

    here = stage(design).publish(Placed(id="bad"), Placed(id="good")).start().run()
    assert here.runner.lives()["inventory"].crashes == 0
    assert [event.subject for event in here.events("inventory")] == ["good"]
    assert [letter.error_type for letter in here.letters("inventory")] == ["SystemExit"]


def test_the_idempotency_key_is_the_same_for_every_attempt_and_another_for_another_event(
    inventory, design, stage
):
    keys = {}

    @inventory.on()
    def call(event: Placed, ctx) -> None:
        keys.setdefault(event.id, []).append(ctx.idempotency_key)
        raise RuntimeError

    @inventory.on()
    def call_too(event: Placed, ctx) -> None:
        keys.setdefault(event.id + "-too", []).append(ctx.idempotency_key)

    stage(design).publish(Placed(id="a"), Placed(id="b")).start().run()
    assert {name: (len(found), len(set(found))) for name, found in keys.items()} == {
        "a": (3, 1),
        "b": (3, 1),
        "a-too": (1, 1),
        "b-too": (1, 1),
    }
    assert len({found[0] for found in keys.values()}) == 4


def test_state_that_can_not_be_kept_is_said_at_once(inventory, design, stage):
    @inventory.on()
    def keep(event: Placed, ctx) -> None:
        ctx.state["it"] = object()

    here = stage(design).publish(Placed(id="a")).start().run()
    (letter,) = here.letters("inventory")
    assert letter.error_message.startswith("the state 'it' can't be kept: object has no JSON form")
    assert letter.attempts == 1


# --- poison ----------------------------------------------------------------------------------

GOOD = {"ce_specversion": b"1.0", "ce_id": b"p", "ce_source": b"elsewhere", "ce_type": b"Placed"}


@pytest.mark.parametrize(
    ("headers", "value", "expected"),
    [
        ({}, b'{"id": "a"}', "the record has no CloudEvents headers"),
        ({"ce_id": b"1"}, b"{}", "the record is not a CloudEvent: "),
        ({**GOOD, "ce_id": b"\xff"}, b"{}", "the record is not a CloudEvent: "),
        ({**GOOD, "ce_time": b"never"}, b'{"id": "a"}', "the record is not a CloudEvent: "),
        (GOOD, b"not json", "the payload is not JSON: "),
        (GOOD, None, "the payload is not JSON: "),
        (GOOD, b"\xff\xfe", "the payload is not JSON: "),
        (GOOD, b"[" * 100_000, "the payload is not JSON: "),
        (GOOD, b'{"id": NaN}', "the payload is not JSON: "),
        (GOOD, b"{}", 'Placed v1: the payload: "id" is a required property.'),
        (GOOD, b"null", "Placed v1: the payload: null is not of type"),
        (
            GOOD,
            b'{"id": "a", "units": "many"}',
            'Placed v1: units: "many" is not of type "integer".',
        ),
        (GOOD, b'{"id": "a", "units": 1e999}', "Placed v1: units: "),
    ],
)
def test_poison_goes_to_the_dead_letters_and_the_service_goes_on(
    inventory, design, stage, headers, value, expected
):
    inventory.on()(reserve)
    here = stage(design).start()
    landed = here.raw("Placed", b"k", list(headers.items()), value)
    here.publish(Placed(id="o-1"), Placed(id="o-2")).run()
    (letter,), (record,) = here.letters("inventory"), here.records("inventory.dead-letters")
    assert letter.error_message.startswith(expected)
    assert (letter.error_type, letter.reaction, letter.attempts) == ("EventError", "", 1)
    assert (letter.channel, letter.partition, letter.offset) == landed
    assert (record.key, record.value) == (b"k", value)
    assert here.state("inventory") == {"units": 2}
    assert here.runner.lives()["inventory"].crashes == 0
    assert here.lag("inventory") == 0


def test_poison_delivered_again_is_one_dead_letter(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design).start()
    here.raw("Placed", None, [], b"junk")
    here.run()
    here.runner.stop("inventory")
    here.rewind("inventory")
    here.start().run()
    assert len(here.letters("inventory")) == 1
    assert here.counts("inventory") == {"consumed": 1, "dead_letters": 1, "duplicates": 1}


def test_a_dead_letter_keeps_every_header_as_it_was(inventory, design, stage):
    inventory.on()(reserve)
    headers = [
        ("raw", bytes(range(256))),
        ("null", None),
        ("é", "ü".encode()),
        ("twice", b"1"),
        ("twice", b"2"),
    ]
    here = stage(design).start()
    here.raw("Placed", b"\xff", headers, b"junk")
    here.run()
    (record,) = here.records("inventory.dead-letters")
    assert list(record.headers)[: len(headers)] == headers
    assert record.key == b"\xff"


def test_a_dead_letter_that_is_dead_lettered_again_has_one_reason(inventory, design, stage):
    inventory.on()(reserve)
    billing = design.service("billing")
    design.channels["Placed"] = "inventory.dead-letters"
    billing.on(Placed, emits=[], name="again")(lambda event: 1 / 0)
    here = stage(design).start("billing")
    here.raw(
        "inventory.dead-letters", b"k", [("dl_service", b"inventory"), *GOOD.items()], b'{"id":"a"}'
    )
    here.run()
    (record,) = here.records("billing.dead-letters")
    assert [text for name, text in record.headers if name == "dl_service"] == [b"billing"]
    assert from_kafka(record.headers, record.value).type == "Placed"


def test_a_guard_given_a_number_beyond_doubles_is_no_crash(inventory, design, stage):
    inventory.whenever("Placed", guard="data.units > 2.0", emit={})
    here = stage(design).start()
    here.raw("Placed", b"k", list(GOOD.items()), b'{"id": "a", "units": 1' + b"0" * 400 + b"}")
    here.run()
    assert here.runner.lives()["inventory"].crashes == 0
    assert here.lag("inventory") == 0
    assert len(here.letters("inventory")) == 1


def test_a_chain_keeps_the_order_of_each_entity(inventory, design, stage):
    inventory.on()(reserve)
    billing = design.service("billing")

    @billing.on()
    def bill(event: Reserved, ctx) -> Shipped:
        ctx.state[event.id] = [*ctx.state.get(event.id, []), event.units]
        return Shipped(id=event.id)

    here = stage(design).start()
    here.publish(*[Placed(id=f"o-{n % 5}", units=n) for n in range(100)]).run()
    assert here.state("billing") == {f"o-{k}": list(range(k, 100, 5)) for k in range(5)}


def test_the_output_of_a_handler_goes_to_its_services_file_only(inventory, design, stage, capsys):
    @inventory.on()
    def talk(event: Placed, ctx) -> None:
        print("hello", event.id)
        print("trouble", file=sys.stderr)

    here = stage(design).publish(Placed(id="é")).start().run()
    assert here.output("inventory") == "hello é\ntrouble\n"
    assert capsys.readouterr() == ("", "")


def test_time_is_virtual(inventory, design, stage):
    @inventory.on(after="365d")
    def wait(event: Placed, ctx) -> Shipped:
        return Shipped(id=ctx.now().isoformat())

    began = time.time()
    here = stage(design).publish(Placed(id="a")).start().run()
    (effect,) = here.events("inventory")
    assert effect.payload()["id"].startswith("2026-01-01T00:00:00")
    assert effect.time.year == 2027
    assert here.clock.now().timestamp() - began != 0
    assert json.loads(effect.data) == effect.payload()

"""What happens in a service is told once, after it has been written, and costs nothing unasked."""

from contextlib import contextmanager
from contextvars import ContextVar

import pytest

from workbench.choreography import Choreography
from workbench.events import Event, Retry
from workbench.services import STEPS, TRANSACTIONS, RetryPolicy
from workbench.services.happening import Observer, current_run

pytestmark = pytest.mark.memory


class Placed(Event, version=1, key="id"):
    id: str
    units: int = 1


class Reserved(Event, version=1, key="id"):
    id: str


class Paid(Event, version=1, key="id"):
    id: str


class Released(Event, version=1, key="id"):
    id: str


class Notes(Observer):
    """Keeps all that it is told, and what each attempt was entered and left with."""

    def __init__(self):
        self.told, self.left, self.sends, self.closed = [], [], [], 0

    @contextmanager
    def around(self, run):
        try:
            yield
        except Exception as error:
            self.left.append((run.case.reaction.name, run.attempt, str(error)))
            raise
        self.left.append((run.case.reaction.name, run.attempt, None))

    def happened(self, told):
        self.told += told

    def sent(self, rows, answers, started, at):
        self.sends += [
            (row.outgoing.channel, answer.offset) for row, answer in zip(rows, answers, strict=True)
        ]

    def close(self):
        self.closed += 1

    def words(self):
        return [one.what for one in self.told]

    def of(self, what):
        return [one for one in self.told if one.what == what]


@pytest.fixture
def design():
    found = Choreography()
    for event in (Placed, Reserved, Paid, Released):
        found.event(event)
    return found


@pytest.fixture
def inventory(design):
    return design.service("inventory")


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def watched(stage, notes):
    """Makes stages whose services all tell the same notes."""
    return lambda design, **settings: stage(
        design, observers=lambda spec, clock: [notes], **settings
    )


def reserve(event: Placed) -> Reserved:
    return Reserved(id=event.id)


def test_an_event_handled_is_told_with_its_effects_and_then_what_was_sent(
    inventory, design, watched, notes
):
    inventory.on()(reserve)
    here = watched(design).start().publish(Placed(id="o-1")).run()
    here.runner.stop("inventory")
    assert notes.words() == ["started", "handled", "emitted", "stopped"]
    _, handled, emitted, _ = notes.told
    (cause,), (effect,) = here.events("Placed"), here.events("inventory")
    assert (handled.envelope, handled.event_type) == (cause, "Placed")
    assert (handled.reaction, handled.attempt) == ("reserve", 1)
    assert handled.started is not None
    assert handled.arrival.place == (*here.records("Placed")[0][:3],)
    assert (emitted.envelope, emitted.cause, emitted.event_type) == (effect, cause, "Reserved")
    assert notes.sends == [("inventory", 0)]
    assert notes.closed == 1


@pytest.mark.parametrize("step", STEPS[3:])
@pytest.mark.parametrize("delivery", ["at-least-once", TRANSACTIONS])
def test_what_is_done_again_after_a_crash_is_told_once(
    inventory, design, watched, notes, step, delivery
):
    inventory.on()(reserve)
    here = watched(design, delivery=delivery)
    here.start(kill_at=(step, 1)).publish(Placed(id="o-1")).run()
    assert len(here.events("inventory")) >= 1
    assert len(notes.of("handled")) == len(notes.of("emitted")) == 1
    assert len(notes.sends) <= 1


def test_a_failed_attempt_is_told_with_its_error_and_with_what_came_of_it(
    inventory, design, watched, notes
):
    tries = []

    @inventory.on()
    def shaky(event: Placed) -> Reserved:
        tries.append(event.id)
        if len(tries) < 3:
            raise ValueError(f"not yet {len(tries)}")
        return Reserved(id=event.id)

    watched(design).start().publish(Placed(id="o-1")).run()
    assert notes.words() == [
        "started", "failed", "retries", "failed", "retries", "handled", "emitted",
    ]  # fmt: skip
    assert [str(one.error) for one in notes.of("failed")] == ["not yet 1", "not yet 2"]
    assert [one.attempt for one in notes.told[1:]] == [1, 2, 2, 3, 3, 3]
    assert notes.left == [("shaky", 1, "not yet 1"), ("shaky", 2, "not yet 2"), ("shaky", 3, None)]


def test_a_later_try_is_told_when_it_is_decided_when_it_comes_and_when_it_is_given_up(
    inventory, design, watched, notes
):
    @inventory.on()
    def never(event: Placed) -> Reserved:
        raise ValueError("never")

    here = watched(design, retry=RetryPolicy(attempts=1, later=(60,)))
    here.start().publish(Placed(id="o-1")).run()
    assert notes.words()[1:] == [
        "failed", "later", "waiting", "retries", "failed", "dead_letters",
    ]  # fmt: skip
    (later,), (waiting,), (dead,) = map(notes.of, ("later", "waiting", "dead_letters"))
    assert later.due == waiting.due
    assert later.due > later.at.timestamp() + 30
    assert (dead.attempt, str(dead.error)) == (2, "never")


def test_an_event_redriven_by_hand_is_told_as_such(inventory, design, watched, notes):
    broken = [True]

    @inventory.on()
    def mended(event: Placed) -> Reserved:
        if broken:
            raise ValueError("broken")
        return Reserved(id=event.id)

    here = watched(design, retry=RetryPolicy(attempts=1, later=()))
    here.start().publish(Placed(id="o-1")).run()
    broken.clear()
    (letter,), (record,) = here.letters("inventory"), here.records("Placed")
    again = Retry(
        "mended", *record[:3], due=here.clock.now(), turn=1, round=0, attempts=1,
        redrives=1, first_failure=letter.first_failure,
    )  # fmt: skip
    here.raw("inventory.retries", record.key, [*record.headers, *again.headers()], record.value)
    here.run()
    assert notes.words()[1:] == [
        "failed", "dead_letters", "redriven", "retries", "handled", "emitted",
    ]  # fmt: skip
    assert notes.of("redriven")[0].arrival.place == (*record[:3],)


def test_a_duplicate_a_guarded_and_a_poison_event_are_told(inventory, design, watched, notes):
    inventory.on(guard="data.units > 1")(reserve)
    here = watched(design)
    event = here.envelope(Placed(id="o-1", units=2), id="1")
    here.put(event)
    here.put(event)
    here.publish(Placed(id="o-2", units=1))
    landed = here.raw("Placed", b"o-3", [("ce_type", b"Placed")], b"{")
    here.start().run()
    told = sorted(one.what for one in notes.told[1:])
    assert told == ["duplicates", "emitted", "guarded", "handled", "poison"]
    (poison,) = notes.of("poison")
    assert poison.arrival.place == tuple(landed)
    assert poison.envelope is None
    assert here.counts("inventory") == {
        "consumed": 3, "handled": 1, "emitted": 1, "duplicates": 1, "guarded": 1, "dead_letters": 1,
    }  # fmt: skip


def test_parked_events_are_told_and_handled_after_the_one_before(inventory, design, watched, notes):
    tries = []

    @inventory.on(ordered=True)
    def shaky(event: Placed) -> Reserved:
        tries.append(event.units)
        if len(tries) == 1:
            raise ValueError("not yet")
        return Reserved(id=event.id)

    here = watched(design, retry=RetryPolicy(attempts=1, later=(60,)))
    here.publish(Placed(id="o-1", units=1), Placed(id="o-1", units=2)).start().run()
    (parked,), (first, second) = notes.of("parked"), notes.of("handled")
    assert parked.envelope == second.envelope
    assert first.envelope.payload()["units"] == 1


def test_an_absence_is_told_when_it_is_waited_for_and_when_it_ends(
    inventory, design, watched, notes
):
    inventory.on(unless=Paid, within="15min")(reserve)
    here = watched(design).start()
    for flow in ("paid", "late"):
        here.put(here.envelope(Placed(id=flow), correlationid=flow))
    here.run_rounds(3)
    here.put(here.envelope(Paid(id="p"), correlationid="paid"))
    here.run()
    flows = [(one.what, one.envelope.correlationid) for one in notes.told[1:]]
    assert sorted(flows[:2]) == [("armed", "late"), ("armed", "paid")]
    assert flows[2:] == [
        ("disarmed", "paid"), ("expired", "late"), ("handled", "late"), ("emitted", "late"),
    ]  # fmt: skip
    assert notes.of("disarmed")[0].event_type == "Paid"


def test_a_step_undone_is_told_as_compensated(design, watched, notes):
    inventory = design.service("inventory")
    inventory.on()(reserve)

    @inventory.compensates("reserve", when="Paid")
    def release(event: Placed, ctx) -> Released:
        return Released(id=event.id)

    @design.service("billing").on()
    def pay(event: Reserved) -> Paid:
        return Paid(id=event.id)

    here = watched(design).start().publish(Placed(id="o-1")).run()
    (undone,) = notes.of("compensated")
    assert (undone.event_type, undone.reaction) == ("Placed", "release")
    assert here.counts("inventory")["handled"] == 2


def test_a_handler_sees_its_attempt_and_what_it_sets_stays_its_own(
    inventory, design, watched, notes
):
    seen, own = [], ContextVar("own", default=0)

    @inventory.on()
    def look(event: Placed) -> None:
        seen.append((current_run.get().case.envelope.subject, own.get()))
        own.set(1)

    watched(design).start().publish(Placed(id="o-1"), Placed(id="o-2")).run()
    assert sorted(seen) == [("o-1", 0), ("o-2", 0)]
    assert current_run.get() is None


def test_nothing_is_kept_where_nobody_listens(inventory, design, stage):
    seen = []

    @inventory.on()
    def look(event: Placed) -> None:
        seen.append(current_run.get())

    here = stage(design, observers=lambda spec, clock: []).start()
    here.publish(Placed(id="o-1")).run()
    assert seen == [None]
    assert here.counts("inventory") == {"consumed": 1, "handled": 1}


def test_an_observer_that_fails_is_noted_and_stops_nobody(inventory, design, stage, notes):
    class Broken(Observer):
        def around(self, run):
            raise RuntimeError("no run")

        def happened(self, told):
            raise RuntimeError("no words")

        def sent(self, rows, answers, started, at):
            raise RuntimeError("no rows")

    inventory.on()(reserve)
    here = stage(design, observers=lambda spec, clock: [Broken(), notes])
    here.start().publish(Placed(id="o-1")).run()
    here.runner.stop("inventory")
    assert notes.words() == ["started", "handled", "emitted", "stopped"]
    for words in ("no run", "no words", "no rows"):
        assert f"inventory Broken failed: RuntimeError('{words}')" in here.output("inventory")


def test_what_ends_a_service_is_told(inventory, design, watched, notes):
    inventory.on()(reserve)
    here = watched(design).start()
    here.store("inventory").close()
    here.publish(Placed(id="o-1")).run()
    assert notes.words() == ["started", "crashed", "started", "handled", "emitted"]
    assert "closed database" in str(notes.of("crashed")[0].error)

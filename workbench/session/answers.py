"""What became of one event at one reaction of a service: one answer, by what is on record.

The answers stand in a table, :data:`_ANSWERS`, in the order in which they are tried; the first that
fits is given. Nothing is run: a guard is a pure expression, and is evaluated again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from workbench.analysis import wording
from workbench.brokers import Position, Record
from workbench.capture import place_of
from workbench.choreography import Reaction, Reading, cel_view
from workbench.choreography.expression import at
from workbench.choreography.impact.cel_fields import cel_fields
from workbench.errors import EventError, ExpressionError
from workbench.events import Retry
from workbench.services.account import Noted
from workbench.services.inbox import ARMED, DEAD, DONE, PARKED, RETRYING
from workbench.session.desk import Letter
from workbench.session.evidence import Attempt, Evidence, Told, digest

REASONS: Final = {
    "handled": "the reaction is done",
    "duplicate": "the reaction is done; the event came again, and that was skipped",
    "unsent": "the reaction is done, and an effect is still to be sent",
    "refused": "the reaction is done, and the broker will never take an effect",
    "silenced": "handled again on request, with no effects sent",
    "guard false": "the guard has turned the event away",
    "spared": "what the reaction waited for has come, so that it need not react",
    "waiting for absence": "the reaction waits until its time is over, unless something comes",
    "retrying": "the reaction has failed and is to be tried again",
    "parked": "the event waits behind an earlier one of its key that failed",
    "dead": "the reaction has given the event up: a dead letter",
    "redriven": "the dead letter was handed back, and the service has not dealt with it yet",
    "edited": "the dead letter was handed back with other data, as another event",
    "discarded": "the dead letter was closed for good",
    "id reused": "the id was handled before with other data",
    "not received": "the event is on the broker, and the service has not read it yet",
    "passed over": "the service has read past the event and has nothing on record about it",
    "no reaction": "the service has no reaction to events of this type",
    "elsewhere": "the event stands on a channel that the service does not read",
    "nothing to undo": "the failure concerns no step that the service has done in this flow",
    "not undone yet": "the step is undone once later steps are",
    "noted": "the event tells something that other reactions wait for",
}
"""What a reason means, by its word."""

TROUBLE: Final = frozenset(
    {"dead", "retrying", "parked", "refused", "id reused", "elsewhere", "passed over"}
)
"""The reasons that somebody should look at."""
PENDING: Final = frozenset(
    {"not received", "unsent", "waiting for absence", "redriven", "not undone yet"}
)
"""The reasons after which something is still to come."""
DONE_WELL: Final = frozenset({"handled", "duplicate", "silenced"})
"""The reasons that say that the reaction was done."""


@dataclass(frozen=True)
class Answer:
    """What became of an event at a reaction.

    Attributes
    ----------
    reaction
        Empty if the service has none to it.
    reason
        One of :data:`REASONS`.
    sentence
        The answer.
    evidence
        What it was drawn from, line by line.
    began, ended
        When the reaction began and was done, in seconds since 1970 UTC, as far as is known.
    effects
        Source and id of what it emitted.
    attempts
        How often it was tried, as far as is known.
    tries
        When it was tried, as far as its service has logged it.
    logged
        What its handler has logged itself.
    """

    reaction: str
    reason: str
    sentence: str
    evidence: tuple[str, ...] = ()
    began: float | None = None
    ended: float | None = None
    effects: tuple[tuple[str, str], ...] = ()
    attempts: int = 1
    tries: tuple[Attempt, ...] = ()
    logged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One event at one reaction of a service.

    ``failure`` is, where the reaction is a compensation, the event that it undoes a step for.
    """

    evidence: Evidence
    event: Told
    service: str
    reaction: Reaction
    failure: Told | None = None

    @property
    def who(self) -> str:
        """The reaction, by its service and name."""
        return f"{self.service}/{self.reaction.name}"

    @property
    def noted(self) -> Noted | None:
        """What the inbox has about it; not about another event that has taken its id."""
        noted = self.evidence.noted(self.event, self.service, self.reaction.name)
        same = noted is None or noted.hash == digest(self.event.record)
        return noted if same else None

    def reading(self) -> Reading | EventError:
        """The event as the reaction reads it, or why it can't."""
        envelope, reaction = self.event.envelope, self.reaction
        if envelope is None:
            return EventError("it is not an event.")
        versions = self.evidence.sources.choreography.versions(reaction.whenever)
        try:
            return versions.read(
                envelope.payload(), envelope.dataschema, versions.read_by(reaction)
            )
        except EventError as error:
            return error

    def answer(self, reason: str, sentence: str, *evidence: str, attempts: int = 1) -> Answer:
        """An answer to it."""
        tries = tuple(self.tries)
        return Answer(
            self.reaction.name,
            reason,
            sentence,
            evidence,
            began=tries[0].began if tries else None,
            ended=tries[-1].ended if tries else self.noted.at if self.noted else None,
            attempts=max(attempts, len(tries)),
            tries=tries,
            logged=tuple(self.evidence.own_lines(self.event, self.service, self.reaction.name)),
        )

    @property
    def tries(self) -> list[Attempt]:
        """Its attempts, as far as they were logged."""
        return self.evidence.attempts(self.event, self.service, self.reaction.name)


def answer(question: Question) -> Answer:
    """What became of an event at a reaction."""
    given = next(found for ask in _ANSWERS if (found := ask(question)) is not None)
    shown = question.evidence.hidden(question.event).text
    lines = [*given.evidence, *_repetition(question)]
    return replace(given, sentence=shown(given.sentence), evidence=tuple(map(shown, lines)))


# --- given up --------------------------------------------------------------------------------


def _reused(asked: Question) -> Answer | None:
    """The same id with other data: the first was handled, and this is a dead letter."""
    name, record = asked.reaction.name, asked.event.record
    first = asked.evidence.noted(asked.event, asked.service, name)
    if first is None or asked.noted is not None:
        return None
    gave_up = asked.evidence.letters_of(asked.event, asked.service, name)
    if not gave_up and asked.evidence.poisoned(record, asked.service, name) is None:
        return None
    return asked.answer(
        "id reused",
        f"{asked.who} did not react to it at {place_of(record)}: an event of this source and id was "
        f"handled before, at {wording.moment(first.at)}, with other data; this one is a dead letter.",
        f"inbox: {first.outcome} with another payload at {wording.moment(first.at)}",
        *(f"dead letter {letter.name}, {letter.status}" for letter in gave_up),
    )


def _letter(asked: Question) -> Answer | None:
    """It was given up on, and it may have been decided about since."""
    letters = asked.evidence.letters_of(asked.event, asked.service, asked.reaction.name)
    noted = asked.noted or asked.evidence.poisoned(
        asked.event.record, asked.service, asked.reaction.name
    )
    if noted is not None and noted.outcome != DEAD:
        return None  # it is tried again, or done after all
    if not letters:
        return _dead_unseen(asked, noted) if noted is not None else None
    letter = letters[-1]
    if letter.status == "open":
        return _open_letter(asked, letter)
    when = f"{letter.status} at {wording.moment(letter.decided)}"
    lines = (_gave_up(asked, letter), f"dead letter {letter.name}: {when}")
    if letter.status == "discarded":
        why = f": {wording.cut(letter.reason, 200)}" if letter.reason else ""
        return asked.answer(
            "discarded",
            f"{asked.who} gave it up, and its dead letter was {when}{why}.",
            *lines,
            attempts=letter.note.attempts,
        )
    if letter.status == "edited":
        return asked.answer(
            "edited",
            f"{asked.who} gave it up; it was {when} and goes on as the event {letter.new_id}: "
            f"wb.why({letter.new_id!r}, {asked.service!r}).",
            *lines,
            attempts=letter.note.attempts,
        )
    return asked.answer(
        "redriven",
        f"{asked.who} gave it up; it was {when}, and {asked.service} has not dealt with it yet"
        f"{_at_work(asked)}.",
        *lines,
        attempts=letter.note.attempts,
    )


def _open_letter(asked: Question, letter: Letter) -> Answer:
    note = letter.note
    tries = "" if note.attempts <= 1 else f" after {note.attempts} attempts"
    again = f" It was redriven {note.redrives} times before." if note.redrives else ""
    return asked.answer(
        "dead",
        f"{asked.who} gave it up{tries} at {wording.moment(note.last_failure)}: "
        f"{note.error_type}: {wording.cut(note.error_message, 300)}{again}",
        f"dead letter {letter.name}, open",
        *((f"arose in {wording.cut(note.frame, 120)}",) if note.frame else ()),
        f"first failure {wording.moment(note.first_failure)}, last {wording.moment(note.last_failure)}",
        f"once mended: wb.dead_letters().redrive([{letter.name!r}])",
        attempts=note.attempts,
    )


def _gave_up(asked: Question, letter: Letter) -> str:
    note = letter.note
    return (
        f"given up by {asked.who} after {wording.count(note.attempts, 'attempt')}: "
        f"{note.error_type}: {wording.cut(note.error_message, 200)}"
    )


def _dead_unseen(asked: Question, noted: Noted) -> Answer:
    return asked.answer(
        "dead",
        f"{asked.who} gave it up at {wording.moment(noted.at)}; its dead letter is not on the broker "
        "(not sent yet, or older than what that keeps).",
        f"inbox: {noted.outcome} at {wording.moment(noted.at)}",
        f"what it printed: wb.output({asked.service!r})",
    )


# --- waiting ---------------------------------------------------------------------------------


def _retrying(asked: Question) -> Answer | None:
    noted = asked.noted
    if noted is None or noted.outcome != RETRYING:
        return None
    waits = asked.evidence.waits(asked.event, asked.service, asked.reaction.name)
    failed = f"inbox: failed at {wording.moment(noted.at)}, to be tried again (turn {noted.turn})"
    errors = [attempt.error for attempt in asked.tries if attempt.failed]
    why = f": {wording.cut(errors[-1], 200)}" if errors else ""
    printed = f"what it printed: wb.output({asked.service!r})"
    if waits is None or waits.due is None:
        return asked.answer(
            "retrying",
            f"{asked.who} failed at {wording.moment(noted.at)}, and the event is on its way back to "
            f"it{_at_work(asked)}{why}.",
            failed,
            printed,
        )
    retry = Retry.from_headers(waits.record.headers)
    tried = retry.attempts if retry else 1
    since = f", for the first time at {wording.moment(retry.first_failure)}" if retry else ""
    return asked.answer(
        "retrying",
        f"{asked.who} has failed {wording.count(tried, 'time')}; attempt {tried + 1} is due at "
        f"{_due(asked, waits.due)}{_at_work(asked)}{why}.",
        f"waits in the file of {asked.service} until {wording.moment(waits.due)}",
        f"{failed}{since}",
        printed,
        attempts=tried,
    )


def _parked(asked: Question) -> Answer | None:
    noted, record = asked.noted, asked.event.record
    if noted is None or noted.outcome != PARKED:
        return None
    waits = asked.evidence.waits(asked.event, asked.service, asked.reaction.name)
    before = waits.before if waits is not None else 0
    blocker = asked.evidence.account(asked.service).blockers.get(
        (asked.reaction.name, record.key or b"")
    )
    behind = f"the event {blocker[1]}" if blocker else "an earlier event of its key"
    key = (record.key or b"").decode("utf-8", "replace")
    others = f" and {wording.count(before, 'other')} parked before it" if before else ""
    ask = (f"what holds it up: wb.why({blocker[1]!r}, {asked.service!r})",) if blocker else ()
    return asked.answer(
        "parked",
        f"{asked.who} keeps the order of key {wording.value(key)}: this event waits behind {behind}"
        f"{others}, which has failed and is neither done nor given up.",
        f"inbox: parked at {wording.moment(noted.at)}",
        *ask,
    )


def _absence(asked: Question) -> Answer | None:
    """The reaction is to the absence of an event, and has not (or not yet) reacted."""
    reaction, noted = asked.reaction, asked.noted
    if not reaction.unless or noted is None:
        return None
    account = asked.evidence.account(asked.service)
    awaited = " or ".join(reaction.unless)
    came = account.arrived.get(reaction.name)
    timer = asked.evidence.armed(asked.event, asked.service, reaction.name)
    if noted.outcome == ARMED and timer is not None:
        now = asked.evidence.sources.now().timestamp()
        late = (
            f" Its time is over, and {asked.service} first reads what came before that"
            f"{_at_work(asked)}."
            if timer.due <= now
            else ""
        )
        return asked.answer(
            "waiting for absence",
            f"{asked.who} waits for {awaited}, and reacts at {_due(asked, timer.due)} unless that "
            f"comes in this flow before.{late}",
            f"timer: due {wording.moment(timer.due)}, armed by this event",
        )
    if came is not None and (noted.outcome == ARMED or came <= noted.at) and not _emitted(asked):
        seen = [
            told
            for told in asked.evidence.events
            if told.envelope is not None and told.envelope.type in reaction.unless
        ]
        which = (
            f" ({seen[0].envelope.type} {seen[0].envelope.id})" if seen and seen[0].envelope else ""
        )
        return asked.answer(
            "spared",
            f"{asked.who} need not react: {awaited} came in this flow at {wording.moment(came)}"
            f"{which}.",
            f"inbox: {noted.outcome} at {wording.moment(noted.at)}",
            f"came: {wording.moment(came)}",
        )
    return None


# --- done ------------------------------------------------------------------------------------


def _guarded(asked: Question) -> Answer | None:
    """The inbox says done both of what was handled and of what the guard has turned away."""
    guard, noted = asked.reaction.guard, asked.noted
    if guard is None or noted is None or noted.outcome != DONE or _emitted(asked):
        return None
    reading = asked.reading()
    if isinstance(reading, EventError):
        return None
    try:
        holds = guard.holds(cel_view(reading.data, reading.event_type))
    except ExpressionError:
        return None
    if holds:
        return None
    data = asked.evidence.masked(asked.reaction.whenever, reading.data).payload
    seen = " and ".join(_seen(data, path) for path in cel_fields(guard)) or "it"
    return asked.answer(
        "guard false",
        f"{asked.who} turned it away: {seen}, and the guard wants {guard.source}.",
        f"inbox: done at {wording.moment(noted.at)}, with no effects",
        f"guard evaluated again on the event as v{reading.event_type.version}: false",
    )


def _seen(data: Any, path: str) -> str:
    """The value of a field, as a guard has seen it."""
    name = f"data.{path}" if path else "data"
    if "[]" in path:
        head = path.split("[]", 1)[0]
        return f"data.{head} was {wording.value(at(data, head))}"
    found = at(data, path) if path else data
    if found is None:
        return f"{name} was absent, and comparing with nothing is false"
    return f"{name} was {wording.value(found)}"


def _handled(asked: Question) -> Answer | None:
    noted, event = asked.noted, asked.event
    if noted is None or noted.outcome not in (DONE, ARMED):
        return None
    effects = asked.evidence.effects(event, asked.service, asked.reaction)
    unsent = asked.evidence.unsent(event, asked.service, asked.reaction)
    began, tries = _began(asked, effects), asked.tries
    lines = [
        f"inbox: done at {wording.moment(noted.at)}",
        *_timing(asked, began),
        *(_effect_line(told) for told in effects),
        *(
            _unsent_line(asked, envelope.type, envelope.id, row.due, row.refused)
            for envelope, row in unsent
        ),
    ]
    ids = tuple(told.identity for told in effects)
    emitted = _names([told.envelope.type for told in effects if told.envelope])
    what = f"emitted {emitted}" if effects else "emitted nothing"
    if not effects and not unsent and asked.reaction.emits:
        what += f" (it may emit {' or '.join(asked.reaction.emits)})"
    reason = "handled"
    sentence = f"{asked.who} reacted at {wording.moment(noted.at)} and {what}."
    refused = [envelope.type for envelope, row in unsent if row.refused]
    kept = [(envelope.type, row.due) for envelope, row in unsent if not row.refused]
    if refused:
        reason = "refused"
        sentence = (
            f"{asked.who} reacted at {wording.moment(noted.at)}, and the broker will never take its "
            f"effect {_names(refused)}: {unsent[0][1].refused}"
        )
    elif kept:
        reason = "unsent"
        due = max(due for _, due in kept)
        sentence = (
            f"{asked.who} reacted at {wording.moment(noted.at)}; its effect "
            f"{_names([name for name, _ in kept])} is to be sent at {_due(asked, due)}"
            f"{_at_work(asked)}."
        )
    elif not effects and _silent(asked):
        reason = "silenced"
        sentence = (
            f"{asked.who} handled it again on request at {wording.moment(noted.at)}, with no effects "
            "sent."
        )
    elif len(event.records) > 1:
        reason = "duplicate"
        sentence = (
            f"{asked.who} reacted once, at {wording.moment(noted.at)}, and {what}; the event came "
            f"{len(event.records)} times, and the others were skipped as duplicates."
        )
        lines += [f"came again at {place_of(record)}" for record in event.records[1:]]
    given = asked.answer(reason, sentence, *lines)
    return replace(given, began=given.began if tries else began, effects=ids)


def _timing(asked: Question, began: float | None) -> list[str]:
    """How long it waited and worked: as it was logged, else as its effects and its inbox say."""
    tries, appended, noted = asked.tries, asked.event.appended, asked.noted
    if tries:
        waited = wording.length(max(0.0, tries[0].began - appended))
        worked = " and ".join(wording.length(attempt.ended - attempt.began) for attempt in tries)
        return [f"log: waited {waited}, worked {worked}"]
    if began is None or noted is None:
        return []
    waited = wording.length(max(0.0, began - appended))
    worked = wording.length(max(0.0, noted.at - began))
    return [f"waited {waited}, worked at most {worked}: it was written then, with others"]


def _effect_line(told: Told) -> str:
    name = told.envelope.type if told.envelope else "an effect"
    return f"emitted {name} {told.identity[1]} at {place_of(told.record)}"


def _unsent_line(asked: Question, name: str, id_: str, due: float, refused: str | None) -> str:
    if refused:
        return f"outbox: {name} {id_} was refused: {wording.cut(refused, 200)}"
    return f"outbox: {name} {id_}, to be sent at {_due(asked, due)}"


# --- not met yet -----------------------------------------------------------------------------


def _elsewhere(asked: Question) -> Answer | None:
    record, reads = asked.event.record, asked.evidence.reads(asked.service)
    if record.channel in reads or asked.noted is not None:
        return None
    return asked.answer(
        "elsewhere",
        f"{asked.service} does not read {record.channel}, where this event stands; it reads "
        f"{_names(reads)}.",
        f"the event is at {place_of(record)}",
        "a design that sends this type to other channels than before leaves old events behind",
    )


def _not_received(asked: Question) -> Answer | None:
    record, service = asked.event.record, asked.service
    position = Position(record.channel, record.partition)
    committed = asked.evidence.committed(service)
    lag = asked.evidence.lag(service)
    if position in committed:
        if record.offset < committed[position]:
            return None
        before = record.offset - committed[position]
        where = f"{service} reads on at {committed[position]:,}, {before:,} before it"
    elif committed or lag == 0:
        if not lag:
            return None
        where = f"{service} has committed nothing of {record.channel}[{record.partition}]"
    else:
        where = f"{service} has committed nothing yet"
    behind = f"it is {wording.count(lag, 'event')} behind" if lag else "it is about to"
    return asked.answer(
        "not received",
        f"{service} has not received it yet: {_state(asked, service)}, and {behind}.",
        f"the event is at {place_of(record)} since {wording.moment(asked.event.appended)}",
        where,
        *_crashes(asked, service),
    )


def _passed_over(asked: Question) -> Answer:
    service, event = asked.service, asked.event
    account = asked.evidence.account(service)
    other = [
        reaction
        for source, id_, reaction in account.inbox
        if (source, id_) == event.identity and reaction
    ]
    older = service in asked.evidence.sources.older()
    lines = [
        f"the event is at {place_of(event.record)} since {wording.moment(event.appended)}",
        f"the inbox of {service} has nothing about it at {asked.reaction.name}",
    ]
    again = f"wb.reprocess({service!r}, since=...) lets it handle it"
    if other or older:
        known = f"; its inbox has it at {_names(other)}" if other else ""
        why = f"{asked.reaction.name} was not part of it yet when it read the event{known}"
        if older:
            lines.append(f"{service} runs an older design: wb.restart({service!r})")
    elif account.since is None or account.since > event.appended:
        why = (
            "it began to read after the event (begin='now', or a later time), or the event was of "
            "a type that it did not know then"
        )
        if account.since is not None:
            lines.append(f"the oldest entry of its inbox is of {wording.moment(account.since)}")
    else:
        why = (
            f"{asked.reaction.name} was not part of it yet when it read the event, or what was on "
            "record is older than what an inbox keeps"
        )
    return asked.answer(
        "passed over", f"{service} has read past it without reacting: {why}. {again}.", *lines
    )


_ANSWERS: Final[tuple[Callable[[Question], Answer | None], ...]] = (
    _reused,
    _letter,
    _retrying,
    _parked,
    _absence,
    _guarded,
    _handled,
    _elsewhere,
    _not_received,
    _passed_over,
)


# --- parts of sentences ----------------------------------------------------------------------


def state(evidence: Evidence, service: str) -> str:
    """How a service is, as a part of a sentence."""
    life = evidence.sources.lives().get(service)
    if life is None:
        started = "it was not started from here"
        ran = evidence.committed(service) or evidence.account(service).since is not None
        return started if ran else f"{started} and has never read"
    if life.paused:
        return "it is paused"
    return {
        "running": "it is running",
        "starting": "it is starting",
        "crashed": "it has crashed and is restarted",
        "killed": f"it was killed (wb.start({service!r}) lets it go on)",
        "stopped": f"it is stopped (wb.start({service!r}) lets it go on)",
    }[life.state]


def _state(asked: Question, service: str) -> str:
    return state(asked.evidence, service)


def _at_work(asked: Question) -> str:
    """Why what is due may not happen, if so."""
    how = state(asked.evidence, asked.service)
    return "" if how in ("it is running", "it is starting") else f" ({asked.service}: {how})"


def _crashes(asked: Question, service: str) -> tuple[str, ...]:
    life = asked.evidence.sources.lives().get(service)
    if life is None or not life.crashes:
        return ()
    return (f"it has crashed {wording.count(life.crashes, 'time')}: wb.output({service!r})",)


def _due(asked: Question, due: float) -> str:
    ahead = due - asked.evidence.sources.now().timestamp()
    return f"{wording.moment(due)} ({f'in {wording.length(ahead)}' if ahead > 0 else 'overdue'})"


def _began(asked: Question, effects: list[Told]) -> float | None:
    """When an effect was made: that is when its reaction began, and it says so, delay apart."""
    times = [told.envelope.time for told in effects if told.envelope and told.envelope.time]
    if not times or asked.reaction.compensates:
        return None
    return times[0].timestamp() - asked.reaction.after


def _emitted(asked: Question) -> bool:
    named = asked.event, asked.service, asked.reaction
    return bool(asked.evidence.effects(*named) or asked.evidence.unsent(*named))


def _silent(asked: Question) -> bool:
    record = asked.event.record
    ranges = asked.evidence.account(asked.service).repeated
    until, silent = ranges.get(Position(record.channel, record.partition), (0, False))
    return silent and record.offset < until


def _repetition(asked: Question) -> list[str]:
    """That a service handles events again, where that concerns this one."""
    record: Record = asked.event.record
    ranges = asked.evidence.account(asked.service).repeated
    until, silent = ranges.get(Position(record.channel, record.partition), (0, False))
    if record.offset >= until:
        return []
    effects = "with no effects sent" if silent else "with effects sent again"
    return [f"{asked.service} was asked to handle events again up to offset {until:,}, {effects}"]


def _names(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))

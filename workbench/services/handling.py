"""What a service does about one record: react, retry, park, or give up; each event once.

An event is identified by its source and id; what became of it at each reaction is in the inbox.
A reaction that fails is tried again at once, then later through the service's own retry channel
(neither the partition nor, unless it is ``ordered``, the key waits), then its event is a dead
letter. An event handed over by that channel carries a *turn*: one that has come already is a
duplicate.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from workbench.brokers import EVENT_BYTES, Outgoing, Position, Record
from workbench.choreography import Reaction, Reading
from workbench.errors import EventError, EventRefusedError, ExpressionError, HandlerError
from workbench.events import Envelope, Retry, TraceContext, Trail, from_kafka, to_kafka
from workbench.events.trace import derived_trace, is_usual
from workbench.services import happening
from workbench.services.arrival import Arrival, Case
from workbench.services.clock import Clock
from workbench.services.context import Context
from workbench.services.failing import Failing, Failure
from workbench.services.happening import Observers
from workbench.services.inbox import ARMED, DEAD, DONE, PARKED, RETRYING, Outcome
from workbench.services.injection import Injector
from workbench.services.processing import ERROR, OK
from workbench.services.reacting import effects_of, guard_holds
from workbench.services.spec import ServiceSpec
from workbench.services.status import CONSUMED, IGNORED, OTHER
from workbench.services.touched import Watching
from workbench.services.undoing import Undoing
from workbench.services.work import Work

_HOPELESS = (ExpressionError, HandlerError, EventError, EventRefusedError)
"""What fails the same way at every attempt."""
IGNORED_TYPES = 100
"""Of so many ignored event types the names are kept: who else writes to a channel chooses them."""
_LONGEST_NAME = 200


class Stopped(Exception):  # noqa: N818 - a signal, not an error
    """The service was asked to stop while it waited to try again: the event is given back."""


class Handling:
    """How one service handles records, each within a transaction's :class:`Work`."""

    def __init__(
        self,
        spec: ServiceSpec,
        clock: Clock,
        injector: Injector,
        stopping: Callable[[], bool],
        observers: Observers,
    ) -> None:
        self._spec, self._clock, self._stopping = spec, clock, stopping
        self._injector, self._observers = injector, observers
        self._failing = Failing(spec, clock)
        self._undoing = Undoing(spec)
        self._watching = Watching(spec.watch_fields) if spec.watch_fields else None
        self.repeated: Mapping[Position, tuple[int, bool]] = {}
        """Partition → the offset up to which events are handled again, and whether silently."""
        self.ignored: set[str] = set()
        """The ignored event types that are counted by name."""
        self._reactions: dict[str, list[Reaction]] = {}
        self._awaited: dict[str, list[Reaction]] = {}
        self._reads = {r.name: spec.versions[r.whenever].read_by(r) for r in spec.reactions}
        for reaction in spec.reactions:
            if reaction.compensates:
                continue  # not set off by the event it is given: see Undoing
            self._reactions.setdefault(reaction.whenever, []).append(reaction)
            for type_ in reaction.unless:
                self._awaited.setdefault(type_, []).append(reaction)

    def handle(self, record: Record, work: Work) -> None:
        """Do what is to be done about a record that was delivered.

        Raises
        ------
        Stopped
            The service is to stop: nothing of this transaction is to be kept.
        """
        work.source = Position(record.channel, record.partition)
        arrival = self._arrival(record)
        foreign = self._foreign_type(arrival)
        if foreign is not None:
            self._ignore(foreign, work)
            return
        cases = self._cases(arrival, work)
        new = [self._meet(case, work) for case in cases]
        if any(new) and arrival.retry is None:
            work.counts[CONSUMED, cases[0].envelope.type] += 1
        self._undo(work)

    def resume(self, record: Record, work: Work) -> None:
        """Try again what has waited for its time."""
        work.source = Position(record.channel, record.partition)
        for case in self._cases(self._arrival(record), work):
            if self._still(case, RETRYING, work):
                self._react(case, work)
        self._undo(work)

    def expire(self, reaction: str, record: Record, work: Work) -> None:
        """React to the absence of an event: the time is over, and nothing that waits brings it."""
        work.source = Position(record.channel, record.partition)
        for case in self._cases(self._arrival(record), work):
            if case.reaction.name == reaction and self._still(case, ARMED, work):
                _tell(happening.EXPIRED, case, work)
                self._react(case, work)
        self._undo(work)

    def _arrival(self, record: Record) -> Arrival:
        on_retry = record.channel == self._spec.retries
        return Arrival(record, Retry.from_headers(record.headers) if on_retry else None)

    def _undo(self, work: Work) -> None:
        """Run the compensations that are due by what was just learnt."""
        while work.unsettled:
            flow, _ = work.unsettled.popitem()
            for reaction, record in self._undoing.due(flow, work.done_steps):
                for case in self._cases(Arrival(record, None), work, only=reaction):
                    if work.outcome(case.entry) is None:
                        self._meet(case, work)

    def _cases(self, arrival: Arrival, work: Work, only: str = "") -> list[Case]:
        """The event that a record carries, once for each reaction to it; none if it is poison.

        ``only`` names one reaction, which may be a compensation.
        """
        record, retry = arrival.record, arrival.retry
        named = retry.reaction if retry is not None and retry.reaction else only
        event_type, envelope = "?", None
        try:
            if record.channel == self._spec.retries and retry is None:
                raise EventError(f"a record of {record.channel} must say what is to be retried.")
            envelope = self._traced(from_kafka(record.headers, record.value))
            trail = Trail.of(envelope)
            reactions = self._reactions.get(envelope.type, [])
            if named:
                known = (envelope.type, named)
                reactions = [r for r in self._spec.reactions if (r.whenever, r.name) == known]
                if not reactions:
                    raise EventError(
                        f"{self._spec.name} has no reaction {named!r} to {envelope.type} any more."
                    )
            awaited = self._awaited.get(envelope.type, ())
            heard = envelope.type in self._undoing.hears
            if not reactions and not awaited and not heard:
                self._ignore(envelope.type, work)
                return []
            event_type = envelope.type
            readings = self._readings(envelope, reactions)
        except EventError as error:
            new = self._poison(arrival, only, error, event_type, work, envelope)
            if new and not named:
                work.counts[CONSUMED, event_type] += 1
            return []
        if heard:
            self._note(arrival, envelope, trail, work)
        for reaction in awaited:
            flow, now = envelope.correlationid or envelope.id, self._clock.now().timestamp()
            if work.timers.disarm(reaction.name, flow, now):
                work.tell(happening.DISARMED, event_type, reaction.name, arrival, envelope)
        digest = hashlib.blake2b(record.value or b"", digest_size=16).digest()
        entry = (envelope.source, envelope.id, "")  # of one that is only waited for, or heard of
        if not reactions and work.outcome(entry) is None:
            work.remember(entry, Outcome(digest, DONE, 0))
            work.counts[CONSUMED, event_type] += 1
        cases = []
        for reaction in reactions:
            reading = readings[self._reads[reaction.name]]
            if isinstance(reading, EventError):
                self._poison(arrival, reaction.name, reading, event_type, work, envelope)
            else:
                cases.append(Case(arrival, envelope, reading, reaction, digest, trail))
        return cases

    def _traced(self, envelope: Envelope) -> Envelope:
        """The event, in a trace of its own if it came without one: the same in every service."""
        given, tracing = envelope.traceparent, self._spec.tracing
        if tracing is None or is_usual(given):
            return envelope
        trace = TraceContext.parse(given)
        if trace is None:
            trace = derived_trace(envelope.source, envelope.id)
            trace = trace.sampled(tracing.sampling.by_ratio(trace.trace_id))
        return replace(envelope, traceparent=str(trace))

    def _readings(
        self, envelope: Envelope, reactions: Sequence[Reaction]
    ) -> dict[tuple[int, ...], Reading | EventError]:
        """How the event is read, by the versions that reactions read; an error if some can't.

        Raises
        ------
        EventError
            No reaction can read it.
        """
        versions, payload = self._spec.versions[envelope.type], envelope.payload()
        asked = {self._reads[reaction.name] for reaction in reactions}
        if not asked:  # it is only waited for: what it says matters to nobody
            versions.verify(payload, envelope.dataschema)
        found: dict[tuple[int, ...], Reading | EventError] = {}
        errors = []
        for reads in sorted(asked):
            try:
                found[reads] = versions.read(payload, envelope.dataschema, reads)
            except EventError as error:
                found[reads] = error
                errors.append(error)
        if errors and len(errors) == len(found):
            raise errors[0]
        return found

    def _note(self, arrival: Arrival, envelope: Envelope, trail: Trail, work: Work) -> None:
        """Remember what an event says about failures and what is undone."""
        now = self._clock.now().timestamp()
        lost = self._undoing.note(arrival, envelope, trail, work.done_steps, now)
        work.unsettled[envelope.correlationid or envelope.id] = None
        if lost and self._repetition([arrival.place])[0]:
            return  # what was done may be read again only after this
        for reaction in lost:
            gone = EventError(
                f"{self._spec.name} has done {reaction.compensates} in this flow, but doesn't know "
                f"any more about what, so that {reaction.name} can't undo it."
            )
            self._poison(arrival, reaction.name, gone, envelope.type, work, envelope)

    def _foreign_type(self, arrival: Arrival) -> str | None:
        """The type of an event that no reaction is for, by a look at one header alone."""
        if arrival.retry is not None:
            return None
        found = [text for name, text in arrival.record.headers if name == "ce_type"]
        if len(found) != 1 or not found[0]:
            return None  # not a plain event: it is read as a whole
        type_ = found[0].decode("utf-8", "replace")
        heard = type_ in self._awaited or type_ in self._undoing.hears
        return type_ if type_ not in self._reactions and not heard else None

    def _ignore(self, event_type: str, work: Work) -> None:
        """Count an event that the service has no use for."""
        if event_type not in self.ignored:
            if len(self.ignored) >= IGNORED_TYPES or len(event_type) > _LONGEST_NAME:
                event_type = OTHER
            self.ignored.add(event_type)
        work.counts[IGNORED, event_type] += 1

    def _meet(self, case: Case, work: Work) -> bool:
        """React, unless the event is known already; returns whether it is new."""
        known, arrival, type_ = work.outcome(case.entry), case.arrival, case.envelope.type
        if known is not None and known.hash != case.hash:
            reuse = EventError(
                f"id reused with other data: {case.envelope.source}/{case.envelope.id} was handled "
                "before with another payload."
            )
            self._poison(arrival, case.reaction.name, reuse, type_, work, case.envelope)
        elif known is not None and (known.turn >= arrival.turn or known.outcome == DONE):
            _tell(happening.DUPLICATE, case, work)
        else:
            if arrival.retry and arrival.round == 0:
                _tell(happening.REDRIVEN, case, work)
            self._admit(case, work)
        return known is None

    def _admit(self, case: Case, work: Work) -> None:
        """React to an event, or let it wait."""
        arrival = case.arrival
        if arrival.retry and arrival.retry.due > self._clock.now():
            work.remember(case.entry, Outcome(case.hash, RETRYING, arrival.turn))
            work.waiting.until(arrival.retry.due.timestamp(), arrival.record)
            _tell(happening.WAITING, case, work, due=arrival.retry.due.timestamp())
        elif self._has_to_wait(case, work):
            work.remember(case.entry, Outcome(case.hash, PARKED, arrival.turn))
            work.waiting.park(case.reaction.name, arrival.record)
            _tell(happening.PARKED, case, work)
        elif case.reaction.unless and arrival.retry is None:
            self._arm(case, work)
        else:
            self._react(case, work)

    def _still(self, case: Case, outcome: str, work: Work) -> bool:
        """Whether an event still waits: it may have been handled again on request meanwhile."""
        known = work.outcome(case.entry)
        return known is not None and known[1:] == (outcome, case.arrival.turn)

    def _has_to_wait(self, case: Case, work: Work) -> bool:
        key = case.arrival.record.key
        if not case.reaction.ordered or key is None:
            return False
        return work.waiting.blocker(case.reaction.name, key) not in (None, case.event)

    def _arm(self, case: Case, work: Work) -> None:
        """Let a reaction to an absence wait; its deadline counts from when the event happened."""
        envelope, reaction, now = case.envelope, case.reaction, self._clock.now()
        try:
            holds = guard_holds(reaction, case.reading)
        except ExpressionError:
            self._react(case, work)  # which fails in the same way, and says so
            return
        happened = min(envelope.time or now, now)
        due = happened.timestamp() + reaction.within
        flow = envelope.correlationid or envelope.id
        armed = holds and work.timers.arm(reaction.name, flow, due, case.arrival.record)
        work.remember(case.entry, Outcome(case.hash, ARMED if armed else DONE, 0))
        if armed:
            _tell(happening.ARMED, case, work, due=due)
        else:
            _tell(happening.GUARDED, case, work)

    # --- reacting -------------------------------------------------------------------------

    def _react(self, case: Case, work: Work) -> None:
        """Try, again at once if it fails, and decide what becomes of the event."""
        policy = self._spec.retry_of(case.reaction)
        type_ = case.envelope.type
        at_once = policy.attempts if case.arrival.round == 0 else 1
        first_failure = case.arrival.retry.first_failure if case.arrival.retry else None
        for attempt in range(1, at_once + 1):
            number = case.arrival.attempts + attempt
            if number > 1:
                _tell(happening.RETRIED, case, work, attempt=number)
            now, began = self._clock.now(), self._clock.monotonic()
            try:
                holds = self._try(case, work, number, now)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler raises anything
                self._time(case, ERROR, began, work)
                first_failure = first_failure or now
                failure = self._failing.failed(error, number, first_failure, case.envelope)
                self._failing.tell(
                    f"{case.reaction.name} failed on {type_} {case.envelope.id} "
                    f"(attempt {number}):\n{failure.traceback}"
                )
                _tell(happening.FAILED, case, work, attempt=number, started=now, error=error)
                hopeless = isinstance(error, _HOPELESS) or policy.is_hopeless(error)
                if hopeless or attempt == at_once:
                    self._fail(case, failure, work, hopeless=hopeless)
                    return
            else:
                if holds:
                    self._time(case, OK, began, work)
                self._settle(case, work, DONE)
                return
            if self._stopping():
                raise Stopped
            self._clock.sleep(policy.delay(attempt, random.random()))

    def _time(self, case: Case, outcome: str, began: float, work: Work) -> None:
        """Note how long an attempt took."""
        seconds = self._clock.monotonic() - began
        work.durations.add(case.envelope.type, case.reaction.name, outcome, seconds)

    def _try(self, case: Case, work: Work, attempt: int, now: datetime) -> bool:
        """Make an attempt; ``False`` if the guard turns the event away.

        Raises
        ------
        Exception
            Whatever the handler does, and what its effects or the guard are refused with.
        """
        spec, reaction, envelope = self._spec, case.reaction, case.envelope
        if not guard_holds(reaction, case.reading):
            _tell(happening.GUARDED, case, work, attempt=attempt)
            return False
        self._injector.before_attempt(envelope.type, case.hash, attempt)
        share = work.share()
        undo = self._undoing.begun(case, work.done_steps) if reaction.compensates else None
        again, silent = self._repetition(undo.places if undo else [case.arrival.place])
        ctx = Context(share.state, envelope, spec.name, reaction.name, attempt, now, again)
        due = now + timedelta(seconds=reaction.after)
        if undo is not None:
            ctx = replace(ctx, envelope=undo.envelope, failure=undo.failure)
            due = max(due, undo.earliest)
        effects = self._effects(case, ctx, due, work)
        effects, step = self._undoing.handed_on(case, effects, undo)
        if silent:
            effects = []
        for effect in effects:
            share.put(due.timestamp(), self._outgoing(effect))
        if step is not None:
            moments = due.timestamp(), now.timestamp()
            self._undoing.remember(case, step.occurrence, moments, work.done_steps)
            work.unsettled[envelope.correlationid or envelope.id] = None
        share.keep()
        _tell(
            happening.COMPENSATED if undo else happening.HANDLED,
            case,
            work,
            cause=undo.failure if undo else None,
            attempt=attempt,
            started=now,
        )
        for effect in effects:
            facts = (effect.type, reaction.name, case.arrival, effect, envelope, attempt)
            work.tell(happening.EMITTED, *facts, due=due.timestamp() if due > now else None)
        return True

    def _effects(self, case: Case, ctx: Context, due: datetime, work: Work) -> list[Envelope]:
        reaction, versions = case.reaction, self._spec.versions
        touched = None
        if self._watching is not None and reaction.is_python:
            touched = self._watching.begin(reaction.name)

        def made() -> list[Envelope]:
            return effects_of(reaction, case.reading, ctx, versions, due, touched)

        try:
            if not self._observers:
                return made()
            return self._observers.run(case, ctx.envelope, ctx.attempt, ctx.moment, made)
        finally:
            if touched is not None:
                work.touched.update((reaction.name, field) for field in touched.fields())

    def _repetition(self, places: Sequence[tuple[str, int, int]]) -> tuple[bool, bool]:
        """Whether events, by their places, are handled again on request, and that silently."""
        if not self.repeated:
            return False, False
        ranges = [
            (offset, *self.repeated.get(Position(channel, partition), (0, False)))
            for channel, partition, offset in places
        ]
        again = all(offset < until for offset, until, _ in ranges)
        return again, again and all(silent for _, _, silent in ranges)

    def _outgoing(self, effect: Envelope) -> Outgoing:
        outgoing = Outgoing(self._spec.outputs[effect.type], *to_kafka(effect))
        if outgoing.size() > EVENT_BYTES:
            raise EventRefusedError(
                f"the effect {effect.type} is too large: {outgoing.size():,} bytes, and at most "
                f"{EVENT_BYTES:,} are sent."
            )
        return outgoing

    def _settle(self, case: Case, work: Work, outcome: str) -> None:
        """An event is done or given up: remember it, and let those behind it go on."""
        work.remember(case.entry, Outcome(case.hash, outcome, case.arrival.turn))
        reaction, key = case.reaction, case.arrival.record.key
        if not reaction.ordered or key is None:
            return
        if work.waiting.blocker(reaction.name, key) != case.event:
            return
        work.waiting.unblock(reaction.name, key)
        while (
            work.waiting.blocker(reaction.name, key) is None
            and (parked := work.waiting.next_parked(reaction.name, key)) is not None
        ):
            work.waiting.drop(parked.seq)
            for next_ in self._cases(self._arrival(parked.record), work, only=reaction.name):
                if next_.reaction.name == reaction.name and self._still(next_, PARKED, work):
                    self._react(next_, work)

    # --- failing --------------------------------------------------------------------------

    def _fail(self, case: Case, failure: Failure, work: Work, *, hopeless: bool) -> None:
        arrival, reaction, key = case.arrival, case.reaction, case.arrival.record.key
        due = None if hopeless else self._failing.try_later(case, failure, work)
        if due is None:
            self._failing.give_up(arrival, reaction.name, failure, work)
            _tell(happening.DEAD, case, work, attempt=failure.attempts, error=failure.error)
            self._settle(case, work, DEAD)
            return
        _tell(happening.LATER, case, work, attempt=failure.attempts, due=due.timestamp())
        work.remember(case.entry, Outcome(case.hash, RETRYING, arrival.turn))
        if reaction.ordered and key is not None:
            work.waiting.block(reaction.name, key, case.event)

    def _poison(
        self,
        arrival: Arrival,
        reaction: str,
        error: EventError,
        event_type: str,
        work: Work,
        envelope: Envelope | None,
    ) -> bool:
        """Give up on a record that is not what it must be; returns whether it is new."""
        new = self._failing.poison(arrival, reaction, error, envelope, work)
        facts = event_type, reaction, arrival, envelope
        if new:
            work.tell(happening.POISON, *facts, error=error)
        else:
            work.tell(happening.DUPLICATE, *facts)
        return new


def _tell(
    what: str,
    case: Case,
    work: Work,
    attempt: int = 0,
    started: datetime | None = None,
    due: float | None = None,
    error: BaseException | None = None,
    cause: Envelope | None = None,
) -> None:
    """Something has happened to an event at a reaction."""
    envelope = case.envelope
    facts = (envelope.type, case.reaction.name, case.arrival, envelope, cause)
    work.tell(what, *facts, attempt, started, due, error)

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
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from workbench.brokers import EVENT_BYTES, Outgoing, Position, Record
from workbench.choreography import Reaction
from workbench.errors import EventError, EventRefusedError, ExpressionError, HandlerError
from workbench.events import DeadLetter, Envelope, Retry, from_kafka, to_kafka
from workbench.events.dead_letter import PREFIX as DEAD_LETTER
from workbench.events.notes import without
from workbench.events.retry import PREFIX as RETRY
from workbench.services import status as counted
from workbench.services.clock import Clock
from workbench.services.context import Context
from workbench.services.frames import own_frame, own_traceback
from workbench.services.inbox import ARMED, DEAD, DONE, PARKED, RETRYING, Entry, Outcome
from workbench.services.injection import Injector
from workbench.services.reacting import effects_of, guard_holds
from workbench.services.spec import ServiceSpec
from workbench.services.work import Work

_HOPELESS = (ExpressionError, HandlerError, EventError, EventRefusedError)
"""What fails the same way at every attempt."""


class Stopped(Exception):  # noqa: N818 - a signal, not an error
    """The service was asked to stop while it waited to try again: the event is given back."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A record, and where its event stood at first and how often it has been tried."""

    record: Record
    retry: Retry | None

    @property
    def place(self) -> tuple[str, int, int]:
        """Channel, partition and offset at first."""
        found = self.retry or self.record
        return found.channel, found.partition, found.offset

    @property
    def turn(self) -> int:
        return self.retry.turn if self.retry else 0

    @property
    def round(self) -> int:
        return self.retry.round if self.retry else 0

    @property
    def attempts(self) -> int:
        return self.retry.attempts if self.retry else 0

    @property
    def redrives(self) -> int:
        return self.retry.redrives if self.retry else 0


@dataclass(frozen=True, slots=True)
class _Case:
    """One event at one reaction."""

    arrival: _Arrival
    envelope: Envelope
    payload: Any
    reaction: Reaction
    hash: bytes

    @property
    def entry(self) -> Entry:
        return self.envelope.source, self.envelope.id, self.reaction.name

    @property
    def event(self) -> tuple[str, str]:
        return self.envelope.source, self.envelope.id


class Handling:
    """How one service handles records, each within a transaction's :class:`Work`."""

    def __init__(
        self, spec: ServiceSpec, clock: Clock, injector: Injector, stopping: Callable[[], bool]
    ) -> None:
        self._spec, self._clock, self._stopping = spec, clock, stopping
        self._injector = injector
        self.repeated: Mapping[Position, tuple[int, bool]] = {}
        """Partition → the offset up to which events are handled again, and whether silently."""
        self._reactions: dict[str, list[Reaction]] = {}
        self._awaited: dict[str, list[Reaction]] = {}
        for reaction in spec.reactions:
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
        arrival = self._arrival(record)
        foreign = self._foreign_type(arrival)
        if foreign is not None:
            work.counts[counted.IGNORED, foreign] += 1
            return
        for case in self._cases(arrival, work):
            self._meet(case, work)

    def resume(self, record: Record, work: Work) -> None:
        """Try again what has waited for its time."""
        for case in self._cases(self._arrival(record), work):
            if self._still(case, RETRYING, work):
                self._react(case, work)

    def expire(self, reaction: str, record: Record, work: Work) -> None:
        """React to the absence of an event: the time is over, and nothing that waits brings it."""
        for case in self._cases(self._arrival(record), work):
            if case.reaction.name == reaction and self._still(case, ARMED, work):
                self._react(case, work)

    def _arrival(self, record: Record) -> _Arrival:
        on_retry = record.channel == self._spec.retries
        return _Arrival(record, Retry.from_headers(record.headers) if on_retry else None)

    def _cases(self, arrival: _Arrival, work: Work) -> list[_Case]:
        """The event that a record carries, once for each reaction to it; none if it is poison."""
        record, retry = arrival.record, arrival.retry
        event_type = "?"
        try:
            if record.channel == self._spec.retries and retry is None:
                raise EventError(f"a record of {record.channel} must say what is to be retried.")
            envelope = from_kafka(record.headers, record.value)
            reactions = self._reactions.get(envelope.type, [])
            if retry is not None and retry.reaction:
                reactions = [reaction for reaction in reactions if reaction.name == retry.reaction]
                if not reactions:
                    raise EventError(
                        f"{self._spec.name} has no reaction {retry.reaction!r} to {envelope.type} "
                        "any more."
                    )
            awaited = self._awaited.get(envelope.type, ())
            if not reactions and not awaited:
                work.counts[counted.IGNORED, envelope.type] += 1
                return []
            event_type = envelope.type
            payload = envelope.payload()
            problem = self._spec.event_types[event_type].problem_with(payload)
            if problem:
                raise EventError(f"{problem}.")
        except EventError as error:
            self._poison(arrival, "", error, work, event_type)
            return []
        for reaction in awaited:
            flow, now = envelope.correlationid or envelope.id, self._clock.now().timestamp()
            work.timers.disarm(reaction.name, flow, now)
        digest = hashlib.blake2b(record.value or b"", digest_size=16).digest()
        return [_Case(arrival, envelope, payload, reaction, digest) for reaction in reactions]

    def _foreign_type(self, arrival: _Arrival) -> str | None:
        """The type of an event that no reaction is for, by a look at one header alone."""
        if arrival.retry is not None:
            return None
        found = [text for name, text in arrival.record.headers if name == "ce_type"]
        if len(found) != 1 or not found[0]:
            return None  # not a plain event: it is read as a whole
        type_ = found[0].decode("utf-8", "replace")
        return type_ if type_ not in self._reactions and type_ not in self._awaited else None

    def _meet(self, case: _Case, work: Work) -> None:
        """React, unless the event is known already or has to wait."""
        known, arrival, type_ = work.outcome(case.entry), case.arrival, case.envelope.type
        if known is not None and known.hash != case.hash:
            reuse = EventError(
                f"id reused with other data: {case.envelope.source}/{case.envelope.id} was handled "
                "before with another payload."
            )
            self._poison(arrival, case.reaction.name, reuse, work, type_)
        elif known is not None and (known.turn >= arrival.turn or known.outcome == DONE):
            work.counts[counted.DUPLICATES, type_] += 1
        elif arrival.retry and arrival.retry.due > self._clock.now():
            work.remember(case.entry, Outcome(case.hash, RETRYING, arrival.turn))
            work.waiting.until(arrival.retry.due.timestamp(), arrival.record)
        elif self._has_to_wait(case, work):
            work.remember(case.entry, Outcome(case.hash, PARKED, arrival.turn))
            work.waiting.park(case.reaction.name, arrival.record)
            work.counts[counted.PARKED, type_] += 1
        elif case.reaction.unless and arrival.retry is None:
            self._arm(case, work)
        else:
            self._react(case, work)

    def _still(self, case: _Case, outcome: str, work: Work) -> bool:
        """Whether an event still waits: it may have been handled again on request meanwhile."""
        known = work.outcome(case.entry)
        return known is not None and known[1:] == (outcome, case.arrival.turn)

    def _has_to_wait(self, case: _Case, work: Work) -> bool:
        key = case.arrival.record.key
        if not case.reaction.ordered or key is None:
            return False
        return work.waiting.blocker(case.reaction.name, key) not in (None, case.event)

    def _arm(self, case: _Case, work: Work) -> None:
        """Let a reaction to an absence wait; its deadline counts from when the event happened."""
        envelope, reaction, now = case.envelope, case.reaction, self._clock.now()
        try:
            holds = guard_holds(reaction, case.payload, self._spec.event_types[envelope.type])
        except ExpressionError:
            self._react(case, work)  # which fails in the same way, and says so
            return
        happened = min(envelope.time or now, now)
        due = happened.timestamp() + reaction.within
        flow = envelope.correlationid or envelope.id
        armed = holds and work.timers.arm(reaction.name, flow, due, case.arrival.record)
        work.remember(case.entry, Outcome(case.hash, ARMED if armed else DONE, 0))
        work.counts[counted.ARMED if armed else counted.GUARDED, envelope.type] += 1

    # --- reacting -------------------------------------------------------------------------

    def _react(self, case: _Case, work: Work) -> None:
        """Try, again at once if it fails, and decide what becomes of the event."""
        policy = self._spec.retry_of(case.reaction)
        type_ = case.envelope.type
        at_once = policy.attempts if case.arrival.round == 0 else 1
        first_failure = case.arrival.retry.first_failure if case.arrival.retry else None
        for attempt in range(1, at_once + 1):
            number = case.arrival.attempts + attempt
            if number > 1:
                work.counts[counted.RETRIES, type_] += 1
            now = self._clock.now()
            try:
                self._try(case, work, number, now)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler raises anything
                first_failure = first_failure or now
                text = self._tell(case, error, number)
                if isinstance(error, _HOPELESS) or policy.is_hopeless(error):
                    self._give_up(case, work, error, number, first_failure, text)
                    return
                if attempt == at_once:
                    self._later(case, work, error, number, first_failure, text)
                    return
            else:
                self._settle(case, work, DONE)
                return
            if self._stopping():
                raise Stopped
            self._clock.sleep(policy.delay(attempt, random.random()))

    def _try(self, case: _Case, work: Work, attempt: int, now: datetime) -> None:
        spec, reaction, envelope = self._spec, case.reaction, case.envelope
        event_type = spec.event_types[envelope.type]
        if not guard_holds(reaction, case.payload, event_type):
            work.counts[counted.GUARDED, envelope.type] += 1
            return
        self._injector.before_attempt(envelope.type, case.hash, attempt)
        share = work.share()
        again, silent = self._repetition(case.arrival)
        ctx = Context(share.state, envelope, spec.name, reaction.name, attempt, now, again)
        due = now + timedelta(seconds=reaction.after)
        effects = effects_of(reaction, case.payload, ctx, spec.event_types, due)
        if silent:
            effects = []
        for effect in effects:
            share.put(due.timestamp(), self._outgoing(effect))
        share.keep()
        work.counts[counted.HANDLED, envelope.type] += 1
        for effect in effects:
            work.counts[counted.EMITTED, effect.type] += 1

    def _repetition(self, arrival: _Arrival) -> tuple[bool, bool]:
        """Whether an event is handled again on request, and whether that is to be silent."""
        if not self.repeated:
            return False, False
        channel, partition, offset = arrival.place
        until, silent = self.repeated.get(Position(channel, partition), (0, False))
        return offset < until, offset < until and silent

    def _outgoing(self, effect: Envelope) -> Outgoing:
        outgoing = Outgoing(self._spec.outputs[effect.type], *to_kafka(effect))
        if outgoing.size() > EVENT_BYTES:
            raise EventRefusedError(
                f"the effect {effect.type} is too large: {outgoing.size():,} bytes, and at most "
                f"{EVENT_BYTES:,} are sent."
            )
        return outgoing

    def _settle(self, case: _Case, work: Work, outcome: str) -> None:
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
            for next_ in self._cases(self._arrival(parked.record), work):
                if next_.reaction.name == reaction.name and self._still(next_, PARKED, work):
                    self._react(next_, work)

    # --- failing --------------------------------------------------------------------------

    def _tell(self, case: _Case, error: BaseException, attempt: int) -> str:
        text = own_traceback(error)
        print(
            f"{self._spec.name}/{case.reaction.name} failed on {case.envelope.type} "
            f"{case.envelope.id} (attempt {attempt}):\n{text}",
            file=sys.stderr,
            flush=True,
        )
        return text

    def _later(
        self,
        case: _Case,
        work: Work,
        error: BaseException,
        attempts: int,
        first_failure: datetime,
        text: str,
    ) -> None:
        """Hand the event over to a later turn, if the policy has one left."""
        arrival, reaction = case.arrival, case.reaction
        wait = self._spec.retry_of(reaction).later_delay(arrival.round + 1, random.random())
        if wait is None:
            self._give_up(case, work, error, attempts, first_failure, text)
            return
        now = self._clock.now()
        retry = Retry(
            reaction.name,
            *arrival.place,
            due=now + timedelta(seconds=wait),
            turn=arrival.turn + 1,
            round=arrival.round + 1,
            attempts=attempts,
            redrives=arrival.redrives,
            first_failure=first_failure,
        )
        record = arrival.record
        headers = [*without((RETRY, DEAD_LETTER), record.headers), *retry.headers()]
        work.put(now.timestamp(), Outgoing(self._spec.retries, record.key, headers, record.value))
        work.remember(case.entry, Outcome(case.hash, RETRYING, arrival.turn))
        if reaction.ordered and record.key is not None:
            work.waiting.block(reaction.name, record.key, case.event)

    def _give_up(
        self,
        case: _Case,
        work: Work,
        error: BaseException,
        attempts: int,
        first_failure: datetime,
        text: str,
    ) -> None:
        self._dead(
            case.arrival, case.reaction.name, error, attempts, first_failure, text, work,
            case.envelope.type,
        )  # fmt: skip
        self._settle(case, work, DEAD)

    def _poison(
        self, arrival: _Arrival, reaction: str, error: EventError, work: Work, event_type: str
    ) -> None:
        """Give up, once, on a record that is known only by where it stands."""
        channel, partition, offset = arrival.place
        entry = (channel, f"{partition}:{offset}", reaction)
        known = work.outcome(entry)
        if known is not None and known.turn >= arrival.turn:
            work.counts[counted.DUPLICATES, event_type] += 1
            return
        work.remember(entry, Outcome(b"", DEAD, arrival.turn))
        self._dead(arrival, reaction, error, 1, self._clock.now(), "", work, event_type)

    def _dead(
        self,
        arrival: _Arrival,
        reaction: str,
        error: BaseException,
        attempts: int,
        first_failure: datetime,
        text: str,
        work: Work,
        event_type: str,
    ) -> None:
        now, record = self._clock.now(), arrival.record
        letter = DeadLetter(
            self._spec.name,
            reaction,
            *arrival.place,
            error_type=type(error).__name__,
            error_message=str(error),
            attempts=attempts,
            first_failure=first_failure,
            last_failure=now,
            frame=own_frame(error),
            turn=arrival.turn,
            redrives=arrival.redrives,
            traceback=text,
        )
        headers = [*without((RETRY, DEAD_LETTER), record.headers), *letter.headers()]
        outgoing = Outgoing(self._spec.dead_letters, record.key, headers, record.value)
        work.put(now.timestamp(), outgoing)
        work.counts[counted.DEAD, event_type] += 1
        print(
            f"{self._spec.name} gave up on {letter.channel}[{letter.partition}]@{letter.offset}: "
            f"{letter.error_type}: {letter.error_message}",
            file=sys.stderr,
            flush=True,
        )

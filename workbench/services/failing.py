"""What becomes of an event that could not be handled: a later try, or a dead letter."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workbench.brokers import Outgoing
from workbench.errors import EventError
from workbench.events import DeadLetter, Envelope, Retry
from workbench.events.dead_letter import PREFIX as DEAD_LETTER
from workbench.events.masking import without
from workbench.events.notes import without as headers_without
from workbench.events.retry import PREFIX as RETRY
from workbench.services.arrival import Arrival, Case
from workbench.services.clock import Clock
from workbench.services.discretion import Discretion
from workbench.services.frames import own_frame, own_traceback
from workbench.services.inbox import DEAD, Outcome
from workbench.services.spec import ServiceSpec
from workbench.services.work import Work


@dataclass(frozen=True, slots=True)
class Failure:
    """The last error of a reaction, after how many attempts in all, and when the first failed.

    What it says (``message``, ``traceback``) is without the personal values of the event.
    """

    error: BaseException
    attempts: int
    first: datetime
    message: str
    traceback: str = ""


class Failing:
    """How one service deals with what fails, within a transaction's :class:`Work`."""

    def __init__(self, spec: ServiceSpec, clock: Clock) -> None:
        self._spec, self._clock = spec, clock
        self._discretion = Discretion(spec)

    def failed(
        self, error: BaseException, attempts: int, first: datetime, envelope: Envelope | None
    ) -> Failure:
        """What an attempt at an event has raised, as it may be told."""
        hidden = self._discretion.hidden(envelope)
        message, trace = (without(hidden, text) for text in (str(error), own_traceback(error)))
        return Failure(error, attempts, first, message, trace)

    def try_later(self, case: Case, failure: Failure, work: Work) -> datetime | None:
        """Hand an event over to a later turn; says when, ``None`` if the policy has none left."""
        arrival, reaction = case.arrival, case.reaction
        wait = self._spec.retry_of(reaction).later_delay(arrival.round + 1, random.random())
        if wait is None:
            return None
        now = self._clock.now()
        retry = Retry(
            reaction.name,
            *arrival.place,
            due=now + timedelta(seconds=wait),
            turn=arrival.turn + 1,
            round=arrival.round + 1,
            attempts=failure.attempts,
            redrives=arrival.redrives,
            first_failure=failure.first,
        )
        self._send(arrival, self._spec.retries, retry.headers(), now, work)
        return retry.due

    def poison(
        self,
        arrival: Arrival,
        reaction: str,
        error: EventError,
        envelope: Envelope | None,
        work: Work,
    ) -> bool:
        """Give up, once, on a record that is known only by where it stands.

        ``False`` if that was done before.
        """
        channel, partition, offset = arrival.place
        entry = (channel, arrival.record.message_id or f"{partition}:{offset}", reaction)
        known = work.outcome(entry)
        if known is not None and known.turn >= arrival.turn:
            return False
        work.remember(entry, Outcome(b"", DEAD, arrival.turn))
        failure = replace(self.failed(error, 1, self._clock.now(), envelope), traceback="")
        self.give_up(arrival, reaction, failure, work)
        return True

    def give_up(self, arrival: Arrival, reaction: str, failure: Failure, work: Work) -> None:
        """Make a dead letter of an event."""
        now, error = self._clock.now(), failure.error
        letter = DeadLetter(
            self._spec.name,
            reaction,
            *arrival.place,
            error_type=type(error).__name__,
            error_message=failure.message,
            attempts=failure.attempts,
            first_failure=failure.first,
            last_failure=now,
            frame=own_frame(error),
            turn=arrival.turn,
            redrives=arrival.redrives,
            traceback=failure.traceback,
        )
        self._send(arrival, self._spec.dead_letters, letter.headers(), now, work)
        place = f"{letter.channel}[{letter.partition}]@{letter.offset}"
        self.tell(f"gave up on {place}: {letter.error_type}: {letter.error_message}")

    def tell(self, text: str) -> None:
        """Print something to the service's output."""
        print(f"{self._spec.name} {text}", file=sys.stderr, flush=True)

    def _send(
        self,
        arrival: Arrival,
        channel: str,
        note: list[tuple[str, bytes]],
        now: datetime,
        work: Work,
    ) -> None:
        record = arrival.record
        headers = [*headers_without((RETRY, DEAD_LETTER), record.headers), *note]
        work.put(now.timestamp(), Outgoing(channel, record.key, headers, record.value))

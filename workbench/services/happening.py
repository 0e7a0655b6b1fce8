"""What happens inside a service, told in one place: logs, traces, metrics and counts are made of it.

What happens in a round is noted by each observer as it happens, and told to it after the round's
transaction has been written: a round that is taken back, or is done a second time, tells nothing
twice. A crash between the two loses what was to be told, and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from contextvars import ContextVar, copy_context
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from workbench.brokers import Landed, Record
from workbench.errors import BrokerError
from workbench.events import Envelope
from workbench.events.trace import may_be_sampled
from workbench.services import status as counted
from workbench.services.arrival import Arrival, Case
from workbench.services.clock import Clock
from workbench.services.outbox import Unsent

HANDLED, EMITTED, DUPLICATE = counted.HANDLED, counted.EMITTED, counted.DUPLICATES
RETRIED, DEAD, ARMED = counted.RETRIES, counted.DEAD, counted.ARMED
PARKED, GUARDED = counted.PARKED, counted.GUARDED

COMPENSATED = "compensated"
"""A step was undone: what a compensation's being handled is called."""
POISON = "poison"
"""A record that no reaction could be given was made a dead letter."""
FAILED = "failed"
"""An attempt has raised an error. What becomes of the event is told next."""
LATER = "later"
"""A failed event was handed over to a later try, at ``due``."""
WAITING = "waiting"
"""A later try has come and waits for its time, ``due``."""
REDRIVEN = "redriven"
"""An event has come that was handed over by hand."""
DISARMED = "disarmed"
"""What a reaction waited for has come, so that its time will not run out."""
EXPIRED = "expired"
"""What a reaction waited for has not come in time; its attempts are told next."""
STARTED, STOPPED, CRASHED = "started", "stopped", "crashed"
"""Of the service itself: there is neither event nor reaction. CRASHED has the ``error``."""

COUNTED: Mapping[str, str] = {
    **{what: what for what in (HANDLED, EMITTED, DUPLICATE, RETRIED, DEAD, ARMED, PARKED, GUARDED)},
    COMPENSATED: counted.HANDLED,
    POISON: counted.DEAD,
}
"""Among which of the service's counts something is; what is not in here is not counted."""

EVERYTHING = frozenset(
    {
        *COUNTED,
        *(FAILED, LATER, WAITING, REDRIVEN, DISARMED, EXPIRED),
        *(STARTED, STOPPED, CRASHED),
    }
)
"""All that an observer can be told of."""


class Happening(NamedTuple):
    """One thing that happened. A tuple, for thousands are made a second.

    Events of a type that no reaction is for are only counted (:data:`counted.IGNORED`).

    Attributes
    ----------
    what
        One of the words above.
    at
        When, by the service's clock, UTC.
    event_type
        The type of the event; ``"?"`` if it can't be read; empty for the service itself.
    reaction
        Empty where none is concerned, or all are.
    arrival
        The record in which the event came, where it stood at first, and its turn.
    envelope
        The event; ``None`` if it can't be read. In EMITTED: the effect.
    cause
        In EMITTED: the event that was reacted to. An effect's ``causationid`` is its id, but in a
        compensation, where it is the failure's or the notice's. In COMPENSATED: the failure.
    attempt
        Which attempt it was, or is to be (RETRIED), from 1; 0 where none was made.
    started
        Where an attempt has ended, when it began: ``at - started`` is how long it took.
    due
        In LATER, WAITING and ARMED, when something is to be done; in EMITTED, when a
        delayed effect is to be sent; in seconds since 1970 UTC.
    error
        In FAILED, DEAD, POISON and CRASHED, what was raised.
    """

    what: str
    at: datetime
    event_type: str = ""
    reaction: str = ""
    arrival: Arrival | None = None
    envelope: Envelope | None = None
    cause: Envelope | None = None
    attempt: int = 0
    started: datetime | None = None
    due: float | None = None
    error: BaseException | None = None


class Run(NamedTuple):
    """One attempt at work: from just before the handler is called until its effects are made.

    ``envelope`` is what the handler is given: in a compensation, the event of the step that is
    undone, under the id of the occurrence.
    """

    case: Case
    envelope: Envelope
    attempt: int
    started: datetime
    observers: Sequence[Observer]


current_run: ContextVar[Run | None] = ContextVar("workbench_run", default=None)
"""The attempt that is at work here. Set only in services that are observed."""


class Observer:
    """Told what happens in one instance of a service, on its thread.

    Whatever it raises is put in the service's output, and the service goes on.

    Attributes
    ----------
    wants
        Which of the words above it is to be told of. Of what nobody wants nothing is made; of what
        another wants it may be told, too.
    only_traced
        Whether it is told only of events whose trace is sampled, or that can't be read.
    """

    wants: frozenset[str] = EVERYTHING
    only_traced: bool = False

    def around(self, run: Run) -> AbstractContextManager[object] | None:  # noqa: ARG002
        """What is to be entered while an attempt is at work; entering must not fail, nor leaving
        swallow the attempt's error.

        Called in a context of the attempt's own (:mod:`contextvars`): what it sets there is seen
        by the handler, and by nobody after it.
        """
        return None

    def note(self, told: Happening) -> Any:
        """What it keeps of something that has happened until the round stands; by default all.

        Nothing, if it is ``None``. To keep little is what makes an observer cheap: whatever stays
        of each event until the end of its round has left the processor's caches by then.
        """
        return told

    def happened(self, notes: Sequence[Any]) -> None:
        """What it has noted in a round, in order, now that the round is written."""

    def polled(self, records: Sequence[Record], started: datetime, at: datetime) -> None:
        """What the broker has delivered, and how long that was waited for; not yet handled."""

    def sent(
        self,
        rows: Sequence[Unsent],
        answers: Sequence[Landed | BrokerError],
        started: datetime,
        at: datetime,
    ) -> None:
        """What was sent (effects, later tries, dead letters), each with where it stands.

        Or with why the broker will never take it: an ``EventRefusedError``.
        """

    def close(self) -> None:
        """Give back what it holds; nothing is told any more."""


def _wanted_by(observers: Iterable[Observer]) -> frozenset[str]:
    return frozenset(what for observer in observers for what in observer.wants)


Result = TypeVar("Result")


class Observers:
    """All of a service's observers as one; false if there is none."""

    def __init__(self, name: str, observers: Sequence[Observer]) -> None:
        self._name = name
        self._observers = list(observers)
        self._around = [one for one in observers if type(one).around is not Observer.around]
        self.wanted = _wanted_by(observers)
        """What somebody is to be told of."""
        self.untraced = [one for one in observers if not one.only_traced]
        """Those that are told of events in no trace, too."""
        self.wanted_untraced = _wanted_by(self.untraced)
        """What they are to be told of."""

    def __bool__(self) -> bool:
        return bool(self._observers)

    def __iter__(self) -> Iterator[Observer]:
        return iter(self._observers)

    def run(
        self,
        case: Case,
        envelope: Envelope,
        attempt: int,
        started: datetime,
        call: Callable[[], Result],
    ) -> Result:
        """Call what makes an attempt's effects, in a context of its own; see :class:`Run`."""
        run = Run(case, envelope, attempt, started, self._observers)
        return copy_context().run(self._within, run, call)

    def _within(self, run: Run, call: Callable[[], Result]) -> Result:
        current_run.set(run)
        entered = []
        for observer in self._around:
            try:
                around = observer.around(run)
            except Exception as error:  # noqa: BLE001 - whatever it is, the service goes on
                self.complain(observer, error)
            else:
                if around is not None:
                    entered.append(around)
        if not entered:
            return call()
        with ExitStack() as stack:
            for around in entered:
                stack.enter_context(around)
            return call()

    def happened(self, notes: Sequence[tuple[Observer, Any]]) -> None:
        """Tell each of them what it has noted, now that the round is written."""
        if notes:
            self._tell(
                lambda observer: observer.happened([note for who, note in notes if who is observer])
            )

    def polled(self, records: Sequence[Record], started: datetime, at: datetime) -> None:
        """Tell all of them."""
        self._tell(lambda observer: observer.polled(records, started, at))

    def sent(
        self,
        rows: Sequence[Unsent],
        answers: Sequence[Landed | BrokerError],
        started: datetime,
        at: datetime,
    ) -> None:
        """Tell all of them."""
        self._tell(lambda observer: observer.sent(rows, answers, started, at))

    def close(self) -> None:
        """Close all of them; a second time it does nothing."""
        self._tell(lambda observer: observer.close())
        self._observers.clear()

    def _tell(self, tell: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                tell(observer)
            except Exception as error:  # noqa: BLE001 - whatever it is, the service goes on
                self.complain(observer, error)

    def complain(self, observer: Observer, error: Exception) -> None:
        """Say in the service's output what an observer has raised."""
        who = type(observer).__name__
        with suppress(OSError, ValueError):
            print(f"{self._name} {who} failed: {error!r}", file=sys.stderr, flush=True)


class Round:
    """What happens in one round, as it is noted by those who want to know."""

    def __init__(self, observers: Observers, clock: Clock) -> None:
        self._observers, self._clock = observers, clock
        self.wanted, self._each = observers.wanted, list(observers)
        self._wanted_untraced, self._untraced = observers.wanted_untraced, observers.untraced
        self._notes: list[tuple[Observer, Any]] = []

    def note(
        self,
        what: str,
        event_type: str = "",
        reaction: str = "",
        arrival: Arrival | None = None,
        envelope: Envelope | None = None,
        *facts: Any,
        **more: Any,
    ) -> None:
        """Let it be noted, if somebody wants it; the facts are those of a :class:`Happening`."""
        wanted, each = self.wanted, self._each
        if envelope is not None and not may_be_sampled(envelope.traceparent):
            wanted, each = self._wanted_untraced, self._untraced
        if what not in wanted:
            return
        now = self._clock.now()
        told = Happening(what, now, event_type, reaction, arrival, envelope, *facts, **more)
        for observer in each:
            try:
                note = observer.note(told)
            except Exception as error:  # noqa: BLE001 - whatever it is, the service goes on
                self._observers.complain(observer, error)
            else:
                if note is not None:
                    self._notes.append((observer, note))

    def told(self) -> None:
        """Tell it: the round is written."""
        self._observers.happened(self._notes)

"""What happens inside a service, told in one place: logs, traces, metrics and counts are made of it.

What happens in a round is gathered along with the round's :class:`~workbench.services.work.Work`
and told after its transaction has been written: a round that is taken back, or is done a second
time, tells nothing twice. A crash between the two loses what was to be told, and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from contextvars import ContextVar, copy_context
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from workbench.brokers import Landed
from workbench.errors import BrokerError
from workbench.events import Envelope
from workbench.services import status as counted
from workbench.services.arrival import Arrival, Case
from workbench.services.outbox import Unsent

if TYPE_CHECKING:
    from workbench.services.spec import ServiceSpec

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

_COUNTED: Mapping[str, str] = {
    **{what: what for what in (HANDLED, EMITTED, DUPLICATE, RETRIED, DEAD, ARMED, PARKED, GUARDED)},
    COMPENSATED: counted.HANDLED,
    POISON: counted.DEAD,
}


def counted_as(what: str) -> str | None:
    """Among which of the service's counts something is; ``None``: it is not counted."""
    return _COUNTED.get(what)


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
        compensation, where it is the failure's or the notice's.
    attempt
        Which attempt it was, or is to be (RETRIED), from 1; 0 where none was made.
    started
        Where an attempt has ended, when it began: ``at - started`` is how long it took.
    due
        In LATER, WAITING and ARMED, when something is to be done; in EMITTED, when the effect is
        to be sent; in seconds since 1970 UTC.
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


current_run: ContextVar[Run | None] = ContextVar("workbench_run", default=None)
"""The attempt that is at work here. Set only in services that are observed."""


class Observer:
    """Told what happens in one instance of a service, on its thread.

    Whatever it raises is noted in the service's output, and the service goes on.
    """

    def around(self, run: Run) -> AbstractContextManager[object] | None:  # noqa: ARG002
        """What is to be entered while an attempt is at work; it must not swallow errors.

        Called in a context of the attempt's own (:mod:`contextvars`): what it sets there is seen
        by the handler, and by nobody after it.
        """
        return None

    def happened(self, told: Sequence[Happening]) -> None:
        """What a round has done, in order, now that it is written."""

    def sent(
        self, rows: Sequence[Unsent], answers: Sequence[Landed | BrokerError], at: datetime
    ) -> None:
        """What was sent (effects, later tries, dead letters), each with where it stands.

        Or with why the broker will never take it: an ``EventRefusedError``.
        """

    def close(self) -> None:
        """Give back what it holds; nothing is told any more."""


Result = TypeVar("Result")


class Observers:
    """All of a service's observers as one; false if there is none."""

    def __init__(self, spec: ServiceSpec, observers: Sequence[Observer]) -> None:
        self._name = spec.label
        self._observers = list(observers)

    def __bool__(self) -> bool:
        return bool(self._observers)

    def run(self, run: Run, call: Callable[[], Result]) -> Result:
        """Call what makes an attempt's effects, in a context of its own."""
        return copy_context().run(self._within, run, call)

    def _within(self, run: Run, call: Callable[[], Result]) -> Result:
        current_run.set(run)
        with ExitStack() as stack:
            for observer in self._observers:
                with self._noted(observer):
                    around = observer.around(run)
                    if around is not None:
                        stack.enter_context(around)
            return call()

    def happened(self, told: Sequence[Happening]) -> None:
        """Tell all of them."""
        if told:
            for observer in self._observers:
                with self._noted(observer):
                    observer.happened(told)

    def sent(
        self, rows: Sequence[Unsent], answers: Sequence[Landed | BrokerError], at: datetime
    ) -> None:
        """Tell all of them."""
        for observer in self._observers:
            with self._noted(observer):
                observer.sent(rows, answers, at)

    def close(self) -> None:
        """Close all of them; a second time it does nothing."""
        while self._observers:
            observer = self._observers.pop()
            with self._noted(observer):
                observer.close()

    def _noted(self, observer: Observer) -> _Noted:
        return _Noted(self._name, observer)


class _Noted:
    """Lets a service go on if one that only looks on has failed; a class, for it is entered often."""

    def __init__(self, name: str, observer: Observer) -> None:
        self._name, self._observer = name, observer

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        who = type(self._observer).__name__
        with suppress(OSError, ValueError):
            print(f"{self._name} {who} failed: {error!r}", file=sys.stderr, flush=True)
        return True

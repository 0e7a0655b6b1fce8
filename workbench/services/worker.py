"""The loop of a service: poll, handle, record, send, commit.

At least once, and idempotent. A poll's events are handled in one transaction of the service's
file (inbox, state, outbox); then the outbox is sent and acknowledged; then the offsets are
committed. A crash between any two of these repeats the ones after it, and a repeat changes
nothing: what was handled is in the inbox, and an effect sent again is the same event, with the
same id, which its consumers have in theirs. Before anything of a partition is handled what came
of it earlier is sent, so that a duplicate is never skipped while its effects are still unsent.

A service may have several instances, a worker each, that share the partitions and the file.

Each step has a name (:data:`STEPS`) and is announced as it is passed: a test kills the service
there.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from workbench.brokers import Broker, Consumer, Position, Record
from workbench.errors import BrokerUnavailableError
from workbench.services.clock import Clock
from workbench.services.handling import Handling
from workbench.services.happening import (
    CRASHED,
    STARTED,
    STOPPED,
    Observer,
    Observers,
    Round,
)
from workbench.services.injection import Injector
from workbench.services.offsets import Offsets
from workbench.services.outbox import Unsent
from workbench.services.sending import Sending, sending
from workbench.services.spec import ServiceSpec
from workbench.services.status import IGNORED, Status
from workbench.services.store import Store
from workbench.services.waiting import Waiter
from workbench.services.work import NotAheadError, Work

STEPS = (
    "started",
    "joined",
    "drained",
    "polled",
    "handled",
    "recorded",
    "sent",
    "cleared",
    "committed",
)
"""The steps between start and commit, in order; with transactions what is sent is committed."""

BATCH = 200
"""At most how many events one transaction handles. More is hardly faster, and 500 took 2 MB more."""
_REPORT_EVERY = 0.1
_FENCE_PAUSE = 0.02
_FORGET_EVERY = 3600.0
_COMMIT_EVERY = 0.05
"""Seconds between commits under load; when there is nothing to do it is done at once."""
_COMMIT_AGAIN = 1.0
"""Seconds until it is tried again, if the broker did not answer."""
_OUTAGE_PAUSE = 0.1
_LONGEST_ROUND = timedelta(seconds=1)
"""After which a round of slow events is ended; what is left of it is polled again."""


class Worker:
    """One instance of a service at work. For one thread.

    ``at`` is told each step's name as it is passed; ``report`` is given a :class:`Status`
    when something has changed, at most ten times a second; ``stopping`` is asked between
    events and before waits; ``observers`` are told what happens (see :mod:`happening`), and
    closed with it.
    """

    store: Store
    _sending: Sending
    _consumer: Consumer

    def __init__(
        self,
        spec: ServiceSpec,
        broker: Broker,
        *,
        clock: Clock | None = None,
        at: Callable[[str], None] = lambda step: None,
        report: Callable[[Status], None] = lambda status: None,
        stopping: Callable[[], bool] = lambda: False,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.spec = spec
        self._broker = broker
        self._clock = clock or Clock()
        self._at, self._report, self._stopping = at, report, stopping
        self._injector = Injector(spec.store, self._clock)
        self._observers = Observers(spec.label, observers)
        self._handling = Handling(
            spec, self._clock, self._injector, stopping, self._observers, broker.check
        )
        self._status = Status(service=spec.label, pid=os.getpid())
        self._reported_at = 0.0
        self._forget_at = 0.0
        self._fence: tuple[float, Callable[[], bool]] | None = None
        self._held: set[Position] = set()
        self._offsets = Offsets()
        self._commit_at = 0.0
        self._unanswered = False
        """Whether the broker did not answer the last commit."""
        self._closing: list[Callable[[], None]] = []
        """What ends all that was begun, the first last."""

    def start(self) -> None:
        """Open the file and join the group."""
        self._at("started")
        self.store = Store(self.spec.store, durable=self.spec.durable)
        self._closing.append(self.store.close)
        self._handling.repeated = self.store.reprocessing.ranges()
        self._handling.ignored = {name for what, name in self.store.counts() if what == IGNORED}
        self._sending = sending(
            self.spec,
            self._broker,
            self.store,
            self._clock,
            self._injector,
            self._at,
            self._observers,
        )
        self._closing.append(self._sending.close)
        self._broker.subscribe([self.spec.subscription])
        self._consumer = self._broker.consumer(
            self.spec.group, self.spec.inputs, member=self.spec.member
        )
        self._closing.append(self._leave)
        self._observe(STARTED)
        self._at("joined")

    def step(self, timeout: float) -> int:
        """One round; waits at most ``timeout`` seconds for events. Returns what it has done: how
        many events it dealt with, and one for partitions that were taken over.

        Raises
        ------
        Stopped
            It was asked to stop while a reaction waited to try again; nothing of this round is
            kept, and its events will be delivered again.
        """
        asked = self._clock.now()
        try:
            records = self._consumer.poll(self._patience(timeout), BATCH)
        except BrokerUnavailableError:
            self._clock.sleep(
                _OUTAGE_PAUSE
            )  # what it holds and knows stays; it goes on when Kafka does
            return 0
        if records and self._observers:
            self._observers.polled(records, asked, self._clock.now())
        self._injector.refresh()  # not before: what begins while it waits for events strikes them
        records = list(self._injector.disorder(records))
        if self._status.phase == "starting" and self._consumer.joined():
            self._status.phase = "running"
            self._report_status(force=True)
        moved = self._consumer.assigned() != self._held
        try:
            if moved:
                self._take_over(records)
            done = self._round(records) + moved
        except _MovedError:
            self._held = set()
            self._consumer.give_back(_firsts(records))
            return 0
        self._forget()
        self._status.in_flight = 0
        self._report_status()
        return done

    def _round(self, records: Sequence[Record]) -> int:
        if records:
            self._at("polled")
        handled, resumed, fresh = self._handle(records)
        left = records[len(handled) :]
        self._offsets.reach(_next_offsets(handled, left))
        self._deliver(fresh)
        if not records:
            self._offsets.reach(self._passed())
        due = time.monotonic() > self._commit_at
        if self._offsets.pending and (due or not (records or self._unanswered)):
            self._injector.before_commit()
            try:
                self._commit()
            except BrokerUnavailableError:
                # Nothing is lost: what is delivered again meanwhile is in the inbox.
                self._unanswered, self._commit_at = True, time.monotonic() + _COMMIT_AGAIN
            else:
                self._unanswered = False
                self._at("committed")
        self._consumer.give_back(_firsts(left))
        return len(handled) + resumed + (self._expire() if self.spec.awaits else 0)

    def finish(self) -> None:
        """Leave in good order: the file closed, the connections given back."""
        self._status.phase = "stopping"
        self._report_status(force=True)
        for close in reversed(self._closing):
            close()
        self._observe(STOPPED)
        self._observers.close()

    def crashed(self, error: BaseException) -> None:
        """Say why it ends, if it can still be told."""
        self._observe(CRASHED, error=error)
        self._observers.close()

    def _leave(self) -> None:
        if self._offsets.pending:
            self._consumer.commit(self._offsets.pending)
        self._consumer.close()

    def abandon(self) -> None:
        """Drop everything as a kill would: nothing committed, nothing said to the broker."""
        if self._closing:
            self.store.close()
        self._observers.close()

    # --- partitions -----------------------------------------------------------------------

    def _take_over(self, records: Sequence[Record]) -> None:
        """Claim the partitions that it was given, and send what an earlier owner left unsent.

        Raises
        ------
        _MovedError
            They are another's by now.
        """
        held = self._consumer.assigned()
        starts = self._consumer.positions() | _firsts(records)
        sent = self._sending.sent(self._consumer)
        with self.store.transaction():
            self.store.owners.claim(held, self.spec.inputs, Position(self.spec.retries, 0))
            self.store.outbox.settle(sent)
        # Asked after the claim: whoever is given them later has claimed them later.
        self._offsets.begin({p: starts[p] for p in held if p in starts})
        self._commit()
        self._held = held
        self._status.partitions = [str(position) for position in sorted(held)]
        self._report_status(force=True)
        self._deliver()
        self._at("drained")

    def _passed(self) -> dict[Position, int]:
        """Where it has read past what is no record: the mark of a transaction."""
        try:
            places = self._consumer.positions()
        except BrokerUnavailableError:
            return {}  # it is asked again at the next round
        return {p: at for p, at in places.items() if at > self._offsets.of(p)}

    def _commit(self) -> None:
        """Commit what was dealt with since the last time.

        Not at every round, which would cost the broker and us more than the round itself: until
        then a crash only lets it deliver again what the inbox knows.

        Raises
        ------
        _MovedError
            The partitions are another's by now.
        """
        if self._offsets.pending and not self._consumer.commit(self._offsets.pending):
            raise _MovedError
        self._offsets.settle()
        self._commit_at = time.monotonic() + _COMMIT_EVERY

    def _deliver(self, fresh: Sequence[Unsent] = ()) -> None:
        if not self._sending.deliver(self._consumer, self._offsets, fresh):
            raise _MovedError
        self._status.problem = self._sending.problem

    # --- handling -------------------------------------------------------------------------

    def _handle(self, records: Sequence[Record]) -> tuple[Sequence[Record], int, Sequence[Unsent]]:
        """Handle records, and retries whose time has come.

        Returns the records that were handled, fewer than were given if the service is to stop or
        they take long; how many retries; and what is to be sent at once.
        """
        now = self._clock.now().timestamp()
        due = self.store.waiting.next_due()
        resuming = due is not None and due <= now
        if not records and not resuming:
            return records, 0, ()
        work = None
        if records and not resuming and not self.store.owners.alone():
            work, records = self._work_ahead(records)
        waiters: Sequence[Waiter] = ()
        with self._owned():
            if work is None or not work.stands():
                work = self._work()
                waiters = self.store.waiting.due(now, BATCH) if resuming else ()
                for waiter in waiters:
                    self.store.waiting.drop(waiter.seq)
                    self._handling.resume(waiter.record, work)
                records = self._handle_each(records, work)
            fresh = work.write(self._clock.now().timestamp())
            self._at("handled")
        work.told()
        self._status.in_flight = len(records) + len(waiters)
        self._report_status()
        self._at("recorded")
        return records, len(waiters), fresh

    def _work(self, *, ahead: bool = False) -> Work:
        round_ = Round(self._observers, self._clock) if self._observers else None
        return Work(self.store, round_, ahead=ahead)

    def _work_ahead(self, records: Sequence[Record]) -> tuple[Work | None, Sequence[Record]]:
        """Handle records before the transaction, so that other instances can work meanwhile."""
        work = self._work(ahead=True)
        try:
            return work, self._handle_each(records, work)
        except NotAheadError:
            return None, records

    def _handle_each(self, records: Sequence[Record], work: Work) -> Sequence[Record]:
        """Handle one after the other; returns those that there was time for."""
        begun = self._clock.now()
        for n, record in enumerate(records):
            if self._stopping() or (n and self._clock.now() - begun > _LONGEST_ROUND):
                return records[:n]
            self._handling.handle(record, work)
        return records

    @contextmanager
    def _owned(self) -> Iterator[None]:
        """A transaction in which all that it has claimed is still its own."""
        with self.store.transaction():
            if not self.store.owners.hold():
                raise _MovedError
            yield

    def _forget(self) -> None:
        """Once in a while, drop from the inbox what can't come again."""
        now = self._clock.now().timestamp()
        if now < self._forget_at:
            return
        self._forget_at = now + _FORGET_EVERY
        with self.store.transaction():
            self.store.inbox.forget(now - self.spec.remembers)
            self.store.timers.forget(now - self.spec.remembers)
            self.store.done_steps.forget(now - self.spec.remembers)

    def _expire(self) -> int:
        """React to absences whose time is over; returns how many there were.

        Not before the group has committed all that stood on its channels after the deadline: what
        is awaited may be among it, and a service that was down must not expire its own backlog.
        """
        now = self._clock.now().timestamp()
        if self._fence is None:
            due = self.store.timers.next_due()
            if due is None or due > now:
                return 0
            self._fence = now, self._consumer.fence()
        at, passed = self._fence
        if not passed():
            return 0
        self._fence = None
        with self._owned():
            work = self._work()
            expired = self.store.timers.due(at, BATCH)
            for timer in expired:
                self.store.timers.drop(timer.seq)
                self._handling.expire(timer.reaction, timer.record, work)
            fresh = work.write(self._clock.now().timestamp())
        work.told()
        self._deliver(fresh)
        return len(expired)

    # --- waiting and reporting ------------------------------------------------------------

    def _patience(self, timeout: float) -> float:
        if self._offsets.pending:
            timeout = min(timeout, max(0.0, self._commit_at - time.monotonic()))
        due = self.store.next_due()
        if due is None:
            return timeout
        # What is overdue waits for the backlog; a busy loop would not get through it sooner.
        shortest = _FENCE_PAUSE if self._fence is not None else 0.0
        return max(shortest, min(timeout, due - self._clock.now().timestamp()))

    def _observe(self, what: str, error: BaseException | None = None) -> None:
        """Tell what happens to the service itself."""
        if self._observers:
            round_ = Round(self._observers, self._clock)
            round_.note(what, error=error)
            round_.told()

    def _report_status(self, *, force: bool = False) -> None:
        now = time.monotonic()
        idle = self._status.in_flight == 0
        pause = _REPORT_EVERY / 2 if idle else _REPORT_EVERY
        if not force and now - self._reported_at < pause:
            return
        self._reported_at = now
        self._status.waiting = sum(self.store.left())
        totals: Counter[str] = Counter()
        for (what, _), n in self.store.counts().items():
            totals[what] += n
        self._status.counts = dict(totals)
        self._report(self._status)


class _MovedError(Exception):
    """Partitions are another instance's by now: nothing of this round is kept."""


def _firsts(records: Sequence[Record]) -> dict[Position, int]:
    """The first offset of each partition among records."""
    offsets: dict[Position, int] = {}
    for record in records:
        position = Position(record.channel, record.partition)
        offsets[position] = min(offsets.get(position, record.offset), record.offset)
    return offsets


def _next_offsets(handled: Sequence[Record], left: Sequence[Record]) -> dict[Position, int]:
    """Where each partition is to be read from next: before the first that is left of a poll."""
    offsets: dict[Position, int] = {}
    for record in handled:
        position = Position(record.channel, record.partition)
        offsets[position] = max(offsets.get(position, 0), record.offset + 1)
    for position, offset in _firsts(left).items():
        if position in offsets:
            offsets[position] = min(offsets[position], offset)
    return offsets

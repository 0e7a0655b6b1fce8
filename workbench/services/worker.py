"""The loop of a service: poll, handle, record, send, commit.

At least once, and idempotent. A poll's events are handled in one transaction of the service's
file (inbox, state, outbox); then the outbox is sent and acknowledged; then the offsets are
committed. A crash between any two of these repeats the ones after it, and a repeat changes
nothing: what was handled is in the inbox, and an effect sent again is the same event, with the
same id, which its consumers have in theirs. Before anything is polled the outbox is drained, so
that a duplicate is never skipped while its effects are still unsent.

Each step has a name (:data:`STEPS`) and is announced as it is passed: a test kills the service
there.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from workbench.brokers import Broker, Consumer, Position, Record
from workbench.errors import BrokerError, EventRefusedError
from workbench.services.clock import Clock
from workbench.services.handling import Handling
from workbench.services.injection import Injector
from workbench.services.outbox import Unsent
from workbench.services.spec import ServiceSpec
from workbench.services.status import Status
from workbench.services.store import Store
from workbench.services.work import Work

STEPS = (
    "started",
    "drained",
    "joined",
    "polled",
    "handled",
    "recorded",
    "sent",
    "cleared",
    "committed",
)
"""The steps between start and commit, in order."""

BATCH = 500
"""At most how many events one transaction handles."""
_REPORT_EVERY = 0.1
_FENCE_PAUSE = 0.02
_FORGET_EVERY = 3600.0


class Worker:
    """One service at work. For one thread.

    ``at`` is told each step's name as it is passed; ``report`` is given a :class:`Status`
    when something has changed, at most ten times a second; ``stopping`` is asked between
    events and before waits.
    """

    def __init__(
        self,
        spec: ServiceSpec,
        broker: Broker,
        *,
        clock: Clock | None = None,
        at: Callable[[str], None] = lambda step: None,
        report: Callable[[Status], None] = lambda status: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.spec = spec
        self._broker = broker
        self._clock = clock or Clock()
        self._at, self._report, self._stopping = at, report, stopping
        self._injector = Injector(spec.store, self._clock)
        self._handling = Handling(spec, self._clock, self._injector, stopping)
        self._status = Status(service=spec.name, pid=os.getpid())
        self._reported_at = 0.0
        self._forget_at = 0.0
        self._fence: tuple[float, Mapping[Position, int]] | None = None
        self._store: Store | None = None
        self._consumer: Consumer | None = None

    def start(self) -> None:
        """Open the file, send what an earlier life left unsent, and join the group."""
        self._at("started")
        self.store = self._store = Store(self.spec.store, durable=self.spec.durable)
        self._handling.repeated = self.store.reprocessing.ranges()
        self._producer = self._broker.producer()
        self._totals = self.store.counts()
        self._send_due()
        self._at("drained")
        self._consumer = self._broker.consumer(
            self.spec.group, self.spec.inputs, member=f"{self.spec.group}-0"
        )
        self._at("joined")

    def step(self, timeout: float) -> int:
        """One round; waits at most ``timeout`` seconds for events. Returns how many it dealt with.

        Raises
        ------
        Stopped
            It was asked to stop while a reaction waited to try again; nothing of this round is
            kept, and its events will be delivered again.
        """
        assert self._consumer is not None, "start() comes first"
        self._injector.refresh()
        records = self._injector.disorder(self._consumer.poll(self._patience(timeout), BATCH))
        if self._status.phase == "starting" and self._consumer.assigned():
            self._status.phase = "running"
            self._tell(force=True)
        if records:
            self._at("polled")
        handled, resumed = self._handle(records)
        if handled:
            self._injector.before_commit()
            self._consumer.commit(_next_offsets(handled, records[len(handled) :]))
            self._at("committed")
        self._forget()
        expired = self._expire() if self.spec.awaits else 0
        self._status.in_flight = 0
        self._tell()
        return len(handled) + resumed + expired

    def finish(self) -> None:
        """Leave in good order: the file closed, the connections given back."""
        self._status.phase = "stopping"
        self._tell(force=True)
        if self._consumer is not None:
            self._consumer.close()
            self._producer.close()
        if self._store is not None:
            self._store.close()

    def abandon(self) -> None:
        """Drop everything as a kill would: nothing committed, nothing said to the broker."""
        if self._store is not None:
            self._store.close()

    # --- handling -------------------------------------------------------------------------

    def _handle(self, records: Sequence[Record]) -> tuple[Sequence[Record], int]:
        """Handle records, and retries whose time has come, and send the effects.

        Returns the records that were handled, fewer than were given if the service is to stop,
        and how many retries.
        """
        due = self.store.waiting.due(self._clock.now().timestamp(), BATCH)
        fresh: Sequence[Unsent] = ()
        if records or due:
            with self.store.transaction():
                work = Work(self.store)
                for waiter in due:
                    self.store.waiting.drop(waiter.seq)
                    self._handling.resume(waiter.record, work)
                for n, record in enumerate(records):
                    if self._stopping():
                        records = records[:n]
                        break
                    self._handling.handle(record, work)
                fresh = work.write(self._clock.now().timestamp())
                self._at("handled")
            self._totals += work.counts
            self._status.in_flight = len(records) + len(due)
            self._tell()
            self._at("recorded")
        self._send_due(fresh)
        return records, len(due)

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
            self._fence = now, self._broker.end_offsets(self.spec.inputs)
        at, ends = self._fence
        committed = self._broker.committed(self.spec.group)
        begins = self._broker.begin_offsets(self.spec.inputs)
        if any(committed.get(p, begins.get(p, 0)) < end for p, end in ends.items()):
            return 0
        self._fence = None
        expired = self.store.timers.due(at, BATCH)
        with self.store.transaction():
            work = Work(self.store)
            for timer in expired:
                self.store.timers.drop(timer.seq)
                self._handling.expire(timer.reaction, timer.record, work)
            fresh = work.write(self._clock.now().timestamp())
        self._totals += work.counts
        self._send_due(fresh)
        return len(expired)

    # --- sending --------------------------------------------------------------------------

    def _send_due(self, fresh: Sequence[Unsent] = ()) -> None:
        """Send what is due; ``fresh`` is what was put into the outbox just now."""
        oldest = self.store.outbox.next_due()
        if fresh and oldest is not None and fresh[0].due <= oldest:
            self._send(fresh)  # nothing older goes before it, so it needn't be read again
        while unsent := self.store.outbox.due(self._clock.now().timestamp()):
            self._send(unsent)

    def _send(self, unsent: Sequence[Unsent]) -> None:
        batch = [row.outgoing for row in unsent]
        answers = self._producer.send([*batch, *self._injector.doubled(batch)])[: len(batch)]
        self._at("sent")
        failed: BrokerError | None = None
        with self.store.transaction():
            done = []
            for row, answer in zip(unsent, answers, strict=True):
                if isinstance(answer, EventRefusedError):
                    self.store.outbox.refused(row.seq, str(answer))
                    self._status.problem = str(answer)
                elif isinstance(answer, BrokerError):
                    failed = answer
                else:
                    done.append(row.seq)
            self.store.outbox.sent(done)
        self._at("cleared")
        if failed is not None:
            raise failed  # not acknowledged: the offsets stay, and the next life sends it

    def _patience(self, timeout: float) -> float:
        due = self.store.next_due()
        if due is None:
            return timeout
        # What is overdue waits for the backlog; a busy loop would not get through it sooner.
        shortest = _FENCE_PAUSE if self._fence is not None else 0.0
        return max(shortest, min(timeout, due - self._clock.now().timestamp()))

    def _tell(self, *, force: bool = False) -> None:
        now = time.monotonic()
        idle = self._status.in_flight == 0
        pause = _REPORT_EVERY / 2 if idle else _REPORT_EVERY
        if not force and now - self._reported_at < pause:
            return
        self._reported_at = now
        if self._store is not None:
            self._status.waiting = sum(self._store.left())
            totals: Counter[str] = Counter()
            for (what, _), n in self._totals.items():
                totals[what] += n
            self._status.counts = dict(totals)
        self._report(self._status)


def _next_offsets(handled: Sequence[Record], left: Sequence[Record]) -> dict[Position, int]:
    """Where each partition is to be read from next: before the first that is left of a poll."""
    offsets: dict[Position, int] = {}
    for record in handled:
        position = Position(record.channel, record.partition)
        offsets[position] = max(offsets.get(position, 0), record.offset + 1)
    for record in left:
        position = Position(record.channel, record.partition)
        if position in offsets:
            offsets[position] = min(offsets[position], record.offset)
    return offsets

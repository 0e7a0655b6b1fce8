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

import hashlib
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from workbench.brokers import EVENT_BYTES, Broker, Consumer, Outgoing, Position, Record
from workbench.choreography import Reaction
from workbench.errors import (
    BrokerError,
    EventError,
    EventRefusedError,
    ExpressionError,
    HandlerError,
)
from workbench.events import DeadLetter, Envelope, from_kafka, to_kafka
from workbench.services import status as counted
from workbench.services.clock import Clock
from workbench.services.context import Context
from workbench.services.reacting import effects_of, guard_holds
from workbench.services.spec import ServiceSpec
from workbench.services.status import Status
from workbench.services.store import Counts, Store

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
_HOPELESS = (ExpressionError, HandlerError, EventError, EventRefusedError)
"""What fails the same way at every attempt."""


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
        self._reactions: dict[str, list[Reaction]] = {}
        for reaction in spec.reactions:
            self._reactions.setdefault(reaction.whenever, []).append(reaction)
        self._status = Status(service=spec.name, pid=os.getpid())
        self._reported_at = 0.0
        self._store: Store | None = None
        self._consumer: Consumer | None = None

    def start(self) -> None:
        """Open the file, send what an earlier life left unsent, and join the group."""
        self._at("started")
        self.store = self._store = Store(self.spec.store, durable=self.spec.durable)
        self._producer = self._broker.producer()
        self._totals = self.store.counts()
        self._send_due()
        self._at("drained")
        self._consumer = self._broker.consumer(
            self.spec.group, self.spec.inputs, member=f"{self.spec.group}-0"
        )
        self._at("joined")

    def step(self, timeout: float) -> int:
        """One round; waits at most ``timeout`` seconds for events. Returns how many it read."""
        assert self._consumer is not None, "start() comes first"
        records = self._consumer.poll(self._patience(timeout), BATCH)
        if self._status.phase == "starting" and self._consumer.assigned():
            self._status.phase = "running"
            self._tell(force=True)
        if records:
            self._at("polled")
            counts = self._handle_all(records)
            self._totals += counts
            self._status.in_flight = len(records)
            self._tell()
            self._at("recorded")
        self._send_due()
        if records:
            ends = {Position(r.channel, r.partition): r.offset + 1 for r in records}
            self._consumer.commit(ends)
            self._at("committed")
            self._status.in_flight = 0
        self._tell()
        return len(records)

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

    def _handle_all(self, records: list[Record]) -> Counts:
        counts: Counts = Counter()
        with self.store.transaction():
            for record in records:
                if self._stopping():
                    raise Stopped  # the transaction is undone; the events will be read again
                self._handle(record, counts)
            self.store.count(counts)
            self._at("handled")
        return counts

    def _handle(self, record: Record, counts: Counts) -> None:
        try:
            envelope = from_kafka(record.headers, record.value)
            reactions = self._reactions.get(envelope.type)
            if reactions is None:
                counts[counted.IGNORED, envelope.type] += 1
                return
            payload = envelope.payload()
            event_type = self.spec.event_types[envelope.type]
            problem = event_type.problem_with(payload)
            if problem:
                raise EventError(f"{problem}.")
        except EventError as error:
            self._poison(record, "", error, counts, "?")
            return
        digest = hashlib.blake2b(record.value or b"", digest_size=16).digest()
        for reaction in reactions:
            known = self.store.seen(envelope.source, envelope.id, reaction.name)
            if known == digest:
                counts[counted.DUPLICATES, envelope.type] += 1
            elif known is not None:
                reuse = EventError(
                    f"id reused with other data: {envelope.source}/{envelope.id} was handled "
                    "before with another payload."
                )
                self._poison(record, reaction.name, reuse, counts, envelope.type)
            else:
                self._react(record, envelope, payload, reaction, digest, counts)

    def _react(
        self,
        record: Record,
        envelope: Envelope,
        payload: object,
        reaction: Reaction,
        digest: bytes,
        counts: Counts,
    ) -> None:
        event_type = self.spec.event_types[envelope.type]
        first_failure: datetime | None = None
        attempt = 0
        while True:
            attempt += 1
            now = self._clock.now()
            try:
                with self.store.savepoint():
                    self.store.remember(envelope.source, envelope.id, reaction.name, digest)
                    if not guard_holds(reaction, payload, event_type):
                        counts[counted.GUARDED, envelope.type] += 1
                        return
                    ctx = Context(
                        self.store.state, envelope, self.spec.name, reaction.name, attempt, now
                    )
                    due = now + timedelta(seconds=reaction.after)
                    effects = effects_of(reaction, payload, ctx, self.spec.event_types, due)
                    for effect in effects:
                        self._put(effect, due.timestamp())
                counts[counted.HANDLED, envelope.type] += 1
                for effect in effects:
                    counts[counted.EMITTED, effect.type] += 1
                return
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler raises anything
                first_failure = first_failure or now
                text = "".join(traceback.format_exception(error))
                print(
                    f"{self.spec.name}/{reaction.name} failed on {envelope.type} {envelope.id} "
                    f"(attempt {attempt}):\n{text}",
                    file=sys.stderr,
                    flush=True,
                )
                if isinstance(error, _HOPELESS) or attempt >= self.spec.retry.attempts:
                    self.store.remember(envelope.source, envelope.id, reaction.name, digest)
                    letter = self._letter(
                        record, reaction.name, error, attempt, first_failure, text
                    )
                    self._give_up(record, letter, counts, envelope.type)
                    return
            counts[counted.RETRIES, envelope.type] += 1
            if self._stopping():
                raise Stopped
            self._clock.sleep(self.spec.retry.delay(attempt, random.random()))

    def _put(self, effect: Envelope, due: float) -> None:
        key, headers, value = to_kafka(effect)
        outgoing = Outgoing(self.spec.outputs[effect.type], key, headers, value)
        if outgoing.size() > EVENT_BYTES:
            raise EventRefusedError(
                f"the effect {effect.type} is too large: {outgoing.size():,} bytes, and at most "
                f"{EVENT_BYTES:,} are sent."
            )
        self.store.put(outgoing, due)

    def _poison(
        self, record: Record, reaction: str, error: EventError, counts: Counts, event_type: str
    ) -> None:
        """Give up, once, on a record that is known only by where it stands."""
        place = f"{record.partition}:{record.offset}"
        if self.store.seen(record.channel, place, reaction) is not None:
            counts[counted.DUPLICATES, event_type] += 1
            return
        self.store.remember(record.channel, place, reaction, b"")
        letter = self._letter(record, reaction, error, 1, self._clock.now(), "")
        self._give_up(record, letter, counts, event_type)

    def _letter(
        self,
        record: Record,
        reaction: str,
        error: BaseException,
        attempts: int,
        first_failure: datetime,
        text: str,
    ) -> DeadLetter:
        return DeadLetter(
            service=self.spec.name,
            reaction=reaction,
            channel=record.channel,
            partition=record.partition,
            offset=record.offset,
            error_type=type(error).__name__,
            error_message=str(error),
            attempts=attempts,
            first_failure=first_failure,
            last_failure=self._clock.now(),
            traceback=text,
        )

    def _give_up(self, record: Record, letter: DeadLetter, counts: Counts, event_type: str) -> None:
        original = [header for header in record.headers if not header[0].startswith("dl_")]
        headers = [*original, *letter.headers()]
        outgoing = Outgoing(self.spec.dead_letters, record.key, headers, record.value)
        self.store.put(outgoing, self._clock.now().timestamp())
        counts[counted.DEAD, event_type] += 1
        print(
            f"{self.spec.name} gave up on {letter.channel}[{letter.partition}]@{letter.offset}: "
            f"{letter.error_type}: {letter.error_message}",
            file=sys.stderr,
            flush=True,
        )

    # --- sending --------------------------------------------------------------------------

    def _send_due(self) -> None:
        while unsent := self.store.due(self._clock.now().timestamp()):
            answers = self._producer.send([row.outgoing for row in unsent])
            self._at("sent")
            failed: BrokerError | None = None
            with self.store.transaction():
                done = []
                for row, answer in zip(unsent, answers, strict=True):
                    if isinstance(answer, EventRefusedError):
                        self.store.refused(row.seq, str(answer))
                        self._status.problem = str(answer)
                    elif isinstance(answer, BrokerError):
                        failed = answer
                    else:
                        done.append(row.seq)
                self.store.sent(done)
            self._at("cleared")
            if failed is not None:
                raise failed  # not acknowledged: the offsets stay, and the next life sends it

    def _patience(self, timeout: float) -> float:
        due = self.store.next_due()
        if due is None:
            return timeout
        return max(0.0, min(timeout, due - self._clock.now().timestamp()))

    def _tell(self, *, force: bool = False) -> None:
        now = time.monotonic()
        idle = self._status.in_flight == 0
        if not force and not idle and now - self._reported_at < _REPORT_EVERY:
            return
        if not force and idle and now - self._reported_at < _REPORT_EVERY / 2:
            return
        self._reported_at = now
        if self._store is not None:
            _, self._status.waiting = self.store.unsent(self._clock.now().timestamp())
            totals: Counter[str] = Counter()
            for (what, _), n in self._totals.items():
                totals[what] += n
            self._status.counts = dict(totals)
        self._report(self._status)


class Stopped(Exception):  # noqa: N818 - a signal, not an error
    """The service was asked to stop in the middle of a batch: what it held is given back."""

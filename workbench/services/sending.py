"""Sending what is in the outbox.

*At least once*: sent and acknowledged, then cleared; the offsets are committed later. A crash between
any two of these sends some of it again: the same events, with the same ids.

*In transactions*: sent together with the offsets, in one step of the broker's, under a number that
is committed along with them. A crash between that step and the clearing leaves rows of a number
that the broker has; they are cleared before anything else is sent, so that a reader of what is
committed never sees an effect twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime

from workbench.brokers import Broker, Commit, Consumer, Landed, Position
from workbench.errors import BrokerError, EventRefusedError
from workbench.services.clock import Clock
from workbench.services.happening import Observers
from workbench.services.injection import Injector
from workbench.services.offsets import Offsets
from workbench.services.outbox import Unsent
from workbench.services.spec import TRANSACTIONS, ServiceSpec
from workbench.services.store import Store


class Sending(ABC):
    """One instance's way to send. For one thread.

    ``at`` is told the names of the steps as they are passed. ``problem`` is why the last event that
    the broker will never take was refused.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        injector: Injector,
        at: Callable[[str], None],
        observers: Observers,
    ) -> None:
        self._store, self._clock, self._injector, self._at = store, clock, injector, at
        self._observers = observers
        self.problem = ""

    def sent(self, consumer: Consumer) -> dict[Position, int]:  # noqa: ARG002
        """The last batch that was sent of each partition that a consumer was given, if known."""
        return {}  # nobody can tell; what is left is sent again

    @abstractmethod
    def deliver(self, consumer: Consumer, offsets: Offsets, fresh: Sequence[Unsent] = ()) -> bool:
        """Send what is due; ``fresh`` is what was just put to be sent.

        It may commit what is pending of the offsets along with it. ``False`` if the partitions have
        moved to another instance meanwhile.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the connection back."""

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _tell(
        self,
        unsent: Sequence[Unsent],
        answers: Sequence[Landed | BrokerError],
        started: datetime,
    ) -> None:
        """Tell what the broker has, or will never take; the rest is sent again."""
        if not self._observers:
            return
        final = [n for n, a in enumerate(answers) if isinstance(a, Landed | EventRefusedError)]
        if final:
            rows, ends = [unsent[n] for n in final], [answers[n] for n in final]
            self._observers.sent(rows, ends, started, self._clock.now())

    def _set_aside(self, unsent: Sequence[Unsent], answers: Sequence[Landed | BrokerError]) -> int:
        """Keep apart, with the reason, what the broker will never take; says how much that is."""
        refusals = [
            (row.seq, str(answer))
            for row, answer in zip(unsent, answers, strict=True)
            if isinstance(answer, EventRefusedError)
        ]
        for seq, reason in refusals:
            self._store.outbox.refused(seq, reason)
            self.problem = reason
        return len(refusals)


class AtLeastOnce(Sending):
    """Sent, cleared, committed: three steps."""

    def __init__(
        self,
        broker: Broker,
        store: Store,
        clock: Clock,
        injector: Injector,
        at: Callable[[str], None],
        observers: Observers,
    ) -> None:
        super().__init__(store, clock, injector, at, observers)
        self._producer = broker.producer()

    def deliver(
        self,
        consumer: Consumer,  # noqa: ARG002 - it commits on its own
        offsets: Offsets,  # noqa: ARG002
        fresh: Sequence[Unsent] = (),
    ) -> bool:
        oldest = self._store.outbox.next_due()
        if fresh and oldest is not None and fresh[0].due <= oldest:
            self._send(fresh)  # nothing older goes before it, so it needn't be read again
        while unsent := self._store.outbox.due(self._now()):
            self._send(unsent)
        return True

    def _send(self, unsent: Sequence[Unsent]) -> None:
        batch, started = [row.outgoing for row in unsent], self._clock.now()
        answers = self._producer.send([*batch, *self._injector.doubled(batch)])[: len(batch)]
        self._at("sent")
        self._injector.before_commit()
        landed = [
            row.seq
            for row, answer in zip(unsent, answers, strict=True)
            if isinstance(answer, Landed)
        ]
        with self._store.transaction():
            refused = self._set_aside(unsent, answers)
            self._store.outbox.sent(landed)
        self._tell(unsent, answers, started)
        self._at("cleared")
        if len(landed) + refused < len(unsent):
            raise _failure(answers)  # not acknowledged: the offsets stay, the next life sends it

    def close(self) -> None:
        self._producer.close()


class InTransactions(Sending):
    """Sent and committed in one step, and then cleared."""

    def __init__(
        self,
        broker: Broker,
        name: str,
        group: str,
        store: Store,
        clock: Clock,
        injector: Injector,
        at: Callable[[str], None],
        observers: Observers,
    ) -> None:
        super().__init__(store, clock, injector, at, observers)
        self._producer = broker.transactional_producer(name, group)

    def sent(self, consumer: Consumer) -> dict[Position, int]:
        notes = {position: commit.note for position, commit in consumer.committed().items()}
        return {position: int(note) for position, note in notes.items() if note.isdecimal()}

    def deliver(
        self,
        consumer: Consumer,
        offsets: Offsets,
        fresh: Sequence[Unsent] = (),  # noqa: ARG002 - read again, with their number
    ) -> bool:
        while True:
            with self._store.transaction():
                unsent = self._store.outbox.due(self._now())
                batch = self._store.outbox.number([row.seq for row in unsent]) if unsent else 0
            if not unsent:
                return True
            # Offsets may run ahead of what is left to send: it is in the file, and sent yet.
            places = {row.source for row in unsent} | offsets.pending.keys()
            started = self._clock.now()
            answers = self._producer.transact(
                [row.outgoing for row in unsent],
                {position: Commit(offsets.of(position), str(batch)) for position in places},
                consumer,
                lambda: self._at("flushed"),
            )
            if answers is None:
                return False
            self._at("sent")
            self._injector.before_commit()
            landed = all(isinstance(answer, Landed) for answer in answers)
            with self._store.transaction():
                refused = self._set_aside(unsent, answers)
                if landed:
                    self._store.outbox.sent([row.seq for row in unsent])
            self._tell(unsent, answers, started)
            self._at("cleared")
            if landed:
                offsets.settle()
            elif not refused:
                raise _failure(answers)  # nothing was sent; the next life tries again

    def close(self) -> None:
        self._producer.close()


def _failure(answers: Sequence[Landed | BrokerError]) -> BrokerError:
    failures = (answer for answer in answers if isinstance(answer, BrokerError))
    return next(error for error in failures if not isinstance(error, EventRefusedError))


def sending(
    spec: ServiceSpec,
    broker: Broker,
    store: Store,
    clock: Clock,
    injector: Injector,
    at: Callable[[str], None],
    observers: Observers,
) -> Sending:
    """The way to send that a service asks for."""
    if spec.delivery == TRANSACTIONS:
        return InTransactions(
            broker, spec.member, spec.group, store, clock, injector, at, observers
        )
    return AtLeastOnce(broker, store, clock, injector, at, observers)

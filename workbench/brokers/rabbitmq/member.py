"""Members of a group: one of them is at work, the others stand by.

Whoever holds the group's lock, an exclusive queue that RabbitMQ deletes with its connection, reads
the group's queue. On its lock it is asked questions, and told when a successor has come.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pika import BasicProperties

from workbench.brokers.broker import Commit, Consumer, Position, Record
from workbench.brokers.deliveries import Deliveries
from workbench.brokers.rabbitmq import holders
from workbench.brokers.rabbitmq.line import LOCKED, NOT_FOUND, RefusedError, Session
from workbench.brokers.rabbitmq.messages import Message, order_of, to_record
from workbench.brokers.rabbitmq.names import lock_of
from workbench.brokers.rabbitmq.publishing import Outcome, Publishing
from workbench.errors import BrokerError, BrokerUnavailableError

if TYPE_CHECKING:
    from workbench.brokers.rabbitmq.broker import RabbitMQBroker

_TRY_LOCK = 0.25  # seconds
_PAUSE = 0.02
AHEAD = 250
"""How many messages a member is given that it has not acknowledged. RabbitMQ counts no bytes; more
would be hardly faster, and what a member held is put in order again by the next."""
_LET_GO_WITHIN = 5.0  # seconds
FENCE = "wb-fence"


class RabbitMQMember(Consumer):
    """A member of a group. For one thread; deliveries come in that of its line."""

    def __init__(
        self, broker: RabbitMQBroker, group: str, channels: Sequence[str], member: str
    ) -> None:
        self._broker, self._group, self._member = broker, group, member
        self._channels = list(channels)
        self._arrived = threading.Condition()
        self._deliveries: Deliveries[int] = Deliveries()
        self._fences: dict[str, int | None] = {}  # mark → the offset it came before
        self._strange: list[tuple[str, int]] = []  # channel and tag
        self._session: Session | None = None
        self._returned: list[tuple[Record, int]] = []
        self._to_return = 0
        self._try_at = 0.0
        self._out = False
        self._tried = False
        self._line = broker.connect()
        self._line.when_lost(self._wake)
        # An earlier self may not know that it is over.
        holders.send_out(self._line, group, member)

    # --- being the one at work --------------------------------------------------------------

    def _take_lock(self) -> bool:
        self._try_at = time.monotonic() + _TRY_LOCK
        session = self._line.session()
        lock = lock_of(self._group)
        try:
            session.ask("queue_declare", queue=lock, exclusive=True, auto_delete=True)
        except RefusedError as error:
            self._tried = True
            if error.code == LOCKED:
                return False
            raise
        session.when_closed.append(self._wake)
        # The group was deleted, or its queue has moved to another node.
        self._line.run(lambda: session.raw.add_on_cancel_callback(lambda _: session.raw.close()))
        with self._arrived:
            self._deliveries.begin(self._channels)
            self._fences.clear()
            self._strange.clear()
            self._returned.clear()
            self._session = session
        # Both on one session, so that an answer is given after what was delivered before it.
        session.ask("basic_consume", queue=lock, on_message_callback=self._told, auto_ack=True)
        session.ask("basic_qos", prefetch_count=AHEAD)
        try:
            self._expect_returned(session)
            session.ask("basic_consume", queue=self._group, on_message_callback=self._delivered)
        except RefusedError as error:
            if error.code != NOT_FOUND:
                raise
            raise BrokerError(
                f"RabbitMQ at {self._broker.address} has no queue {self._group}: was the group "
                "deleted meanwhile?"
            ) from error
        self._tried = True
        return True

    def _expect_returned(self, session: Session) -> None:
        """Learn how much may come that an earlier member had, once that has let it go."""
        patience = time.monotonic() + _LET_GO_WITHIN
        while True:
            found = session.ask("queue_declare", queue=self._group, passive=True)
            if not found.consumer_count or time.monotonic() > patience:
                break
            time.sleep(_PAUSE)
        self._to_return = min(int(found.message_count), AHEAD)

    @property
    def _active(self) -> bool:
        session = self._session
        return session is not None and session.closed is None and not self._line.lost

    def _drop(self) -> None:
        """Hold nothing any more."""
        with self._arrived:
            self._deliveries.begin(())
        self._session = None

    def _sort_out(self) -> None:
        """Let go what is of channels that the group hears no more.

        Those that it hears by now are for the successor of this member, which will read them.
        """
        heard = self._broker.heard(self._group)
        with self._arrived:
            tags = [tag for channel, tag in self._strange if channel not in heard]
            self._strange = [one for one in self._strange if one[0] in heard]
        self._line.soon(lambda: self._acknowledge(tags))

    # --- in the thread of its line ----------------------------------------------------------

    def _delivered(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        tag = method.delivery_tag
        fence = (properties.headers or {}).get(FENCE)
        record = None
        if not fence:
            record = to_record(method.exchange, order_of(properties), properties, body)
        with self._arrived:
            if method.redelivered:
                self._to_return -= 1
            else:
                self._to_return = 0
                self._deliver_returned()
            if record is not None:
                self._returned.append((record, tag))
            elif fence in self._fences:
                self._fences[fence] = self._deliveries.end + len(self._returned)
            if self._to_return <= 0:
                self._deliver_returned()
        if record is None:
            self._acknowledge([tag])

    def _deliver_returned(self) -> None:
        """Deliver what has come, in the order in which it was published.

        What a member held when it died, and what was on its way to it, a quorum queue hands to the
        next one first, but not in order.
        """
        if len(self._returned) > 1:
            self._returned.sort(key=lambda came: came[0].offset)
        heard = self._deliveries.positions()
        for record, tag in self._returned:
            if Position(record.channel, 0) in heard:
                self._deliveries.deliver(record, tag)
            else:
                self._strange.append((record.channel, tag))
        self._returned.clear()
        self._arrived.notify_all()

    def _told(self, _: Any, method: Any, properties: Any, body: bytes) -> None:  # noqa: ARG002
        session = self._session
        if session is None or not session.raw.is_open:
            return
        if holders.is_sent_out(body, self._member):
            self._out = True
            session.raw.queue_delete(lock_of(self._group))
            session.raw.close()
        elif properties.reply_to:
            with self._arrived:
                held = len(self._deliveries) + len(self._strange) + len(self._returned)
            session.raw.basic_publish(
                "",
                properties.reply_to,
                str(held).encode(),
                BasicProperties(correlation_id=properties.correlation_id),
            )

    def _acknowledge(self, tags: Sequence[int]) -> None:
        session = self._session
        if session is None or not session.raw.is_open or not tags:
            return
        with self._arrived:
            held = self._deliveries.tags()
            held += [tag for _, tag in (*self._strange, *self._returned)]
        first = min(held, default=max(tags) + 1)
        below = [tag for tag in tags if tag < first]
        if below:
            session.raw.basic_ack(max(below), multiple=True)
        for tag in tags:
            if tag > first:
                session.raw.basic_ack(tag)

    def _wake(self) -> None:
        with self._arrived:
            self._arrived.notify_all()

    # --- the consumer's promises --------------------------------------------------------------

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        deadline = time.monotonic() + timeout
        if self._session is not None and not self._active:
            self._drop()  # said once, so that whoever reads takes over anew
            return []
        while True:
            if self._strange:
                self._sort_out()
            if self._line.lost and not self._out:
                self._line = self._broker.connect(patiently=False)
                self._line.when_lost(self._wake)
            if self._session is None and not self._out and time.monotonic() >= self._try_at:
                self._take_lock()
            with self._arrived:
                if self._active and self._deliveries.unread:
                    return self._deliveries.take(limit)
                left = deadline - time.monotonic()
                if len(self._deliveries) >= AHEAD:
                    return []  # nothing more comes before something is committed
                if left <= 0 or (self._session is not None and not self._active):
                    return []
                self._arrived.wait(left if self._active else min(left, _TRY_LOCK))

    def positions(self) -> dict[Position, int]:
        with self._arrived:
            return self._deliveries.positions()

    def assigned(self) -> set[Position]:
        return {Position(channel, 0) for channel in self._channels} if self._active else set()

    def joined(self) -> bool:
        return self._tried and not self._out

    def commit(self, offsets: Mapping[Position, int]) -> bool:
        session = self._session
        if session is None or not self._active or not offsets.keys() <= self.assigned():
            return False
        with self._arrived:
            tags = self._deliveries.commit(offsets)
        if not tags:
            return True
        self._line.soon(lambda: self._acknowledge(tags))
        try:
            # An acknowledgement is not answered: what is asked after it is.
            session.ask("basic_qos", prefetch_count=AHEAD)
        except BrokerUnavailableError:
            if session.closed is None and not session.line.lost:
                raise
            return False
        except BrokerError:
            return False
        return True

    def committed(self) -> dict[Position, Commit]:
        return {}

    def give_back(self, offsets: Mapping[Position, int]) -> None:
        with self._arrived:
            self._deliveries.give_back(offsets)

    def fence(self) -> Callable[[], bool]:
        mark = self._mark()

        def passed() -> bool:
            nonlocal mark
            if not self._active:
                return False
            with self._arrived:
                if mark in self._fences:
                    reached = self._fences[mark]
                    return reached is not None and self._deliveries.first >= reached
            mark = self._mark()  # the connection that it was set on is lost
            return False

        return passed

    def _mark(self) -> str:
        """Put a mark behind all that stands in the queue."""
        mark = str(uuid4())
        with self._arrived:
            self._fences[mark] = None
        properties = BasicProperties(delivery_mode=2, headers={FENCE: mark}, message_id=mark)
        with self._line.session() as session:
            message = Message("", self._group, properties, b"")
            if Publishing(session).send([message], self._broker.timeout) != [Outcome.CONFIRMED]:
                raise BrokerUnavailableError(
                    f"RabbitMQ at {self._broker.address} did not confirm a mark in the queue of "
                    f"{self._group}."
                )
        return mark

    def close(self) -> None:
        self._line.close()

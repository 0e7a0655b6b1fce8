"""A member of a group: what it is given by the group's queue, holds, and has done with.

A thread of its own receives, and extends what is held, so that a handler may take minutes. What is
held when the process is killed is given to its next life after :data:`VISIBILITY` seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Any

from workbench.brokers.aws.connecting import LONGEST_WAIT
from workbench.brokers.aws.encoding import read
from workbench.brokers.aws.names import group_queue
from workbench.brokers.aws.queues import VISIBILITY
from workbench.brokers.aws.topology import Topology
from workbench.brokers.broker import Commit, Consumer, Position, Record
from workbench.brokers.deliveries import Deliveries
from workbench.errors import BrokerError, BrokerUnavailableError

_TOGETHER = 10
_AHEAD = 100
"""Messages that are received before somebody reads them; each has up to 256 KB."""
_EXTEND_AT = VISIBILITY * 0.6
"""Seconds before the end of its visibility at which a message is extended."""
_PAUSE = 0.02
_OUTAGE_PAUSE = 1.0


@dataclass(eq=False)
class _Held:
    """A message that was received and not deleted."""

    id: str
    receipt: str
    sent_ms: float
    until: float
    """When it becomes visible to others, by the monotonic clock."""


class AWSConsumer(Consumer):
    """The member; only one of a group may be at work at a time."""

    def __init__(self, topology: Topology, group: str, channels: Sequence[str]) -> None:
        self._topology, self._connection = topology, topology.account.connection
        self._group, self._channels = group, list(channels)
        self._url = topology.join_group(group, channels)
        self._changed = threading.Condition()
        self._deliveries: Deliveries[_Held] = Deliveries()
        self._deliveries.begin(channels)
        self._held: dict[str, _Held] = {}
        self._done: list[_Held] = []
        """What is committed and not deleted yet."""
        self._trouble: BrokerError | None = None
        self._looked: tuple[float, float] = (-inf, -inf)
        """When the queue was last asked, and before which time, in ms since 1970, nothing was left
        that was sent."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sqs-{group}", daemon=True)
        self._thread.start()

    # --- what a worker asks ---------------------------------------------------------------

    def poll(self, timeout: float, limit: int = 5_000) -> list[Record]:
        with self._changed:
            self._changed.wait_for(lambda: self._deliveries.unread or self._trouble, timeout)
            if not self._deliveries.unread and self._trouble is not None:
                raise self._trouble
            taken = self._deliveries.take(limit)
            self._changed.notify_all()
            return taken

    def positions(self) -> dict[Position, int]:
        with self._changed:
            return self._deliveries.positions()

    def commit(self, offsets: Mapping[Position, int]) -> bool:
        with self._changed:
            done = self._deliveries.commit(offsets)
            for held in done:
                self._held.pop(held.id, None)
            self._done += done
            doomed, self._done = self._done, []
        answers = self._connection.together(self._delete, _tens(doomed))
        left = [held for kept, _ in answers for held in kept]
        with self._changed:
            self._done += left
            self._changed.notify_all()
        for _, error in answers:
            if error is not None:
                raise error
        return True

    def _delete(self, some: Sequence[_Held]) -> tuple[list[_Held], BrokerError | None]:
        """Delete messages; gives those that are to be deleted later, and why."""
        entries = [{"Id": str(n), "ReceiptHandle": held.receipt} for n, held in enumerate(some)]
        try:
            answer = self._ask("delete_message_batch", Entries=entries)
        except BrokerError as error:
            return list(some), error
        # What SQS blames on us (the receipt is too old) comes again, and the inbox knows it.
        failed = [f for f in answer.get("Failed", ()) if not f.get("SenderFault")]
        if not failed:
            return [], None
        why = BrokerUnavailableError(f"SQS would not delete what is done now: {failed[0]['Code']}.")
        return [some[int(f["Id"])] for f in failed], why

    def assigned(self) -> set[Position]:
        return {Position(channel, 0) for channel in self._channels}

    def joined(self) -> bool:
        return True

    def committed(self) -> dict[Position, Commit]:
        return {}

    def give_back(self, offsets: Mapping[Position, int]) -> None:
        with self._changed:
            self._deliveries.give_back(offsets)
            self._changed.notify_all()

    def fence(self) -> Callable[[], bool]:
        asked, now_ms = time.monotonic(), time.time() * 1000

        def passed() -> bool:
            with self._changed:
                when, clear_before = self._looked
                if when < asked or clear_before <= now_ms:
                    return False
                if any(held.sent_ms <= now_ms for held in (*self._held.values(), *self._done)):
                    return False
                mine = len(self._held) + len(self._done)
            # What an earlier life of this service held when it was killed is not visible yet.
            return self._topology.queues.waiting(group_queue(self._group))[1] <= mine

        return passed

    def close(self) -> None:
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(self._connection.timeout)
        with self._changed:
            left = list(self._held.values())
            self._held.clear()
            self._deliveries.begin(self._channels)
        with suppress(BrokerError):  # it becomes visible by itself, a little later
            self._connection.together(lambda some: self._show_in(some, 0), _tens(left))

    # --- its thread -----------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._extend()
                with self._changed:
                    full = self._deliveries.unread >= _AHEAD
                    holds = bool(self._held or self._done)
                    if full:
                        self._changed.wait(LONGEST_WAIT)
                        continue
                # While it holds some of a key SQS gives no more of that key: asked with patience
                # it would let us wait in vain for what is to be had after the next commit.
                if not self._receive(0 if holds else LONGEST_WAIT) and holds:
                    self._closing.wait(_PAUSE)
            except BrokerError as error:
                with self._changed:
                    self._trouble = error
                    self._changed.notify_all()
                self._closing.wait(_OUTAGE_PAUSE)
            except Exception as error:
                with self._changed:  # who waits for it is to know that it has ended
                    self._trouble = BrokerError(f"{self._group} is read no more: {error!r}.")
                    self._changed.notify_all()
                raise

    def _receive(self, patience: int) -> bool:
        began = time.monotonic()
        with self._changed:
            held = min((h.sent_ms for h in (*self._held.values(), *self._done)), default=inf)
        answer = self._ask(
            "receive_message",
            MaxNumberOfMessages=_TOGETHER,
            WaitTimeSeconds=patience,
            VisibilityTimeout=VISIBILITY,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", ())
        with self._changed:
            self._trouble = None
            first = min((self._take(message, began) for message in messages), default=inf)
            if messages or patience:
                self._looked = began, min(held, first)
            self._changed.notify_all()
        return bool(messages)

    def _take(self, message: Mapping[str, Any], began: float) -> float:
        """Hold a message; gives when it was sent, in ms since 1970."""
        record = read(message, self._channels[0])
        receipt, until = message["ReceiptHandle"], began + VISIBILITY
        known = self._held.get(record.message_id)
        if known is not None:  # it was not extended in time, and is held still
            known.receipt, known.until = receipt, until
            return known.sent_ms
        held = _Held(record.message_id, receipt, record.time_ms, until)
        self._held[held.id] = held
        self._deliveries.deliver(record, held)
        return held.sent_ms

    def _extend(self) -> None:
        soon = time.monotonic() + _EXTEND_AT
        with self._changed:
            due = [held for held in self._held.values() if held.until < soon]
        for some in _tens(due):
            until = time.monotonic() + VISIBILITY
            self._show_in(some, VISIBILITY)
            for held in some:
                held.until = until

    def _show_in(self, some: Sequence[_Held], seconds: int) -> None:
        """Let others see messages in so many seconds; those that they see already they keep."""
        entries = [
            {"Id": str(n), "ReceiptHandle": held.receipt, "VisibilityTimeout": seconds}
            for n, held in enumerate(some)
        ]
        self._ask("change_message_visibility_batch", Entries=entries)

    def _ask(self, operation: str, **arguments: Any) -> Any:
        return self._connection.call("sqs", operation, QueueUrl=self._url, **arguments)


def _tens(held: Sequence[_Held]) -> Iterable[Sequence[_Held]]:
    return [held[n : n + _TOGETHER] for n in range(0, len(held), _TOGETHER)]

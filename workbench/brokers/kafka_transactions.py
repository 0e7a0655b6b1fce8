"""Kafka's transactions: events sent and offsets committed in one step."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafka import TopicPartition
from kafka import errors as kafka_errors
from kafka.structs import OffsetAndMetadata

from workbench.brokers.broker import (
    Commit,
    Consumer,
    Landed,
    Outgoing,
    Position,
    TransactionalProducer,
)
from workbench.brokers.kafka import KafkaBroker
from workbench.brokers.kafka_clients import (
    MOVED,
    KafkaConsumerMember,
    KafkaProducerClient,
    in_words,
    reason,
)
from workbench.errors import BrokerError

_LONGEST_MS = 10_000
"""A transaction that is open for longer is ended by Kafka; until then its readers wait."""
_UNANSWERED_MS = 30_000
"""After which nobody waits for the end of a transaction any more."""


class KafkaTransactionalProducer(TransactionalProducer):
    """One producer of a name is at work: one that was made before is refused from then on.

    What an earlier one left open is undone before this one is ready.
    """

    def __init__(self, broker: KafkaBroker, name: str, group: str) -> None:
        self._producer = _Transacting(broker, name, group)

    def transact(
        self,
        batch: Sequence[Outgoing],
        offsets: Mapping[Position, Commit],
        consumer: Consumer,
        before_commit: Callable[[], None] = lambda: None,
    ) -> list[Landed | BrokerError] | None:
        assert isinstance(consumer, KafkaConsumerMember)
        wanted = {
            TopicPartition(*position): OffsetAndMetadata(commit.offset, commit.note, -1)
            for position, commit in offsets.items()
        }
        try:
            self._producer.client.begin_transaction()
            answers = self._producer.send(batch)
            if any(isinstance(answer, BrokerError) for answer in answers):
                undone = BrokerError("nothing of its transaction was sent.")
                return [a if isinstance(a, BrokerError) else undone for a in answers]
            if wanted:
                client = self._producer.client
                client.send_offsets_to_transaction(wanted, consumer.membership())
            before_commit()
            self._producer.client.commit_transaction()
        except MOVED:
            self._producer.renew()
            return None
        except kafka_errors.KafkaError as error:
            raise BrokerError(
                f"what became of a transaction of {self._producer.name} is not known: "
                f"{reason(error)}."
            ) from error
        return answers

    def close(self) -> None:
        self._producer.close()


class _Transacting(KafkaProducerClient):
    """A client with a name; a new one undoes what the last one left open."""

    def __init__(self, broker: KafkaBroker, name: str, group: str) -> None:
        self.name, self._group = name, group
        super().__init__(broker)

    def renew(self) -> None:
        super().renew()
        with contextlib.suppress(BrokerError):  # asked again when it is needed
            _ = self.client  # at once: nobody reads past what was left open

    def _new(self, **settings: Any) -> Any:
        client = super()._new(
            **settings,
            transactional_id=self.name,
            transaction_timeout_ms=_LONGEST_MS,
            delivery_timeout_ms=_LONGEST_MS,
            request_timeout_ms=_LONGEST_MS // 2,
        )
        _answer_in_time(client)
        try:
            self._broker.call(client.init_transactions)
            self._end_what_hangs(client)
        except BrokerError:
            client.close(timeout=0)
            raise
        return client

    def _end_what_hangs(self, client: Any) -> None:
        """End what the group's offsets still hold open of an earlier life.

        When a broker dies and comes back, a transaction may be left in its log of offsets that its
        coordinator knows nothing of, so that nobody ends it: from then on Kafka doesn't say what
        the group has committed, not even after a restart (a hanging transaction, see KIP-890). The
        mark that an aborted transaction without offsets leaves there ends it.
        """
        with in_words(f"what an earlier life of {self.name} left open could not be undone"):
            client.begin_transaction()
            client.send_offsets_to_transaction({}, self._group)
            client.abort_transaction()


def _answer_in_time(client: Any) -> None:
    """Mend kafka-python (3.0.12): it waits for ever for an answer that it has lost.

    Such things were seen when a broker went away and came back time and again. The broker had ended
    the transaction by then, and a new client got an answer at once.
    """
    manager = getattr(client, "_transaction_manager", None)
    for name in ("send_offsets_to_transaction", "begin_commit", "begin_abort"):
        if hasattr(manager, name):  # another version may be made otherwise
            setattr(manager, name, functools.partial(_asked, getattr(manager, name)))


def _asked(ask: Callable[..., Any], *arguments: Any) -> Any:
    """What kafka-python gives to wait by, with an end to the wait."""
    result = ask(*arguments)
    wait = result.wait

    def wait_so_long(timeout_ms: float | None = None) -> bool:
        if not wait(timeout_ms or _UNANSWERED_MS):
            raise kafka_errors.KafkaTimeoutError(f"no answer for {_UNANSWERED_MS / 1000:g} s")
        return True

    result.wait = wait_so_long
    return result

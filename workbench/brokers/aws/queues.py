"""The queues of SQS: made, found, counted and deleted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from workbench.brokers.aws.account import Account
from workbench.brokers.aws.connecting import MISSING, code_of
from workbench.brokers.aws.names import FIFO
from workbench.errors import BrokerError

VISIBILITY = 10
"""Seconds after which a message comes again that was received and neither deleted nor extended:
what a member that was killed had in flight, its next life is given then."""
_SETTINGS = {
    "FifoQueue": "true",
    # Keys do not wait for each other.
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
    "VisibilityTimeout": str(VISIBILITY),
}
_DELETED_RECENTLY = "AWS.SimpleQueueService.QueueDeletedRecently"
_NAME_IS_FREE_AGAIN = 65
"""Seconds; SQS gives a name away again only a minute after a queue of that name was deleted."""
_EXISTS = {"QueueAlreadyExists", "QueueNameExists"}


class Queues:
    """The FIFO queues of one account and region. For any thread."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._urls: dict[str, str] = {}

    def url(self, queue: str) -> str:
        """Where a queue is asked for messages.

        Raises
        ------
        BrokerError
            There is no such queue.
        """
        with self._lock:
            known = self._urls.get(queue)
        if known is None:
            known = str(self._account.sqs("get_queue_url", QueueName=queue)["QueueUrl"])
            with self._lock:
                self._urls[queue] = known
        return known

    def forget(self, queue: str) -> None:
        """Ask again where a queue is, which was deleted meanwhile."""
        with self._lock:
            self._urls.pop(queue, None)

    def waiting(self, queue: str) -> tuple[int, int]:
        """How many messages a queue has that can be received, and that somebody holds."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        try:
            found = self._account.sqs(
                "get_queue_attributes", QueueUrl=self.url(queue), AttributeNames=names
            )
        except BrokerError as error:
            if code_of(error) in MISSING:
                return 0, 0
            raise
        ready, delayed, held = (int(found["Attributes"].get(name, 0)) for name in names)
        return ready + delayed, held

    def make(self, name: str, retention: int, redrive: Mapping[str, Any] | None = None) -> None:
        """Make a queue, or see that the one there is will do.

        Parameters
        ----------
        retention
            Seconds that it keeps a message.
        redrive
            Its redrive policy; ``None`` to leave it as it is.
        """
        wanted = {**_SETTINGS, "MessageRetentionPeriod": str(retention)}
        changing = {"Policy": json.dumps(self._policy(name))}
        if redrive is not None:
            changing["RedrivePolicy"] = json.dumps(redrive)
        try:
            url = self.url(name)
        except BrokerError as error:
            if code_of(error) not in MISSING:
                raise
            url = self._create(name, {**wanted, **changing})
        found = self._account.sqs("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        there = found["Attributes"]
        for attribute, value in wanted.items():
            if str(there.get(attribute)) != value:
                raise BrokerError(
                    f"SQS has a queue {name} with other settings ({attribute} is "
                    f"{there.get(attribute)}, not {value}): delete it, or use another namespace."
                )
        different = {
            attribute: value
            for attribute, value in changing.items()
            if _parsed(there.get(attribute)) != _parsed(value)
        }
        if different:
            self._account.sqs("set_queue_attributes", QueueUrl=url, Attributes=different)

    def _create(self, name: str, attributes: Mapping[str, str]) -> str:
        deadline = time.monotonic() + _NAME_IS_FREE_AGAIN
        while True:
            try:
                made = self._account.sqs("create_queue", QueueName=name, Attributes=attributes)
                return str(made["QueueUrl"])
            except BrokerError as error:
                code = code_of(error)
                if code in _EXISTS:
                    return self.url(name)  # another process was first
                if code != _DELETED_RECENTLY or time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def delete(self, name: str) -> None:
        """Delete a queue with its messages; one that there is not is passed over."""
        try:
            self._account.sqs("delete_queue", QueueUrl=self.url(name))
        except BrokerError as error:
            if code_of(error) not in MISSING:
                raise
        finally:
            self.forget(name)

    def _policy(self, queue: str) -> Mapping[str, Any]:
        """Lets the FIFO topics of this account and region send to a queue.

        Which of them do is what is subscribed. A policy that named each would be changed with
        every subscription, and SQS may take a minute to heed a change, in which events are lost.
        """
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self._account.queue_arn(queue),
            "Condition": {"ArnLike": {"aws:SourceArn": self._account.any_topic_arn(FIFO)}},
        }
        return {"Version": "2012-10-17", "Statement": [statement]}


def _parsed(text: str | None) -> Any:
    """A policy; AWS may give numbers as text."""
    found = json.loads(text) if text else None
    if isinstance(found, dict) and "maxReceiveCount" in found:
        found["maxReceiveCount"] = int(found["maxReceiveCount"])
    return found

"""Topics, queues and subscriptions: made, found and deleted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any
from uuid import uuid4

from workbench.brokers.aws.connecting import MISSING, Connection, code_of
from workbench.brokers.aws.encoding import TYPE
from workbench.brokers.aws.names import FIFO, channel_of, group_queue, tap_queue, topic_name
from workbench.brokers.broker import RETENTION_SECONDS, Subscription
from workbench.errors import BrokerError

VISIBILITY = 15
"""Seconds after which a message comes again that was received and neither deleted nor extended:
what a member that was killed had in flight, its next life is given then."""
TAP_SECONDS = 14 * 24 * 3600
"""How long SQS keeps, at most, what nobody has drained."""
RECEIVES = 20
"""How often an event is handed over before SQS makes it a dead letter."""
_REGISTRY = "choreography-workbench"
"""A topic to which nothing is sent: its tag names the generation of the cluster."""
_GENERATION = "generation"
_MOST_TYPES = 100
"""SNS allows 150 conditions in a filter."""
_DELETED_RECENTLY = "AWS.SimpleQueueService.QueueDeletedRecently"
_EXISTS = {"QueueAlreadyExists", "QueueNameExists"}
_QUEUE = {
    "FifoQueue": "true",
    # Keys do not wait for each other.
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
    "VisibilityTimeout": str(VISIBILITY),
}
_TOPIC = {"FifoTopic": "true", "FifoThroughputScope": "MessageGroup"}
_RAW = {"RawMessageDelivery": "true"}


class Topology:
    """What there is of a workbench in one region of one account. For any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._urls: dict[str, str] = {}

    @cached_property
    def _registry(self) -> str:
        made = self._sns("create_topic", Name=_REGISTRY)
        return str(made["TopicArn"])

    @cached_property
    def generation(self) -> str:
        """Says which of the clusters that were ever here this is."""
        tags = self._sns("list_tags_for_resource", ResourceArn=self._registry)["Tags"]
        found = [tag["Value"] for tag in tags if tag["Key"] == _GENERATION]
        if found:
            return str(found[0])
        tag = {"Key": _GENERATION, "Value": uuid4().hex[:12]}
        self._sns("tag_resource", ResourceArn=self._registry, Tags=[tag])
        tags = self._sns("list_tags_for_resource", ResourceArn=self._registry)["Tags"]
        return next(str(tag["Value"]) for tag in tags if tag["Key"] == _GENERATION)

    @property
    def account(self) -> str:
        """The account's number."""
        return self._registry.split(":")[4]

    def topic_arn(self, channel: str) -> str:
        """What AWS calls a channel's topic."""
        return f"{self._registry.rpartition(':')[0]}:{topic_name(channel)}"

    def _queue_arn(self, name: str) -> str:
        partition = self._registry.split(":")[1]
        return f"arn:{partition}:sqs:{self._connection.region}:{self.account}:{name}"

    # --- channels -------------------------------------------------------------------------

    def channels(self) -> set[str]:
        """The channels that have a topic."""
        names = (found["TopicArn"].rpartition(":")[2] for found in self._pages("list_topics"))
        return {channel for name in names if (channel := channel_of(name)) is not None}

    def make_channels(self, channels: Iterable[str]) -> None:
        """Make topics, and queues that tap them; those that there are stay as they are."""
        there = self.channels()

        def make(channel: str) -> None:
            if channel not in there:
                self._sns("create_topic", Name=topic_name(channel), Attributes=_TOPIC)
            self._tap(channel)

        self._connection.together(make, sorted(set(channels)))

    def _tap(self, channel: str) -> None:
        topic = self.topic_arn(channel)
        tap = tap_queue(channel)
        self._make_queue(tap, {"MessageRetentionPeriod": str(TAP_SECONDS)})
        self._subscribe(topic, tap, dict(_RAW))

    def delete_channels(self, channels: Iterable[str]) -> None:
        """Delete topics and the queues that tap them."""
        self._connection.together(self._delete_channel, sorted(channels))

    def _delete_channel(self, channel: str) -> None:
        self._sns("delete_topic", TopicArn=self.topic_arn(channel))
        self._delete_queue(tap_queue(channel))

    # --- groups ---------------------------------------------------------------------------

    def make_groups(self, subscriptions: Iterable[Subscription]) -> None:
        """Make the queues of groups, subscribed to what they read and to nothing else."""
        wanted = list(subscriptions)
        there = self._subscriptions()

        def make(one: Subscription) -> None:
            queue = self._make_group(one.group, one.dead_letters)
            known = there.get(self._queue_arn(queue), {})
            for channel, types in sorted(one.channels.items()):
                topic = self.topic_arn(channel)
                policy = _filter(types)
                if topic in known:
                    self._set_filter(known[topic], policy)
                else:
                    self._subscribe(topic, queue, {**_RAW, **policy})
            for topic in known.keys() - {self.topic_arn(channel) for channel in one.channels}:
                self._sns("unsubscribe", SubscriptionArn=known[topic])

        self._connection.together(make, wanted)

    def join_group(self, group: str, channels: Iterable[str]) -> str:
        """The address of a group's queue, which reads these channels from now on at least."""
        queue = self._make_group(group, None)
        known = self._subscriptions().get(self._queue_arn(queue), {})
        for channel in channels:
            topic = self.topic_arn(channel)
            if topic not in known:
                self._subscribe(topic, queue, dict(_RAW))
        return self.url(queue)

    def _make_group(self, group: str, dead_letters: str | None) -> str:
        queue = group_queue(group)
        redrive = {}
        if dead_letters is not None:
            target = self._queue_arn(tap_queue(dead_letters))
            policy = {"deadLetterTargetArn": target, "maxReceiveCount": RECEIVES}
            redrive = {"RedrivePolicy": json.dumps(policy)}
        self._make_queue(queue, {"MessageRetentionPeriod": str(RETENTION_SECONDS)}, redrive)
        return queue

    def delete_groups(self, groups: Iterable[str]) -> None:
        """Delete groups' queues and subscriptions."""
        doomed = sorted(set(groups))
        there = self._subscriptions() if doomed else {}

        def delete(group: str) -> None:
            queue = group_queue(group)
            for subscription in there.get(self._queue_arn(queue), {}).values():
                self._sns("unsubscribe", SubscriptionArn=subscription)
            self._delete_queue(queue)

        self._connection.together(delete, doomed)

    def waiting(self, queue: str) -> tuple[int, int]:
        """How many messages a queue has that can be received, and that somebody holds."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        try:
            found = self._sqs(
                "get_queue_attributes", QueueUrl=self.url(queue), AttributeNames=names
            )
        except BrokerError as error:
            if code_of(error) in MISSING:
                return 0, 0
            raise
        ready, delayed, held = (int(found["Attributes"].get(name, 0)) for name in names)
        return ready + delayed, held

    # --- queues ---------------------------------------------------------------------------

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
            known = str(self._sqs("get_queue_url", QueueName=queue)["QueueUrl"])
            with self._lock:
                self._urls[queue] = known
        return known

    def forget(self, queue: str) -> None:
        """Ask again where a queue is, which was deleted meanwhile."""
        with self._lock:
            self._urls.pop(queue, None)

    def _make_queue(
        self,
        name: str,
        settings: Mapping[str, str],
        changing: Mapping[str, str] = {},
    ) -> None:
        """Make a queue, or see that the one there is can be used; ``changing`` is set anyway."""
        wanted = {**_QUEUE, **settings}
        try:
            url = self.url(name)
        except BrokerError as error:
            if code_of(error) not in MISSING:
                raise
            url = self._new_queue(name, {**wanted, "Policy": self._policy(name), **changing})
        found = self._sqs("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])[
            "Attributes"
        ]
        for attribute, value in wanted.items():
            if str(found.get(attribute)) != value:
                raise BrokerError(
                    f"SQS has a queue {name} with other settings ({attribute} is "
                    f"{found.get(attribute)}, not {value}): delete it, or use another namespace."
                )
        different = {
            attribute: value
            for attribute, value in {"Policy": self._policy(name), **changing}.items()
            if _parsed(found.get(attribute)) != _parsed(value)
        }
        if different:
            self._sqs("set_queue_attributes", QueueUrl=url, Attributes=different)

    def _new_queue(self, name: str, attributes: Mapping[str, str]) -> str:
        # SQS gives a name away again only a minute after a queue of that name was deleted.
        deadline = time.monotonic() + 65
        while True:
            try:
                made = self._sqs("create_queue", QueueName=name, Attributes=dict(attributes))
                return str(made["QueueUrl"])
            except BrokerError as error:
                code = code_of(error)
                if code in _EXISTS:
                    return self.url(name)  # another process was first
                if code != _DELETED_RECENTLY or time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def _delete_queue(self, name: str) -> None:
        try:
            self._sqs("delete_queue", QueueUrl=self.url(name))
        except BrokerError as error:
            if code_of(error) not in MISSING:
                raise
        finally:
            self.forget(name)

    def _policy(self, queue: str) -> str:
        """Lets the FIFO topics of this account and region send to a queue.

        Which of them do is what is subscribed. A policy that named each would be changed with
        every subscription, and SQS may take a minute to heed a change, in which events are lost.
        """
        topics = f"{self._registry.rpartition(':')[0]}:*{FIFO}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self._queue_arn(queue),
            "Condition": {"ArnLike": {"aws:SourceArn": topics}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    # --- subscriptions --------------------------------------------------------------------

    def _subscriptions(self) -> dict[str, dict[str, str]]:
        """Queue → topic → subscription, as AWS calls them."""
        found: dict[str, dict[str, str]] = {}
        for one in self._pages("list_subscriptions"):
            if one["Protocol"] == "sqs":
                found.setdefault(one["Endpoint"], {})[one["TopicArn"]] = one["SubscriptionArn"]
        return found

    def _subscribe(self, topic: str, queue: str, attributes: dict[str, str]) -> None:
        try:
            self._sns(
                "subscribe",
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=self._queue_arn(queue),
                Attributes=attributes,
                ReturnSubscriptionArn=True,
            )
        except BrokerError as error:
            channel = channel_of(topic.rpartition(":")[2])
            if code_of(error) in MISSING:
                raise BrokerError(f"there is no channel {channel!r}.") from error
            raise

    def _set_filter(self, subscription: str, wanted: Mapping[str, str]) -> None:
        name = "FilterPolicy"
        found = self._sns("get_subscription_attributes", SubscriptionArn=subscription)["Attributes"]
        policy = wanted.get(name, "{}")
        if (_parsed(found.get(name)) or {}) != _parsed(policy):
            self._sns(
                "set_subscription_attributes",
                SubscriptionArn=subscription,
                AttributeName=name,
                AttributeValue=policy,
            )

    # --- asking ---------------------------------------------------------------------------

    def _pages(self, operation: str) -> Iterator[Any]:
        """All that a listing of SNS gives, page by page."""
        token: dict[str, str] = {}
        while True:
            page = self._sns(operation, **token)
            for found in page.values():
                if isinstance(found, list):
                    yield from found
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _sns(self, operation: str, **arguments: Any) -> Any:
        return self._connection.call("sns", operation, **arguments)

    def _sqs(self, operation: str, **arguments: Any) -> Any:
        return self._connection.call("sqs", operation, **arguments)


def _filter(types: Collection[str] | None) -> dict[str, str]:
    """What lets these types through, and whatever is no readable event."""
    if types is None or len(types) > _MOST_TYPES:
        return {}
    return {"FilterPolicy": json.dumps({TYPE: [{"exists": False}, *sorted(types)]})}


def _parsed(text: str | None) -> Any:
    found = json.loads(text) if text else None
    if isinstance(found, dict) and "maxReceiveCount" in found:
        found["maxReceiveCount"] = int(found["maxReceiveCount"])
    return found

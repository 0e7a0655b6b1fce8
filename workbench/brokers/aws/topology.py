"""Channels as topics, groups as queues, and which of them hear which."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from workbench.brokers.aws.account import Account
from workbench.brokers.aws.connecting import MISSING, code_of
from workbench.brokers.aws.encoding import TYPE
from workbench.brokers.aws.names import channel_of, group_queue, tap_queue, topic_name
from workbench.brokers.aws.queues import Queues
from workbench.brokers.broker import RETENTION_SECONDS, Subscription
from workbench.errors import BrokerError

RECEIVES = 20
"""How often an event is handed over before SQS makes it a dead letter."""
_TAP_SECONDS = 14 * 24 * 3600
"""How long SQS keeps, at most, what nobody has drained."""
_MOST_TYPES = 100
"""SNS allows 150 conditions in a filter."""
_TOPIC = {"FifoTopic": "true", "FifoThroughputScope": "MessageGroup"}
_RAW = {"RawMessageDelivery": "true"}
_FILTER = "FilterPolicy"


class Topology:
    """What there is of channels and groups. For any thread."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.queues = Queues(account)
        self._together = account.connection.together

    # --- channels -------------------------------------------------------------------------

    def channels(self) -> set[str]:
        """The channels that have a topic."""
        arns = (found["TopicArn"] for found in self.account.pages("list_topics"))
        return {channel for arn in arns if (channel := _channel(arn)) is not None}

    def make_channels(self, channels: Iterable[str]) -> None:
        """Make topics, and queues that tap them; those that there are stay as they are."""
        there = self.channels()

        def make(channel: str) -> None:
            if channel not in there:
                self.account.sns("create_topic", Name=topic_name(channel), Attributes=_TOPIC)
            tap = tap_queue(channel)
            self.queues.make(tap, _TAP_SECONDS)
            self._subscribe(channel, tap, {})

        self._together(make, sorted(set(channels)))

    def delete_channels(self, channels: Iterable[str]) -> None:
        """Delete topics and the queues that tap them."""

        def delete(channel: str) -> None:
            self.account.sns("delete_topic", TopicArn=self.account.topic_arn(channel))
            self.queues.delete(tap_queue(channel))

        self._together(delete, sorted(channels))

    # --- groups ---------------------------------------------------------------------------

    def make_groups(self, subscriptions: Iterable[Subscription]) -> None:
        """Make the queues of groups, subscribed to what they read and to nothing else."""
        there = self._subscriptions()

        def make(one: Subscription) -> None:
            queue = group_queue(one.group)
            self.queues.make(queue, RETENTION_SECONDS, self._redrive(one))
            known = there.get(self.account.queue_arn(queue), {})
            for channel, types in sorted(one.channels.items()):
                policy = _filter(types)
                if channel in known:
                    self._set_filter(known[channel], policy)
                else:
                    self._subscribe(channel, queue, policy)
            for channel in known.keys() - one.channels.keys():
                self._unsubscribe(known[channel])

        self._together(make, subscriptions)

    def join_group(self, group: str, channels: Iterable[str]) -> str:
        """Where a group's queue is asked for messages; it hears these channels at least."""
        queue = group_queue(group)
        self.queues.make(queue, RETENTION_SECONDS)
        known = self._subscriptions().get(self.account.queue_arn(queue), {})
        for channel in channels:
            if channel not in known:
                self._subscribe(channel, queue, {})
        return self.queues.url(queue)

    def delete_groups(self, groups: Iterable[str]) -> None:
        """Delete groups' queues and subscriptions."""
        doomed = sorted({group_queue(group) for group in groups})
        there = self._subscriptions() if doomed else {}

        def delete(queue: str) -> None:
            for subscription in there.get(self.account.queue_arn(queue), {}).values():
                self._unsubscribe(subscription)
            self.queues.delete(queue)

        self._together(delete, doomed)

    def _redrive(self, subscription: Subscription) -> Mapping[str, object] | None:
        if subscription.dead_letters is None:
            return None
        target = self.account.queue_arn(tap_queue(subscription.dead_letters))
        return {"deadLetterTargetArn": target, "maxReceiveCount": RECEIVES}

    # --- subscriptions --------------------------------------------------------------------

    def _subscriptions(self) -> dict[str, dict[str, str]]:
        """Queue → channel → subscription; queues and subscriptions as AWS calls them."""
        found: dict[str, dict[str, str]] = {}
        for one in self.account.pages("list_subscriptions"):
            channel = _channel(one["TopicArn"])
            if one["Protocol"] == "sqs" and channel is not None:
                found.setdefault(one["Endpoint"], {})[channel] = one["SubscriptionArn"]
        return found

    def _subscribe(self, channel: str, queue: str, policy: Mapping[str, str]) -> None:
        try:
            self.account.sns(
                "subscribe",
                TopicArn=self.account.topic_arn(channel),
                Protocol="sqs",
                Endpoint=self.account.queue_arn(queue),
                Attributes={**_RAW, **policy},
                ReturnSubscriptionArn=True,
            )
        except BrokerError as error:
            if code_of(error) in MISSING:
                raise BrokerError(f"there is no channel {channel!r}.") from error
            raise

    def _unsubscribe(self, subscription: str) -> None:
        self.account.sns("unsubscribe", SubscriptionArn=subscription)

    def _set_filter(self, subscription: str, wanted: Mapping[str, str]) -> None:
        found = self.account.sns("get_subscription_attributes", SubscriptionArn=subscription)
        now, policy = found["Attributes"].get(_FILTER) or "{}", wanted.get(_FILTER, "{}")
        if json.loads(now) != json.loads(policy):
            self.account.sns(
                "set_subscription_attributes",
                SubscriptionArn=subscription,
                AttributeName=_FILTER,
                AttributeValue=policy,
            )


def _channel(topic_arn: str) -> str | None:
    return channel_of(topic_arn.rpartition(":")[2])


def _filter(types: Collection[str] | None) -> dict[str, str]:
    """What lets these types through, and whatever is no readable event."""
    if types is None or len(types) > _MOST_TYPES:
        return {}
    # In this order: moto looks no further than a type that an event without one hasn't.
    return {_FILTER: json.dumps({TYPE: [{"exists": False}, *sorted(types)]})}

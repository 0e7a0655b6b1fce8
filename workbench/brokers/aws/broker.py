"""Amazon SNS and SQS behind the interface of every broker.

A channel is a FIFO topic of SNS, a group one FIFO queue of SQS that is subscribed to its channels'
topics: raw, and filtered by event type. The order of a key is that of its message group. Another
queue taps each channel for whoever reads its log.

What they can't: a group hears from when it was subscribed on, not from the start, and can't be
rewound; there are no transactions; a service has one instance; an event has at most 224 KB, and its
dead letter 256. Of one key SQS gives no more than ten events, and then waits for the commit. Nothing
tells a member that another has taken its place: a service's own file does. What a member held that
was killed comes again after :data:`~workbench.brokers.aws.queues.VISIBILITY` seconds. A channel's log,
with its offsets, is this machine's alone: it is what was drained here, and SQS keeps what nobody
drains for fourteen days. A fence passes when SQS, asked after it, has nothing more that was sent
before: it is as exact as SQS's answers.

What AWS does and its stand-in in the tests (moto 5.2) does not: SNS hands an event over to SQS a
moment after it has acknowledged it, and SQS's counts are approximate and may be a minute old, so that
``lags`` and ``end_offsets`` may be early to say that nothing is left; a filter that changes may take a
quarter of an hour to be heeded; a queue's name is free again only a minute after it was deleted; an id
that was sent is known for five minutes, deleted or not. And the other way round: moto gives the last
of a key first when their visibility has ended, AWS keeps their order.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from platformdirs import user_data_path

from workbench.brokers.aws.account import Account
from workbench.brokers.aws.connecting import Connection
from workbench.brokers.aws.member import AWSConsumer
from workbench.brokers.aws.names import group_queue
from workbench.brokers.aws.publishing import AWSProducer, check
from workbench.brokers.aws.spool import Spool
from workbench.brokers.aws.tap import TapReader, Taps
from workbench.brokers.aws.topology import Topology
from workbench.brokers.broker import (
    Broker,
    Consumer,
    Outgoing,
    Position,
    Producer,
    Reader,
    Subscription,
)
from workbench.brokers.loopback import is_loopback
from workbench.errors import BrokerError


class AWSBroker(Broker):
    """SNS and SQS in one region of one account.

    Who we are is for AWS's own chain to find: environment variables, ``~/.aws``, a role. No
    credential is given to or kept by the workbench.

    Parameters
    ----------
    region
        ``"eu-central-1"``, say; ``None`` for that of AWS's own settings.
    endpoint_url
        Where to ask instead of AWS itself: a stand-in on this machine, say.
    timeout
        Seconds within which AWS must answer.
    spool
        The folder in which this machine keeps the channels' logs; ``None`` for the user's own.

    Raises
    ------
    BrokerError
        boto3 is not installed. By the first call: no region, or no credentials are known.
    BrokerUnavailableError
        By the first call: AWS does not answer within ``timeout``, or does not let us in.
    """

    kind = "aws"
    keeps_offsets = False
    shares = False

    def __init__(
        self,
        region: str | None = None,
        *,
        endpoint_url: str | None = None,
        timeout: float = 10.0,
        spool: str | Path | None = None,
    ) -> None:
        self.region, self.endpoint_url, self.timeout = region, endpoint_url, timeout
        self._spool = Path(spool).expanduser() if spool is not None else None
        self._lock = threading.RLock()
        self._opened: Taps | None = None
        self._connection = Connection(region, endpoint_url, timeout)
        self._account = Account(self._connection)
        self._topology = Topology(self._account)

    @cached_property
    def cluster_id(self) -> str:
        account = self._account
        return f"aws-{account.number}-{self._connection.region}-{account.generation}"

    @property
    def address(self) -> str:
        return f"aws://{self._connection.region}" + (
            f" at {self._connection.endpoint}" if self.endpoint_url else ""
        )

    @property
    def is_local(self) -> bool:
        return is_loopback(urlsplit(self._connection.endpoint).netloc)

    def client_settings(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "region": self.region,
            "endpoint_url": self.endpoint_url,
            "timeout": self.timeout,
            "spool": self._spool,
        }

    @property
    def _taps(self) -> Taps:
        with self._lock:
            if self._opened is None:
                folder = self._spool or user_data_path("choreography-workbench") / "aws"
                spool = Spool(folder / f"{self.cluster_id}.sqlite")
                self._opened = Taps(self._connection, self._topology.queues, spool)
            return self._opened

    def ensure_channels(self, channels: Mapping[str, int]) -> None:
        self._topology.make_channels(channels)

    def channels(self) -> set[str]:
        return self._topology.channels()

    def delete(self, channels: Iterable[str], groups: Iterable[str]) -> None:
        doomed = set(channels) & self.channels()
        self._topology.delete_groups(groups)
        self._topology.delete_channels(doomed)
        for channel in doomed:
            self._taps.spool.forget(channel)

    def producer(self) -> Producer:
        return AWSProducer(self._account)

    def check(self, outgoing: Outgoing, what: str) -> None:
        super().check(outgoing, what)
        check(outgoing, what)

    def subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        self._topology.make_groups(subscriptions)

    def consumer(self, group: str, channels: Sequence[str], member: str) -> Consumer:  # noqa: ARG002
        return AWSConsumer(self._topology, group, channels)

    def dismiss(self, group: str, member: str) -> None:
        """Nothing to do: what a member held becomes visible by itself."""

    def reader(self, start: Mapping[Position, int]) -> Reader:
        return TapReader(self._taps, start)

    def begin_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        taps = self._taps
        return {Position(name, 0): taps.spool.begin(name) for name in taps.drain(channels)}

    def end_offsets(
        self,
        channels: Iterable[str],
        *,
        committed: bool = True,  # noqa: ARG002 - it has no transactions
    ) -> dict[Position, int]:
        taps = self._taps
        return {Position(name, 0): taps.spool.end(name) for name in taps.drain(channels)}

    def offsets_at(self, channels: Iterable[str], time: datetime) -> dict[Position, int]:
        taps, at = self._taps, time.timestamp() * 1000
        return {Position(name, 0): taps.spool.since(name, at) for name in taps.drain(channels)}

    def committed(self, group: str) -> dict[Position, int]:  # noqa: ARG002 - it has no offsets
        return {}

    def lags(self, groups: Mapping[str, Collection[str]]) -> dict[str, int]:
        """Group → messages in its queue, held ones included; approximate on AWS itself."""
        names = list(groups)
        counts = self._connection.together(
            lambda group: sum(self._topology.queues.waiting(group_queue(group))), names
        )
        return dict(zip(names, counts, strict=True))

    def rewind(self, group: str, offsets: Mapping[Position, int]) -> None:  # noqa: ARG002
        self.may_rewind(group)

    def may_rewind(self, group: str) -> None:
        raise BrokerError(
            f"aws keeps no offsets, so {group} can't be rewound: SQS forgets an event that a group is "
            "done with; capture the log and replay it."
        )

    def close(self) -> None:
        with self._lock:
            taps, self._opened = self._opened, None
        if taps is not None:
            taps.spool.close()
        self._connection.close()

    def __repr__(self) -> str:
        at = f", endpoint_url={self.endpoint_url!r}" if self.endpoint_url else ""
        return f"AWSBroker({self.region!r}{at})"

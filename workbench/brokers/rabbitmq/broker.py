"""RabbitMQ, through pika."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from workbench.brokers.broker import (
    Broker,
    Consumer,
    Outgoing,
    Position,
    Producer,
    Reader,
    Subscription,
)
from workbench.brokers.rabbitmq import delays, groups, holders, lag, registry, streams
from workbench.brokers.rabbitmq.endpoint import Certificates, Endpoint
from workbench.brokers.rabbitmq.line import NOT_FOUND, Line, NotLetInError, RefusedError
from workbench.brokers.rabbitmq.member import RabbitMQMember
from workbench.brokers.rabbitmq.messages import check_headers
from workbench.brokers.rabbitmq.names import EVERYTHING, LOG, log_of
from workbench.brokers.rabbitmq.producer import RabbitMQProducer
from workbench.brokers.rabbitmq.registry import Heard
from workbench.errors import BrokerError, BrokerUnavailableError

_PAUSE = 0.1  # seconds
Result = TypeVar("Result")


class RabbitMQBroker(Broker):
    """A RabbitMQ.

    A channel is a topic exchange and a stream that keeps its events; a group is a quorum queue,
    bound by the event types that it hears.

    Parameters
    ----------
    url
        ``"rabbitmq://user:password@host:port/vhost"``, or ``rabbitmqs://`` over TLS. Never shown
        in a repr or an error.
    timeout
        Seconds within which it must answer.
    ssl_cafile, ssl_certfile, ssl_keyfile
        Over TLS: whose certificates are trusted, if not those that this system trusts, and a
        certificate and key of one's own, as PEM files.

    Raises
    ------
    BrokerUnavailableError
        By the first call, if no RabbitMQ answers within ``timeout``.
    """

    kind = "rabbitmq"
    keeps_offsets = False
    shares = False

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        ssl_cafile: str | None = None,
        ssl_certfile: str | None = None,
        ssl_keyfile: str | None = None,
    ) -> None:
        self.certificates = Certificates(ssl_cafile, ssl_certfile, ssl_keyfile)
        self.endpoint = Endpoint.parse(url, self.certificates)
        self.timeout = timeout
        self._url = url
        self._lock = threading.RLock()
        self._line: Line | None = None

    @property
    def address(self) -> str:
        return str(self.endpoint)

    @property
    def is_local(self) -> bool:
        return self.endpoint.is_local

    def client_settings(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "url": self._url,
            "timeout": self.timeout,
            **{f"ssl_{name}": file for name, file in asdict(self.certificates).items() if file},
        }

    def connect(self, *, patiently: bool = True) -> Line:
        """A new connection; ``patiently``: a RabbitMQ that is being started is waited for."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                return Line(self.endpoint, self.timeout)
            except NotLetInError:
                raise
            except BrokerUnavailableError:
                if not patiently or time.monotonic() + _PAUSE > deadline:
                    raise
                time.sleep(_PAUSE)

    def _ask(self, question: Callable[..., Result], *about: Any) -> Result:
        """Ask on the connection that is kept for questions; again, if what fails may pass."""
        deadline = time.monotonic() + self.timeout
        while True:
            with self._lock:
                if self._line is None or self._line.lost:
                    self._line = self.connect()
                line = self._line
            try:
                return question(line, *about)
            except BrokerUnavailableError:
                if time.monotonic() + _PAUSE > deadline:
                    raise
                time.sleep(_PAUSE)

    @cached_property
    def cluster_id(self) -> str:
        return self._ask(registry.cluster_id)

    # --- channels ---------------------------------------------------------------------------

    def ensure_channels(self, channels: Mapping[str, int]) -> None:
        known = self.channels()
        for name in sorted(channels):  # the known ones, too: parts may be missing
            self._ask(_make_channel, name, name in known)

    def channels(self) -> set[str]:
        return self._ask(registry.read).channels

    def has_channel(self, name: str) -> bool:
        """Whether there is a channel of a name, whose log takes events now."""
        return self._ask(_takes_events, name)

    def heard(self, group: str) -> Heard:
        """What a group hears."""
        return self._ask(registry.read).groups.get(group, {})

    def delete(self, channels: Iterable[str], groups: Iterable[str]) -> None:
        there = self._ask(registry.read)
        for group in sorted(set(groups) & there.groups.keys()):
            self._ask(_delete_group, group)
        for name in sorted(set(channels) & there.channels):
            self._ask(_delete_channel, name, there.delays.get(name, ()))

    def delay(self, channel: str, wait: int) -> None:
        """Make ready for events that are to come to a channel ``wait`` seconds later."""
        self._ask(_make_delay, channel, wait)

    # --- clients ----------------------------------------------------------------------------

    def producer(self) -> Producer:
        return RabbitMQProducer(self)

    def check(self, outgoing: Outgoing, what: str) -> None:
        super().check(outgoing, what)
        check_headers(outgoing, what)

    def subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        for wanted in subscriptions:
            heard = {
                channel: None if types is None else frozenset(types)
                for channel, types in wanted.channels.items()
            }
            self._ask(groups.hear, wanted.group, _exactly(heard))

    def consumer(self, group: str, channels: Sequence[str], member: str) -> Consumer:
        def wanted(heard: Heard) -> Heard:
            return {channel: heard.get(channel) for channel in channels}

        self._ask(groups.hear, group, wanted)
        return RabbitMQMember(self, group, channels, member)

    def dismiss(self, group: str, member: str) -> None:
        self._ask(holders.send_out, group, member)

    def reader(self, start: Mapping[Position, int]) -> Reader:
        line = self.connect()
        try:
            return streams.StreamReader(line, start)
        except BrokerError:
            line.close()
            raise

    # --- offsets ----------------------------------------------------------------------------

    def begin_offsets(self, channels: Iterable[str]) -> dict[Position, int]:
        return self._ask(streams.begins, set(channels))

    def end_offsets(
        self,
        channels: Iterable[str],
        *,
        committed: bool = True,  # noqa: ARG002 - it has no transactions
    ) -> dict[Position, int]:
        return self._ask(streams.ends, set(channels))

    def offsets_at(self, channels: Iterable[str], time: datetime) -> dict[Position, int]:
        at = time.timestamp() * 1000
        return {
            position: self._ask(streams.offset_at, position.channel, at, end)
            for position, end in self.end_offsets(channels).items()
        }

    def committed(self, group: str) -> dict[Position, int]:  # noqa: ARG002
        """Nothing: RabbitMQ forgets what a group has acknowledged."""
        return {}

    def lags(self, groups: Mapping[str, Collection[str]]) -> dict[str, int]:
        return self._ask(lag.lags, groups)

    def rewind(self, group: str, offsets: Mapping[Position, int]) -> None:  # noqa: ARG002
        self.may_rewind(group)

    def may_rewind(self, group: str) -> None:
        raise BrokerError(
            f"RabbitMQ keeps no offsets, so {group} can't be rewound: publish or replay the events "
            "again that it is to handle again, or use a Kafka."
        )

    def close(self) -> None:
        with self._lock:
            if self._line is not None:
                self._line.close()
                self._line = None

    def __repr__(self) -> str:
        return f"RabbitMQBroker({str(self.endpoint)!r})"


def _exactly(wanted: Heard) -> Callable[[Heard], Heard]:
    return lambda _: wanted


def _make_channel(line: Line, name: str, is_known: bool) -> None:  # noqa: FBT001 - its one flag
    with line.session() as session:
        session.ask("exchange_declare", exchange=name, exchange_type="topic", durable=True)
        session.ask("queue_declare", queue=log_of(name), durable=True, arguments=LOG)
        session.ask("queue_bind", queue=log_of(name), exchange=name, routing_key=EVERYTHING)
    if not is_known:
        registry.note_channel(line, name, there=True)


def _takes_events(line: Line, name: str) -> bool:
    # A stream is up a moment after its node is; what is sent until then is confirmed, and lost.
    if streams.at(line, name, "last", 1) is None:
        return False
    with line.session() as session:
        try:
            session.ask("exchange_declare", exchange=name, passive=True)
        except RefusedError as error:
            if error.code == NOT_FOUND:
                return False
            raise
    return True


def _make_delay(line: Line, channel: str, wait: int) -> None:
    registry.note_delay(line, channel, wait)
    with line.session() as session:
        delays.declare(session, channel, wait)


def _delete_channel(line: Line, name: str, waits: Iterable[int]) -> None:
    with line.session() as session:
        for wait in waits:
            session.ask("queue_delete", queue=delays.queue_of(name, wait))
        session.ask("exchange_delete", exchange=name)
        session.ask("queue_delete", queue=log_of(name))
    registry.note_channel(line, name, there=False)


def _delete_group(line: Line, name: str) -> None:
    with line.session() as session:
        session.ask("queue_delete", queue=name)
    registry.note_group(line, name, None)

"""Which broker a workbench talks to, from the one line that says so."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from workbench.brokers import Broker, MemoryBroker
from workbench.errors import BrokerError


def connect(
    broker: str | Broker | None,
    bootstrap_servers: str | None,
    settings: dict[str, Any],
    *,
    say: Callable[[str], None],
    progress: Callable[[int, int, str], None] | None,
) -> tuple[Broker, Any]:
    """The broker asked for, and the local Kafka that was started for it, if one was.

    ``None`` is the local Kafka: the one that ``workbench kafka start`` left running, else a new
    one that ends with this process.

    Raises
    ------
    BrokerError
        An address that can't be understood, or a broker that can't be reached or started.
    """
    if isinstance(broker, Broker):
        return broker, None
    if bootstrap_servers is None and isinstance(broker, str) and broker.startswith("kafka://"):
        bootstrap_servers = broker.removeprefix("kafka://")
    elif broker in ("memory", "memory://"):
        return MemoryBroker(), None
    elif broker not in (None, "kafka"):
        raise BrokerError(
            f"{broker!r} is not a broker this version knows: use None (a local Kafka), "
            "'kafka://host:port' or 'memory://'."
        )
    from workbench.brokers.kafka import KafkaBroker

    if bootstrap_servers is not None:
        return KafkaBroker(bootstrap_servers, **settings), None
    from workbench.brokers.local import LocalKafka

    running = LocalKafka.find(say=say)
    if running is not None and running.owner is None:
        return KafkaBroker(running.bootstrap_servers), None
    local = LocalKafka(say=say, progress=progress).start(owned=True)
    return KafkaBroker(local.bootstrap_servers), local


def is_loopback(bootstrap_servers: str) -> bool:
    """Whether every one of the addresses is on this machine."""

    def local(address: str) -> bool:
        host = address.strip().rsplit(":", 1)[0].strip("[]")
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    return all(local(address) for address in bootstrap_servers.split(","))

"""Which broker an address names, and how it is opened."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from workbench.brokers.broker import Broker
from workbench.errors import BrokerError

_CLASSES = {
    "kafka": ("workbench.brokers.kafka", "KafkaBroker"),
    "rabbitmq": ("workbench.brokers.rabbitmq", "RabbitMQBroker"),
    "aws": ("workbench.brokers.aws", "AWSBroker"),
    "memory": ("workbench.brokers.memory", "MemoryBroker"),
}
_KNOWN = (
    "None (a local Kafka), 'kafka://host:port', 'rabbitmq://' (a local RabbitMQ), "
    "'rabbitmq://user:password@host:port/vhost' ('rabbitmqs://' over TLS), 'aws://region' or "
    "'memory://'"
)
_REGION = re.compile("[a-z0-9-]*")


@dataclass(frozen=True)
class Address:
    """What names a broker. ``settings``, which may hold secrets, are not in its repr.

    Attributes
    ----------
    kind
        That of a :class:`Broker`.
    settings
        Where it is, as arguments of that kind's class; empty where the workbench is to find or
        start one on this machine.
    """

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_complete(self) -> bool:
        """Whether it says all that is needed to connect."""
        return bool(self.settings) or self.kind in ("aws", "memory")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address such as ``"kafka://host:port"``.

        Raises
        ------
        BrokerError
            It names no broker that is known, or has a part that does not belong there.
        """
        scheme, _, rest = text.partition("://")
        if scheme == "kafka" and "@" in rest:
            raise BrokerError(
                "a kafka:// address holds no user and password: give them beside it, as "
                "Workbench(broker='kafka://host:port', security_protocol=..., sasl_mechanism=..., "
                "sasl_plain_username=..., sasl_plain_password=...)."
            )
        if scheme == "kafka":
            return cls("kafka", {"bootstrap_servers": rest} if rest else {})
        if scheme in ("rabbitmq", "rabbitmqs"):
            return cls("rabbitmq", {"url": text} if rest else {})
        if scheme == "aws" and not _REGION.fullmatch(rest):
            raise BrokerError(
                "an aws:// address names a region and nothing else, as in 'aws://eu-central-1': "
                "credentials are found where AWS's own tools look for them (AWS_PROFILE, "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, `aws configure`), and an endpoint_url "
                "is given beside it, as in Workbench(broker='aws://eu-central-1', endpoint_url=...)."
            )
        if scheme == "aws":
            return cls("aws", {"region": rest} if rest else {})
        if text in ("memory", "memory://"):
            return cls("memory")
        raise BrokerError(
            f"{_without_password(text)!r} is not a broker this version knows: use {_KNOWN}."
        )


def open_broker(settings: Mapping[str, Any]) -> Broker:
    """The broker of a ``kind``, by settings such as its :meth:`Broker.client_settings`.

    Raises
    ------
    BrokerError
        It can't be reached, or a setting is not one that it has.
    """
    kind = settings["kind"]
    found = load_broker(kind)
    others = {name: value for name, value in settings.items() if name != "kind"}
    if kind == "memory":
        others.pop("timeout", None)  # it answers at once
    found.check_settings(others)
    return found(**others)


def load_broker(kind: str) -> type[Broker]:
    """The class of the brokers of a kind; its client is imported with it.

    Raises
    ------
    BrokerError
        The client is not installed.
    """
    module, name = _CLASSES[kind]
    found: type[Broker] = getattr(importlib.import_module(module), name)
    return found


def _without_password(text: str) -> str:
    # Not by the rules of a URL: a password that breaks them is to be hidden, too.
    before, at, host = text.rpartition("@")
    return f"{before.partition('://')[0]}://***@{host}" if at else text

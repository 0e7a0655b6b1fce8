"""Where a RabbitMQ is, and who asks for entrance there."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

import pika

from workbench.brokers.loopback import is_loopback
from workbench.errors import BrokerError

_PART = r"(?:[^\s:/?#@\[\]%]|%[0-9A-Fa-f]{2})*"
_USER = re.compile(f"{_PART}(?::{_PART})?")
"""A user, or user:password, with what is special written as %XX."""
_PORT, _TLS_PORT = 5672, 5671


@dataclass(frozen=True)
class Certificates:
    """Files in PEM form: whom to trust (``None``: whom this system trusts), and who we are."""

    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None

    def context(self) -> ssl.SSLContext:
        """What a connection over TLS checks with.

        Raises
        ------
        BrokerError
            A file can't be read, or is no certificate or key.
        """
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile is not None:
                context.load_cert_chain(self.certfile, self.keyfile)
        except (OSError, ssl.SSLError) as error:
            named = {"ssl_cafile": self.cafile, "ssl_certfile": self.certfile}
            given = ", ".join(f"{name} {file}" for name, file in named.items() if file)
            raise BrokerError(
                f"the certificates can't be used ({given}): {error.strerror or error}."
            ) from error
        return context


@dataclass(frozen=True)
class Endpoint:
    """What a ``rabbitmq://`` address says; the user and the password are in no repr."""

    host: str
    port: int
    vhost: str
    tls: bool
    user: str = field(repr=False)
    password: str = field(repr=False)
    certificates: Certificates

    @classmethod
    def parse(cls, url: str, certificates: Certificates) -> Self:
        """Read ``rabbitmq://user:password@host:port/vhost``; what is left out is RabbitMQ's default.

        Raises
        ------
        BrokerError
            It is not such an address.
        """
        try:
            user, at, _ = url.partition("://")[2].rpartition("@")
            if at and not _USER.fullmatch(user):
                raise ValueError
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname
            if not host or parts.scheme not in ("rabbitmq", "rabbitmqs") or parts.query:
                raise ValueError
        except ValueError:
            raise BrokerError(
                "this is not the address of a RabbitMQ: write it as "
                "'rabbitmq://user:password@host:port/vhost', and what is special in the user, the "
                "password or the vhost as %XX."
            ) from None
        tls = parts.scheme == "rabbitmqs"
        return cls(
            host=host,
            port=port or (_TLS_PORT if tls else _PORT),
            vhost=unquote(parts.path[1:]) or "/",
            tls=tls,
            user=unquote(parts.username) if parts.username is not None else "guest",
            password=unquote(parts.password) if parts.password is not None else "guest",
            certificates=certificates,
        )

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(f"[{self.host}]" if ":" in self.host else self.host)

    def parameters(self, timeout: float, heartbeat: int) -> pika.ConnectionParameters:
        """For a connection of pika's."""
        return pika.ConnectionParameters(
            host=self.host,
            port=self.port,
            virtual_host=self.vhost,
            credentials=pika.PlainCredentials(self.user, self.password),
            ssl_options=(
                pika.SSLOptions(self.certificates.context(), self.host) if self.tls else None
            ),
            heartbeat=heartbeat,
            connection_attempts=1,
            socket_timeout=timeout,
            stack_timeout=timeout,
            client_properties={"connection_name": "workbench"},
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        vhost = "" if self.vhost == "/" else f"/{self.vhost}"
        return f"{host}:{self.port}{vhost}"

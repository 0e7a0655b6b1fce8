"""`LocalRabbitMQ`: a RabbitMQ node of one's own on this machine, started and stopped in a line.

One Erlang node, of the RabbitMQ that is installed, beside and apart from any other: with its own
port, data, settings, cookie and user. How it lives and ends stands in `local_broker`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workbench.brokers.local.local_broker import LocalBroker
from workbench.brokers.local.saying import log_it

from .identity import read_identity
from .settings import RABBITMQ
from .start_rabbitmq import start_rabbitmq

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.brokers.local.record import Running
    from workbench.brokers.local.saying import Say


class LocalRabbitMQ(LocalBroker):
    """A RabbitMQ of one's own on this machine.

    Parameters
    ----------
    folder
        Where its data and its log live; kept over stops, crashes and restarts. Unless given, a
        folder of the user's, or a numbered sibling when another living RabbitMQ uses that one.
    port
        The port on 127.0.0.1. Unless given, 5672, or a free one when something listens there;
        started again, it takes the port it had.
    timeout
        Seconds that a start may take until clients are answered.
    say
        Told, a sentence each, of whatever is not as usual: another port or folder, a crash that is
        recovered from. Unless given, the log of this package is.

    Examples
    --------
    >>> with LocalRabbitMQ() as rabbitmq:  # doctest: +SKIP
    ...     print(rabbitmq.address)
    127.0.0.1:5672
    """

    product = RABBITMQ
    kind = RABBITMQ.kind

    def __init__(
        self,
        folder: str | Path | None = None,
        port: int | None = None,
        *,
        timeout: float = 60.0,
        say: Say = log_it,
    ) -> None:
        super().__init__(folder, port, timeout=timeout, say=say)

    @property
    def amqp_url_with_password(self) -> str:
        """The address for any AMQP client, user and password in it: to connect, not to show.

        Raises
        ------
        LocalBrokerError
            When it was never started, or its password can't be read.
        """
        return f"amqp://{self._login()}/%2F"

    def client_settings(self) -> dict[str, Any]:
        """What a broker of its kind needs to connect to it; the password is in it.

        Raises
        ------
        LocalBrokerError
            When it was never started, or its password can't be read.
        """
        return {"url": f"rabbitmq://{self._login()}/%2F"}

    def _login(self) -> str:
        address, identity = self.address, read_identity(self._folder)
        return f"{quote(identity.user)}:{quote(identity.password)}@{address}"

    def _start(self, port: int | None, *, owned: bool) -> Running:
        return start_rabbitmq(
            self._wanted_folder,
            port,
            usual_port=self._usual_port,
            timeout=self._timeout,
            owned=owned,
            say=self._say,
        )

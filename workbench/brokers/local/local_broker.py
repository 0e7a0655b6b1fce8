"""`LocalBroker`: what every broker of one's own on this machine can do, whichever it is.

One process, on the loopback address only, with its data in one folder. Either this process owns
it, and it ends when the process does, however that ends (`guardian`); or it stays until it is
stopped, from any process (`find`). That a folder is in use is told by a claim that lives and dies
with the broker (`claim`), never by a file that a crash leaves behind.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from workbench.errors import LocalBrokerError

from .claim import wait_until_free
from .folder import default_folder, default_folders
from .launch import end, forget, is_alive
from .log_tail import LOG, tail
from .ports import HOST
from .readiness import listens
from .record import Running, running
from .saying import log_it
from .starting import death

if TYPE_CHECKING:
    from .product import Product
    from .saying import Say

Status = Literal["running", "starting", "stopped", "died"]

_FREE_WITHIN = 5.0  # seconds, after the broker is gone, for its guardian to notice


class LocalBroker(ABC):
    """A broker of one's own on this machine.

    Attributes
    ----------
    product
        Which broker it is.
    kind
        The same in a word, as a :class:`~workbench.brokers.Broker` of it has it.
    """

    product: ClassVar[Product]
    kind: str

    def __init__(
        self,
        folder: str | Path | None = None,
        port: int | None = None,
        *,
        timeout: float = 30.0,
        say: Say = log_it,
    ) -> None:
        self._wanted_folder = Path(folder).expanduser().resolve() if folder else None
        self._port = port
        self._usual_port = self.product.usual_port
        self._timeout = timeout
        self._say = say
        self._folder = self._wanted_folder or default_folder(self.product)
        self._broker: Running | None = None

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
        LocalBrokerError
            When what it is made of can't be had, the folder is in use or can't be written, the
            disk is nearly full, the port asked for is taken, or the broker dies at once.
        BrokerUnavailableError
            When the broker does not answer within the time given.
        """
        if self._broker and is_alive(self._broker.process):
            return self
        self._forget()
        self._broker = self._start(self._usual_port if same_port else self._port, owned=owned)
        # Started again, it has the same data and, if that is still free, the same address.
        self._folder = self._wanted_folder = self._broker.folder
        self._usual_port = self._broker.record.port
        return self

    @abstractmethod
    def client_settings(self) -> dict[str, Any]:
        """What a :class:`~workbench.brokers.Broker` of its kind needs to connect to it."""

    @abstractmethod
    def _start(self, port: int | None, *, owned: bool) -> Running:
        """Start it in the folder wanted, at `port` if one is given."""

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
        return min(found, key=lambda broker: broker.owner is not None, default=None)

    @classmethod
    def find_all(cls, *, say: Say = log_it) -> list[Self]:
        """Every running broker of this user's default folder and its numbered siblings."""
        folders = itertools.takewhile(Path.exists, default_folders(cls.product))
        return [broker for folder in folders if (broker := cls._attach(folder, say))]

    @classmethod
    def _attach(cls, folder: Path, say: Say) -> Self | None:
        found = running(folder)
        if found is None:
            return None
        broker = cls(folder, say=say)
        broker._broker = found
        return broker

    # --- what it says of itself --------------------------------------------------------------

    @property
    def address(self) -> str:
        """The address for clients, ``127.0.0.1:PORT``."""
        return f"{HOST}:{self._running().record.port}"

    @property
    def port(self) -> int:
        """The port for clients."""
        return self._running().record.port

    @property
    def cluster_id(self) -> str:
        """The id of its cluster: made with its data, and the same after every restart."""
        return self._running().record.cluster_id

    @property
    def pid(self) -> int:
        """The id of its process."""
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
        """Its own log: warnings, errors, starts and stops; bounded to 15 MB with its elders."""
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
        LocalBrokerError
            When it has died, with the last lines of its log; or was never started.
        """
        broker = self._running()
        if not is_alive(broker.process):
            raise death(self.product, broker, "has died")

    def tail(self, lines: int = 20) -> list[str]:
        """The last `lines` lines of its log."""
        return tail(self.log_path, lines)

    def __repr__(self) -> str:
        address = f"{HOST}:{self._broker.record.port}, " if self._broker else ""
        return f"{type(self).__name__}({address}{self.status()}, folder={self._folder})"

    def _running(self) -> Running:
        if self._broker is None:
            raise LocalBrokerError(
                f"This {self.product.name} has not been started: call start(), or "
                f"{type(self).__name__}.find() for one that already runs (folder {self._folder})."
            )
        return self._broker

    def _forget(self) -> None:
        if self._broker:
            forget(self._broker.process.pid)
            self._broker = None

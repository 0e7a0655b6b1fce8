"""The one SQLite file of a service: inbox, state, outbox, what waits, timers, done steps, counts
and how long attempts took.

A poll's events are handled in one transaction. The file is written ahead (WAL), so a crash of
the process at any moment leaves it as of the last commit; ``durable=True`` holds through a
power cut too.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import uuid4

from workbench.errors import ServiceError
from workbench.services import (
    done_steps,
    inbox,
    outbox,
    owners,
    processing,
    reprocessing,
    state,
    timers,
    touched,
    waiting,
)

_FORMAT = 7
"""Of the tables; a file of another format is refused by name."""
_TABLES = f"""
{done_steps.TABLE}
{inbox.TABLE}
{outbox.TABLE}
{owners.TABLE}
{processing.TABLE}
{reprocessing.TABLE}
{state.TABLE}
{timers.TABLE}
{waiting.TABLE}
CREATE TABLE counts (
    what TEXT, event_type TEXT, n INTEGER, PRIMARY KEY (what, event_type)
) WITHOUT ROWID;
PRAGMA user_version = {_FORMAT};
"""

_PATIENCE = 30
"""Seconds that an instance waits for another's transaction."""

Counts = Counter[tuple[str, str]]
"""(what, event type) → how many; ``what`` is one of those in :mod:`workbench.services.status`."""

Answer = TypeVar("Answer")


class Store:
    """A service's file, opened by one of its instances. For one thread.

    Raises
    ------
    ServiceError
        The file can't be opened or is not one of ours.
    """

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)  # what SQLite writes beside it is no more open than it
            self._db = sqlite3.connect(
                path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False
            )
            self._write_ahead()
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._make_tables()
        except (sqlite3.Error, OSError) as error:
            raise ServiceError(f"the service's file {path} can't be opened: {error}.") from error
        owner = uuid4().hex
        self.done_steps = done_steps.DoneSteps(self._db)
        self.inbox = inbox.Inbox(self._db)
        self.outbox = outbox.Outbox(self._db, owner)
        self.owners = owners.Owners(self._db, owner)
        self.reprocessing = reprocessing.Reprocessing(self._db)
        self.state = state.Table(self._db)
        self.timers = timers.Timers(self._db, owner)
        self.waiting = waiting.Waiting(self._db, owner)

    def _write_ahead(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                # SQLite does not wait for another that opens the file for the first time.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _make_tables(self) -> None:
        with self.transaction():  # another instance may be about to do the same
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found == 0 and not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in _TABLES.split(";"):
                    self._db.execute(statement)
                return
        if found != _FORMAT:
            raise ServiceError(
                f"the service's file {self.path} is of another version of the workbench (format "
                f"{found}, and this one writes {_FORMAT}): wb.reset() begins anew."
            )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or none of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def next_due(self) -> float | None:
        """When this instance has something to do next (seconds since 1970 UTC), if ever."""
        dues = (self.outbox.next_due(), self.waiting.next_due(), self.timers.next_due())
        return min((due for due in dues if due is not None), default=None)

    def left(self) -> Left:
        """What is still to be done."""
        return _left(self._db)

    def count(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Add to the counts."""
        self._db.executemany(
            "INSERT INTO counts VALUES (?, ?, ?) "
            "ON CONFLICT (what, event_type) DO UPDATE SET n = n + excluded.n",
            [(what, event_type, n) for (what, event_type), n in counts.items()],
        )

    def counts(self) -> Counts:
        """All that was ever counted in this file."""
        return _counts(self._db)

    def time(self, durations: processing.Durations) -> None:
        """Add to how long attempts took."""
        durations.write(self._db)

    def touch(self, touches: touched.Touches) -> None:
        """Add to the fields that handlers were seen to touch."""
        touched.add(self._db, touches)

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self._db.close()


class Left(NamedTuple):
    """What a service has still to do: unsent effects, retries whose time is to come, parked
    events, and timers for the absence of an event.
    """

    effects: int = 0
    retries: int = 0
    parked: int = 0
    timers: int = 0


def read_state(path: Path) -> dict[str, object]:
    """A service's state as of its last commit, while it runs or not; empty if it never ran."""
    return ask_file(path, lambda file: dict(state.State(state.Layer(state.Table(file)))), {})


def read_left(path: Path) -> Left:
    """What a service has still to do, delayed effects included; nothing if it never ran."""
    return ask_file(path, _left, Left())


def read_refused(path: Path) -> list[str]:
    """Why the broker will never take what a service keeps to no end; empty if it never ran."""
    none: list[str] = []
    return ask_file(path, outbox.refusals, none)


def read_counts(path: Path) -> Counts:
    """A service's counts as of its last commit; empty if it never ran."""
    return ask_file(path, _counts, Counter())


class Measured(NamedTuple):
    """What a service has done, how long its attempts took, and what it has still to do."""

    counts: Counts
    processing: dict[processing.Attempted, processing.Histogram]
    left: Left


def read_measured(path: Path) -> Measured:
    """All that is measured of a service as of its last commit; nothing if it never ran."""
    return ask_file(
        path,
        lambda file: Measured(_counts(file), processing.histograms(file), _left(file)),
        Measured(Counter(), {}, Left()),
    )


def read_touched(path: Path) -> touched.Touches:
    """The fields that handlers were seen to touch; empty if nobody was asked to look."""
    none: touched.Touches = Counter()
    return ask_file(path, touched.rows, none)


def _counts(file: sqlite3.Connection) -> Counts:
    rows = file.execute("SELECT what, event_type, n FROM counts")
    return Counter({(what, event_type): n for what, event_type, n in rows})


def _left(file: sqlite3.Connection) -> Left:
    row = file.execute(
        "SELECT (SELECT count(*) FROM outbox WHERE refused IS NULL),"
        "(SELECT count(*) FROM waiting WHERE due IS NOT NULL),"
        "(SELECT count(*) FROM waiting WHERE behind IS NOT NULL),"
        "(SELECT count(*) FROM timers)"
    ).fetchone()
    return Left(*row)


def ask_file(path: Path, ask: Callable[[sqlite3.Connection], Answer], if_none: Answer) -> Answer:
    """Ask a service's file, read-only, as of one moment.

    ``if_none`` where it never ran or has no tables yet.

    Raises
    ------
    ServiceError
        It can't be read.
    """
    if not path.exists():
        return if_none
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        connection.execute("BEGIN")  # what is read first and what is read last go together
        return ask(connection)
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return if_none
        raise ServiceError(f"the service's file {path} can't be read: {error}.") from error
    finally:
        connection.close()

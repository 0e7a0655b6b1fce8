"""The one SQLite file of a service: inbox, state, outbox and counts.

A poll's events are handled in one transaction, with a savepoint for each event and reaction:
what a failing handler did is undone alone. The file is written ahead (WAL), so a crash of the
process at any moment leaves it as of the last commit; ``durable=True`` holds through a power
cut too.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import orjson

from workbench.brokers import Outgoing
from workbench.errors import ServiceError
from workbench.services.state import State

_TABLES = """
CREATE TABLE IF NOT EXISTS inbox (
    source TEXT, id TEXT, reaction TEXT, hash BLOB, PRIMARY KEY (source, id, reaction)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    due REAL, channel TEXT, key BLOB, headers BLOB, value BLOB, refused TEXT
);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due) WHERE refused IS NULL;
CREATE TABLE IF NOT EXISTS counts (
    what TEXT, event_type TEXT, n INTEGER, PRIMARY KEY (what, event_type)
) WITHOUT ROWID;
"""

Counts = Counter[tuple[str, str]]
"""(what, event type) → how many; ``what`` is one of those in :mod:`workbench.services.status`."""

Answer = TypeVar("Answer")


class Unsent(NamedTuple):
    """A row of the outbox."""

    seq: int
    outgoing: Outgoing


class Store:
    """A service's file. For one thread.

    Raises
    ------
    ServiceError
        The file can't be opened or is not one of ours.
    """

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path, isolation_level=None, timeout=30, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.executescript(_TABLES)
        except (sqlite3.Error, OSError) as error:
            raise ServiceError(f"the service's file {path} can't be opened: {error}.") from error
        self.state = State(self._db)

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

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the transaction that can be undone alone."""
        self._db.execute("SAVEPOINT reaction")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO reaction")
            self._db.execute("RELEASE reaction")
            raise
        self._db.execute("RELEASE reaction")

    def seen(self, source: str, id_: str, reaction: str) -> bytes | None:
        """The payload hash an event was handled with by a reaction; ``None`` if it is new."""
        row = self._db.execute(
            "SELECT hash FROM inbox WHERE source = ? AND id = ? AND reaction = ?",
            (source, id_, reaction),
        ).fetchone()
        return row[0] if row else None

    def remember(self, source: str, id_: str, reaction: str, hash_: bytes) -> None:
        """Put an event into the inbox of a reaction."""
        self._db.execute("INSERT INTO inbox VALUES (?, ?, ?, ?)", (source, id_, reaction, hash_))

    def put(self, outgoing: Outgoing, due: float) -> None:
        """Put into the outbox what is to be sent at ``due`` (seconds since 1970 UTC)."""
        # Latin-1 has a letter for every byte, so a poison event's headers stay what they were.
        headers = [
            [name, text.decode("latin-1") if text is not None else None]
            for name, text in outgoing.headers
        ]
        self._db.execute(
            "INSERT INTO outbox (due, channel, key, headers, value) VALUES (?, ?, ?, ?, ?)",
            (due, outgoing.channel, outgoing.key, orjson.dumps(headers), outgoing.value),
        )

    def due(self, now: float, limit: int = 1_000) -> list[Unsent]:
        """What is to be sent by now, oldest first."""
        rows = self._db.execute(
            "SELECT seq, channel, key, headers, value FROM outbox "
            "WHERE refused IS NULL AND due <= ? ORDER BY due, seq LIMIT ?",
            (now, limit),
        )
        return [
            Unsent(seq, Outgoing(channel, key, _headers(headers), value))
            for seq, channel, key, headers, value in rows
        ]

    def next_due(self) -> float | None:
        """When the next of the outbox is to be sent; ``None`` if it is empty."""
        row = self._db.execute("SELECT min(due) FROM outbox WHERE refused IS NULL").fetchone()
        return float(row[0]) if row[0] is not None else None

    def unsent(self, now: float) -> tuple[int, int]:
        """How many of the outbox are due, and how many wait for their time."""
        row = self._db.execute(
            "SELECT count(*) FILTER (WHERE due <= ?), count(*) FILTER (WHERE due > ?) "
            "FROM outbox WHERE refused IS NULL",
            (now, now),
        ).fetchone()
        return int(row[0]), int(row[1])

    def sent(self, seqs: Sequence[int]) -> None:
        """Clear what the broker has acknowledged."""
        self._db.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in seqs])

    def refused(self, seq: int, reason: str) -> None:
        """Keep, with the reason, what the broker will never take: it is not lost, nor retried."""
        self._db.execute("UPDATE outbox SET refused = ? WHERE seq = ?", (reason, seq))

    def count(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Add to the counts."""
        self._db.executemany(
            "INSERT INTO counts VALUES (?, ?, ?) "
            "ON CONFLICT (what, event_type) DO UPDATE SET n = n + excluded.n",
            [(what, event_type, n) for (what, event_type), n in counts.items()],
        )

    def counts(self) -> Counts:
        """All that was ever counted in this file."""
        rows = self._db.execute("SELECT what, event_type, n FROM counts")
        return Counter({(what, event_type): n for what, event_type, n in rows})

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self._db.close()


def read_state(path: Path) -> dict[str, object]:
    """A service's state as of its last commit, while it runs or not; empty if it never ran."""
    return _read(path, lambda file: dict(State(file)), {})


def read_unsent(path: Path) -> int:
    """How many effects a service has still to send, delayed ones included; 0 if it never ran."""
    query = "SELECT count(*) FROM outbox WHERE refused IS NULL"
    return _read(path, lambda file: int(file.execute(query).fetchone()[0]), 0)


def read_counts(path: Path) -> Counts:
    """A service's counts as of its last commit; empty if it never ran."""
    query = "SELECT what, event_type, n FROM counts"
    rows: list[tuple[str, str, int]] = _read(path, lambda file: file.execute(query).fetchall(), [])
    return Counter({(what, event_type): n for what, event_type, n in rows})


def _read(path: Path, ask: Callable[[sqlite3.Connection], Answer], if_none: Answer) -> Answer:
    """Ask a service's file, read-only; ``if_none`` where it never ran or has no tables yet."""
    if not path.exists():
        return if_none
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        return ask(connection)
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return if_none
        raise ServiceError(f"the service's file {path} can't be read: {error}.") from error
    finally:
        connection.close()


def _headers(text: bytes) -> list[tuple[str, bytes | None]]:
    return [
        (name, value.encode("latin-1") if value is not None else None)
        for name, value in orjson.loads(text)
    ]

"""Events that wait in the service's file: for the time of their retry, or behind another event."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from workbench.brokers import Record
from workbench.services.owners import mine
from workbench.services.rows import RECORD, pack_record, unpack_record

TABLE = """
CREATE TABLE waiting (
    seq INTEGER PRIMARY KEY, due REAL, behind TEXT,
    channel TEXT, partition INTEGER, offset INTEGER, time_ms INTEGER, key BLOB, headers BLOB,
    value BLOB
);
CREATE INDEX waiting_due ON waiting (due) WHERE due IS NOT NULL;
CREATE INDEX waiting_behind ON waiting (behind, key, seq) WHERE behind IS NOT NULL;
CREATE TABLE blocked (
    reaction TEXT, key BLOB, source TEXT, id TEXT, PRIMARY KEY (reaction, key)
) WITHOUT ROWID;
"""
_MINE = mine("waiting.channel", "waiting.partition")


class Waiter(NamedTuple):
    """An event that waits."""

    seq: int
    record: Record


class Waiting:
    """For one thread, inside the transactions of its :class:`Store`."""

    def __init__(self, connection: sqlite3.Connection, owner: str) -> None:
        self._db, self._owner = connection, owner

    def until(self, due: float, record: Record) -> None:
        """Keep a retry until its time (seconds since 1970 UTC)."""
        self._put(due, None, record)

    def due(self, now: float, limit: int) -> list[Waiter]:
        """The retries whose time has come for their owner, in order of time."""
        rows = self._db.execute(
            f"SELECT seq, {RECORD} FROM waiting "  # noqa: S608 - a constant
            f"WHERE due <= ? AND {_MINE} ORDER BY due, seq LIMIT ?",
            (now, self._owner, limit),
        )
        return [Waiter(seq, unpack_record(*row)) for seq, *row in rows]

    def next_due(self) -> float | None:
        """When its owner's next retry is due; ``None`` if there is none."""
        row = self._db.execute(
            f"SELECT due FROM waiting WHERE due IS NOT NULL AND {_MINE} ORDER BY due LIMIT 1",  # noqa: S608 - a constant
            (self._owner,),
        ).fetchone()
        return float(row[0]) if row is not None else None

    def drop(self, seq: int) -> None:
        """Take out an event whose wait is over."""
        self._db.execute("DELETE FROM waiting WHERE seq = ?", (seq,))

    # --- order behind a failed event ------------------------------------------------------

    def block(self, reaction: str, key: bytes, event: tuple[str, str]) -> None:
        """From now on later events of this key wait behind this event (its source and id)."""
        self._db.execute(
            "INSERT OR REPLACE INTO blocked VALUES (?, ?, ?, ?)", (reaction, key, *event)
        )

    def blocker(self, reaction: str, key: bytes) -> tuple[str, str] | None:
        """The event (source and id) that a key's later events wait behind."""
        row = self._db.execute(
            "SELECT source, id FROM blocked WHERE reaction = ? AND key = ?", (reaction, key)
        ).fetchone()
        return (row[0], row[1]) if row is not None else None

    def unblock(self, reaction: str, key: bytes) -> None:
        """The event is done, or given up."""
        self._db.execute("DELETE FROM blocked WHERE reaction = ? AND key = ?", (reaction, key))

    def park(self, reaction: str, record: Record) -> None:
        """Keep an event behind the one that blocks its key."""
        self._put(None, reaction, record)

    def next_parked(self, reaction: str, key: bytes) -> Waiter | None:
        """The first event that waits behind a key's blocker."""
        row = self._db.execute(
            f"SELECT seq, {RECORD} FROM waiting "  # noqa: S608 - a constant
            "WHERE behind = ? AND key = ? ORDER BY seq LIMIT 1",
            (reaction, key),
        ).fetchone()
        return Waiter(row[0], unpack_record(*row[1:])) if row is not None else None

    def _put(self, due: float | None, behind: str | None, record: Record) -> None:
        self._db.execute(
            f"INSERT INTO waiting (due, behind, {RECORD}) "  # noqa: S608 - a constant
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (due, behind, *pack_record(record)),
        )

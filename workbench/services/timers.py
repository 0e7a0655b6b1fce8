"""Timers for the absence of an event: armed by one event, disarmed by another of the same flow.

Both may come in any order, since they travel on different channels: that one has come is
remembered, so that a timer is never armed after it.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from workbench.brokers import Record
from workbench.services.owners import mine
from workbench.services.rows import RECORD, pack_record, unpack_record

TABLE = """
CREATE TABLE timers (
    seq INTEGER PRIMARY KEY, reaction TEXT, flow TEXT, due REAL,
    channel TEXT, partition INTEGER, offset INTEGER, time_ms INTEGER, key BLOB, headers BLOB,
    value BLOB
);
CREATE INDEX timers_flow ON timers (reaction, flow);
CREATE INDEX timers_due ON timers (due);
CREATE TABLE arrived (
    reaction TEXT, flow TEXT, at REAL, PRIMARY KEY (reaction, flow)
) WITHOUT ROWID;
"""
_MINE = mine("timers.channel", "timers.partition")


class Timer(NamedTuple):
    """One that is armed: the reaction, and the event that armed it."""

    seq: int
    reaction: str
    record: Record


class Timers:
    """For one thread, inside the transactions of its :class:`Store`."""

    def __init__(self, connection: sqlite3.Connection, owner: str) -> None:
        self._db, self._owner = connection, owner

    def arm(self, reaction: str, flow: str, due: float, record: Record) -> bool:
        """Let a reaction to an event wait until ``due`` (seconds since 1970 UTC).

        ``False`` if what it waits for has come already.
        """
        if self._db.execute(
            "SELECT 1 FROM arrived WHERE reaction = ? AND flow = ?", (reaction, flow)
        ).fetchone():
            return False
        self._db.execute(
            f"INSERT INTO timers (reaction, flow, due, {RECORD}) "  # noqa: S608 - a constant
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (reaction, flow, due, *pack_record(record)),
        )
        return True

    def disarm(self, reaction: str, flow: str, at: float) -> int:
        """What it waited for has come; returns how many timers that stopped."""
        self._db.execute("INSERT OR IGNORE INTO arrived VALUES (?, ?, ?)", (reaction, flow, at))
        return self._db.execute(
            "DELETE FROM timers WHERE reaction = ? AND flow = ?", (reaction, flow)
        ).rowcount

    def due(self, until: float, limit: int) -> list[Timer]:
        """The owner's timers that were due by then, in order of time."""
        rows = self._db.execute(
            f"SELECT seq, reaction, {RECORD} FROM timers "  # noqa: S608 - a constant
            f"WHERE due <= ? AND {_MINE} ORDER BY due, seq LIMIT ?",
            (until, self._owner, limit),
        )
        return [Timer(seq, reaction, unpack_record(*row)) for seq, reaction, *row in rows]

    def next_due(self) -> float | None:
        """When its owner's next is due; ``None`` if none is armed."""
        row = self._db.execute(
            f"SELECT due FROM timers WHERE {_MINE} ORDER BY due LIMIT 1",  # noqa: S608 - a constant
            (self._owner,),
        ).fetchone()
        return float(row[0]) if row is not None else None

    def forget(self, before: float) -> None:
        """Drop what came before a time and may have been awaited, in seconds since 1970 UTC."""
        self._db.execute("DELETE FROM arrived WHERE at < ?", (before,))

    def drop(self, seq: int) -> None:
        """Take out a timer that has fired."""
        self._db.execute("DELETE FROM timers WHERE seq = ?", (seq,))

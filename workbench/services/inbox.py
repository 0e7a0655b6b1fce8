"""The inbox: what became of each event at each reaction, so that a repeat changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

TABLE = """
CREATE TABLE inbox (
    source TEXT, id TEXT, reaction TEXT, hash BLOB, outcome TEXT, turn INTEGER, at REAL,
    PRIMARY KEY (source, id, reaction)
) WITHOUT ROWID;
"""

DONE = "done"
"""Handled, or turned away by the guard."""
RETRYING = "retrying"
"""Failed, and to be tried again."""
PARKED = "parked"
"""Waits behind an earlier event of its key."""
ARMED = "armed"
"""Waits for its time, unless another event comes before."""
DEAD = "dead"
"""Given up on."""


class Outcome(NamedTuple):
    """What became of an event: the hash of its payload, and at which turn (see ``Retry``)."""

    hash: bytes
    outcome: str
    turn: int


Entry = tuple[str, str, str]
"""The source and id of an event (a channel and place for one that has none), and the reaction."""


class Inbox:
    """For one thread, inside the transactions of its :class:`Store`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def outcome(self, entry: Entry) -> Outcome | None:
        """What became of an event at a reaction; ``None`` if it is new."""
        row = self._db.execute(
            "SELECT hash, outcome, turn FROM inbox WHERE source = ? AND id = ? AND reaction = ?",
            entry,
        ).fetchone()
        return Outcome(*row) if row is not None else None

    def forget(self, before: float) -> int:
        """Drop what was done or given up before a time, in seconds since 1970 UTC; how many."""
        return self._db.execute(
            "DELETE FROM inbox WHERE at < ? AND outcome IN (?, ?)", (before, DONE, DEAD)
        ).rowcount

    def remember(self, outcomes: Iterable[tuple[Entry, Outcome]], at: float) -> None:
        """Note what became of events, at a time in seconds since 1970 UTC."""
        self._db.executemany(
            "INSERT OR REPLACE INTO inbox VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*entry, *outcome, at) for entry, outcome in outcomes],
        )

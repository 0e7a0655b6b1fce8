"""The outbox: effects and dead letters that are to be sent, kept until the broker has them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from workbench.brokers import Outgoing
from workbench.services.rows import pack_headers, unpack_headers

TABLE = """
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    due REAL, channel TEXT, key BLOB, headers BLOB, value BLOB, refused TEXT
);
CREATE INDEX outbox_due ON outbox (due) WHERE refused IS NULL;
"""


class Unsent(NamedTuple):
    """A row of the outbox: ``due`` in seconds since 1970 UTC."""

    seq: int
    due: float
    outgoing: Outgoing


class Outbox:
    """For one thread, inside the transactions of its :class:`Store`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def put(self, rows: Sequence[tuple[float, Outgoing]]) -> list[Unsent]:
        """Add what is to be sent at a time, in order; gives each its place."""
        last = self._db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()[0]
        unsent = [Unsent(seq, *row) for seq, row in enumerate(rows, last + 1)]
        self._db.executemany(
            "INSERT INTO outbox (seq, due, channel, key, headers, value) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (seq, due, o.channel, o.key, pack_headers(o.headers), o.value)
                for seq, due, o in unsent
            ],
        )
        return unsent

    def due(self, now: float, limit: int = 1_000) -> list[Unsent]:
        """What is to be sent by now, oldest first."""
        rows = self._db.execute(
            "SELECT seq, due, channel, key, headers, value FROM outbox "
            "WHERE refused IS NULL AND due <= ? ORDER BY due, seq LIMIT ?",
            (now, limit),
        )
        return [
            Unsent(seq, due, Outgoing(channel, key, unpack_headers(headers), value))
            for seq, due, channel, key, headers, value in rows
        ]

    def next_due(self) -> float | None:
        """When the next is to be sent; ``None`` if there is none."""
        row = self._db.execute("SELECT min(due) FROM outbox WHERE refused IS NULL").fetchone()
        return float(row[0]) if row[0] is not None else None

    def sent(self, seqs: Sequence[int]) -> None:
        """Clear what the broker has acknowledged."""
        self._db.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in seqs])

    def refused(self, seq: int, reason: str) -> None:
        """Keep, with the reason, what the broker will never take: it is not lost, nor retried."""
        self._db.execute("UPDATE outbox SET refused = ? WHERE seq = ?", (reason, seq))

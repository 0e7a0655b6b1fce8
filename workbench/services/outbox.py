"""The outbox: effects and dead letters that are to be sent, kept until the broker has them.

Each row keeps the partition that it came from: whoever owns that one sends it. With transactions
it also has the number of the last batch in which it was to be sent; that number is committed with
the events, so that after a crash the broker can tell whether they were.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from workbench.brokers import Outgoing, Position
from workbench.services.owners import mine
from workbench.services.rows import pack_headers, unpack_headers

TABLE = """
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    due REAL, source TEXT, source_partition INTEGER, batch INTEGER,
    channel TEXT, key BLOB, headers BLOB, value BLOB, refused TEXT
);
CREATE INDEX outbox_due ON outbox (due) WHERE refused IS NULL;
CREATE INDEX outbox_batch ON outbox (batch) WHERE batch IS NOT NULL;
CREATE TABLE batches (last INTEGER);
INSERT INTO batches VALUES (0);
"""
_MINE = mine("source", "source_partition")


class Unsent(NamedTuple):
    """A row of the outbox: ``due`` in seconds since 1970 UTC, ``source`` where it came from."""

    seq: int
    due: float
    source: Position
    outgoing: Outgoing


class Outbox:
    """For one thread, inside the transactions of its :class:`Store`."""

    def __init__(self, connection: sqlite3.Connection, owner: str) -> None:
        self._db, self._owner = connection, owner

    def put(self, rows: Sequence[tuple[float, Position, Outgoing]]) -> list[Unsent]:
        """Add what is to be sent at a time, in order; gives each its place."""
        last = self._db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()[0]
        unsent = [Unsent(seq, *row) for seq, row in enumerate(rows, last + 1)]
        self._db.executemany(
            "INSERT INTO outbox (seq, due, source, source_partition, channel, key, headers, value) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (seq, due, *source, o.channel, o.key, pack_headers(o.headers), o.value)
                for seq, due, source, o in unsent
            ],
        )
        return unsent

    def due(self, now: float, limit: int = 1_000) -> list[Unsent]:
        """What its owner is to send by now, oldest first."""
        rows = self._db.execute(
            "SELECT seq, due, source, source_partition, channel, key, headers, value FROM outbox "  # noqa: S608 - a constant
            f"WHERE refused IS NULL AND due <= ? AND {_MINE} ORDER BY due, seq LIMIT ?",
            (now, self._owner, limit),
        )
        return [
            Unsent(
                seq,
                due,
                Position(source, partition),
                Outgoing(channel, key, unpack_headers(headers), value),
            )
            for seq, due, source, partition, channel, key, headers, value in rows
        ]

    def next_due(self) -> float | None:
        """When its owner is to send the next; ``None`` if there is none."""
        row = self._db.execute(
            f"SELECT due FROM outbox WHERE refused IS NULL AND {_MINE} ORDER BY due LIMIT 1",  # noqa: S608 - a constant
            (self._owner,),
        ).fetchone()
        return float(row[0]) if row is not None else None

    def number(self, seqs: Sequence[int]) -> int:
        """Make a batch of what is to be sent in one transaction; gives its number.

        What became of the owner's batches before must be known: what is left of them is in none.
        """
        self._db.execute(
            f"UPDATE outbox SET batch = NULL WHERE batch IS NOT NULL AND {_MINE}",  # noqa: S608 - a constant
            (self._owner,),
        )
        (batch,) = self._db.execute("UPDATE batches SET last = last + 1 RETURNING last").fetchone()
        update = "UPDATE outbox SET batch = ? WHERE seq = ?"
        self._db.executemany(update, [(batch, seq) for seq in seqs])
        return int(batch)

    def settle(self, sent: Mapping[Position, int]) -> None:
        """Clear what was sent before a crash: by partition, the last batch that the broker has."""
        self._db.executemany(
            "DELETE FROM outbox WHERE source = ? AND source_partition = ? AND batch <= ? "
            "AND refused IS NULL",
            [(*position, batch) for position, batch in sent.items()],
        )

    def sent(self, seqs: Sequence[int]) -> None:
        """Clear what the broker has acknowledged."""
        self._db.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in seqs])

    def refused(self, seq: int, reason: str) -> None:
        """Keep, with the reason, what the broker will never take: it is not lost, nor retried."""
        self._db.execute("UPDATE outbox SET refused = ? WHERE seq = ?", (reason, seq))


def refusals(file: sqlite3.Connection) -> list[str]:
    """Why the broker will never take each of what it refused, oldest first."""
    rows = file.execute("SELECT refused FROM outbox WHERE refused IS NOT NULL ORDER BY seq")
    return [reason for (reason,) in rows]

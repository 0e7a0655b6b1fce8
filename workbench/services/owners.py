"""Which instance of a service works on which partition, as the service's file has it.

The instances of a service share its file. The broker says who reads a partition, but one that was
paused meanwhile has not heard of it. So each claims its partitions here, then asks the broker
whether they are its own, and every transaction asks whether the claim still stands: whoever has
come after has claimed them since, and one that comes back late changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from workbench.brokers import Position

TABLE = """
CREATE TABLE owners (
    channel TEXT, partition INTEGER, owner TEXT, PRIMARY KEY (channel, partition)
) WITHOUT ROWID;
"""
_KEPT = (
    ("outbox", "source", "source_partition"),
    ("waiting", "channel", "partition"),
    ("timers", "channel", "partition"),
)
"""What is kept until later, and where it came from: whoever owns that place sees to it."""


def mine(channel: str, partition: str) -> str:
    """A condition in SQL, with one parameter, the owner: whether a row's partition is theirs."""
    return (
        "EXISTS (SELECT 1 FROM owners AS o WHERE "  # noqa: S608 - the names of columns
        f"o.channel = {channel} AND o.partition = {partition} AND o.owner = ?)"
    )


class Owners:
    """For one thread, inside the transactions of its :class:`Store`."""

    def __init__(self, connection: sqlite3.Connection, owner: str) -> None:
        self._db, self._owner = connection, owner
        self._claimed = 0

    def claim(
        self, positions: Collection[Position], inputs: Collection[str], heir: Position
    ) -> None:
        """Own these partitions, and no others, from now on.

        Whoever has the ``heir`` also inherits what came from channels that are read no more
        (``inputs`` are those that are): nobody else would see to it.
        """
        self._db.execute("DELETE FROM owners WHERE owner = ?", (self._owner,))
        claims = set(positions)
        if heir in claims:
            claims |= self._orphans(inputs)
        self._db.executemany(
            "INSERT OR REPLACE INTO owners VALUES (?, ?, ?)",
            [(*position, self._owner) for position in claims],
        )
        self._claimed = len(claims)

    def hold(self) -> bool:
        """Whether all that was claimed is still its own."""
        query = "SELECT count(*) FROM owners WHERE owner = ?"
        return bool(self._db.execute(query, (self._owner,)).fetchone()[0] == self._claimed)

    def alone(self) -> bool:
        """Whether nobody else has claimed anything."""
        query = "SELECT 1 FROM owners WHERE owner != ? LIMIT 1"
        return self._db.execute(query, (self._owner,)).fetchone() is None

    def _orphans(self, inputs: Collection[str]) -> set[Position]:
        found: set[Position] = set()
        for table, channel, partition in _KEPT:
            rows = self._db.execute(f"SELECT DISTINCT {channel}, {partition} FROM {table}")  # noqa: S608 - constants
            found |= {Position(*row) for row in rows if row[0] not in inputs}
        return found

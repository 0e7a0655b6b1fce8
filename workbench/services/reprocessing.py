"""Handling again what was handled before, because someone asked for it by name.

The places up to which a service handles events again are kept in its file, so that a crash in the
middle of it does not let suppressed effects out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from workbench.brokers import Position
from workbench.services import done_steps

TABLE = """
CREATE TABLE reprocessing (
    channel TEXT, partition INTEGER, until INTEGER, suppress INTEGER,
    PRIMARY KEY (channel, partition)
) WITHOUT ROWID;
"""
_ALL = ("inbox", "state", "waiting", "blocked", "timers", "arrived", *done_steps.TABLES)


class Reprocessing:
    """For one thread; the service must be down while :meth:`begin` is called."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def begin(
        self,
        ends: Mapping[Position, int],
        forget: Iterable[tuple[str, str]] | None,
        *,
        suppress: bool,
    ) -> None:
        """Forget what became of events (by source and id; of all, and the state: ``None``).

        ``ends`` are the offsets up to which handling is a repetition; ``suppress``: its effects
        are not sent.
        """
        if forget is None:
            for table in _ALL:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
        else:
            events = list(forget)
            for table in ("inbox", "done_steps"):
                where = "source = ? AND id = ?"
                self._db.executemany(f"DELETE FROM {table} WHERE {where}", events)  # noqa: S608
        self._db.execute("DELETE FROM reprocessing")
        self._db.executemany(
            "INSERT INTO reprocessing VALUES (?, ?, ?, ?)",
            [(*position, end, suppress) for position, end in ends.items()],
        )

    def ranges(self) -> dict[Position, tuple[int, bool]]:
        """Partition → the offset up to which handling is a repetition, and whether it is silent."""
        rows = self._db.execute("SELECT channel, partition, until, suppress FROM reprocessing")
        return {Position(channel, n): (until, bool(silent)) for channel, n, until, silent in rows}

"""Which fields handlers were seen to touch, kept in the service's file."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable

from workbench.choreography.touching import Touched

TABLE = (
    "CREATE TABLE IF NOT EXISTS touched (reaction TEXT, field TEXT, n INTEGER, "
    "PRIMARY KEY (reaction, field)) WITHOUT ROWID"
)
"""Made when the first is noted: nobody else's file has it."""

Touches = Counter[tuple[str, str]]
"""(reaction, field) → by how many events; the field ``""`` is the event as a whole."""


class Watching:
    """Watches the handlers of the first events of each reaction, in one process."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._watched: Counter[str] = Counter()

    def begin(self, reaction: str) -> Touched | None:
        """Something to note in what a handler touches; ``None``: enough was seen of it."""
        if self._watched[reaction] >= self._events:
            return None
        self._watched[reaction] += 1
        return Touched()


def add(file: sqlite3.Connection, touches: Touches) -> None:
    """Add to what is kept."""
    file.execute(TABLE)
    file.executemany(
        "INSERT INTO touched VALUES (?, ?, ?) "
        "ON CONFLICT (reaction, field) DO UPDATE SET n = n + excluded.n",
        [(reaction, field, n) for (reaction, field), n in touches.items()],
    )


def rows(file: sqlite3.Connection) -> Touches:
    """All that is kept."""
    found: Iterable[tuple[str, str, int]] = file.execute("SELECT reaction, field, n FROM touched")
    return Counter({(reaction, field): n for reaction, field, n in found})

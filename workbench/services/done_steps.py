"""What may have to be undone: the steps done, the failures heard of, and what others have undone.

All three are remembered by flow, since they travel on different channels and may come in any
order: which step is to be undone is always decided by what is here, never by what comes first.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from workbench.brokers import Record
from workbench.services.rows import RECORD, pack_record, unpack_record

TABLE = """
CREATE TABLE done_steps (
    seq INTEGER PRIMARY KEY, flow TEXT, reaction TEXT, source TEXT, id TEXT, occurrence TEXT,
    due REAL, at REAL, failure INTEGER, notice INTEGER,
    channel TEXT, partition INTEGER, offset INTEGER, time_ms INTEGER, key BLOB, headers BLOB,
    value BLOB, UNIQUE (source, id, reaction)
);
CREATE INDEX done_steps_flow ON done_steps (flow);
CREATE TABLE failures (
    seq INTEGER PRIMARY KEY, flow TEXT, source TEXT, id TEXT, at REAL,
    channel TEXT, partition INTEGER, offset INTEGER, time_ms INTEGER, key BLOB, headers BLOB,
    value BLOB, UNIQUE (flow, source, id)
);
CREATE TABLE notices (
    seq INTEGER PRIMARY KEY, flow TEXT, occurrence TEXT, id TEXT, at REAL,
    channel TEXT, partition INTEGER, offset INTEGER, UNIQUE (flow, occurrence)
);
"""
TABLES = ("done_steps", "failures", "notices")

_VALUES = "?, ?, ?, ?, ?, ?, ?"
"""As many as a record has columns."""


class DoneStep(NamedTuple):
    """A step that was done: of which reaction, and the record of the event it reacted to.

    ``due`` is when its last effect happens, in seconds since 1970 UTC.
    """

    seq: int
    reaction: str
    occurrence: str
    due: float
    record: Record


class Notice(NamedTuple):
    """That an occurrence of a step was undone: the event that said so, and where it stands."""

    seq: int
    occurrence: str
    id: str
    place: tuple[str, int, int]


class Undone(NamedTuple):
    """A step that is being undone: for which failure, and after which other was undone."""

    id: str
    step: DoneStep
    failure: Record
    notice: Notice | None


class DoneSteps:
    """For one thread, inside the transactions of its :class:`Store`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def done(self, flow: str, event: tuple[str, str], step: DoneStep, at: float) -> None:
        """A step was done about an event (by source and id); ``step.seq`` means nothing here."""
        self._db.execute(
            "INSERT OR IGNORE INTO done_steps "  # noqa: S608 - constants
            f"(flow, reaction, source, id, occurrence, due, at, {RECORD}) "
            f"VALUES (?, ?, ?, ?, ?, ?, ?, {_VALUES})",
            (flow, step.reaction, *event, step.occurrence, step.due, at, *pack_record(step.record)),
        )

    def failed(self, flow: str, event: tuple[str, str], record: Record, at: float) -> None:
        """A failure was heard of."""
        self._db.execute(
            f"INSERT OR IGNORE INTO failures (flow, source, id, at, {RECORD}) "  # noqa: S608
            f"VALUES (?, ?, ?, ?, {_VALUES})",
            (flow, *event, at, *pack_record(record)),
        )

    def undone(self, flow: str, occurrence: str, event_id: str, record: Record, at: float) -> None:
        """An event said that an occurrence of a step, of whichever service, was undone."""
        self._db.execute(
            "INSERT OR IGNORE INTO notices (flow, occurrence, id, at, channel, partition, offset) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (flow, occurrence, event_id, at, *record[:3]),
        )

    def knows(self, flow: str, occurrence: str) -> bool:
        """Whether an occurrence of a step was done here."""
        return (
            self._db.execute(
                "SELECT 1 FROM done_steps WHERE flow = ? AND occurrence = ?", (flow, occurrence)
            ).fetchone()
            is not None
        )

    def failures(self, flow: str) -> list[tuple[int, Record]]:
        """The failures of a flow, in the order in which they were heard of, by their numbers."""
        rows = self._db.execute(
            f"SELECT seq, {RECORD} FROM failures WHERE flow = ? ORDER BY seq",  # noqa: S608
            (flow,),
        )
        return [(seq, unpack_record(*row)) for seq, *row in rows]

    def standing(self, flow: str) -> list[DoneStep]:
        """The steps of a flow that nothing is being done about, the last one first."""
        rows = self._db.execute(
            f"SELECT seq, reaction, occurrence, due, {RECORD} FROM done_steps "  # noqa: S608
            "WHERE flow = ? AND failure IS NULL ORDER BY seq DESC",
            (flow,),
        )
        return [_step(*row) for row in rows]

    def notices(self, flow: str) -> dict[str, int]:
        """What was undone in a flow: occurrence → the number of the notice."""
        rows = self._db.execute("SELECT occurrence, seq FROM notices WHERE flow = ?", (flow,))
        return dict(rows.fetchall())

    def begin(self, step: int, failure: int, notice: int | None) -> None:
        """From now on a step is being undone, for a failure and after a notice, by their numbers."""
        self._db.execute(
            "UPDATE done_steps SET failure = ?, notice = ? WHERE seq = ?", (failure, notice, step)
        )

    def begun(self, reaction: str, source: str, event_id: str) -> Undone | None:
        """The step that a reaction has done about an event and that is being undone, if any."""
        row = self._db.execute(
            "SELECT id, failure, notice, seq, reaction, occurrence, due, "  # noqa: S608
            f"{RECORD} FROM done_steps WHERE source = ? AND id = ? AND reaction = ?",
            (source, event_id, reaction),
        ).fetchone()
        if row is None:
            return None
        failure = self._db.execute(
            f"SELECT {RECORD} FROM failures WHERE seq = ?",  # noqa: S608
            (row[1],),
        ).fetchone()
        if failure is None:
            return None
        notice = self._db.execute(
            "SELECT seq, occurrence, id, channel, partition, offset FROM notices WHERE seq = ?",
            (row[2],),
        ).fetchone()
        found = Notice(notice[0], notice[1], notice[2], notice[3:]) if notice else None
        return Undone(row[0], _step(*row[3:]), unpack_record(*failure), found)

    def forget(self, before: float) -> None:
        """Drop what was noted before a time, in seconds since 1970 UTC."""
        for table in TABLES:
            self._db.execute(f"DELETE FROM {table} WHERE at < ?", (before,))  # noqa: S608


def _step(seq: int, reaction: str, occurrence: str, due: float, *record: object) -> DoneStep:
    return DoneStep(seq, reaction, occurrence, due, unpack_record(*record))

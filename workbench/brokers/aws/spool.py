"""The log of channels on this machine: what their taps gave, numbered as it came.

SNS and SQS keep no log. What a tap's queue gave is kept here, in one SQLite file for each cluster,
which several processes may use. Offsets count from 0 and are this machine's alone.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from workbench.brokers.aws.encoding import as_json, from_json
from workbench.brokers.broker import RETENTION_SECONDS, Record

_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    channel TEXT NOT NULL,
    offset INTEGER NOT NULL,
    message TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    key BLOB,
    headers TEXT NOT NULL,
    value BLOB,
    PRIMARY KEY (channel, offset),
    UNIQUE (channel, message)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ends (channel TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
"""
_PATIENCE = 30.0  # seconds, for another process that writes


class Spool:
    """One file; for any thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)  # what SQLite writes beside it is no more open than it
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)
        old = int((time.time() - RETENTION_SECONDS) * 1000)
        self._db.execute("DELETE FROM events WHERE time_ms < ?", (old,))

    def add(self, channel: str, records: Sequence[Record]) -> None:
        """Append what is not there yet: a message may come twice, and is known by its id."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                end = self._end(channel)
                for record in records:
                    headers = [[name, as_json(text)] for name, text in record.headers]
                    added = self._db.execute(
                        "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (
                            channel,
                            end,
                            record.message_id,
                            record.time_ms,
                            record.key,
                            json.dumps(headers),
                            record.value,
                        ),
                    )
                    end += added.rowcount
                self._db.execute("INSERT OR REPLACE INTO ends VALUES (?, ?)", (channel, end))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def read(self, channel: str, first: int, limit: int) -> list[Record]:
        """What stands on a channel from an offset on."""
        with self._lock:
            rows = self._db.execute(
                "SELECT offset, time_ms, key, headers, value FROM events "
                "WHERE channel = ? AND offset >= ? ORDER BY offset LIMIT ?",
                (channel, first, limit),
            ).fetchall()
        return [
            Record(
                channel,
                0,
                offset,
                time_ms,
                key,
                [(name, from_json(text)) for name, text in json.loads(headers)],
                value,
            )
            for offset, time_ms, key, headers, value in rows
        ]

    def begin(self, channel: str) -> int:
        """The first offset that is kept."""
        with self._lock:
            return self._first("SELECT MIN(offset) FROM events WHERE channel = ?", channel)

    def end(self, channel: str) -> int:
        """The offset that comes next."""
        with self._lock:
            return self._end(channel)

    def since(self, channel: str, time_ms: float) -> int:
        """The first offset of a time or later; the end where there is none."""
        query = "SELECT MIN(offset) FROM events WHERE channel = ? AND time_ms >= ?"
        with self._lock:
            return self._first(query, channel, time_ms)

    def forget(self, channel: str) -> None:
        """Drop all of a channel; its offsets begin anew."""
        with self._lock:
            self._db.execute("DELETE FROM events WHERE channel = ?", (channel,))
            self._db.execute("DELETE FROM ends WHERE channel = ?", (channel,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _end(self, channel: str) -> int:
        found = self._db.execute("SELECT next FROM ends WHERE channel = ?", (channel,)).fetchone()
        return int(found[0]) if found else 0

    def _first(self, query: str, channel: str, *more: float) -> int:
        (found,) = self._db.execute(query, (channel, *more)).fetchone()
        return self._end(channel) if found is None else int(found)

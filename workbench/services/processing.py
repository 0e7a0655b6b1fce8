"""How long attempts take: a histogram in the service's file, which restarts go on with.

Gathered in memory for a round (:class:`Durations`) and written with it, a row for each bucket that
has grown; read back as a :class:`Histogram` for each event type, reaction and outcome.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

OK, ERROR = "ok", "error"
"""How an attempt has ended: with its effects made, or with an error."""

BOUNDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025),
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
"""The most seconds of each bucket; one more bucket is without bound.

From 5 ms on those that OpenTelemetry advises for ``messaging.process.duration``
(https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/); finer ones below, where
most reactions are. The files know buckets by their number: other bounds are another format.
"""

TABLE = """
CREATE TABLE processing (
    event_type TEXT, reaction TEXT, outcome TEXT, bucket INTEGER, n INTEGER, seconds REAL,
    PRIMARY KEY (event_type, reaction, outcome, bucket)
) WITHOUT ROWID;
"""


class Attempted(NamedTuple):
    """What was attempted, and how it ended: OK or ERROR."""

    event_type: str
    reaction: str
    outcome: str


class Durations:
    """How long a round's attempts took; for one thread."""

    def __init__(self) -> None:
        self._grown: dict[tuple[str, str, str, int], list[float]] = {}

    def add(self, event_type: str, reaction: str, outcome: str, seconds: float) -> None:
        """Count one attempt."""
        key = event_type, reaction, outcome, bisect_left(BOUNDS, seconds)
        cell = self._grown.get(key)
        if cell is None:
            self._grown[key] = [1, seconds]
        else:
            cell[0] += 1
            cell[1] += seconds

    def write(self, file: sqlite3.Connection) -> None:
        """Add them to the table."""
        if self._grown:
            file.executemany(
                "INSERT INTO processing VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (event_type, reaction, outcome, bucket) "
                "DO UPDATE SET n = n + excluded.n, seconds = seconds + excluded.seconds",
                [(*key, *cell) for key, cell in self._grown.items()],
            )


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many attempts took how long.

    Attributes
    ----------
    counts
        Of each bucket of :data:`BOUNDS`, and of the one without bound.
    seconds
        All attempts together.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    seconds: float = 0.0

    @property
    def n(self) -> int:
        """How many attempts there were."""
        return sum(self.counts)

    def __add__(self, other: Histogram) -> Histogram:
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Histogram(counts, self.seconds + other.seconds)

    def cumulative(self) -> list[int]:
        """How many attempts took at most each bound's seconds; the last number is of all."""
        return list(accumulate(self.counts))

    def mean(self) -> float | None:
        """Seconds that an attempt took on average; ``None`` if there was none."""
        return self.seconds / self.n if self.n else None

    def quantile(self, share: float) -> float | None:
        """Seconds within which a share of the attempts, from 0 to 1, ended; ``None`` of none.

        An estimate: attempts are taken to be spread evenly over their bucket. Beyond the last
        bound nothing is known: it is the most that is given.
        """
        rank, below = share * self.n, 0
        if not self.n:
            return None
        for bucket, n in enumerate(self.counts[:-1]):
            if n and below + n >= rank:
                lower = BOUNDS[bucket - 1] if bucket else 0.0
                return lower + (BOUNDS[bucket] - lower) * max(0.0, rank - below) / n
            below += n
        return BOUNDS[-1]


def histograms(file: sqlite3.Connection) -> dict[Attempted, Histogram]:
    """All that is in the table."""
    rows: Iterable[tuple[str, str, str, int, int, float]] = file.execute(
        "SELECT event_type, reaction, outcome, bucket, n, seconds FROM processing"
    )
    counts: dict[Attempted, list[int]] = {}
    seconds: dict[Attempted, float] = {}
    for event_type, reaction, outcome, bucket, n, spent in rows:
        what = Attempted(event_type, reaction, outcome)
        counts.setdefault(what, [0] * (len(BOUNDS) + 1))[bucket] += n
        seconds[what] = seconds.get(what, 0.0) + spent
    return {what: Histogram(tuple(found), seconds[what]) for what, found in counts.items()}

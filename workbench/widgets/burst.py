"""A burst: many events of one type, at a rate, each with values of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.session import Published

_TICK_SECONDS = 0.1
_LARGEST_BATCH = 2_000
_KEPT = 20

Send = Callable[[Sequence[dict[str, Any]]], list[Published]]


@dataclass
class Burst:
    """``n`` events at ``rate`` a second (0: as fast as it goes). Run it in a thread.

    ``send`` publishes payloads; ``make`` makes one. What is read while it runs is complete at
    the end: ``sent``, ``refused``, ``seconds``, the first ``problem`` and the ``last`` ones.
    """

    n: int
    rate: float
    make: Callable[[], dict[str, Any]]
    send: Send
    sent: int = 0
    refused: int = 0
    seconds: float = 0.0
    problem: str = ""
    done: bool = False
    last: list[Published] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)

    def run(self) -> None:
        """Publish until all are sent, or :meth:`stop`; never raises."""
        began = time.monotonic()
        try:
            while self.sent + self.refused < self.n and not self._stop.is_set():
                tried, elapsed = self.sent + self.refused, time.monotonic() - began
                due = self.n if self.rate <= 0 else int((elapsed + _TICK_SECONDS) * self.rate) + 1
                batch = min(due, self.n, tried + _LARGEST_BATCH) - tried
                if batch > 0:
                    self._publish(batch)
                    self.seconds = time.monotonic() - began
                if self.rate > 0:
                    ahead = (self.sent + self.refused) / self.rate - (time.monotonic() - began)
                    self._stop.wait(max(0.0, ahead))
        except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
            self.problem = f"{error}"
        self.done = True

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def _publish(self, batch: int) -> None:
        published = self.send([self.make() for _ in range(batch)])
        refused = [one for one in published if one.error is not None]
        self.sent += len(published) - len(refused)
        self.refused += len(refused)
        if refused and not self.problem:
            self.problem = refused[0].error or ""
        self.last = [*self.last, *published][-_KEPT:]

    def summary(self) -> str:
        """How it went, in a sentence."""
        rate = self.sent / self.seconds if self.seconds > 0 else 0.0
        text = f"{self.sent:,} of {self.n:,} events published in {self.seconds:.1f} s"
        text += f": {rate:,.0f} events/s" if self.sent > 1 else ""
        text += f"; {self.refused:,} refused" if self.refused else ""
        text += "; stopped" if self.stopped and self.sent + self.refused < self.n else ""
        return f"{text}. {self.problem}" if self.problem else f"{text}."

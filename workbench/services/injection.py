"""Faults inside a service, on purpose: slowness, errors, doubled effects, disorder, lost commits.

They stand in a small file beside the service's own, so that a restart does not end them, and each
ends by itself at its time. Whether one strikes an event is drawn from its seed and the event's
payload: the same seed and payloads give the same faults, whatever the ids and the timing. (Disorder
and lost commits strike whole polls, and what is in a poll is a matter of timing.)
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import orjson

from workbench.brokers import Outgoing
from workbench.services.clock import Clock

SLOW, ERROR, DUPLICATE, REORDER, DROP = "slow", "error rate", "duplicate", "reorder", "drop commit"
KINDS = (SLOW, ERROR, DUPLICATE, REORDER, DROP)
Item = TypeVar("Item")


class InjectedError(Exception):
    """A failure asked for by ``wb.faults``."""


class CommitDroppedError(Exception):
    """A crash asked for by ``wb.faults``, after effects were sent and before offsets are committed."""


@dataclass(frozen=True)
class Injection:
    """One fault in force.

    ``event_type`` narrows it to events of a type; ``share`` is of events (or of batches, for
    disorder and lost commits), 0 to 1; ``seconds`` is the mean delay of slowness (the delays are
    exponential); ``until`` is when it ends, in seconds since 1970 UTC.
    """

    kind: str
    until: float
    seed: str
    share: float = 1.0
    event_type: str | None = None
    seconds: float = 0.0

    def strikes(self, event_type: str, what: str) -> bool:
        """Whether it strikes an event; ``what`` tells events and tries apart."""
        if self.event_type not in (None, event_type):
            return False
        return self.share >= 1 or self.chance(what).random() < self.share

    def chance(self, what: str) -> random.Random:
        """Random numbers that depend on the seed and on what they are for, and on nothing else."""
        return random.Random(f"{self.seed}/{self.kind}/{what}")


def injection_path(store: Path) -> Path:
    """The file of a service's faults, beside its own."""
    return store.with_suffix(".faults")


def write_injections(store: Path, injections: Sequence[Injection]) -> None:
    """Put faults into force, instead of those that are; in one step."""
    path = injection_path(store)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(orjson.dumps([asdict(injection) for injection in injections]))
    Path(file.name).replace(path)


def read_injections(store: Path) -> list[Injection]:
    """The faults of a service that were put into force; some may have ended."""
    try:
        return [Injection(**entry) for entry in orjson.loads(injection_path(store).read_bytes())]
    except FileNotFoundError:
        return []


class Injector:
    """Inflicts on a service what stands in its file; asks for it once a round."""

    def __init__(self, store: Path, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._stamp: tuple[int, int] | None = None
        self._known: list[Injection] = []
        self._active: list[Injection] = []
        self._rounds = 0
        self._slowed: set[str] = set()

    def refresh(self) -> None:
        """See which faults are in force; a look at a file's time, if there is one at all."""
        stamp = None
        with contextlib.suppress(FileNotFoundError):
            found = os.stat(injection_path(self._store))  # noqa: PTH116 - once a round
            stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._stamp:
            self._stamp = stamp
            self._known = read_injections(self._store)
        if self._known:
            now = self._clock.now().timestamp()
            self._active = [injection for injection in self._known if injection.until > now]
            self._rounds += 1
            self._slowed.clear()
        else:
            self._active = []

    def before_attempt(self, event_type: str, payload_hash: bytes, attempt: int) -> None:
        """Be slow, or fail, before a reaction's handler is called."""
        if not self._active:
            return
        what = f"{payload_hash.hex()}/{attempt}"
        for injection in self._active:
            slow = injection.kind == SLOW and what not in self._slowed
            if slow and injection.strikes(event_type, what):
                self._slowed.add(what)  # once a round: it may be done a second time (see Work)
                self._clock.sleep(injection.chance(what).expovariate(1 / injection.seconds))
            if injection.kind == ERROR and injection.strikes(event_type, what):
                raise InjectedError("a failure on purpose (wb.faults)")

    def doubled(self, batch: Sequence[Outgoing]) -> list[Outgoing]:
        """Those of a batch that are sent once more."""
        twice = [injection for injection in self._active if injection.kind == DUPLICATE]
        return [
            outgoing
            for outgoing in batch
            if any(injection.strikes("", (outgoing.value or b"").hex()) for injection in twice)
        ]

    def disorder(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items of a poll, in the order in which the service is given them."""
        for injection in self._active:
            if injection.kind == REORDER and injection.strikes("", f"{self._rounds}"):
                shuffled = list(items)
                injection.chance(f"order/{self._rounds}").shuffle(shuffled)
                return shuffled
        return items

    def before_commit(self) -> None:
        """Crash with the effects sent, and neither that noted nor the offsets committed."""
        for injection in self._active:
            if injection.kind == DROP and injection.strikes("", f"{self._rounds}"):
                raise CommitDroppedError("a lost commit on purpose (wb.faults)")

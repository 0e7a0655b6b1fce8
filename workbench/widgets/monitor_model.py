"""What the monitor knows: a watch over the services and the channels, in threads of its own.

Consumer thread → this model, under one lock → the widget's flusher. The model is plain Python: a
script may hold one too.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.brokers import Broker, Position, Reader, Record
from workbench.services import Life, consumer_lag, read_counts, store_path
from workbench.widgets.feed import Feed, FlowStep, Passing, passing
from workbench.widgets.rates import Rate

if TYPE_CHECKING:
    from workbench.session import Workbench

POLL_SECONDS = 0.4
HISTORY = 20_000
"""Events already on the channels that are read when the watch begins; the newest of more."""
_TAIL_WAIT = 0.2
_PATIENCE = 1.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class ServiceNow:
    """One service at one moment. ``errors`` counts its dead letters; ``instances`` are up."""

    name: str
    state: str = "stopped"
    up: bool = False
    pid: int | None = None
    handled: int = 0
    in_flight: int = 0
    waiting: int = 0
    lag: int | None = None
    errors: int = 0
    duplicates: int = 0
    crashes: int = 0
    instances: int = 1
    problem: str = ""


@dataclass(frozen=True)
class Snapshot:
    """Everything the monitor shows of services and channels, at one moment."""

    services: dict[str, ServiceNow] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    """Event type → how many of its events this watch has read."""
    produced: dict[tuple[str, str], float] = field(default_factory=dict)
    """(source, event type) → events a second now."""
    events: int = 0
    """How many events this watch has read, dead letters included."""
    since_start: bool = True
    """Whether that is everything on the channels, or only the newest of them."""
    trouble: str = ""
    """Why this may be out of date; empty when all is well."""


class Watch:
    """Follows a workbench's channels and services until :meth:`stop`.

    The broker is taken once, at the start: a workbench that is closed meanwhile is not brought
    back to life by being watched.
    """

    def __init__(self, wb: Workbench) -> None:
        self._wb = wb
        self._broker: Broker = wb.broker
        self._folder = wb.folder
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._feed = Feed()
        self._seen: Counter[str] = Counter()
        self._rates: dict[tuple[str, str], Rate] = {}
        self._services: dict[str, ServiceNow] = {}
        self._troubles: dict[str, str] = {}
        self._offsets: dict[Position, int] = {}
        self._history: dict[Position, int] = {}  # where each partition ended when found
        self._read = 0
        self._since_start = True
        self._threads = [
            threading.Thread(target=self._tail, name="monitor-tail", daemon=True),
            threading.Thread(target=self._poll, name="monitor-poll", daemon=True),
        ]

    def start(self) -> None:
        """Begin to watch."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop watching, and wait for the threads to end."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether a thread of it still runs."""
        return any(thread.is_alive() for thread in self._threads)

    # --- what it knows --------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything at this moment; equal to the last one if nothing has changed."""
        now = time.monotonic()
        with self._lock:
            rates = {pair: round(rate.per_second(now)) for pair, rate in self._rates.items()}
            return Snapshot(
                services=dict(self._services),
                seen=dict(self._seen),
                produced={pair: rate for pair, rate in rates.items() if rate},
                events=self._read,
                since_start=self._since_start,
                trouble=" ".join(self._troubles.values()),
            )

    def newest(self, n: int = 50) -> list[dict[str, Any]]:
        """The newest events, newest first."""
        with self._lock:
            return self._feed.newest(n)

    def flow_of(self, place: str) -> list[FlowStep]:
        """The flow of the event at a place, in order."""
        with self._lock:
            return self._feed.flow_of(place)

    def flow_size(self, place: str) -> int:
        """How many events of that flow are held."""
        with self._lock:
            return self._feed.flow_size(place)

    # --- the channels ---------------------------------------------------------------------

    def _tail(self) -> None:
        reader: Reader | None = None
        followed: set[str] = set()
        looked = 0.0
        while not self._stopping.is_set():
            try:
                wanted = self._channels()
                if reader is None or time.monotonic() - looked > _LOOK_SECONDS:
                    looked = time.monotonic()
                    if self._forget_if_wiped():
                        _close(reader)
                        reader, followed = None, set()
                    if (reader is None or wanted - followed) and self._find_ends(wanted):
                        _close(reader)
                        reader = self._broker.reader(dict(self._offsets))
                        followed = {position.channel for position in self._offsets}
                if reader is None:
                    self._stopping.wait(_TAIL_WAIT)
                    continue
                records = reader.poll(_TAIL_WAIT)
                if records:
                    self.take(records)
                self._say("tail", "")
            except Exception as error:  # noqa: BLE001 - a watch outlives whatever its broker does
                self._say("tail", f"the broker does not answer: {error}")
                _close(reader)
                reader = None
                self._stopping.wait(_PATIENCE)
        _close(reader)

    def _forget_if_wiped(self) -> bool:
        """Begin anew if channels were deleted, as ``wb.reset()`` does between two groups."""
        ends = self._broker.end_offsets({position.channel for position in self._offsets})
        if all(ends.get(position, 0) >= offset for position, offset in self._offsets.items()):
            return False
        with self._lock:
            self._offsets, self._history = {}, {}
            self._feed, self._seen, self._rates = Feed(), Counter(), {}
            self._read, self._since_start = 0, True
        return True

    def _channels(self) -> set[str]:
        return {*self._wb.channels(), *self._wb.dead_letter_channels()}

    def _find_ends(self, channels: set[str]) -> bool:
        """Set out where to read new channels from; whether there is a new one."""
        new = {name for name in channels if name not in {p.channel for p in self._offsets}}
        ends = self._broker.end_offsets(new & self._broker.channels())
        if not ends:
            return bool(self._offsets)
        begins = self._broker.begin_offsets({position.channel for position in ends})
        total = sum(ends[p] - begins.get(p, 0) for p in ends)
        each = max(1, HISTORY // len(ends))
        for position, end in ends.items():
            begin = begins.get(position, 0)
            first = begin if total <= HISTORY else max(begin, end - each)
            self._offsets[position] = first
            self._since_start &= first == begin
        self._history.update(ends)
        return True

    def take(self, records: list[Record]) -> None:
        """Count records; those from before the watch began make no edge light up."""
        facts = [(record, passing(record)) for record in records]
        now = time.monotonic()
        with self._lock:
            new: Counter[tuple[str, str]] = Counter()
            for record, (kind, source, _, letter_of) in facts:
                position = Position(record.channel, record.partition)
                self._offsets[position] = record.offset + 1
                if kind is None or letter_of is not None:
                    continue
                self._seen[kind] += 1
                if record.offset >= self._history.get(position, 0):
                    new[source or "", kind] += 1
            for pair, n in new.items():
                self._rates.setdefault(pair, Rate()).add(n, now)
            self._feed.add(_by_time(facts))
            self._read += len(facts)

    # --- the services ---------------------------------------------------------------------

    def _poll(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                if self._wb.connection.current is not self._broker:
                    self._say("poll", "this workbench was closed; open a new monitor.")
                else:
                    self.look_at_services()
                    self._look_at_lag()
                    self._say("poll", "")
            except Exception as error:  # noqa: BLE001 - see above
                self._say("poll", f"the broker does not answer: {error}")
                self.look_at_services()
            self._stopping.wait(max(0.05, POLL_SECONDS - (time.monotonic() - began)))

    def look_at_services(self) -> None:
        """Ask how each service is: nothing here needs the broker."""
        lives = self._wb.lives()
        found = {}
        for name in list(self._wb.choreography.services):
            life = lives.get(name)
            counts: Counter[str] = Counter()
            for (what, _), n in read_counts(store_path(self._folder, name)).items():
                counts[what] += n
            found[name] = self._now(name, life, counts)
        with self._lock:
            self._services = found

    def _now(self, name: str, life: Life | None, counts: Counter[str]) -> ServiceNow:
        status = life.status if life is not None and life.up else None
        before = self._services.get(name)
        return ServiceNow(
            name,
            state=life.state if life is not None else "not started",
            up=life is not None and life.up,
            pid=life.pid if life is not None and life.up else None,
            handled=counts["handled"],
            in_flight=status.in_flight if status is not None else 0,
            waiting=status.waiting if status is not None else 0,
            lag=before.lag if before is not None else None,
            errors=counts["dead_letters"],
            duplicates=counts["duplicates"],
            crashes=life.crashes if life is not None else 0,
            instances=life.instances if life is not None else 1,
            problem=status.problem if status is not None else "",
        )

    def _look_at_lag(self) -> None:
        lags = consumer_lag(self._broker, self._wb.choreography, self._wb.namespace)
        with self._lock:
            for name, n in lags.items():
                if name in self._services:
                    values = {**self._services[name].__dict__, "lag": n}
                    self._services[name] = ServiceNow(**values)

    def _say(self, who: str, trouble: str) -> None:
        with self._lock:
            if trouble:
                self._troubles[who] = trouble
            else:
                self._troubles.pop(who, None)


def _by_time(facts: list[tuple[Record, Passing]]) -> list[tuple[Record, Passing]]:
    return sorted(facts, key=lambda pair: (pair[0].time_ms, pair[0].channel, pair[0].offset))


def _close(reader: Reader | None) -> None:
    try:
        if reader is not None:
            reader.close()
    except Exception:  # noqa: BLE001, S110 - it is being thrown away
        pass

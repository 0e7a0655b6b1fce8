"""Running a design's services: started, stopped, killed, and asked how they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench.brokers import Broker, MemoryBroker, Position
from workbench.choreography import Choreography
from workbench.errors import EventError, ServiceError
from workbench.events import from_kafka
from workbench.services import (
    InlineRunner,
    Life,
    RetryPolicy,
    Runner,
    Store,
    Supervisor,
    channel_name,
    consumer_lag,
    read_counts,
    read_left,
    read_state,
    service_spec,
)
from workbench.session.connection import Connection
from workbench.session.convergence import Convergence

if TYPE_CHECKING:
    import pandas as pd

_EFFECTS = ("suppress", "resend")
_COUNTS = ("handled", "emitted", "duplicates", "retries", "dead_letters")


class Running:
    """Keeps a design's services running; for any thread. See :class:`Workbench` for the verbs."""

    def __init__(
        self,
        choreography: Choreography,
        connection: Connection,
        *,
        retry: RetryPolicy,
        durable: bool,
        say: Callable[[str], None],
    ) -> None:
        self._choreography = choreography
        self._connection = connection
        self.retry = retry
        self._durable, self._say = durable, say
        self._lock = threading.RLock()
        self._runner: Runner | None = None
        choreography.listeners.append(self._on_change)

    @property
    def runner(self) -> Runner:
        """What keeps the services running."""
        with self._lock:
            if self._runner is None:
                broker, folder = self._connection.broker, self._connection.folder
                if isinstance(broker, MemoryBroker):
                    self._runner = InlineRunner(folder, broker, self._say)
                else:
                    settings = getattr(broker, "client_settings", dict)
                    self._runner = Supervisor(folder, settings, self._say)
            return self._runner

    # --- started and stopped --------------------------------------------------------------

    def start(self, services: tuple[str, ...], timeout: float) -> None:
        """Start services (all those that are down, if none is named) and wait for them."""
        self._connection.may_write("start services")
        for name in services:
            self._check(name)
        lives = self.lives()
        names = services or tuple(
            name
            for name, service in self._choreography.services.items()
            if service.reactions and not (name in lives and lives[name].up)
        )
        if not names and not lives:
            raise ServiceError(
                "there is no service with a reaction yet: define one with "
                '@wb.service("inventory").on(OrderPlaced), or in wb.designer().'
            )
        specs = [
            service_spec(
                self._choreography,
                name,
                namespace=self._connection.namespace,
                folder=self._connection.folder,
                retry=self.retry,
                durable=self._durable,
            )
            for name in names
        ]
        self._connection.ensure_channels()
        for spec in specs:
            self.runner.start(spec)
        self._wait_until_running(names, timeout)

    def stop(self, services: tuple[str, ...], timeout: float) -> None:
        """End services in good order; all that are up, if none is named."""
        for name in services or self._up():
            self._check(name)
            self.runner.stop(name, timeout)

    def kill(self, service: str) -> None:
        """End a service as a crash would."""
        self._check(service)
        self.runner.kill(service)

    def restart(self, service: str, timeout: float) -> None:
        """Stop a service if it runs, and start it with the design as it is now."""
        self._check(service)
        life = self.lives().get(service)
        if life is not None and (life.up or life.wanted):
            self.runner.stop(service)
        self.start((service,), timeout)

    def reprocess(self, service: str, since: datetime | None, effects: str) -> int:
        """Let a service handle events again; returns how many."""
        self._check(service)
        self._connection.may_write("reprocess events")
        if effects not in _EFFECTS:
            raise ServiceError(f"effects are 'suppress' or 'resend', not {effects!r}.")
        life = self.lives().get(service)
        was_up = life is not None and (life.up or life.wanted)
        if was_up:
            self.runner.stop(service)
        self._connection.ensure_channels()
        broker, namespace = self._connection.broker, self._connection.namespace
        channels = [channel_name(namespace, name) for name in self._choreography.inputs(service)]
        ends = broker.end_offsets(channels)
        begins = broker.begin_offsets(channels)
        starts = broker.offsets_at(channels, since) if since is not None else begins
        forget = None if since is None else _identities(broker, starts, ends)
        store = Store(self._connection.store(service), durable=self._durable)
        try:
            with store.transaction():
                store.reprocessing.begin(ends, forget, suppress=effects == "suppress")
        finally:
            store.close()
        broker.rewind(channel_name(namespace, service), starts)
        if was_up:
            self.start((service,), timeout=30.0)
        return sum(ends[position] - start for position, start in starts.items())

    def kill_all(self) -> None:
        """End every service at once."""
        for name in self._up():
            self.runner.kill(name)

    def close(self) -> None:
        """Stop every service."""
        with self._lock:
            if self._runner is not None:
                self._runner.close()
                self._runner = None

    def _check(self, service: str) -> None:
        """Refuse a misspelt name: what is asked of it would be empty, as if all were well."""
        if service not in {*self._choreography.services, *self.lives()}:
            known = ", ".join(self._choreography.services) or "none"
            raise ServiceError(f"there is no service {service!r} in this design (it has: {known}).")

    def _up(self) -> list[str]:
        return [name for name, life in self.lives().items() if life.up or life.wanted]

    def _wait_until_running(self, names: Iterable[str], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        waiting = set(names)
        while waiting:
            lives = self.lives()
            waiting = {name for name in waiting if lives[name].state != "running"}
            broken = [name for name in waiting if lives[name].crashes >= 3]
            if broken or time.monotonic() > deadline:
                name = min(broken or waiting)
                last = self.output(name, lines=3).strip() or "it printed nothing"
                raise ServiceError(f"{name} does not come up; its last words: {last}")
            time.sleep(0.02)

    def _on_change(self, service: str) -> None:
        life = self.lives().get(service)
        if life is not None and life.up:
            self._say(f"{service} has changed; wb.restart({service!r}) puts the change to work.")

    # --- asked ----------------------------------------------------------------------------

    def lives(self) -> dict[str, Life]:
        """How each service that was ever started is doing."""
        return self._runner.lives() if self._runner is not None else {}

    def output(self, service: str, lines: int) -> str:
        """The last lines of a service's output file."""
        self._check(service)
        path = self.runner.output_path(service)
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 400 * lines))
            text = file.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def state(self, service: str) -> dict[str, Any]:
        """A service's state as of its last commit."""
        self._check(service)
        return read_state(self._connection.store(service))

    def counts(self, service: str) -> dict[str, int]:
        """What a service has counted, the event types added up."""
        self._check(service)
        totals: dict[str, int] = {}
        for (what, _), n in read_counts(self._connection.store(service)).items():
            totals[what] = totals.get(what, 0) + n
        return totals

    def states(self) -> pd.DataFrame:
        """Every service's state; :meth:`Workbench.states` says what is in it."""
        import pandas as pd

        rows = [
            (name, key, value)
            for name in self._choreography.services
            for key, value in self.state(name).items()
        ]
        return pd.DataFrame(rows, columns=["service", "key", "value"])

    def converged(self) -> Convergence:
        """Whether everything has come to rest as it should."""
        left = self._left_to_do()
        states = {name: self.state(name) for name in self._choreography.services}
        verdicts = {
            name: (invariant.source, invariant.check(states))
            for name, invariant in self._choreography.invariants.items()
        }
        return Convergence(left, verdicts)

    def lag(self) -> dict[str, int]:
        """Service → events on its channels that it has not committed yet."""
        return consumer_lag(self._connection.broker, self._choreography, self._connection.namespace)

    def status(self) -> pd.DataFrame:
        """One row a service; :meth:`Workbench.status` says what is in it."""
        import pandas as pd

        lives, lags = self.lives(), self.lag()
        rows = []
        for name in self._choreography.services:
            life = lives.get(name, Life(name))
            totals = self.counts(name)
            rows.append(
                {
                    "service": name,
                    "state": life.state,
                    "pid": life.pid if life.up else None,
                    **{what: totals.get(what, 0) for what in _COUNTS},
                    "in_flight": life.status.in_flight if life.up and life.status else 0,
                    "waiting": life.status.waiting if life.up and life.status else 0,
                    "lag": lags.get(name, 0),
                    "crashes": life.crashes,
                }
            )
        return pd.DataFrame(rows).astype({"pid": "Int64"}) if rows else pd.DataFrame()

    def wait_until_idle(self, timeout: float) -> None:
        """Wait until every event is handled and every effect sent, delayed ones included."""
        deadline = time.monotonic() + timeout
        hopeless = 0
        pause = 0.02
        calm: Mapping[Position, int] | None = None
        while True:
            # All is handled in one look, and the next finds nothing appended since the first
            # began: then what was handled has had no effect that is still to come.
            ends = self._connection.broker.end_offsets(self._connection.channels())
            left = self._left_to_do()
            if not left and ends == calm:
                return
            calm = None if left else ends
            lives = self.lives()
            down = [name for name in left if not (name in lives and lives[name].wanted)]
            hopeless = hopeless + 1 if left and len(down) == len(left) else 0
            if hopeless > 2 or (left and time.monotonic() > deadline):
                what = ", ".join(f"{name}: {n}" for name, n in sorted(left.items()))
                start = ", ".join(f'"{name}"' for name in sorted(down))
                hint = f" wb.start({start}) lets it go on." if down else ""
                why = "and nobody at work on it" if hopeless > 2 else f"after {timeout:g} s"
                raise ServiceError(f"not at rest {why}; left to do: {what}.{hint}")
            time.sleep(pause)
            pause = min(0.15, 1.5 * pause)

    def _left_to_do(self) -> dict[str, str]:
        # From the files, not from what services report: a report may be late, and a service
        # that was killed reports nothing, but its delayed effects are still to be sent.
        left = {}
        for name in self._choreography.services:
            found = read_left(self._connection.store(name))
            waits = zip(found, ("effect", "retry", "event", "timer"), strict=True)
            for n, what in waits:
                if n:
                    left[name] = _count(n, what)
        left |= {name: _count(n, "event") for name, n in self.lag().items() if n}
        for name, life in self.lives().items():
            if life.wanted and not life.up:
                left[name] = "its restart"
        return left


def _identities(
    broker: Broker, starts: Mapping[Position, int], ends: Mapping[Position, int]
) -> list[tuple[str, str]]:
    """Source and id of every event in a range; the place of what is no event."""
    from workbench.capture import read_range

    found = []
    for record in read_range(broker, starts, ends):
        try:
            envelope = from_kafka(record.headers, record.value)
            found.append((envelope.source, envelope.id))
        except EventError:
            found.append((record.channel, f"{record.partition}:{record.offset}"))
    return found


def _count(n: int, what: str) -> str:
    plural = {"retry": "retries"}.get(what, f"{what}s")
    return f"{n:,} {what if n == 1 else plural}"

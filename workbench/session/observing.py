"""Looking at running services: what they know, what they have done, and what is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.choreography import Choreography
from workbench.errors import ServiceError
from workbench.services import (
    Life,
    consumer_lag,
    read_counts,
    read_left,
    read_refused,
    read_state,
    read_touched,
    service_of,
)
from workbench.session.connection import Connection
from workbench.session.convergence import Convergence
from workbench.session.metrics import ServiceMetrics, metrics_frame
from workbench.session.running import Running

if TYPE_CHECKING:
    import pandas as pd

Read = TypeVar("Read")
_COUNTS = ("handled", "emitted", "duplicates", "retries", "dead_letters")


class Observing:
    """Reads the services' files and the broker; for any thread. See :class:`Workbench`."""

    def __init__(
        self, choreography: Choreography, connection: Connection, running: Running
    ) -> None:
        self._choreography, self._connection, self._running = choreography, connection, running

    def state(self, service: str) -> dict[str, Any]:
        """A service's state as of its last commit."""
        self._running.check(service)
        return read_state(self._connection.store(service))

    def counts(self, service: str) -> dict[str, int]:
        """What a service has counted, the event types added up."""
        self._running.check(service)
        totals: dict[str, int] = {}
        for (what, _), n in read_counts(self._connection.store(service)).items():
            totals[what] = totals.get(what, 0) + n
        return totals

    def touched(self) -> dict[str, list[str]]:
        """``service/reaction`` → the fields that its handler was seen to touch."""
        found: dict[str, list[str]] = {}
        if self._connection.current is None:
            return found  # a question about a design starts no broker
        for service in self._choreography.services:
            for reaction, field in sorted(read_touched(self._connection.store(service))):
                found.setdefault(f"{service}/{reaction}", []).append(field)
        return found

    def logs(self, *, service: str | None, **asked: Any) -> pd.DataFrame:
        """What happened in the services; :meth:`Workbench.logs` says what is in it."""
        from workbench.session.logs import read_logs

        if service is not None:
            self._running.labels(service)
        return read_logs(self._connection.folder, service=service, **asked)

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
        left, states = self._at_one_moment(
            lambda: {name: self.state(name) for name in self._choreography.services}
        )
        verdicts = {
            name: (invariant.source, invariant.check(states))
            for name, invariant in self._choreography.invariants.items()
        }
        refused = {name: self._refused(name) for name in self._choreography.services}
        known = {name: reasons for name, reasons in refused.items() if reasons}
        return Convergence(left, verdicts, self._dead_letters(), known)

    def _refused(self, service: str) -> list[str]:
        """Why the broker will never take what the service keeps in its file."""
        return read_refused(self._connection.store(service))

    def _dead_letters(self) -> int:
        broker, channels = self._connection.broker, self._connection.dead_letter_channels()
        if broker.end_offsets(channels) == broker.begin_offsets(channels):
            return 0
        from workbench.session.desk import Desk

        return len(Desk(self._choreography, self._connection).read(settled=False))

    def lag(self) -> dict[str, int]:
        """Service → events on its channels that it has not committed yet."""
        return consumer_lag(self._connection.broker, self._choreography, self._connection.namespace)

    def status(self) -> pd.DataFrame:
        """One row a service; :meth:`Workbench.status` says what is in it."""
        import pandas as pd

        lives, lags = self._running.lives(), self.lag()
        rows = []
        for name in self._choreography.services:
            life = lives.get(name, Life(name))
            totals = self.counts(name)
            left, lag = read_left(self._connection.store(name)), lags.get(name, 0)
            # A report may be late: where all is committed and sent, nothing is in flight.
            reported = life.status if life.up and (lag or left.effects) else None
            rows.append(
                {
                    "service": name,
                    "state": life.state,
                    "instances": life.instances if life.up else 0,
                    "pid": life.pid if life.up else None,
                    **{what: totals.get(what, 0) for what in _COUNTS},
                    "in_flight": reported.in_flight if reported else 0,
                    "waiting": sum(left),
                    "refused": len(self._refused(name)),
                    "lag": lag,
                    "crashes": life.crashes,
                }
            )
        return pd.DataFrame(rows).astype({"pid": "Int64"}) if rows else pd.DataFrame()

    def metrics(self) -> pd.DataFrame:
        """One row a service and event type; :meth:`Workbench.metrics` says what is in it."""
        folder = self._connection.folder
        found = [
            ServiceMetrics.read(service, folder)
            for service in list(self._choreography.services.values())
        ]
        return metrics_frame(found, self.lag())

    def wait_until_idle(self, timeout: float) -> None:
        """Wait until every event is handled and every effect sent, delayed ones included."""
        deadline = time.monotonic() + timeout
        hopeless = 0
        pause = 0.02
        while left := self._at_one_moment(lambda: None)[0]:
            lives = self._running.lives()
            down = [name for name in left if not (name in lives and lives[name].wanted)]
            hopeless = hopeless + 1 if len(down) == len(left) else 0
            if hopeless > 2 or time.monotonic() > deadline:
                what = ", ".join(f"{name}: {n}" for name, n in sorted(left.items()))
                start = ", ".join(f'"{name}"' for name in sorted(down))
                hint = f" wb.start({start}) lets it go on." if down else ""
                why = "and nobody at work on it" if hopeless > 2 else f"after {timeout:g} s"
                raise ServiceError(f"not at rest {why}; left to do: {what}.{hint}")
            time.sleep(pause)
            pause = min(0.15, 1.5 * pause)

    def _at_one_moment(self, read: Callable[[], Read]) -> tuple[dict[str, str], Read]:
        """Service → what it has still to do, in words; and what ``read`` gives.

        If nothing is left to do, that and what was read were so at one moment.
        """
        broker, channels = self._connection.broker, self._connection.all_channels()
        while True:
            ends = broker.end_offsets(channels, committed=False)
            left, found = self._left_to_do(), read()
            # All was handled before the files were read. What was in them just before and is sent
            # by now is nobody's lag yet: then something was appended, and one must look again.
            if left or broker.end_offsets(channels, committed=False) == ends:
                return left, found

    def _left_to_do(self) -> dict[str, str]:
        # From the files, not from what services report: a report may be late, and a service
        # that was killed reports nothing, but its delayed effects are still to be sent.
        left: dict[str, list[str]] = {}
        for name, n in self.lag().items():
            if n:
                left[name] = [_count(n, "event")]
        for name in self._choreography.services:
            found = read_left(self._connection.store(name))
            for n, what in zip(found, ("effect", "retry", "parked event", "timer"), strict=True):
                if n:
                    left.setdefault(name, []).append(_count(n, what))
        for life in self._running.all_instances():
            if life.wanted and not life.up:
                left.setdefault(service_of(life.service), []).append("its restart")
        return {name: " and ".join(what) for name, what in left.items()}


def _count(n: int, what: str) -> str:
    plural = {"retry": "retries"}.get(what, f"{what}s")
    return f"{n:,} {what if n == 1 else plural}"

"""The log of one instance of a service: what happens in it, and what its handlers log themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from workbench.brokers import Landed
from workbench.errors import BrokerError, EventError
from workbench.events import Envelope, from_kafka
from workbench.services.clock import Clock
from workbench.services.happening import Happening, Observer, current_run
from workbench.services.log_file import LogFile, log_path
from workbench.services.log_lines import LEVELS, LogLines
from workbench.services.outbox import Unsent
from workbench.services.spec import ServiceSpec


class Logs(Observer):
    """Writes the lines of a round together, once it stands; a handler's own at once.

    Its own come at once because they are needed most where a handler hangs, or takes the process
    down with it. So an attempt whose round is taken back has left them, and leaves them again when
    it is repeated, as it does with what it prints.
    """

    def __init__(self, spec: ServiceSpec, clock: Clock) -> None:
        self._clock = clock
        self.least = LEVELS[spec.log_level]
        self._lines = LogLines(spec, self.least, payloads=spec.log_payloads)
        self.wants = self._lines.wants
        self._file = LogFile(log_path(spec.store.parent, spec.label))

    def note(self, told: Happening) -> bytes | None:
        return self._lines.of(told)

    def happened(self, notes: Sequence[bytes]) -> None:
        self._file.write(b"".join(notes))

    def sent(
        self,
        rows: Sequence[Unsent],
        answers: Sequence[Landed | BrokerError],
        started: datetime,  # noqa: ARG002
        at: datetime,
    ) -> None:
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, BrokerError):
                channel, envelope = row.outgoing.channel, _envelope(row)
                self._file.write(self._lines.refused(envelope, channel, str(answer), at))

    def own(
        self,
        level: str,
        event: Any,
        fields: Mapping[Any, Any],
        *,
        logger: str,
        error: BaseException | None = None,
    ) -> None:
        """Write a line of a handler's own, with what is known of the attempt at work."""
        if LEVELS[level] >= self.least:
            run, now = current_run.get(), self._clock.now()
            self._file.write(
                self._lines.own(run, now, level, event, fields, logger=logger, error=error)
            )

    def close(self) -> None:
        self._file.close()


def current_log() -> Logs | None:
    """The log of the service whose handler is at work here."""
    run = current_run.get()
    observers = run.observers if run is not None else ()
    return next((observer for observer in observers if isinstance(observer, Logs)), None)


def _envelope(row: Unsent) -> Envelope | None:
    try:
        return from_kafka(row.outgoing.headers, row.outgoing.value)
    except EventError:
        return None

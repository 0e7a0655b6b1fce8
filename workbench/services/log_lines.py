"""The lines of a service's log: one for each thing that happened, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from workbench.errors import BrokerError, EventError, EventRefusedError
from workbench.events import Envelope
from workbench.events.trace import trace_id
from workbench.services import happening
from workbench.services.arrival import Arrival
from workbench.services.discretion import NOTHING, Discretion
from workbench.services.frames import own_traceback
from workbench.services.happening import Happening, Run
from workbench.services.log_values import Cleaner
from workbench.services.spec import ServiceSpec

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
OFF = "off"
LOG_LEVELS = ("debug", "info", "warning", "error", OFF)
"""What a log may be asked for: lines of that level and above, or none."""

FIELDS = (
    "time",
    "level",
    "service",
    "instance",
    "event",
    "event_type",
    "event_id",
    "source",
    "correlation_id",
    "causation_id",
    "trace_id",
    "channel",
    "partition",
    "offset",
    "reaction",
    "attempt",
    "duration_ms",
    "due",
    "error",
    "traceback",
    "logger",
    "payload",
)
"""What lines may have; a handler's own have others besides."""

_MESSAGE = 2_000
"""Letters of an error's message that are shown."""
_PAYLOAD = 32_000
"""Bytes of a payload that is shown."""
_MILLISECOND = timedelta(milliseconds=1)
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE

_WORDS = {
    happening.STARTED: ("info", "service started"),
    happening.STOPPED: ("info", "service stopped"),
    happening.CRASHED: ("error", "service crashed"),
    happening.HANDLED: ("info", "handled"),
    happening.COMPENSATED: ("info", "compensated"),
    happening.EMITTED: ("debug", "emitted"),
    happening.GUARDED: ("info", "guard false"),
    happening.DUPLICATE: ("info", "duplicate"),
    happening.PARKED: ("info", "parked"),
    happening.ARMED: ("debug", "waits for an absence"),
    happening.DISARMED: ("debug", "absence averted"),
    happening.EXPIRED: ("info", "absence noticed"),
    happening.RETRIED: ("debug", "tried again"),
    happening.FAILED: ("warning", "failed"),
    happening.LATER: ("info", "handed to a later try"),
    happening.WAITING: ("debug", "waits for its time"),
    happening.REDRIVEN: ("info", "redriven"),
    happening.DEAD: ("error", "dead-lettered"),
    happening.POISON: ("error", "dead-lettered as poison"),
}


class LogLines:
    """Makes the lines of one instance."""

    def __init__(self, spec: ServiceSpec, least: int, *, payloads: bool) -> None:
        self._service, self._instance = spec.name, spec.instance
        self._outputs, self._payloads = spec.outputs, payloads
        self._keeps_offsets = spec.keeps_offsets
        self._discretion = Discretion(spec)
        self._words = {what: words for what, words in _WORDS.items() if LEVELS[words[0]] >= least}
        self.wants = frozenset(self._words)
        """Of what there are lines."""

    def of(self, told: Happening) -> bytes | None:
        """The line of what has happened; ``None`` if it is below the level."""
        words = self._words.get(told.what)
        if words is None:
            return None
        line = self._line(told.at, *words, told.event_type, told.envelope)
        arrival = told.arrival
        if arrival is not None:
            if told.what != happening.EMITTED:
                line |= self._place(arrival)
            else:
                line["channel"] = self._outputs.get(told.event_type)
            line["reaction"] = told.reaction or None
            if told.attempt:
                line["attempt"] = told.attempt
        if told.started is not None:
            line["duration_ms"] = (told.at - told.started) / _MILLISECOND
        if told.due is not None:
            line["due"] = _moment(told.due)
        if told.error is not None:
            hidden = self._discretion.hidden(told.envelope)
            line["error"] = Cleaner(hidden).text(self._said(told.error), most=_MESSAGE)
        if self._payloads and told.envelope is not None:
            line["payload"] = self._payload(told.envelope)
        return _json(line)

    def _place(self, arrival: Arrival) -> dict[str, Any]:
        """Where an event stood first, as far as one can find it there."""
        channel, partition, offset = arrival.place
        place = {"channel": channel, "partition": partition}
        return place | {"offset": offset} if self._keeps_offsets else place

    def refused(self, envelope: Envelope | None, channel: str, why: str, at: datetime) -> bytes:
        """The line of something that the broker will never take."""
        type_ = envelope.type if envelope is not None else "?"
        line = self._line(at, "error", "refused by the broker", type_, envelope)
        return _json(line | {"channel": channel, "error": why})

    def own(
        self,
        run: Run | None,
        at: datetime,
        level: str,
        event: Any,
        fields: Mapping[Any, Any],
        *,
        logger: str,
        error: BaseException | None = None,
    ) -> bytes:
        """A line that a handler has written, in the attempt that was at work, if one was.

        What it calls as a field of ours is called has a ``_`` added to its name.
        """
        envelope = run.case.envelope if run is not None else None
        cleaner = Cleaner(self._discretion.hidden(envelope))
        type_ = envelope.type if envelope is not None else ""
        line = self._line(at, level, cleaner.sentence(event), type_, envelope)
        if run is not None:
            line |= self._place(run.case.arrival)
            line |= {"reaction": run.case.reaction.name, "attempt": run.attempt}
        line["logger"] = cleaner.text(logger)
        if error is not None:
            line["error"] = cleaner.text(self._said(error))
            line["traceback"] = cleaner.text(own_traceback(error))
        if error is None and "error" in fields:
            line["error"] = cleaner.sentence(fields["error"])
            fields = {name: value for name, value in fields.items() if name != "error"}
        for name, value in cleaner.fields(fields).items():
            line[name if name not in FIELDS else f"{name}_"] = value
        return _json(line)

    def _line(
        self, at: datetime, level: str, event: str, event_type: str, envelope: Envelope | None
    ) -> dict[str, Any]:
        if envelope is not None:
            return {
                "time": at,
                "level": level,
                "service": self._service,
                "instance": self._instance,
                "event": event,
                "event_type": event_type,
                "event_id": envelope.id,
                "source": envelope.source,
                "correlation_id": envelope.correlationid,
                "causation_id": envelope.causationid,
                "trace_id": trace_id(envelope.traceparent),
            }
        line = {
            "time": at,
            "level": level,
            "service": self._service,
            "instance": self._instance,
            "event": event,
        }
        return line | {"event_type": event_type} if event_type else line

    def _said(self, error: BaseException) -> str:
        """An error in words; of what a broker says only the type: it may say how it is reached."""
        name = type(error).__name__
        if isinstance(error, BrokerError) and not isinstance(error, EventRefusedError):
            return name
        if isinstance(error, EventError) and not self._payloads:
            return f"{name}: {error.without_values}"
        try:
            return f"{name}: {error}"
        except Exception:  # noqa: BLE001 - a handler's own error may do anything
            return name

    def _payload(self, envelope: Envelope) -> Any:
        size = len(envelope.data)
        return self._discretion.payload(envelope) if size <= _PAYLOAD else f"({size:,} bytes)"


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None  # later than any calendar goes


def _json(line: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, option=_OPTIONS)
    except TypeError:  # a text of an event's that is no Unicode, say
        return orjson.dumps(Cleaner(NOTHING).fields(line), option=_OPTIONS)

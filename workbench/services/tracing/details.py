"""What a span event says besides its name."""

from __future__ import annotations

from datetime import UTC, datetime

from opentelemetry.util.types import AttributeValue

from workbench.errors import BrokerError, EventError, EventRefusedError
from workbench.events import Envelope
from workbench.services import happening
from workbench.services.discretion import Discretion
from workbench.services.happening import Happening
from workbench.services.log_values import Cleaner
from workbench.services.spec import ServiceSpec
from workbench.services.tracing import conventions as names

_MESSAGE = 2_000
"""Letters of an error's message that are shown."""


class Details:
    """Puts what happens in one service into attributes, without what is personal."""

    def __init__(self, spec: ServiceSpec) -> None:
        self._discretion = Discretion(spec)
        self._compensates = {r.name: r.compensates for r in spec.reactions if r.compensates}

    def of(self, one: Happening) -> dict[str, AttributeValue]:
        """Of one thing that happened."""
        found: dict[str, AttributeValue] = due(one.due)
        if one.attempt:
            found[names.ATTEMPT] = one.attempt
        if one.error is not None:
            found["exception.type"] = type(one.error).__name__
            if message := self._message(one.envelope, one.error):
                found["exception.message"] = message
        if one.what == happening.REDRIVEN and one.arrival is not None:
            found[names.REDRIVES] = one.arrival.redrives
        if one.what == happening.COMPENSATED:
            found[names.STEP] = self._compensates[one.reaction]
            if one.cause is not None:
                found[names.FAILURE_TYPE], found[names.FAILURE_ID] = one.cause.type, one.cause.id
        return found

    def _message(self, envelope: Envelope | None, error: BaseException) -> str:
        """What an error says, no value of a payload in it if it is ours to say so.

        Nothing of what a broker says: it may be how it is reached.
        """
        if isinstance(error, BrokerError) and not isinstance(error, EventRefusedError):
            return ""
        try:
            text = error.without_values if isinstance(error, EventError) else str(error)
        except Exception:  # noqa: BLE001 - a handler's own error may do anything
            return ""
        return Cleaner(self._discretion.hidden(envelope)).text(text, most=_MESSAGE)


def due(seconds: float | None) -> dict[str, AttributeValue]:
    """When something is to be done, given in seconds since 1970 UTC; nothing, if at once."""
    if seconds is None:
        return {}
    try:
        return {names.DUE: datetime.fromtimestamp(seconds, UTC).isoformat()}
    except (OverflowError, ValueError, OSError):
        return {}  # later than any calendar goes

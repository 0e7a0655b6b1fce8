"""What a handler is given besides the event."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workbench.events import Envelope, effect_id


@dataclass(frozen=True, slots=True)
class Context:
    """One reaction to one event.

    Attributes
    ----------
    state
        The service's state; changes are kept only if the handler does not raise.
    envelope
        The event's envelope: its id, flow, cause and time.
    service, reaction
        Who is reacting.
    attempt
        From 1.
    reprocessing
        Whether the event was handled before, and is handled again because someone asked for it
        (``wb.reprocess``): a handler may leave out what it does to the world outside.
    failure
        In a compensation: the envelope of the failure that it undoes a step for.
    """

    state: MutableMapping[str, Any]
    envelope: Envelope
    service: str
    reaction: str
    attempt: int
    moment: datetime
    reprocessing: bool = False
    failure: Envelope | None = None

    def now(self) -> datetime:
        """The time, UTC. Use this, never the wall clock, so that time can be virtual."""
        return self.moment

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at this event, for calls to the outside that may repeat."""
        cause = self.envelope
        return effect_id(cause.source, cause.id, self.service, self.reaction, -1)

"""What a running service says of itself, several times a second."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import orjson

CONSUMED = "consumed"
"""Events met for the first time, of types that it reacts to, waits for or hears of: each once,
however many reactions it has and whatever becomes of it; ignored events and duplicates left out."""
HANDLED = "handled"
"""Events a reaction has dealt with (per reaction, duplicates and dead letters left out)."""
EMITTED = "emitted"
"""Effects put into the outbox."""
DUPLICATES = "duplicates"
"""Events skipped as already handled."""
RETRIES = "retries"
"""Attempts after the first."""
DEAD = "dead_letters"
"""Events given up on."""
IGNORED = "ignored"
"""Events of a type there is no reaction to; types beyond a number are OTHER."""
OTHER = "other"
ARMED = "armed"
"""Events whose reaction waits for the absence of another."""
PARKED = "parked"
"""Events put behind an earlier one of their key that failed."""
GUARDED = "guarded"
"""Events a guard has turned away."""


@dataclass(slots=True)
class Status:
    """One report of one instance, which ``service`` names. Counts are of all instances, since the
    service's file was made, so a restart keeps them.

    ``in_flight`` is handled but unsent or not committed; ``waiting`` are effects whose delay
    is not over, retries whose time is to come, parked events and timers; ``phase`` is ``"starting"``, ``"running"`` or ``"stopping"``.
    """

    service: str
    pid: int
    phase: str = "starting"
    in_flight: int = 0
    waiting: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    partitions: list[str] = field(default_factory=list)
    """Those that it reads, as ``channel[partition]``."""

    def to_bytes(self) -> bytes:
        """One datagram."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_bytes(cls, datagram: bytes) -> Status:
        """Read a datagram back."""
        return cls(**orjson.loads(datagram))

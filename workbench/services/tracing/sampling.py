"""Which flows are traced: decided once, where a flow begins, and handed on with every event."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workbench.errors import ServiceError
from workbench.events import TraceContext

_PARENT_BASED = "parentbased_"


@dataclass(frozen=True)
class Sampling:
    """Which flows are traced.

    Attributes
    ----------
    ratio
        Of flows, from 0 to 1, by their trace ids: every tracer with the same ratio decides alike.
    per_second
        So many flows a second are traced whatever the ratio, so that in a workshop each one is,
        and a load test costs little.
    parent_based
        Whether a trace that was begun elsewhere is recorded as it was decided there.
    """

    ratio: float
    per_second: float = 0.0
    parent_based: bool = True

    def by_ratio(self, trace_id: str) -> bool:
        """Whether a trace is among the ratio's."""
        return int(trace_id[16:], 16) < self.ratio * (1 << 64)


@dataclass(frozen=True)
class Tracing:
    """What is traced, and the broker as spans name it: its kind, and its address."""

    sampling: Sampling
    kind: str
    address: str


USUAL = Sampling(ratio=0.01, per_second=20.0)
"""Every flow up to 20 a second, and of more one in a hundred."""


def sampling_of(asked: float | None, environ: Mapping[str, str]) -> Sampling | None:
    """What is asked for; ``None``: nothing is traced.

    ``asked`` is a ratio, or ``None`` for what is usual. ``OTEL_SDK_DISABLED`` and
    ``OTEL_TRACES_SAMPLER`` (with ``_ARG``) go before it; a sampler that isn't OpenTelemetry's own
    does not.

    Raises
    ------
    ServiceError
        The ratio is not from 0 to 1.
    """
    if asked is not None and not 0 <= asked <= 1:
        raise ServiceError(f"trace_sampling is a share of the flows, from 0 to 1, not {asked!r}.")
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    parent_based = name.startswith(_PARENT_BASED)
    match name.removeprefix(_PARENT_BASED):
        case "always_on":
            return Sampling(1.0, parent_based=parent_based)
        case "always_off":
            return Sampling(0.0) if parent_based else None
        case "traceidratio":
            ratio = _ratio(environ.get("OTEL_TRACES_SAMPLER_ARG", ""))
            return Sampling(ratio, parent_based=parent_based)
    if asked is None:
        return USUAL
    return Sampling(asked) if asked else None


def _ratio(text: str) -> float:
    try:
        ratio = float(text)
    except ValueError:
        return 1.0
    return ratio if 0 <= ratio <= 1 else 1.0


class Sampler:
    """Decides at the beginning of flows; for any thread. ``now`` is in seconds."""

    def __init__(
        self, sampling: Sampling | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._sampling, self._now = sampling, now
        self._lock = threading.Lock()
        self._left = sampling.per_second if sampling else 0.0
        self._at = now()

    def samples(self, trace_id: str, parent: TraceContext | None = None) -> bool:
        """Whether a flow is traced; ``parent`` is the span it begins in, if there is one."""
        sampling = self._sampling
        if parent is not None and (sampling is None or sampling.parent_based):
            return parent.is_sampled
        return sampling is not None and (self._is_among_the_first() or sampling.by_ratio(trace_id))

    def _is_among_the_first(self) -> bool:
        """Whether there is still one left of this second's."""
        most = self._sampling.per_second if self._sampling else 0.0
        if not most:
            return False
        with self._lock:
            now = self._now()
            self._left = min(most, self._left + (now - self._at) * most)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True

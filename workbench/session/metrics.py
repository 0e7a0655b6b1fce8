"""What services have done, by event type, and how long it took: as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.choreography import Service
from workbench.services import Measured, read_measured, status, store_path
from workbench.services.processing import ERROR, Histogram

if TYPE_CHECKING:
    import pandas as pd

_COUNTS = {
    "consumed": status.CONSUMED,
    "handled": status.HANDLED,
    "emitted": status.EMITTED,
    "retried": status.RETRIES,
    "dead_lettered": status.DEAD,
    "duplicates": status.DUPLICATES,
    "ignored": status.IGNORED,
    "guarded": status.GUARDED,
    "parked": status.PARKED,
    "armed": status.ARMED,
}
"""Column → what is counted in it."""
_QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


@dataclass(frozen=True)
class ServiceMetrics:
    """One service at one moment: its event types by the design, and what is in its file."""

    service: str
    consumes: tuple[str, ...]
    emits: tuple[str, ...]
    measured: Measured

    @classmethod
    def read(cls, service: Service, folder: Path) -> ServiceMetrics:
        """Read a service's file.

        Raises
        ------
        ServiceError
            It can't be read.
        """
        measured = read_measured(store_path(folder, service.name))
        return cls(service.name, service.consumes, service.emits, measured)

    def event_types(self) -> list[str]:
        """Those of the design, in its order, then by name whatever else it has met."""
        known = dict.fromkeys([*self.consumes, *self.emits])
        met = {event_type for _, event_type in self.measured.counts}
        met |= {what.event_type for what in self.measured.processing}
        return [*known, *sorted(met - known.keys())]

    def processing(self, event_type: str) -> tuple[Histogram, int]:
        """How long all attempts at an event type took, and how many of them have failed."""
        total, failed = Histogram(), 0
        for what, histogram in self.measured.processing.items():
            if what.event_type == event_type:
                total += histogram
                failed += histogram.n if what.outcome == ERROR else 0
        return total, failed


def metrics_frame(found: Iterable[ServiceMetrics], lags: Mapping[str, int]) -> pd.DataFrame:
    """One row a service and event type; :meth:`Workbench.metrics` says what is in it."""
    import pandas as pd

    rows = []
    for one in found:
        for event_type in one.event_types():
            histogram, failed = one.processing(event_type)
            counts = one.measured.counts
            times = {name: histogram.quantile(share) for name, share in _QUANTILES.items()}
            times["mean_ms"] = histogram.mean()
            rows.append(
                {
                    "service": one.service,
                    "event_type": event_type,
                    **{column: counts[what, event_type] for column, what in _COUNTS.items()},
                    "failed": failed,
                    **{name: None if s is None else 1000 * s for name, s in times.items()},
                    "lag": lags.get(one.service),
                }
            )
    dtypes = {
        **dict.fromkeys(("service", "event_type"), "str"),
        **dict.fromkeys((*_COUNTS, "failed"), "int64"),
        **dict.fromkeys((*_QUANTILES, "mean_ms"), "float64"),
        "lag": "Int64",
    }
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)

"""What became of each flow?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.analysis.arrays import mixed
from workbench.analysis.order import utc

if TYPE_CHECKING:
    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.index import FlowIndex
    from workbench.analysis.variants import Variants


def flows(index: FlowIndex, variants: Variants) -> pd.DataFrame:
    """Describe each flow; ``EventLog.flows`` documents the columns."""
    first, last = index.start[:-1], index.start[1:] - 1
    started = np.minimum.reduceat(index.time, first)
    return pd.DataFrame(
        {
            "correlation_id": pd.array(index.correlation_id, dtype="str"),
            "started": utc(started),
            "ended": utc(started + durations(index)),
            "duration_ms": durations(index) / 1e6,
            "events": np.diff(index.start),
            "duplicates": _per_flow(index, index.duplicate),
            "dead_letters": _per_flow(index, index.dead),
            "variant": pd.Categorical.from_codes(
                variants.of_flow.tolist(), pd.Index(variants.names), ordered=True
            ),
            "first_type": pd.Categorical(index.type_names[index.type[first]]),
            "last_type": pd.Categorical(index.type_names[index.type[last]]),
            "services": _services(index),
        }
    )


def durations(index: FlowIndex) -> Ints:
    """Return the nanoseconds from the earliest to the latest event of each flow."""
    first = index.start[:-1]
    return np.maximum.reduceat(index.time, first) - np.minimum.reduceat(index.time, first)


def _per_flow(index: FlowIndex, records: Bools) -> Ints:
    flow = index.copy_flow[records]
    return np.bincount(flow[flow >= 0], minlength=index.flows)


def _services(index: FlowIndex) -> pd.Categorical:
    """Name the services that emitted each flow's events; alike sets are written out once."""
    n_sources = len(index.source_names)
    members = np.sort(pd.unique(index.flow * n_sources + index.source))
    flow, source = np.divmod(members, n_sources)
    start = np.searchsorted(flow, np.arange(index.flows + 1))
    group = np.add.reduceat(mixed(source.view(np.uint64) + np.uint64(1)), start[:-1])
    code, distinct = pd.factorize(group)
    example = np.full(len(distinct), -1)
    example[code] = np.arange(len(code))
    names = [", ".join(index.source_names[source[start[f] : start[f + 1]]]) for f in example]
    return pd.Categorical(np.array(names, dtype=object)[code])

"""How long does each service take from cause to effect?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.analysis.arrays import quantiles

if TYPE_CHECKING:
    from workbench.analysis.index import FlowIndex


def hops(index: FlowIndex) -> pd.DataFrame:
    """Describe each kind of hop; ``EventLog.hops`` documents the columns."""
    effect = np.flatnonzero(index.cause >= 0)
    cause = index.cause[effect]
    n_types, n_sources = len(index.type_names), len(index.source_names)
    kind = (index.type[cause] * n_types + index.type[effect]) * n_sources + index.source[effect]
    code, kinds = pd.factorize(kind, sort=True)
    cause_type, rest = np.divmod(kinds, n_types * n_sources)
    effect_type, source = np.divmod(rest, n_sources)

    latency = index.time[effect] - index.time[cause]
    p50, p95, p99, top = quantiles(latency, code, len(kinds), [0.5, 0.95, 0.99, 1]) / 1e6
    table = pd.DataFrame(
        {
            "cause_type": pd.array(index.type_names[cause_type], dtype="str"),
            "effect_type": pd.array(index.type_names[effect_type], dtype="str"),
            "service": pd.array(index.source_names[source], dtype="str"),
            "n": np.bincount(code, minlength=len(kinds)),
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "max_ms": top,
        }
    )
    return table.sort_values("n", ascending=False, kind="stable", ignore_index=True)

"""How many effects has an event of each type?

Adds up over a split by flow: a part counts, for each type, how many events had how many effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.parts import causes_of, inferred_from, named
from workbench.analysis.quantiles import weighted_quantiles
from workbench.analysis.traffic_parts import codes_of, earliest, stacked, total
from workbench.analysis.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.index import FlowIndex


def part(index: FlowIndex) -> pd.DataFrame:
    """Count a part's events by ``type`` and number of ``effects``: ``n``, and the first's ``flow``."""
    caused = index.cause[index.cause >= 0]
    effects = np.bincount(caused, minlength=len(index.flow))
    width = int(effects.max(initial=0)) + 1
    code, keys = pd.factorize(index.type * np.int64(width) + effects)
    first = earliest(code, len(keys), index.time, lambda at: index.correlation_id[index.flow[at]])
    kind, many = np.divmod(keys, width)
    table = pd.DataFrame(
        {
            "type": named(kind, index.type_names),
            "effects": many,
            "n": np.bincount(code, minlength=len(keys)),
            "time": index.time[first],
            "flow": index.correlation_id.take(index.flow[first]),
        }
    )
    table.attrs |= causes_of(index)
    table.attrs |= {"caused": len(caused), "without_flow": index.without_flow}
    return table


def whole(parts: Sequence[pd.DataFrame]) -> Answer:
    """Put parts together; ``EventLog.fan_out`` documents the columns."""
    found = stacked(parts).sort_values(["type", "effects", "time", "flow"])
    code = codes_of(found["type"])
    n_types = len(found["type"].cat.categories)
    effects, n = found["effects"].to_numpy(), found["n"].to_numpy()
    p50, p95 = weighted_quantiles(effects, n, code, n_types, [0.5, 0.95])
    events = np.bincount(code, n, n_types)
    most = found.drop_duplicates(["type", "effects"]).drop_duplicates("type", keep="last")
    least = found.drop_duplicates("type")
    table = pd.DataFrame(
        {
            "type": found["type"].cat.categories.astype("str"),
            "events": events.astype(np.int64),
            "without": np.bincount(code, np.where(effects == 0, n, 0), n_types).astype(np.int64),
            "mean": np.bincount(code, n * effects, n_types) / events,
            "min": least["effects"].to_numpy(),
            "p50": p50,
            "p95": p95,
            "max": most["effects"].to_numpy(),
            "example": most["flow"].array,
        }
    )
    by_most = np.lexsort((np.arange(n_types), -table["mean"].to_numpy(), -table["max"].to_numpy()))
    table = table.iloc[by_most].reset_index(drop=True)
    from workbench.analysis.plots_spread import plot_fan_out

    caused, stray = total(parts, "caused"), total(parts, "without_flow")
    sentence = _sentence(table, caused, stray) + inferred_from(parts)
    return Answer(table, sentence, plot_fan_out)


def _sentence(table: pd.DataFrame, caused: int, stray: int) -> str:
    events = int(table["events"].sum())
    aside = (
        f" {count(stray, 'event')} without a flow {'is' if stray == 1 else 'are'} left out."
        if stray
        else ""
    )
    if not caused:
        return f"No event among {events:,} names a cause in its flow, so none has an effect.{aside}"
    top = table.iloc[0]
    ends = int((table["max"] == 0).sum())
    return (
        f"{count(events, 'event')} have {count(caused, 'effect')}, {caused / events:.3g} each on "
        f"average; one {top['type']} has the most, {top['max']:,} (in flow {top['example']}; "
        f"half of its type have at most {top['p50']:g}). "
        f"{ends:,} of {count(len(table), 'type')} never have one.{aside}"
    )

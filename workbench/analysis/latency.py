"""How long from one event to another in the same flow?

From the flow's first event of the one type to its first of the other, in causal order. Adds up over
a split by flow: a part has a row for each flow that holds the type it starts from.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.order import utc
from workbench.analysis.parts import named
from workbench.analysis.paths import paths
from workbench.analysis.quantiles import quantiles
from workbench.analysis.traffic_parts import codes_of, earliest, stacked, total
from workbench.analysis.variants import Variants
from workbench.analysis.wording import count, length, shown
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Ints
    from workbench.analysis.index import FlowIndex

By = Literal["variant", "hour"]
ALL: Final = "all flows"
_NEVER: Final = np.iinfo(np.int64).min
"""Stands for the time to an event that never came."""
_LAST: Final = np.iinfo(np.int64).max
_HOUR: Final = 3600 * 10**9


def two_types(between: object, then: object = None) -> tuple[str, str]:
    """The two types that are meant, given as a pair or one after the other.

    Raises
    ------
    LogError
        These are not two types.
    """
    given = between if then is None else (between, then)
    if isinstance(given, tuple | list) and len(given) == 2:
        first, last = given
        if isinstance(first, str) and isinstance(last, str) and first != last:
            return first, last
    said = f"between={shown(between)}" + ("" if then is None else f", then={shown(then)}")
    raise LogError(f"{said}: give two event types, latency('OrderPlaced', 'OrderPaid').")


def check_grouping(by: object) -> None:
    """Raise a LogError unless ``by`` is a known grouping."""
    if not (by is None or (isinstance(by, str) and by in ("variant", "hour"))):
        raise LogError(f"by={shown(by)}: latency is grouped by 'variant' or by 'hour'.")


def part(
    index: FlowIndex, between: tuple[str, str], by: By | None, variants: Variants | None = None
) -> pd.DataFrame:
    """Measure each flow of a part: ``flow``, ``ns`` from one to the other, and its ``group``."""
    first, then = (_first_of(index, kind) for kind in between)
    ends = np.column_stack([first, then])
    untimed = (first >= 0) & ((ends >= 0) & index.undated[ends]).any(axis=1)
    flow = np.flatnonzero((first >= 0) & ~untimed)
    arrived = then[flow] >= 0
    start = index.time[first[flow]]
    took = np.where(arrived, index.time[np.where(arrived, then[flow], 0)] - start, _NEVER)
    if by == "variant":
        variants = variants or Variants.of(index)
        group = named(variants.of_flow[flow], paths(index, variants.example))
    elif by == "hour":
        code, hours = pd.factorize(start // _HOUR)
        group = named(code, [f"{time:%Y-%m-%d %H:00}" for time in utc(hours * _HOUR)])
    else:
        group = named(np.zeros(len(flow), dtype=np.int64), [ALL])
    table = pd.DataFrame(
        {
            "flow": index.correlation_id.take(flow),
            "ns": took if len(flow) else np.empty(0, dtype=np.int64),
            "group": group,
        }
    )
    table.attrs["types"] = sorted(set(index.type_names[np.unique(index.type)]))
    table.attrs["no_start"] = int(((first < 0) & (then >= 0)).sum())
    table.attrs["untimed"] = int(untimed.sum())
    return table


def whole(parts: Sequence[pd.DataFrame], between: tuple[str, str], by: By | None) -> Answer:
    """Put parts together; ``EventLog.latency`` documents the columns.

    Raises
    ------
    LogError
        No flow has an event of such a type, though there are flows.
    """
    known = sorted({name for part in parts for name in part.attrs["types"]})
    for name in between if known else ():
        if name not in known:
            raise LogError(
                f"no flow of this log has an event of type {shown(name)}: ask between two of "
                f"{', '.join(known[:_NAMED])}{', …' if len(known) > _NAMED else ''}."
            )
    found = stacked(parts)
    table = _table(found.assign(group=named(np.zeros(len(found), dtype=np.int64), [ALL])))
    if by is not None:
        groups = _table(found)
        in_order = ["group"] if by == "hour" else ["flows", "group"]
        groups = groups.sort_values(in_order, ascending=by == "hour", kind="stable")
        table = pd.concat([table, groups], ignore_index=True)
    arrived = found["ns"].to_numpy()[found["ns"].to_numpy() != _NEVER]
    from workbench.analysis.plots_spread import plot_latency

    draw = partial(plot_latency, nanoseconds=arrived, between=between, by=by)
    untimed = total(parts, "untimed")
    sentence = _sentence(table, between, total(parts, "no_start"), untimed)
    if untimed and not table.empty:
        sentence += f" {count(untimed, 'flow')} left out: one of the two says no time of its own."
    return Answer(table, sentence, draw)


_NAMED: Final = 12
"""How many types are named that could be asked for."""


def _first_of(index: FlowIndex, kind: str) -> Ints:
    """Of each flow: the position of its first event of a type; -1 if it has none."""
    at = np.flatnonzero(np.isin(index.type, np.flatnonzero(index.type_names == kind)))
    first = np.full(index.flows, -1)
    first[index.flow[at[::-1]]] = at[::-1]
    return first


def _table(found: pd.DataFrame) -> pd.DataFrame:
    """One row for each group that has a flow, in order of name."""
    group = found["group"].cat.remove_unused_categories()
    code, n = codes_of(group), len(group.cat.categories)
    took = found["ns"].to_numpy()
    came = took != _NEVER
    p50, p95, p99, top = quantiles(took[came], code[came], n, [0.5, 0.95, 0.99, 1]) / 1e6
    size = np.bincount(code, minlength=n)
    arrived = np.bincount(code[came], minlength=n)
    slowest = earliest(code, n, np.where(came, -took, _LAST), lambda at: found["flow"].array[at])
    names = found["flow"].array[slowest]
    return pd.DataFrame(
        {
            "group": group.cat.categories.astype("str"),
            "flows": size,
            "arrived": arrived,
            "never": size - arrived,
            "before": np.bincount(code[came & (took < 0)], minlength=n),
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "max_ms": top,
            "slowest": pd.Series(names, dtype="str").where(arrived > 0),
        }
    )


def _sentence(table: pd.DataFrame, between: tuple[str, str], no_start: int, untimed: int) -> str:
    start, end = between
    aside = (
        f" {count(no_start, 'flow')} {'has' if no_start == 1 else 'have'} {end} without {start}."
        if no_start
        else ""
    )
    if table.empty and untimed:
        return (
            f"None of {count(untimed, 'flow')} with {start} can be measured up to {end}: one of the "
            f"two says no time of its own.{aside}"
        )
    if table.empty:
        return f"No flow has an event of type {start}, so none can be measured up to {end}.{aside}"
    row = table.iloc[0]
    began = f"{count(row['flows'], 'flow')} with {start}"
    if not row["arrived"]:
        return f"Of {began} none came to {end}.{aside}"
    never = f" and {row['never']:,} never did" if row["never"] else ""
    if row["before"] > row["arrived"] / 2:
        return (
            f"Of {began} {row['arrived']:,} came to {end}{never}. Of those that came, "
            f"{row['before']:,} did so before {start}: if that is how it goes, ask "
            f"latency({(end, start)!r}); if not, clocks differ.{aside}"
        )
    p50, p95, top = (length(row[name] / 1e3) for name in ("p50_ms", "p95_ms", "max_ms"))
    early = (
        f" In {count(row['before'], 'flow')} {end} has the earlier time: clocks differ, or it came "
        "first."
        if row["before"]
        else ""
    )
    return (
        f"Of {began} {row['arrived']:,} came to {end}{never}. Of those that came, half took at most "
        f"{p50}, 95 % at most {p95}, the slowest {top} (flow {row['slowest']}).{early}{aside}"
    )

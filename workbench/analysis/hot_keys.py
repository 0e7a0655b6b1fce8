"""Which keys, flows and partitions have the most events, and how uneven is the load?

Adds up over any split of the log: a part counts its events by key, flow and partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.parts import named
from workbench.analysis.texts import Texts
from workbench.analysis.traffic_parts import coded, codes_of, events_once, stacked, total
from workbench.analysis.wording import count, cut, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Ints
    from workbench.analysis.index import FlowIndex

KEY, FLOW, PARTITION = "key", "correlation id", "partition"
_WHAT: Final = (KEY, FLOW, PARTITION)


def part(index: FlowIndex, frame: pd.DataFrame) -> pd.DataFrame:
    """Count a part's events: ``what``, ``channel``, ``name``, ``n``."""
    rows = events_once(index)
    counts = [_flows(index)]
    if KEY in frame:
        counts.append(_keys(frame, rows))
    counts.append(_partitions(frame, rows))
    table = coded(pd.concat(counts, ignore_index=True), ["channel"])
    table["what"] = named(table["what"].to_numpy(np.int64), _WHAT)
    table.attrs["events"] = len(rows)
    return table


def whole(parts: Sequence[pd.DataFrame], top: int) -> Answer:
    """Put parts together; ``EventLog.hot_keys`` documents the columns."""
    found = stacked(parts)
    if len(parts) > 1:
        by = ["what", "channel", "name"]
        found = found.groupby(by, observed=True, dropna=False)["n"].sum().reset_index()
    events = total(parts, "events")
    pieces, skews = [], []
    for what in _WHAT:
        for channel, group in _groups(found[found["what"] == what], what):
            n = group["n"].to_numpy()
            things = len(n) if what != PARTITION else int(group["name"].astype("int64").max()) + 1
            hottest = group.nlargest(top, "n", keep="all").sort_values(
                ["n", "name"], ascending=[False, True]
            )
            hottest = hottest.head(top)
            mean = n.sum() / things
            pieces.append(
                hottest.assign(
                    share=hottest["n"] / n.sum(), times_mean=hottest["n"] / mean, of=things
                )
            )
            skews.append(
                (what, channel, things, n.max() / mean, gini(np.sort(n), things), hottest.iloc[0])
            )
    table = (
        pd.concat(pieces, ignore_index=True)
        if pieces
        else found.assign(share=0.0, times_mean=0.0, of=0)
    )
    table = table.rename(columns={"n": "events"})
    table["channel"] = table["channel"].astype("str")
    table = table[["what", "channel", "name", "events", "share", "times_mean", "of"]]
    from workbench.analysis.plots_bars import plot_hot_keys

    return Answer(table, _sentence(skews, events), plot_hot_keys)


def gini(ascending: Ints, things: int) -> float:
    """How unevenly something is shared: 0 if all have the same, towards 1 if one has all.

    ``ascending`` are the shares of those that have any, of so many ``things``.

    The Gini coefficient, half the relative mean absolute difference (Gini, 1912).
    """
    upto = np.cumsum(ascending)
    if not len(upto) or not upto[-1]:
        return 0.0
    return float((things + 1 - 2 * (upto / upto[-1]).sum()) / things)


def _groups(found: pd.DataFrame, what: str) -> list[tuple[str | None, pd.DataFrame]]:
    if found.empty:
        return []
    if what != PARTITION:
        return [(None, found)]
    return [(str(name), group) for name, group in found.groupby("channel", observed=True)]


def _flows(index: FlowIndex) -> pd.DataFrame:
    return _counted(1, index.correlation_id, np.diff(index.start))


def _keys(frame: pd.DataFrame, rows: Ints) -> pd.DataFrame:
    column = frame[KEY].astype("str")
    codes, example = Texts.of(column).codes()
    n = np.bincount(codes[rows][codes[rows] >= 0], minlength=len(example))
    return _counted(0, column.array[example[n > 0]], n[n > 0])


def _partitions(frame: pd.DataFrame, rows: Ints) -> pd.DataFrame:
    partition, channel = (
        frame["partition"].to_numpy(np.int64)[rows],
        codes_of(frame["channel"])[rows],
    )
    known = (partition >= 0) & (channel >= 0)
    width = int(partition.max(initial=0)) + 1
    code, places = pd.factorize((channel * width + partition)[known])
    on, number = np.divmod(np.asarray(places, dtype=np.int64), width)
    names = pd.array(number.astype("str").astype(object), dtype="str")
    counted = _counted(2, names, np.bincount(code, minlength=len(places)))
    counted["channel"] = frame["channel"].cat.categories.to_numpy(dtype=object)[on]
    return counted


def _counted(what: int, names: object, n: Ints) -> pd.DataFrame:
    table = pd.DataFrame({"what": what, "channel": None, "name": names, "n": n})
    return table.astype({"what": "int64", "channel": "object", "name": "str", "n": "int64"})


def _sentence(skews: list[Any], events: int) -> str:
    if not skews:
        return f"Nothing to compare: none of {count(events, 'event')} has a key, flow or partition."
    said = []
    for what, _, things, ratio, uneven, hottest in skews:
        if what == PARTITION:
            continue
        has = count(int(hottest["n"]), "event")
        if things == 1:
            said.append(f"The only {what}, {cut(hottest['name'], 60)}, has {has}.")
            continue
        if ratio == 1:
            said.append(f"Of {count(things, what)} each has {has}.")
            continue
        said.append(
            f"Of {count(things, what)} the one with the most events, {cut(hottest['name'], 60)}, "
            f"has {hottest['n']:,}, {number(ratio)} times the mean (Gini {uneven:.2f})."
        )
    uneven = [skew for skew in skews if skew[0] == PARTITION and skew[2] > 1]
    if uneven:
        _, channel, things, ratio, gini_, hottest = max(uneven, key=lambda skew: skew[3])
        if ratio == 1:
            said.append("On each channel all partitions have the same number of events.")
            return " ".join(said)
        said.append(
            f"The most uneven channel is {channel}: of its {things:,} partitions, number "
            f"{hottest['name']} has {number(ratio)} times the mean (Gini {gini_:.2f})."
        )
    return " ".join(said)

"""Which keys have events that stand on the broker in another order than they happened or were caused?

A key is the log's column ``key`` where there is one, else ``subject``, else the correlation id.
Adds up over a split by key, not over one by flow, for one key's events may be of many flows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.index import is_undated
from workbench.analysis.order import nanoseconds
from workbench.analysis.parts import named
from workbench.analysis.texts import Texts
from workbench.analysis.traffic_parts import codes_of, events_once, firsts, stacked, total
from workbench.analysis.wording import count, length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Ints
    from workbench.analysis.index import FlowIndex

LATE, EFFECT_FIRST, TWO = "late", "effect first", "two partitions"
_KINDS: Final = (LATE, EFFECT_FIRST, TWO)
_KEYS: Final = ("key", "subject", "correlation_id")


def key_column(_: FlowIndex, frame: pd.DataFrame) -> str:
    """The column that says which events belong together: the first of these that says anything."""
    return next((n for n in _KEYS if n in frame and frame[n].notna().any()), _KEYS[-1])


def most_telling(columns: Sequence[str]) -> str:
    """The key column of a log, of the key columns of its parts."""
    return next(name for name in _KEYS if name in columns)


def part(index: FlowIndex, frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """List the disorder of a part's keys, with the columns that ``EventLog.disorder`` documents."""
    column = frame[key] if key in frame else pd.Series(None, frame.index, "object")
    rows = events_once(index)
    event = np.concatenate([np.arange(len(index.row)), np.full(len(index.flowless), -1)])
    offset = frame["offset"].to_numpy()
    placed = (offset[rows] >= 0) & column.notna().to_numpy()[rows]
    unplaced = int((~placed).sum())
    rows, event = rows[placed], event[placed]
    keys = column.iloc[rows].astype("str").array
    codes, example = Texts.of(pd.Series(keys)).codes()
    code = codes.astype(np.int64)
    channel = codes_of(frame["channel"])[rows]
    partition = frame["partition"].to_numpy(np.int64)[rows]
    time = nanoseconds(frame["time"])[rows]
    dated = ~is_undated(frame)[rows]
    on = code * (channel.max(initial=0) + 2) + channel + 1
    place = on * (partition.max(initial=0) + 2) + partition + 1
    order = np.lexsort((time, offset[rows], place))
    rows, event, time, dated = rows[order], event[order], time[order], dated[order]
    code, channel = code[order], channel[order]
    lane, keyed = _runs(place[order]), _runs(on[order])

    lateness = _latest_before(np.where(dated, time, time.min(initial=0)), lane) - time
    late = np.flatnonzero((lateness > 0) & dated)
    cause = _cause_rows(index, event)
    early = np.flatnonzero((cause > np.arange(len(cause))) & (lane == lane[cause]))
    told = dated[early] & dated[cause[early]]
    behind = np.where(told, np.maximum(time[cause[early]] - time[early], 0), 0)
    backward = (cause >= 0) & (code == code[cause]) & (time < time[cause])
    backward &= dated & dated[cause]
    is_first = np.diff(lane, prepend=-1) != 0
    lanes = np.bincount(keyed[is_first], minlength=1)
    split = np.flatnonzero(is_first & (np.diff(keyed, prepend=-1) != 0))
    split = split[lanes[keyed[split]] > 1]

    at = np.concatenate([late, early, split])
    found = pd.DataFrame(
        {
            "kind": np.repeat([0, 1, 2], [len(late), len(early), len(split)]),
            "code": code[at],
            "channel": channel[at],
            "ns": np.concatenate([lateness[late], behind, np.zeros(len(split), np.int64)]),
            "n": np.concatenate([np.ones(len(late) + len(early), np.int64), lanes[keyed[split]]]),
        }
    )
    found["id"] = frame["id"].array[rows[at]]
    found = found.sort_values(
        ["kind", "code", "channel", "ns", "id"], ascending=[True] * 3 + [False, True]
    )
    groups = found.groupby(["kind", "code", "channel"], sort=True)
    table = groups.agg(n=("n", "sum"), ns=("ns", "max")).reset_index()
    table["example"] = firsts(found, groups)["id"]
    names = keys[example[table["code"].to_numpy()]]
    table["kind"] = named(table["kind"].to_numpy(), _KINDS)
    table["channel"] = named(table["channel"].to_numpy(), list(frame["channel"].cat.categories))
    table["key"] = names
    table.attrs |= {
        "events": len(rows),
        "keys": len(example),
        "unplaced": unplaced,
        "backward": int(backward.sum()),
    }
    return table[["key", "kind", "channel", "n", "ns", "example"]]


def whole(parts: Sequence[pd.DataFrame], key: str) -> Answer:
    """Put parts together; ``EventLog.disorder`` documents the columns."""
    found = stacked(parts)
    found = found.sort_values(
        ["ns", "n", "kind", "key", "channel"], ascending=[False, False, True, True, True]
    ).reset_index(drop=True)
    table = found.assign(worst_ms=found["ns"] / 1e6)
    table = table[["key", "kind", "channel", "n", "worst_ms", "example"]]
    from workbench.analysis.plots_bars import plot_disorder

    facts = {name: total(parts, name) for name in ("events", "keys", "unplaced", "backward")}
    return Answer(table, _sentence(table, key, facts), plot_disorder)


def _runs(column: Ints) -> Ints:
    """Number the runs of equal rows, from 0."""
    return np.cumsum(np.diff(column, prepend=column[:1]) != 0)


def _latest_before(time: Ints, lane: Ints) -> Ints:
    """The latest time up to each row in its lane."""
    if not len(time):
        return time
    rank = np.unique(time, return_inverse=True)[1]
    width = int(rank.max()) + 1
    upto = np.maximum.accumulate(lane * width + rank) - lane * width
    latest = np.empty(width, np.int64)
    latest[rank] = time
    return latest[upto]


def _cause_rows(index: FlowIndex, event: Ints) -> Ints:
    """Where among the rows the cause of each stands; -1 if it has none.

    Parameters
    ----------
    event
        The position of the event of each row; -1 if it is in no flow.
    """
    place = np.full(len(index.row) + 1, -1)
    known = event >= 0
    place[event[known]] = np.flatnonzero(known)
    place[-1] = -1
    cause = np.full(len(event), -1)
    cause[known] = place[index.cause[event[known]]]
    return cause


_CALLED: Final = {"key": "key", "subject": "subject", "correlation_id": "correlation id"}


def _sentence(table: pd.DataFrame, key: str, facts: dict[str, Any]) -> str:
    aside = (
        f" {count(facts['unplaced'], 'event')} without a key or an offset could not be looked at."
        if facts["unplaced"]
        else ""
    )
    if not facts["events"]:
        return (
            f"Nothing is known of order: none of {count(facts['unplaced'], 'event')} has both a key and "
            'an offset. If other columns tell them, read the log with mapping={"key": …, "offset": …}.'
        )
    looked = f"{count(facts['keys'], 'key')} ({_CALLED[key]}) of {count(facts['events'], 'event')}"
    if table.empty:
        return f"No disorder in {looked}.{aside}"
    said = []
    for kind, one, several in (
        (
            LATE,
            "stands behind an event that happened later",
            "stand behind events that happened later",
        ),
        (EFFECT_FIRST, "stands before its cause", "stand before their causes"),
    ):
        chosen = table[table["kind"] == kind]
        if len(chosen):
            worst, n = chosen["worst_ms"].max() / 1e3, int(chosen["n"].sum())
            said.append(
                f"{count(n, 'event')} of {count(chosen['key'].nunique(), 'key')} "
                f"{one if n == 1 else several}"
                + (f" (by {length(worst)} at worst)" if worst else "")
            )
    split = table[table["kind"] == TWO]
    if len(split):
        n = split["key"].nunique()
        said.append(f"{count(n, 'key')} {'stands' if n == 1 else 'stand'} on several partitions")
    late = bool((table["kind"] == LATE).any())
    clocks = f" {_clocks(facts['backward'])}" if late and facts["backward"] else ""
    return f"Of {looked}, {'; '.join(said)}.{clocks}{aside}"


def _clocks(backward: int) -> str:
    """What is to be thought of lateness where clocks differ."""
    effects = "1 effect happened before its cause"
    if backward > 1:
        effects = f"{backward:,} effects happened before their causes"
    return (
        f"By the logged times {effects}, so clocks differ, and an event may be late for that alone: "
        "ask log.without_skew().disorder()."
    )

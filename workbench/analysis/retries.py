"""What was tried more than once, how often, and by whom.

How often is told by the log's column ``attempts`` where it has one (how often it had been tried when
the record was written: more than once is above 1), else by the records on retry channels, else by
effects that came again. Who tried is the service that a retry channel or a dead letter is of, and of
any other row its own source.
Adds up over a split by flow: a part has a row for each event and service that tried it again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.dead_letters import came_at
from workbench.analysis.duplicates import on_retry_channel, retrying_service, same_effects
from workbench.analysis.index import NO_SOURCE
from workbench.analysis.order import utc
from workbench.analysis.parts import named
from workbench.analysis.reasons import who_gave_up
from workbench.analysis.traffic_parts import coded, codes_of, events_once, firsts, stacked
from workbench.analysis.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Ints
    from workbench.analysis.index import FlowIndex

ATTEMPTS: Final = "attempts"
"""The column that says how often an event had been tried."""
_GROUP: Final = ["service", "type", "told_by"]
_TOLD_BY: Final = ("attempts", "retry channel", "same effect")


def part(index: FlowIndex, frame: pd.DataFrame) -> pd.DataFrame:
    """List what a part's services tried again, each event and service once."""
    found = pd.concat([_by_records(index, frame), _by_effects(index, frame)], ignore_index=True)
    return coded(found, _GROUP)


def whole(parts: Sequence[pd.DataFrame]) -> Answer:
    """Put parts together; ``EventLog.retries`` documents the columns."""
    found = stacked(parts).sort_values(
        ["attempts", "first", "flow", "id"], ascending=[False, True, True, True]
    )
    groups = found.groupby(_GROUP, observed=True, dropna=False)
    table = groups.agg(
        events=("attempts", "size"),
        attempts=("attempts", "sum"),
        most=("attempts", "max"),
        gave_up=("gave_up", "sum"),
        first=("first", "min"),
        last=("last", "max"),
    )
    table = table.reset_index()
    worst = firsts(found, groups)
    table["example"], table["example_flow"] = worst["id"], worst["flow"]
    in_order = ["attempts", *_GROUP]
    table = table.sort_values(in_order, ascending=[False, True, True, True], ignore_index=True)
    for name in (*_GROUP, "example", "example_flow"):
        table[name] = table[name].astype("str")
    for name in ("first", "last"):
        table[name] = utc(table[name].to_numpy(np.int64))
    from workbench.analysis.plots_bars import plot_retries

    return Answer(table, _sentence(table), partial(plot_retries))


def _by_records(index: FlowIndex, frame: pd.DataFrame) -> pd.DataFrame:
    """By the records on retry channels, among the dead letters, and with ``attempts`` above 1."""
    once, letter = events_once(index), index.dead
    is_copy = np.zeros(len(frame), dtype=bool)
    is_copy[index.copy] = True
    once = once[~is_copy[once]]
    again = index.duplicate | letter
    rows = np.concatenate([once, index.copy[again]])
    event = np.concatenate([once, index.copy_of[again]])
    channel = codes_of(frame["channel"])[rows]
    known = np.zeros(len(rows))
    if ATTEMPTS in frame:
        column = pd.to_numeric(frame[ATTEMPTS].iloc[rows], errors="coerce")
        known = np.clip(column.to_numpy(np.float64, na_value=0), 0, 10**9)
    retried = on_retry_channel(frame["channel"])[channel]
    is_letter = np.concatenate([np.zeros(len(once), dtype=bool), letter[again]])
    # Letters last, in the order of index.reason.
    chosen = np.flatnonzero(retried | is_letter | (known > 1))
    rows, event, channel, known = rows[chosen], event[chosen], channel[chosen], known[chosen]
    retried, is_letter = retried[chosen] & ~is_letter[chosen], is_letter[chosen]
    names = np.array([*map(retrying_service, frame["channel"].cat.categories), ""], dtype=object)
    source = frame["source"].cat.categories.astype("object").append(pd.Index([NO_SOURCE]))
    service = source.to_numpy()[codes_of(frame["source"])[rows]]
    service[retried] = [_last_name(name) for name in names[channel[retried]]]
    # Who gave up, if the reason says it: a text of another form is no name.
    service[is_letter] = [_last_name(who_gave_up(str(reason)) or "") for reason in index.reason]
    service[service == ""] = None
    by_event = pd.DataFrame(
        {
            "event": np.where(event >= 0, event, rows),
            "service": service,
            "deliveries": retried,
            "known": np.where(retried & (known > 0), known + 1, known),
            "gave_up": is_letter,
            "first": came_at(frame, rows),
        }
    ).assign(last=lambda each: each["first"])
    columns = {"deliveries": "sum", "known": "max", "gave_up": "any", "first": "min", "last": "max"}
    groups = by_event.groupby(["event", "service"], sort=True, dropna=False)
    found = groups.agg(columns).reset_index()
    known_too = found["known"].to_numpy() > 0
    found["attempts"] = np.where(known_too, found["known"], found["deliveries"] + 1).astype(
        np.int64
    )
    found["told_by"] = np.where(known_too, *_TOLD_BY[:2])
    found = found[found["attempts"] > 1]
    return _described(frame, found["event"].to_numpy(np.int64), found)


def _by_effects(index: FlowIndex, frame: pd.DataFrame) -> pd.DataFrame:
    """By effects that came again under another id: their cause was tried as often as they came."""
    again, first, _ = same_effects(index, frame)
    found = pd.DataFrame(
        {"effect": first, "first": came_at(frame, index.row[first]), "gave_up": False}
    )
    found["last"] = came_at(frame, index.row[again])
    found["attempts"] = 1
    columns = {"first": "min", "last": "max", "attempts": "sum", "gave_up": "any"}
    found = found.groupby("effect").agg(columns).reset_index()
    found["attempts"] += 1
    found["told_by"] = _TOLD_BY[2]
    effect = found["effect"].to_numpy(np.int64)
    found["service"] = named(index.source[effect], index.source_names).astype("object")
    cause = index.cause[effect]
    tried = np.where(cause >= 0, index.row[cause], index.row[effect])
    return _described(frame, tried, found)


def _last_name(service: str) -> str:
    """A service's name without the namespace that channels carry."""
    return service.rsplit(".", 1)[-1]


def _described(frame: pd.DataFrame, rows: Ints, found: pd.DataFrame) -> pd.DataFrame:
    """The columns of a part, for events that stand in these rows."""
    described = found[["service", "told_by", "attempts", "gave_up", "first", "last"]].reset_index(
        drop=True
    )
    described["service"] = described["service"].astype("object")
    described["told_by"] = described["told_by"].astype("object")
    described.insert(1, "type", frame["type"].iloc[rows].astype("object").to_numpy())
    described["flow"] = frame["correlation_id"].array[rows]
    described["id"] = frame["id"].array[rows]
    return described


def _sentence(table: pd.DataFrame) -> str:
    if table.empty:
        return "Nothing shows that an event was tried more than once."
    how = {
        "attempts": "the column attempts",
        "retry channel": "records on retry channels",
        "same effect": "effects that came again",
    }
    told = [how[name] for name in _TOLD_BY if (table["told_by"] == name).any()]
    gave_up = int(table["gave_up"].sum())
    given_up = "none was" if not gave_up else "1 was" if gave_up == 1 else f"{gave_up:,} were"
    top: Any = next(table.itertuples())
    who = top.service if isinstance(top.service, str) else "an unknown service"
    kind = top.type if isinstance(top.type, str) else "an event of no type"
    return (
        f"{count(int(table['events'].sum()), 'event')} took {table['attempts'].sum():,} attempts, "
        f"as told by {' and '.join(told)}; {given_up} given up on. The most "
        f"attempts, {top.attempts:,}, were made by {who} at {kind}, up to {top.most:,} at one event."
    )

"""What came more than once: the same event again, or the same effect under another id.

Adds up over a split by flow, as all that is the same has the same correlation id. (The same source
and id under two correlation ids is found only where both are in one part.)
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from workbench.analysis.answer import Answer
from workbench.analysis.order import nanoseconds, utc
from workbench.analysis.parts import causes_of, inferred_from, named
from workbench.analysis.traffic_parts import codes_of, stacked, total
from workbench.analysis.wording import count, length
from workbench.capture.payload_column import payload_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.index import FlowIndex

SAME_ID: Final = "same id"
RETRIED: Final = "retry channel"
SAME_EFFECT: Final = "same effect"
_KINDS: Final = (SAME_ID, RETRIED, SAME_EFFECT)
_RETRY: Final = re.compile(r"[._-]?retr(y|ies)(?![a-z])", re.IGNORECASE)
_PLACE: Final = ("channel", "partition", "offset")


def part(index: FlowIndex, frame: pd.DataFrame) -> pd.DataFrame:
    """List a part's repetitions, with the columns that ``EventLog.duplicates`` documents."""
    first, again, retried, elsewhere = _same_ids(index, frame)
    in_flow = frame["correlation_id"].notna().to_numpy()[again]
    effect, cause_effect, unknown = same_effects(index, frame)
    kind = np.concatenate([retried.astype(np.int64), np.full(len(effect), 2)])
    again = np.concatenate([again, index.row[effect]])
    first = np.concatenate([first, index.row[cause_effect]])
    table = pd.DataFrame(
        {
            "kind": named(kind, _KINDS),
            "time": nanoseconds(frame["time"])[first],
            "apart": apart(frame, first, again),
        }
    )
    for name in ("correlation_id", "type", "source"):
        table[name] = frame[name].array[again]
    table["id"], table["again_id"] = frame["id"].array[first], frame["id"].array[again]
    for prefix, rows in (("", first), ("again_", again)):
        for name in _PLACE:
            table[prefix + name] = frame[name].array[rows]
    table.attrs |= causes_of(index) | {
        "events": len(index.row) + index.without_flow,
        "unknown": unknown,
        "elsewhere": int((elsewhere & in_flow).sum()),
        "named": int(frame["causation_id"].notna().sum()) + int((index.cause >= 0).any()),
        "with_id": int(frame["id"].notna().sum()),
    }
    return table


def whole(parts: Sequence[pd.DataFrame]) -> Answer:
    """Put parts together; ``EventLog.duplicates`` documents the columns."""
    found = stacked(parts)
    found = found.sort_values(["time", *found.columns.drop("time")], ignore_index=True)
    took = found["apart"].to_numpy()
    table = pd.DataFrame(
        {
            "kind": found["kind"],
            **{name: found[name] for name in ("correlation_id", "type", "source", "id")},
            "again_id": found["again_id"],
            "time": utc(found["time"].to_numpy()),
            "apart_ms": took / 1e6,
            **{name: found[name] for name in _PLACE},
            **{f"again_{name}": found[f"again_{name}"] for name in _PLACE},
        }
    )
    from workbench.analysis.plots_spread import plot_duplicates

    events, unknown = total(parts, "events"), total(parts, "unknown")
    draw = partial(plot_duplicates, nanoseconds=took)
    sentence = _sentence(found, events, unknown)
    if elsewhere := total(parts, "elsewhere"):
        are = "is" if elsewhere == 1 else "are"
        repeats = "it repeats" if elsewhere == 1 else "they repeat"
        sentence += (
            f" {elsewhere:,} of them {are} in another flow than the event that {repeats}, and "
            "missing there: is id an id?"
        )
    if events and not total(parts, "with_id"):
        sentence += " No event has an id, so the same id again was not looked for."
    if events and not total(parts, "named"):
        sentence += " No event names a cause, so effects that are equal were not looked for."
    return Answer(table, sentence + inferred_from(parts), draw)


def _same_ids(index: FlowIndex, frame: pd.DataFrame) -> tuple[Ints, Ints, Bools, Bools]:
    """The rows of events that came again and of the repetitions, which of these are retries, and which
    are in another flow.

    A retry keeps its event's time, so of the two it is told by its channel which came first. Before
    that the flow tells it: the event is in the flow in which the index has it.
    """
    group, originals = pd.factorize(index.copy_of[index.duplicate])
    row = np.concatenate([np.asarray(originals, dtype=np.int64), index.copy[index.duplicate]])
    group = np.concatenate([np.arange(len(originals)), group])
    retried = on_retry_channel(frame["channel"])[codes_of(frame["channel"])[row]]
    came = nanoseconds(frame["broker_time"].iloc[row].fillna(frame["time"].iloc[row]))
    flow, _ = pd.factorize(frame["correlation_id"].array[row])
    elsewhere = flow != flow[group]  # the first rows are the events themselves
    in_order = np.lexsort((np.arange(len(row)), came, retried, elsewhere, group))
    row, retried, elsewhere = row[in_order], retried[in_order], elsewhere[in_order]
    start = np.searchsorted(group[in_order], np.arange(len(originals)))
    is_again = np.ones(len(row), dtype=bool)
    is_again[start] = False
    first = row[start][group[in_order]]
    return first[is_again], row[is_again], retried[is_again], elsewhere[is_again]


def on_retry_channel(channel: pd.Series[Any]) -> Bools:
    """Of each category of a channel column, and last of null: whether it is for retries."""
    names = channel.cat.categories
    return np.array([*(bool(_RETRY.search(name)) for name in names), False])


def retrying_service(channel: str) -> str:
    """The service that a retry channel is for: its name up to the word that says so."""
    found = _RETRY.search(channel)
    return channel[: found.start()] if found and found.start() else channel


def apart(frame: pd.DataFrame, first: Ints, again: Ints) -> Ints:
    """Nanoseconds between two rows: by the broker's time where it is known, else by the events'."""
    took = nanoseconds(frame["time"])
    known = frame["broker_time"].notna().to_numpy()
    on_broker = nanoseconds(frame["broker_time"])
    both = known[first] & known[again]
    return np.where(both, on_broker[again] - on_broker[first], took[again] - took[first])


def same_effects(index: FlowIndex, frame: pd.DataFrame) -> tuple[Ints, Ints, int]:
    """Find events with the cause, type, source and payload of one before them in their flow.

    Returns
    -------
    tuple
        The positions of such events and of the first of their kind; and how many more have the
        same cause, type and source, but no payload that could be compared.
    """
    at = np.flatnonzero(index.cause >= 0)
    effects = np.bincount(index.cause[at], minlength=len(index.cause))
    at = at[effects[index.cause[at]] > 1]
    cause = index.cause[at]
    lost = _named_elsewhere(index, frame)
    if len(lost):
        ids = pd.factorize(frame["causation_id"].array[index.row[lost]])[0]
        pair = pd.factorize(index.flow[lost] * (int(ids.max()) + 1) + ids)[0]
        at, cause = np.concatenate([at, lost]), np.concatenate([cause, len(index.row) + pair])
    n_types, n_sources = len(index.type_names), len(index.source_names)
    step = (cause * n_types + index.type[at]) * n_sources + index.source[at]
    group, members = _repeated(step)
    at, group = at[members], group[members]
    payload = payload_texts(frame["data"]).take(index.row[at])
    known = pc.is_valid(payload).to_numpy(zero_copy_only=False)
    unknown = int(pd.Series(group[~known]).duplicated().sum())
    at, group = at[known], group[known]
    content = pd.factorize(payload.filter(known).to_numpy(zero_copy_only=False))[0]
    alike, members = _repeated(group * (content.max(initial=0) + 1) + content)
    at, alike = at[members], alike[members]
    in_order = np.lexsort((at, alike))
    at, alike = at[in_order], alike[in_order]
    is_first = np.diff(alike, prepend=-1) != 0
    first = at[np.maximum.accumulate(np.where(is_first, np.arange(len(at)), 0))]
    return at[~is_first], first[~is_first], unknown


def _named_elsewhere(index: FlowIndex, frame: pd.DataFrame) -> Ints:
    """The positions of events that name a cause that their flow doesn't hold."""
    named = frame["causation_id"].notna().to_numpy()[index.row]
    return np.flatnonzero(named & (index.cause < 0))


def _repeated(keys: Ints) -> tuple[Ints, Bools]:
    """Number equal keys, and tell which are there more than once."""
    code, distinct = pd.factorize(keys)
    return code, (np.bincount(code, minlength=len(distinct)) > 1)[code]


def _sentence(found: pd.DataFrame, events: int, unknown: int) -> str:
    aside = (
        f" {count(unknown, 'event')} more {'has' if unknown == 1 else 'have'} the cause, type and "
        "source of another, but no payload to compare."
        if unknown
        else ""
    )
    if found.empty:
        return f"No event came twice among {events:,}.{aside}"
    n = found["kind"].value_counts()
    said = [
        f"{n[kind]:,} {how}"
        for kind, how in (
            (SAME_ID, "with the same id"),
            (RETRIED, "with the same id on a retry channel"),
            (SAME_EFFECT, "as the same effect under another id"),
        )
        if n.get(kind, 0)
    ]
    took = np.abs(found["apart"].to_numpy()) / 1e9
    most = length(float(took.max()))
    if not took.any():
        when = f"{'It has' if len(took) == 1 else 'They have'} the very time of the first."
    elif len(took) == 1:
        when = f"It came {most} after the first."
    else:
        half = float(np.median(took))
        within = (
            f"half of them within {length(half)}"
            if half
            else "half of them or more with its very time"
        )
        when = f"They came at most {most} after the first, {within}."
    return (
        f"Beside {count(events - int(n.get(SAME_EFFECT, 0)), 'event')}, {len(found):,} came again: "
        f"{', '.join(said)}. {when}{aside}"
    )

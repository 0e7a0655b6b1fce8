"""Which events name a cause that their flow doesn't hold, and where is it?

Adds up over a split by flow in two passes, because a cause may be in another flow: each part first
lists its orphans, then looks up the ids that they all name.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.order import nanoseconds, utc
from workbench.analysis.parts import named
from workbench.analysis.traffic_parts import events_once, stacked, total
from workbench.analysis.wording import count, may_be_unread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.index import FlowIndex

NOWHERE, CUT_OFF = "not in the log", "before the log's start"
IN_OTHER, IN_NONE, UNPLACED = "in another flow", "in no flow", "in some flow"
_FEW: Final = 10
"""Lost causes that may be so by chance."""
_RARE: Final = 0.01
"""Share of the hops to a type that may have taken longer than is likely."""
_POWERS: Final = 65
_WHERE: Final = (NOWHERE, CUT_OFF, IN_OTHER, IN_NONE, UNPLACED)


def part(index: FlowIndex, frame: pd.DataFrame) -> pd.DataFrame:
    """List a part's orphans; in ``attrs`` the log's start, in nanoseconds, and how long its hops are."""
    named = frame["causation_id"].notna().to_numpy()
    rows = np.concatenate(
        [index.row[named[index.row] & (index.cause < 0)], index.flowless[named[index.flowless]]]
    )
    time = nanoseconds(frame["time"])
    table = pd.DataFrame({"time": time[rows]})
    for name in ("correlation_id", "type", "source", "id", "causation_id"):
        table[name] = frame[name].array[rows]
    table.attrs |= {
        "events": len(index.row) + len(index.flowless),
        "named": int(frame["causation_id"].notna().to_numpy()[events_once(index)].sum()),
        "start": int(time.min()) if len(time) else None,
        "hops": _hops(index),
    }
    return table


def _hops(index: FlowIndex) -> Counter[tuple[str, int]]:
    """How many hops end at each type after less than which power of 2 of nanoseconds."""
    effect = np.flatnonzero(index.timed_cause >= 0)
    took = index.time[effect] - index.time[index.cause[effect]]
    power = np.frexp(np.maximum(took, 0).astype(np.float64))[1].astype(np.int64)
    keys, n = np.unique(index.type[effect] * np.int64(_POWERS) + power, return_counts=True)
    kinds, powers = np.divmod(keys, _POWERS)
    found = Counter[tuple[str, int]]()
    for kind, at, times in zip(kinds.tolist(), powers.tolist(), n.tolist(), strict=True):
        found[str(index.type_names[kind]), at] += times
    return found


def _patience(hops: Counter[tuple[str, int]], types: pd.Series[Any]) -> Ints:
    """How many nanoseconds an event of each type at most comes after its cause: twice what nearly all take.

    Of a type that no known cause led to, what holds for all.
    """
    of_all, by_type = Counter[int](), dict[str, Counter[int]]()
    for (kind, power), n in hops.items():
        by_type.setdefault(kind, Counter())[power] += n
        of_all[power] += n
    longest = _longest(of_all)
    after = {kind: _longest(powers) for kind, powers in by_type.items()}
    return np.array([after.get(name, longest) for name in types.astype("object")], np.int64)


def _longest(powers: Counter[int]) -> int:
    """Twice the least power of 2 that is more than all but a few of some lengths."""
    power, rare = max(powers, default=-1), powers.total() * _RARE
    while (rare := rare - powers[power]) >= 0 and power > 0:
        power -= 1
    return min(2 << power, np.iinfo(np.int64).max) if power >= 0 else 0


def ids_named(parts: Sequence[pd.DataFrame]) -> pd.Series[str]:
    """The ids that the orphans of all parts name as their causes."""
    return pd.concat([part["causation_id"] for part in parts], ignore_index=True)


def sought(index: FlowIndex, frame: pd.DataFrame, ids: pd.Series[str]) -> pd.DataFrame:
    """The events of a part that have one of the ids: ``id``, ``flow`` and ``type``."""
    rows = events_once(index)
    rows = rows[frame["id"].isin(ids.dropna().unique()).to_numpy()[rows]]
    return pd.DataFrame(
        {
            "id": frame["id"].array[rows],
            "flow": frame["correlation_id"].array[rows],
            "type": frame["type"].array[rows],
        }
    )


def whole(parts: Sequence[pd.DataFrame], found: Sequence[pd.DataFrame], unread: int = 0) -> Answer:
    """Put parts and what they found together; ``EventLog.orphans`` documents the columns.

    ``unread``: how many rows of the log's files could not be read.
    """
    orphans, events = stacked(parts), stacked(found)
    orphans = orphans[~_at_home(orphans, events)].reset_index(drop=True)
    causes = events.sort_values(["id", "flow", "type"]).drop_duplicates("id")
    cause = orphans[["causation_id"]].merge(
        causes, how="left", left_on="causation_id", right_on="id", indicator=True
    )
    starts = [start for part in parts if (start := part.attrs["start"]) is not None]
    hops = sum((part.attrs["hops"] for part in parts), Counter[tuple[str, int]]())
    since = orphans["time"].to_numpy() - min(starts, default=0)
    lost = (cause["_merge"] == "left_only").to_numpy()
    flow = orphans["correlation_id"]
    where = np.select(
        [
            lost & (since > _patience(hops, orphans["type"])),
            lost,
            (cause["flow"].notna() & flow.notna()).to_numpy(),
            cause["flow"].isna().to_numpy(),
        ],
        [0, 1, 2, 3],
        4,
    )
    table = pd.DataFrame(
        {
            **{name: orphans[name] for name in ("correlation_id", "type", "source", "id")},
            "time": utc(orphans["time"].to_numpy()),
            "causation_id": orphans["causation_id"],
            "where": named(_as_ints(where), _WHERE),
            "cause_flow": cause["flow"],
            "cause_type": cause["type"],
        }
    )
    in_order = ["time", "correlation_id", "id", "causation_id", "type", "source"]
    table = table.sort_values(in_order, ignore_index=True)
    from workbench.analysis.plots_bars import plot_orphans

    sentence = _sentence(table, total(parts, "events"), total(parts, "named"))
    if unread and (table["where"] == NOWHERE).any():
        sentence += may_be_unread(unread)
    return Answer(table, sentence, plot_orphans)


def _at_home(orphans: pd.DataFrame, events: pd.DataFrame) -> Bools:
    """Whether the cause is in the flow after all: of those by which a ring of causes was cut."""
    home = events[["id", "flow"]].dropna().drop_duplicates()
    keys = ["causation_id", "correlation_id"]
    there = orphans[keys].merge(home.set_axis(keys, axis=1), how="left", on=keys, indicator=True)
    return (there["_merge"] == "both").to_numpy()


def _as_ints(numbers: np.ndarray) -> Ints:
    return np.asarray(numbers, dtype=np.int64)


def _sentence(table: pd.DataFrame, events: int, named_causes: int) -> str:
    if not named_causes:
        return "No event names a cause."
    if table.empty:
        return f"Every cause that the {count(events, 'event')} name is in its flow."
    n = table["where"].value_counts()
    said = [
        f"{n[where]:,} {one if n[where] == 1 else several}"
        for where, one, several in (
            (NOWHERE, *_naming("that is not in the log")),
            (CUT_OFF, *_naming("that most likely came before the log's start")),
            (IN_OTHER, *_naming("of another flow")),
            (IN_NONE, *_naming("that is in no flow")),
            (
                UNPLACED,
                "is in no flow itself, while its cause is in one",
                "are in no flow themselves, while their cause is in one",
            ),
        )
        if n.get(where, 0)
    ]
    return (
        f"{len(table):,} of {count(events, 'event')} {'names' if len(table) == 1 else 'name'} a cause that "
        f"is not in {'its' if len(table) == 1 else 'their'} flow: "
        f"{', '.join(said)}." + _doubt(n.get(NOWHERE, 0) + n.get(CUT_OFF, 0), named_causes)
    )


def _naming(which: str) -> tuple[str, str]:
    return f"names one {which}", f"name one {which}"


def _doubt(lost: int, named_causes: int) -> str:
    """What to think of a log in which no cause is found."""
    if lost < named_causes or lost < _FEW:
        return ""
    return " No cause that is named is the id of an event here: see log.mapping, is id the right column?"

"""Which flows wait for something that was due and never came?

An event is stuck if something was due after it and did not come. What is due is said by a design
(``workbench.analysis.due``), by a mapping of types, or learned from the log itself: an event is due
an effect if, of the flows that hold its type, come to in the same way, most have one. (The way
matters: an order cancelled because nobody paid is followed by the release of its stock, and one
cancelled because there was no stock by nothing.) An event that a service gave up on, and to which
that service never answered after all, is stuck too.

A log may be divided by flow: what its parts give adds up.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.due import Rules
from workbench.analysis.due_codes import DesignArrays
from workbench.analysis.due_kernel import Judged
from workbench.analysis.order import utc
from workbench.analysis.parts import inferred_from, named, together
from workbench.analysis.waits import AND, as_told, followed, followers, given_up, unanswered, unmet
from workbench.analysis.wording import count, length
from workbench.choreography import Choreography

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.index import FlowIndex

    Expected = Choreography | Mapping[str, Collection[str]] | None

_NAMED = 4
"""How many of the types that an event may wait for are named."""
_SAID = 3
"""How many of the places where flows are stuck the sentence names."""
_CASE = ["event_type", "cause_type", "waiting_for", "waiting_on", "gave_up", "owed"]


def part(index: FlowIndex, untold: Bools, expected: Expected) -> pd.DataFrame:
    """Find what waits in a part of a log: a row per event and thing that it waits for.

    ``untold``: of each event, whether it has no causation id.
    """
    if not isinstance(expected, Choreography):
        index = as_told(index)
    before, inferred = followed(index), int(index.inferred.sum())
    ways: list[tuple[Any, ...]] = []
    words, who = np.empty(0, dtype=object), np.empty(0, dtype=object)
    if isinstance(expected, Choreography):
        arrays = DesignArrays.of(Rules.of(expected), index.type_names, index.source_names)
        judged = Judged.of(index, untold, arrays)
        at, due = judged.missing(index)
        words = np.array([owed.words for owed in arrays.dues], dtype=object)[due]
        who = np.array([owed.service for owed in arrays.dues], dtype=object)[due]
        ripe = index.time[at] + arrays.codes.due_after[due]
        inferred = int(judged.inferred.sum())
    else:
        if expected is None:
            at, ways = unanswered(index, before)
        else:
            at = unmet(index, expected)
            told = {kind: _alternatives(sorted(types)) for kind, types in expected.items()}
            words = np.array([told.get(name) for name in index.type_names])[index.type[at]]
        ripe = index.time[at]
    letters = given_up(index)
    row = pd.Index(letters["event"]).get_indexer(pd.Index(at))
    if isinstance(expected, Choreography):  # each row is about one service, and so is a dead letter
        row[:] = -1
    alone = np.setdiff1d(np.arange(len(letters)), row)
    row = np.concatenate([row, alone])
    at = np.concatenate([at, letters["event"].to_numpy()[alone]])
    types, cause = index.type_names, index.cause[at]
    found = pd.DataFrame(
        {
            "correlation_id": named(index.flow[at], index.correlation_id),
            "event_type": named(index.type[at], types),
            "cause_type": named(np.where(cause >= 0, index.type[cause], -1), types),
            "waiting_for": _texts(words, len(at)),
            "waiting_on": _texts(who, len(at)),
            "gave_up": _texts(_or_none(letters["services"], row), len(at)),
            "owed": np.arange(len(at)) < len(ripe),
            "since": index.time[at],
            "due": np.append(ripe, index.time[at[len(ripe) :]]),
            "last_type": named(index.type[index.start[index.flow[at] + 1] - 1], types),
            "dead_letter": _or_none(letters["reasons"], row),
        }
    )
    found.attrs = {
        "end": index.end,
        "flows": index.flows,
        "inferred": inferred,
        "causes_from": "the design" if inferred else "",
        "types": set(index.type_names),
        "ways": ways,
        "by_order": not (index.cause >= 0).any(),
        "followers": followers(index, before),
    }
    return found


def whole(
    parts: Sequence[pd.DataFrame],
    expected: Expected,
    usually: float,
    longer_than: pd.Timedelta,
) -> Answer:
    """Put the parts of a log together; ``EventLog.stuck`` documents the columns."""
    rows = together(parts)
    end = max(piece.attrs["end"] for piece in parts)
    rows = rows[rows["due"] <= end - longer_than.value]
    combination = rows.groupby(_CASE, observed=True, dropna=False).ngroup().to_numpy()
    first = pd.Series(combination).drop_duplicates().sort_values(kind="stable")
    distinct: list[Any] = rows[_CASE].astype("object").iloc[first.index].to_numpy().tolist()
    words = _Words(parts, expected, usually)
    told = np.empty((2, len(distinct)), dtype=object)
    for place, row in enumerate(distinct):
        told[:, place] = words.of(*row[:-1], owed=row[-1])
    rows = rows[pd.notna(told[0][combination])]
    waiting_for, waiting_on = told[:, combination[pd.notna(told[0][combination])]]
    table = pd.DataFrame(
        {
            "correlation_id": rows["correlation_id"].astype("str").array,
            "event_type": rows["event_type"].astype("str").array,
            "waiting_for": pd.array(waiting_for, dtype="str"),
            "waiting_on": pd.array(waiting_on, dtype="str"),
            "since": utc(rows["since"].to_numpy(dtype=np.int64)),
            "waited_s": (end - rows["since"].to_numpy(dtype=np.int64)) / 1e9,
            "last_type": rows["last_type"].astype("str").array,
            "dead_letter": pd.array(rows["dead_letter"].tolist(), dtype="str"),
        }
    )
    table = table.sort_values(
        ["since", "correlation_id", "event_type", "waiting_for"], kind="stable", ignore_index=True
    )
    from workbench.analysis.plots_design import plot_stuck

    return Answer(table, _sentence(table, parts, expected), plot_stuck)


class _Words:
    """What an event waits for and on whom, from what the parts of a log say together."""

    def __init__(self, parts: Sequence[pd.DataFrame], expected: Expected, usually: float) -> None:
        ways: Counter[Any] = Counter()
        answered: Counter[Any] = Counter()
        follow: Counter[Any] = Counter()
        for piece in parts:
            for kind, cause, flows, flows_answered in piece.attrs["ways"]:
                ways[kind, cause] += flows
                answered[kind, cause] += flows_answered
            for *step, n in piece.attrs["followers"]:
                follow[tuple(step)] += n
        self._usual = {way for way, flows in ways.items() if answered[way] > usually * flows}
        self._expected = expected
        self._types: dict[tuple[str, str | None], dict[str, None]] = {}
        self._services: dict[tuple[str, str], dict[str, None]] = {}
        for (kind, service, effect), _ in sorted(follow.items(), key=lambda s: (-s[1], s[0])):
            self._types.setdefault((kind, None), {})[effect] = None
            self._types.setdefault((kind, service), {})[effect] = None
            self._services.setdefault((kind, effect), {})[service] = None

    def of(
        self, kind: str, cause: Any, waits: Any, on: Any, gave_up: Any, *, owed: bool
    ) -> tuple[str | None, str | None]:
        """What it waits for, and on whom; ``None`` if it waits for nothing, or nobody knows."""
        cause = cause if isinstance(cause, str) else None
        services = gave_up.split(AND) if isinstance(gave_up, str) else []
        if isinstance(on, str):
            return waits, on
        if isinstance(waits, str):
            types = sorted((self._expected or {})[kind])  # type: ignore[index]
            return waits, self._who(kind, types, services)
        if owed and (kind, cause) in self._usual:
            types = list(self._types.get((kind, None), ()))
            return _alternatives(types), self._who(kind, types, services)
        if not services:
            return None, None
        waited = (self._of(kind, service) or [f"an effect of {service}"] for service in services)
        return " and ".join(_alternatives(types) for types in waited), " and ".join(services)

    def _of(self, kind: str, service: str) -> list[str]:
        """What a service makes of a type: by the design, else as the log has it."""
        if isinstance(self._expected, Choreography):
            known = self._expected.services.get(service)
            reactions = known.reactions.values() if known else ()
            return list(dict.fromkeys(e for r in reactions if r.whenever == kind for e in r.emits))
        return list(self._types.get((kind, service), ()))

    def _who(self, kind: str, types: Iterable[str], gave_up: list[str]) -> str | None:
        """Who has emitted that after that, in this log; who gave up, if somebody did."""
        if gave_up:
            return " and ".join(gave_up)
        names = dict.fromkeys(s for name in types for s in self._services.get((kind, name), ()))
        return _alternatives(list(names), "service") or None


def _sentence(table: pd.DataFrame, parts: Sequence[pd.DataFrame], expected: Expected) -> str:
    flows = sum(piece.attrs["flows"] for piece in parts)
    by = "what is usual in this log" if expected is None else "what is expected"
    if isinstance(expected, Choreography):
        by = "what the design makes due"
    said = inferred_from(parts)
    if not isinstance(expected, Choreography) and all(piece.attrs["by_order"] for piece in parts):
        said += " No cause is told: each event is taken to follow the one before it."
    said += _unknown(set().union(*(piece.attrs["types"] for piece in parts)), expected)
    if table.empty:
        return f"No flow is stuck among {flows:,}: all came that is due by {by}.{said}"
    n, longest = table["correlation_id"].nunique(), table["waited_s"].max()
    places = table.assign(waiting_on=table["waiting_on"].fillna("an unknown service"))
    where = places.groupby(["event_type", "waiting_for", "waiting_on"]).size()
    where = where.sort_values(ascending=False, kind="stable")
    top: list[Any] = where.head(_SAID).reset_index().to_numpy().tolist()
    places_named = "; ".join(
        f"{times:,} after {kind} wait{'s' if times == 1 else ''} for {what} from {who}"
        for kind, what, who, times in top
    )
    more = f"; and {count(len(where) - _SAID, 'other place')}" if len(where) > _SAID else ""
    letters = int(table["dead_letter"].notna().sum())
    told = f" For {letters:,} of these there is a dead letter." if letters else ""
    return (
        f"{n:,} of {count(flows, 'flow')} {'is' if n == 1 else 'are'} stuck, the longest for "
        f"{length(longest)}, by {by}: {places_named}{more}.{told}{said}"
    )


def _unknown(types: set[str], expected: Expected) -> str:
    """Say which types that were asked about no event has; a design may have many such."""
    if isinstance(expected, Choreography):
        none = types.isdisjoint(expected.event_types)
        return " No event here is of a type that the design has." if none else ""
    named_ = {name for kind, effects in (expected or {}).items() for name in (kind, *effects)}
    missing = sorted(named_ - types)
    return f" No event here is of type {_alternatives(missing)}." if missing else ""


def _texts(values: Any, n: int) -> pd.Categorical:
    """Texts as categories, and null from where they end to ``n``."""
    codes, names = pd.factorize(pd.Series(values, dtype="object"))
    return named(np.pad(codes, (0, n - len(codes)), constant_values=-1), names)


def _or_none(texts: pd.Series[str], row: Ints) -> Any:
    """The texts of some rows; null for -1."""
    return texts.reindex(row).to_numpy(dtype=object)


def _alternatives(names: list[str], noun: str = "type") -> str:
    shown = names[:_NAMED]
    if len(names) > _NAMED:
        shown.append(count(len(names) - _NAMED, f"other {noun}"))
    return " or ".join(shown)

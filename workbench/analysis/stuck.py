"""Which flows wait for something that was due and never came?

An event is stuck if something was due after it and did not come. What is due is said by a design
(``workbench.analysis.due``), by pairs of types, or learned from the log itself
(``workbench.analysis.usually_due``). An event that a service gave up on, and to which that service
never answered after all, is stuck too.

What came is what an event caused; by pairs, what came of that too. Two things are not told by causes,
and are counted so:

- an event of the type due that stands later in the flow, and of which nobody knows the cause (it
  names one that the flow doesn't hold, or none), answers one event that waits;
- where a flow holds several events to which the same is due, each waits for an answer of its own if
  in most flows that hold several most have one (the lines of an order). If not, one answer is
  enough (of several offers one is taken; or the same effect came twice), and only a flow without
  any waits, as its last such event. By a design each waits: it says so by its reactions. And in
  order of time each does: only the last event of a flow is followed by none.

A log may be divided by flow: what is usual is counted in all parts first, and what they then give
adds up.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.due import Rules
from workbench.analysis.due_codes import DesignArrays
from workbench.analysis.due_kernel import Judged
from workbench.analysis.hop_kinds import effects_first, effects_stand
from workbench.analysis.order import utc
from workbench.analysis.parts import inferred_from, named, together
from workbench.analysis.traffic_parts import total
from workbench.analysis.usually_due import Often, WayCounts
from workbench.analysis.waits import AND, as_told, emitters, followers, given_up, missing, waiting
from workbench.analysis.wording import count, length, may_be_unread
from workbench.choreography import Choreography

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.index import FlowIndex
    from workbench.analysis.stuck_rule import Expected, Rule

_NAMED = 4
"""How many of the types that an event may wait for are named."""
_SAID = 3
"""How many of the places where flows are stuck the sentence names."""
_CASE = ["event_type", "waiting_for", "waiting_on", "gave_up", "owed"]


def ways(index: FlowIndex) -> WayCounts:
    """Count in a part of a log what follows what: all parts together say what is usual."""
    return WayCounts.of(as_told(index))


def tells_causes(index: FlowIndex, rule: Rule) -> bool:
    """Whether a part of a log holds a cause that counts."""
    return bool(_counting(index, rule).cause.max(initial=-1) >= 0)


def _counting(index: FlowIndex, rule: Rule) -> FlowIndex:
    """A part with the causes that count."""
    return as_told(index) if rule.design is None else index


def part(index: FlowIndex, untold: Bools, rule: Rule) -> pd.DataFrame:
    """Find what waits in a part of a log: a row per event and thing that it waits for.

    ``untold``: of each event, whether it has no causation id.
    """
    index = _counting(index, rule)
    before = index.after if rule.by_order else index.cause
    letters = given_up(index, before)
    words, who = np.empty(0, dtype=object), np.empty(0, dtype=object)
    attrs: dict[Any, Any] = {"inferred": int(index.inferred.sum())}
    if rule.design is not None:
        arrays = DesignArrays.of(Rules.of(rule.design), index.type_names, index.source_names)
        judged = Judged.of(index, untold, arrays)
        at, due, orphans = missing(index, judged, untold)
        words = np.array([owed.words for owed in arrays.dues], dtype=object)[due]
        who = np.array([owed.service for owed in arrays.dues], dtype=object)[due]
        ripe = index.time[at] + arrays.codes.due_after[due]
        attrs = {"inferred": int(judged.inferred.sum()), "orphans": orphans}
        owed = of_each = of_flow = np.full(len(at), -1)
    else:
        own = before if rule.by_habit else index.cause
        waits = waiting(index, own, untold, rule, letters["event"].to_numpy())
        at, owed = waits["event"].to_numpy(), waits["owed"].to_numpy()
        of_each, of_flow = waits["of_each"].to_numpy(), waits["of_flow"].to_numpy()
        ripe = index.time[at]
        attrs |= waits.attrs
    row = pd.Index(letters["event"]).get_indexer(pd.Index(at))
    nameless = (letters["services"] == "").to_numpy(dtype=bool)
    if rule.design is not None:  # each row is about one service, and a letter that names one too
        services = np.array([*letters["services"], None], dtype=object)
        row[~np.append(nameless, False)[row] & (services[row] != who)] = -1
    alone = np.setdiff1d(np.arange(len(letters)), row)
    alone = alone[~(nameless & letters["has_effect"].to_numpy(dtype=bool))[alone]]
    row = np.concatenate([row, alone])
    at = np.concatenate([at, letters["event"].to_numpy()[alone]])
    more = (0, len(alone))
    found = pd.DataFrame(
        {
            "correlation_id": index.correlation_id.take(index.flow[at]),
            "event_type": named(index.type[at], index.type_names),
            "waiting_for": _texts(words, len(at)),
            "waiting_on": _texts(who, len(at)),
            "gave_up": _texts(_or_none(letters["services"], row), len(at)),
            "owed": np.pad(owed, more, constant_values=-1),
            "of_each": np.pad(of_each.astype(bool), more, constant_values=True),
            "of_flow": np.pad(of_flow.astype(bool), more, constant_values=True),
            "since": index.time[at],
            "guessed": index.undated[at],
            "due": np.append(ripe, index.time[at[len(ripe) :]]),
            "last_type": named(index.type[index.start[index.flow[at] + 1] - 1], index.type_names),
            "dead_letter": _or_none(letters["reasons"], row),
        }
    )
    found.attrs = attrs | {
        "end": index.end,
        "flows": index.flows,
        "without_flow": index.without_flow,
        "effects_first": effects_first(index),
        "causes_from": "the design" if attrs["inferred"] else "",
        "types": set(index.type_names),
        "named": int((~untold).sum()),
        "followers": followers(index, before),
        "emitters": emitters(index),
    }
    return found


def whole(
    parts: Sequence[pd.DataFrame],
    rule: Rule,
    longer_than: pd.Timedelta,
    unread: int = 0,
    *,
    is_part: bool = False,
) -> Answer:
    """Put the parts of a log together; ``EventLog.stuck`` documents the columns.

    ``unread``: how many rows of its files could not be read; ``is_part``: whether it was itself
    taken of another log.
    """
    end = max(piece.attrs["end"] for piece in parts)
    upto = end - longer_than.value
    rows = together([piece[piece["due"] <= upto] for piece in parts])
    if rule.design is not None:
        orphans = total(parts, "orphans")
    else:
        several, each = (
            np.sum([piece.attrs[name] for piece in parts], axis=0) for name in ("several", "each")
        )
        wants_own = (several == 0) | (2 * each > several)
        wants_own |= rule.by_habit and rule.by_order
        wants_own = np.append(wants_own, True)  # the last: what no rule makes due
        rows = rows[np.where(wants_own[rows["owed"]], rows["of_each"], rows["of_flow"])]
        taken = np.sum([piece.attrs["orphans"] for piece in parts], axis=0)
        orphans = int(np.where(wants_own[:-1], *taken).sum())
    combination = rows.groupby(_CASE, observed=True, dropna=False).ngroup().to_numpy()
    first = pd.Series(combination).drop_duplicates().sort_values(kind="stable")
    distinct: list[Any] = rows[_CASE].astype("object").iloc[first.index].to_numpy().tolist()
    words = _Words(parts, rule)
    told = np.empty((2, len(distinct)), dtype=object)
    for place, row in enumerate(distinct):
        told[:, place] = words.of(*row)
    waiting_for, waiting_on = told[:, combination]
    table = pd.DataFrame(
        {
            "correlation_id": rows["correlation_id"].array,
            "event_type": rows["event_type"].astype("str").array,
            "waiting_for": pd.array(waiting_for, dtype="str"),
            "waiting_on": pd.array(waiting_on, dtype="str"),
            "since": utc(rows["since"].to_numpy(dtype=np.int64)),
            "waited_s": (end - rows["since"].to_numpy(dtype=np.int64)) / 1e9,
            "last_type": rows["last_type"].astype("str").array,
            "dead_letter": pd.array(rows["dead_letter"].tolist(), dtype="str"),
            "guessed": rows["guessed"].to_numpy(dtype=bool),
        }
    )
    table = table.sort_values(
        ["since", "correlation_id", "event_type", "waiting_for"], kind="stable", ignore_index=True
    )
    from workbench.analysis.plots_design import plot_stuck

    guessed = table.pop("guessed").to_numpy()
    of_what = "this part of the log" if is_part else "this log"
    sentence = _sentence(table, parts, rule, orphans, guessed, of_what)
    if unread and len(table):
        sentence += may_be_unread(unread)
    return Answer(table, sentence, plot_stuck)


class _Words:
    """What an event waits for and on whom, from what the parts of a log say together."""

    def __init__(self, parts: Sequence[pd.DataFrame], rule: Rule) -> None:
        follow: Counter[tuple[Any, ...]] = Counter()
        emitted: Counter[tuple[Any, ...]] = Counter()
        for piece in parts:
            emitted.update(piece.attrs["emitters"])
            follow.update(piece.attrs["followers"])
        self._rule = rule
        self._types: dict[tuple[str, str | None], dict[str, None]] = {}
        self._services: dict[tuple[str, str], dict[str, None]] = {}
        for (kind, service, effect), _ in sorted(follow.items(), key=lambda s: (-s[1], s[0])):
            self._types.setdefault((kind, None), {})[effect] = None
            self._types.setdefault((kind, service), {})[effect] = None
            self._services.setdefault((kind, effect), {})[service] = None
        self._emitters: dict[str, dict[str, None]] = {}
        for (kind, service), _ in sorted(emitted.items(), key=lambda s: (-s[1], s[0])):
            self._emitters.setdefault(kind, {})[service] = None

    def of(self, kind: str, waits: Any, on: Any, gave_up: Any, owed: int) -> tuple[str, str | None]:
        """What it waits for, and on whom; ``None`` if nobody knows."""
        if isinstance(on, str):  # by a design
            return waits, on
        services = gave_up.split(AND) if isinstance(gave_up, str) and gave_up else []
        if owed >= 0:
            types: Sequence[str] = self._rule.owed[owed].effects
            return _alternatives(types), self._who(kind, types, services)
        if not services:
            types = list(self._types.get((kind, None), ()))
            return _alternatives(types) or "an effect", self._who(kind, types, [])
        waited = (self._of(kind, service) or [f"an effect of {service}"] for service in services)
        return " and ".join(_alternatives(types) for types in waited), " and ".join(services)

    def _of(self, kind: str, service: str) -> list[str]:
        """What a service makes of a type: by the design, else as the log has it."""
        if self._rule.design is not None:
            known = self._rule.design.services.get(service)
            reactions = known.reactions.values() if known else ()
            made = (r.emits for r in reactions if r.whenever == kind and not r.compensates)
            return list(dict.fromkeys(effect for emits in made for effect in emits))
        return list(self._types.get((kind, service), ()))

    def _who(self, kind: str, types: Iterable[str], gave_up: list[str]) -> str | None:
        """Who emitted that, after that if anybody did, in this log; who gave up, if somebody did."""
        if gave_up:
            return " and ".join(gave_up)
        names = dict.fromkeys(s for name in types for s in self._services.get((kind, name), ()))
        names = names or dict.fromkeys(s for name in types for s in self._emitters.get(name, ()))
        return _alternatives(list(names), "service") or None


def _sentence(
    table: pd.DataFrame,
    parts: Sequence[pd.DataFrame],
    rule: Rule,
    orphans: int,
    guessed: Bools,
    of_what: str,
) -> str:
    """What ``EventLog.stuck`` says; ``guessed``: which events say no time of their own."""
    flows = total(parts, "flows")
    if not flows:
        left = total(parts, "without_flow")
        told = f" {count(left, 'event')} without a correlation id: in no flow." if left else ""
        return f"There is no flow here, and so none that could be stuck.{told}"
    by = f"what is usual in {of_what}" if rule.by_habit else "what is expected"
    if rule.design is not None:
        by = "what the design makes due"
    said = inferred_from(parts)
    if orphans:
        said += (
            f" {count(orphans, 'effect')} whose cause is not in the flow "
            f"{'counts as an answer' if orphans == 1 else 'count as answers'}: see log.orphans()."
        )
    if rule.by_order and rule.design is None:
        named = total(parts, "named")
        names = f"{count(named, 'event')} {'names' if named == 1 else 'name'}"
        told = (
            f"No cause that {names} is in the flow (see log.orphans())"
            if named
            else "No cause is told"
        )
        said += f" {told}: each event is taken to follow the one before it."
    said += _often(rule.often)
    said += _unknown(set().union(*(piece.attrs["types"] for piece in parts)), rule.expected)
    if table.empty:
        return f"No flow is stuck among {flows:,}: all came that is due by {by}.{said}"
    n, longest = table["correlation_id"].nunique(), table["waited_s"][~guessed].max()
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
    if guessed.any():
        says = "says" if guessed.sum() == 1 else "say"
        told += (
            f" {guessed.sum():,} of them {says} no time of {'its' if says == 'says' else 'their'} own: "
            "how long is a guess, by the events around."
        )
    if left := total(parts, "without_flow"):
        told += f" {count(left, 'event')} without a correlation id can't be an answer."
    if first := total(parts, "effects_first"):
        told += (
            f" {effects_stand(first)}, so clocks differ: see log.without_skew().stuck() as well."
        )
    if (
        rule.by_habit
        and table.loc[table["dead_letter"].isna(), "correlation_id"].nunique() > flows / 2
    ):
        told += (
            " That is more than half of the flows, and so most likely not what is due here: say "
            'what is, by log.stuck(design) or by pairs, log.stuck({"Offered": ["Decided"]}).'
        )
    events = f" with {len(table):,} events that wait" if len(table) != n else ""
    return (
        f"{n:,} of {count(flows, 'flow')} {'is' if n == 1 else 'are'} stuck{events}"
        f"{'' if guessed.all() else f', the longest for {length(longest)}'}, by {by}: "
        f"{places_named}{more}.{told}{said}"
    )


def _often(often: Sequence[Often]) -> str:
    """Say what comes often and is not due, of several that which the most flows lack."""
    if not often:
        return ""
    most = min(often, key=lambda each: (each.came - each.flows, each))
    n, others = most.flows - most.came, len(often) - 1
    pairs = json.dumps({most.kind: most.effects}, ensure_ascii=False)
    return (
        f" Not counted as due, since too few flows have it: {_alternatives(most.effects)} after "
        f"{most.kind}, which {n:,} of {count(most.flows, 'flow')} lack{'s' if n == 1 else ''}"
        f"{f', and {others:,} more like it' if others else ''}; log.stuck({pairs}) counts it."
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


def _alternatives(names: Sequence[str], noun: str = "type") -> str:
    shown = list(names[:_NAMED])
    if len(names) > _NAMED:
        shown.append(count(len(names) - _NAMED, f"other {noun}"))
    return " or ".join(shown)

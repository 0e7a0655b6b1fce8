"""Which events wait: by a design, by a mapping of types, by what is usual, or as dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numba import njit

from workbench.analysis.arrays import Bools, Ints, Small
from workbench.analysis.inference import STATISTICS, told
from workbench.analysis.reasons import who_gave_up
from workbench.analysis.unknown_causes import taken_as_answers
from workbench.analysis.usually_due import Way, ways_of

if TYPE_CHECKING:
    from typing import Any

    from workbench.analysis.due_kernel import Judged
    from workbench.analysis.index import FlowIndex
    from workbench.analysis.stuck_rule import Rule

AND = "\n"
"""Between the services that gave up on one event."""


def as_told(index: FlowIndex) -> FlowIndex:
    """Leave out the causes that the log's own statistics tell.

    What is usual is what they were inferred from: where a flow branches, they would make an event
    of one branch wait for what follows the other.
    """
    return told(index) if index.causes_from == STATISTICS else index


def waiting(
    index: FlowIndex, before: Ints, untold: Bools, rule: Rule, letters: Ints
) -> pd.DataFrame:
    """Find the events that lack what is due: what came of them, by ``before``, is not among it.

    An event of which nobody knows the cause answers one event before it in its flow; and so does
    one whose cause isn't there, and which usually comes later: what is due came and is lost. Where
    a flow holds several events to which the same is due, either each of them waits for an answer of its
    own, or one answer is enough: both are worked out, for all parts of a log together decide.

    Parameters
    ----------
    before
        Of each event what it follows, or -1.
    untold
        Of each event, whether it names no cause.
    letters
        The events that a service gave up on.

    Returns
    -------
    pandas.DataFrame
        ``event`` (its position), ``owed`` (what is due, a place in ``rule.owed``), ``of_each`` and
        ``of_flow`` (whether it waits if each wants an answer, or if one is enough, for which the
        last stands). In ``attrs``, per thing due: ``several`` and ``each``, how many flows hold
        several such events and an answer, and in how many of these most of them have their own;
        and ``orphans``, per the two ways, how many events named a cause that isn't there and were
        taken as an answer.
    """
    n_owed = len(rule.owed)
    way, ways = ways_of(index, by_cause=rule.by_habit)
    event, owed, came = _slots(index, before, rule, way, ways)
    causeless = (before < 0) & (index.after >= 0)
    if rule.by_habit:
        causeless |= _of_unknown_way(before, causeless & ~untold, rule, way, ways)
    unknown = np.flatnonzero(causeless)
    numbers = {name: code for code, name in enumerate(index.type_names)}
    lost = len(numbers)  # added to the type of what names a cause that isn't there
    pairs = [
        (numbers[name] + more, n)
        for n, due in enumerate(rule.owed)
        for names, labels in ((due.effects, (0, lost)), (due.later, (lost,)))
        for name in names
        for more in labels
        if name in numbers
    ]
    accepted, by = np.array(pairs, dtype=np.int64).reshape(-1, 2).T.copy()
    label = index.type[unknown].astype(np.int64) + np.where(untold[unknown], 0, lost)

    def answers(waits: Ints, due: Ints) -> Ints:
        return taken_as_answers(index, waits, due, unknown, label, accepted, by)

    open_ = np.flatnonzero(~came)
    taken = answers(event[open_], owed[open_])
    answered = came.copy()
    answered[open_] = taken >= 0
    group, groups = pd.factorize(index.flow[event] * max(n_owed, 1) + owed)
    due_of = groups % max(n_owed, 1)
    n = np.bincount(group, minlength=len(groups))
    n_answered = np.bincount(group[answered], minlength=len(groups))
    several = (n > 1) & (n_answered > 0)
    each = several & (2 * n_answered > n)

    first = np.unique(group, return_index=True)[1]
    none = np.flatnonzero(np.bincount(group[came], minlength=len(groups)) == 0)
    none = none[np.argsort(first[none], kind="stable")]
    taken_by_flow = answers(event[first[none]], due_of[none])
    last = np.full(len(groups), -1)
    last[group] = event  # positions ascend: the last one stays
    of_letter = np.isin(event, letters)
    last[group[of_letter]] = event[of_letter]
    still = none[taken_by_flow < 0]

    rows = np.concatenate(
        [
            event[open_[taken < 0]] * max(n_owed, 1) + owed[open_[taken < 0]],
            last[still] * max(n_owed, 1) + due_of[still],
        ]
    )
    code, keys = pd.factorize(rows, sort=True)
    of_each, of_flow = np.zeros(len(keys), dtype=bool), np.zeros(len(keys), dtype=bool)
    of_each[code[: len(code) - len(still)]] = True
    of_flow[code[len(code) - len(still) :]] = True
    at, due = np.divmod(np.asarray(keys, dtype=np.int64), max(n_owed, 1))
    found = pd.DataFrame({"event": at, "owed": due, "of_each": of_each, "of_flow": of_flow})
    found.attrs = {
        "several": np.bincount(due_of[several], minlength=n_owed).tolist(),
        "each": np.bincount(due_of[each], minlength=n_owed).tolist(),
        "orphans": [
            np.bincount(due[(answer >= 0) & ~untold[answer]], minlength=n_owed).tolist()
            for due, answer in ((owed[open_], taken), (due_of[none], taken_by_flow))
        ],
    }
    return found


def _of_unknown_way(before: Ints, lost: Bools, rule: Rule, way: Ints, ways: list[Way]) -> Bools:
    """Whether nobody knows the cause of what an event follows, and so nothing is due to that.

    ``lost``: of each event, whether it names a cause that isn't there.
    """
    due = {owed[:2] for owed in rule.owed}
    has_due = np.array([each in due for each in ways], dtype=bool)
    found: Bools = (before >= 0) & lost[before] & ~has_due[way[before]]
    return found


def _slots(
    index: FlowIndex, before: Ints, rule: Rule, way: Ints, ways: list[Way]
) -> tuple[Ints, Ints, Bools]:
    """Every event to which something is due: its position, what is due, and whether that came of it.

    By what is usual, directly; by pairs, by way of other events too.
    """
    at_way = {way: number for number, way in enumerate(ways)}
    numbers = {name: code for code, name in enumerate(index.type_names)}
    known = [n for n, due in enumerate(rule.owed) if due[:2] in at_way]
    known.sort(key=lambda n: at_way[rule.owed[n][:2]])
    of_way = np.array([at_way[rule.owed[n][:2]] for n in known], dtype=np.int64)
    effects = [[numbers[e] for e in rule.owed[n].effects if e in numbers] for n in known]
    due_start = np.searchsorted(of_way, np.arange(len(ways) + 1)).astype(np.int64)
    effect_start = np.cumsum([0, *map(len, effects)]).astype(np.int64)
    effect_type = np.array([code for codes in effects for code in codes], dtype=np.int64)
    slot = np.zeros(len(way) + 1, dtype=np.int64)
    np.cumsum(np.diff(due_start)[way], out=slot[1:])
    event = np.repeat(np.arange(len(way)), np.diff(slot))
    due = np.arange(slot[-1]) - slot[event] + due_start[way[event]]
    came = np.zeros(slot[-1], dtype=bool)
    if rule.by_habit:
        _mark_come(before, index.type, way, slot, due_start, effect_start, effect_type, came)
    else:
        for number in range(len(known)):
            wanted = effect_type[effect_start[number] : effect_start[number + 1]]
            mine = due == number
            came[mine] = _leads_to(before, np.isin(index.type, wanted))[event[mine]]
    return event, np.array(known, dtype=np.int64)[due], came


@njit(cache=True, nogil=True)
def _leads_to(before: Ints, wanted: Bools) -> Bools:
    """Whether something wanted came of an event, or of what came of it: effects stand last."""
    leads = np.zeros(len(before), np.bool_)
    for event in range(len(before) - 1, -1, -1):
        if before[event] >= 0 and (leads[event] or wanted[event]):
            leads[before[event]] = True
    return leads


@njit(cache=True, nogil=True)
def _mark_come(
    before: Ints,
    type_: Small,
    way: Ints,
    slot: Ints,
    due_start: Ints,
    effect_start: Ints,
    effect_type: Ints,
    came: Bools,
) -> None:
    for event in range(len(before)):
        answered = before[event]
        if answered < 0:
            continue
        first = due_start[way[answered]]
        for due in range(first, due_start[way[answered] + 1]):
            for effect in range(effect_start[due], effect_start[due + 1]):
                if effect_type[effect] == type_[event]:
                    came[slot[answered] + due - first] = True


def missing(index: FlowIndex, judged: Judged, untold: Bools) -> tuple[Ints, Ints, int]:
    """What a design makes due and nothing answered.

    Returns
    -------
    events, due
        Their positions, and the places in ``design.dues`` of what is due.
    orphans
        How many events that name a cause which isn't there were taken for something due, each
        after the nearest event before it.
    """
    event, due = judged.missing(index)
    codes, n_sources = judged.design.codes, len(judged.design.sources)
    per_due = np.diff(codes.effect_start)
    orphan = np.flatnonzero((judged.cause < 0) & ~untold)
    answer = taken_as_answers(
        index,
        event,
        due,
        orphan,
        index.kind[orphan],
        codes.effect_type * n_sources + np.repeat(codes.due_source, per_due),
        np.repeat(np.arange(len(per_due)), per_due),
    )
    return event[answer < 0], due[answer < 0], int((answer >= 0).sum())


def given_up(index: FlowIndex, before: Ints) -> pd.DataFrame:
    """The events that a service gave up on and never answered.

    Parameters
    ----------
    before
        Of each event what it follows, or -1.

    Returns
    -------
    pandas.DataFrame
        ``event`` (its position, ascending), ``services`` (joined by ``AND``; ``""`` if no letter
        names one), ``reasons``, and ``has_effect``: whether the event has an effect of anyone.
    """
    event, reasons = index.copy_event[index.dead], index.reason
    letters = pd.DataFrame({"event": event, "reasons": reasons}, dtype="object")[event >= 0]
    letters["event"] = letters["event"].astype("int64")
    named = [who_gave_up(str(reason)) for reason in letters["reasons"]]
    letters["services"] = pd.Series(named, index=letters.index, dtype="object")
    number = pd.Index(index.source_names).get_indexer(pd.Index(letters["services"], dtype="object"))
    concerned = np.zeros(len(index.flow) + 1, dtype=bool)  # the last is for no cause, -1
    concerned[letters["event"].to_numpy()] = True
    effect = np.flatnonzero(concerned[before])
    n = len(index.source_names)
    answers = before[effect] * n + index.source[effect]
    answered = (number >= 0) & np.isin(letters["event"].to_numpy() * n + number, answers)
    open_ = letters[~answered]
    services = open_.drop_duplicates(["event", "services"]).groupby("event")["services"]
    told = open_.groupby("event")["reasons"].agg("; ".join)
    found = pd.DataFrame({"services": services.agg(_joined), "reasons": told}).reset_index()
    return found.assign(has_effect=np.isin(found["event"], before[effect]))


def _joined(services: pd.Series[Any]) -> str:
    return AND.join(services.dropna())


def emitters(index: FlowIndex) -> dict[tuple[Any, ...], int]:
    """Who emits what: how often each type and service."""
    n_sources = len(index.source_names)
    code, pairs = pd.factorize(index.kind)
    kind, source = np.divmod(pairs, n_sources)
    counts = np.bincount(code, minlength=len(pairs)).tolist()
    names = zip(index.type_names[kind], index.source_names[source], strict=True)
    return dict(zip(names, counts, strict=True))


def followers(index: FlowIndex, before: Ints) -> dict[tuple[Any, ...], int]:
    """What follows what: how often each type, and service and type of what follows."""
    n_types, n_sources = len(index.type_names), len(index.source_names)
    effect = np.flatnonzero(before >= 0)
    cause_type = index.type[before[effect]].astype(np.int64)
    step = (cause_type * n_sources + index.source[effect]) * n_types
    code, steps = pd.factorize(step + index.type[effect])
    kind, rest = np.divmod(steps, n_sources * n_types)
    source, follower = np.divmod(rest, n_types)
    counts = np.bincount(code, minlength=len(steps)).tolist()
    types, sources = index.type_names, index.source_names
    names = zip(types[kind], sources[source], types[follower], strict=True)
    return dict(zip(names, counts, strict=True))

"""Which flows wait for something that was due and never came?

An event is stuck if something was due after it and did not come. What is due is said by a design,
or learned from the log itself: an event is due an effect if, of the flows that hold its type, come
to in the same way, most have one. (The way matters: an order cancelled because nobody paid is
followed by the release of its stock, and one cancelled because there was no stock by nothing.)
An event that a service gave up on, and to which that service never answered after all, is stuck too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.analysis.index import who_gave_up
from workbench.analysis.order import utc

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.index import FlowIndex

_NAMED = 4
"""How many of the types that an event may wait for are named."""


def stuck(
    index: FlowIndex, expected: Mapping[str, Collection[str]] | None, usually: float
) -> pd.DataFrame:
    """List what is stuck; ``EventLog.stuck`` documents the columns."""
    followed = _followed(index)
    if expected is None:
        due = _due_by_habit(index, followed, usually)
    else:
        due = _due_by_design(index, expected)
    given_up = _given_up(index)
    at = np.union1d(np.flatnonzero(due), np.array(list(given_up), dtype=np.int64))
    followers = _followers(index, followed)
    last = index.type[index.start[1:] - 1]

    def waiting_for(event: int) -> str:
        kind = index.type_names[index.type[event]]
        if due[event]:
            types = followers.get((kind, None), []) if expected is None else sorted(expected[kind])
            return _alternatives(types)
        services = [who_gave_up(reason) for reason in given_up[event]]
        return " and ".join(
            _alternatives(followers.get((kind, service), [f"an effect of {service}"]))
            for service in dict.fromkeys(services)
        )

    table = pd.DataFrame(
        {
            "correlation_id": pd.array(index.correlation_id[index.flow[at]], dtype="str"),
            "event_type": pd.array(index.type_names[index.type[at]], dtype="str"),
            "waiting_for": pd.array([waiting_for(event) for event in at], dtype="str"),
            "since": utc(index.time[at]),
            "waited_s": (index.end - index.time[at]) / 1e9,
            "last_type": pd.array(index.type_names[last[index.flow[at]]], dtype="str"),
            "dead_letter": pd.array(
                ["; ".join(given_up[event]) if event in given_up else None for event in at],
                dtype="str",
            ),
        }
    )
    return table.sort_values("since", kind="stable", ignore_index=True)


def _followed(index: FlowIndex) -> Ints:
    """What each event follows: its cause, or in a log that knows no causes the event before it."""
    return index.cause if (index.cause >= 0).any() else index.after


def _due_by_habit(index: FlowIndex, followed: Ints, usually: float) -> Bools:
    """Find the events without an effect, of types that, after such a cause, mostly have one."""
    cause = np.where(index.cause >= 0, index.type[index.cause] + 1, 0)  # 0: it is not known
    way, ways = pd.factorize(index.type * (len(index.type_names) + 1) + cause)
    answered = np.zeros(len(index.flow), dtype=bool)
    answered[followed[followed >= 0]] = True
    pair, pairs = pd.factorize(index.flow * len(ways) + way)
    pair_answered = np.zeros(len(pairs), dtype=bool)
    pair_answered[pair[answered]] = True
    kind = pairs % len(ways)
    flows = np.bincount(kind, minlength=len(ways))
    flows_answered = np.bincount(kind[pair_answered], minlength=len(ways))
    return ~answered & (flows_answered > usually * flows)[way]


def _due_by_design(index: FlowIndex, expected: Mapping[str, Collection[str]]) -> Bools:
    """Find the events after which none of the types expected came.

    An event whose cause is not known may answer any event that stands before it in its flow.
    """
    number = {name: code for code, name in enumerate(index.type_names)}
    kinds = [number[kind] for kind, effects in expected.items() if effects and kind in number]
    allowed = np.zeros((len(number), len(number)), dtype=bool)
    for kind in kinds:
        effects = expected[index.type_names[kind]]
        allowed[kind, [number[name] for name in effects if name in number]] = True
    answered = np.zeros(len(index.flow), dtype=bool)
    effect = np.flatnonzero(index.cause >= 0)
    cause = index.cause[effect]
    answered[cause[allowed[index.type[cause], index.type[effect]]]] = True

    uncaused = np.flatnonzero((index.cause < 0) & (index.after >= 0))
    for kind in kinds:
        last = np.full(index.flows, -1)
        answers = uncaused[allowed[kind, index.type[uncaused]]]
        last[index.flow[answers]] = answers  # positions ascend: the last one stays
        answered |= (index.type == kind) & (np.arange(len(answered)) < last[index.flow])
    return np.isin(index.type, kinds) & ~answered


def _given_up(index: FlowIndex) -> dict[int, list[str]]:
    """Give, for each event that a service gave up on and never answered, the reasons."""
    events = index.copy_event[index.dead]
    effect = np.flatnonzero(np.isin(index.cause, events[events >= 0]))
    services = index.source_names[index.source[effect]]
    answers = set(zip(index.cause[effect].tolist(), services, strict=True))
    reasons: dict[int, list[str]] = {}
    for event, reason in zip(events.tolist(), index.reason, strict=True):
        if event >= 0 and (event, who_gave_up(reason)) not in answers:
            reasons.setdefault(event, []).append(reason)
    return reasons


def _followers(index: FlowIndex, followed: Ints) -> dict[tuple[str, str | None], list[str]]:
    """Name the types that follow a type, from any service (``None``) or one; most frequent first."""
    effect = np.flatnonzero(followed >= 0)
    steps = pd.DataFrame(
        {
            "kind": index.type[followed[effect]],
            "service": index.source[effect],
            "effect": index.type[effect],
        }
    )
    counts = steps.groupby(["kind", "service", "effect"]).size()
    counts = counts.sort_values(ascending=False, kind="stable")
    kinds, sources, effects = (counts.index.get_level_values(n) for n in range(3))
    found: dict[tuple[str, str | None], list[str]] = {}
    for kind, name, source in zip(
        index.type_names[kinds], index.type_names[effects], index.source_names[sources], strict=True
    ):
        for service in (None, source):
            names = found.setdefault((kind, service), [])
            if name not in names:
                names.append(name)
    return found


def _alternatives(types: list[str]) -> str:
    named = types[:_NAMED]
    if len(types) > _NAMED:
        named.append(f"{len(types) - _NAMED} other types")
    return " or ".join(named)

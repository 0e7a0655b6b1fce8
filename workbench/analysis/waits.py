"""Which events wait: by a design, by a mapping of types, by what is usual, or as dead letters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.analysis.index import who_gave_up
from workbench.analysis.inference import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.index import FlowIndex

AND = "\n"
"""Between the services that gave up on one event."""


def as_told(index: FlowIndex) -> FlowIndex:
    """Leave out the causes that the log's own statistics tell.

    What is usual is what they were inferred from: where a flow branches, they would make an event
    of one branch wait for what follows the other.
    """
    if index.causes_from != STATISTICS:
        return index
    cause = np.where(index.inferred, -1, index.cause)
    return replace(index, cause=cause, inferred=np.zeros(len(cause), dtype=bool), causes_from="")


def followed(index: FlowIndex) -> Ints:
    """What each event follows: its cause, or in a log that knows no causes the event before it."""
    return index.cause if (index.cause >= 0).any() else index.after


def unanswered(index: FlowIndex, before: Ints) -> tuple[Ints, list[tuple[Any, ...]]]:
    """The events that nothing follows, and how usual that is.

    Returns
    -------
    events
        Their positions.
    ways
        Type, cause's type or ``None``, in how many flows there is that, and in how many of these
        something follows it.
    """
    cause = np.where(index.cause >= 0, index.type[index.cause] + 1, 0)  # 0: it is not known
    n_causes = len(index.type_names) + 1
    way, ways = pd.factorize(index.type * n_causes + cause)
    answered = np.zeros(len(index.flow), dtype=bool)
    answered[before[before >= 0]] = True
    pair, pairs = pd.factorize(index.flow * len(ways) + way)
    pair_answered = np.zeros(len(pairs), dtype=bool)
    pair_answered[pair[answered]] = True
    kind = pairs % max(len(ways), 1)
    flows = np.bincount(kind, minlength=len(ways))
    flows_answered = np.bincount(kind[pair_answered], minlength=len(ways))
    names = index.type_names[ways // n_causes]
    causes = [index.type_names[code - 1] if code else None for code in (ways % n_causes).tolist()]
    counts = zip(names, causes, flows.tolist(), flows_answered.tolist(), strict=True)
    return np.flatnonzero(~answered), list(counts)


def unmet(index: FlowIndex, expected: Mapping[str, Collection[str]]) -> Ints:
    """The events after which none of the types expected came.

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
    waiting: Bools = np.isin(index.type, kinds) & ~answered
    return np.flatnonzero(waiting)


def given_up(index: FlowIndex) -> pd.DataFrame:
    """The events that a service gave up on and never answered.

    Returns
    -------
    pandas.DataFrame
        ``event`` (its position, ascending), ``services`` (joined by ``AND``) and ``reasons``.
    """
    event, reasons = index.copy_event[index.dead], index.reason
    letters = pd.DataFrame({"event": event, "reasons": reasons}, dtype="object")[event >= 0]
    letters["event"] = letters["event"].astype("int64")
    letters["services"] = [who_gave_up(reason) for reason in letters["reasons"]]
    number = pd.Index(index.source_names).get_indexer(pd.Index(letters["services"], dtype="object"))
    concerned = np.zeros(len(index.flow) + 1, dtype=bool)  # the last is for no cause, -1
    concerned[letters["event"].to_numpy()] = True
    effect = np.flatnonzero(concerned[index.cause])
    n = len(index.source_names)
    answers = index.cause[effect] * n + index.source[effect]
    answered = (number >= 0) & np.isin(letters["event"].to_numpy() * n + number, answers)
    open_ = letters[~answered]
    services = open_.drop_duplicates(["event", "services"]).groupby("event")["services"]
    told = open_.groupby("event")["reasons"].agg("; ".join)
    found = pd.DataFrame({"services": services.agg(AND.join), "reasons": told})
    return found.reset_index()


def followers(index: FlowIndex, before: Ints) -> list[tuple[Any, ...]]:
    """What follows what: type, then service and type of what follows, and how often."""
    n_types, n_sources = len(index.type_names), len(index.source_names)
    effect = np.flatnonzero(before >= 0)
    step = (index.type[before[effect]] * n_sources + index.source[effect]) * n_types
    code, steps = pd.factorize(step + index.type[effect])
    kind, rest = np.divmod(steps, n_sources * n_types)
    source, follower = np.divmod(rest, n_types)
    counts = np.bincount(code, minlength=len(steps)).tolist()
    types, sources = index.type_names, index.source_names
    return list(zip(types[kind], sources[source], types[follower], counts, strict=True))

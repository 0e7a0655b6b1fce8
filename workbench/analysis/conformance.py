"""Does the log do what the design says?

What a design makes certain, and which events it explains, stands in ``workbench.analysis.due``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numba import njit

from workbench.analysis.answer import Answer
from workbench.analysis.arrays import Ints
from workbench.analysis.deviations import KINDS, MISSING, Deviation, Facts, in_words, sentence

if TYPE_CHECKING:
    from workbench.analysis.conformance_part import ConformancePart
    from workbench.analysis.due import Rules


def answer(
    found: ConformancePart, rules: Rules, longer_than: pd.Timedelta, *, per_flow: bool
) -> Answer:
    """Say what was found in a whole log; ``EventLog.conformance`` documents the columns."""
    late, early = _late(found, longer_than)
    total, counted = _total(late)
    explained, unjudged, came, given_up = found.right.sum(axis=1).tolist()
    facts = Facts(
        len(found.started), explained, unjudged, came, given_up, early, found.inferred,
        found.without_flow,
    )  # fmt: skip
    told = sentence(counted, facts, rules.undecided)
    if per_flow:
        return Answer(_per_flow(late), told)
    from workbench.analysis.plots_design import plot_conformance

    return Answer(total, told, plot_conformance)


def _late(found: ConformancePart, longer_than: pd.Timedelta) -> tuple[ConformancePart, int]:
    """Leave out what may be on its way still, and say how much that is."""
    missing = np.array([what.kind == MISSING for what in found.deviations], dtype=bool)
    early = missing[found.which] & (found.due > found.end - longer_than.value)
    if not early.any():
        return found, 0
    kept = np.flatnonzero(~early)
    left = {name: getattr(found, name)[kept] for name in ("which", "flow", "since", "due")}
    return replace(found, **left), int(early.sum())


def _total(found: ConformancePart) -> tuple[pd.DataFrame, list[tuple[Deviation, int]]]:
    """A row per deviation, the most frequent first; and the same with how often there is each."""
    events, flows, example = _tallied(found.which, found.flow, found.since, len(found.deviations))
    order = np.argsort(-events, kind="stable")
    order = order[events[order] > 0]
    shown = [found.deviations[place] for place in order.tolist()]
    table = pd.DataFrame(
        {
            "kind": pd.Categorical([what.kind for what in shown], categories=list(KINDS)),
            "service": pd.Series([what.service for what in shown], dtype="str"),
            "event_type": pd.Series([what.event_type for what in shown], dtype="str"),
            "effect_type": pd.Series([what.effect_type for what in shown], dtype="str"),
            "flows": flows[order],
            "events": events[order],
            "example": pd.Series(found.correlation_id[found.flow[example[order]]], dtype="str"),
        }
    )
    return table, list(zip(shown, events[order].tolist(), strict=True))


@njit(cache=True, nogil=True)
def _tallied(which: Ints, flow: Ints, since: Ints, n: int) -> tuple[Ints, Ints, Ints]:
    """Of each deviation: how often there is it, in how many flows, and the row of the earliest."""
    times, flows = np.zeros(n, np.int64), np.zeros(n, np.int64)
    latest, earliest = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    for row in range(len(which)):
        what = which[row]
        times[what] += 1
        flows[what] += flow[row] != latest[what]  # those of one deviation stand flow by flow
        latest[what] = flow[row]
        best = earliest[what]
        if (
            best < 0
            or since[row] < since[best]
            or (since[row] == since[best] and flow[row] < flow[best])
        ):
            earliest[what] = row
    return times, flows, earliest


def _per_flow(found: ConformancePart) -> pd.DataFrame:
    n_flows = len(found.started)
    kind = np.array([KINDS.index(what.kind) for what in found.deviations], dtype=np.int64)
    wrong = np.bincount(
        kind[found.which] * n_flows + found.flow, minlength=len(KINDS) * n_flows
    ).reshape(len(KINDS), n_flows)
    explained, unjudged, came, given_up = found.right
    good = explained + unjudged + came
    judged = good + wrong.sum(axis=0)
    words = pd.array([*map(in_words, found.deviations)], dtype="str")
    first = _first_of_flow(found.which, found.flow, found.since, n_flows)
    return pd.DataFrame(
        {
            "correlation_id": pd.Series(found.correlation_id, dtype="str"),
            "fitness": np.where(judged > 0, good / np.maximum(judged, 1), 1.0),
            **{name.replace(" ", "_"): wrong[place] for place, name in enumerate(KINDS)},
            "given_up": given_up,
            "unjudged": unjudged,
            "first_deviation": words.take(first, allow_fill=True),
        }
    )


@njit(cache=True, nogil=True)
def _first_of_flow(which: Ints, flow: Ints, since: Ints, n_flows: int) -> Ints:
    """Of each flow: its earliest deviation, of two at once that which ranks first; -1 for none."""
    first, at = np.full(n_flows, -1, np.int64), np.zeros(n_flows, np.int64)
    for row in range(len(which)):
        own = flow[row]
        if (
            first[own] < 0
            or since[row] < at[own]
            or (since[row] == at[own] and which[row] < first[own])
        ):
            first[own], at[own] = which[row], since[row]
    return first

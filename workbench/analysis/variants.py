"""Which distinct paths do flows take?

A path is told in stages. An event stands one stage after its cause; an event whose cause is not
known stands one stage after the event before it. So a log without causes is told as it happened in
time, and a log with causes is told as it was caused: events that one cause set off side by side
share a stage, and which of them happened to be first makes no variant of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.analysis.arrays import Ints, mixed, quantiles
from workbench.analysis.flows import durations
from workbench.analysis.order import depth_in_order

if TYPE_CHECKING:
    from workbench.analysis.index import FlowIndex

_SHOWN = 40
"""Stages of a path that are written out; from a longer one the middle is left out, and counted."""


@dataclass(frozen=True, eq=False)
class Variants:
    """The variants of a log, the most frequent first, and of two equally frequent the earlier."""

    of_flow: Ints
    """The variant of each flow, counted from 0."""
    flows: Ints
    """How many flows take each variant."""
    example: Ints
    """The first flow that took it."""

    @classmethod
    def of(cls, index: FlowIndex) -> Variants:
        """Compare the flows of a log by the types and stages of their events.

        Paths are told apart by the sum of a 64-bit hash of each event's stage and type: one chance
        in a million that two of five million distinct paths are taken for one.
        """
        step = depth_in_order(index.after) * len(index.type_names) + index.type + 1
        path = np.add.reduceat(mixed(step.view(np.uint64)), index.start[:-1])
        code, distinct = pd.factorize(path)
        size = np.bincount(code, minlength=len(distinct))
        ranked = np.argsort(-size, kind="stable")  # codes count up in the order of first flows
        first = np.full(len(distinct), -1)
        first[code[::-1]] = np.arange(len(code))[::-1]
        return cls(of_flow=np.argsort(ranked)[code], flows=size[ranked], example=first[ranked])

    @property
    def names(self) -> list[str]:
        """Short labels: ``V1`` is the most frequent."""
        return [f"V{number}" for number in range(1, len(self.flows) + 1)]


def variants(index: FlowIndex, found: Variants) -> pd.DataFrame:
    """Describe each variant; ``EventLog.variants`` documents the columns."""
    total = max(index.flows, 1)
    return pd.DataFrame(
        {
            "variant": pd.array(found.names, dtype="str"),
            "path": pd.array(paths(index, found.example), dtype="str"),
            "flows": found.flows,
            "share": found.flows / total,
            "events": np.diff(index.start)[found.example],
            "median_ms": quantiles(durations(index), found.of_flow, len(found.flows), [0.5])[0]
            / 1e6,
            "example": pd.array(index.correlation_id[found.example], dtype="str"),
        }
    )


def paths(index: FlowIndex, flows: Ints) -> list[str]:
    """Write out the paths of some flows: ``A → B + C ×2 → D``."""
    chosen = np.zeros(index.flows, dtype=bool)
    chosen[flows] = True
    at = np.flatnonzero(chosen[index.flow])
    stage_of, n_types = depth_in_order(index.after)[at], len(index.type_names)
    n_stages = stage_of.max(initial=0) + 1
    steps = (index.flow[at] * n_stages + stage_of) * n_types + index.type[at]
    steps, counts = np.unique(steps, return_counts=True)
    told: dict[int, list[str]] = {}
    for step, count in zip(steps.tolist(), counts.tolist(), strict=True):
        (flow, stage), kind = divmod(step // n_types, n_stages), step % n_types
        name = index.type_names[kind] + (f" ×{count}" if count > 1 else "")
        stages = told.setdefault(flow, [])
        if stage < len(stages):
            stages[-1] += f" + {name}"
        else:
            stages.append(name)
    return [" → ".join(_shortened(told[flow])) for flow in flows]


def _shortened(stages: list[str]) -> list[str]:
    if len(stages) <= _SHOWN:
        return stages
    ends = _SHOWN // 2
    return [*stages[:ends], f"… {len(stages) - 2 * ends} more stages …", *stages[-ends:]]

"""Which distinct paths do flows take?

A path is told in stages. An event stands one stage after its cause; an event whose cause is not
known stands one stage after the event before it. So a log without causes is told as it happened in
time, and a log with causes is told as it was caused: events that one cause set off side by side
share a stage, and which of them happened to be first makes no variant of its own.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.arrays import Bools, Ints
from workbench.analysis.flow_sentences import of_variants
from workbench.analysis.parts import causes_of, inferred_from, together
from workbench.analysis.paths import paths
from workbench.analysis.quantiles import quantiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import plotly.graph_objects as go

    from workbench.analysis.index import FlowIndex


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
        """Compare the flows of a log by the types and stages of their events."""
        return cls.by(index.path_keys)

    @classmethod
    def by(cls, keys: Ints) -> Variants:
        """Rank the paths of flows, which are given in the order in which the flows start."""
        code, distinct = pd.factorize(keys)
        size = np.bincount(code, minlength=len(distinct))
        rank = np.argsort(-size, kind="stable")  # codes count up in the order of first flows
        first = np.full(len(distinct), -1)
        first[code[::-1]] = np.arange(len(code))[::-1]
        return cls(of_flow=np.argsort(rank)[code], flows=size[rank], example=first[rank])

    @property
    def names(self) -> list[str]:
        """Short labels: ``V1`` is the most frequent."""
        return [f"V{number}" for number in range(1, len(self.flows) + 1)]


@dataclass(frozen=True, eq=False)
class Part:
    """The variants in a part of a log."""

    of_flow: Ints
    """The path that each flow took, as a place in what is said of paths."""
    ns: Ints
    """How long each took."""
    timed: Bools
    """Whether that is known: all its events say when they were."""
    paths: dict[str, Any]
    """Of each path: ``path`` (int64: its key), ``text``, ``events``, and of the first that took it
    ``started`` and ``example``."""
    attrs: dict[Hashable | None, Any]
    """Where causes are from."""


def part(index: FlowIndex) -> Part:
    """Find the paths of a part's flows."""
    keys, (started, ended) = index.path_keys, index.spans
    found = Variants.by(keys)
    described = {
        "path": keys[found.example],
        "text": pd.array(paths(index, found.example), dtype="str"),
        "events": np.diff(index.start)[found.example],
        "started": started[found.example],
        "example": index.correlation_id.take(found.example),
    }
    return Part(found.of_flow, ended - started, index.fully_timed, described, causes_of(index))


def whole(
    parts: Sequence[Part], draw: Callable[[pd.DataFrame], go.Figure | None] | None = None
) -> Answer:
    """Put the variants of all parts together; ``EventLog.variants`` documents the columns."""
    described, code = parts[0].paths, parts[0].of_flow
    if len(parts) > 1:
        table = together(pd.DataFrame(piece.paths) for piece in parts)
        table = table.sort_values(["started", "example"])
        table = table.drop_duplicates("path", ignore_index=True)
        row_of = pd.Index(table["path"]).get_indexer
        rows = [row_of(pd.Index(each.paths["path"]))[each.of_flow] for each in parts]
        code = np.concatenate(rows)
        described = {str(name): column.array for name, column in table.items()}
    times, timed = (np.concatenate([getattr(p, name) for p in parts]) for name in ("ns", "timed"))
    n = len(described["path"])
    median = quantiles(times[timed], code[timed], n, [0.5])[0] / 1e6
    size = np.bincount(code, minlength=n)
    order = np.argsort(-size, kind="stable")
    table = pd.DataFrame(
        {
            "variant": pd.array([f"V{number}" for number in range(1, len(size) + 1)], dtype="str"),
            "path": described["text"].take(order),
            "flows": size[order],
            "share": size[order] / max(len(code), 1),
            "events": described["events"].take(order),
            "median_ms": median[order],
            "example": described["example"].take(order),
        },
        copy=False,
    )
    inferred = inferred_from(parts)
    return Answer(table, lambda: of_variants(table) + inferred, draw)

"""What a share of a log does against a design: counts of what is right, and what departs from it.

A row per deviation, and none for what is right: of that each flow has its counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from workbench.analysis import due_kernel as kernel
from workbench.analysis.arrays import Bools, Ints
from workbench.analysis.deviations import (
    MISSING,
    UNEXPECTED,
    UNKNOWN_SERVICE,
    UNKNOWN_TYPE,
    WRONG_EMITTER,
    Deviation,
)
from workbench.analysis.due_codes import DesignArrays
from workbench.analysis.order import by_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.due import Rules
    from workbench.analysis.index import FlowIndex

_MISSING: Final = 0
"""As a state of an event it is none of those that are odd."""
_KIND_OF: Final = {
    _MISSING: MISSING,
    kernel.UNEXPECTED: UNEXPECTED,
    kernel.WRONG_EMITTER: WRONG_EMITTER,
    kernel.UNKNOWN_TYPE: UNKNOWN_TYPE,
    kernel.UNKNOWN_SERVICE: UNKNOWN_SERVICE,
}


@dataclass(frozen=True, eq=False)
class ConformancePart:
    """What was found in a share of a log; shares are split by flow, and what they give adds up."""

    correlation_id: ExtensionArray
    """Of each flow."""
    started: Ints
    """... when it began, in nanoseconds since 1970; ascending, of two at once by correlation id."""
    right: Ints
    """A column per flow: events explained, events unjudged, effects due that came, given up."""

    deviations: tuple[Deviation, ...]
    """What departs from the design; put together, each once and sorted by :attr:`Deviation.rank`."""
    which: Ints
    """Of each time that it does: which of ``deviations``. Those of one stand flow by flow."""
    flow: Ints
    """... the flow's number."""
    since: Ints
    """... the time of what came, or of what an effect is owed to."""
    due: Ints
    """... when what is missing was due."""

    end: int
    """The time of the last record."""
    inferred: int
    """How many causes were inferred."""
    without_flow: int
    """How many events belong to no flow."""

    @classmethod
    def of(cls, index: FlowIndex, untold: Bools, rules: Rules) -> ConformancePart:
        """Hold a share of a log against a design.

        Parameters
        ----------
        untold
            Of each event, whether it has no causation id.
        """
        design = DesignArrays.of(rules, index.type_names, index.source_names)
        judged = kernel.Judged.of(index, untold, design)
        odd = np.flatnonzero(judged.state >= kernel.UNEXPECTED)
        owing, due = judged.missing(index)
        cause, time = judged.cause[odd], index.time[owing]
        names, which = _distinct(
            design,
            np.append(judged.state[odd], np.full(len(owing), _MISSING)),
            np.append(index.source[odd], design.codes.due_source[due]),
            np.append(np.where(cause >= 0, index.type[cause], -1), index.type[owing]),
            np.append(index.type[odd], len(design.types) + due),
        )
        return cls(
            correlation_id=index.correlation_id,
            started=index.spans[0],
            right=judged.right_per_flow(index),
            deviations=names,
            which=which,
            flow=np.append(index.flow[odd], index.flow[owing]),
            since=np.append(index.time[odd], time),
            due=np.append(index.time[odd], time + design.codes.due_after[due]),
            end=index.end,
            inferred=int(judged.inferred.sum()),
            without_flow=index.without_flow,
        )

    @classmethod
    def together(cls, parts: Sequence[ConformancePart]) -> ConformancePart:
        """Add up what was found in the shares of a log, or in its only one."""
        deviations = sorted({what for part in parts for what in part.deviations}, key=_rank)
        code = {what: number for number, what in enumerate(deviations)}
        which = [
            np.array([code[what] for what in part.deviations], dtype=np.int64)[part.which]
            for part in parts
        ]
        if len(parts) == 1:  # its flows are in order
            return replace(parts[0], deviations=tuple(deviations), which=which[0])
        names = pd.concat([pd.Series(part.correlation_id) for part in parts]).array
        started = np.concatenate([part.started for part in parts])
        order = by_start(started, names.take)
        number = np.empty(len(order), dtype=np.int64)
        number[order] = np.arange(len(order))
        first = np.cumsum([0, *(len(part.started) for part in parts)]).tolist()
        flow = [part.flow + before for part, before in zip(parts, first, strict=False)]
        return cls(
            correlation_id=names.take(order),
            started=started[order],
            right=np.concatenate([part.right for part in parts], axis=1)[:, order],
            deviations=tuple(deviations),
            which=np.concatenate(which),
            flow=number[np.concatenate(flow)],
            since=np.concatenate([part.since for part in parts]),
            due=np.concatenate([part.due for part in parts]),
            end=max(part.end for part in parts),
            inferred=sum(part.inferred for part in parts),
            without_flow=sum(part.without_flow for part in parts),
        )


def _rank(deviation: Deviation) -> tuple[object, ...]:
    return deviation.rank


def _distinct(
    design: DesignArrays, state: Ints, service: Ints, cause: Ints, effect: Ints
) -> tuple[tuple[Deviation, ...], Ints]:
    """Name what is alike once; effects are types, then what is due."""
    words = [*design.types, *(due.words for due in design.dues)]
    # Two by two: all four at once could be more than 64 bits hold.
    who, emitters = pd.factorize(state.astype(np.int64) * len(design.sources) + service)
    what, answers = pd.factorize((cause + 1) * len(words) + effect)
    which, distinct = pd.factorize(who * len(answers) + what)
    kinds, services = np.divmod(
        emitters[distinct // max(len(answers), 1)], max(len(design.sources), 1)
    )
    causes, effects = np.divmod(answers[distinct % max(len(answers), 1)], max(len(words), 1))
    names = tuple(
        Deviation(
            _KIND_OF[kind],
            str(design.sources[service]),
            str(design.types[cause - 1]) if cause else None,
            str(words[effect]),
        )
        for kind, service, cause, effect in zip(
            kinds.tolist(), services.tolist(), causes.tolist(), effects.tolist(), strict=True
        )
    )
    return names, which

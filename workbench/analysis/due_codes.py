"""What a design says, as arrays of a log's codes for compiled loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.arrays import Bools, Ints
from workbench.analysis.due import NOTES, Due

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.analysis.due import Rules


class Codes(NamedTuple):
    """A design in the codes of a log's types and services, as compiled loops take it.

    What belongs to a type, or to a thing due, stands in a list from its start to the next one's.
    """

    known_type: Bools
    """Of each type: whether the design has it."""
    known_source: Bools
    note: Bools
    """Of each type: whether it is one of the workbench's own notes."""
    has_emitter: Bools
    """... whether a service of the design emits it."""
    by_effect: Ints
    """... where the ways to emit it start."""
    by_cause: Ints
    """Of each way: the cause's type; -1: of its service's own accord."""
    by_source: Ints
    """... the service."""
    due_start: Ints
    """Of each type: where what is due after it starts."""
    due_source: Ints
    """Of each thing due: the service."""
    due_within: Ints
    due_after: Ints
    effect_start: Ints
    """... where its effects start."""
    effect_type: Ints
    unless_start: Ints
    unless_type: Ints


@dataclass(frozen=True, eq=False)
class DesignArrays:
    """A design in a log's terms: the names are those of the log, then those only the design has."""

    types: NDArray[np.object_]
    sources: NDArray[np.object_]
    dues: tuple[Due, ...]
    """Sorted by the cause's type, as in ``codes``."""
    codes: Codes

    @classmethod
    def of(
        cls, rules: Rules, type_names: NDArray[np.object_], source_names: NDArray[np.object_]
    ) -> DesignArrays:
        """Number a design's names as an index does."""
        types = _joined(type_names, rules.types)
        sources = _joined(source_names, rules.services)
        at_type = {name: code for code, name in enumerate(types)}
        at_source = {name: code for code, name in enumerate(sources)}
        ways = sorted(rules.ways, key=lambda way: (at_type[way.effect], at_source[way.service]))
        owed = sorted(rules.dues, key=lambda due: at_type[due.cause])
        emitted = {way.effect for way in ways}
        effect_start, effect_type = _lists([due.effects for due in owed], at_type)
        unless_start, unless_type = _lists([due.unless for due in owed], at_type)
        codes = Codes(
            known_type=np.array([name in rules.types for name in types], dtype=bool),
            known_source=np.array([name in rules.services for name in sources], dtype=bool),
            note=np.array([name in NOTES for name in types], dtype=bool),
            has_emitter=np.array([name in emitted for name in types], dtype=bool),
            by_effect=_starts([at_type[way.effect] for way in ways], len(types)),
            by_cause=_ints([-1 if way.cause is None else at_type[way.cause] for way in ways]),
            by_source=_ints([at_source[way.service] for way in ways]),
            due_start=_starts([at_type[due.cause] for due in owed], len(types)),
            due_source=_ints([at_source[due.service] for due in owed]),
            due_within=_ints([due.within for due in owed]),
            due_after=_ints([due.after for due in owed]),
            effect_start=effect_start,
            effect_type=effect_type,
            unless_start=unless_start,
            unless_type=unless_type,
        )
        return cls(types, sources, tuple(owed), codes)


def _joined(names: NDArray[np.object_], more: frozenset[str]) -> NDArray[np.object_]:
    new = sorted(more.difference(names.tolist()))
    return np.append(names, np.array(new, dtype=object))


def _ints(numbers: Sequence[int]) -> Ints:
    return np.array(numbers, dtype=np.int64)


def _starts(sorted_codes: Sequence[int], n: int) -> Ints:
    return np.searchsorted(_ints(sorted_codes), np.arange(n + 1)).astype(np.int64)


def _lists(lists: Sequence[Sequence[str]], number: Mapping[str, int]) -> tuple[Ints, Ints]:
    ends = np.cumsum([0, *(len(names) for names in lists)]).astype(np.int64)
    return ends, _ints([number[name] for names in lists for name in names])

"""Kinds of hop: the types of cause and effect, and the service that emitted the effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from workbench.analysis.arrays import Ints, Small, scrambled
from workbench.analysis.grouping import slot_of
from workbench.analysis.parts import named
from workbench.analysis.threads import cuts, in_ranges

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from workbench.analysis.index import FlowIndex

HOP = ("cause_type", "effect_type", "service")
"""The columns that name a kind of hop; the service is the one that emitted the effect."""


def hop_kinds(index: FlowIndex, *, timed: bool = True) -> tuple[Small, Ints]:
    """Number the kinds of hop.

    Parameters
    ----------
    timed
        Leave out those at whose end an event says no time of its own.

    Returns
    -------
    tuple of numpy.ndarray
        Of each event the kind of the hop that it ends (int32), -1 if it ends none; and the kinds, as ascending keys (int64) that :func:`hop_names` reads.
    """
    cause = index.timed_cause if timed else index.cause
    kind = np.empty(len(cause), np.int32)
    shape = len(index.type_names), len(index.source_names)
    cut = cuts(len(kind))
    met = in_ranges(
        lambda first, end: _number(cause, index.type, index.source, *shape, kind, first, end),
        cut,
    )
    kinds = np.unique(np.concatenate(met))
    ranks = dict(zip(cut, (np.searchsorted(kinds, keys) for keys in met), strict=False))
    in_ranges(lambda first, end: _renumber(kind, ranks[first], first, end), cut)
    return kind, kinds


@njit(cache=True, nogil=True)
def _number(
    cause: Ints,
    types: Small,
    sources: Small,
    n_types: int,
    n_sources: int,
    kind: Small,
    first: int,
    end: int,
) -> Ints:
    """Number the kinds of hop of some events as they come; the key of each."""
    keys, n, event = np.empty(32, np.int64), 0, first
    while True:
        table = np.full(2 * len(keys), -1, np.int64)
        for number in range(n):
            table[slot_of(table, len(table), keys, keys[number], _hashed(keys[number]))] = number
        event, n = _number_on(
            cause, types, sources, n_types, n_sources, kind, event, end, table, keys, n
        )
        if event == end:
            return keys[:n].copy()
        keys = np.append(keys, np.empty(n, np.int64))


@njit(cache=True, nogil=True)
def _number_on(
    cause: Ints,
    types: Small,
    sources: Small,
    n_types: int,
    n_sources: int,
    kind: Small,
    first: int,
    end: int,
    table: Ints,
    keys: Ints,
    n: int,
) -> tuple[int, int]:
    """Go on until there is no room for a further key: up to which event, and how many keys by then.

    No array is given another name in the loop: each time would be counted, which takes longer than
    all else here.
    """
    for event in range(first, end):
        if cause[event] < 0:
            kind[event] = -1
            continue
        key = (types[cause[event]] * n_types + types[event]) * n_sources + sources[event]
        slot = slot_of(table, len(table), keys, key, _hashed(key))
        if table[slot] < 0:
            if n == len(keys):
                return event, n
            table[slot], keys[n] = n, key
            n += 1
        kind[event] = table[slot]
    return end, n


@njit(cache=True, nogil=True)
def _hashed(key: int) -> np.int64:
    return np.int64(scrambled(np.uint64(key)))


@njit(cache=True, nogil=True)
def _renumber(kind: Small, rank: Ints, first: int, end: int) -> None:
    for event in range(first, end):
        if kind[event] >= 0:
            kind[event] = rank[kind[event]]


def hop_names(index: FlowIndex, kinds: Ints) -> dict[str, pd.Categorical]:
    """Name kinds of hop, as the three columns of ``HOP``."""
    return {name: named(codes, names) for name, codes, names in _ends(index, kinds)}


def hop_keys(index: FlowIndex, kinds: Ints) -> list[tuple[str, ...]]:
    """Name kinds of hop, each as ``HOP`` names it; two may be named alike."""
    columns = (names[codes].tolist() for _, codes, names in _ends(index, kinds))
    return list(zip(*columns, strict=True))


def _ends(index: FlowIndex, kinds: Ints) -> list[tuple[str, Ints, NDArray[np.object_]]]:
    """Of each column of ``HOP`` the codes and the names that they index."""
    pair, source = np.divmod(kinds, len(index.source_names))
    before, after = np.divmod(pair, len(index.type_names))
    types, sources = index.type_names, index.source_names
    return list(zip(HOP, (before, after, source), (types, types, sources), strict=True))


def effects_first(index: FlowIndex) -> int:
    """How many effects stand before their cause, by the clocks of their services."""
    effect = np.flatnonzero(index.timed_cause >= 0)
    return int((index.time[effect] < index.time[index.cause[effect]]).sum())


def effects_stand(n: int) -> str:
    """``1 effect stands before its cause``, ``2 effects stand before their causes``."""
    return f"{n:,} " + (
        "effect stands before its cause" if n == 1 else "effects stand before their causes"
    )


def hop_text(cause: str, effect: str, service: str) -> str:
    """How a kind of hop is written: ``A → B (service)``."""
    return f"{cause} → {effect} ({service})"

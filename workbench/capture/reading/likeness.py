"""What rows that share a value, or point to each other, have in common: flows and causes do not look like chance.

In a flow each type is there about once, and types that follow each other do so in the same order
time and again; rows that happen to share a temperature show neither. A flow begins with one event
that has no cause; a customer has several. An effect's type tells that of its cause; a row number that
happens to be some row's id does not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Final

_PAIRS: Final = 10
"""Pairs of rows below which they show nothing."""


def like_flows(values: Sequence[Any], types: Sequence[Any], order: Sequence[int]) -> float | None:
    """How much the rows of each value look like one flow: 0 (not at all) to 1.

    Parameters
    ----------
    values, types
        One of each a row.
    order
        The rows in the order of time.

    Returns
    -------
    float
        The share of rows that are not of a type which their value had before, times how often two
        types that follow each other do so in the more frequent order of the two (0 for half of the
        times, 1 for always). ``None`` where too few rows share a value to tell.
    """
    last: dict[Any, Any] = {}
    had: Counter[tuple[Any, Any]] = Counter()
    steps: Counter[tuple[Any, Any]] = Counter()
    for row in order:
        value, kind = values[row], types[row]
        if value is None or value == "" or kind is None:
            continue
        value, kind = str(value), str(kind)
        before = last.get(value)
        if before is not None and before != kind:
            steps[before, kind] += 1
        last[value] = kind
        had[value, kind] += 1
    of_value: Counter[Any] = Counter()
    for (value, _), n in had.items():
        of_value[value] += n
    shared = sum(n for n in of_value.values() if n > 1)
    if shared < 2 * _PAIRS:
        return None
    apart = sum(of_value[value] > 1 for value, _ in had) / shared
    turned = sum(min(n, steps[b, a]) for (a, b), n in steps.items()) / 2
    total = steps.total()
    return apart * (1 - 2 * turned / total) if total else 0.0


def one_root(values: Sequence[Any], roots: Iterable[int]) -> float:
    """The share of values with one root among the rows that share it, of those that have any.

    Parameters
    ----------
    values
        One a row.
    roots
        The rows that no other one caused.
    """
    found = Counter(str(values[row]) for row in roots if values[row] not in (None, ""))
    return sum(n == 1 for n in found.values()) / max(len(found), 1)


def told_by_type(pairs: Sequence[tuple[Hashable, Hashable]], types: Counter[Any]) -> float:
    """How much better than chance an effect's type tells its cause's type: 0 to 1, below for worse.

    Parameters
    ----------
    pairs
        The types of cause and effect.
    types
        How often each is there.
    """
    if len(pairs) < _PAIRS or len(types) < 2:
        return 0.0
    causes: defaultdict[Hashable, Counter[Hashable]] = defaultdict(Counter)
    for cause, effect in pairs:
        causes[effect][cause] += 1
    right = sum(max(each.values()) for each in causes.values()) / len(pairs)
    chance = max(types.values()) / types.total()
    return (right - chance) / (1 - chance)

"""What a capture is asked for, as people give it: offsets, counts and names."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from workbench.brokers import Position
from workbench.errors import LogError

When = datetime | str
"""A time, as :func:`workbench.moments.moment_of` reads it."""


def offsets_of(name: str, given: object) -> dict[Position, int]:
    """The offsets of single partitions that somebody gave as an argument of that name.

    Raises
    ------
    LogError
        It is no mapping from partitions to offsets.
    """
    if given is None:
        return {}
    try:
        if not isinstance(given, Mapping):
            raise TypeError
        found = {Position(*_place(place)): _whole(offset) for place, offset in given.items()}
        if min(found.values(), default=0) < 0:
            raise ValueError
    except (TypeError, ValueError):
        raise LogError(
            f"{name} is offsets, 0 or more, by partition, such as {{('orders', 0): 100}}, not "
            f"{given!r}."
        ) from None
    return found


def count_of(name: str, given: object, *, most: int | None = None) -> int | None:
    """How many it is that somebody gave as an argument of that name.

    Raises
    ------
    LogError
        It is no whole number, or below 1, or more than the most.
    """
    if given is None:
        return None
    try:
        found = _whole(given)
    except TypeError:
        raise LogError(f"{name} is a whole number, 1 or more, not {given!r}.") from None
    if found < 1:
        raise LogError(f"{name} must be above 0, not {given!r}.")
    if most is not None and found > most:
        raise LogError(f"{name} is at most {most:,}, not {found:,}.")
    return found


def seconds_of(name: str, given: object) -> float | None:
    """How many seconds it is that somebody gave as an argument of that name.

    Raises
    ------
    LogError
        It is no number above 0.
    """
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise LogError(f"{name} is a number of seconds above 0, not {given!r}.")
    if given <= 0:
        raise LogError(f"{name} must be above 0, not {given!r}.")
    return given


def names_of(name: str, given: object) -> list[str]:
    """The names, one or several, that somebody gave as an argument of that name: each once, sorted.

    Raises
    ------
    LogError
        It is no text, nor several.
    """
    names = [given] if isinstance(given, str) else given
    found: list[Any] = list(names) if isinstance(names, Iterable) else [names]
    if not all(isinstance(each, str) for each in found):
        raise LogError(f"{name} is a name, or several: a text or a list of texts, not {given!r}.")
    return sorted(set(found))


def _place(place: Any) -> tuple[str, int]:
    channel, partition = place
    if not isinstance(channel, str) or isinstance(place, str):
        raise TypeError
    return channel, _whole(partition)


def _whole(number: Any) -> int:
    if isinstance(number, bool):
        raise TypeError
    return operator.index(number)

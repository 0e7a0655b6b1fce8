"""How a condition names columns, paths into them, and values: written here so that it reads back.

A path goes into a column by keys and places: ``data.to.city``, ``data['no identifier']``,
``data.lines[0].sku``; ``data.lines[:].sku`` is that of any line. A column whose name is no
identifier stands in backticks, as in pandas' ``query``; behind a dot it may stand in quotes as well,
as a mapping has it: ``data."order.id"``.
"""

from __future__ import annotations

import math
import re
from difflib import get_close_matches
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

import numpy as np

from workbench.capture.reading.paths import members

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    Path = list[str | int | slice]

EACH: Final = slice(None)
"""The step of a path to any element of a list."""
NOTHING: Final = "None"
_QUOTED: Final = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`([^`]*)`", re.DOTALL)
_LOOKED_AT: Final = 10_000
"""Values in which a near name is looked for."""
_NAMED: Final = 10
"""Names that are said, at most, of what is there instead."""


def column_text(name: str) -> str:
    """A column as a condition names it."""
    return name if _is_plain(name) else f"`{name}`"


def step_text(step: str | int | slice) -> str:
    """A step of a path, to be put behind what it goes into."""
    if isinstance(step, slice):
        return "[:]"
    return f".{step}" if isinstance(step, str) and _is_plain(step) else f"[{step!r}]"


def path_text(column: str, path: Path) -> str:
    """A path as a condition says it."""
    return column_text(column) + "".join(map(step_text, path))


def value_text(value: Any) -> str:
    """A value as a condition says it: ``'DE'``, ``12.5``, ``True``, ``None``."""
    if value is None:
        return NOTHING
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        found = float(value)
        whole = found.is_integer() and abs(found) < 1e22
        return str(int(found)) if whole else repr(found)
    return repr(value if isinstance(value, str) else str(value))


def limit_between(low: float, high: float) -> float:
    """A number from ``low`` up to, but not at, ``high``, with no more digits than that takes."""
    for digits in range(6, 18):
        found = float(f"{low:.{digits}g}")
        # Beyond 2**53 whole numbers were rounded: only what lies between the two divides them.
        if low < found < high or (found == low and abs(low) < 2**53):
            return found
    if abs(low) < 2**53:
        return low
    middle = (int(low) + int(high)) // 2
    return middle if float(middle) <= low else middle - 1


def without_backticks(condition: str) -> tuple[str, Mapping[str, str]]:
    """A condition in which each name in backticks is an identifier, and what those stand for."""
    stem = "column"
    while stem in condition:
        stem += "_"
    names: dict[str, str] = {}

    def identifier(found: re.Match[str]) -> str:
        behind_dot = condition.endswith(".", 0, found.start())
        if found[1] is None and not behind_dot:  # a text in quotes
            return found[0]
        return names.setdefault(found[0][1:-1], f"{stem}{len(names)}")

    read = _QUOTED.sub(identifier, condition)
    return read, {stands: name for name, stands in names.items()}


def restored(text: str, names: Mapping[str, str]) -> str:
    """A part of a condition with its names in backticks again."""
    for stands in sorted(names, key=len, reverse=True):
        text = text.replace(stands, f"`{names[stands]}`")
    return text


def without_texts(condition: str) -> str:
    """A condition without what stands in quotes or backticks."""
    return _QUOTED.sub("''", condition)


def inside(value: Any, path: Path) -> Iterator[Any]:
    """What a path finds in a value: nothing, one thing, or several where it goes into any element.

    As in a mapping, a name goes into an object, into a list of names and values, and into text that
    holds an object.
    """
    for place, step in enumerate(path):
        if isinstance(step, slice):
            for each in value if isinstance(value, list) else ():
                yield from inside(each, path[place + 1 :])
            return
        if isinstance(value, list) and isinstance(step, int):
            if not -len(value) <= step < len(value):
                return
            value = value[step]
            continue
        held = members(value)
        if held is None or str(step) not in held:
            return
        value = held[str(step)]
    yield value


def not_there(values: Iterable[Any], column: str, path: Path, *, near_only: bool) -> str | None:
    """Say of a path that none of some values has which may be meant, or what is there instead.

    Parameters
    ----------
    near_only
        Whether to say nothing unless a path is named nearly so.
    """
    some = [value for value, _ in zip(values, range(_LOOKED_AT), strict=False)]
    said = f"no event looked at has {path_text(column, path)}"
    if near := _near_path(some, path):
        return f"{said}: did you mean {path_text(column, near)}?"
    if near_only:
        return None
    place = _place_of_first_missing(some, path)
    keys = sorted(_keys(some, path[:place]))
    if not keys:
        return f"{said}."
    told = ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED:,} more" * (len(keys) > _NAMED))
    return f"{said}: {path_text(column, path[:place])} has {told}."


def _near_path(some: Sequence[Any], path: Path) -> Path | None:
    """A path that some values have, and whose names are nearly those of one that none has."""
    place = _place_of_first_missing(some, path)
    if place == len(path):
        return path
    keys = _keys(some, path[:place])
    rest = dotted(path[place:], keys)
    if rest is None:
        near = nearest(str(path[place]), keys)
        rest = None if near is None else [near, *path[place + 1 :]]
    return None if rest is None else _near_path(some, [*path[:place], *rest])


def _place_of_first_missing(some: Sequence[Any], path: Path) -> int:
    for place in range(len(path)):
        if not any(True for value in some for _ in inside(value, path[: place + 1])):
            return place
    return len(path)


def _keys(some: Sequence[Any], path: Path) -> set[str]:
    """The names that stand where a path leads to."""
    held = (members(found) for value in some for found in inside(value, path))
    return {str(key) for keys in held if keys is not None for key in keys}


def dotted(steps: Path, names: Collection[str]) -> Path | None:
    """Steps of which the first several, joined by dots, are one of some names: the longest."""
    for end in range(len(steps), 1, -1):
        name = ".".join(map(str, steps[:end]))
        if name in names:
            return [name, *steps[end:]]
    return None


def nearest(name: str, names: Collection[str]) -> str | None:
    """The name that is most like one that is not there, if any is."""
    by_letters = {other.casefold(): other for other in sorted(names)}
    found = get_close_matches(name.casefold(), by_letters, n=1)
    return by_letters[found[0]] if found else None


def can_be_said(value: Any) -> bool:
    """Whether a condition has a word for a value: for NaN and infinity there is none."""
    return not isinstance(value, float | np.floating) or math.isfinite(value)


def _is_plain(name: str) -> bool:
    """Whether Python reads a name as it stands: it takes ``ﬁ`` for ``fi``."""
    return name.isidentifier() and not iskeyword(name) and normalize("NFKC", name) == name

"""How a condition names columns, paths into them, and values: written here so that it reads back.

A path goes into a column by keys and places: ``data.to.city``, ``data['no identifier']``,
``data.lines[0].sku``; ``data.lines[:].sku`` is that of any line. A column whose name is no
identifier stands in backticks, as in pandas' ``query``.
"""

from __future__ import annotations

import math
import re
from difflib import get_close_matches
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    Path = list[str | int | slice]

EACH: Final = slice(None)
"""The step of a path to any element of a list."""
NOTHING: Final = "None"
_QUOTED: Final = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`([^`]*)`", re.DOTALL)
_LOOKED_AT: Final = 10_000
"""Values in which a near name is looked for."""


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
        if found[1] is None:  # a text in quotes
            return found[0]
        return names.setdefault(found[1], f"{stem}{len(names)}")

    read = _QUOTED.sub(identifier, condition)
    return read, {stands: name for name, stands in names.items()}


def inside(value: Any, path: Path) -> Iterator[Any]:
    """What a path finds in a value: nothing, one thing, or several where it goes into any element."""
    for place, step in enumerate(path):
        if isinstance(step, slice):
            for each in value if isinstance(value, list) else ():
                yield from inside(each, path[place + 1 :])
            return
        if isinstance(value, dict) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return
    yield value


def near_path(values: Iterable[Any], column: str, path: Path) -> str | None:
    """A path that some of the values have, and whose names are nearly those of one that none has."""
    some = [value for value, _ in zip(values, range(_LOOKED_AT), strict=False)]
    for place, step in enumerate(path):
        if any(True for value in some for _ in inside(value, path[: place + 1])):
            continue
        held = [found for value in some for found in inside(value, path[:place])]
        keys = {str(key) for found in held if isinstance(found, dict) for key in found}
        near = nearest(str(step), keys)
        return path_text(column, [*path[:place], near, *path[place + 1 :]]) if near else None
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

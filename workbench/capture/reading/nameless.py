"""Columns whose names say nothing: whether they hold the types, and the payload, by what types read like.

So are all columns of a table without a header. JSON in one of them has names inside, but its ``type``
may be that of what the event is about: an event type is in the past tense, or of several words run
together, as ``OrderPlaced`` is and ``gift`` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from workbench.capture.columns import COLUMNS
from workbench.capture.reading.paths import Path
from workbench.capture.reading.seen import FEW, Seen
from workbench.capture.reading.vocabulary import points, words

_VERSION: Final = re.compile(r"[._/:-]?[vV]\d+$")
_RUN_TOGETHER: Final = re.compile(r"(?:[a-z]+\.)*[A-Z]+[a-z]+(?:[A-Z]+[a-z]*)+")
"""``OrderPlaced`` and ``com.acme.OrderPlaced``."""
_PAST: Final = re.compile(r"\w+ed|sent|paid|taken|made|lost|sold|begun|left")
_NAMED: Final = 70
"""Points of a name from which on it says types."""


def types_without_a_name(seen: Mapping[Path, Seen]) -> dict[str, Path]:
    """The columns for type and data whose names don't say so, unless some name says better types.

    The JSON beside the types is the payload, unless that has a name inside of it.
    """
    nameless = [each for path, each in seen.items() if len(path) == 1 and _says_nothing(path)]
    types = max(filter(_are_types, nameless), key=_reads, default=None)
    named = (each for path, each in seen.items() if points("type", path[-1:]) > _NAMED)
    if types is None or any(_vary(each) and _reads(each) >= _reads(types) for each in named):
        return {}
    found = {"type": types, "data": _payload(nameless, seen)}
    return {column: each.path for column, each in found.items() if each is not None}


def _payload(nameless: Sequence[Seen], seen: Mapping[Path, Seen]) -> Seen | None:
    """The only column that holds JSON, if no object in it is called as payloads are."""
    nested = [each for each in nameless if each.nested]
    inside = (
        each for path, each in seen.items() if len(path) > 1 and points("data", path) > _NAMED
    )
    return nested[0] if len(nested) == 1 and not any(each.nested for each in inside) else None


def _says_nothing(path: Path) -> bool:
    return not any(points(column, path) for column in COLUMNS)


def _are_types(each: Seen) -> bool:
    """Whether values are few, and read like types."""
    if not _vary(each) or each.nested or each.filled < 0.5:
        return False
    texts = _kinds(each)
    many = each.distinct > 0.5 and len(each.there) >= FEW
    if many or any(re.search(r"\d", text) for text in texts):
        return False
    if all(map(_RUN_TOGETHER.fullmatch, texts)):
        return True
    return _worded(texts) == 1 and _past(texts) > 0.5


def _vary(each: Seen) -> bool:
    """Whether there are several values, or few rows."""
    return each.plain and (len(each.counts) > 1 or len(each.there) < FEW)


def _reads(each: Seen) -> float:
    """How much values read like types: in the past tense above all, then of several words."""
    texts = _kinds(each)
    return 2 * _past(texts) + _worded(texts)


def _kinds(each: Seen) -> list[str]:
    return [_VERSION.sub("", text) for text in each.counts]


def _worded(texts: list[str]) -> float:
    return _share(len(words(text)) > 1 for text in texts)


def _past(texts: list[str]) -> float:
    return _share(_PAST.fullmatch(words(text)[-1]) for text in texts if words(text))


def _share(told: Iterable[object]) -> float:
    answers = [*map(bool, told)]
    return sum(answers) / max(len(answers), 1)

"""What the values at a path say about which of our columns it may be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from workbench.capture.reading.paths import Path, members
from workbench.capture.reading.times import Form, form_of
from workbench.capture.reading.vocabulary import PAYLOADS, WRAPPERS, points, words
from workbench.capture.whole import WHOLE_TEXT, whole

_ENVELOPE: Final = ("id", "time", "correlation_id", "causation_id")
"""What tells an envelope from a payload."""

_FEW: Final = 8
"""Rows below which values say little."""


@dataclass
class Seen:
    """What stands at a path in some rows, one value a row; ``None`` where there is nothing."""

    path: Path
    values: Sequence[Any]

    @cached_property
    def there(self) -> list[Any]:
        """The values that are there."""
        return [v for v in self.values if v is not None and v != "" and v == v]  # noqa: PLR0124

    @cached_property
    def plain(self) -> bool:
        """Whether all of them are text or numbers."""
        return bool(self.there) and not any(isinstance(v, dict | list | bool) for v in self.there)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each is there, as text."""
        return Counter(map(_as_key, self.there)) if self.plain else Counter()

    @cached_property
    def form(self) -> Form | None:
        """How they are written, if they are times."""
        return form_of(self.there) if self.plain else None

    @property
    def distinct(self) -> float:
        """The share of distinct values, 0 to 1."""
        return len(self.counts) / max(len(self.there), 1)

    @property
    def filled(self) -> float:
        """The share of rows that have one."""
        return len(self.there) / max(len(self.values), 1)

    @cached_property
    def nested(self) -> bool:
        """Whether most are objects or lists, or text that holds an object."""
        some = self.there[:100]
        inside = sum(isinstance(v, dict | list) or members(v) is not None for v in some)
        return bool(some) and inside > len(some) / 2


@dataclass
class Evidence:
    """What values say: points for or against a path as the column of a method's name.

    ``None`` where it can't be that column.
    """

    paths: Mapping[str, Path]
    seen: Mapping[Path, Seen]
    given: Collection[Path] = ()
    """Paths that somebody named."""

    def of(self, column: str, each: Seen) -> float | None:
        """Ask the method of a column."""
        return cast("float | None", getattr(self, column)(each))

    def in_payload(self, path: Path) -> bool:
        """Whether a path goes into what an event says itself."""
        data = self.paths.get("data")
        return (
            _is_inside(path, data) if data else any(words(s)[-1:] in _PAYLOADS for s in path[:-1])
        )

    def _outer(self, path: Path) -> float:
        """Points off for depth, and more for standing in the payload."""
        return 5.0 * (len(path) - 1) + (25 if self.in_payload(path) else 0)

    def time(self, each: Seen) -> float | None:
        """Most rows have one that can be read, outside the payload, and it is no id."""
        if each.form is None or each.filled < 0.5:
            return None
        is_id = any(points(column, each.path) > 70 for column in _ENVELOPE if column != "time")
        return 45.0 * each.filled - self._outer(each.path) - (40 if is_id else 0)

    def broker_time(self, each: Seen) -> float | None:
        """Can be read as times."""
        return None if each.form is None else 0.0

    def id(self, each: Seen) -> float | None:
        """Differs from row to row; better still if another column points to it."""
        if not _is_key(each, "id"):
            return None
        few = len(each.there) < _FEW
        if each.distinct < 0.5 and not few:
            return None
        if few:
            return 0.0 if each.distinct > 0.5 else -50.0
        named = 15 if self._is_cause_of_some(each) else 0
        whole = 60.0 * (each.distinct - 0.8) + 25 * each.filled
        return whole + named - 5 - self._outer(each.path)

    def type(self, each: Seen) -> float | None:
        """Few, several, in words; without digits."""
        if not each.plain or each.form is not None or each.filled < 0.3:
            return None
        if any(isinstance(v, float) or len(str(v)) > 200 for v in each.there):
            return None
        few = len(each.there) < _FEW
        kinds = len(each.counts)
        if not few and (each.distinct > 0.5 or kinds > 500):
            return None
        texts = [v for v in each.there if isinstance(v, str)]
        if not texts:
            return -30.0
        # Types are the richest of the small vocabularies, and often read like OrderPlaced or order.placed.
        worded = sum(len(words(text)) > 1 for text in each.counts) / kinds
        told = 20.0 * worded + (15 if 3 <= kinds <= 100 else 0) - 20 * _numbered(each)
        if few:
            return told / 2 - self._outer(each.path)
        if kinds == 1:
            told = -15
        return told + 15 * each.filled - self._outer(each.path)

    def source(self, each: Seen) -> float | None:
        """Few; better still if each type has one."""
        if not each.plain or each.form is not None or not isinstance(each.there[0], str):
            return None
        if len(each.there) < _FEW:
            return 0.0
        if each.distinct > 0.5 or len(each.counts) > 1000:
            return None
        told = 10.0 * each.filled - self._outer(each.path)
        return told + 40 if self._emits(each) else told

    def _emits(self, each: Seen) -> bool:
        """Whether each type has one value here, and there are several: as it is with services."""
        types = self.seen.get(self.paths.get("type", ()))
        if (
            types is None
            or not 2 <= len(each.counts) <= len(types.counts)
            or self.in_payload(each.path)
        ):
            return False
        pairs = {(str(a), str(b)) for a, b in zip(types.values, each.values, strict=True)}
        return len(pairs) == len(types.counts) and not any(map(_is_whole, each.counts))

    def channel(self, each: Seen) -> float | None:
        """Few."""
        small = each.plain and each.form is None and isinstance(each.there[0], str)
        return 0.0 if small and (len(each.there) < _FEW or each.distinct <= 0.5) else None

    def whole(self, each: Seen) -> float | None:
        """Whole numbers."""
        whole = each.plain and all(_is_whole(v) for v in each.there)
        return 0.0 if whole else None

    def correlation_id(self, each: Seen) -> float | None:
        """Comes again, up to 1000 times, and is the same in cause and effect."""
        if not _is_key(each, "correlation_id"):
            return None
        if len(each.there) < _FEW:
            return 0.0
        size = len(each.there) / len(each.counts)
        if len(each.counts) < 2:
            return -50.0
        told = 15.0 if 1.3 <= size <= 1000 else -40.0
        agreeing = self._agreeing(each)
        if agreeing is not None:
            told += 50 * (agreeing - 0.5) if size <= 1000 else -20.0
        elif 1.3 <= size <= 1000 and len(each.counts) > 4:
            told += 22.0 * _numbered(each) - self._outer(each.path)
        return told + 5 * each.filled - len(each.path)

    def _agreeing(self, each: Seen) -> float | None:
        """How often an effect has the same value as its cause; ``None`` without known causes."""
        if not {"id", "causation_id"} <= self.paths.keys():
            return None
        ids, causes = self.seen.get(self.paths["id"]), self.seen.get(self.paths["causation_id"])
        if ids is None or causes is None:
            return None
        value_of = {_as_key(i): v for i, v in zip(ids.values, each.values, strict=True)}
        pairs = [
            (value_of[_as_key(cause)], value)
            for cause, value in zip(causes.values, each.values, strict=True)
            if cause is not None and _as_key(cause) in value_of
        ]
        if len(pairs) < 5:
            return None
        agreeing: int = sum(a is not None and a == b for a, b in pairs)
        return agreeing / len(pairs)

    def causation_id(self, each: Seen) -> float | None:
        """Is the id of another row."""
        ids = self.seen.get(self.paths["id"]) if "id" in self.paths else None
        if not _is_key(each, "causation_id"):
            return None
        if ids is None or len(each.there) < _FEW:
            return 0.0
        itself = sum(a is not None and a == b for a, b in zip(each.values, ids.values, strict=True))
        if itself > len(each.there) / 2:
            return None
        known = _share(each.counts.keys(), ids.counts.keys())
        # Row numbers and other small counts are found among small ids by chance.
        chance = -30 if all(_is_whole(v) for v in list(each.counts)[:50]) else 0
        return (60.0 * known + chance) if known >= 0.3 else -25.0

    def data(self, each: Seen) -> float | None:
        """Nested, and no envelope that holds the id, the time and the like."""
        if not each.nested:
            return None if words(each.path[-1])[-1:] not in (("data",), ("payload",)) else -20.0
        inside = [path for path in self.seen if path != each.path and _is_inside(path, each.path)]
        # Whoever says that the type is data.kind says nothing against data as the payload.
        told = self.given if points("data", each.path[-1:]) > 70 else ()
        if any(path in self.paths.values() and path not in told for path in inside):
            return -60.0
        envelope = sum(any(points(c, path[-1:]) > 92 for path in inside) for c in _ENVELOPE)
        if envelope:
            return 10 - 40.0 * envelope
        if "time" not in self.paths:
            return 10.0 if points("data", each.path[-1:]) > 70 else None
        last = words(each.path[-1])
        is_wrapper = bool(last) and last[-1] in WRAPPERS
        nameless = len(each.path) == 1 and not is_wrapper and isinstance(each.there[0], dict | str)
        some = list(map(str, each.there[:200]))
        return 10.0 + (32 * each.filled * len(set(some)) / len(some) if nameless else 0)

    def _is_cause_of_some(self, each: Seen) -> bool:
        known = each.counts.keys()
        return any(
            other is not each and other.plain and other.counts != each.counts
            and len(other.counts) > 2 and _share(other.counts.keys(), known) > 0.5
            for other in self.seen.values()
        )  # fmt: skip

    partition = offset = whole


_PAYLOADS: Final = frozenset((name,) for name in PAYLOADS)


def _is_inside(path: Path, whole: Path) -> bool:
    return path[: len(whole)] == whole


def _is_key(each: Seen, column: str) -> bool:
    """Whether values can be keys: text or whole numbers, and no times unless the name says so."""
    if not each.plain or any(isinstance(whole(v), float) for v in each.there):
        return False
    return each.form is None or points(column, each.path) > 50


def _as_key(value: Any) -> str:
    """As text, as an id is written."""
    return _WAS_WHOLE.sub(r"\1", str(whole(value)))


_WAS_WHOLE: Final = re.compile(WHOLE_TEXT)


def _numbered(each: Seen) -> float:
    """The share of values with a digit in them, as keys have."""
    some = list(each.counts)[:200]
    return sum(any(map(str.isdigit, text)) for text in some) / len(some)


def _share(some: Any, known: Any) -> float:
    return len(some & known) / max(len(some), 1)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdecimal())

"""What the values at a path say about which of our columns it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, cast

from workbench.capture.reading.likeness import one_root
from workbench.capture.reading.neighbours import is_of_a_logger, is_of_a_machine
from workbench.capture.reading.paths import Path
from workbench.capture.reading.relations import IN_PAYLOAD, Relations, is_inside, is_payload
from workbench.capture.reading.seen import FEW, Seen, is_key, is_whole, numbered
from workbench.capture.reading.uuids import UUID
from workbench.capture.reading.vocabulary import CHANGES, WRAPPERS, letters, points, words

_ENVELOPE: Final = ("id", "time", "correlation_id", "causation_id")
"""What tells an envelope from a payload."""

_BEFORE_PAYLOAD: Final = ("id", "time")
"""What is guessed before the payload."""

_SMALL: Final = 50
"""Rows of a log in which each may well be of a type of its own."""

_YEAR: Final = 365 * 86_400 * 10**9
"""Nanoseconds."""


class Evidence(Relations):
    """What values say: points for or against a path as the column of a method's name.

    ``None`` where it can't be that column.
    """

    def of(self, column: str, each: Seen) -> float | None:
        """Ask the method of a column."""
        return cast("float | None", getattr(self, column)(each))

    def _is_key(self, each: Seen, column: str) -> bool:
        """Whether values can be keys; numbers too that, taken for times, lie far from those of the log."""
        return is_key(each, column) or (is_key(each, column, times=True) and self._is_far(each))

    def _is_far(self, each: Seen) -> bool:
        told = self.seen.get(self.paths.get("time", ()))
        if told is None or not all(map(is_whole, each.counts)):
            return False
        mine, theirs = each.middle, told.middle
        return mine is not None and theirs is not None and abs(mine - theirs) > _YEAR

    def time(self, each: Seen) -> float | None:
        """Most rows have one that can be read, outside the payload, and it is no id."""
        if each.form is None or each.filled < 0.5:
            return None
        is_id = any(points(column, each.path) > 70 for column in _ENVELOPE if column != "time")
        depth = self._outer(each.path) - 2.0 * self._depth(each.path)
        return 45.0 * each.filled - depth - (40 if is_id else 0)

    def broker_time(self, each: Seen) -> float | None:
        """Can be read as times."""
        return None if each.form is None else 0.0

    def id(self, each: Seen) -> float | None:
        """Differs from row to row; better still if another column points to it."""
        if not self._is_key(each, "id") or _names_another(each.path, "causation_id"):
            return None
        few = len(each.there) < FEW
        if each.distinct < 0.5 and not few:
            return None
        if few:
            return 0.0 if each.distinct > 0.5 else -50.0
        named = max(map(_as_cause, self._named_by(each)), default=0)
        whole = 60.0 * (each.distinct - 0.8) + 25 * each.filled - 80 * max(0.5 - each.filled, 0)
        whole += 15 if all(map(UUID.fullmatch, each.counts)) else 0
        whole -= 40 if _names_another(each.path, "correlation_id") else 0
        return whole + named - 5 - self._outer(each.path)

    def type(self, each: Seen) -> float | None:
        """Few, several, in words; without digits."""
        if not each.plain or each.in_json or each.form is not None or each.filled < 0.3:
            return None
        if any(isinstance(v, float) or len(str(v)) > 200 for v in each.there):
            return None
        few = len(each.there) < FEW
        kinds = len(each.counts)
        if not few and (each.distinct > 0.5 or kinds > 500):
            by_name = points("type", each.path) > 90 and len(each.there) < _SMALL
            return -self._outer(each.path) if by_name else None
        texts = [v for v in each.there if isinstance(v, str)]
        if not texts:
            return -30.0
        # Types are the richest of the small vocabularies, and often read like OrderPlaced or order.placed.
        worded = sum(len(words(text)) > 1 for text in each.counts) / kinds
        told = 20.0 * worded + (15 if 3 <= kinds <= 100 else 0) - 20 * numbered(each)
        if {*map(str.lower, each.counts)} <= CHANGES:
            told -= 40
        if few:
            return told / 2 - self._outer(each.path)
        if kinds == 1:
            told = -15
        if points("source", each.path) > max(70, points("type", each.path)):
            told -= 40  # service.name: services read like types
        if is_of_a_logger(each.path, self.seen):
            told += {"name": -100.0, "msg": 60.0}.get(each.path[-1], 0)
        return told + 15 * each.filled - self._outer(each.path)

    def source(self, each: Seen) -> float | None:
        """Few; better still if each type has one."""
        if not each.plain or each.in_json or each.form is not None:
            return None
        if not isinstance(each.there[0], str):
            return None
        is_loggers = each.path[-1] == "name" and is_of_a_logger(each.path, self.seen)
        if len(each.there) < FEW:
            return 80.0 if is_loggers else 0.0
        if each.distinct > 0.5 or len(each.counts) > 1000:
            return None
        if _are_files(each) or self._repeats_types(each):
            return None
        told = 10.0 * each.filled - self._outer(each.path) - (10 if len(each.counts) == 1 else 0)
        told += 60 if is_loggers else 0
        # Several words are a message, and there is one of those for each type as well.
        named = points("source", each.path) or not any(map(_WORDS.search, each.counts))
        return told + 42 if self._emits(each) and named else told

    def _repeats_types(self, each: Seen) -> bool:
        """Whether values are the types, or numbers of them, under a name that is none of a service."""
        types = self.seen.get(self.paths.get("type", ()))
        if points("source", each.path[-1:]) or types is None:
            return False
        pairs = {(str(a), str(b)) for a, b in zip(types.values, each.values, strict=True)}
        if not 2 <= len(types.counts) == len(each.counts) == len(pairs):
            return False
        return numbered(each) == 1 or all(letters(a) in letters(b) for a, b in pairs)

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
        return len(pairs) == len(types.counts) and not any(map(is_whole, each.counts))

    def channel(self, each: Seen) -> float | None:
        """Few."""
        small = each.plain and not each.in_json and each.form is None
        small = small and isinstance(each.there[0], str)
        return 0.0 if small and (len(each.there) < FEW or each.distinct <= 0.5) else None

    def whole(self, each: Seen) -> float | None:
        """Whole numbers."""
        whole = each.plain and all(is_whole(v) for v in each.there)
        return 0.0 if whole else None

    def correlation_id(self, each: Seen) -> float | None:
        """Comes again, up to 1000 times, is the same in cause and effect, and its rows make a flow.

        Where causes are known, each flow has one event without.
        """
        if not self._is_key(each, "correlation_id") or _is_place(each.path):
            return None
        if is_of_a_machine(each.path, self.seen):
            return None
        if len(each.there) < FEW:
            return 0.0
        if len(each.counts) < 2:
            return -50.0
        fits = 1.3 <= each.size <= 1000
        told = 15.0 if fits else -40.0
        agreeing, flowing = self._agreeing(each), self._flowing(each) if fits else None
        if agreeing is not None:
            told += 100 * (agreeing - 0.75) if each.size <= 1000 else -20.0
            told += 20 * (flowing or 0) + (60 * one_root(each.values, self._roots()) if fits else 0)
            told -= IN_PAYLOAD if self.in_payload(each.path) else 0
        elif fits and len(each.counts) > 4:
            told += 22.0 * numbered(each) - self._outer(each.path)
            # What doesn't look like flows at all is a number that comes again by chance.
            told += 0 if flowing is None else 60 * flowing - 15
        return told + 5 * each.filled - len(each.path)

    def causation_id(self, each: Seen) -> float | None:
        """Is the id of another row."""
        ids = self.seen.get(self.paths["id"]) if "id" in self.paths else None
        if not self._is_key(each, "causation_id"):
            return None
        if len(each.there) < FEW:
            return 0.0
        if ids is None:
            # A number names a row only where rows have numbers.
            return None if all(map(is_whole, each.counts)) else 0.0
        itself = sum(a is not None and a == b for a, b in zip(each.values, ids.values, strict=True))
        if itself > len(each.there) / 2:
            return None
        pairs = zip(each.values, ids.values, strict=True)
        if 2 * sum(a is not None and b is None for a, b in pairs) > len(each.there):
            return None  # what names a cause is an event itself
        known = each.known_in(ids)
        if known < 0.3:
            return -25.0 if known or each.fraction < 1 else -40.0
        # Row numbers and other small counts are found among small ids by chance.
        small = all(is_whole(v) for v in list(each.counts)[:50])
        # Of a flow's first event and an event's cause, which are both some row's id, causes are more.
        more = min(len(each.counts) / len(ids.counts), 1)
        return 60.0 * known + 5 * more - (30 if small and not self._told_by_type(each) else 0)

    def data(self, each: Seen) -> float | None:
        """Nested, and no envelope that holds the id, the time and the like."""
        if not each.nested:
            return None if words(each.path[-1])[-1:] not in (("data",), ("payload",)) else -20.0
        inside = [path for path in self.seen if path != each.path and is_inside(path, each.path)]
        if any(path in self._against(each.path) for path in inside) or self._is_beside(each.path):
            return -60.0
        envelope = sum(any(points(c, path[-1:]) > 92 for path in inside) for c in _ENVELOPE)
        if envelope:
            return 10 - 40.0 * envelope
        few = 60 * max(0.5 - each.filled, 0)
        if self.around_id is None:
            return 10.0 - few if points("data", each.path[-1:]) > 70 else None
        last = words(each.path[-1])
        is_wrapper = bool(last) and last[-1] in WRAPPERS
        nameless = len(each.path) == 1 and not is_wrapper and isinstance(each.there[0], dict | str)
        some = list(map(str, each.there[:200]))
        # The events of one flow may all say the same.
        varied = min(1.0, 7 * len(set(some)) / len(some))
        rich = 0.1 * min(len(inside), 20)  # of two that are as good, the one that says more
        return 10.0 + (32 * each.filled * varied + rich if nameless else -few)

    def _against(self, payload: Path) -> set[Path]:
        """Paths that are in no payload: of the id, the time and the like, as far as they are known.

        Whoever says that the type is data.kind says nothing against data as the payload, nor does who
        says where the flow is.
        """
        is_named = points("data", payload[-1:]) > 70
        said = {c for c in self.given if is_named or c not in _BEFORE_PAYLOAD}
        return {path for column, path in self.paths.items() if column not in said}

    def _is_beside(self, path: Path) -> bool:
        """Whether the id stands in a payload by its name, and a path is not in that."""
        where = self.around_id or ()
        ends = (end for end, step in enumerate(where, 1) if is_payload(step))
        return not is_inside(path, where[: next(ends, 0)])

    def _named_by(self, each: Seen) -> Iterator[Seen]:
        """The columns that name values of another one."""
        for other in self.seen.values():
            if (
                other is not each and other.plain and other.counts != each.counts
                and len(other.counts) > 2 and other.known_in(each) > 0.5
            ):  # fmt: skip
                yield other

    partition = whole

    def offset(self, each: Seen) -> float | None:
        """Whole numbers, which grow as time passes: those that fall number the rows of an export."""
        order = self._in_time()
        numbers = [int(each.values[row]) for row in order if is_whole(each.values[row])]
        fall = sum(b < a for a, b in pairwise(numbers))
        alone = not {"partition", "channel"} & self.paths.keys()
        return None if alone and fall > len(numbers) / 2 else self.whole(each)


def _names_another(path: Path, column: str) -> bool:
    """Whether a name says of an id that it is that of a cause, or of a flow."""
    return points(column, path) > points("id", path)


def _as_cause(naming: Seen) -> int:
    """What it is worth to be named by a column: as much as any name, if that is for causes.

    So the id of an event goes before that of the message in which it came.
    """
    if points("causation_id", naming.path) > 50:
        return 100
    return 12 if all(map(is_whole, naming.counts)) else 25  # amounts are row numbers by chance


def _are_files(each: Seen) -> bool:
    """Whether values are where files lie, as where a log platform has its rows from."""
    return all(_FILE.match(text) for text in each.counts)


_WORDS: Final = re.compile(r"\w +\w")
_FILE: Final = re.compile(r"/\w+/|[A-Za-z]:\\")


def _is_place(path: Path) -> bool:
    """Whether a name says where a record stood: a partition's number comes again, and names no flow."""
    return max(points("partition", path), points("offset", path)) > 70

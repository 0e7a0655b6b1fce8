"""How rows and paths stand to each other, by what is known of our columns so far."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from workbench.capture.nothing import no_cause
from workbench.capture.reading.likeness import like_flows, told_by_type
from workbench.capture.reading.paths import Path
from workbench.capture.reading.seen import Seen, as_key
from workbench.capture.reading.times import in_time
from workbench.capture.reading.vocabulary import PAYLOADS, words

IN_PAYLOAD: Final = 25.0
"""Points off for what stands in the payload."""


@dataclass
class Relations:
    """What is known of a log while our columns are looked for in it."""

    paths: dict[str, Path]
    seen: Mapping[Path, Seen]
    given: Mapping[str, Path] = field(default_factory=dict)
    """What somebody said."""
    around_id: Path | None = None
    """What holds the id; ``None`` until it and the time were looked for."""
    _rows_by_id: dict[Path, dict[str, int]] = field(default_factory=dict)
    _orders: dict[Path, Sequence[int]] = field(default_factory=dict)
    _without_cause: dict[Path, list[int]] = field(default_factory=dict)

    def in_payload(self, path: Path) -> bool:
        """Whether a path goes into what an event says itself; what holds its id is no such thing."""
        data = self.paths.get("data")
        if data:
            return is_inside(path, data)
        around_id = self.around_id or ()
        return any(
            is_payload(path[end - 1]) and path[:end] != around_id[:end]
            for end in range(1, len(path))
        )

    @cached_property
    def _wraps(self) -> int:
        """How many objects wrap all there is."""
        return min((len(path) for path, each in self.seen.items() if each.plain), default=1) - 1

    def _depth(self, path: Path) -> int:
        """How many objects a path goes into, but for those that wrap all there is."""
        return max(len(path) - 1 - self._wraps, 0)

    def _outer(self, path: Path) -> float:
        """Points off for depth, and more for standing in the payload."""
        return 5.0 * self._depth(path) + (IN_PAYLOAD if self.in_payload(path) else 0)

    def _flowing(self, each: Seen) -> float | None:
        types = self.seen.get(self.paths.get("type", ()))
        if types is None or len(types.counts) < 2:
            return None
        return like_flows(each.values, types.values, self._in_time())

    def _in_time(self) -> Sequence[int]:
        """The rows in the order of time; as they stand where none is known."""
        path = self.paths.get("time", ())
        if path not in self._orders:
            each = self.seen.get(path)
            height = len(next(iter(self.seen.values())).values)
            form = each.form if each is not None else None
            self._orders[path] = (
                range(height) if each is None or form is None else in_time(each.values, form)
            )
        return self._orders[path]

    def _pairs(self, each: Seen) -> list[tuple[int, int]]:
        """The rows of cause and effect, if a path says causes."""
        ids = self.seen.get(self.paths.get("id", ()))
        if ids is None:
            return []
        if ids.path not in self._rows_by_id:
            self._rows_by_id[ids.path] = {as_key(v): row for row, v in enumerate(ids.values)}
        rows = self._rows_by_id[ids.path]
        keys = ((row, as_key(v)) for row, v in enumerate(each.values) if v is not None)
        return [(rows[key], row) for row, key in keys if key in rows]

    def _agreeing(self, each: Seen) -> float | None:
        """How often an effect has the same value as its cause; ``None`` without known causes."""
        causes = self.seen.get(self.paths.get("causation_id", ()))
        pairs = [] if causes is None else self._pairs(causes)
        if len(pairs) < 5:
            return None
        values = ((each.values[cause], each.values[effect]) for cause, effect in pairs)
        agreeing: int = sum(a is not None and a == b for a, b in values)
        return agreeing / len(pairs)

    def _roots(self) -> list[int]:
        """The rows without a cause."""
        causes, ids = (self.seen[self.paths[column]] for column in ("causation_id", "id"))
        if causes.path not in self._without_cause:
            none = re.compile(no_cause(zero="0" in ids.counts))
            keys = ("" if value is None else as_key(value) for value in causes.values)
            self._without_cause[causes.path] = [
                row for row, key in enumerate(keys) if none.search(key)
            ]
        return self._without_cause[causes.path]

    def _told_by_type(self, each: Seen) -> bool:
        """Whether the type of an effect tells that of its cause, if a path says causes."""
        types = self.seen.get(self.paths.get("type", ()))
        if types is None or each.distinct < 0.05:
            return False
        named = [(str(types.values[a]), str(types.values[b])) for a, b in self._pairs(each)]
        return told_by_type(named, types.counts) > 0.5


_PAYLOADS: Final = frozenset((name,) for name in PAYLOADS)


def is_payload(step: str) -> bool:
    """Whether a name is one of payloads; metadata is none."""
    name = words(step)
    return name[-1:] in _PAYLOADS and "meta" not in name


def is_inside(path: Path, whole: Path) -> bool:
    """Whether a path is another, or goes into it."""
    return path[: len(whole)] == whole

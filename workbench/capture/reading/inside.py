"""What stands at paths in a batch of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.capture.reading.arrays import Values, python_values
from workbench.capture.reading.paths import Path, members


class Inside:
    """Follows paths into columns; what several paths go into is decoded once."""

    def __init__(self, columns: Mapping[str, Values]) -> None:
        self._columns = columns
        self._members: dict[Path, list[Mapping[str, Any] | None]] = {}

    def at(self, path: Path) -> Values:
        """The values at a path; ``None`` where a row has nothing there."""
        *outer, step = path
        if not outer:
            return self._columns[step]
        opened = self._opened(tuple(outer))
        return [None if inside is None else inside.get(step) for inside in opened]

    def _opened(self, path: Path) -> list[Mapping[str, Any] | None]:
        if path not in self._members:
            self._members[path] = list(map(members, python_values(self.at(path))))
        return self._members[path]

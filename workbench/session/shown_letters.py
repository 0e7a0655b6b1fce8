"""Dead letters as a table shows them: without what schemas mark as personal."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import TYPE_CHECKING

import orjson
import pandas as pd

from workbench.choreography import Choreography
from workbench.errors import EventError
from workbench.events.masking import MASK, Masked, Masking

if TYPE_CHECKING:
    from workbench.session.desk import Letter

_TEXTS = ("error_message", "traceback", "key")


class ShownLetters:
    """Knows the letters that were read, and what is personal in events of their types."""

    def __init__(self, choreography: Choreography, letters: Mapping[str, Letter]) -> None:
        self._letters = letters
        types = {x.envelope.type for x in letters.values() if x.envelope is not None}
        maskings = {
            name: Masking(choreography.versions(name).known.values())
            for name in types & {*choreography.event_types}
        }
        self._maskings = {name: masking for name, masking in maskings.items() if masking.marks}

    def table(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A table of letters, or a part of it, as it may be shown."""
        shown = pd.DataFrame(frame).copy(deep=False)
        if not self._maskings:
            return shown
        names = shown.get("letter", shown.index)
        masked = [self._masked(name) for name in names]
        for column in {"data", *_TEXTS} & {*shown.columns}:
            values = map(_shown, repeat(column), shown[column], masked)
            shown[column] = pd.Series([*values], index=shown.index, dtype=object)
        return shown

    def _masked(self, name: object) -> Masked | None:
        """A letter's payload, and what is hidden of it; ``None``: nobody knows what is personal."""
        letter = self._letters.get(str(name))
        if letter is None:
            return None
        if letter.envelope is None or letter.envelope.type not in self._maskings:
            return _OPEN
        try:
            return self._maskings[letter.envelope.type].mask(letter.envelope.payload())
        except (EventError, RecursionError):
            return None


_OPEN = Masked(None, frozenset())
"""Of an event in which nothing is personal."""


def _shown(column: str, value: object, masked: Masked | None) -> object:
    if masked is _OPEN or not isinstance(value, str):
        return value
    if masked is None:
        return MASK
    return orjson.dumps(masked.payload).decode() if column == "data" else masked.text(value)

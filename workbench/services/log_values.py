"""Whatever a handler logs, as JSON can say it: bounded, without personal values, and never an error."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from workbench.events import Envelope, Event
from workbench.events.masking import Masking, without

TEXT = 8_000
"""Letters after which a text is cut."""
_ENTRIES = 1_000
"""Fields and entries, all told, that a line has at most."""
_LETTERS = 32_000
"""Letters, all told, that a line has at most."""
_DEPTH = 8
_INTEGERS = range(-(1 << 63), 1 << 63)
"""Those that JSON readers take; larger ones are written as texts."""


class Cleaner:
    """Makes the values of one line fit to be written; ``hidden`` are the values not to be shown."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self._hidden = hidden
        self._entries, self._letters = _ENTRIES, _LETTERS

    def fields(self, fields: Mapping[Any, Any]) -> dict[str, Any]:
        """Named values."""
        return self._mapping(fields, 0)

    def sentence(self, event: Any) -> str:
        """What is logged, in words."""
        value = self._kept(event, 0)
        return value if isinstance(value, str) else self.text(_shown(value))

    def text(self, text: str, most: int = TEXT) -> str:
        """A text, of which at most so many letters are shown."""
        text = without(self._hidden, text[: 4 * TEXT])
        most = max(0, min(most, self._letters))
        self._letters -= min(len(text), most)
        shown = text if len(text) <= most else f"{text[:most]}… ({len(text):,} letters)"
        return shown.encode("utf-8", "backslashreplace").decode()

    def value(self, value: Any, depth: int = 0) -> Any:
        """Any value."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value)
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes | bytearray):
            return self.text(bytes(value[: 4 * TEXT]).decode("utf-8", "backslashreplace"))
        if isinstance(value, datetime | date | time):
            return self.text(value.isoformat())
        if isinstance(value, Envelope):
            return self.text(f"{value.type} {value.id}")
        if depth < _DEPTH:
            if isinstance(value, Event):
                masking = Masking([type(value).event_type])
                value = masking.mask(value.model_dump(mode="json")).payload
            if isinstance(value, Mapping):
                return self._mapping(value, depth + 1)
            if isinstance(value, list | tuple | set | frozenset):
                return self._list(value, depth + 1)
        return self.text(_shown(value))

    def _number(self, number: float) -> Any:
        if not self._hidden.isdisjoint({str(number)}):
            return self.text(str(number))
        whole = isinstance(number, int)
        plain = number in _INTEGERS if whole else math.isfinite(number)
        return (int(number) if whole else float(number)) if plain else self.text(str(number))

    def _mapping(self, fields: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in fields.items():
            if self._entries <= 0:
                found["…"] = f"{len(fields):,} fields in all"
                break
            self._entries -= 1
            text = self.text(name if isinstance(name, str) else _shown(name))
            while text in found:
                text += "_"
            found[text] = self._kept(value, depth)
        return found

    def _list(self, entries: Iterable[Any], depth: int) -> list[Any]:
        found: list[Any] = []
        for entry in entries:
            if self._entries <= 0:
                found.append("…")
                break
            self._entries -= 1
            found.append(self._kept(entry, depth))
        return found

    def _kept(self, value: Any, depth: int) -> Any:
        try:
            return self.value(value, depth)
        except Exception:  # noqa: BLE001 - it may be an object of any kind, with methods of any kind
            return f"<{type(value).__name__} that can't be shown>"


def _shown(value: Any) -> str:
    try:
        return repr(value)[: 4 * TEXT]
    except Exception:  # noqa: BLE001 - a handler's own class may do anything
        return f"<{type(value).__name__} that can't be shown>"

"""A service's state: a mapping kept in its file, changed only together with what it emits."""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from workbench.errors import HandlerError

TABLE = "CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
_TAG = "$type"
_TAGGED = f'"{_TAG}"'
_READERS: dict[str, Any] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "uuid": UUID,
    "dict": dict,
}


class Texts(ABC):
    """Key → stored text."""

    @abstractmethod
    def get(self, key: str) -> str | None:
        """The text of a key; ``None`` if there is none."""

    @abstractmethod
    def keys(self) -> set[str]:
        """All keys that have one."""


class Table(Texts):
    """What the service's file holds."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> str | None:
        row = self._connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return row[0] if row is not None else None

    def keys(self) -> set[str]:
        return {key for (key,) in self._connection.execute("SELECT key FROM state")}

    def write(self, changes: Mapping[str, str | None]) -> None:
        """Set keys to new texts, and delete those whose text is ``None``."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO state VALUES (?, ?)",
            [(key, text) for key, text in changes.items() if text is not None],
        )
        self._connection.executemany(
            "DELETE FROM state WHERE key = ?",
            [(key,) for key, text in changes.items() if text is None],
        )


class Layer(Texts):
    """Changes over what is below, kept apart until they are merged down or dropped.

    ``remember`` keeps what was read from below, for a layer that nobody changes beneath.
    """

    def __init__(self, below: Texts, *, remember: bool = False) -> None:
        self._below = below
        self._remember = remember
        self.read: dict[str, str | None] = {}
        """Key → text, of what was read from below and is remembered."""
        self.changes: dict[str, str | None] = {}
        """Key → new text, or ``None`` if it was deleted."""

    def get(self, key: str) -> str | None:
        if key in self.changes:
            return self.changes[key]
        if not self._remember:
            return self._below.get(key)
        if key not in self.read:
            self.read[key] = self._below.get(key)
        return self.read[key]

    def keys(self) -> set[str]:
        changed = self.changes.items()
        gone = {key for key, text in changed if text is None}
        return (self._below.keys() | {key for key, text in changed if text is not None}) - gone


class State(MutableMapping[str, Any]):
    """What a service knows: text keys, JSON values, and decimals, dates and UUIDs as they are.

    A change to a value that was read (appending to a list, say) is kept only once the value
    is set again: ``ctx.state["seen"] = [*ctx.state["seen"], event.id]``.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    def __getitem__(self, key: str) -> Any:
        text = self._layer.get(key)
        if text is None:
            raise KeyError(key)
        return read_value(text)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise HandlerError(f"a state key must be a text, not {key!r}.")
        self._layer.changes[key] = write_value(key, value)

    def __delitem__(self, key: str) -> None:
        if self._layer.get(key) is None:
            raise KeyError(key)
        self._layer.changes[key] = None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._layer.keys()))

    def __len__(self) -> int:
        return len(self._layer.keys())

    def __repr__(self) -> str:
        return f"State({len(self)} keys)"


def write_value(key: str, value: Any) -> str:
    """A value as it is stored."""
    try:
        if type(value) is int:
            return str(value)  # as the encoder writes it: most of what services keep are counts
        text = _encode(value)
        if _TAGGED in text and isinstance(value, dict | list | tuple):
            text = _encode(_escaped(value))  # a mapping of the handler's may look like ours
        return text
    except (TypeError, ValueError) as error:
        raise HandlerError(
            f"the state {key!r} can't be kept: {error}; use JSON values, decimals, dates or UUIDs."
        ) from error


def read_value(text: str) -> Any:
    """A stored value as it was."""
    return int(text) if text.isdigit() else _decode(text)


def _tagged(value: Any) -> dict[str, str]:
    for name, kind in (
        ("decimal", Decimal),
        ("datetime", datetime),
        ("date", date),
        ("uuid", UUID),
    ):
        if isinstance(value, kind):
            text = value.isoformat() if isinstance(value, date) else str(value)
            return {_TAG: name, "value": text}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _escaped(value: Any) -> Any:
    """The value, its own mappings with a ``$type`` written so that they are read as mappings."""
    if isinstance(value, dict):
        pairs = {name: _escaped(item) for name, item in value.items()}
        return {_TAG: "dict", "value": list(pairs.items())} if _TAG in pairs else pairs
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    return value


def _untagged(found: dict[str, Any]) -> Any:
    if _TAG in found and len(found) == 2 and "value" in found and found[_TAG] in _READERS:
        return _READERS[found[_TAG]](found["value"])
    return found


# Made once: json.dumps and json.loads make a new one at every call with settings of one's own.
_encode = json.JSONEncoder(default=_tagged, ensure_ascii=False).encode
_decode = json.JSONDecoder(object_hook=_untagged).decode

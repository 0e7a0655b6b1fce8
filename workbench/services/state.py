"""A service's state: a mapping kept in its file, changed only together with what it emits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, MutableMapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from workbench.errors import HandlerError

_TAG = "$type"
_READERS: dict[str, Any] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "uuid": UUID,
    "dict": dict,
}


class State(MutableMapping[str, Any]):
    """What a service knows: text keys, JSON values, and decimals, dates and UUIDs as they are.

    A change to a value that was read (appending to a list, say) is kept only once the value
    is set again: ``ctx.state["seen"] = [*ctx.state["seen"], event.id]``.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getitem__(self, key: str) -> Any:
        row = self._connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return read_value(row[0])

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise HandlerError(f"a state key must be a text, not {key!r}.")
        self._connection.execute(
            "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, write_value(key, value)),
        )

    def __delitem__(self, key: str) -> None:
        if not self._connection.execute("DELETE FROM state WHERE key = ?", (key,)).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        rows = self._connection.execute("SELECT key FROM state ORDER BY key").fetchall()
        return iter([row[0] for row in rows])

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM state").fetchone()[0])

    def __repr__(self) -> str:
        return f"State({len(self)} keys)"


def write_value(key: str, value: Any) -> str:
    """A value as it is stored."""
    try:
        text = json.dumps(value, default=_tagged, ensure_ascii=False)
        if f'"{_TAG}"' in text:  # ours, or a mapping of the handler's that looks like ours
            text = json.dumps(_escaped(value), default=_tagged, ensure_ascii=False)
        return text
    except (TypeError, ValueError) as error:
        raise HandlerError(
            f"the state {key!r} can't be kept: {error}; use JSON values, decimals, dates or UUIDs."
        ) from error


def read_value(text: str) -> Any:
    """A stored value as it was."""
    return json.loads(text, object_hook=_untagged)


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
    if set(found) == {_TAG, "value"} and found[_TAG] in _READERS:
        return _READERS[found[_TAG]](found["value"])
    return found

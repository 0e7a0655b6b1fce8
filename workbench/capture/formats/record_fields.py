"""The fields of exported records: what they must be, and what is said where they aren't."""

from __future__ import annotations

from typing import Any, Final

_PARTITIONS: Final = 2**31
_OFFSETS: Final = 2**63
_TIMES: Final = 2**63


class NotARecordError(ValueError):
    """What stands there is not a Kafka record; says why."""


def partition_of(value: Any) -> int | None:
    """A partition, from 0; ``None`` for none.

    Raises
    ------
    NotARecordError
        It is something else.
    """
    return _counted(value, "partition", _PARTITIONS)


def offset_of(value: Any) -> int | None:
    """An offset, from 0; ``None`` for none.

    Raises
    ------
    NotARecordError
        It is something else.
    """
    return _counted(value, "offset", _OFFSETS)


def nanoseconds(value: Any, unit: int) -> int | None:
    """A time as whole nanoseconds; ``None`` for what is no number, or too large to be a time.

    ``unit`` is how many nanoseconds one is: 1,000,000 for milliseconds.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    found = value * unit
    return found if 0 <= found < _TIMES else None


def text_of(value: Any, name: str) -> str | None:
    """Text, or ``None``.

    Raises
    ------
    NotARecordError
        It is something else.
    """
    if value is None or isinstance(value, str):
        return value
    raise NotARecordError(f"its {name} is no text but {kind_of(value)}")


def kind_of(value: Any) -> str:
    """What people call a JSON value of this kind."""
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "an array", str: "a text", type(None): "null"}
    return names.get(type(value), "a number")


def _counted(value: Any, name: str, limit: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise NotARecordError(f"its {name} is no whole number but {kind_of(value)}")
    if not 0 <= value < limit:
        raise NotARecordError(f"its {name} is not between 0 and {limit - 1:,}")
    return value

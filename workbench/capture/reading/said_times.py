"""What is said of times behind their column: ``when @ Europe/Berlin``, ``when @ day first``, or both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from workbench.capture.reading.paths import Path, resolve
from workbench.capture.reading.zones import is_zone
from workbench.errors import LogError

Order = Literal["day first", "month first"]

_ORDERS: Final[dict[str, Order]] = {"day first": "day first", "month first": "month first"}
_SIGN: Final = " @ "


class SaidTime(NamedTuple):
    """A column of times as somebody gave it.

    Attributes
    ----------
    path
        Where they stand, as it was given.
    zone
        Of those that say none themselves.
    order
        Of the day and the month.
    """

    path: str
    zone: str | None = None
    order: Order | None = None


def said_time(column: str, text: str, known: Iterable[Path]) -> SaidTime:
    """Take apart what somebody gave for a column of times; a path that has the sign in it wins.

    Raises
    ------
    LogError
        Something behind a sign is neither a zone nor an order.
    """
    found = SaidTime(text)
    while _SIGN in found.path and resolve(found.path, known) is None:
        path, _, said = (part.strip() for part in found.path.rpartition(_SIGN))
        if said in _ORDERS:
            found = found._replace(path=path, order=_ORDERS[said])
        elif is_zone(said):
            found = found._replace(path=path, zone=said)
        else:
            raise LogError(
                f"mapping: {column!r}: {said!r} is no time zone: give one as Europe/Berlin or UTC; "
                "'day first' and 'month first' may stand there too."
            )
    return found

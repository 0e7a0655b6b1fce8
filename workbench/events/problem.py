"""What is wrong with a payload, in words: as its sender may read it, and as a log may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import EventError
from workbench.events.masking import MASK, Masking, without
from workbench.problems import printable

if TYPE_CHECKING:
    import jsonschema_rs

    from workbench.events.event_type import EventType

_WRONG_KIND = ("type", "anyOf", "oneOf")
"""Where a list was to be, say, a name may stand, and the mark is on the entries of the list."""
_MOST = 300
"""Letters of what a schema has to say."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a payload is not of its type, in a sentence without its full stop; that is its text, too.

    Attributes
    ----------
    text
        With the value that is refused, unless a schema marks it as personal.
    without_values
        The same without any value of the payload.
    """

    text: str
    without_values: str

    def __str__(self) -> str:
        return self.text

    def error(self, before: str = "", after: str = ".") -> EventError:
        """It as an error, with more words around it."""
        return EventError(
            f"{before}{self.text}{after}", without_values=f"{before}{self.without_values}{after}"
        )


def first_problem(
    event_type: EventType, data: Any, error: jsonschema_rs.ValidationError, masked: str
) -> Problem:
    """The first error of a payload, and its message with a mask for the value."""
    path, message = list(error.instance_path), error.message
    place = ".".join(map(str, path)) or "the payload"
    masking = Masking([event_type])
    try:
        shown = masking.mask(data)
        astray = masking.marks and error.kind.name in _WRONG_KIND
        if astray or _at(shown.payload, path) != _at(data, path):
            message = masked
        place, message, masked = (without(shown.hidden, text) for text in (place, message, masked))
    except RecursionError:  # who knows what is personal in it
        message = masked
    head = f"{event_type.name} v{event_type.version}: {place}"
    return Problem(printable(f"{head}: {_cut(message)}"), printable(f"{head}: {_cut(masked)}"))


def _at(payload: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        if isinstance(payload, dict) and step not in payload:
            return MASK  # the name of a field may be personal, too
        payload = payload[step]
    return payload


def _cut(message: str) -> str:
    return message if len(message) <= _MOST else f"{message[: _MOST - 3]}..."

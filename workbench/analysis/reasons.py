"""What the text of a dead letter tells: who gave up, in which reaction, on which error.

The workbench writes ``service/reaction: Error: text``, and ``service: Error: text`` where no
reaction was reached. A text of another form, as other tools write it, names nobody.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_NAME: Final = r"[^\s:/\"'{}\[\]]+"
_ERROR: Final = r"[^\W\d][\w.$]*"
_FORM: Final = re.compile(rf"({_NAME})(?:/([^:/]+))?: ({_ERROR}): (.*)", re.DOTALL)
_ERROR_OF_AN_ERROR: Final = re.compile(r"[\w.$]*(?:Error|Exception|Warning|Timeout)")


class Reason(NamedTuple):
    """Why a service gave up on an event; all but the message is ``None`` where nobody says it."""

    service: str | None
    reaction: str | None
    error_type: str | None
    message: str


def read_reason(text: str) -> Reason:
    """Read the text of a dead letter; one of another form is the message.

    ``ValueError: KeyError: 'x'`` is an error with its cause, not a service called ValueError.
    """
    found = _FORM.fullmatch(text)
    if not found or (not found[2] and _ERROR_OF_AN_ERROR.fullmatch(found[1])):
        return Reason(None, None, None, text)
    return Reason(*found.groups())


def who_gave_up(text: str) -> str | None:
    """The service that the text of a dead letter names, if it names one."""
    return read_reason(text).service

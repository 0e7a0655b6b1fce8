"""Text of names and values, ``event=OrderPlaced order=o-1 msg="sent, again"``, as loggers in Go write it.

It is known as logfmt (https://brandur.org/logfmt) and has no standard: a value with blanks stands in
quotes, and other text may stand before the names and values or between them. Commas, semicolons and
bars may stand between them as well.
"""

from __future__ import annotations

import re
from typing import Any, Final

from workbench.capture.json_text import any_json

_PAIR: Final = re.compile(
    r"""(?<![^\s,;|])(?P<name>[A-Za-z_@][\w.@/-]*)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"']\S*)?)(?![^\s,;|])"""
)
_BETWEEN: Final = " \t,;|"
_LEAST: Final = 3
"""Names and values of a text that is of little else."""


def pairs_in(text: str) -> tuple[dict[str, Any], str]:
    """The names and values in a text, and the text that is neither."""
    found: dict[str, Any] = {}
    others, place = [], 0
    for pair in _PAIR.finditer(text):
        others.append(text[place : pair.start()].strip(_BETWEEN))
        found.setdefault(pair["name"], _value(pair))
        place = pair.end()
    others.append(text[place:].strip(_BETWEEN))
    return found, " ".join(filter(None, others))


def is_pairs(text: str) -> bool:
    """Whether a text holds several names and values."""
    return text.count("=") >= _LEAST and len(pairs_in(text)[0]) >= _LEAST


def _value(pair: re.Match[str]) -> str | None:
    if pair["quoted"] is not None:
        try:
            return str(any_json(f'"{pair["quoted"]}"'))
        except ValueError:  # an escape that JSON doesn't have
            return str(pair["quoted"])
    if pair["single"] is not None:
        return str(pair["single"])
    return (pair["bare"] or "").rstrip(",;|") or None

"""Text of names and values, ``event=OrderPlaced order=o-1 msg="sent, again"``, as loggers in Go write it.

It is known as logfmt (https://brandur.org/logfmt) and has no standard: a value with blanks stands in
quotes or is JSON, and other text may stand before the names and values or between them. Commas,
semicolons and bars may stand between them as well, and brackets around them, as Java writes records,
Logback its context (MDC) and syslog structured data (RFC 5424, section 6.3).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from workbench.capture.json_text import any_json

_NAME: Final = re.compile(r"(?<![^\s,;|(\[{])([A-Za-z_@][\w.@/-]*)=")
_QUOTED: Final = re.compile(r"\"((?:[^\"\\]|\\.)*+)\"(?![^\s,;|)\]}:])")
_SINGLE: Final = re.compile(r"'([^']*)'(?![^\s,;|)\]}:])")
_BARE: Final = re.compile(r"(?:[^\s,;|]|[,;|]++(?!\s|$|[A-Za-z_@][\w.@/-]*=))*+")
"""Up to a blank, or to what stands between two pairs."""
_CLOSES: Final = {")": "(", "]": "[", "}": "{"}
_BETWEEN: Final = " \t,;|"
_LEAST: Final = 3
"""Names and values of a text that is of little else."""
_DECODER: Final = json.JSONDecoder(strict=False)


def pairs_in(text: str) -> tuple[dict[str, Any], str]:
    """The names and values in a text, and the text that is neither."""
    found: dict[str, Any] = {}
    others, place, end = [], 0, 0
    while (name := _NAME.search(text, place)) is not None:
        told = _value(text, name.end())
        if told is None:  # a quote that nothing closes
            place = name.end()
            continue
        others.append(text[end : name.start()].strip(_BETWEEN))
        value, place = told
        found.setdefault(name[1], value)
        end = place
    others.append(text[end:].strip(_BETWEEN))
    return found, " ".join(filter(None, others))


def several_pairs_in(text: str) -> tuple[dict[str, Any], str] | None:
    """The same; ``None`` of a text that holds few."""
    if text.count("=") < _LEAST:
        return None
    found, others = pairs_in(text)
    return (found, others) if len(found) >= _LEAST else None


def _value(text: str, place: int) -> tuple[str | None, int] | None:
    """The value that begins at a place, and where it ends; ``None`` where none does."""
    first = text[place : place + 1]
    if first == '"':
        quoted = _QUOTED.match(text, place)
        return None if quoted is None else (_unescaped(quoted[1]), quoted.end())
    if first == "'":
        single = _SINGLE.match(text, place)
        return None if single is None else (single[1], single.end())
    if first in {"{", "["}:
        try:
            _, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            pass
        else:
            return text[place:end], end
    bare = _BARE.match(text, place)
    value = bare[0] if bare else ""
    value = value[: len(value) - _closing(value)]
    return value or None, place + len(value)


def _closing(value: str) -> int:
    """How many letters at the end of a value close what was opened before it."""
    kept = value[:-1] if value.endswith(("}:", "):", "]:")) else value  # a span of Rust's tracing
    surplus = {close: kept.count(close) - kept.count(opens) for close, opens in _CLOSES.items()}
    end = len(kept)
    while end and surplus.get(kept[end - 1], 0) > 0:
        surplus[kept[end - 1]] -= 1
        end -= 1
    return 0 if end == len(kept) else len(value) - end


def _unescaped(quoted: str) -> str:
    try:
        return str(any_json(f'"{quoted}"'))
    except ValueError:  # an escape that JSON doesn't have
        return quoted

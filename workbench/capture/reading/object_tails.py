"""Text that ends in a JSON object, as logging libraries write lines."""

from __future__ import annotations

import re
from typing import Any, Final

from workbench.capture.json_text import any_json

_TRIES: Final = 8
"""Braces of a text that are tried as the beginning of the object."""
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*m")
"""What a terminal takes for a change of colour (ECMA-48, SGR)."""


def without_colours(text: bytes) -> bytes:
    """Text without what colours it in a terminal."""
    return _COLOURS.sub(b"", text)


def start_of_object(line: bytes) -> int | None:
    """Where the object begins that a line ends in; ``None`` if it ends in none."""
    if not line.rstrip().endswith(b"}"):
        return None
    start = -1
    for _ in range(_TRIES):
        start = line.find(b"{", start + 1)
        if start < 0:
            return None
        try:
            if isinstance(any_json(line[start:]), dict):
                return start
        except (ValueError, RecursionError):
            continue
    return None


def divided(text: str) -> tuple[str, dict[str, Any]] | None:
    """What stands before the JSON object that a text ends in, and the object; ``None`` without one."""
    line = without_colours(text.strip().encode("utf-8", "surrogatepass"))
    start = start_of_object(line)
    if start is None:
        return None
    return line[:start].decode("utf-8", "replace").strip(), any_json(line[start:])

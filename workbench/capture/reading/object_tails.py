"""Text that ends in a JSON object, or holds names and values, as logging libraries write lines."""

from __future__ import annotations

import re
from typing import Any, Final

from workbench.capture.json_text import any_json
from workbench.capture.reading.logfmt import several_pairs_in

_TRIES: Final = 8
"""Braces of a text that are tried as the beginning of the object."""
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*m")
"""What a terminal takes for a change of colour (ECMA-48, SGR)."""


def without_colours(text: bytes) -> bytes:
    """Text without what colours it in a terminal."""
    return _COLOURS.sub(b"", text)


LINE_HEAD: Final = "line_head"
"""The column for the text before the object."""


def start_of_object(line: bytes) -> int | None:
    """Where the object begins that a line ends in; ``None`` if it ends in none."""
    found = _ending(line)
    return None if found is None else found[0]


def _ending(line: bytes) -> tuple[int, dict[str, Any]] | None:
    """The object that a line ends in, and where it begins."""
    if not line.rstrip().endswith(b"}"):
        return None
    start = -1
    for _ in range(_TRIES):
        start = line.find(b"{", start + 1)
        if start < 0:
            return None
        try:
            found = any_json(line[start:])
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return start, found
    return None


def object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that a text ends in; ``None`` without one."""
    found = _ending(_plain(text))
    return None if found is None else found[1]


def row_of(text: str) -> dict[str, Any] | None:
    """The JSON object that a text ends in, or its names and values, with its other text beside.

    ``None`` of a text without either.
    """
    line = _plain(text)
    found = _ending(line)
    if found is not None:
        start, said = found
        head = line[:start].decode("utf-8", "replace").strip()
    else:
        pairs = several_pairs_in(line.decode("utf-8", "replace"))
        if pairs is None:
            return None
        said, head = pairs
    return ({LINE_HEAD: head} if head else {}) | said


def _plain(text: str) -> bytes:
    return without_colours(text.strip().encode("utf-8", "surrogatepass"))

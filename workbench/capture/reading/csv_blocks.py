"""Blocks of a CSV file that end where a row ends, for a value in quotes may hold line ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from workbench.capture.reading.opening import OpenedFile

_QUOTE: Final = ord('"')
_LONGEST_ROW: Final = 32 << 20
_ESCAPED: Final = re.compile(rb'\\(["\\])')


def doubled(block: bytes) -> bytes:
    r"""Quotes that a backslash escapes as RFC 4180 writes them: ``\"`` is ``""``, and ``\\`` one backslash."""
    return _ESCAPED.sub(lambda found: b'""' if found[1] == b'"' else found[1], block)


def row_end(block: bytes, start: int = 0) -> int:
    """The end of the row that starts there: the first line end outside quotes."""
    end = start
    while (end := block.find(b"\n", end) + 1) > 0:
        if block.count(b'"', start, end) % 2 == 0:
            return end
    return len(block)


def _ends(block: bytes) -> np.ndarray[Any, Any]:
    """The places after line ends outside quotes."""
    data = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    quotes = np.flatnonzero(data == _QUOTE)
    found: np.ndarray[Any, Any] = ends[np.searchsorted(quotes, ends) % 2 == 0] + 1
    return found


def row_lines(block: bytes, first: int) -> list[int]:
    """The line in which each row starts."""
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")) + 1
    starts = np.concatenate([[0], _ends(block)])
    lines = first + np.searchsorted(ends, starts, side="right")
    data = np.concatenate([np.frombuffer(block, dtype=np.uint8), [10, 10]])
    filled = ~((data[starts] == 10) | ((data[starts] == 13) & (data[starts + 1] == 10)))
    return [int(line) for line in lines[filled]]


def whole_rows(file: OpenedFile, *, escaped: bool = False) -> Iterator[tuple[int, bytes]]:
    """Blocks that end where a row ends: a quoted value may hold line ends.

    Quotes that a backslash escapes are given as RFC 4180 writes them.
    """
    rest, began = b"", 1
    for line, text in file.blocks():
        block = doubled(text) if escaped else text
        if not rest:
            began = line
        whole = rest + block
        ends = _ends(whole)
        end = int(ends[-1]) if len(ends) else 0
        if not end and len(whole) > _LONGEST_ROW:
            end = whole.find(b"\n") + 1 or len(whole)
            yield began, whole[:end]  # a quote is opened here and never closed
            rest, began = whole[end:], began + 1
            continue
        if end:
            yield began, whole[:end]
        began += whole.count(b"\n", 0, end)
        rest = whole[end:]
    while rest:
        ends = _ends(rest)
        if len(ends) or b'"' not in rest:
            end = int(ends[-1]) if len(ends) else len(rest)
            yield began, rest[:end]
        elif rest.count(b'"') % 2 == 0:
            yield began, rest
            return
        else:  # a quote is opened here and never closed
            end = rest.find(b"\n") + 1 or len(rest)
            yield began, rest[:end]
        began += rest.count(b"\n", 0, end)
        rest = rest[end:]

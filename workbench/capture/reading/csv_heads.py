"""What stands above the rows of a CSV file: comments, names of columns and of their types, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from workbench.capture.reading.times import form_of
from workbench.capture.reading.uuids import UUID

_DATED: Final = re.compile(r"\s*\d+[-./]\d+[-./]\d+\D+\d+[:.]\d\d")
"""A date and a time of day."""
_COUNTED: Final = re.compile(r"1\d{12}(?:\d{3}){0,2}")
"""Milliseconds since 1970, microseconds or nanoseconds, of this century until 2033."""
_COMMENTS: Final = re.compile(rb"[\r\n]*(?:#[^\n]*\n[\r\n]*)+")
_FRAME: Final = re.compile(rb"[\r\n]*(?:[^\n]*[>#] [^\n]*\n)?\+(?:[-=]+\+){2,}[ \t]*\r?\n(?=\|)")
"""The upper edge of a table as databases draw it, below the question that it answers."""
_BETWEEN: Final = re.compile(r"[,;\t|]")
_NO_NAME: Final = re.compile(r'\{"|.*":|\[\d+[-./]\d+[-./]\d+', re.DOTALL)
"""JSON, or a line of a log that begins with a time in brackets."""
_LONGEST_NAME: Final = 100
_TYPE: Final = re.compile(
    r"(?:u?int\d*|integer|(?:tiny|small|medium|big)int|float\d*|double(?: precision)?|real|numeric|"
    r"decimal\d*|bool(?:ean)?|string|fixedstring|text|(?:n?var)?char|character varying|uuid|date\d*|"
    r"time|datetime\d*|timestamp(?:tz)?(?: with(?:out)? time zone)?|jsonb?|ipv[46]|enum\d*|bytea|"
    r"array|map|tuple|nullable|lowcardinality)(?:\(.*\))?",
    re.IGNORECASE | re.DOTALL,
)
"""Types of columns, as ClickHouse and SQL call them."""


def comments_end(head: bytes) -> int:
    """Where the lines end that begin with ``#``, or the upper edge of a table, above all others.

    The last one may be the header: then there are several names in it, and values below.
    """
    if edge := _FRAME.match(head):
        return edge.end()
    found = _COMMENTS.match(head)
    if found is None:
        return 0
    last = found[0].rstrip(b"\r\n").rfind(b"\n") + 1
    names, below = _cells(head[last : found.end()]), _cells(head[found.end() :].partition(b"\n")[0])
    is_header = len(names) > 1 and (below == [""] or any(map(is_value, below)))
    return last if is_header else found.end()


def _cells(line: bytes) -> list[str]:
    return _BETWEEN.split(line.decode("utf-8", "replace").strip("\r\n"))


def is_value(cell: str) -> bool:
    """Whether a cell is what hardly any column is called: a time or a UUID."""
    is_dated = _DATED.match(cell) is not None and form_of([cell]) is not None
    return is_dated or any(each.fullmatch(cell.strip()) for each in (UUID, _COUNTED))


def is_name(cell: str) -> bool:
    """Whether a column may be called so."""
    return len(cell) < _LONGEST_NAME and _NO_NAME.match(cell) is None


def are_types(cells: Iterable[Any]) -> bool:
    """Whether all cells of a row are names of types."""
    return all(isinstance(cell, str) and _TYPE.fullmatch(cell.strip()) for cell in cells)

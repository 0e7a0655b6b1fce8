"""What the beginning of a JSON document holds, told from tokens: it may be cut anywhere.

Formats of other tools are known by their fields. A path is written as the names on the way, and
``[]`` for an array: ``[].Offset``, ``data.[].spans.[].spanID``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\]:,]', re.DOTALL)
"""A string (the last one may lack its end), or what structures a document. Linear in its length."""

_TOKENS: Final = 20_000
_LINES: Final = 20
_DEEPEST: Final = 8


@lru_cache(maxsize=8)
def outline(head: bytes) -> frozenset[str]:
    """The paths of all fields in the first document, down to 8 levels; none where other text stands before it."""
    found: set[str] = set()
    if head.lstrip()[:1] not in {b"{", b"["}:
        return frozenset()
    path: list[str] = []
    last = b""
    for match in islice(TOKEN.finditer(head), _TOKENS):
        token = match[0]
        sign = token[:1]
        if sign == b'"':
            last = token
        elif sign == b":":
            if path and len(path) <= _DEEPEST:
                path[-1] = last[1:-1].decode("utf-8", "replace")
                found.add(".".join(path))
        elif sign == b"{":
            path.append("")
        elif sign == b"[":
            path.append("[]")
        elif sign in b"}]" and path:
            path.pop()
            if not path:
                break
    return frozenset(found)


def a_line_has(head: bytes, *fields: str) -> bool:
    """Say whether one of the first lines is a JSON object with all these fields."""
    return any(outline(line).issuperset(fields) for line in first_lines(head) if line[:1] == b"{")


def first_lines(head: bytes) -> list[bytes]:
    """The first lines that are not blank, without the blanks around them; the last may be cut."""
    return list(islice(_lines(head), _LINES))


def _lines(head: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(head):
        end = head.find(b"\n", start)
        end = len(head) if end < 0 else end
        if line := head[start:end].strip():
            yield line
        start = end + 1

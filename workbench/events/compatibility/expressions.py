r"""Whether all texts of one regular expression are texts of another.

By Brzozowski's derivatives (J. ACM 11, 1964): the derivative of an expression by a letter is what
may follow that letter. Two expressions are walked through together, letter by letter, until each
pair of derivatives has been seen; they are finitely many. As validators search a text for a
pattern, one without ``^`` or ``$`` may have anything before or after it.

What has no derivatives here (look-arounds, references to groups, ``\b``, ``\s``, flags), and what
would take too long, is not decided.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

MOST_STATES = 1_500
"""Pairs of derivatives that are looked at."""

_MOST_PARTS = 1_000
_FOREIGN = re.compile(r"\\[^dDwWnrtfvux.^$*+?()\[\]{}|/\\-]|\{,|\[\^?\]|\[[^\]]*(?:\[|&&|--|~~)")
"""Spellings that ECMA-262, Python and the validators may read differently."""

_LAST = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]
Node = tuple[Any, ...]
"""``("set", ranges)``, ``("cat", a, b)``, ``("alt", parts)``, ``("star", a)``, _NEVER or _EMPTY."""

_NEVER: Node = ("never",)
_EMPTY: Node = ("empty",)
_ANY_LETTER: Node = ("set", ((0, _LAST),))
_ALL: Node = ("star", _ANY_LETTER)
_CATEGORIES: dict[str, Ranges] = {
    "CATEGORY_DIGIT": ((48, 57),),
    "CATEGORY_WORD": ((48, 57), (65, 90), (95, 95), (97, 122)),
}


class _UnreadableError(Exception):
    """The expression uses what is not looked at here."""


def not_covered(writer: str, reader: str) -> str | None:
    """A text that the writer's pattern allows and the reader's doesn't; ``None`` if there is none.

    Raises
    ------
    ValueError
        It can't be told.
    """
    try:
        return _beyond(_read(writer), _read(reader))
    except (_UnreadableError, RecursionError, re.error, OverflowError) as error:
        raise ValueError("the patterns can't be compared.") from error


def _beyond(writer: Node, reader: Node) -> str | None:
    """The shortest text that one matches and the other doesn't."""
    pair = writer, reader
    seen = {pair}
    ahead = deque([(pair, "")])
    while ahead:
        (one, other), text = ahead.popleft()
        if _may_end(one) and not _may_end(other):
            return text
        for letter in _letters((one, other)):
            after = _after(one, letter), _after(other, letter)
            if after[0] is _NEVER or after[1] == _ALL or after in seen:
                continue
            if len(seen) > MOST_STATES:
                raise _UnreadableError
            seen.add(after)
            ahead.append((after, text + chr(letter)))
    return None


# --- reading ------------------------------------------------------------------------------


@lru_cache(maxsize=1_000)
def _read(pattern: str) -> Node:
    """An expression that matches whole texts."""
    import re._parser as parser  # type: ignore[import-not-found]

    if _FOREIGN.search(pattern):
        raise _UnreadableError
    found = parser.parse(pattern)
    if found.state.flags != parser.parse("").state.flags:
        raise _UnreadableError
    items = list(found)
    if len(items) == 1 and items[0][0].name == "BRANCH":
        whole = _alt(_whole(list(branch)) for branch in items[0][1][1])
    else:
        whole = _whole(items)
    if _parts(whole) > 3 * _MOST_PARTS:
        raise _UnreadableError
    return whole


def _whole(items: list[Any]) -> Node:
    before = after = _ALL
    if items and _is_place(items[0], "AT_BEGINNING"):
        before, items = _EMPTY, items[1:]
    if items and _is_place(items[-1], "AT_END"):
        after, items = _EMPTY, items[:-1]
    return _cat(before, _cat(_sequence(items), after))


def _is_place(item: Any, name: str) -> bool:
    return item[0].name == "AT" and str(item[1]) == name


def _sequence(items: Iterable[Any]) -> Node:
    found = _EMPTY
    for op, value in reversed(list(items)):
        found = _cat(_one(op.name, value), found)
    return found


def _one(op: str, value: Any) -> Node:
    if op == "LITERAL":
        return ("set", ((value, value),))
    if op == "NOT_LITERAL":
        return ("set", _others(((value, value),)))
    if op == "ANY":
        return ("set", _others(((10, 10),)))
    if op == "IN":
        return ("set", _class(value))
    if op == "BRANCH":
        return _alt(_sequence(branch) for branch in value[1])
    if op == "SUBPATTERN" and not value[1] and not value[2]:
        return _sequence(value[3])
    if op in ("MAX_REPEAT", "MIN_REPEAT"):
        return _repeated(*value)
    raise _UnreadableError


def _repeated(least: int, most: int, inner: Any) -> Node:
    part = _sequence(inner)
    endless = int(most) >= 4_294_967_295
    if _parts(part) * max(least, 1 if endless else int(most)) > _MOST_PARTS:
        raise _UnreadableError
    found = _star(part) if endless else _EMPTY
    for _ in range(0 if endless else int(most) - least):
        found = _alt([_EMPTY, _cat(part, found)])
    for _ in range(least):
        found = _cat(part, found)
    return found


def _class(items: Any) -> Ranges:
    found: list[tuple[int, int]] = []
    negated = False
    for op, value in items:
        if op.name == "NEGATE":
            negated = True
        elif op.name == "LITERAL":
            found.append((value, value))
        elif op.name == "RANGE":
            found.append(value)
        elif op.name == "CATEGORY":
            name = str(value)
            known = _CATEGORIES.get(name.replace("_NOT_", "_"))
            if known is None:
                raise _UnreadableError
            found += _others(known) if "_NOT_" in name else known
        else:
            raise _UnreadableError
    return _others(_joined(found)) if negated else _joined(found)


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return tuple(found)


def _others(ranges: Iterable[tuple[int, int]]) -> Ranges:
    found, start = [], 0
    for low, high in _joined(ranges):
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    if start <= _LAST:
        found.append((start, _LAST))
    return tuple(found)


# --- making -------------------------------------------------------------------------------


def _cat(one: Node, other: Node) -> Node:
    if one is _NEVER or other is _NEVER:
        return _NEVER
    if one is _EMPTY:
        return other
    if other is _EMPTY:
        return one
    if one[0] == "cat":  # always to the right, so that equal expressions look alike
        return ("cat", one[1], _cat(one[2], other))
    if one == _ALL and other[0] == "cat" and other[1] == _ALL:
        return other
    return _ALL if one == other == _ALL else ("cat", one, other)


def _alt(parts: Iterable[Node]) -> Node:
    found: set[Node] = set()
    for part in parts:
        found |= part[1] if part[0] == "alt" else {part}
    found.discard(_NEVER)
    if _ALL in found:
        return _ALL
    if not found:
        return _NEVER
    return found.pop() if len(found) == 1 else ("alt", frozenset(found))


def _star(part: Node) -> Node:
    if part is _NEVER or part is _EMPTY:
        return _EMPTY
    return part if part[0] == "star" else ("star", part)


@lru_cache(maxsize=50_000)
def _parts(node: Node) -> int:
    inner = node[1] if node[0] == "alt" else node[1:] if node[0] in ("cat", "star") else ()
    return 1 + sum(map(_parts, inner))


# --- deriving -----------------------------------------------------------------------------


@lru_cache(maxsize=50_000)
def _may_end(node: Node) -> bool:
    kind = node[0]
    if kind == "cat":
        return _may_end(node[1]) and _may_end(node[2])
    if kind == "alt":
        return any(map(_may_end, node[1]))
    return kind in ("empty", "star")


@lru_cache(maxsize=100_000)
def _after(node: Node, letter: int) -> Node:
    kind = node[0]
    if kind == "set":
        return _EMPTY if any(low <= letter <= high for low, high in node[1]) else _NEVER
    if kind == "cat":
        found = _cat(_after(node[1], letter), node[2])
        return _alt([found, _after(node[2], letter)]) if _may_end(node[1]) else found
    if kind == "alt":
        return _alt(_after(part, letter) for part in node[1])
    if kind == "star":
        return _cat(_after(node[1], letter), node)
    return _NEVER


def _letters(nodes: Iterable[Node]) -> list[int]:
    """One letter of each kind that makes a difference; letters that people read first."""
    edges = {0, *(edge for node in nodes for edge in _edges(node))}
    return sorted((e for e in edges if e <= _LAST), key=lambda letter: (letter < 48, letter))


@lru_cache(maxsize=50_000)
def _edges(node: Node) -> frozenset[int]:
    kind = node[0]
    if kind == "set":
        return frozenset(edge for low, high in node[1] for edge in (low, high + 1))
    if kind == "cat":
        return _edges(node[1]) | (_edges(node[2]) if _may_end(node[1]) else frozenset())
    if kind == "alt":
        return frozenset().union(*map(_edges, node[1]))
    return _edges(node[1]) if kind == "star" else frozenset()

"""Which fields of an event a CEL expression reads, by its text.

The compiler we use keeps its syntax tree to itself, and paths are all that is wanted: so the
tokens are read for chains that begin at ``data``, or at the variable of a comprehension over one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from workbench.choreography.expression import Expression

_TOKEN = re.compile(
    r"//[^\n]*"
    r"|(?P<text>[rRbB]{0,2}(?:\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'))"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<number>\d[\w.]*)|(?P<sign>\S)",
    re.DOTALL,
)
_COMPREHENSIONS = {"all", "exists", "exists_one", "filter", "map"}
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}

Token = tuple[str, str]
"""Its kind and its text."""


def cel_fields(expression: Expression) -> list[str]:
    """The paths that an expression reads, each once; ``""`` is the whole payload.

    Examples
    --------
    >>> cel_fields(Expression("data.lines.exists(l, l.sku == data.gift) && data.total > 3.0"))
    ['lines[].sku', 'gift', 'total']
    """
    reading = _Reading(expression.source)
    reading.until("", {expression.variable: ""})
    return list(dict.fromkeys(reading.found))


def joined(path: str, name: str) -> str:
    """A field within a path."""
    return f"{path}.{name}" if path else name


class _Reading:
    def __init__(self, source: str) -> None:
        self._tokens: list[Token] = [
            (match.lastgroup, match[0]) for match in _TOKEN.finditer(source) if match.lastgroup
        ]
        self._at = 0
        self.found: list[str] = []

    def until(self, closing: str, scope: Mapping[str, str]) -> None:
        """Read up to a closing sign; ``scope`` is name → path."""
        before = ""
        while self._at < len(self._tokens):
            kind, text = self._next()
            if text == closing and kind == "sign":
                return
            if kind == "sign" and text in _CLOSED_BY:
                self.until(_CLOSED_BY[text], scope)
            elif kind == "name" and before != "." and text in scope:
                self._chain(scope[text], scope)
            before = text

    def _chain(self, start: str, scope: Mapping[str, str]) -> None:
        path: str | None = start
        while True:
            if self._sees(".") and self._kind(1) == "name":
                self._next()
                name = self._next()[1]
                if self._sees("("):
                    path = self._call(path, name, scope)
                else:
                    path = None if path is None else joined(path, name)
            elif self._sees("["):
                self._next()
                path = self._entry(path, scope)
            else:
                break
        if path is not None:
            self.found.append(path)

    def _call(self, path: str | None, name: str, scope: Mapping[str, str]) -> str | None:
        """Read a call's arguments; returns what its result is a path of, if of any."""
        self._next()
        binds = self._kind(0) == "name" and self._sees(",", 1)
        if name in _COMPREHENSIONS and binds and path is not None:
            variable = self._next()[1]
            self.until(")", {**scope, variable: f"{path}[]"})
            return path if name == "filter" else None
        if path is not None:
            self.found.append(path)
        self.until(")", scope)
        return None

    def _entry(self, path: str | None, scope: Mapping[str, str]) -> str | None:
        """Read what stands in ``[...]``: the name of a field, or the place in a list."""
        if self._kind(0) == "text" and self._sees("]", 1):
            name = _text(self._next()[1])
            self._next()
            return None if path is None else joined(path, name)
        self.until("]", scope)
        return None if path is None else f"{path}[]"

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _sees(self, sign: str, ahead: int = 0) -> bool:
        at = self._at + ahead
        return at < len(self._tokens) and self._tokens[at] == ("sign", sign)

    def _kind(self, ahead: int) -> str:
        at = self._at + ahead
        return self._tokens[at][0] if at < len(self._tokens) else ""


def _text(literal: str) -> str:
    """What a literal says: CEL's are Python's, nearly."""
    try:
        return str(ast.literal_eval(literal))
    except (SyntaxError, ValueError):
        return literal.strip("rRbB'\"")

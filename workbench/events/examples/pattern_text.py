r"""Texts that match a regular expression.

The expression is read by Python's own parser. JSON Schema's are ECMA-262's, which differ in a
few spellings; what they share is what schemas use. A text that comes out is checked afterwards
by the validator, so nothing here has to be exact: look-arounds are passed over, for instance.
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

_SPELLINGS = (
    (r"\p{Lu}", "[A-Z]"),
    (r"\p{Ll}", "[a-z]"),
    (r"\p{L}", "[A-Za-z]"),
    (r"\p{Nd}", "[0-9]"),
    (r"\p{N}", "[0-9]"),
    ("(?<", "(?P<"),
    ("(?P<=", "(?<="),
    ("(?P<!", "(?<!"),
)
_PRINTABLE = [chr(code) for code in range(32, 127)]
_USUAL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_DIGITS = [str(digit) for digit in range(10)]
_CATEGORIES = {
    "CATEGORY_DIGIT": set(_DIGITS),
    "CATEGORY_SPACE": {" "},
    "CATEGORY_WORD": {*_USUAL, "_"},
}


class NoTextError(Exception):
    """The expression can't be read, or wants too long a text."""


def pattern_text(pattern: str, rng: random.Random, *, more: int, longest: int) -> str:
    """A text that (most likely) matches.

    Parameters
    ----------
    more
        What may repeat without end repeats at most so many times beyond its least.
    longest
        In characters.
    """
    return _Writer(rng, more, longest).write(_parsed(pattern))


@lru_cache(maxsize=1_000)
def _parsed(pattern: str) -> Any:
    # The parser has no public name; it is what every generator of such texts builds on.
    import re._parser as parser  # type: ignore[import-not-found]

    for ecma, python in _SPELLINGS:
        pattern = pattern.replace(ecma, python)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets that Python may read otherwise one day
            return parser.parse(pattern)
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        raise NoTextError(str(error)) from None


class _Writer:
    def __init__(self, rng: random.Random, more: int, longest: int) -> None:
        self._rng, self._more, self._left = rng, more, longest
        self._groups: dict[int, str] = {}

    def write(self, states: Iterable[Any]) -> str:
        return "".join(self._one(op.name, value) for op, value in states)

    def _one(self, op: str, value: Any) -> str:
        self._left -= 1
        if self._left < 0:
            raise NoTextError("the text would be too long.")
        if op == "LITERAL":
            return chr(value)
        if op in ("ANY", "NOT_LITERAL", "IN", "CATEGORY"):
            return self._rng.choice(_alphabet(op, value))
        if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, inner = value
            times = self._rng.randint(least, min(most, least + self._more))
            return "".join(self.write(inner) for _ in range(times))
        if op == "BRANCH":
            return self.write(self._rng.choice(value[1]))
        if op == "SUBPATTERN":
            text = self.write(value[3])
            if value[0] is not None:
                self._groups[value[0]] = text
            return text
        if op == "ATOMIC_GROUP":
            return self.write(value)
        if op == "GROUPREF":
            return self._groups.get(value, "")
        return ""  # places, and look-arounds


def _alphabet(op: str, value: Any) -> list[str]:
    if op == "ANY":
        return list(_USUAL)
    if op == "NOT_LITERAL":
        return [letter for letter in _USUAL if letter != chr(value)]
    inside: set[str] = set()
    negated = False
    for kind, what in value if op == "IN" else [("CATEGORY", value)]:
        name = str(kind)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            inside.add(chr(what))
        elif name == "RANGE":
            inside |= {chr(code) for code in range(what[0], min(what[1], what[0] + 500) + 1)}
        elif name == "CATEGORY":
            category = str(what)
            if "NOT_" in category:
                inside |= set(_PRINTABLE) - _CATEGORIES[category.replace("NOT_", "")]
            else:
                inside |= _CATEGORIES.get(category, set())
    found = [one for one in _PRINTABLE if (one in inside) != negated]
    usual = [one for one in found if one in _USUAL]
    # In order, never as a set has them: the same seed gives the same text in every process.
    found = usual or found or (sorted(inside) if not negated else [chr(0x2603)])
    if not found:
        raise NoTextError("a set of characters is empty.")
    return found

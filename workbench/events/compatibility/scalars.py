"""Texts and numbers of a canonical schema, simplest first."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from math import ceil, floor, lcm
from typing import Any

from jsonschema_rs import canonical

from workbench.events.examples.pattern_text import NoTextError, pattern_text

LONGEST = 2_000
"""Items, names or letters: a witness is to be read."""

MOST = 12
"""Candidates of one part: enough to get by a rule that is only checked at the end."""

Values = Iterator[Any]

_OF_A_TYPE: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "integer": [1, 0, -1],
    "number": [1, 0, 0.5, -1],
    "string": ["text", ""],
    "array": [[], ["text"]],
    "object": [{}, {"other": "text"}],
}

PLAIN_VALUES = [
    "text",
    "",
    1,
    0,
    -1,
    0.5,
    1_000_000,
    True,
    False,
    {},
    [],
    {"other": 1},
    ["text"],
    None,
]
"""Candidates for anything."""

PLAIN_FIRST = ("string", "integer", "number", "boolean", "null", "object", "array")

_OF_A_FORMAT = {
    "date": ["2026-01-31"],
    "date-time": ["2026-01-31T09:30:00Z"],
    "time": ["09:30:00Z"],
    "duration": ["P1D"],
    "email": ["ada@example.org"],
    "idn-email": ["ada@example.org"],
    "hostname": ["example.org"],
    "idn-hostname": ["example.org"],
    "ipv4": ["192.0.2.1"],
    "ipv6": ["2001:db8::1"],
    "uri": ["https://example.org/1"],
    "uri-reference": ["/1"],
    "iri": ["https://example.org/1"],
    "iri-reference": ["/1"],
    "uri-template": ["https://example.org/{id}"],
    "uuid": ["0b7e6f2e-5c1f-4d0c-9a3e-2f6f1c9d8a41"],
    "json-pointer": ["/a"],
    "relative-json-pointer": ["1/a"],
    "regex": ["^a"],
}

_TEXTS = ["text", "", "a", "A", "1", "-", "é", "not a value", "[", "\\", "{", "aa", "b", "x@y"]


def of_types(types: Iterable[str]) -> Values:
    """Of some types, one of each in turn."""
    ordered = sorted(types, key=PLAIN_FIRST.index)
    return in_turn([iter(_OF_A_TYPE[name]) for name in ordered])


def strings(view: canonical.StringView) -> Values:
    """Texts within the lengths that match the patterns, and some that may break those excluded."""
    least, most = view.min_length or 0, view.max_length
    if least > LONGEST:
        return
    rng = random.Random(least)  # the same schema, the same witness
    found: list[str] = []
    for pattern in view.patterns:
        for more in (0, 3, 12, 60, 1, least):
            try:
                found += (pattern_text(pattern, rng, more=more, longest=LONGEST) for _ in "12")
            except NoTextError:
                continue
    for name in view.formats:
        found += _OF_A_FORMAT.get(name, ())
    for text in found or [*found, *_TEXTS]:
        yield from _of_length(text, least, most)
    if found:
        yield from (text for text in _TEXTS if len(text) >= least)


def _of_length(text: str, least: int, most: int | None) -> Values:
    if len(text) < least and "@" in text:  # an address grows in labels of at most 63 letters
        name, _, host = text.partition("@")
        name = name.rjust(min(64, least - len(host) - 1), "a")
        labels = least - len(name) - 1 - len(host)
        text = f"{name}@{''.join('b' * 62 + '.' for _ in range(-(-labels // 63)))}{host}"
        yield text if most is None or len(text) <= most else text[-most:]
        return
    if len(text) < least:
        text += "x" * (least - len(text)) if not text else (text[-1] * (least - len(text)))
    if most is not None and len(text) > most:
        text = text[:most]
    yield text


def numbers(view: canonical.IntegerView | canonical.NumberView) -> Values:
    """Numbers within the bounds."""
    whole = isinstance(view, canonical.IntegerView)
    low, high = _exact(view.minimum), _exact(view.maximum)
    step = Fraction(1) if whole else None
    for number in map(_exact, view.multiple_of):
        step = number if step is None else _common_multiple(step, number)
    found: list[Fraction] = []
    if step is not None:
        first = ceil(low / step) if low is not None else None
        last = floor(high / step) if high is not None else None
        around = first if first is not None else last if last is not None else 0
        up = -1 if first is None and last is not None else 1
        found = [step * (around + up * n) for n in range(MOST * 3)]
        if first is None and last is None:
            found += [-number for number in found[1:4]]
    else:
        found = _reals(low, high)
    for number in found:
        yield _number(number)


def _reals(low: Fraction | None, high: Fraction | None) -> list[Fraction]:
    half, third = Fraction(1, 2), Fraction(3, 10)
    if low is None and high is None:
        return [Fraction(1), half, Fraction(0), third, Fraction(-1), -half]
    if low is None or high is None:
        bound = high if low is None else low
        assert bound is not None
        away = -1 if low is None else 1
        near = [bound, bound + away, bound + away * half, bound + away * third]
        return [*near, Fraction(floor(bound) if away < 0 else ceil(bound)), bound + 10 * away]
    wide = high - low
    tried = [low, high, low + wide / 2, low + wide / 4, low + wide * third, low + wide / 7]
    inside = (Fraction(n) for n in range(ceil(low), min(floor(high), ceil(low) + 3) + 1))
    return [*inside, *tried]


def _exact(number: float | Decimal | None) -> Any:
    return None if number is None else Fraction(str(number))


def _number(number: Fraction) -> Any:
    return int(number) if number.denominator == 1 else float(number)


def _common_multiple(a: Fraction, b: Fraction) -> Fraction:
    denominator = lcm(a.denominator, b.denominator)
    above, below = a * denominator, b * denominator
    return Fraction(lcm(int(above), int(below)), denominator)


def plain(value: Any) -> Any:
    """A value of the library's, with numbers as JSON's own."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def in_turn(found: list[Values]) -> Values:
    """One of each, then another of each."""
    while found:
        still = []
        for one in found:
            for value in islice(one, 1):
                yield value
                still.append(one)
        found = still

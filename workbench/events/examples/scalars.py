"""Texts and numbers for a set of rules: the most plausible first, then whatever may do."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from workbench.events.examples.pattern_text import NoTextError, pattern_text
from workbench.events.examples.plausible import Plausible
from workbench.events.examples.rules import Rules, merged_multiple

LONGEST = 10_000
_MORE = (3, 1, 8, 0, 20, 60)  # how often what may repeat without end does, try by try
_TRIED = 60


def texts(rules: Rules, name: str, plausible: Plausible, rng: random.Random) -> Iterator[str]:
    """Texts that may satisfy the rules."""
    least = rules.largest("minLength", 0)
    most = min(rules.smallest("maxLength", LONGEST), LONGEST)
    patterns = [pattern for _, pattern in rules.all("pattern") if isinstance(pattern, str)]
    forms = [form for _, form in rules.all("format") if isinstance(form, str)]
    for text in plausible.texts(name, forms[0] if forms else None):
        yield text
        if not forms and not patterns:
            yield _fitted(text, least, most, plausible)
    for more in (*_MORE, least) * 2:
        for pattern in patterns:
            try:
                text = pattern_text(pattern, rng, more=more, longest=most + 100)
            except NoTextError:
                continue
            yield text
            yield _fitted(text, least, most, plausible)
    for form in forms:
        yield from _longer(form, least)
    if not forms:
        for _ in range(10):
            yield _fitted(plausible.word(), least, most, plausible)
    yield from ("", "a", "0", " ")


def _fitted(text: str, least: int, most: int, plausible: Plausible) -> str:
    """A text made longer by words, or shorter by cutting."""
    while len(text) < least:
        text += f" {plausible.word()}"
    cut = text[:most]
    return cut.strip().ljust(least, "x") if len(text) > most else cut


def _longer(form: str, least: int) -> Iterator[str]:
    if form in ("uri", "iri", "url", "uri-reference", "iri-reference"):
        yield "https://example.org/".ljust(least, "x")
    if form in ("email", "idn-email"):
        yield "@example.org".rjust(min(max(least, 13), 76), "x")
    if form == "date-time":
        yield "2026-11-23T12:00:00." + "0" * max(1, least - 21) + "Z"


def numbers(
    rules: Rules, name: str, plausible: Plausible, rng: random.Random, *, whole: bool
) -> Iterator[float]:
    """Numbers that may satisfy the rules; those without a fraction are ``int``."""
    least, above, most, below = rules.bounds()
    multiples = rules.numbers("multipleOf") + rules.numbers("divisibleBy")
    step = merged_multiple([abs(n) for n in multiples if n] + ([Fraction(1)] if whole else []))
    low, high = (Fraction(end).limit_denominator(1000) for end in plausible.range(name))
    width = max(high - low, Fraction(1))
    if (least is not None and low < least) or (most is not None and low > most):
        low = least if least is not None else most - width  # type: ignore[operator]
    high = high if high > low else low + width
    high = min(high, most) if most is not None else high
    for grid in (step,) if step is not None else (Fraction(1, 100), Fraction(1, 10**6)):
        first, last = math.ceil(low / grid), math.floor(high / grid)
        if first > last and step is not None:  # none in the usual range: outside it, then
            last = math.floor(most / grid) if most is not None else first + 5
            first = min(first, math.ceil(least / grid) if least is not None else last - 5)
        first += above and first * grid == least
        last -= below and last * grid == most
        if first > last:
            continue
        for _ in range(10):
            yield _plain(rng.randint(first, last) * grid)
        for k in range(first, min(last, first + _TRIED) + 1):
            yield _plain(k * grid)
        for k in range(last, max(first, last - _TRIED), -1):
            yield _plain(k * grid)
    if step is None and least is not None and most is not None:
        yield _plain((least + most) / 2)
        yield _plain(least)
        yield _plain(most)
    yield 0


def _plain(number: Fraction) -> Any:
    if number.denominator == 1:
        return number.numerator
    try:
        return float(number)
    except OverflowError:
        return 0

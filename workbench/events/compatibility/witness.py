"""Values of a canonical schema: examples of what one side allows and the other refuses.

What comes out are candidates, simplest first; whoever shows one has checked it with a validator.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import chain, islice
from math import ceil, floor
from typing import Any

from jsonschema_rs import CanonicalSchema, canonical

from workbench.events.examples.pattern_text import NoTextError, pattern_text

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

_PLAIN_FIRST = ("string", "integer", "number", "boolean", "null", "object", "array")
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
_NAMES = ["other", "x", "a", "b", "name", "1", "", "_", "-", "é", "zzz", "A", "aa", "ab"]
_MOST = 12
"""Candidates of one part: enough to get by a rule that is only checked at the end."""

DEEPEST = 60
"""Levels of a payload."""

_MOST_PARTS = 2_000
_LONGEST = 2_000
"""Items, names or letters: a witness is to be read."""

Values = Iterator[Any]


def values(schema: CanonicalSchema) -> list[Any]:
    """Candidates, at most a dozen."""
    return _Search().values(schema)


class _Search:
    """One search, which looks at each part of a schema once."""

    def __init__(self) -> None:
        self._known: dict[CanonicalSchema, list[Any]] = {}
        self._depth = 0

    def values(self, schema: CanonicalSchema) -> list[Any]:
        """Candidates, at most a dozen."""
        found = self._known.get(schema)
        if found is None:
            if self._depth > DEEPEST or len(self._known) > _MOST_PARTS:
                return []
            self._depth += 1
            found = list(islice(_distinct(self._values(schema)), _MOST))
            self._depth -= 1
            self._known[schema] = found
        return found

    def _values(self, schema: CanonicalSchema) -> Values:
        match schema.view():
            case canonical.FalseView():
                return
            case canonical.MultiTypeView(types):
                yield from _of_types(types)
            case canonical.TypedGroupView(_, body):
                yield from self.values(body)
            case canonical.ConstView(value):
                yield _plain(value)
            case canonical.EnumView(members):
                yield from map(_plain, members[:_MOST])
            case canonical.StringView() as view:
                yield from _strings(view)
            case (canonical.IntegerView() | canonical.NumberView()) as view:
                yield from _numbers(view)
            case canonical.ArrayView() as view:
                yield from self._arrays(view)
            case canonical.ObjectView() as view:
                yield from self._objects(view)
            case (
                canonical.AnyOfView(branches)
                | canonical.OneOfView(branches)
                | canonical.AllOfView(branches)
            ):
                yield from _in_turn([iter(self.values(branch)) for branch in branches])
            case _:
                yield from _of_types(_PLAIN_FIRST)

    # --- arrays ---------------------------------------------------------------------------

    def _arrays(self, view: canonical.ArrayView) -> Values:
        least, most = view.min_items or 0, view.max_items
        fits: list[list[Any]] = []  # what meets a `contains`, each as often as it asks
        for asked in view.contains:
            times = 1 if asked.min_contains is None else asked.min_contains
            if times:
                fits += [self.values(_both(asked.schema, view.items))] * times
        length = max(least, len(fits))
        if view.distinctness == canonical.Distinctness.SOME_REPEATED:
            length = max(length, 2)
        if length > _LONGEST or (most is not None and length > most):
            return
        for size in dict.fromkeys((length, length + 1, max(length, len(view.prefix_items)))):
            if most is None or size <= most:
                yield from self._arrays_of(view, size, fits)

    def _arrays_of(self, view: canonical.ArrayView, size: int, fits: list[list[Any]]) -> Values:
        prefix = [self.values(item) for item in view.prefix_items[:size]]
        repeated = view.distinctness == canonical.Distinctness.SOME_REPEATED
        distinct = view.distinctness == canonical.Distinctness.ALL_DISTINCT
        usual = self.values(view.items) if view.items is not None else [1, "text", None]
        if distinct and view.items is None:
            usual = [*usual, *range(2, size + 2)]
        for turn in range(4):
            item = [
                _nth(prefix[n], turn)
                if n < len(prefix)
                else _nth(usual, (n if distinct else 0) + turn)
                for n in range(size)
            ]
            # What is to be contained stands at the end, or else at the start.
            for start in dict.fromkeys((max(0, size - len(fits)), 0)):
                placed = list(item)
                for n, choices in enumerate(fits):
                    placed[start + n] = _nth(choices, turn + (n if distinct else 0))
                if repeated:
                    placed[-1] = placed[-2]
                if _NOTHING not in placed:
                    yield placed
            if repeated and _NOTHING not in item:
                yield [item[0], *item[1:-1], item[0]]

    # --- objects --------------------------------------------------------------------------

    def _objects(self, view: canonical.ObjectView) -> Values:
        demands = [self._demand(violation) for violation in view.violations]
        if (view.min_properties or 0) > _LONGEST:
            return
        for turn in range(4):
            made = {name: _nth(self._property(view, name), turn) for name in view.required}
            for names, wrong in demands:
                name = _nth([n for n in names(view) if n not in made], turn)
                if name is not _NOTHING:
                    made[name] = _nth(self._wrong(view, name, wrong), turn)
            spare = chain(view.properties, self._spare_names(view))
            while len(made) < (view.min_properties or 0):
                name = next((n for n in spare if n not in made), None)
                if name is None:
                    break
                value = _nth(self._property(view, name), turn)
                if value is not _NOTHING:
                    made[name] = value
            if _NOTHING not in made.values():
                yield made

    def _property(self, view: canonical.ObjectView, name: str) -> list[Any]:
        schema = view.properties.get(name)
        if schema is not None:
            return self.values(schema)
        for schema in view.pattern_properties.values():
            return [*self.values(schema), "text", 1]
        if view.additional_properties is not None:
            return self.values(view.additional_properties)
        return ["text", 1, None, True]

    def _wrong(
        self, view: canonical.ObjectView, name: str, wrong: CanonicalSchema | None
    ) -> list[Any]:
        """Values of a property that are to fail a rule."""
        if wrong is None:
            return self._property(view, name)
        return self.values(_both(wrong, view.properties.get(name, view.additional_properties)))

    def _spare_names(self, view: canonical.ObjectView) -> Iterator[str]:
        if view.property_names is not None:
            yield from (n for n in self.values(view.property_names) if isinstance(n, str))
        for pattern in view.pattern_properties:
            yield from _matching(pattern)
        yield from _NAMES
        yield from (f"x{n}" for n in range(_LONGEST))

    def _demand(
        self, violation: Any
    ) -> tuple[Callable[[canonical.ObjectView], Iterable[str]], CanonicalSchema | None]:
        """What the negation asks of some property: names that may do, and what it must be."""
        if isinstance(violation, canonical.NameFailsView):
            odd = [n for n in self.values(_negated(violation.schema)) if isinstance(n, str)]
            return (lambda view: islice(chain(odd, self._spare_names(view)), 40)), None
        if isinstance(violation, canonical.UndeclaredValueFailsView):
            taken, wrong = set(violation.names), _negated(violation.additional)
            return (
                lambda view: islice(
                    (n for n in chain(view.properties, self._spare_names(view)) if n not in taken),
                    40,
                )
            ), wrong
        names = [*_matching(violation.pattern), *_NAMES]
        return (lambda _: names), _negated(violation.schema)


def _of_types(types: Iterable[str]) -> Values:
    ordered = sorted(types, key=_PLAIN_FIRST.index)
    return _in_turn([iter(_OF_A_TYPE[name]) for name in ordered])


# --- scalars ------------------------------------------------------------------------------


def _strings(view: canonical.StringView) -> Values:
    least, most = view.min_length or 0, view.max_length
    if least > _LONGEST:
        return
    rng = random.Random(least)  # the same schema, the same witness
    found: list[str] = []
    for pattern in view.patterns:
        for more in (0, 3, 12, 60, 1, least):
            try:
                found += (pattern_text(pattern, rng, more=more, longest=_LONGEST) for _ in "12")
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


def _numbers(view: canonical.IntegerView | canonical.NumberView) -> Values:
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
        found = [step * (around + up * n) for n in range(_MOST * 3)]
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
    from math import gcd, lcm

    denominator = lcm(a.denominator, b.denominator)
    above, below = a * denominator, b * denominator
    return Fraction(lcm(int(above), int(below)), denominator or gcd(1, 1))


def _plain(value: Any) -> Any:
    """A value of the library's, with numbers as JSON's own."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


# --- choosing -----------------------------------------------------------------------------


def _matching(pattern: str) -> Iterator[str]:
    rng = random.Random(1)  # the same schema, the same witness
    for more in (0, 1, 3):
        try:
            yield pattern_text(pattern, rng, more=more, longest=50)
        except NoTextError:
            return


def _negated(schema: CanonicalSchema) -> CanonicalSchema:
    try:
        return schema.negate()
    except (canonical.UnsupportedOperand, canonical.UnsupportedResult):
        return schema  # candidates are checked; these won't do


def _both(first: CanonicalSchema, second: CanonicalSchema | None) -> CanonicalSchema:
    if second is None:
        return first
    try:
        return first.intersect(second)
    except (
        canonical.UnsupportedOperand,
        canonical.UnsupportedResult,
        canonical.IncompatibleOperands,
    ):
        return first


_NOTHING = object()


def _nth(found: list[Any], place: int) -> Any:
    return found[place % len(found)] if found else _NOTHING


def _in_turn(found: list[Values]) -> Values:
    """One of each, then another of each."""
    while found:
        still = []
        for one in found:
            for value in islice(one, 1):
                yield value
                still.append(one)
        found = still


def _distinct(found: Values) -> Values:
    seen = set()
    for value in found:
        mark = repr(value)
        if mark not in seen:
            seen.add(mark)
            yield value

"""Values of a canonical schema: examples of what one side allows and the other refuses.

What comes out are candidates, simplest first; whoever shows one has checked it with a validator.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
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

_LONGEST = 2_000
"""Items, names or letters: a witness is to be read."""

Values = Iterator[Any]


def values(schema: CanonicalSchema, depth: int = 0) -> Values:
    """Candidates, at most a dozen."""
    return islice(_distinct(_values(schema, depth)), _MOST)


def _values(schema: CanonicalSchema, depth: int) -> Values:
    view = schema.view()
    if depth > 12:
        return
    match view:
        case canonical.TrueView():
            yield from _of_types(_PLAIN_FIRST)
        case canonical.MultiTypeView(types):
            yield from _of_types(types)
        case canonical.TypedGroupView(_, body):
            yield from _values(body, depth)
        case canonical.ConstView(value):
            yield _plain(value)
        case canonical.EnumView(members):
            yield from map(_plain, members[:_MOST])
        case canonical.StringView():
            yield from _strings(view)
        case canonical.IntegerView() | canonical.NumberView():
            yield from _numbers(view)
        case canonical.ArrayView():
            yield from _arrays(view, depth)
        case canonical.ObjectView():
            yield from _objects(view, depth)
        case canonical.AnyOfView(branches) | canonical.OneOfView(branches):
            yield from _in_turn([values(branch, depth) for branch in branches])
        case canonical.AllOfView(branches):
            yield from _in_turn([values(branch, depth) for branch in branches])
        case canonical.NotView():
            yield from _of_types(_PLAIN_FIRST)


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
        for more in (0, 1, 3, least):
            try:
                found += (pattern_text(pattern, rng, more=more, longest=_LONGEST) for _ in "123")
            except NoTextError:
                continue
    for name in view.formats:
        found += _OF_A_FORMAT.get(name, ())
    for text in [*found, *_TEXTS] if not found else found:
        yield from _of_length(text, least, most)
    if found:
        yield from (text for text in _TEXTS if len(text) >= least)


def _of_length(text: str, least: int, most: int | None) -> Values:
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


# --- arrays and objects -------------------------------------------------------------------


def _arrays(view: canonical.ArrayView, depth: int) -> Values:
    least, most = view.min_items or 0, view.max_items
    fits: list[list[Any]] = []  # what meets a `contains`, each as often as it asks
    for asked in view.contains:
        least_of_it = 1 if asked.min_contains is None else asked.min_contains
        if least_of_it:
            both = _both(asked.schema, view.items)
            fits += [list(values(both, depth + 1))] * least_of_it
    length = max(least, len(fits))
    if view.distinctness == canonical.Distinctness.SOME_REPEATED:
        length = max(length, 2)
    if length > _LONGEST or (most is not None and length > most):
        return
    for size in dict.fromkeys((length, length + 1, max(length, len(view.prefix_items)))):
        if most is None or size <= most:
            yield from _arrays_of(view, size, fits, depth)


def _arrays_of(
    view: canonical.ArrayView, size: int, fits: list[list[Any]], depth: int
) -> Values:
    prefix = list(view.prefix_items)
    repeated = view.distinctness == canonical.Distinctness.SOME_REPEATED
    distinct = view.distinctness == canonical.Distinctness.ALL_DISTINCT
    usual = list(values(view.items, depth + 1)) if view.items is not None else [1, "text", None]
    if distinct and size > len(usual) + len(prefix):
        usual += range(size)
    for turn in range(4):
        item = [
            _nth(list(values(prefix[n], depth + 1)), turn)
            if n < len(prefix)
            else _nth(usual, (n if distinct else 0) + turn)
            for n in range(size)
        ]
        # What is to be contained stands at the end first, then anywhere.
        for start in dict.fromkeys((max(0, size - len(fits)), 0)):
            placed = list(item)
            for n, choices in enumerate(fits):
                if start + n < size:
                    placed[start + n] = _nth(choices, turn + (n if distinct else 0))
            if repeated and size > 1:
                placed[-1] = placed[-2]
            if _NOTHING not in placed:
                yield placed
        if repeated and size > 1 and _NOTHING not in item:
            yield [item[0], *item[1:-1], item[0]]


def _objects(view: canonical.ObjectView, depth: int) -> Values:
    known = dict(view.properties)
    demands = [_demand(violation) for violation in view.violations]
    for turn in range(4):
        made: dict[str, Any] = {}
        for name in view.required:
            made[name] = _nth(list(_property(view, known, name, depth)), turn)
        for names, value in demands:
            name = _nth([n for n in names(view) if n not in made], turn)
            if name is not _NOTHING:
                made[name] = _nth(list(value(view, known, name, depth)), turn)
        spare = chain(known, _spare_names(view))
        while len(made) < (view.min_properties or 0):
            name = next((n for n in spare if n not in made), None)
            if name is None or len(made) > _LONGEST:
                break
            value = _nth(list(_property(view, known, name, depth)), turn)
            if value is not _NOTHING:
                made[name] = value
        if _NOTHING not in made.values():
            yield made


def _property(
    view: canonical.ObjectView, known: dict[str, CanonicalSchema], name: str, depth: int
) -> Values:
    if name in known:
        return values(known[name], depth + 1)
    for schema in view.pattern_properties.values():
        return chain(values(schema, depth + 1), iter(["text", 1]))
    if view.additional_properties is not None:
        return values(view.additional_properties, depth + 1)
    return iter(["text", 1, None, True])


def _spare_names(view: canonical.ObjectView) -> Iterator[str]:
    if view.property_names is not None:
        yield from (n for n in values(view.property_names) if isinstance(n, str))
    rng = random.Random(1)
    for pattern in view.pattern_properties:
        for more in (0, 1, 3):
            try:
                yield pattern_text(pattern, rng, more=more, longest=50)
            except NoTextError:
                break
    yield from _NAMES
    yield from (f"x{n}" for n in range(_LONGEST))


def _demand(violation: Any) -> tuple[Any, Any]:
    """Names that may meet what the negation asks of some property, and values for it."""
    if isinstance(violation, canonical.NameFailsView):
        refused = violation.schema
        names = [n for n in values(_negated(refused)) if isinstance(n, str)] + _NAMES
        return (lambda view: chain(names, _spare_names(view))), _property
    if isinstance(violation, canonical.UndeclaredValueFailsView):
        taken, wrong = set(violation.names), _negated(violation.additional)
        names = [n for n in _NAMES if n not in taken]
        return (lambda view: chain(view.properties, names, _spare_names(view))), _failing(wrong)
    rng = random.Random(1)
    wrong = _negated(violation.schema)
    names = []
    for more in (0, 1, 3):
        try:
            names.append(pattern_text(violation.pattern, rng, more=more, longest=50))
        except NoTextError:
            break
    return (lambda _: [*names, *_NAMES]), _failing(wrong)


def _failing(wrong: CanonicalSchema) -> Any:
    def choose(
        view: canonical.ObjectView, known: dict[str, CanonicalSchema], name: str, depth: int
    ) -> Values:
        if name in known:
            return values(_both(wrong, known[name]), depth + 1)
        return values(_both(wrong, view.additional_properties), depth + 1)

    return choose


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


# --- choosing -----------------------------------------------------------------------------

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

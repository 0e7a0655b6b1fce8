"""Values of a canonical schema: examples of what one side allows and the other refuses.

What comes out are candidates, simplest first; whoever shows one has checked it with a validator.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from jsonschema_rs import CanonicalSchema, canonical

from workbench.events.compatibility.scalars import (
    LONGEST,
    MOST,
    PLAIN_FIRST,
    Values,
    in_turn,
    numbers,
    of_types,
    plain,
    strings,
)
from workbench.events.examples.pattern_text import NoTextError, pattern_text

_NAMES = ["other", "x", "a", "b", "name", "1", "", "_", "-", "é", "zzz", "A", "aa", "ab"]
DEEPEST = 60
"""Levels of a payload."""

_MOST_PARTS = 2_000


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
            found = list(islice(_distinct(self._values(schema)), MOST))
            self._depth -= 1
            self._known[schema] = found
        return found

    def _values(self, schema: CanonicalSchema) -> Values:
        match schema.view():
            case canonical.FalseView():
                return
            case canonical.MultiTypeView(types):
                yield from of_types(types)
            case canonical.TypedGroupView(_, body):
                yield from self.values(body)
            case canonical.ConstView(value):
                yield plain(value)
            case canonical.EnumView(members):
                yield from map(plain, members[:MOST])
            case canonical.StringView() as view:
                yield from strings(view)
            case (canonical.IntegerView() | canonical.NumberView()) as view:
                yield from numbers(view)
            case canonical.ArrayView() as view:
                yield from self._arrays(view)
            case canonical.ObjectView() as view:
                yield from self._objects(view)
            case (
                canonical.AnyOfView(branches)
                | canonical.OneOfView(branches)
                | canonical.AllOfView(branches)
            ):
                yield from in_turn([iter(self.values(branch)) for branch in branches])
            case _:
                yield from of_types(PLAIN_FIRST)

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
        if length > LONGEST or (most is not None and length > most):
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
        if (view.min_properties or 0) > LONGEST:
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
        yield from (f"x{n}" for n in range(LONGEST))

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


# --- scalars ------------------------------------------------------------------------------


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


def _distinct(found: Values) -> Values:
    seen = set()
    for value in found:
        mark = repr(value)
        if mark not in seen:
            seen.add(mark)
            yield value

"""Values that keep a schema's rules: made by structure, checked, and made otherwise if wrong.

A value's schemas are a set of pointers into the document. For each try the choices in them
(``anyOf``, ``if``, a type out of several, an optional property) are made anew, which leaves
plain rules; a value is made by those and checked by the validator. So nothing here has to be
complete: ``not`` and whatever else is passed over only costs more tries.

Two things keep it finite. A part that failed all its tries is not tried again. And below a
certain depth, or inside itself, a schema gets its smallest value: required properties and the
fewest items; a smallest value never contains itself, so a schema that needs itself there fails.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from workbench.events.examples import scalars
from workbench.events.examples.document import Document, Part, Pointers
from workbench.events.examples.plausible import Plausible
from workbench.events.examples.rules import TYPES, Rules, is_schema, types_said
from workbench.events.json_pointer import below
from workbench.events.payload import encode_payload

MOST_ITEMS = 1_000
_DEEPEST = 8
_TRIES = 12
_CANDIDATES = 300
_STEPS = 20_000
_OMITTED = 0.2


class NoValueError(Exception):
    """No value was found at a place; ``place`` is the path to it."""

    def __init__(self, place: tuple[str, ...], why: str) -> None:
        super().__init__(why)
        self.place = place


class OutOfStepsError(NoValueError):
    """The schema takes too much work: nothing is tried any more."""


class Maker:
    """Makes values for one document. ``steps`` are left before it gives up."""

    def __init__(self, document: Document, plausible: Plausible, rng: random.Random) -> None:
        self._document, self._plausible, self._rng = document, plausible, rng
        self._dead: dict[Pointers, NoValueError] = {}
        self._settled: dict[Pointers, Rules] = {}
        self._place: list[str] = []
        self._inside: list[tuple[Pointers, bool]] = []
        self._omitted = 0.0
        self._steps = _STEPS

    def payload(self, *, full: bool) -> Any:
        """A value of the whole schema; ``full``: with all its optional properties.

        Raises
        ------
        NoValueError
            None was found.
        """
        self._steps, self._omitted = _STEPS, 0.0 if full else _OMITTED
        self._place, self._inside = [], []
        self._plausible.next_payload()
        return self._value(("",), name="")

    # --- any value ------------------------------------------------------------------------

    def _value(self, pointers: Pointers, *, name: str, taken: Iterable[bytes] = ()) -> Any:
        self._step()
        if pointers in self._dead:
            raise self._dead[pointers]
        around = [small for inside, small in self._inside if inside == pointers]
        if any(around):
            raise self._none("it would have to contain itself without end")
        small = bool(around) or len(self._inside) >= _DEEPEST or self._is_small
        self._inside.append((pointers, small))
        try:
            return self._tried(pointers, name, set(taken), small=small)
        except OutOfStepsError:
            raise
        except NoValueError as error:
            if not small and not taken:
                self._dead[pointers] = error
            raise
        finally:
            self._inside.pop()

    @property
    def _is_small(self) -> bool:
        return bool(self._inside) and self._inside[-1][1]

    def _tried(self, pointers: Pointers, name: str, taken: set[bytes], *, small: bool) -> Any:
        failed: NoValueError | None = None
        for attempt in range(_TRIES):
            self._step()
            try:
                rules = self._rules(pointers, attempt, small=small)
                kinds = self._kinds(rules, attempt, small=small)
                kind = kinds[attempt % len(kinds)]
                found = self._candidates(rules, kind, name, attempt, small=small)
                for value in islice(found, _CANDIDATES):
                    self._step()
                    if not self._document.allows(pointers, value):
                        continue
                    if not taken or canonical(value) not in taken:
                        return value
            except OutOfStepsError:
                raise
            except NoValueError as error:
                failed = error if failed is None or len(error.place) > len(failed.place) else failed
        raise failed or self._none(f"nothing was found that keeps {self._said(pointers)}")

    def _kinds(self, rules: Rules, attempt: int, *, small: bool) -> list[str]:
        """The types to try."""
        if rules.typed:
            if not rules.types:
                raise self._none("its schemas want different types")
            return sorted(rules.types, key=lambda kind: kind != "null") if small else rules.types
        likely = rules.hinted or ([] if self._place else ["object"])  # as payloads are
        return likely if likely and attempt < _TRIES - len(TYPES) else list(TYPES)

    def _candidates(
        self, rules: Rules, kind: str, name: str, attempt: int, *, small: bool
    ) -> Iterable[Any]:
        choices = rules.choices()
        if choices is not None:
            yield from self._rng.sample(choices, len(choices))
            return
        if attempt == 0:
            yield from self._shown(rules)
        if kind == "object":
            yield self._object(rules, name, attempt, small=small)
        elif kind == "array":
            yield self._array(rules, name, attempt, small=small)
        elif kind == "string":
            if rules.largest("minLength", 0) > scalars.LONGEST:
                raise self._none(f"it wants a text of more than {scalars.LONGEST:,} characters")
            yield from scalars.texts(rules, name, self._plausible, self._rng)
        elif kind in ("integer", "number"):
            whole = kind == "integer"
            yield from scalars.numbers(rules, name, self._plausible, self._rng, whole=whole)
        elif kind == "boolean":
            yield from self._rng.sample((True, False), 2)
        else:
            yield None

    def _shown(self, rules: Rules) -> list[Any]:
        """Values that the schema's author shows: one of its examples, or every other time its default."""
        shown = [value for _, values in rules.all("examples") for value in _listed(values)]
        if shown:
            return self._rng.sample(shown, len(shown))
        defaults = [
            value for _, value in rules.all("default") if isinstance(value, (str, int, float))
        ]
        return defaults if self._rng.random() < 0.5 else []

    # --- schemas --------------------------------------------------------------------------

    def _rules(self, pointers: Pointers, attempt: int, *, small: bool) -> Rules:
        """Follow the references and make the choices."""
        if pointers in self._settled:
            return self._settled[pointers]
        parts: list[Part] = []
        todo, seen = list(reversed(pointers)), set()
        choices: list[list[str]] = []  # made last, when more is known
        settled = True
        while todo or choices:
            if not todo:
                todo.append(self._branch(choices.pop(), Rules(tuple(parts)), attempt, small=small))
            pointer = todo.pop()
            schema = self._document.at(pointer)
            if pointer in seen or schema is True:
                continue
            self._step()
            seen.add(pointer)
            if schema is False:
                raise self._none("nothing is allowed there")
            if not isinstance(schema, Mapping):
                continue
            parts.append((pointer, schema))
            for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
                if isinstance(schema.get(keyword), str):
                    target = self._document.follow(schema[keyword], pointer)
                    todo += [target] if target is not None else []
            todo += _inside(pointer, schema, "allOf")
            choices += [_inside(pointer, schema, k) for k in ("anyOf", "oneOf") if schema.get(k)]
            if "if" in schema:
                chosen = ("if", "then") if self._rng.random() < 0.5 else ("else",)
                todo += [below(pointer, word) for word in chosen if word in schema]
            for keyword in ("dependentSchemas", "dependencies"):
                for name, needs in schema.get(keyword, {}).items():
                    if is_schema(needs) and self._rng.random() < 0.5:
                        todo.append(below(pointer, keyword, name))
            settled = settled and not _CHOICES & schema.keys()
        rules = Rules(tuple(parts))
        if settled:
            self._settled[pointers] = rules
        return rules

    def _branch(self, branches: list[str], so_far: Rules, attempt: int, *, small: bool) -> str:
        """One of several schemas: one that agrees with the others, and is not known to fail."""
        alive = [branch for branch in branches if (branch,) not in self._dead]
        if not alive:
            raise self._dead[branches[0],]
        if so_far.typed:
            kinds = set(so_far.types)
            kinds |= {"integer"} if "number" in kinds else set()
            alive = [one for one in alive if types_said(self._document.at(one)) & kinds] or alive
        if small:  # what refers to nothing and is short ends soonest
            alive.sort(key=lambda one: ("$ref" in (text := str(self._document.at(one))), len(text)))
            return alive[attempt % len(alive)]
        real = [one for one in alive if not _is_null(self._document.at(one))]
        return self._rng.choice(real if real and attempt < _TRIES - 2 else alive)

    # --- objects --------------------------------------------------------------------------

    def _object(self, rules: Rules, name: str, attempt: int, *, small: bool) -> dict[str, Any]:
        required = list(dict.fromkeys(rules.required()))
        least = rules.largest("minProperties", 0)
        if max(least, len(required)) > MOST_ITEMS:
            raise self._none(f"it wants more than {MOST_ITEMS:,} properties")
        most = rules.smallest("maxProperties", MOST_ITEMS)
        omitted = 1.0 if small else (self._omitted, 0.0, 0.5, 1.0)[attempt % 4]
        known = rules.properties()
        chosen = [n for n in known if n in required or self._rng.random() >= omitted]
        chosen += [n for n in required if n not in known]
        made: dict[str, Any] = {}
        for one in sorted(chosen, key=lambda n: n not in required):
            if one in required or len(made) < most:
                self._put(made, one, rules, required)
        for one in [*known, *self._invented(rules, name, least, empty=not known and not small)]:
            enough = len(made) >= max(least, 1 if not known and not small else 0)
            if enough or len(made) >= most:
                break
            self._put(made, one, rules, required)
        ordered = [one for one in known if one in made]
        return {one: made[one] for one in [*ordered, *(n for n in made if n not in ordered)]}

    def _put(self, made: dict[str, Any], name: str, rules: Rules, required: list[str]) -> None:
        """Make a property, and those it needs; an optional one that can't be made is left out."""
        if name in made:
            return
        try:
            made[name] = self._inner(rules.of_property(name), name, name)
            for needed in rules.needed_by(name):
                self._put(made, needed, rules, [*required, needed])
        except OutOfStepsError:
            raise
        except NoValueError:
            if name in required:
                raise
            made.pop(name, None)

    def _invented(self, rules: Rules, name: str, least: int, *, empty: bool) -> Iterable[str]:
        """Names for what the schemas describe by pattern, or not by name at all."""
        open_ended = any(
            part.get("patternProperties") or isinstance(part.get("additionalProperties"), Mapping)
            for _, part in rules.parts
        )
        if not least and not (empty and open_ended):
            return
        about = tuple(below(pointer, "propertyNames") for pointer, _ in rules.all("propertyNames"))
        patterns = [p for _, known in rules.all("patternProperties") for p in known]
        for n in range(least * 3 + 6):
            made: Any = self._plausible.word() if n % 2 else f"{name or 'field'}_{n + 1}"
            if about:
                try:
                    made = self._value(about, name=name)
                except OutOfStepsError:
                    raise
                except NoValueError:
                    return
            elif patterns:
                pattern = Rules((("", {"pattern": patterns[n % len(patterns)]}),))
                made = next(
                    islice(scalars.texts(pattern, name, self._plausible, self._rng), 2, 3), made
                )
            if isinstance(made, str):
                yield made

    def _inner(self, pointers: Pointers, name: str, at: str, taken: Iterable[bytes] = ()) -> Any:
        self._place.append(at)
        try:
            return self._value(pointers, name=name, taken=taken)
        finally:
            self._place.pop()

    # --- arrays ---------------------------------------------------------------------------

    def _array(self, rules: Rules, name: str, attempt: int, *, small: bool) -> list[Any]:
        wanted: list[str] = []  # which schema under ``contains`` the first free items must meet
        for pointer, part in rules.parts:
            if "contains" in part:
                wanted += [below(pointer, "contains")] * int(part.get("minContains", 1))
        least = max(rules.largest("minItems", 0), len(wanted))
        most = rules.smallest("maxItems", MOST_ITEMS)
        if least > MOST_ITEMS:
            raise self._none(f"it wants more than {MOST_ITEMS:,} items")
        if not small:
            usual = self._rng.randint(1, 3) if attempt < _TRIES // 2 else 0
            usual = max(rules.tuple_length() if attempt % 2 == 0 else 0, usual)
            least = max(least, min(most, usual))
        unique = any(value is True for _, value in rules.all("uniqueItems"))
        made: list[Any] = []
        taken: list[bytes] = []
        for place in range(least):
            pointers = rules.of_item(place)
            left = least - place
            also = wanted[-left:][:1] if left <= len(wanted) else []
            try:
                value = self._inner((*pointers, *also), _singular(name), str(place), taken)
            except OutOfStepsError:
                raise
            except NoValueError:
                if place >= max(rules.largest("minItems", 0), len(wanted)):
                    break  # fewer will do
                raise
            made.append(value)
            taken += [canonical(value)] if unique else []
        return made

    # --- giving up ------------------------------------------------------------------------

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise OutOfStepsError(tuple(self._place), "its schema takes too much work")

    def _none(self, why: str) -> NoValueError:
        return NoValueError(tuple(self._place), why)

    def _said(self, pointers: Pointers) -> str:
        words: list[str] = []
        for pointer in pointers:
            schema = self._document.at(pointer)
            words += [w for w in schema if w not in _NOTES] if isinstance(schema, Mapping) else []
        shown = ", ".join(dict.fromkeys(words[:8]))
        return f"its rules ({shown})" if shown else "all rules"


_CHOICES = {"anyOf", "oneOf", "if", "dependentSchemas", "dependencies"}
_NOTES = ("title", "description", "default", "examples", "$schema", "$id", "$defs", "definitions")


def canonical(value: Any) -> bytes:
    """A form in which values that JSON Schema takes for equal are equal."""
    return encode_payload(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(value[name]) for name in sorted(value)}
    return value


def _inside(pointer: str, schema: Mapping[str, Any], keyword: str) -> list[str]:
    return [below(pointer, keyword, n) for n in range(len(schema.get(keyword, ())))]


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else []


def _singular(name: str) -> str:
    return name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s")

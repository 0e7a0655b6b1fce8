"""What one value must satisfy: the subschemas that hold for it, read as one set of rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from workbench.events.examples.document import Part, Pointers, matches
from workbench.events.json_pointer import below

TYPES = ("string", "integer", "object", "boolean", "array", "number", "null")

_HINTS = {
    "object": (
        "properties", "required", "additionalProperties", "patternProperties", "minProperties",
        "maxProperties", "propertyNames", "dependentRequired", "dependentSchemas", "dependencies",
        "unevaluatedProperties",
    ),
    "array": (
        "items", "prefixItems", "additionalItems", "contains", "minItems", "maxItems",
        "uniqueItems", "unevaluatedItems",
    ),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """Schemas with no reference and no choice left in them; a value must satisfy all."""

    parts: tuple[Part, ...]

    def all(self, keyword: str) -> Iterator[tuple[str, Any]]:
        """Where a keyword stands, and what it says, in each schema that has it."""
        return ((pointer, part[keyword]) for pointer, part in self.parts if keyword in part)

    def numbers(self, keyword: str) -> list[Fraction]:
        """What the schemas say under a numeric keyword."""
        return [exact(value) for _, value in self.all(keyword) if is_number(value)]

    def largest(self, keyword: str, otherwise: int) -> int:
        """The strictest lower bound on a size."""
        return max((math.ceil(n) for n in self.numbers(keyword)), default=otherwise)

    def smallest(self, keyword: str, otherwise: int) -> int:
        """The strictest upper bound on a size."""
        return min((math.floor(n) for n in self.numbers(keyword)), default=otherwise)

    @cached_property
    def typed(self) -> bool:
        """Whether a schema says which types are allowed."""
        return any(self.all("type"))

    @cached_property
    def types(self) -> list[str]:
        """The types that all schemas allow, the likely ones first."""
        allowed = set(TYPES)
        for _, part in self.parts:
            allowed &= types_said(part)
        return [kind for kind in TYPES if kind in allowed and not _within(kind, allowed)]

    @cached_property
    def hinted(self) -> list[str]:
        """The types that the other keywords are about."""
        return [kind for kind, words in _HINTS.items() if any(map(self._has, words))]

    def _has(self, keyword: str) -> bool:
        return any(keyword in part for _, part in self.parts)

    def choices(self) -> Sequence[Any] | None:
        """The values of the first ``const`` or ``enum``; ``None`` if there is none."""
        for _, value in self.all("const"):
            return [value]
        return min((values for _, values in self.all("enum")), key=len, default=None)

    def required(self) -> list[str]:
        """The names an object must have."""
        return [
            name for _, names in self.all("required") if isinstance(names, list) for name in names
        ]

    def needed_by(self, name: str) -> list[str]:
        """The names an object must have when it has ``name``."""
        found: list[str] = []
        for keyword in ("dependentRequired", "dependencies"):
            for _, needs in self.all(keyword):
                names = needs.get(name)
                found += names if isinstance(names, list) else []
        return found

    def properties(self) -> list[str]:
        """The names that the schemas describe, in their order."""
        return list(dict.fromkeys(name for _, known in self.all("properties") for name in known))

    def of_property(self, name: str) -> Pointers:
        """What the value of a property must satisfy."""
        found, left_over, covered = [], [], False
        for pointer, part in self.parts:
            here: list[str] = []
            if name in part.get("properties", ()):
                here.append(below(pointer, "properties", name))
            here += [
                below(pointer, "patternProperties", pattern)
                for pattern in part.get("patternProperties", ())
                if matches(pattern, name)
            ]
            if not here and "additionalProperties" in part:
                here.append(below(pointer, "additionalProperties"))
            covered = covered or bool(here)
            found += here
            if "unevaluatedProperties" in part:
                left_over.append(below(pointer, "unevaluatedProperties"))
        return tuple(found if covered else left_over)

    def of_item(self, place: int) -> Pointers:
        """What an array's item must satisfy."""
        found, left_over, covered = [], [], False
        for pointer, part in self.parts:
            items = part.get("items")
            keyword = "items" if isinstance(items, list) else "prefixItems"
            first = part.get(keyword, ())
            here = None
            if place < len(first):
                here = below(pointer, keyword, place)
            elif keyword == "items" and "additionalItems" in part:
                here = below(pointer, "additionalItems")
            elif keyword != "items" and items is not None:
                here = below(pointer, "items")
            if here is not None:
                covered = True
                found.append(here)
            if "unevaluatedItems" in part:
                left_over.append(below(pointer, "unevaluatedItems"))
        return tuple(found if covered else left_over)

    def tuple_length(self) -> int:
        """How many items have a schema of their own."""
        lists = [items for word in ("prefixItems", "items") for _, items in self.all(word)]
        return max((len(items) for items in lists if isinstance(items, list)), default=0)

    def bounds(self) -> tuple[Fraction | None, bool, Fraction | None, bool]:
        """The least number, whether it is left out itself, the greatest, and whether it is."""
        low = [(n, False) for n in self.numbers("minimum")]
        low += [(n, True) for n in self.numbers("exclusiveMinimum")]
        high = [(n, False) for n in self.numbers("maximum")]
        high += [(n, True) for n in self.numbers("exclusiveMaximum")]
        for _, part in self.parts:  # draft 4 writes "exclusiveMinimum": true beside the bound
            if part.get("exclusiveMinimum") is True and is_number(part.get("minimum")):
                low.append((exact(part["minimum"]), True))
            if part.get("exclusiveMaximum") is True and is_number(part.get("maximum")):
                high.append((exact(part["maximum"]), True))
        least, above = max(low, default=(None, False))
        most, below = min(high, key=lambda one: (one[0], not one[1]), default=(None, False))
        return least, above, most, below


def merged_multiple(numbers: Sequence[Fraction]) -> Fraction | None:
    """The least number that is a multiple of all; ``None`` of none."""
    found: Fraction | None = None
    for n in numbers:
        if found is None:
            found = n
        else:
            over, under = found.denominator, n.denominator
            found = Fraction(math.lcm(found.numerator * under, n.numerator * over), over * under)
    return found


def exact(number: float) -> Fraction:
    """A number as JSON writes it: 0.1 is a tenth."""
    return Fraction(number) if isinstance(number, int) else Fraction(str(number))


def is_number(value: Any) -> bool:
    """Whether a value is a number of JSON."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_schema(value: Any) -> bool:
    """Whether a value can be a schema."""
    return isinstance(value, (bool, Mapping))


def types_said(schema: Any) -> set[str]:
    """The types a schema allows by its ``type``; whole numbers are numbers, too."""
    kind = schema.get("type", TYPES) if isinstance(schema, Mapping) else TYPES
    kinds = {kind} if isinstance(kind, str) else set(kind)
    return kinds | {"integer"} if "number" in kinds else kinds


def _within(kind: str, allowed: set[str]) -> bool:
    return kind == "integer" and "number" in allowed

"""Personal data out of sight: a payload, or a text about it, as anybody may see it.

A schema marks what is personal, ``"x-personal-data": true``, on a field or on anything that holds
fields; what stands in it is personal too, unless it says ``false``. Where several subschemas are
about one value (each version's; ``allOf``, every branch of a ``oneOf``, a reference and what stands
beside it), it is personal if one of them says so, whether the payload satisfies that one or not:
rather too much is hidden than too little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from workbench.events.event_type import EventType
from workbench.events.json_pointer import at
from workbench.events.patterns import matches

PERSONAL = "x-personal-data"
"""Marks a schema whose data are personal: ``true``, or ``false`` where they only look so."""
MASK = "***"
"""Stands where a personal value stood."""

_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLE = ("if", "then", "else", "not")
_MAPPINGS = ("dependentSchemas", "dependencies")
_EACH_ENTRY = ("contains", "unevaluatedItems", "additionalItems")
_OTHER_FIELDS = ("additionalProperties", "unevaluatedProperties")
_LEAST = 2
"""Letters or digits of a value that is looked for in a text: a single one says nothing."""
_ANYWHERE = 4
"""Letters from which on a value is looked for inside words too."""
_PART = 8
"""Letters of a long value by which a shortened one is recognised."""

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Masked:
    """A payload without its personal values, and which texts and numbers those were."""

    payload: Any
    hidden: frozenset[str] = field(repr=False)

    def text(self, text: str) -> str:
        """A text about the payload, such as an error message; see :func:`without`."""
        return without(self.hidden, text)


class Masking:
    """Hides what is personal in events of one type, as one of its versions or several mark it."""

    def __init__(self, versions: Iterable[EventType]) -> None:
        self._roots = [_Rule(kind.schema, kind.schema) for kind in versions]
        self.marks = any(_is_marked(root.schema) for root in self._roots)
        """Whether anything is personal at all."""

    def mask(self, payload: Any) -> Masked:
        """A decoded payload with :data:`MASK` for every personal value.

        What is missing (``null``) stays so, and so do the names of an object's fields; but a name
        that no schema knows, in an object that is personal, is a value too. The payload itself is
        left as it is, and need not satisfy its schema.
        """
        if not self.marks:
            return Masked(payload, frozenset())
        walk = _Walk()
        return Masked(walk.value(payload, self._roots, personal=False), frozenset(walk.hidden))


def without(hidden: Iterable[str], text: str) -> str:
    """A text with :data:`MASK` for every one of the ``hidden`` values that occurs in it.

    In upper or lower case; as Python and JSON quote it; and, if it is long, where it was cut. Short
    ones, of two or three letters or digits, only where they stand alone, and single ones not at
    all. What was made of a value (a part of it, another way to write a date) is not found.
    """
    for value in sorted(set(hidden), key=len, reverse=True):
        if len(value) < _LEAST:
            continue
        if len(value) < _ANYWHERE:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, text, flags=re.IGNORECASE)
            continue
        for form in dict.fromkeys((value, *_quoted(value))):
            text = re.sub(re.escape(form), MASK, text, flags=re.IGNORECASE)
        if len(value) > 2 * _PART:
            text = _without_ends(text, value)
    return text


def _quoted(value: str) -> Iterator[str]:
    """A value as Python and JSON quote it, without the quotes."""
    yield repr(value)[1:-1]
    yield ascii(value)[1:-1]
    yield json.dumps(value)[1:-1]
    yield repr(value.encode("utf-8", "backslashreplace"))[2:-1]


def _without_ends(text: str, value: str) -> str:
    """Mask what is left of a long value that was cut, as pydantic and others do in a message."""
    head, tail = value[:_PART], value[-_PART:]
    while (begin := text.find(head)) >= 0:
        n = _PART
        while text[begin + n : begin + n + 1] == value[n : n + 1] != "":
            n += 1
        text = text[:begin] + MASK + text[begin + n :]
    while (begin := text.find(tail)) >= 0:
        end, n = begin + _PART, _PART
        while begin and n < len(value) and text[begin - 1] == value[-n - 1]:
            begin, n = begin - 1, n + 1
        text = text[:begin] + MASK + text[end:]
    return text


class _Rule(NamedTuple):
    """A subschema about a value, and the schema that it stands in."""

    schema: Schema
    document: Schema


class _Walk:
    """One way through a payload, along with all that its schemas say of each value."""

    def __init__(self) -> None:
        self.hidden: set[str] = set()

    def value(self, value: Any, rules: list[_Rule], *, personal: bool) -> Any:
        """A value; ``rules`` stand at its place, ``personal`` is what it stands in."""
        rules, personal = _all_about(rules, personal=personal)
        if isinstance(value, Mapping):
            return {
                self._name(name, rules, personal=personal): self.value(
                    entry, list(_of_field(rules, name)), personal=personal
                )
                for name, entry in value.items()
            }
        if isinstance(value, list):
            return [
                self.value(entry, list(_of_entry(rules, n)), personal=personal)
                for n, entry in enumerate(value)
            ]
        return self._hide(value) if personal else value

    def _name(self, name: str, rules: list[_Rule], *, personal: bool) -> str:
        known = any(name in _mapping(rule.schema.get("properties")) for rule in rules)
        about_names = list(_parts(rules, ("propertyNames",)))
        return (
            self._hide(name)
            if (personal and not known) or _all_about(about_names, personal=False)[1]
            else name
        )

    def _hide(self, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, bool):
            self.hidden.add(str(value))
        return MASK


def _all_about(rules: list[_Rule], *, personal: bool) -> tuple[list[_Rule], bool]:
    """All subschemas that are about a value, and whether one of them says that it is personal.

    ``personal`` is what those say that say nothing.
    """
    ahead = [(rule, personal) for rule in rules]
    found: dict[tuple[int, bool], _Rule] = {}
    verdict = personal and not rules
    while ahead:
        rule, inherited = ahead.pop()
        mark = rule.schema.get(PERSONAL)
        says = mark if isinstance(mark, bool) else inherited
        key = (id(rule.schema), says)
        if key in found:
            continue
        found[key] = rule
        verdict = verdict or says
        ahead += [(part, says) for part in _about_the_same(rule)]
        for reference in ("$ref", "$dynamicRef", "$recursiveRef"):
            if reference in rule.schema:
                target = _target(rule.schema[reference], rule.document)
                if target is None:  # who knows what stands there
                    verdict = True
                else:
                    ahead.append((_Rule(target, rule.document), says))
    return list(found.values()), verdict


def _target(reference: Any, document: Schema) -> Schema | None:
    """What a local reference names; ``None`` if that is not known."""
    if reference == "#":
        return document
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    found = at(document, reference[1:])
    return found if isinstance(found, Mapping) else None


def _about_the_same(rule: _Rule) -> Iterator[_Rule]:
    yield from _parts([rule], _SINGLE)
    for name in _LISTS:
        yield from _rules(rule, _list(rule.schema.get(name)))
    for name in _MAPPINGS:
        yield from _rules(rule, _mapping(rule.schema.get(name)).values())


def _of_field(rules: list[_Rule], name: str) -> Iterator[_Rule]:
    """What is said about the value of a field."""
    for rule in rules:
        named = _mapping(rule.schema.get("properties"))
        patterns = _mapping(rule.schema.get("patternProperties"))
        parts = [named[name]] if name in named else []
        parts += [part for pattern, part in patterns.items() if matches(pattern, name)]
        yield from _rules(rule, parts) if parts else _parts([rule], _OTHER_FIELDS)


def _of_entry(rules: list[_Rule], place: int) -> Iterator[_Rule]:
    """What is said about an entry of a list."""
    for rule in rules:
        for name in ("prefixItems", "items"):
            yield from _rules(rule, _list(rule.schema.get(name))[place : place + 1])
        if place >= len(_list(rule.schema.get("prefixItems"))):
            yield from _parts([rule], ("items",))
        yield from _parts([rule], _EACH_ENTRY)


def _parts(rules: list[_Rule], names: tuple[str, ...]) -> Iterator[_Rule]:
    """The subschemas of some names."""
    for rule in rules:
        yield from _rules(rule, [rule.schema.get(name) for name in names])


def _rules(rule: _Rule, schemas: Iterable[Any]) -> Iterator[_Rule]:
    for schema in schemas:
        if isinstance(schema, Mapping):
            yield _Rule(schema, schema if "$id" in schema else rule.document)


def _is_marked(schema: Any) -> bool:
    ahead = [schema]
    while ahead:
        part = ahead.pop()
        if isinstance(part, Mapping):
            if part.get(PERSONAL) is True:
                return True
            ahead += part.values()
        elif isinstance(part, list):
            ahead += part
    return False


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

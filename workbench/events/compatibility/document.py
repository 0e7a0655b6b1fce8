"""A schema and what its references lead to; whether it is one is checked before anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from workbench.errors import EventError
from workbench.events.compatibility.dialect import SINCE, read_as_2020
from workbench.events.compatibility.schema import IncomparableError, Schema, conjuncts
from workbench.events.json_pointer import at
from workbench.events.patterns import compiled
from workbench.events.payload import decode_payload, encode_payload
from workbench.problems import printable

DEEPEST = 100
"""Levels of nesting; beyond them a schema is not compared."""

MOST_NODES = 200_000

_DRAFTS = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 2019,
    "https://json-schema.org/draft/2020-12/schema": 2020,
}
_VALIDATORS = {
    4: jsonschema_rs.Draft4Validator,
    6: jsonschema_rs.Draft6Validator,
    7: jsonschema_rs.Draft7Validator,
    2019: jsonschema_rs.Draft201909Validator,
    2020: jsonschema_rs.Draft202012Validator,
}


@dataclass
class Document:
    """A schema and what its references lead to.

    Attributes
    ----------
    raw
        As given.
    draft
        4, 6, 7, 2019 or 2020.
    named
        Whether parts of it may have names of their own: ``$id``, ``$anchor``.
    targets
        What references lead to, by their keys; filled while the schema is read.
    places
        What is known of places in it already; see :mod:`.inlining`.
    odd
        References that are not pointers into the whole: anchors, and names of parts.
    """

    raw: Any
    draft: int
    named: bool = False
    targets: dict[str, Schema] = field(default_factory=dict)
    places: dict[Any, Any] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)

    @cached_property
    def root(self) -> Schema:
        """The whole, in 2020-12.

        Raises
        ------
        IncomparableError
            A reference leads back to itself with no step into the value between.
        """
        root, odd = read_as_2020(self.raw, self.draft, self.targets, named=self.named)
        self.odd |= odd
        for key in self.targets:
            if key in self._at_the_same_place(self.targets[key]):
                raise IncomparableError(f"the reference {key!r} leads back to itself.")
        return root

    @cached_property
    def is_recursive(self) -> bool:
        """Whether a reference leads back to itself, a step or more into the value."""
        found: dict[str, set[str]] = {}
        for key, target in self.targets.items():
            found[key] = {
                part["$ref"] for part in _parts(target, "it") if isinstance(part.get("$ref"), str)
            }
        for key, first in found.items():
            ahead, seen = list(first), set()
            while ahead:
                one = ahead.pop()
                if one == key:
                    return True
                if one not in seen:
                    seen.add(one)
                    ahead += found.get(one, ())
        return False

    def _at_the_same_place(self, schema: Schema) -> set[str]:
        """The references that are followed for the same value."""
        found: set[str] = set()
        ahead = [schema]
        while ahead:
            part = ahead.pop()
            if not isinstance(part, dict):
                continue
            if "$ref" in part and part["$ref"] not in found:
                found.add(part["$ref"])
                ahead.append(self.targets[part["$ref"]])
            for keyword in ("allOf", "anyOf", "oneOf"):
                ahead += part.get(keyword, ())
            ahead += (part[keyword] for keyword in ("not", "if", "then", "else") if keyword in part)
            ahead += part.get("dependentSchemas", {}).values()
        return found

    @cached_property
    def _validator(self) -> Any:
        return _VALIDATORS[self.draft](self.raw, validate_formats=True, retriever=_never_fetch)

    def allows(self, value: Any) -> bool:
        """Whether a validator of its own draft takes a value."""
        try:
            return bool(self._validator.is_valid(value))
        except ValueError:  # a number or a depth that the validator can't take
            return False

    def conjuncts(self, schema: Schema) -> Iterator[dict[str, Any]]:
        """The schemas that all hold where it stands; see :func:`conjuncts`."""
        return conjuncts(schema, self.targets)

    def resolved(self, schema: Schema) -> Schema:
        """A schema with nothing but a reference replaced by what it leads to."""
        while isinstance(schema, dict) and schema.keys() == {"$ref"}:
            schema = self.targets[schema["$ref"]]
        return schema


def read_schema(schema: Any, what: str = "the schema") -> Document:
    """Check a JSON Schema and say which draft it is of.

    Parameters
    ----------
    schema
        A mapping or a boolean. Without ``$schema`` the draft is told by the keywords that only
        one has (a list in ``items``, a boolean ``exclusiveMinimum``); failing that it is 2020-12.
    what
        What to call it in an error.

    Raises
    ------
    IncomparableError
        More than 100 levels, or more than 200,000 parts.
    EventError
        It is not a JSON Schema, is of an unknown dialect, or refers to another document.
    """
    if not isinstance(schema, bool | Mapping):
        raise EventError(f"{what} is not a JSON Schema: it must be an object, true or false.")
    parts = list(_parts(schema, what))
    draft = _draft(schema, parts, what)
    naming = ("id",) if draft == 4 else _NAMING
    named = any(isinstance(part.get(name), str) for part in parts for name in naming)
    usual = draft == 2020 and not named and all(_is_usual(part, schema) for part in parts)
    try:
        return _document(encode_payload(schema), draft, named, usual, what)
    except EventError as error:
        if isinstance(error, IncomparableError) or what in str(error):
            raise
        raise EventError(f"{what} is not a JSON Schema: {error}") from error


@lru_cache(maxsize=100)
def _document(text: bytes, draft: int, named: bool, usual: bool, what: str) -> Document:  # noqa: FBT001 - hashed
    """Read once, as long as it is among the last hundred: one schema is often compared anew."""
    document = Document(decode_payload(text), draft, named)
    if usual and jsonschema_rs.meta.is_valid(document.raw):
        return document  # a validator of it is compiled when one is needed
    try:
        document._validator  # noqa: B018, SLF001 - compiles it
    except jsonschema_rs.ReferencingError as error:
        raise EventError(f"{what} refers to what is not in it: {error}.") from error
    except ValueError as error:
        if "Recursion limit" in str(error):
            raise IncomparableError(f"{what} is nested too deeply to be compared.") from error
        raise EventError(f"{what} is not a JSON Schema: {_said(error)}.") from error
    return document


def _is_usual(part: Mapping[str, Any], schema: Any) -> bool:
    """Whether its reference, if it has one, leads somewhere, and its patterns are expressions."""
    if not part.keys().isdisjoint(_REFERENCES):
        reference = part.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return False
        if at(schema, unquote(reference[1:])) is None:
            return False
    patterns = part.get("patternProperties")
    expressions = [part.get("pattern"), *(patterns if isinstance(patterns, Mapping) else ())]
    return all(compiled(text) is not None for text in expressions if isinstance(text, str))


def _said(error: Exception) -> str:
    if not isinstance(error, jsonschema_rs.ValidationError):
        return str(error).splitlines()[0].rstrip(".")
    if "retrieving it failed" in error.message:
        return "it refers to another document, and references are never fetched"
    place = "/".join(str(part) for part in error.instance_path)
    message = error.message if len(error.message) <= 200 else error.message[:197] + "..."
    return printable(f"{place}: {message}" if place else message)


def _parts(schema: Any, what: str) -> Iterator[Mapping[str, Any]]:
    """Every object in it, however deep, without recursion."""
    stack: list[tuple[Any, int]] = [(schema, 0)]
    seen = 0
    while stack:
        part, depth = stack.pop()
        seen += len(part) if part is not True and part is not False else 1
        if depth > 2 * DEEPEST or seen > MOST_NODES:
            limit = "nested too deeply" if depth > 2 * DEEPEST else "too large"
            raise IncomparableError(f"{what} is {limit} to be compared.")
        if isinstance(part, dict | Mapping):
            yield part
            inside: Iterable[Any] = part.values()
        else:
            inside = part if isinstance(part, list | tuple) else ()
        stack += [
            (x, depth + 1)
            for x in inside
            if x.__class__ not in _SCALARS and isinstance(x, dict | list | tuple | Mapping)
        ]


_SCALARS = frozenset({str, int, float, bool, type(None)})


def _draft(schema: Any, parts: list[Mapping[str, Any]], what: str) -> int:
    said = schema.get("$schema") if isinstance(schema, Mapping) else None
    if said is not None:
        draft = _DRAFTS.get(str(said).rstrip("#"))
        if draft is None:
            known = ", ".join(_DRAFTS)
            raise EventError(f"{what} is of an unknown dialect {said!r} (known: {known}).")
        return draft
    if any(isinstance(part.get(k), bool) for part in parts for k in _EXCLUSIVE):
        return 4
    if any(isinstance(part.get("items"), list) or "dependencies" in part for part in parts):
        newer = any(SINCE.get(name) == 2019 for part in parts for name in part)
        return 2019 if newer else 7
    return 2020


_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMING = ("$id", "$anchor", "$dynamicAnchor")
_EXCLUSIVE = ("exclusiveMinimum", "exclusiveMaximum")


def _never_fetch(uri: str) -> Any:
    raise ValueError(f"references are never fetched: {uri}")

"""A JSON Schema of any draft, read as one dialect: 2020-12, with its references resolved.

The drafts differ in spelling more than in meaning; what differs is translated here, once, so that
everything after it knows a single language. A keyword that a draft doesn't have is left out, as
its validators ignore it. Titles, descriptions and the like are left out too: they allow and
refuse nothing. ``default`` stays, since readers fill it in.

Sources: the specifications of draft-04 to 2020-12 and their release notes (json-schema.org).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import jsonschema_rs

from workbench.errors import EventError
from workbench.events.payload import decode_payload, encode_payload

Schema = Any
"""``True``, ``False`` or a dict of keywords of 2020-12; ``$ref`` is a key of ``Document.targets``."""

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
_PLAIN = {
    "type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems",
    "required", "minProperties", "maxProperties", "default",
}  # fmt: skip
_ONE = {"not", "additionalProperties"}
_MANY = {"allOf", "anyOf", "oneOf"}
_NAMED = {"properties", "patternProperties"}
_SINCE = {
    "const": 6, "contains": 6, "propertyNames": 6, "if": 7, "then": 7, "else": 7,
    "minContains": 2019, "maxContains": 2019, "dependentRequired": 2019, "dependentSchemas": 2019,
    "unevaluatedItems": 2019, "unevaluatedProperties": 2019,
}  # fmt: skip
_FORMATS = {
    "date-time": 4, "date": 4, "time": 4, "email": 4, "hostname": 4, "ipv4": 4, "ipv6": 4, "uri": 4,
    "regex": 4, "idn-email": 4, "idn-hostname": 4, "uri-reference": 4, "iri": 4,
    "iri-reference": 4, "uri-template": 4, "json-pointer": 4, "relative-json-pointer": 4,
    "duration": 2019, "uuid": 2019,
}  # fmt: skip
"""Those that the validators check, and since which draft; any other refuses nothing."""


class IncomparableError(EventError):
    """A schema is nested too deeply, is too large, or refers to itself without end."""


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
        root = _Reading(self).root()
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
            for keyword in _MANY:
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
    try:
        return _document(encode_payload(schema), draft, named, what)
    except EventError as error:
        if isinstance(error, IncomparableError) or what in str(error):
            raise
        raise EventError(f"{what} is not a JSON Schema: {error}") from error


@lru_cache(maxsize=100)
def _document(text: bytes, draft: int, named: bool, what: str) -> Document:  # noqa: FBT001 - hashed
    """Read once, as long as it is among the last hundred: one schema is often compared anew."""
    document = Document(decode_payload(text), draft, named)
    if draft == 2020 and not named and jsonschema_rs.meta.is_valid(document.raw):
        plain = all(_leads_somewhere(document.raw, part) for part in _parts(document.raw, what))
        if plain and all(map(_is_expression, _expressions(document.raw, what))):
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


def _leads_somewhere(schema: Any, part: Mapping[str, Any]) -> bool:
    """Whether its reference, if it has one, is a pointer to a part that is there."""
    if part.keys().isdisjoint(_REFERENCES):
        return True
    reference = part.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return False
    return at_pointer(schema, reference[1:]) is not None


def at_pointer(schema: Any, pointer: str) -> Any:
    """The part of a schema that a JSON pointer leads to; ``None`` if there is none."""
    for name in unquote(pointer).split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        elif isinstance(schema, dict) and name in schema:
            schema = schema[name]
        else:
            return None
    return schema


def _expressions(schema: Any, what: str) -> Iterator[str]:
    """The regular expressions in it, and texts under their keywords that may be none."""
    for part in _parts(schema, what):
        if "pattern" in part and isinstance(part["pattern"], str):
            yield part["pattern"]
        if "patternProperties" in part and isinstance(part["patternProperties"], dict):
            yield from part["patternProperties"]


@lru_cache(maxsize=1_000)
def _is_expression(text: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": text})
    except ValueError:
        return False
    return True


def _said(error: Exception) -> str:
    if not isinstance(error, jsonschema_rs.ValidationError):
        return str(error).splitlines()[0].rstrip(".")
    if "retrieving it failed" in error.message:
        return "it refers to another document, and references are never fetched"
    place = "/".join(str(part) for part in error.instance_path)
    message = error.message if len(error.message) <= 200 else error.message[:197] + "..."
    return f"{place}: {message}" if place else message


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
        newer = any(_SINCE.get(name) == 2019 for part in parts for name in part)
        return 2019 if newer else 7
    return 2020


_POINTER = re.compile(r"#(/|$)")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMING = ("$id", "$anchor", "$dynamicAnchor")
_EXCLUSIVE = ("exclusiveMinimum", "exclusiveMaximum")


def _never_fetch(uri: str) -> Any:
    raise ValueError(f"references are never fetched: {uri}")


class _Reading:
    """One pass over a document."""

    def __init__(self, document: Document) -> None:
        self._document, self._draft = document, document.draft
        self._where: dict[str, tuple[Any, str]] = {}  # absolute URI → the raw schema, its base

    def root(self) -> Schema:
        raw = self._document.raw
        self._index(raw, "")
        return self._read(raw, _base(raw, "", self._draft))

    def _index(self, raw: Any, base: str) -> None:
        """Note every schema that has a name: ``$id``, ``$anchor``, ``$dynamicAnchor``."""
        if isinstance(raw, dict):
            base = _base(raw, base, self._draft)
            if not self._where or _id(raw, self._draft):
                self._where.setdefault(base, (raw, base))
            for name in ("$anchor", "$dynamicAnchor"):
                if self._draft >= 2019 and isinstance(raw.get(name), str):
                    self._where.setdefault(f"{base}#{raw[name]}", (raw, base))
            if self._draft < 2019 and str(_id(raw, self._draft) or "").startswith("#"):
                self._where.setdefault(f"{base}{_id(raw, self._draft)}", (raw, base))
            if not self._document.named:
                return
            for name, value in raw.items():
                if name not in ("enum", "const", "default", "examples"):
                    self._index(value, base)
        elif isinstance(raw, list):
            for value in raw:
                self._index(value, base)

    def _target(self, reference: str, base: str) -> str:
        """The key of what a reference leads to, which is read the first time."""
        document = self._document
        if base != _base(document.raw, "", self._draft) or not _POINTER.match(reference):
            document.odd.add(reference)
        # A fragment alone stays in its document, whatever scheme that is named by (urn:, say).
        joined = base + reference if reference.startswith("#") else urljoin(base, reference)
        uri, fragment = urldefrag(joined)
        if fragment and not fragment.startswith("/"):
            key, (raw, below) = f"{uri}#{fragment}", self._named(f"{uri}#{fragment}")
        else:
            raw, below = self._named(uri)
            for part in unquote(fragment)[1:].split("/") if fragment else ():
                part = part.replace("~1", "/").replace("~0", "~")
                if isinstance(raw, list) and part.isdigit() and int(part) < len(raw):
                    raw = raw[int(part)]
                elif isinstance(raw, dict) and part in raw:
                    raw = raw[part]
                    below = _base(raw, below, self._draft)
                else:
                    raise EventError(f"the reference {reference!r} leads to nothing.")
            key = f"{uri}#{fragment}"
        targets = self._document.targets
        if key not in targets:
            targets[key] = True  # while it is read: it may lead to itself
            targets[key] = self._read(raw, below)
        return key

    def _named(self, uri: str) -> tuple[Any, str]:
        if uri not in self._where:
            raise EventError(
                f"the reference {uri!r} leads to another document, and references are never "
                "fetched; put what it names into $defs."
            )
        return self._where[uri]

    def _read(self, raw: Any, base: str) -> Schema:
        if isinstance(raw, bool) or not isinstance(raw, dict):
            return raw if isinstance(raw, bool) else True
        base = _base(raw, base, self._draft)
        found: dict[str, Any] = {}
        for name in ("$ref", "$dynamicRef", "$recursiveRef"):
            known = name == "$ref" or self._draft >= 2019
            if known and isinstance(raw.get(name), str):
                found["$ref"] = self._target(raw[name], base)
                if name != "$ref":
                    self._document.odd.add(raw[name])
        if "$ref" in found and self._draft < 2019:
            return found  # what stands beside it is ignored
        for name, value in raw.items():
            if _SINCE.get(name, 0) > self._draft:
                continue
            if name in _PLAIN:
                if name != "pattern" or not matches_all(value):
                    found[name] = value
            elif name in _ONE or name in _SINCE:
                found[name] = self._part(name, value, base)
            elif name in _MANY:
                found[name] = [self._read(part, base) for part in value]
            elif name in _NAMED:
                found[name] = {key: self._read(part, base) for key, part in value.items()}
        self._items(raw, found, base)
        self._old(raw, found, base)
        return _trimmed(found)

    def _part(self, name: str, value: Any, base: str) -> Any:
        if name in ("const", "minContains", "maxContains", "dependentRequired"):
            return value
        if name == "dependentSchemas":
            return {key: self._read(part, base) for key, part in value.items()}
        return self._read(value, base)

    def _items(self, raw: dict[str, Any], found: dict[str, Any], base: str) -> None:
        items, prefix, rest = raw.get("items"), raw.get("prefixItems"), raw.get("items")
        if self._draft < 2020:
            prefix = items if isinstance(items, list) else None
            rest = raw.get("additionalItems") if prefix is not None else items
        if prefix:
            found["prefixItems"] = [self._read(part, base) for part in prefix]
        if rest is not None:
            found["items"] = self._read(rest, base)

    def _old(self, raw: dict[str, Any], found: dict[str, Any], base: str) -> None:
        """What later drafts say in other words."""
        if self._draft == 4:
            for name, bound in zip(_EXCLUSIVE, ("minimum", "maximum"), strict=True):
                if found.pop(name, False) is True and bound in found:
                    found[name] = found.pop(bound)
        if self._draft < 2019:
            for name, value in raw.get("dependencies", {}).items():
                if isinstance(value, list):
                    found.setdefault("dependentRequired", {})[name] = value
                else:
                    found.setdefault("dependentSchemas", {})[name] = self._read(value, base)
        if self._draft in (6, 7):
            self._content(raw, found)
        if _FORMATS.get(found.get("format", ""), 9999) > self._draft:
            found.pop("format", None)

    def _content(self, raw: dict[str, Any], found: dict[str, Any]) -> None:
        """What drafts 6 and 7 say of what is in a text; the others don't ask validators to look."""
        if raw.get("contentMediaType") == "application/json":
            raise IncomparableError("what a contentMediaType asks for can't be compared.")
        if raw.get("contentEncoding") == "base64":
            if "pattern" in found:
                found["allOf"] = [*found.get("allOf", ()), {"pattern": _BASE64}]
            else:
                found["pattern"] = _BASE64


_BASE64 = "^([A-Za-z0-9+/]{4}|[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)*$"
"""RFC 4648, section 4, with no bits left over."""


def _trimmed(found: dict[str, Any]) -> Schema:
    """Without keywords that say nothing where they stand."""
    if "if" not in found or not ("then" in found or "else" in found):
        for name in ("if", "then", "else"):
            found.pop(name, None)
    if found.get("additionalProperties") is False and "patternProperties" not in found:
        properties = found.get("properties", {})  # what is forbidden need not be named
        found["properties"] = {name: part for name, part in properties.items() if part is not False}
    if "contains" not in found:
        found.pop("minContains", None)
        found.pop("maxContains", None)
    if "const" in found:
        value = found.pop("const")
        if "enum" in found:
            found["allOf"] = [*found.get("allOf", ()), {"enum": [value]}]
        else:
            found["enum"] = [value]
    return found or True


def _id(raw: dict[str, Any], draft: int) -> str | None:
    name = raw.get("id" if draft == 4 else "$id")
    return name if isinstance(name, str) else None


def _base(raw: Any, base: str, draft: int) -> str:
    name = _id(raw, draft) if isinstance(raw, dict) else None
    if name is None or name.startswith("#") or ("$ref" in raw and draft < 2019):
        return base
    return urldefrag(urljoin(base, name))[0]


@lru_cache(maxsize=1_000)
def matches_all(pattern: str) -> bool:
    """Whether a regular expression, by the look of it, is found in every text.

    It is if it is found in the empty text and says nothing about what comes after: ``a*``.
    """
    import re._parser as parser  # type: ignore[import-not-found]

    try:
        found = parser.parse(pattern)
        codes = re.findall(r"ASSERT|AT_(?!BEGINNING\b)\w+|GROUPREF", repr(found))
        return not codes and re.match(pattern, "") is not None
    except (re.error, RecursionError, OverflowError, ValueError):
        return False


def takes_anything(schema: Schema) -> bool:
    """Whether a schema, by the look of it, refuses nothing."""
    return schema is True or (isinstance(schema, dict) and schema.keys() <= {"default"})

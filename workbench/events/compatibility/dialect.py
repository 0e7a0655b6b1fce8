"""A JSON Schema of any draft, read as one dialect: 2020-12, with its references resolved.

The drafts differ in spelling more than in meaning; what differs is translated here, once, so that
everything after it knows a single language. A keyword that a draft doesn't have is left out, as
its validators ignore it. Titles, descriptions and the like are left out too: they allow and
refuse nothing. ``default`` stays, since readers fill it in.

Sources: the specifications of draft-04 to 2020-12 and their release notes (json-schema.org).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from workbench.errors import EventError
from workbench.events.compatibility.schema import IncomparableError, Schema, matches_all
from workbench.events.json_pointer import names_of

_PLAIN = {
    "type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems",
    "required", "minProperties", "maxProperties", "default",
}  # fmt: skip
_ONE = {"not", "additionalProperties"}
_MANY = {"allOf", "anyOf", "oneOf"}
_NAMED = {"properties", "patternProperties"}
SINCE = {
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
_EXCLUSIVE = ("exclusiveMinimum", "exclusiveMaximum")
_POINTER = re.compile(r"#(/|$)")
_BASE64 = "^([A-Za-z0-9+/]{4}|[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)*$"
"""RFC 4648, section 4, with no bits left over."""


def read_as_2020(
    raw: Any, draft: int, targets: dict[str, Schema], *, named: bool
) -> tuple[Schema, set[str]]:
    """A schema in the words of 2020-12.

    Parameters
    ----------
    raw
        As given: plain JSON, and a schema of its draft.
    draft
        4, 6, 7, 2019 or 2020.
    targets
        Is filled: what references lead to, by the keys that stand in their place.
    named
        Whether parts of it may have names of their own: ``$id``, ``$anchor``.

    Returns
    -------
    The schema, and those references that are not pointers into the whole.

    Raises
    ------
    EventError
        A reference leads to nothing, or to another document.
    IncomparableError
        It asks for what can't be compared.
    """
    reading = _Reading(raw, draft, targets, named=named)
    return reading.root(), reading.odd


class _Reading:
    """One pass over a document."""

    def __init__(self, raw: Any, draft: int, targets: dict[str, Schema], *, named: bool) -> None:
        self._raw, self._draft, self._targets, self._has_names = raw, draft, targets, named
        self.odd: set[str] = set()
        self._where: dict[str, tuple[Any, str]] = {}  # absolute URI → the raw schema, its base

    def root(self) -> Schema:
        raw = self._raw
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
            if not self._has_names:
                return
            for name, value in raw.items():
                if name not in ("enum", "const", "default", "examples"):
                    self._index(value, base)
        elif isinstance(raw, list):
            for value in raw:
                self._index(value, base)

    def _target(self, reference: str, base: str) -> str:
        """The key of what a reference leads to, which is read the first time."""
        if base != _base(self._raw, "", self._draft) or not _POINTER.match(reference):
            self.odd.add(reference)
        # A fragment alone stays in its document, whatever scheme that is named by (urn:, say).
        joined = base + reference if reference.startswith("#") else urljoin(base, reference)
        uri, fragment = urldefrag(joined)
        if fragment and not fragment.startswith("/"):
            key, (raw, below) = f"{uri}#{fragment}", self._named(f"{uri}#{fragment}")
        else:
            raw, below = self._named(uri)
            for part in names_of(unquote(fragment)):
                if isinstance(raw, list) and part.isdigit() and int(part) < len(raw):
                    raw = raw[int(part)]
                elif isinstance(raw, dict) and part in raw:
                    raw = raw[part]
                    below = _base(raw, below, self._draft)
                else:
                    raise EventError(f"the reference {reference!r} leads to nothing.")
            key = f"{uri}#{fragment}"
        if key not in self._targets:
            self._targets[key] = True  # while it is read: it may lead to itself
            self._targets[key] = self._read(raw, below)
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
                    self.odd.add(raw[name])
        if "$ref" in found and self._draft < 2019:
            return found  # what stands beside it is ignored
        for name, value in raw.items():
            if SINCE.get(name, 0) > self._draft:
                continue
            if name in _PLAIN:
                if name != "pattern" or not matches_all(value):
                    found[name] = value
            elif name in _ONE or name in SINCE:
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

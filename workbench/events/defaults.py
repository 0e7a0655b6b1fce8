"""The defaults of a schema, filled in where a payload has nothing: what a reader does.

JSON Schema's ``default`` is an annotation that changes no verdict; readers of events put it in
the place of what an older writer has left out, as Avro's readers do. Only places that are certain
are filled: those reached through ``properties``, ``items``, ``prefixItems``,
``additionalProperties``, ``patternProperties``, local ``$ref`` and ``allOf``, and not what only
may apply (``anyOf``, ``oneOf``, ``not``, ``if``).

A schema is compiled once to a graph of nodes, so that a payload costs no look at it, and a schema
without defaults costs nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import unquote

from workbench.events.json_pointer import at
from workbench.events.patterns import compiled

_DEEPEST = 200
"""How far into a payload it goes; JSON is not read any deeper."""


_ALONE = re.compile(r"https?://json-schema\.org/draft-0[3-7]/")
_Pattern = Any  # a validator of one name


class _Node:
    """What one schema, with all that surely applies beside it, says about one value."""

    __slots__ = ("defaults", "items", "patterns", "prefix", "properties", "rest")

    def __init__(self) -> None:
        self.defaults: dict[str, Any] = {}
        self.properties: dict[str, list[_Node]] = {}
        self.patterns: list[tuple[_Pattern, _Node]] = []
        self.rest: list[tuple[frozenset[str], list[_Pattern], _Node]] = []
        self.prefix: list[tuple[int, _Node]] = []
        self.items: list[tuple[int, _Node]] = []

    def children(self) -> Iterator[_Node]:
        for nodes in self.properties.values():
            yield from nodes
        for _, node in (*self.patterns, *self.prefix, *self.items):
            yield node
        for *_, node in self.rest:
            yield node

    def keep(self, useful: set[int]) -> None:
        """Forget the ways that lead to no default."""
        found = {n: [x for x in nodes if id(x) in useful] for n, nodes in self.properties.items()}
        self.properties = {name: nodes for name, nodes in found.items() if nodes}
        self.patterns = [entry for entry in self.patterns if id(entry[1]) in useful]
        self.rest = [entry for entry in self.rest if id(entry[2]) in useful]
        self.prefix = [entry for entry in self.prefix if id(entry[1]) in useful]
        self.items = [entry for entry in self.items if id(entry[1]) in useful]

    def within(self, name: str) -> list[_Node]:
        """What applies to a property's value."""
        found = list(self.properties.get(name, ()))
        found += [node for pattern, node in self.patterns if pattern.is_valid(name)]
        for known, patterns, node in self.rest:
            if name not in known and not any(pattern.is_valid(name) for pattern in patterns):
                found.append(node)
        return found

    def at(self, place: int) -> Iterator[_Node]:
        """What applies to a list's element."""
        yield from (node for n, node in self.prefix if n == place)
        yield from (node for start, node in self.items if place >= start)


class Filler:
    """A schema's defaults, compiled."""

    def __init__(self, root: _Node) -> None:
        self._root = root

    def fill(self, data: Any) -> Any:
        """See :func:`fill_defaults`."""
        return _fill((self._root,), data, 0)


def fill_defaults(schema: Any, data: Any) -> Any:
    """A payload with a copy of each missing property's default.

    Parameters
    ----------
    schema
        A JSON Schema, of any draft.
    data
        Decoded JSON; never changed.

    Returns
    -------
    The same object if nothing was missing, else one that shares what has not changed.

    Examples
    --------
    >>> schema = {"properties": {"currency": {"type": "string", "default": "EUR"}}}
    >>> fill_defaults(schema, {"total": 3})
    {'total': 3, 'currency': 'EUR'}
    """
    found = filler(schema)
    return data if found is None else found.fill(data)


def filler(schema: Any) -> Filler | None:
    """A schema's defaults, compiled; ``None`` if there are none that are certain to apply."""
    if not isinstance(schema, Mapping):
        return None
    nodes: dict[int, _Node] = {}
    root = nodes[id(schema)] = _Node()
    ahead: list[tuple[Any, _Node]] = [(schema, root)]

    def node_of(part: Any) -> _Node:
        if id(part) not in nodes:
            nodes[id(part)] = _Node()
            ahead.append((part, nodes[id(part)]))
        return nodes[id(part)]

    while ahead:
        part, node = ahead.pop()
        for facet in _facets(part, schema):
            _compile(facet, node, schema, node_of)
    useful = _useful(nodes.values())
    if id(root) not in useful:
        return None
    for node in nodes.values():
        node.keep(useful)
    return Filler(root)


def _compile(facet: Mapping[str, Any], node: _Node, schema: Any, node_of: Any) -> None:
    properties, patterns = _mapping(facet, "properties"), []
    for name, part in properties.items():
        default = _default(part, schema)
        if default is not _NOTHING:
            node.defaults.setdefault(name, default)
        if isinstance(part, Mapping):
            node.properties.setdefault(name, []).append(node_of(part))
    for text, part in _mapping(facet, "patternProperties").items():
        pattern = compiled(text)
        if pattern is None:
            continue
        patterns.append(pattern)
        if isinstance(part, Mapping):
            node.patterns.append((pattern, node_of(part)))
    rest = facet.get("additionalProperties")
    if isinstance(rest, Mapping):
        node.rest.append((frozenset(properties), patterns, node_of(rest)))
    items = facet.get("items")
    # A list of schemas under "items" is how drafts before 2020-12 write "prefixItems".
    tuple_ = items if isinstance(items, list) else facet.get("prefixItems")
    others = facet.get("additionalItems") if isinstance(items, list) else items
    before = tuple_ if isinstance(tuple_, list) else []
    for place, part in enumerate(before):
        if isinstance(part, Mapping):
            node.prefix.append((place, node_of(part)))
    if isinstance(others, Mapping):
        node.items.append((len(before), node_of(others)))


def _useful(nodes: Iterable[_Node]) -> set[int]:
    """The nodes that lead to a default."""
    parents: dict[int, list[_Node]] = {}
    ahead = []
    for node in nodes:
        for child in node.children():
            parents.setdefault(id(child), []).append(node)
        if node.defaults:
            ahead.append(node)
    found = {id(node) for node in ahead}
    while ahead:
        for parent in parents.get(id(ahead.pop()), ()):
            if id(parent) not in found:
                found.add(id(parent))
                ahead.append(parent)
    return found


def _facets(part: Any, schema: Any) -> list[Mapping[str, Any]]:
    """A schema and those that apply to the same value for certain, each once."""
    found: dict[int, Mapping[str, Any]] = {}
    ahead, seen = [part], set[int]()
    while ahead:
        facet = ahead.pop(0)
        if not isinstance(facet, Mapping) or id(facet) in seen:
            continue
        seen.add(id(facet))
        if "$ref" in facet:
            ahead.append(_target(facet["$ref"], schema))
            if _is_alone(schema):
                continue
        found[id(facet)] = facet
        both = facet.get("allOf")
        ahead += both if isinstance(both, list) else []
    return list(found.values())


def _default(part: Any, schema: Any) -> Any:
    """A property's own default, or that of what it refers to."""
    seen: set[int] = set()
    while isinstance(part, Mapping) and id(part) not in seen:
        if "default" in part and not ("$ref" in part and _is_alone(schema)):
            return part["default"]
        seen.add(id(part))
        part = _target(part.get("$ref"), schema)
    return _NOTHING


def _is_alone(schema: Any) -> bool:
    """Whether nothing counts beside a ``$ref``: so it is in the drafts before 2019-09."""
    return bool(_ALONE.match(str(schema.get("$schema", ""))))


def _target(ref: Any, schema: Any) -> Any:
    """What a local reference (a JSON pointer) points to; ``None`` for any other."""
    if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
        return None
    return at(schema, unquote(ref[1:]))


def _fill(nodes: tuple[_Node, ...], data: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return data
    if isinstance(data, dict):
        changes: dict[str, Any] = {}
        for name, value in data.items():
            if isinstance(value, dict | list):
                within = tuple(dict.fromkeys(x for node in nodes for x in node.within(name)))
                filled = _fill(within, value, depth + 1) if within else value
                if filled is not value:
                    changes[name] = filled
        for node in nodes:
            for name, default in node.defaults.items():
                if name not in data and name not in changes:
                    changes[name] = deepcopy(default)
        return {**data, **changes} if changes else data
    if isinstance(data, list):
        filled_items = []
        for place, item in enumerate(data):
            within = tuple(dict.fromkeys(x for node in nodes for x in node.at(place)))
            filled_items.append(_fill(within, item, depth + 1) if within else item)
        same = all(new is old for new, old in zip(filled_items, data, strict=True))
        return data if same else filled_items
    return data


def _mapping(facet: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = facet.get(name)
    return found if isinstance(found, Mapping) else {}


_NOTHING: Any = object()

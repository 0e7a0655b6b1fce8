"""What the lenient policy takes for granted: that writers write only what they declare.

A schema that says nothing of ``additionalProperties`` is *open*: by the letter its writers may put
anything under any name, so that a reader who declares a new field may find something else there.
Few do. Under the lenient policy a property that the reader declares and an open writer doesn't is
taken to be absent from what that writer wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from workbench.events.compatibility.schema import Schema, conjuncts

_ALTERNATIVES = ("allOf", "anyOf", "oneOf")
_CLOSING = {"additionalProperties", "unevaluatedProperties"}


def without_undeclared(writer: Schema, reader: Schema) -> Schema:
    """The writer's schema, with what only the reader declares forbidden in its open objects.

    Both are of 2020-12, with no reference in them.
    """
    return _closed(writer, [reader], frozenset())


def _closed(writer: Schema, readers: list[Schema], declared: AbstractSet[str]) -> Schema:
    """``declared``: what schemas that hold at the same place declare."""
    if isinstance(writer, bool):
        return writer
    nodes = [node for reader in readers for node in _nodes(reader)]
    here = declared | {name for node in conjuncts(writer, {}) for name in _declares(node)}
    found = dict(writer)
    for keyword in _ALTERNATIVES:
        if keyword in writer:
            found[keyword] = [_closed(part, readers, here) for part in writer[keyword]]
    inner = {
        name: _closed(part, [n["properties"][name] for n in nodes if _has(n, name)], frozenset())
        for name, part in writer.get("properties", {}).items()
    }
    # A branch forbids for itself what it doesn't declare.
    branches = {name for node in _nodes(writer) for name in _declares(node)}
    said = any(node.keys() & (_CLOSING | {"patternProperties"}) for node in conjuncts(writer, {}))
    if not said and _may_be_object(writer):
        names = dict.fromkeys(name for node in nodes for name in node.get("properties", {}))
        inner |= {name: False for name in names if name not in here | branches}
    if inner:
        found["properties"] = inner
    for keyword in ("items", "additionalProperties"):
        if keyword in writer:
            below = [node[keyword] for node in nodes if keyword in node]
            found[keyword] = _closed(writer[keyword], below, frozenset())
    if "prefixItems" in writer:
        prefixes = [node.get("prefixItems", ()) for node in nodes]
        found["prefixItems"] = [
            _closed(part, [p[place] for p in prefixes if place < len(p)], frozenset())
            for place, part in enumerate(writer["prefixItems"])
        ]
    return found


def _nodes(schema: Schema) -> Iterator[Mapping[str, Any]]:
    """Every schema that may have a say at one place."""
    if isinstance(schema, bool):
        return
    yield schema
    for keyword in _ALTERNATIVES:
        for part in schema.get(keyword, ()):
            yield from _nodes(part)
    for keyword in ("if", "then", "else", "not"):
        yield from _nodes(schema.get(keyword, True))
    for part in schema.get("dependentSchemas", {}).values():
        yield from _nodes(part)


def _declares(node: Mapping[str, Any]) -> set[str]:
    return {*node.get("properties", ()), *node.get("required", ())}


def _has(node: Mapping[str, Any], name: str) -> bool:
    return name in node.get("properties", {})


def _may_be_object(schema: Mapping[str, Any]) -> bool:
    types = schema.get("type", "object")
    return types == "object" or "object" in types

"""What a writer's schema says about the parts of the values that it allows.

Each answer is a schema that takes at least all that may stand there, so that what is proven of it
is proven of what the writer writes.
"""

from __future__ import annotations

from collections.abc import Container

from workbench.events.compatibility.document import Document
from workbench.events.compatibility.schema import Schema
from workbench.events.patterns import matches


class Writer:
    """The writing side of a comparison.

    Parameters
    ----------
    document
        Its schema.
    lenient
        Whether its open objects hold only properties that it declares, as far as the reader
        declares others.
    """

    def __init__(self, document: Document, *, lenient: bool) -> None:
        self.document, self.lenient = document, lenient

    def types(self, schema: Schema) -> set[str] | None:
        """The types that it names; ``None``: any."""
        found: set[str] | None = None
        for node in self.document.conjuncts(schema):
            if "type" in node:
                said = {node["type"]} if isinstance(node["type"], str) else set(node["type"])
                found = said if found is None else _both(found, said)
        return found

    def branches(self, schema: Schema) -> list[Schema] | None:
        """Its alternatives, with what holds in all of them; ``None`` if it has none."""
        if isinstance(schema, bool):
            return None
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                rest = {name: part for name, part in schema.items() if name != keyword}
                return [together(rest, branch) for branch in schema[keyword]]
        parts = schema.get("allOf", ())
        for place, part in enumerate(parts):
            alternatives = self.branches(self.document.resolved(part))
            if alternatives is not None:
                others = [*parts[:place], *parts[place + 1 :]]
                rest = {**schema, "allOf": others}
                return [together(rest, branch) for branch in alternatives]
        if "$ref" in schema and len(schema) > 1:
            target = self.document.targets[schema["$ref"]]
            alternatives = self.branches(target)
            if alternatives is not None:
                rest = {name: part for name, part in schema.items() if name != "$ref"}
                return [together(rest, branch) for branch in alternatives]
        types = self.types(schema)
        if "type" in schema and types is not None and len(types) > 1:
            return [{**schema, "type": name} for name in sorted(types)]
        return None

    def declares(self, schema: Schema, name: str) -> bool:
        """Whether it has something to say about a property."""
        for node in self.document.conjuncts(schema):
            if name in node.get("properties", {}) or name in node.get("required", ()):
                return True
            if any(matches(pattern, name) for pattern in node.get("patternProperties", {})):
                return True
        return False

    def required(self, schema: Schema) -> set[str]:
        """The properties that are always there."""
        return {
            name for node in self.document.conjuncts(schema) for name in node.get("required", ())
        }

    def is_open(self, schema: Schema) -> bool:
        """Whether it says nothing about properties that it doesn't declare."""
        return not any(
            node.keys() & {"additionalProperties", "unevaluatedProperties"}
            for node in self.document.conjuncts(schema)
        )

    def property(self, schema: Schema, name: str) -> Schema:
        """What a property's value is, where there is one."""
        found: list[Schema] = []
        for node in self.document.conjuncts(schema):
            covering = [
                part
                for pattern, part in node.get("patternProperties", {}).items()
                if matches(pattern, name)
            ]
            if name in node.get("properties", {}):
                covering.append(node["properties"][name])
            elif not covering and "additionalProperties" in node:
                covering.append(node["additionalProperties"])
            found += covering
        if self.lenient and self.is_open(schema) and not self.declares(schema, name):
            return False
        return together(*found)

    def declared(self, schema: Schema) -> list[str]:
        """The properties that it names and may allow."""
        names = [n for node in self.document.conjuncts(schema) for n in node.get("properties", {})]
        return [name for name in dict.fromkeys(names) if self.property(schema, name) is not False]

    def under_pattern(self, schema: Schema, pattern: str) -> Schema | None:
        """What it says of names that match a pattern, where it has the very same pattern."""
        found = [
            node["patternProperties"][pattern]
            for node in self.document.conjuncts(schema)
            if pattern in node.get("patternProperties", {})
        ]
        return together(*found) if found else None

    def others(self, schema: Schema, but: Container[str] = ()) -> list[Schema]:
        """What the values of properties with any other name are; ``but``: of no such pattern."""
        found: list[Schema] = []
        for node in self.document.conjuncts(schema):
            found += [s for p, s in node.get("patternProperties", {}).items() if p not in but]
        closing = [
            node["additionalProperties"]
            for node in self.document.conjuncts(schema)
            if "additionalProperties" in node
        ]
        return [*found, together(*closing)]

    def element(self, schema: Schema, place: int | None) -> Schema:
        """What an element at a place is; ``None``: of the places that no prefix names."""
        found: list[Schema] = []
        for node in self.document.conjuncts(schema):
            prefix = node.get("prefixItems", ())
            if place is not None and place < len(prefix):
                found.append(prefix[place])
            elif "items" in node:
                found.append(node["items"])
        return together(*found)

    def prefix(self, schema: Schema) -> int:
        """How many places it names."""
        lengths = (len(node.get("prefixItems", ())) for node in self.document.conjuncts(schema))
        return max(lengths, default=0)


def together(*parts: Schema) -> Schema:
    """What all of some schemas allow; each once, so that recursive ones do not grow for ever."""
    found: list[Schema] = []
    ahead = list(reversed(parts))
    while ahead:
        part = ahead.pop()
        if part is False:
            return False
        if part is True or not part or part in found:
            continue
        if part.keys() == {"allOf"}:
            ahead += reversed(part["allOf"])
        else:
            found.append(part)
    if not found:
        return True
    return found[0] if len(found) == 1 else {"allOf": found}


def _both(first: set[str], second: set[str]) -> set[str]:
    if "number" in first:
        first = first | {"integer"}
    if "number" in second:
        second = second | {"integer"}
    both = first & second
    return both - {"integer"} if "number" in both else both

"""Parts of two schemas that say the same, so that there is nothing to compare."""

from __future__ import annotations

from typing import Any

import orjson

from workbench.events.compatibility.document import Document
from workbench.events.compatibility.schema import Schema


class Sameness:
    """Tells whether a part of the writer's schema and one of the reader's are the same.

    A part that has a default inside is never the same: what is filled in may break another rule.
    """

    def __init__(self, writer: Document, reader: Document) -> None:
        self._writer, self._reader = writer, reader
        self._targets: dict[str, bool] = {}
        self._plain: dict[int, tuple[Schema, bool]] = {}

    def parts(self, writer: Schema, reader: Schema) -> bool:
        """Whether they are."""
        if isinstance(writer, bool) or isinstance(reader, bool):
            return writer is reader
        return writer.keys() == reader.keys() and self._is_plain(reader) and _same(writer, reader)

    def values(self, writer: Any, reader: Any) -> bool:
        """Whether two values are, which are no schemas."""
        return _same(writer, reader)

    def _is_plain(self, schema: Schema) -> bool:
        """Whether it has no default inside, and all that it refers to is the same for both."""
        known = self._plain.get(id(schema))
        if known is None:
            known = self._plain[id(schema)] = schema, self._look(schema)  # keeps it alive
        return known[1]

    def _look(self, schema: Schema) -> bool:
        if not isinstance(schema, dict):
            return True
        if "$ref" in schema and not self._is_same_target(schema["$ref"]):
            return False
        for keyword, part in schema.items():
            if keyword in _NAMED:
                parts = list(part.values())
            elif keyword in _LISTED:
                parts = part
            elif keyword in _VALUES:
                continue
            else:
                parts = [part]
            if not all(map(self._look, parts)):
                return False
            if keyword == "properties" and any("default" in p for p in parts if p not in _BOOLEANS):
                return False
        return True

    def _is_same_target(self, key: str) -> bool:
        if key not in self._targets:
            self._targets[key] = True  # for itself, inside itself
            writer, reader = self._writer.targets.get(key), self._reader.targets[key]
            self._targets[key] = _same(writer, reader) and self._look(reader)
        return self._targets[key]


_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_VALUES = frozenset({"enum", "default", "required", "dependentRequired", "$ref"})
_BOOLEANS = (True, False)


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    try:
        return orjson.dumps(one, option=_SORTED) == orjson.dumps(other, option=_SORTED)
    except TypeError:  # a number of more than 64 bits
        return False


_SORTED = orjson.OPT_SORT_KEYS

"""Which JSON Schema a payload is written in, as AsyncAPI says it.

AsyncAPI's own schemas are those of draft-07, and that is what every tool reads. So a schema that
means the same there is written as one, without its ``$schema``; one that would not is marked with
the version of JSON Schema that it is written in.
https://www.asyncapi.com/docs/reference/specification/v3.1.0#multiFormatSchemaObject
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.events.event_type import DIALECT
from workbench.events.subschemas import subschemas

DRAFT_07 = "http://json-schema.org/draft-07/schema#"

_VERSIONS = {
    "http://json-schema.org/draft-04/schema": "draft-04",
    "http://json-schema.org/draft-06/schema": "draft-06",
    "http://json-schema.org/draft-07/schema": "draft-07",
    "https://json-schema.org/draft/2019-09/schema": "2019-09",
    DIALECT: "2020-12",
}
_OTHERWISE_IN_07 = {
    "$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef",
    "$vocabulary", "additionalItems", "dependencies", "dependentRequired", "dependentSchemas",
    "maxContains", "minContains", "prefixItems", "unevaluatedItems", "unevaluatedProperties",
}  # fmt: skip
_ANNOTATIONS = {
    "$comment", "$defs", "$schema", "default", "definitions", "deprecated", "description",
    "examples", "readOnly", "title", "writeOnly",
}  # fmt: skip


def schema_format(schema: Mapping[str, Any]) -> str | None:
    """The ``schemaFormat`` to say; ``None`` where AsyncAPI's own says it."""
    version = _VERSIONS.get(str(schema.get("$schema", DIALECT)).rstrip("#"))
    if version == "draft-07" or (version == "2020-12" and all(map(_same, subschemas(schema)))):
        return None
    return f"application/schema+json;version={version or 'unknown'}"


def dialect_of(schema_format: str) -> str | None:
    """The ``$schema`` of a ``schemaFormat``; ``None`` if it is no JSON Schema that we know."""
    kind, _, rest = schema_format.replace(" ", "").partition(";")
    kind = kind.partition("+")[0]
    if kind in {"application/vnd.aai.asyncapi", "application/vnd.oai.asyncapi"}:
        return DRAFT_07
    if kind != "application/schema":
        return None
    version = rest.removeprefix("version=")
    found = {name: dialect for dialect, name in _VERSIONS.items()}.get(version)
    return DRAFT_07 if version == "draft-07" else found


def _same(schema: Mapping[str, Any]) -> bool:
    """Whether 2020-12 and draft-07 read it alike; in the latter ``$ref`` silences its siblings."""
    if not _OTHERWISE_IN_07.isdisjoint(schema) or isinstance(schema.get("items"), list):
        return False
    return "$ref" not in schema or {*schema} - {"$ref"} <= _ANNOTATIONS
